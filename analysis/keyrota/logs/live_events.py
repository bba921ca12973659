"""What a watch is told of a log: picks, and 429s each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from keyrota.logs.rows import NO_TIME

if TYPE_CHECKING:
    from numpy.typing import NDArray

AHEAD_NS: Final = 86_400_000_000_000
"""How far ahead a row's time may be: one line of the year 2262 must not make all others late."""


class Pick(NamedTuple):
    """A key was chosen. `isolate` is ``None`` where the log names none; positions are 1-based."""

    time: int
    pool: str | None
    key: int | None
    position: int | None
    size: int | None
    function: str | None
    isolate: str | None


class Rejected(NamedTuple):
    """A 429; the key is that of the pick before it in the same isolate."""

    time: int
    pool: str | None
    cause: str
    limit: int | None
    key: int | None


class Corrected(NamedTuple):
    """What a 429 that was told already is, now that its body has come; `was` is the cause that was told."""

    time: int
    pool: str | None
    cause: str
    limit: int | None
    key: int | None
    was: str


Event = Pick | Rejected | Corrected


def sound_times(times: NDArray[np.int64], now_ns: int, before_ns: int | None = None) -> NDArray[np.int64]:
    """Return when rows happened; a time that is missing, or far ahead of now, is that of the row before.

    Whatever feeds a watch asks here: a watch takes the latest time that it is told for the time that it is.

    Parameters
    ----------
    times
        Nanoseconds since 1970 UTC, or `NO_TIME`, in the order of the rows.
    now_ns
        The time now: also that of rows before the first that has one.
    before_ns
        The time of the row before the first, if there is one.

    Examples
    --------
    >>> sound_times(np.array([NO_TIME, 5, 9 * AHEAD_NS, 7]), 6).tolist()
    [6, 5, 5, 7]
    """
    is_sound = (times != NO_TIME) & (times <= now_ns + AHEAD_NS)
    if is_sound.all():
        return times
    last: NDArray[Any] = np.maximum.accumulate(np.where(is_sound, np.arange(len(times)), -1))
    return np.where(last >= 0, times[last], now_ns if before_ns is None else before_ns)
