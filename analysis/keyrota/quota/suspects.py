"""Two windows or one for a pair of keys: the likelihood of each, and which pairs are worth the look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, inf
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keyrota.quota.blocks import ROUNDING, Floats, Integers, Open429s
from keyrota.quota.counts import DAY, Counts, reached
from keyrota.quota.evidence import Outcomes, by_limit, log_likelihood
from keyrota.quota.possible_pairs import EXPLAINS, MOST_PASSES, PossiblePairs

Bools = NDArray[np.bool_]
Group = tuple[int, ...]

LOST: Final = 0.05
"""A log may lack so many of a day's calls: apart, a stated day limit may seem lower by as much, or by 1."""


@dataclass(frozen=True)
class KnownLimits:
    """The limits under which keys are tried as one quota.

    Parameters
    ----------
    per_minute, per_day
        ``None`` where there is none.
    minute_is_stated, day_is_stated
        Whether the errors state them. What is only declared may be wrong: apart, keys may then have any
        limit that explains the log better.
    """

    per_minute: int | None
    per_day: int | None
    minute_is_stated: bool = False
    day_is_stated: bool = False


@dataclass(frozen=True)
class _Open:
    """429s of a group that come with room in its windows: what may cause each, and what these had counted."""

    at: Integers
    by_minute: Bools
    by_day: Bools
    minute: Floats
    day: Floats


@dataclass(frozen=True)
class Suspects:
    """What the pairs are judged by."""

    counts: Counts
    outcomes: Outcomes
    limits: Mapping[int, KnownLimits]
    window: str
    _open_of: dict[Group, _Open] = field(default_factory=dict)
    _sides: dict[Group, _Side] = field(default_factory=dict)

    def unexplained(self, group: Group) -> int:
        """Count the 429s of a group that come with room in its own windows."""
        return len(self._open(group).at)

    def explained(self, group: Group) -> tuple[int, int]:
        """Count the 429s without a full window of their own key that one window explains, and the rest."""
        left = self.unexplained(group)
        return sum(self.unexplained((key,)) for key in group) - left, left

    def _counted(self, keys: Group, at: Integers) -> tuple[Floats, Floats]:
        """Return what the minute and the day of keys had counted before some calls; 0 without a limit."""
        limits = self.limits[keys[0]]
        none = np.zeros(len(at))
        return (
            none if limits.per_minute is None else self.counts.together(keys, at, self.window),
            none if limits.per_day is None else self.counts.together(keys, at, DAY),
        )

    def _open(self, group: Group) -> _Open:
        """Return the 429s of a group that come while its windows have room; found once."""
        if group not in self._open_of:
            limits = self.limits[group[0]]
            at = np.concatenate([self.counts.of(key) for key in group])
            at = at[self.outcomes.by_minute[at] | self.outcomes.by_day[at]]
            own, (minute, day) = self.outcomes.at(at), self._counted(group, at)
            is_open = ~(own.by_minute & reached(minute, limits.per_minute))
            is_open &= ~(own.by_day & reached(day, limits.per_day))
            self._open_of[group] = _Open(
                at[is_open], own.by_minute[is_open], own.by_day[is_open], minute[is_open], day[is_open]
            )
        return self._open_of[group]

    def open_429s(self, group: Group, unit: int) -> Open429s:
        """Return the 429s of a group that come with room in its own windows, and what fills these."""
        own, limits = self._open(group), self.limits[group[0]]
        lacks = [
            np.full(len(own.at), inf) if limit is None else np.where(is_cause, limit - counted, inf)
            for limit, is_cause, counted in (
                (limits.per_minute, own.by_minute, own.minute),
                (limits.per_day, own.by_day, own.day),
            )
        ]
        return Open429s(own.at, np.full(len(own.at), unit), *lacks)

    def possible_pairs(self, groups: Sequence[Group], at_least: float) -> PossiblePairs | None:
        """Return the pairs of groups of equal limits that could pass the bar; ``None`` if surely none can."""
        number = sorted(self.unexplained(group) for group in groups)
        if EXPLAINS * sum(number[-2:]) < at_least or len(groups) < 2:
            return None
        limits = self.limits[groups[0][0]]
        unit = np.full(len(self.counts.times), -1)
        for place, group in enumerate(groups):
            for key in group:
                unit[self.counts.of(key)] = place
        found = [
            self.open_429s(group, place) for place, group in enumerate(groups) if self.unexplained(group)
        ]
        return PossiblePairs(
            times=self.counts.times,
            days=self.counts.day_numbers(),
            unit=unit,
            passed=self.counts.passed,
            surely=lambda: self._surely(groups),
            found=Open429s.of_all(found),
            window=self.window,
            per_minute=inf if limits.per_minute is None else limits.per_minute,
            at_least=at_least,
        )

    def _surely(self, groups: Sequence[Group]) -> Bools:
        """Return which calls surely passed while the windows of their group had room."""
        surely = np.zeros(len(self.counts.times), dtype=bool)
        limits = self.limits[groups[0][0]]
        for group in groups:
            at = np.concatenate([self.counts.of(key) for key in group])
            surely[at] = self.outcomes.passed[at]
            for window, limit in ((self.window, limits.per_minute), (DAY, limits.per_day)):
                if limit is not None:
                    surely[at] &= ~reached(self.counts.own(group, window), limit)
        return surely

    def explains(self, pair: tuple[Group, Group]) -> int:
        """Count the 429s that one window for both groups explains and two leave open."""
        number, limits = 0, self.limits[pair[0][0]]
        for group, other in (pair, pair[::-1]):
            own = self._open(group)
            minute, day = self._counted(other, own.at)
            fills = own.by_minute & reached(own.minute + minute, limits.per_minute)
            fills |= own.by_day & reached(own.day + day, limits.per_day)
            number += int(np.count_nonzero(fills))
        return number

    def compare(self, pair: tuple[Group, Group], *, at_least: float) -> Comparison:
        """Compare one window for both groups with two.

        The known limits are tried first: if they alone keep the ratio below `at_least`, that is the answer;
        so it is if more than a few calls pass while the one window would be full. Before all calls are looked
        at, the 429s that one window explains bound the ratio.
        """
        bound = EXPLAINS * self.explains(pair)
        if bound <= at_least - ROUNDING:
            return Comparison(bound, -inf)
        sides = [self._side(group) for group in pair]
        limits = self.limits[pair[0][0]]
        outcomes = Outcomes(
            *(np.concatenate(own) for own in zip(*(side.outcomes.parts for side in sides), strict=True))
        )
        minute = np.concatenate([side.minute for side in sides])
        day = np.concatenate([side.day for side in sides])
        by_other = [self._counted(other, side.at) for other, side in zip(pair[::-1], sides, strict=True)]
        by_minute, by_day = (np.concatenate(counted) for counted in zip(*by_other, strict=True))
        full = reached(minute + by_minute, limits.per_minute), reached(day + by_day, limits.per_day)
        full_apart = reached(minute, limits.per_minute), reached(day, limits.per_day)
        only_together = (full[0] | full[1]) & ~(full_apart[0] | full_apart[1])
        passes = int(np.count_nonzero(outcomes.passed & only_together))
        refusals = int(np.count_nonzero((outcomes.by_minute | outcomes.by_day) & only_together))
        together, as_known = log_likelihood(outcomes, *full), log_likelihood(outcomes, *full_apart)
        gain = together - as_known
        if gain <= at_least:
            return Comparison(gain, gain)
        if passes > MOST_PASSES * (passes + refusals):
            return Comparison(gain, -inf)
        # Windows apart may count rejected calls too.
        charged = [np.concatenate(full) for full in zip(*(side.charged for side in sides), strict=True)]
        apart = max(as_known, _best_apart(outcomes, minute, day, limits), log_likelihood(outcomes, *charged))
        return Comparison(gain, together - apart)

    def _side(self, group: Group) -> _Side:
        """Return a group as one side of a comparison; made once."""
        if group not in self._sides:
            self._sides[group] = _Side(self.counts, self.outcomes, group, self.window, self.limits[group[0]])
        return self._sides[group]


