"""Open 429s, and how many calls each key made in the blocks of time that hold them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.quota.counts import NEARLY

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

AT_ONCE: Final = 1 << 21
ROUNDING: Final = 1e-6


@dataclass(frozen=True)
class Open429s:
    """429s that come with room in the windows of their own unit, arrays of shape (429s,).

    Parameters
    ----------
    at
        Places of the calls.
    unit
        Number of the unit: a key, or keys that are one quota.
    by_minute, by_day
        Calls that another key's window must have counted to fill the common one; infinite where that window
        cannot explain the 429.
    """

    at: Integers
    unit: Integers
    by_minute: Floats
    by_day: Floats

    def needed(self, kind: str) -> Floats:
        """Return `by_minute` or `by_day`."""
        return self.by_minute if kind == "minute" else self.by_day

    @staticmethod
    def of_all(several: Sequence[Open429s]) -> Open429s:
        """Return those of several units."""
        return Open429s(
            np.concatenate([own.at for own in several]),
            np.concatenate([own.unit for own in several]),
            np.concatenate([own.by_minute for own in several]),
            np.concatenate([own.by_day for own in several]),
        )


class Blocks:
    """How many calls each unit made in each block of time that holds an open 429: the busiest first.

    Parameters
    ----------
    block
        Number of the block of each call, shape (calls,).
    unit
        Number of its unit, -1 for none.
    weight
        What it counts for.
    wanted
        Blocks to keep, ascending.
    is_sliding
        Whether a call counts in the next block too.
    """

    def __init__(
        self, block: Integers, unit: Integers, weight: Floats, wanted: Integers, *, is_sliding: bool = False
    ) -> None:
        self.wanted, self.is_sliding = wanted, is_sliding
        self._rows_of: dict[int, Integers] = {}
        self.units = int(unit.max(initial=-1)) + 1
        rows, total = self._totals(block, unit, weight)
        # The least whole number that is not below the total: rounding must leave no unit out.
        whole = np.ceil(total - ROUNDING).astype(np.int64)
        self._most = int(whole.max(initial=0))
        keyed = (rows // max(1, self.units)) * (self._most + 1) + self._most - whole
        order = np.argsort(keyed, kind="stable")
        self._keyed, self.unit, self.total = keyed[order], (rows % max(1, self.units))[order], total[order]

    def _totals(self, block: Integers, unit: Integers, weight: Floats) -> tuple[Integers, Floats]:
        coded, weights = [], []
        for shift in (0, 1) if self.is_sliding else (0,):
            place = np.minimum(np.searchsorted(self.wanted, block + shift), len(self.wanted) - 1)
            own = np.flatnonzero((self.wanted[place] == block + shift) & (unit >= 0))
            coded.append(place[own] * self.units + unit[own])
            weights.append(weight[own])
        return summed(np.concatenate(coded), np.concatenate(weights), len(self.wanted) * self.units)

    def busy(self, block: Integers, needed: Floats) -> tuple[Integers, Integers]:
        """Return first and last row, exclusive, of the units that made as many calls in each block.

        A count within `NEARLY` of what is needed is enough.
        """
        place = np.searchsorted(self.wanted, block)
        least = np.clip(np.ceil(needed - NEARLY - ROUNDING), 1, self._most + 1).astype(np.int64)
        base = place * (self._most + 1)
        return (
            np.searchsorted(self._keyed, base),
            np.searchsorted(self._keyed, base + self._most - least, side="right"),
        )

    def join(self, one: int, other: int, together: int) -> None:
        """Give the rows of two units to a new one."""
        if not self._rows_of:
            order = np.argsort(self.unit, kind="stable")
            cuts = np.searchsorted(self.unit[order], np.arange(self.units + 1))
            self._rows_of = {unit: order[cuts[unit] : cuts[unit + 1]] for unit in range(self.units)}
        rows = np.concatenate((self._rows_of.pop(one), self._rows_of.pop(other)))
        self.unit[rows] = together
        self._rows_of[together] = rows

    def place_of(self, rows: Integers) -> Integers:
        """Return the place of the block of some rows among those `wanted`."""
        return np.asarray(self._keyed[rows] // (self._most + 1), dtype=np.int64)


class TotalsOfUnits:
    """What the units of a table made in its blocks, unit by unit; as they were before any were joined."""

    def __init__(self, table: Blocks) -> None:
        self._blocks = max(1, len(table.wanted))
        rows = np.arange(len(table.unit))
        coded = table.unit * self._blocks + table.place_of(rows)
        order = np.argsort(coded, kind="stable")
        self._coded, self._total = coded[order], table.total[order]

    def all_of(self, unit: int) -> tuple[Integers, Floats]:
        """Return the places of the blocks in which a unit made calls, ascending, and how many in each."""
        first, last = np.searchsorted(self._coded, (unit * self._blocks, (unit + 1) * self._blocks))
        return self._coded[first:last] - unit * self._blocks, self._total[first:last]

    def of(self, units: Integers, places: Integers) -> Floats:
        """Return how many calls each of some units made in some blocks, shape (units, blocks)."""
        if not len(self._coded):
            return np.zeros((len(units), len(places)))
        wanted = units[:, None] * self._blocks + places
        row = np.minimum(np.searchsorted(self._coded, wanted), len(self._coded) - 1)
        return np.where(self._coded[row] == wanted, self._total[row], 0.0)


def summed(coded: Integers, weight: Floats, most: int) -> tuple[Integers, Floats]:
    """Return which of the numbers below `most` occur, ascending, and the sum of the weights of each."""
    if most <= 4 * len(coded):
        found = np.flatnonzero(np.bincount(coded)).astype(np.int64)
        return found, np.bincount(coded, weight)[found].astype(np.float64)
    found, inverse = np.unique(coded, return_inverse=True)
    return found, np.bincount(inverse, weight, minlength=len(found)).astype(np.float64)


def spread_out(first: Integers, last: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Yield all numbers from each first to before its last, and which range each is of; in bounded pieces."""
    length = np.maximum(last - first, 0)
    piece = np.cumsum(length) // AT_ONCE
    for own in np.split(np.arange(len(first)), np.flatnonzero(np.diff(piece)) + 1):
        size = length[own]
        ranges = np.repeat(own, size)
        begins = np.cumsum(size) - size
        yield np.arange(len(ranges)) - np.repeat(begins, size) + np.repeat(first[own], size), ranges
