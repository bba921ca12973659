"""How many calls a quota had counted when a call came, by what the log says became of the calls before.

The windows are those of `keyrota.quota.windows`, over many calls at once and for limits that are not known:
a window that has counted `n` calls lets one pass under every limit above `n`. Which calls passed is taken
from the log, not decided anew, so that one wrong guess does not move all that follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.quota.calls import Calls
from keyrota.quota.days import pacific_midnights
from keyrota.quota.windows import MINUTE_NS
from keyrota.rotation.alike import order_of

FIXED: Final = "fixed"
SLIDING: Final = "sliding"
DAY: Final = "day"

MISSED: Final = 3.0
"""A day counts as seen from its midnight if no more calls than these are expected to lie before the log."""

NEARLY: Final = 0.5
"""A count within this of a limit has reached it: calls that may have been rejected count in part."""


@dataclass(frozen=True)
class Counts:
    """The windows of all keys among the calls of one pool, or of several that share quotas.

    Parameters
    ----------
    times
        When each call reached the provider, nanoseconds since 1970 UTC, ascending; shape (calls,).
    keys
        Its key.
    passed
        Probability that it passed, and so was counted.
    is_counted
        Whether it has a time and a key.
    begin
        First moment that the log covers.
    """

    times: NDArray[np.int64]
    keys: NDArray[np.int64]
    passed: NDArray[np.float64]
    is_counted: NDArray[np.bool_]
    begin: int
    _starts: dict[str, NDArray[np.int64]] = field(default_factory=dict, repr=False)
    _of_key: dict[int, tuple[NDArray[np.int64], NDArray[np.float64]]] = field(
        default_factory=dict, repr=False
    )

    def before(self, key: int, at: NDArray[np.int64], window: str) -> NDArray[np.float64]:
        """Return how many calls of a key its window had counted before each of some calls.

        Parameters
        ----------
        key
            The key whose calls are counted.
        at
            Places of the calls, of whatever key.
        window
            ``"fixed"``: in the same calendar minute UTC; ``"sliding"``: in the last 60 s; ``"day"``: on
            the same Pacific day.
        """
        places, counted = self._counted(key)
        starts = self._window_starts(window)
        first, last = np.searchsorted(places, starts[at]), np.searchsorted(places, at)
        return np.asarray(counted[last] - counted[first])

    def together(self, keys: Sequence[int], at: NDArray[np.int64], window: str) -> NDArray[np.float64]:
        """Return how many calls of several keys, as one quota, were counted before each of some calls."""
        total = np.zeros(len(at))
        for key in keys:
            total += self.before(key, at, window)
        return total

    def own(self, keys: Sequence[int], window: str) -> NDArray[np.float64]:
        """Return how many calls of several keys, as one quota, were counted before each of their own calls.

        In the order of `of`, key after key: what `together` gives for those places.
        """
        if len(keys) > 1:
            return self.together(keys, np.concatenate([self.of(key) for key in keys]), window)
        places, counted = self._counted(keys[0])
        starts = self._window_starts(window)[places]
        # A calendar window of one key begins with its first call there; others hold each call's own time.
        first = np.searchsorted(places, starts) if window == SLIDING else _begins_of(starts)
        return np.asarray(counted[:-1] - counted[first])

    def of_all(self, at: NDArray[np.int64], window: str) -> NDArray[np.float64]:
        """Return how many calls of all keys were counted in the window before each of some calls."""
        running = np.concatenate(([0.0], np.cumsum(np.where(self.is_counted, self.passed, 0.0))))
        return np.asarray(running[at] - running[self._window_starts(window)[at]])

    def leaves_at(self, at: NDArray[np.int64], window: str) -> NDArray[np.int64]:
        """Return for some calls the first call after each whose window does not hold it any more."""
        return np.asarray(np.searchsorted(self._window_starts(window), at, side="right"), dtype=np.int64)

    def of(self, key: int) -> NDArray[np.int64]:
        """Return the places of a key's calls that have a time."""
        keys, first, order = self._by_key
        at = int(np.searchsorted(keys, key))
        if at == len(keys) or keys[at] != key:
            return np.zeros(0, dtype=np.int64)
        return order[first[at] : first[at + 1]]

    @property
    def counted_keys(self) -> NDArray[np.int64]:
        """The keys that have calls with a time, ascending."""
        return self._by_key[0]

    @cached_property
    def _by_key(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The keys, where each begins in the places, and the places of the calls, key after key."""
        at = np.flatnonzero(self.is_counted)
        order = at[order_of(self.keys[at])]
        keys, first = np.unique(self.keys[order], return_index=True)
        return keys, np.append(first, len(order)), order

    @cached_property
    def everything(self) -> Counts:
        """The same calls, as if each had been counted: what a provider that charges rejected calls sees."""
        return replace(self, passed=np.ones(len(self.times)), _starts=self._starts, _of_key={})

    @cached_property
    def midnights(self) -> NDArray[np.int64]:
        """Starts of the Pacific days of the log, and of the one after."""
        if not len(self.times):
            return np.zeros(1, dtype=np.int64)
        return pacific_midnights(min(self.begin, int(self.times[0])), int(self.times[-1]))

    def day_numbers(self) -> NDArray[np.int64]:
        """Return the place of each call's Pacific day among the midnights."""
        return self._day_numbers

    @cached_property
    def _day_numbers(self) -> NDArray[np.int64]:
        return np.asarray(np.searchsorted(self.midnights, self.times, side="right") - 1)

    def is_whole_day(self) -> NDArray[np.bool_]:
        """Return for each call whether the log covers its Pacific day from the midnight on."""
        if not len(self.times):
            return np.zeros(0, dtype=bool)
        midnight = int(self.midnights[0])
        span = max(1, int(self.times[-1]) - self.begin)
        missed = (self.begin - midnight) * len(self.times) / span
        return (self.day_numbers() > 0) | (missed <= MISSED)

    def _counted(self, key: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        if key not in self._of_key:
            places = self.of(key)
            self._of_key[key] = places, np.concatenate(([0.0], np.cumsum(self.passed[places])))
        return self._of_key[key]

    def _window_starts(self, window: str) -> NDArray[np.int64]:
        """Return for each call the place of the first call that its window holds."""
        if window not in self._starts:
            if window == SLIDING:
                # A permit is held for exactly 60 s: a call that old is free again.
                found = np.searchsorted(self.times, self.times - MINUTE_NS, side="right")
            else:
                found = _begins_of(self.times // MINUTE_NS if window == FIXED else self.day_numbers())
            self._starts[window] = np.asarray(found, dtype=np.int64)
        return self._starts[window]


def counts_of(calls: Sequence[Calls], begin: int | None) -> Counts:
    """Return the windows over the calls of one pool, or of several whose keys may share quotas.

    A call reaches the provider somewhere between its pick and its answer: half of the mean time to a 429 is
    taken.

    Parameters
    ----------
    calls
        Of each pool; key numbers must not repeat between them.
    begin
        Nanoseconds since 1970 UTC of the log's first event; ``None`` for that of the first call.
    """
    order = np.argsort(np.concatenate([own.rows for own in calls]), kind="stable")
    times = np.concatenate([own.times + own.attribution.measured_lag_ns // 2 for own in calls])[order]
    keys = np.concatenate([own.keys for own in calls])[order]
    rejected = np.concatenate([own.rejected for own in calls])[order]
    is_timed = np.concatenate([own.is_timed for own in calls])[order]
    times = np.maximum.accumulate(times) if len(times) else times
    first = int(times[0]) if len(times) else 0
    return Counts(
        times, keys, 1.0 - rejected, is_timed & (keys >= 0), first if begin is None else min(begin, first)
    )


def _begins_of(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each of some ascending values the place of the first that equals it."""
    begins = np.ones(len(values), dtype=bool)
    begins[1:] = values[1:] != values[:-1]
    return np.asarray(np.flatnonzero(begins)[np.cumsum(begins) - 1], dtype=np.int64)


def reached(counted: NDArray[np.float64], limit: int | None) -> NDArray[np.bool_]:
    """Return where a count has reached a limit; nowhere without one."""
    return np.zeros(len(counted), dtype=bool) if limit is None else counted > limit - NEARLY
