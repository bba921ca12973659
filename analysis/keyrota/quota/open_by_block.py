"""Open 429s by the block of time that they are in, while units are joined."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from keyrota.quota.blocks import ROUNDING, Floats, Integers, Open429s, spread_out
from keyrota.quota.counts import NEARLY


class OpenByBlock:
    """The open 429s of all units by the block of time that they are in.

    One window for two units leaves open no others than theirs: of joined units some stay, and lack less.

    Parameters
    ----------
    found
        The open 429s, unit after unit.
    blocks
        By kind of window, the block of each call.
    every
        Only every second, third, ... 429 is looked at, and counts as many times: where there are very many.
    """

    def __init__(self, found: Open429s, blocks: Mapping[str, Integers], *, every: int = 1) -> None:
        self._every = every
        self._by_place = np.argsort(found.at)
        self._at = found.at[self._by_place]
        self._unit = found.unit.copy()  # -1 once its unit is part of another, or one window explains it
        entries = np.split(np.arange(len(found.at)), np.flatnonzero(np.diff(found.unit)) + 1)
        self._of_unit = {int(found.unit[own[0]]): own for own in entries if len(own)}
        self._sorted: dict[str, tuple[Integers, Integers, Floats]] = {}
        self._row: dict[str, Integers] = {}  # of each 429 among the sorted ones, -1 of none
        for kind, block in blocks.items():
            own = np.flatnonzero(np.isfinite(found.needed(kind)))[::every]
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
            supports += self._every * np.bincount(helped[helped >= 0], minlength=len(supports))
