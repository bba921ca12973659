"""Two windows or one for a pair of keys: the likelihood of each, and which pairs are worth the look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keyrota.quota.blocks import ROUNDING, Open429s
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
class Suspects:
    """What the pairs are judged by."""

    counts: Counts
    outcomes: Outcomes
    limits: Mapping[int, KnownLimits]
    window: str
    _unexplained: dict[Group, int] = field(default_factory=dict)

    def _full(
        self, keys: Sequence[int], at: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return whether the one window of these keys is full at some calls, of the minute and of the day."""
        limits = self.limits[keys[0]]
        return (
            reached(self.counts.together(keys, at, self.window), limits.per_minute),
            reached(self.counts.together(keys, at, DAY), limits.per_day),
        )

    def unexplained(self, group: Group) -> int:
        """Count the 429s of a group that come with room in its own windows."""
        if group not in self._unexplained:
            self._unexplained[group] = sum(self._left(key, group) for key in group)
        return self._unexplained[group]

    def explained(self, group: Group) -> tuple[int, int]:
        """Count the 429s without a full window of their own key that one window explains, and the rest."""
        alone = sum(self._left(key, (key,)) for key in group)
        left = self.unexplained(group)
        return alone - left, left

    def _left(self, key: int, group: Group) -> int:
        """Count the 429s of a key that come while the window of a group has room."""
        return len(self._open(key, group)[0])

    def _open(self, key: int, group: Group) -> tuple[NDArray[np.int64], Outcomes]:
        """Return the places of the 429s of a key that come while the window of a group has room."""
        at = self.counts.of(key)
        at = at[(self.outcomes.by_minute | self.outcomes.by_day)[at]] if len(at) else at
        own, (minute, day) = self.outcomes.at(at), self._full(group, at)
        is_open = ~((own.by_minute & minute) | (own.by_day & day))
        return at[is_open], own.at(np.flatnonzero(is_open))

    def open_429s(self, group: Group, unit: int) -> Open429s:
        """Return the 429s of a group that come with room in its own windows, and what fills these."""
        parts = [self._open(key, group) for key in group]
        at = np.concatenate([own for own, _ in parts])
        by_minute, by_day = (
            np.concatenate(flags)
            for flags in zip(*((own.by_minute, own.by_day) for _, own in parts), strict=True)
        )
        limits = self.limits[group[0]]
        lacks = [
            np.full(len(at), inf)
            if limit is None
            else np.where(is_cause, limit - self.counts.together(group, at, window), inf)
            for limit, is_cause, window in (
                (limits.per_minute, by_minute, self.window),
                (limits.per_day, by_day, DAY),
            )
        ]
        return Open429s(at, np.full(len(at), unit), *lacks)

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
        number = 0
        for group in pair:
            for key in group:
                at, own = self._open(key, group)
                minute, day = self._full(pair[0] + pair[1], at)
                number += int(np.count_nonzero((own.by_minute & minute) | (own.by_day & day)))
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
        places = [np.concatenate([self.counts.of(key) for key in group]) for group in pair]
        at = np.concatenate(places)
        outcomes = self.outcomes.at(at)
        limits = self.limits[pair[0][0]]
        minute, day = (
            np.concatenate(
                [self.counts.together(group, own, window) for group, own in zip(pair, places, strict=True)]
            )
            for window in (self.window, DAY)
        )
        full = self._full(pair[0] + pair[1], at)
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
        apart = max(
            as_known, _best_apart(outcomes, minute, day, limits), self._charged(pair, places, outcomes)
        )
        return Comparison(gain, together - apart)

    def _charged(
        self, pair: tuple[Group, Group], places: Sequence[NDArray[np.int64]], outcomes: Outcomes
    ) -> float:
        """Return the log-likelihood of windows apart that count rejected calls too."""
        limits = self.limits[pair[0][0]]
        charged = self.counts.everything
        full = [
            np.concatenate(
                [
                    reached(charged.together(group, at, window), limit)
                    for group, at in zip(pair, places, strict=True)
                ]
            )
            for window, limit in ((self.window, limits.per_minute), (DAY, limits.per_day))
        ]
        return log_likelihood(outcomes, full[0], full[1])


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
