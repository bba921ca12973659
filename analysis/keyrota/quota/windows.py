"""Windows: which calls a limit lets pass, as functions of a passed-in time.

Times are integer nanoseconds since 1970 UTC; nothing here reads a clock. The state of a window is a
short mutable sequence of integers (a list, or a row of an integer array) that the caller keeps: so
the replay of a real log, the model in SimPy and the compiled kernel run these very lines. For the
same reason the functions hold to integers, comparisons and indexing.

Kinds of minute window:

fixed         calendar minutes UTC: the provider's behaviour as its stated delays show it
sliding       the last 60 s: the pessimistic reading of the same limit
token-bucket  a bucket of `limit` tokens that refills evenly within a minute
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

MINUTE_NS: Final = 60_000_000_000

WINDOWS: Final = ("fixed", "sliding", "token-bucket")
"""Names of the minute windows; the functions below take their place in this list."""

FIXED: Final = 0
SLIDING: Final = 1
TOKEN_BUCKET: Final = 2

UNLIMITED: Final = -1
"""The limit of a window that lets everything pass."""

ADMITTED: Final = 0
PER_MINUTE: Final = 1
PER_DAY: Final = 2
"""Answers of `call`: admitted, or the limit that refused. In the event table: the `cause`."""

_LONG_AGO: Final = -(2**62)

Counts = MutableSequence[int] | NDArray[np.int64]
"""The state of a window."""


def window_state(kind: int, limit: int) -> list[int]:
    """Return the state of a minute window that has seen no call.

    fixed: number of the minute, calls counted in it. sliding: place of the oldest of the last
    `limit` calls, then their times. token-bucket: time of the last look, tokens x 60e9 then.
    """
    if limit == UNLIMITED:
        return [0]
    if kind == SLIDING:
        return [0, *[_LONG_AGO] * limit]
    if kind == TOKEN_BUCKET:
        return [_LONG_AGO, limit * MINUTE_NS]
    return [_LONG_AGO, 0]


def day_state() -> list[int]:
    """Return the state of a day's count that has seen no call: the number of the day, its calls."""
    return [_LONG_AGO, 0]


def window_room(kind: int, limit: int, state: Counts, now: int) -> int:
    """Return how many calls the window would let pass at this moment.

    Examples
    --------
    >>> window_room(FIXED, 2, window_state(FIXED, 2), 0)
    2
    """
    if kind == FIXED:
        return max(0, limit - _counted(state, now // MINUTE_NS))
    if kind == SLIDING:
        room = 0
        while room < limit and now - state[1 + (state[0] + room) % limit] >= MINUTE_NS:
            room += 1
        return room
    return _tokens(limit, state, now) // MINUTE_NS


def has_room(kind: int, limit: int, state: Counts, now: int) -> bool:
    """Whether the window would let a call pass at this moment."""
    if kind == FIXED:
        return _counted(state, now // MINUTE_NS) < limit
    if kind == SLIDING:
        # The limit-th last call decides: a permit is held for exactly 60 s.
        return now - state[1 + state[0]] >= MINUTE_NS
    return _tokens(limit, state, now) >= MINUTE_NS


def count_call(kind: int, limit: int, state: Counts, now: int) -> None:
    """Count one call, admitted or not, against a minute window."""
    if kind == FIXED:
        _count(state, now // MINUTE_NS)
    elif kind == SLIDING:
        state[1 + state[0]] = now
        state[0] = (state[0] + 1) % limit
    else:
        # A rejected call that is charged takes what had refilled; the bucket never owes tokens.
        state[1] = max(0, _tokens(limit, state, now) - MINUTE_NS)
        state[0] = now


def free_at(kind: int, limit: int, state: Counts, now: int) -> int:
    """Return the first moment, from `now` on, at which the window lets a call pass if none comes before.

    For a fixed window that is full this is the next full minute: the delay that the provider states.
    """
    if has_room(kind, limit, state, now):
        return now
    if kind == FIXED:
        return (now // MINUTE_NS + 1) * MINUTE_NS
    if kind == SLIDING:
        return state[1 + state[0]] + MINUTE_NS
    missing = MINUTE_NS - _tokens(limit, state, now)
    return now + (missing + limit - 1) // limit


def day_number(midnights: Sequence[int] | NDArray[np.int64], now: int) -> int:
    """Return the place of `now` among the ascending starts of days: 0 for the first day.

    See `keyrota.quota.days.pacific_midnights`. Days have 23, 24 or 25 hours, so that a division
    would not do.
    """
    low, high = 0, len(midnights)
    while low < high:
        middle = (low + high) // 2
        if midnights[middle] <= now:
            low = middle + 1
        else:
            high = middle
    return low - 1


def day_room(limit: int, state: Counts, day: int) -> int:
    """Return how many calls the day would still let pass."""
    return max(0, limit - _counted(state, day))


def call(
    kind: int,
    minute_limit: int,
    minute: Counts,
    day_limit: int,
    day: Counts,
    today: int,
    now: int,
    charge_rejected: bool,
) -> int:
    """Make one call against both limits of a quota, and say what became of it.

    A call passes if every limit has room; it is counted if it passes, or always if rejected calls
    are charged. Where both limits are used up, the day is named.

    Parameters
    ----------
    kind
        Of the minute window: `FIXED`, `SLIDING` or `TOKEN_BUCKET`.
    minute_limit, day_limit
        Calls; `UNLIMITED` for none.
    minute, day
        Their states, changed in place.
    today
        `day_number` of `now`.
    now
        Nanoseconds since 1970 UTC, never less than at the call before.
    charge_rejected
        Whether a rejected call counts too.

    Returns
    -------
    int
        `ADMITTED`, `PER_MINUTE` or `PER_DAY`.

    Examples
    --------
    >>> minute, day = window_state(FIXED, 1), day_state()
    >>> [call(FIXED, 1, minute, 50, day, 0, now, False) for now in (0, 1, MINUTE_NS)]
    [0, 1, 0]
    """
    answer = ADMITTED
    if minute_limit != UNLIMITED and not has_room(kind, minute_limit, minute, now):
        answer = PER_MINUTE
    if day_limit != UNLIMITED and _counted(day, today) >= day_limit:
        answer = PER_DAY
    if answer == ADMITTED or charge_rejected:
        if minute_limit != UNLIMITED:
            count_call(kind, minute_limit, minute, now)
        if day_limit != UNLIMITED:
            _count(day, today)
    return answer


def quota_room(
    kind: int, minute_limit: int, minute: Counts, day_limit: int, day: Counts, today: int, now: int
) -> int:
    """Return how many calls both limits of a quota would let pass at this moment."""
    room = 2**62
    if minute_limit != UNLIMITED:
        room = window_room(kind, minute_limit, minute, now)
    if day_limit != UNLIMITED:
        room = min(room, day_room(day_limit, day, today))
    return room


def _counted(state: Counts, number: int) -> int:
    return state[1] if state[0] == number else 0


def _count(state: Counts, number: int) -> None:
    if state[0] != number:
        state[0] = number
        state[1] = 0
    state[1] += 1


def _tokens(limit: int, state: Counts, now: int) -> int:
    # In units of token / 60e9, so that `limit` a minute is `limit` a nanosecond: exact.
    passed = min(MINUTE_NS, now - state[0]) if state[0] != _LONG_AGO else MINUTE_NS
    return min(limit * MINUTE_NS, state[1] + passed * limit)
