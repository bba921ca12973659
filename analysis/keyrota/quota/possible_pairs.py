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

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from math import ceil, inf, log
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from keyrota.quota.attribution import CERTAIN
from keyrota.quota.blocks import (
    ROUNDING,
    Blocks,
    Floats,
    Integers,
    Open429s,
    spread_out,
    summed,
)
from keyrota.quota.counts import FIXED, NEARLY, SLIDING
from keyrota.quota.evidence import LENIENT, UNEXPECTED
from keyrota.quota.open_by_block import OpenByBlock
from keyrota.quota.passes import Passes
from keyrota.quota.supports import Supports
from keyrota.quota.windows import MINUTE_NS

EXPLAINS: Final = log((1 - LENIENT) / UNEXPECTED)
"""By so much a 429 that only the common window explains raises the logarithm of the likelihood ratio."""

MOST_PASSES: Final = 0.2
"""Of the calls that one window would refuse and two let pass, at most so many pass where keys share it."""

MOST_MEETINGS: Final = 300_000_000
"""Open 429s times busy keys that are looked at; of more, every second, third, ... 429 is."""

MOST_PAIRS: Final = 20_000
"""Pairs that are compared at least, if there are as many; of more, the `PARTNERS` likeliest of each unit."""

PARTNERS: Final = 6

LIKELY: Final = 128
"""So many of a unit's partners are looked at closely, at least, where there are more."""

COSTS: Final = log((1 - UNEXPECTED) / LENIENT)
"""By so much a call that passes beyond the common limit lowers the logarithm."""

_MANY: Final = 16


_Ranges = tuple[Blocks, Integers, Integers, Integers]


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
        self._at_least = at_least
        self._step = 1
        self._units = int(unit.max(initial=-1)) + 1
        self._number = np.bincount(found.unit, minlength=self._units)
        self._blocks = {"minute": times // MINUTE_NS, "day": days}
        self._unit, self._passed = unit, passed
        self._is_sliding = window == SLIDING
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
        ranges = self._ranges()
        kept: list[tuple[Integers, Floats]] = []
        pairs = 0
        with_open = np.flatnonzero(self._number).tolist()
        for unit in with_open:
            others, score = self._partners(unit, ranges)
            if pairs > MOST_PAIRS:
                others, score = _best(others, score)
            pairs += len(others)
            kept.append((others, score))
        self.is_cut |= self._step > 1 or pairs > MOST_PAIRS
        for unit, (others, score) in zip(with_open, kept, strict=True):
            chosen = _best(others, score)[0] if self.is_cut else others
            for other in chosen.tolist():
                yield min(unit, other), max(unit, other)

    def _ranges(self) -> list[_Ranges]:
        """Return for each kind of window the rows of the busy units behind each open 429, by its unit.

        Of all of them, or evenly of each unit of as many as time allows.
        """
        ranges, work = [], 0
        for kind, table in self._tables.items():
            needed = self._found.needed(kind)
            own = np.flatnonzero(np.isfinite(needed))
            first, last = table.busy(self._blocks[kind][self._found.at[own]], needed[own])
            ranges.append((table, first, last, self._found.unit[own]))
            work += int(np.maximum(last - first, 0).sum())
        step = self._step = max(1, -(-work // MOST_MEETINGS))
        return [(table, first[::step], last[::step], own[::step]) for table, first, last, own in ranges]

    def _partners(self, unit: int, ranges: Sequence[_Ranges]) -> tuple[Integers, Floats]:
        """Return the units that could be one quota with this one, and how likely each is."""
        number, step = self._number, self._step
        supports = np.zeros(self._units, dtype=np.int64)
        for table, first, last, own in ranges:
            low, high = np.searchsorted(own, (unit, unit + 1))
            for rows, _ in spread_out(first[low:high], last[low:high]):
                supports += np.bincount(table.unit[rows], minlength=self._units)
        supports[unit] = 0
        if step > 1:
            others = np.flatnonzero(supports)
            most = number[others] + number[unit]
        else:
            # One of the two has at least half of what is needed.
            others = np.flatnonzero(supports >= (self.least + 1) // 2)
            most = number[others] + supports[others]
            others, most = others[most >= self.least], most[most >= self.least]
        score: Floats = EXPLAINS * step * supports[others].astype(np.float64)
        if len(others) <= _MANY or self._surely is None:
            return others, score
        beyond = self._passes.with_all(unit)[others]
        fits = _fits(beyond, most)
        others, score = others[fits], (score - COSTS * beyond)[fits]
        most_closely = max(LIKELY, MOST_PAIRS // self._units)
        if len(others) > most_closely:
            self.is_cut = True
            others, _ = _best(others, score, most_closely)
        return self._closely(unit, others)

    def _closely(self, unit: int, others: Integers) -> tuple[Integers, Floats]:
        """Return which of some units could still be one quota with this one, by all that both let pass.

        What one window would leave open of the other's 429s speaks against it: a busy key explains many.
        """
        its, theirs = self._supports.of(unit, others)
        beyond = self._passes.with_some(unit, others)
        fits = _fits(beyond, its + theirs)
        fits &= EXPLAINS * (its + theirs) - COSTS * beyond > self._at_least - ROUNDING
        score = EXPLAINS * (its + theirs - self._number[others]) - COSTS * beyond
        return others[fits], score[fits]

    @cached_property
    def _passes(self) -> Passes:
        assert self._surely is not None
        surely = self._surely()
        return Passes(
            self._blocks["minute"][surely], self._unit[surely], self._units, self._sure_limit, MOST_MEETINGS
        )

    @cached_property
    def _supports(self) -> Supports:
        return Supports(self._found, self._blocks, self._tables, self._units)

    @cached_property
    def _open(self) -> OpenByBlock:
        return OpenByBlock(self._found, self._blocks, every=self._step)

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


def _fits(beyond: Floats, most: NDArray[Any]) -> NDArray[np.bool_]:
    """Return whether no more calls pass beyond one limit than so many 429s that it explains allow."""
    return np.asarray(beyond <= most * MOST_PASSES / (1 - MOST_PASSES) + ROUNDING)


def _best(others: Integers, score: Floats, most: int = PARTNERS) -> tuple[Integers, Floats]:
    """Return the likeliest partners of a unit, of equals the first."""
    if len(others) > most:
        near = score >= np.partition(score, -most)[-most]
        others, score = others[near], score[near]
    order = np.argsort(-score, kind="stable")[:most]
    return others[order], score[order]
