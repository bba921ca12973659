"""Signs that isolates were restarted together at some moment, as a deployment or a change of secrets does."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.display import count
from keyrota.quota.windows import MINUTE_NS
from keyrota.rotation.alike import unique_numbers

LEAST_NEAR_NS: Final = 120_000_000_000
MOST_NEAR_NS: Final = 3_600_000_000_000
"""A sign is near a change if it lies among the isolates around it, at least and at most this close."""

USUAL_SHARE: Final = 0.05
"""What happens at more than this share of other moments is no sign."""

LEAST_BOOTS: Final = 5
"""Boots in one minute that may be many."""

LEAST_OF_SIZE: Final = 10
"""Picks on either side that tell the size of the pool there."""

NO_TIME: Final = np.iinfo(np.int64).min


def restart_signs(
    events: pd.DataFrame,
    born_ns: NDArray[np.int64],
    ended_ns: NDArray[np.int64],
    split: int,
    time_ns: int,
    near_ns: NDArray[np.int64],
) -> tuple[str, ...]:
    """Return what speaks for a restart near a moment, in words.

    Parameters
    ----------
    events
        Event table of one pool.
    born_ns, ended_ns
        Times of the first and the last pick of each isolate, in the order of the first; may be empty.
    split
        Number of isolates before the moment.
    time_ns
        The moment.
    near_ns
        First and last time of the stretch in which the moment may lie.
    """
    low = max(time_ns - MOST_NEAR_NS, min(int(near_ns[0]), time_ns - LEAST_NEAR_NS))
    high = min(time_ns + MOST_NEAR_NS, max(int(near_ns[1]), time_ns + LEAST_NEAR_NS))
    signs = []
    if len(born_ns) and _all_are_new(born_ns, ended_ns, split, low, high):
        signs.append("no isolate has picks both before and after it")
    times = events["time"].to_numpy(dtype="datetime64[ns]").view("int64")
    is_near = (times >= low) & (times <= high)
    ended = (
        is_near & ((events["kind"] == "shutdown") & (events["cause"] == "TerminationRequested")).to_numpy()
    )
    if ended.any():
        signs.append(f"{count(int(ended.sum()), 'isolate')} terminated on request near it")
    boots = times[(events["kind"] == "boot").to_numpy() & (times != NO_TIME)]
    most = _many_boots(boots, low, high)
    if most:
        signs.append(f"{count(most, 'isolate')} booted within one minute near it")
    before, after = _sizes(events, times, time_ns)
    if before and after and before != after:
        signs.append(f"the size of the pool in the picks changes from {before} to {after}")
    return tuple(signs)


def _all_are_new(born: NDArray[np.int64], ended: NDArray[np.int64], split: int, low: int, high: int) -> bool:
    """Say whether near the moment no isolate lives on, though elsewhere nearly always one does."""
    latest = np.maximum.accumulate(ended)
    is_bare = latest[:-1] < born[1:]  # between an isolate and the next one born
    near = (born[1:] >= low) & (born[:-1] <= high)
    near[max(0, split - 1) : split] = True
    elsewhere = is_bare[~near]
    return bool(is_bare[near].any() and len(elsewhere) and elsewhere.mean() <= USUAL_SHARE)


def _many_boots(boots: NDArray[np.int64], low: int, high: int) -> int:
    """Return the boots of the busiest minute near the moment, 0 if other minutes have as many."""
    minutes, number = unique_numbers(boots // MINUTE_NS)
    near = (minutes >= low // MINUTE_NS) & (minutes <= high // MINUTE_NS)
    if not near.any() or near.all():
        return 0
    most = int(number[near].max())
    is_usual = np.mean(number[~near] >= most) > USUAL_SHARE / 5
    return 0 if most < LEAST_BOOTS or is_usual else most


def _sizes(events: pd.DataFrame, times: NDArray[np.int64], time_ns: int) -> tuple[int, int]:
    """Return the size that most picks name before and after a moment, 0 where too few do."""
    is_pick = ((events["kind"] == "pick") & events["size"].notna()).to_numpy() & (times != NO_TIME)
    sizes = events["size"].fillna(0).to_numpy(dtype=np.int64)
    found = []
    for own in (is_pick & (times < time_ns), is_pick & (times >= time_ns)):
        values, number = unique_numbers(sizes[own])
        found.append(int(values[number.argmax()]) if own.sum() >= LEAST_OF_SIZE else 0)
    return found[0], found[1]
