"""How much of its limits each key uses: peak minutes, Pacific days, headroom, the moments of exhaustion."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keyrota.quota.calls import Calls
from keyrota.quota.counts import Counts
from keyrota.quota.days import pacific_date
from keyrota.quota.windows import MINUTE_NS
from keyrota.rotation.alike import unique_numbers


@dataclass(frozen=True)
class KeyUse:
    """One key. Calls count whether they pass or not; `rejected` is the expected number of its 429s.

    Parameters
    ----------
    peak_minute, peak_minute_ns
        Most calls in a calendar minute UTC, and its begin.
    peak_day
        Most calls on a Pacific day.
    minute_headroom, day_headroom
        Limit less peak: below 0 where more calls came than the limit lets pass; ``None`` without a limit.
    """

    key: int
    calls: int
    rejected: float
    peak_minute: int
    peak_minute_ns: int
    peak_day: int
    minute_headroom: int | None
    day_headroom: int | None


@dataclass(frozen=True)
class DayUse:
    """One Pacific day of a pool.

    Parameters
    ----------
    date
        Pacific date.
    calls
        Calls of all keys.
    keys
        Calls of each key that made any, ascending.
    limit
        Calls that the day's quotas let pass together; ``None`` without such a limit.
    is_whole
        Whether the log covers the day from its midnight.
    exhausted
        When the first 429 for the day came to each key, nanoseconds since 1970 UTC.
    """

    date: dt.date
    calls: int
    keys: tuple[tuple[int, int], ...]
    limit: int | None
    is_whole: bool
    exhausted: tuple[tuple[int, int], ...]

    @property
    def exhausted_at(self) -> int | None:
        """When the first key was exhausted."""
        return min((moment for _, moment in self.exhausted), default=None)


def key_uses(
    calls: Calls, counts: Counts, *, per_minute: int | None, per_day: int | None
) -> tuple[KeyUse, ...]:
    """Return the use of each key that has calls with a time."""
    days = counts.day_numbers()
    found = []
    for key in counts.counted_keys.tolist():
        own = counts.of(key)
        minutes, number = unique_numbers(calls.times[own] // MINUTE_NS)
        peak, peak_day = int(number.max()), int(np.bincount(days[own]).max())
        found.append(
            KeyUse(
                key=key,
                calls=len(own),
                rejected=float(calls.rejected[own].sum()),
                peak_minute=peak,
                peak_minute_ns=int(minutes[number.argmax()]) * MINUTE_NS,
                peak_day=peak_day,
                minute_headroom=None if per_minute is None else per_minute - peak,
                day_headroom=None if per_day is None else per_day - peak_day,
            )
        )
    return tuple(found)


def day_uses(
    calls: Calls,
    counts: Counts,
    exhaustions: Sequence[tuple[int, int]],
    quotas: Sequence[tuple[int, ...]],
    *,
    per_day: int | None,
) -> tuple[DayUse, ...]:
    """Return the use of each Pacific day with calls.

    Parameters
    ----------
    calls, counts
        Of one pool.
    exhaustions
        Key and time of each 429 for the day, nanoseconds since 1970 UTC.
    quotas
        The keys of each quota: `per_day` counts once for each.
    per_day
        The limit in force.
    """
    days, whole, midnights = counts.day_numbers(), counts.is_whole_day(), counts.midnights
    at = np.flatnonzero(counts.is_counted)  # in the order of time, and so of days
    numbers, begins = np.unique(days[at], return_index=True)
    ends = np.append(begins[1:], len(at))[: len(begins)]
    first: dict[int, dict[int, int]] = {}
    for key, moment in exhaustions:
        day = int(np.searchsorted(midnights, moment, side="right")) - 1
        of_day = first.setdefault(day, {})
        of_day[key] = min(moment, of_day.get(key, moment))
    found = []
    for day, begin, end in zip(numbers.tolist(), begins.tolist(), ends.tolist(), strict=True):
        own = at[begin:end]
        keys, number = unique_numbers(calls.keys[own])
        found.append(
            DayUse(
                date=pacific_date(int(midnights[day])),
                calls=len(own),
                keys=tuple(zip(keys.tolist(), number.tolist(), strict=True)),
                limit=None if per_day is None else per_day * len(quotas),
                is_whole=bool(whole[own[0]]),
                exhausted=tuple(sorted(first.get(day, {}).items())),
            )
        )
    return tuple(found)
