"""What a log may lack: lines above the platform's cap on bursts, and picks whose 429 alone was kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.quota.calls import Calls

BURST_CAP: Final = 100
"""Lines of one function that the platform keeps in `BURST_NS`."""

BURST_NS: Final = 10_000_000_000
_LEAST_NS: Final = 1_000_000_000
_ROUNDING: Final = 1e-6

CUT_NS: Final = 60_000_000_000
"""A call that began before the log does is over after this time."""


@dataclass(frozen=True)
class Burst:
    """A window of 10 s in which the cap was reached: its events are ``first`` to ``last``, exclusive.

    `lost_time` is the longest silence in it or after it, as a multiple of the time in which its lines came:
    what is dropped leaves a silence, and had lines gone on coming as before, so many times those that are
    there are missing. A silence of another cause is counted too.
    """

    first: int
    last: int
    lost_time: float


def capped_windows(times: NDArray[np.int64], lines: NDArray[np.float64]) -> list[Burst]:
    """Find windows of 10 s in which one function's lines reach the cap of the platform.

    Parameters
    ----------
    times
        Nanoseconds of the function's events, ascending.
    lines
        How many lines of the log stand for each event, at least 1.

    Returns
    -------
    list of Burst
        Windows that do not overlap. None if a window holds more than two caps of events: as the phase of
        the platform's windows is not known up to two may be in one of ours, and more show that
        no cap was in force.

    Examples
    --------
    >>> second = 10**9
    >>> times = np.arange(100) * second // 50  # 100 lines in 2 s, then silence until the 12th second
    >>> [burst] = capped_windows(np.append(times, 12 * second), np.ones(101))
    >>> burst.first, burst.last, round(burst.lost_time, 2)
    (0, 100, 5.05)
    """
    times = np.minimum(times, np.iinfo(np.int64).max - BURST_NS)  # the last seconds that 64 bits hold
    fewest = math.ceil(BURST_CAP / max(1.0, float(lines.max(initial=1.0))) - _ROUNDING)
    if not (times[fewest - 1 :] - times[: max(0, len(times) - fewest + 1)] < BURST_NS).any():
        return []  # no window holds the events that it takes
    end = np.searchsorted(times, times + BURST_NS, side="left")
    number = end - np.arange(len(times))
    running = np.concatenate(([0.0], np.cumsum(lines)))
    load = running[end] - running[:-1]
    if number.max() > 2 * BURST_CAP:
        return []
    if load.max() > 2 * BURST_CAP:
        load = number.astype(np.float64)  # lines that belong to others: the cap would not have let them by
    bursts = []
    full = np.flatnonzero(load >= BURST_CAP)
    place = 0
    while place < len(full):
        begin = int(full[place])
        # Of the windows that begin in this one the fullest holds the burst.
        near = full[place : np.searchsorted(full, end[begin], side="left")]
        begin = int(near[load[near].argmax()])
        after = int(end[begin])
        bursts.append(_burst(times, begin, after))
        place = int(np.searchsorted(full, after, side="left"))
    return bursts


def without_pick(
    events: pd.DataFrame, calls: Calls, picking: Mapping[str, NDArray[np.bool_]]
) -> pd.DataFrame:
    """Return the 429s of isolates that have no pick at all: the pick lines were lost.

    An isolate that has picks may have called again with the same key. Nor does it count where the function is
    not seen picking, or within `CUT_NS` of the first event: the pick may stand before the log.

    Parameters
    ----------
    events
        Event table of one pool.
    calls
        Its calls.
    picking
        For ``"isolate"`` and ``"function"`` whether each, by its code, has a pick in the log, whatever the
        pool; the last place is that of rows that name none.
    """
    marks = calls.attribution.rows
    alone = np.ones(len(marks), dtype=bool)
    alone[calls.attribution.rejection] = False
    alone &= marks["isolate"].notna().to_numpy()
    marks = marks[alone]
    if marks.empty or events.empty:
        return marks
    first = events["time"].min()
    has_pick, is_picking = (picking[name][marks[name].cat.codes] for name in ("isolate", "function"))
    is_lost = ~has_pick & (is_picking | marks["function"].isna().to_numpy())
    if not pd.isna(first):
        is_late = marks["time"].isna() | (marks["time"] >= first + pd.Timedelta(CUT_NS, unit="ns"))
        is_lost &= is_late.to_numpy()
    return marks[is_lost]


def _burst(times: NDArray[np.int64], first: int, last: int) -> Burst:
    gaps = np.diff(times[first : last + 1])
    silence = min(int(gaps.max(initial=0)), BURST_NS) if last < len(times) else BURST_NS
    inside = np.diff(times[first:last])
    covered = int(times[last - 1] - times[first])
    longest_inside = int(inside.max(initial=0))
    if longest_inside >= silence:
        covered -= longest_inside
    return Burst(first, last, silence / max(covered, _LEAST_NS))