class _Side:
    """The calls of a group: what became of each, and what the group's windows had counted before it."""

    def __init__(
        self, counts: Counts, outcomes: Outcomes, group: Group, window: str, limits: KnownLimits
    ) -> None:
        self.at: Integers = np.concatenate([counts.of(key) for key in group])
        self.outcomes = outcomes.at(self.at)
        self.minute, self.day = counts.own(group, window), counts.own(group, DAY)
        self._counts, self._group, self._window, self._limits = counts, group, window, limits

    @cached_property
    def charged(self) -> tuple[Bools, Bools]:
        """Whether the windows of the minute and the day are full if rejected calls count too."""
        counts, none = self._counts.everything, np.zeros(len(self.at), dtype=bool)
        per_minute, per_day = self._limits.per_minute, self._limits.per_day
        return (
            none if per_minute is None else reached(counts.own(self._group, self._window), per_minute),
            none if per_day is None else reached(counts.own(self._group, DAY), per_day),
        )


class Comparison(NamedTuple):
    """One window against two.

    `gain` is the log-likelihood ratio under the known limits, `log_ratio` that to the best of all limits.
    """

    gain: float
    log_ratio: float


def _best_apart(
    outcomes: Outcomes, minute: NDArray[np.float64], day: NDArray[np.float64], limits: KnownLimits
) -> float:
    """Return the largest log-likelihood of windows apart, over the limits that are not stated."""
    best = -np.inf
    minutes: list[int | None] = [limits.per_minute]
    if not limits.minute_is_stated:
        minutes = [None, *range(1, int(minute.max(initial=0)) + 2)]
    for per_minute in minutes:
        full = reached(minute, per_minute)
        if limits.day_is_stated and limits.per_day is not None:
            least = max(1, limits.per_day - max(1, ceil(LOST * limits.per_day)))
            for per_day in range(least, limits.per_day + 1):
                best = max(best, log_likelihood(outcomes, full, reached(day, per_day)))
            continue
        # What a full minute explains does not depend on the day's limit; the rest is by the day's count.
        settled = (outcomes.by_minute | outcomes.passed) & full
        rest = Outcomes(outcomes.passed & ~settled, outcomes.by_minute & ~settled, outcomes.by_day & ~settled)
        fixed = Outcomes(outcomes.passed & settled, outcomes.by_minute & settled, outcomes.by_day & settled)
        none = np.zeros(len(minute), dtype=bool)
        base = log_likelihood(fixed, full, none)
        base += log_likelihood(
            Outcomes(none, rest.by_minute & ~rest.by_day, none), none, none
        )  # the minute's by statement, without a full minute
        most = int(day.max(initial=0)) + 2
        best = max(best, base + float(by_limit(day, rest.passed, rest.by_day, most).max()))
    return best
