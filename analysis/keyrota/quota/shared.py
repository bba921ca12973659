"""Keys that behave as one quota: two windows, or one window together, by likelihood.

For a pair of keys that share a project the calls of both fill one window: rejections come when the sum
reaches the limit while each key alone is below it. The ratio of the likelihood of "together" to the best
that "apart" can do is an e-value: if the keys are apart, and at most one call in a hundred that had room is
rejected, it exceeds x with a probability of at most 1 / x, given the limits and the kind of window. So a
ratio above 2 (number of pairs) / alpha has a false-alarm rate of about alpha at most over all pairs of a log
[1]_. The likeliest pair is joined first, and counts as one quota when the others are judged; so groups of
three and more form.

References
----------
.. [1] L. Wasserman, A. Ramdas, S. Balakrishnan, "Universal inference", PNAS 117(29), 2020, pp. 16880-16890.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import ceil, inf, log
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keyrota.quota.counts import DAY, Counts, reached
from keyrota.quota.evidence import Outcomes, by_limit, log_likelihood

Bools = NDArray[np.bool_]

MOST_PASSES: Final = 0.2
"""Of the calls that one window would refuse and two let pass, at most so many pass where keys share it."""

LOST: Final = 0.05
"""A log may lack so many of a day's calls: apart, a stated day limit may seem lower by as much, or by 1."""

Group = tuple[int, ...]

MOST_PAIRS: Final = 200_000
"""Pairs that are tried at most: those whose keys have the most 429s without a full window of their own."""


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
class SharedQuota:
    """Keys that behave as one quota.

    Parameters
    ----------
    keys
        Two or more.
    log_ratio
        Smallest natural logarithm of the likelihood ratio among the steps that joined them.
    explained, unexplained
        429s of these keys that come with room in their own window: those that one window for all
        explains, and those that remain.
    pairs
        How many pairs were compared.
    """

    keys: tuple[int, ...]
    log_ratio: float
    explained: int
    unexplained: int
    pairs: int


def find_shared(
    counts: Counts,
    outcomes: Outcomes,
    limits: Mapping[int, KnownLimits],
    *,
    window: str,
    alpha: float,
    known: Iterable[Group] = (),
) -> list[SharedQuota]:
    """Find the groups of keys that share a quota.

    Parameters
    ----------
    counts, outcomes
        Of the calls of all keys that could share one: those of one model.
    limits
        By key; only keys of equal limits are compared.
    window
        How a minute counts, ``"fixed"`` or ``"sliding"``.
    alpha
        False-alarm rate over all pairs, in (0, 1).
    known
        Groups that are declared to share a quota: not tried again.
    """
    keys = sorted(key for key in limits if len(counts.of(key)))
    number = len(keys) * (len(keys) - 1) // 2
    if not number:
        return []
    suspects = _Suspects(counts, outcomes, limits, window)
    groups = _declared_groups(keys, known)
    # Pairs of keys, and the pairs that groups form with others once they are joined.
    least = log(2 * number / alpha)
    tried: dict[tuple[Group, Group], _Comparison] = {}
    joined: dict[Group, float] = {}
    while True:
        for pair in _candidates(groups, suspects):
            if pair not in tried:
                tried[pair] = suspects.compare(pair, at_least=least)
        # The pair that explains most comes first: what it explains, no other need explain by chance.
        accepted = {pair: found for pair, found in tried.items() if found.log_ratio > least}
        best = max(accepted, key=lambda pair: accepted[pair].gain, default=None)
        if best is None:
            break
        together = tuple(sorted(best[0] + best[1]))
        joined[together] = min(accepted[best].log_ratio, joined.pop(best[0], inf), joined.pop(best[1], inf))
        groups = [group for group in groups if group not in best] + [together]
        tried = {pair: found for pair, found in tried.items() if not set(pair) & set(best)}
    found = [
        SharedQuota(group, ratio, *suspects.explained(group), number)
        for group, ratio in sorted(joined.items())
    ]
    # What leaves more open than it explains is another provider's rule, not a shared quota.
    return [group for group in found if group.unexplained <= group.explained]


def _declared_groups(keys: Sequence[int], known: Iterable[Group]) -> list[Group]:
    present = [tuple(sorted(set(group) & set(keys))) for group in known]
    together = {key for group in present for key in group}
    return [group for group in present if group] + [(key,) for key in keys if key not in together]


def _candidates(groups: Sequence[Group], suspects: _Suspects) -> list[tuple[Group, Group]]:
    """Return the pairs of groups of equal limits of which one has 429s that its own window leaves open."""
    lone = {group: suspects.unexplained(group) for group in groups}
    pairs = [
        pair
        for pair in combinations(sorted(groups), 2)
        if lone[pair[0]] + lone[pair[1]] and suspects.limits[pair[0][0]] == suspects.limits[pair[1][0]]
    ]
    pairs.sort(key=lambda pair: -(lone[pair[0]] + lone[pair[1]]))
    return pairs[:MOST_PAIRS]


@dataclass(frozen=True)
class _Suspects:
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
        at = self.counts.of(key)
        own, (minute, day) = self.outcomes.at(at), self._full(group, at)
        explained = (own.by_minute & minute) | (own.by_day & day)
        return int(np.count_nonzero((own.by_minute | own.by_day) & ~explained))

    def compare(self, pair: tuple[Group, Group], *, at_least: float) -> _Comparison:
        """Compare one window for both groups with two.

        The known limits are tried first: if they alone keep the ratio below `at_least`, that is the answer;
        so it is if more than a few calls pass while the one window would be full.
        """
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
            return _Comparison(gain, gain)
        if passes > MOST_PASSES * (passes + refusals):
            return _Comparison(gain, -inf)
        apart = max(
            as_known, _best_apart(outcomes, minute, day, limits), self._charged(pair, places, outcomes)
        )
        return _Comparison(gain, together - apart)

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


class _Comparison(NamedTuple):
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
