"""Which pairs of keys could be one quota at all: counted before any likelihood, in memory like the log's.

One window for two keys explains a 429 that windows apart leave open only if the window of the other key holds
as many calls as this one lacks to the limit. Each such 429 raises the logarithm of the likelihood ratio by
`EXPLAINS`, and nothing else raises it: a pair with too few of them cannot pass the bar, and is not compared.
They are counted by blocks of time (a minute, two minutes where the window slides, a Pacific day), from the
429s that are open to the keys that were busy in their block. What a block holds is the most that the window
can hold, so that a pair is never left out wrongly. Where minutes are fixed, pairs are left out too that let
pass more calls beyond one limit together than `MOST_PASSES` allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import ceil, inf, log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.quota.attribution import CERTAIN
from keyrota.quota.blocks import ROUNDING, Blocks, Floats, Integers, Open429s, spread_out, summed
from keyrota.quota.counts import FIXED, NEARLY, SLIDING
from keyrota.quota.evidence import LENIENT, UNEXPECTED
from keyrota.quota.windows import MINUTE_NS

EXPLAINS: Final = log((1 - LENIENT) / UNEXPECTED)
"""By so much a 429 that only the common window explains raises the logarithm of the likelihood ratio."""

MOST_PASSES: Final = 0.2
"""Of the calls that one window would refuse and two let pass, at most so many pass where keys share it."""

MOST_MEETINGS: Final = 300_000_000
"""Open 429s times busy keys that are looked at; of more, every second, third, ... 429 is."""

MOST_PAIRS: Final = 20_000
"""Pairs that are compared at least, if there are as many; of more, the `PARTNERS` likeliest of each unit."""

PARTNERS: Final = 8

BUSIEST: Final = 64
"""So many minutes of a key at most, those with the most calls, tell which pairs let pass too much."""

COSTS: Final = log((1 - UNEXPECTED) / LENIENT)
"""By so much a call that passes beyond the common limit lowers the logarithm."""

_MANY: Final = 16


class PossiblePairs:
    """The pairs of units that could be one quota.

    Parameters
    ----------
    times, days
        When each call was made, nanoseconds since 1970 UTC, and its Pacific day; shape (calls,).
    unit
        Number of the unit of each call, -1 for calls that are not in question.
    passed
        Probability that each passed.
    surely
        Tells which surely passed while their own windows had room; asked where it pays.
    found
        The open 429s, unit after unit.
    window
        How a minute counts.
    per_minute
        Its limit, infinite without one.
    at_least
        The bar of the logarithm of the likelihood ratio.

    Attributes
    ----------
    is_cut
        Whether there were too many pairs to compare, and of each unit only the likeliest partners are kept.
    """

    def __init__(
        self,
        *,
        times: Integers,
        days: Integers,
        unit: Integers,
        passed: Floats,
        surely: Callable[[], NDArray[np.bool_]],
        found: Open429s,
        window: str,
        per_minute: float,
        at_least: float,
    ) -> None:
        self.least = max(1, ceil((at_least - ROUNDING) / EXPLAINS))
        self.is_cut = False
        self._units = int(unit.max(initial=-1)) + 1
        self._number = np.bincount(found.unit, minlength=self._units)
        self._blocks = {"minute": times // MINUTE_NS, "day": days}
        self._unit, self._passed = unit, passed
        self._is_sliding = window == SLIDING
        self._open = _OpenByBlock(found, self._blocks)
        self._tables = {
            kind: Blocks(
                block, unit, passed, np.unique(block[found.at[np.isfinite(found.needed(kind))]]),
                is_sliding=self._is_sliding and kind == "minute",
            )
            for kind, block in self._blocks.items()
            if np.isfinite(found.needed(kind)).any()
        }  # fmt: skip
        self._found = found
        self._surely = surely if window == FIXED and per_minute < inf else None
        # Before a call that comes after so many that surely passed, the window has counted up to the limit.
        self._sure_limit = ceil((per_minute - NEARLY) / CERTAIN + ROUNDING) if per_minute < inf else 0

    def all(self) -> Iterator[tuple[int, int]]:
        """Yield the pairs of the units as they are at first, the smaller number first, each once or twice."""
        units, number = self._units, self._number
        ranges, share = self._ranges()
        kept: list[tuple[int, Integers, Floats]] = []
        passes: _Passes | None = None
        pairs = 0
        for unit in np.flatnonzero(number).tolist():
            supports = np.zeros(units, dtype=np.int64)
            for table, first, last, own in ranges:
                low, high = np.searchsorted(own, (unit, unit + 1))
                for rows, _ in spread_out(first[low:high], last[low:high]):
                    supports += np.bincount(table.unit[rows], minlength=units)
            # One of the two has at least half of what is needed; where not all are looked at, any.
            others = np.flatnonzero(supports >= ((self.least + 1) // 2 if share == 1 else 1))
            others = others[others != unit]
            most = (number[others] + (supports[others] if share == 1 else number[unit])).astype(np.float64)
            if share == 1:
                others, most = others[most >= self.least], most[most >= self.least]
            score: Floats = EXPLAINS * supports[others] / np.float64(share)
            if len(others) > _MANY and self._surely is not None:
                passes = passes or self._passes(self._surely())
                beyond = passes.least_with(unit)[others]
                fits = beyond <= most * MOST_PASSES / (1 - MOST_PASSES) + ROUNDING
                others, score = others[fits], (score - COSTS * beyond)[fits]
            if pairs > MOST_PAIRS:
                others, score = _best(others, score)
            pairs += len(others)
            kept.append((unit, others, score))
        self.is_cut = share < 1 or pairs > MOST_PAIRS
        for unit, others, score in kept:
            chosen = _best(others, score)[0] if self.is_cut else others
            for other in chosen.tolist():
                yield min(unit, other), max(unit, other)

    def _ranges(self) -> tuple[list[tuple[Blocks, Integers, Integers, Integers]], float]:
        """Return for each kind of window the rows of the busy units behind each open 429, by its unit.

        And the share of the 429s that are looked at: all, or evenly of each unit as many as time allows.
        """
        ranges, work = [], 0
        for kind, table in self._tables.items():
            needed = self._found.needed(kind)
            own = np.flatnonzero(np.isfinite(needed))
            first, last = table.busy(self._blocks[kind][self._found.at[own]], needed[own])
            ranges.append((table, first, last, self._found.unit[own]))
            work += int(np.maximum(last - first, 0).sum())
        step = -(-work // MOST_MEETINGS)
        if step <= 1:
            return ranges, 1.0
        return [
            (table, first[::step], last[::step], own[::step]) for table, first, last, own in ranges
        ], 1 / step

    def _passes(self, surely: NDArray[np.bool_]) -> _Passes:
        return _Passes(self._blocks["minute"][surely], self._unit[surely], self._units, self._sure_limit)

    def join(self, one: int, other: int, together: int, at: Integers, found: Open429s) -> Integers:
        """Make one unit of two, and return the units that could be one quota with it.

        Parameters
        ----------
        one, other
            The two units.
        together
            The number of the new one, larger than all.
        at
            Places of its calls.
        found
            Its open 429s.
        """
        for table in self._tables.values():
            table.join(one, other, together)
        self._open.drop(one)
        self._open.drop(other)
        supports = np.zeros(together + 1, dtype=np.int64)
        for kind, table in self._tables.items():
            needed = found.needed(kind)
            own = np.isfinite(needed)
            if own.any():
                self._add_explained(supports, table, self._blocks[kind][found.at[own]], needed[own])
            self._open.add_helped(supports, kind, *self._made(kind, at))
        self._open.add(found)
        supports[together] = 0
        others = np.flatnonzero(supports >= self.least)
        return _best(others, supports[others].astype(np.float64))[0] if self.is_cut else others

    def _made(self, kind: str, at: Integers) -> tuple[Integers, Floats]:
        """Return the blocks in which some calls count, and how many in each."""
        block, passed = self._blocks[kind][at], self._passed[at]
        if self._is_sliding and kind == "minute":
            block, passed = np.concatenate((block, block + 1)), np.tile(passed, 2)
        own, inverse = np.unique(block, return_inverse=True)
        return own, np.bincount(inverse, passed, minlength=len(own)).astype(np.float64)

    def _add_explained(self, supports: Integers, table: Blocks, block: Integers, needed: Floats) -> None:
        """Count for each unit the 429s that its calls could explain."""
        first, last = table.busy(block, np.ones(len(needed)))
        units = len(supports)
        for rows, ranges in spread_out(first, last):
            # A joined unit has a row for each of its parts.
            begin, end = int(ranges.min(initial=0)), int(ranges.max(initial=-1)) + 1
            coded, total = summed(
                (ranges - begin) * units + table.unit[rows], table.total[rows], (end - begin) * units
            )
            enough = total > needed[begin + coded // units] - NEARLY - ROUNDING
            supports += np.bincount(coded[enough] % units, minlength=units)


def _best(others: Integers, score: Floats) -> tuple[Integers, Floats]:
    """Return the likeliest partners of a unit, of equals the first."""
    if len(others) > PARTNERS:
        near = score >= np.partition(score, -PARTNERS)[-PARTNERS]
        others, score = others[near], score[near]
    order = np.argsort(-score, kind="stable")[:PARTNERS]
    return others[order], score[order]


class _OpenByBlock:
    """The open 429s of all units by the block of time that they are in.

    One window for two units leaves open no others than theirs: of joined units some stay, and lack less.
    """

    def __init__(self, found: Open429s, blocks: Mapping[str, Integers]) -> None:
        self._by_place = np.argsort(found.at)
        self._at = found.at[self._by_place]
        self._unit = found.unit.copy()  # -1 once its unit is part of another, or one window explains it
        entries = np.split(np.arange(len(found.at)), np.flatnonzero(np.diff(found.unit)) + 1)
        self._of_unit = {int(found.unit[own[0]]): own for own in entries if len(own)}
        self._sorted: dict[str, tuple[Integers, Integers, Floats]] = {}
        self._row: dict[str, Integers] = {}  # of each 429 among the sorted ones, -1 of none
        for kind, block in blocks.items():
            own = np.flatnonzero(np.isfinite(found.needed(kind)))
            own = own[np.argsort(block[found.at[own]], kind="stable")]
            self._sorted[kind] = block[found.at[own]], own, found.needed(kind)[own]
            self._row[kind] = np.full(len(found.at), -1)
            self._row[kind][own] = np.arange(len(own))

    def drop(self, unit: int) -> None:
        """Forget the 429s of a unit."""
        if unit in self._of_unit:
            self._unit[self._of_unit.pop(unit)] = -1

    def add(self, found: Open429s) -> None:
        """Remember those of a new unit, which its parts had."""
        if not len(found.at):
            return
        own = self._by_place[np.searchsorted(self._at, found.at)]
        self._unit[own] = found.unit
        self._of_unit[int(found.unit[0])] = own
        for kind, (_, _, needed) in self._sorted.items():
            row = self._row[kind][own]
            needed[row[row >= 0]] = found.needed(kind)[row >= 0]

    def add_helped(self, supports: Integers, kind: str, block: Integers, made: Floats) -> None:
        """Count for each unit the 429s that some calls, so many in each block, could explain."""
        blocks, own, needed = self._sorted[kind]
        first, last = np.searchsorted(blocks, block), np.searchsorted(blocks, block, side="right")
        for rows, ranges in spread_out(first, last):
            helped = self._unit[own[rows[made[ranges] > needed[rows] - NEARLY - ROUNDING]]]
            supports += np.bincount(helped[helped >= 0], minlength=len(supports))


class _Passes:
    """Calls that surely passed in fixed minutes: what two units let pass beyond one limit, at least."""

    def __init__(self, minute: Integers, unit: Integers, units: int, limit: int) -> None:
        self._units, self._limit = units, limit
        self._table = Blocks(minute, unit, np.ones(len(unit)), np.unique(np.append(minute, 0)))
        rows = np.argsort(self._table.unit, kind="stable")
        self._first = np.searchsorted(self._table.unit[rows], np.arange(units + 1))
        self._rows = rows
        every = units * len(self._table.unit) / max(1, len(self._table.wanted))
        self._busiest = int(np.clip(MOST_MEETINGS / max(1.0, every), 4, BUSIEST))

    def least_with(self, unit: int) -> Floats:
        """Return how many calls it and each other unit let pass beyond one limit, in its busiest minutes."""
        table = self._table
        own = self._rows[self._first[unit] : self._first[unit + 1]]
        own = own[np.argsort(-table.total[own], kind="stable")[: self._busiest]]
        minutes = table.block_of(own)
        made = table.total[own]
        beyond = np.zeros(self._units)
        for rows, ranges in spread_out(*table.busy(minutes, self._limit - made + 1)):
            extra = np.maximum(0.0, made[ranges] + table.total[rows] - self._limit)
            beyond += np.bincount(table.unit[rows], extra, minlength=self._units)
        return beyond
