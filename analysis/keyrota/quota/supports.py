"""How many open 429s one window for two units could explain: theirs together, pair by pair."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from keyrota.quota.blocks import ROUNDING, Blocks, Floats, Integers, Open429s, TotalsOfUnits, spread_out
from keyrota.quota.counts import NEARLY


class Supports:
    """The open 429s of all units, and what each unit made in the blocks of time that hold them.

    Parameters
    ----------
    found
        The open 429s, unit after unit.
    blocks, tables
        By kind of window: the block of each call, and what each unit made in each. As they are before any
        units are joined.
    units
        Number of units.
    """

    def __init__(
        self, found: Open429s, blocks: Mapping[str, Integers], tables: Mapping[str, Blocks], units: int
    ) -> None:
        self._found = found
        self._first = np.searchsorted(found.unit, np.arange(units + 1))
        self._totals = {kind: TotalsOfUnits(table) for kind, table in tables.items()}
        self._places = {
            kind: np.searchsorted(table.wanted, blocks[kind][found.at]) for kind, table in tables.items()
        }

    def of(self, unit: int, others: Integers) -> tuple[Integers, Integers]:
        """Return how many 429s of a unit each of some others could explain, and it of theirs."""
        its, theirs = np.zeros((2, len(others)), dtype=np.int64)
        own = np.arange(self._first[unit], self._first[unit + 1])
        for kind, totals in self._totals.items():
            made = totals.of(others, self._places[kind][own])
            its += np.count_nonzero(self._is_enough(made, own, kind), axis=1)
        for rows, whose in spread_out(self._first[others], self._first[others + 1]):
            for kind, totals in self._totals.items():
                made = totals.of(np.array([unit]), self._places[kind][rows])[0]
                theirs += np.bincount(whose[self._is_enough(made, rows, kind)], minlength=len(others))
        return its, theirs

    def _is_enough(self, made: Floats, rows: Integers, kind: str) -> NDArray[np.bool_]:
        """Return whether as many calls as some 429s lack, or more, were made; where none is lacking, none."""
        return np.asarray(made > self._found.needed(kind)[rows] - NEARLY - ROUNDING)
