"""What a run counts, in one layout for both engines: small tables of integers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keyrota.simulation.setting import NEVER, Setting


class OfFunction(IntEnum):
    """Columns of a function's counts; spans in microseconds, so that a year of isolates fits."""

    REQUESTS = 0
    REJECTED = 1  # ended in a 429
    COLD = 2  # booted their isolate
    TURNED_AWAY = 3  # met the cap on instances
    UNUSED = 4  # picked a key and left the call to another function
    ENDED = 5  # isolates that ended within the counted span
    LIFE_US = 6  # sum of their lives
    ALIVE_US = 7  # isolates x time
    BUSY_US = 8  # isolates with a request in work x time


class OfKey(IntEnum):
    """Columns of a key's counts."""

    PICKS = 0
    CALLS = 1
    PER_MINUTE = 2  # calls rejected by the minute limit
    PER_DAY = 3  # calls rejected by the day's limit


class OfPool(IntEnum):
    """Columns of a pool's moments, nanoseconds since 1970 UTC; `NEVER` where they did not come."""

    FIRST_REJECTION = 0  # the first request that ends in a 429
    EXHAUSTED = 1  # the last call that any of its keys had left for the day


class Tally(NamedTuple):
    """Counts of one run: int64 arrays with a row for each function, key and pool."""

    functions: NDArray[np.int64]
    keys: NDArray[np.int64]
    pools: NDArray[np.int64]


def new_tally(setting: Setting) -> Tally:
    """Return a tally of nothing."""
    return Tally(
        np.zeros((len(setting.functions), len(OfFunction)), dtype=np.int64),
        np.zeros((len(setting.keys), len(OfKey)), dtype=np.int64),
        np.full((len(setting.pool_size), len(OfPool)), NEVER, dtype=np.int64),
    )


def overlap_us(begin: int, end: int, low: int, high: int) -> int:
    """Return how many microseconds of ``begin..end`` lie in ``low..high`` (nanoseconds).

    Examples
    --------
    >>> overlap_us(0, 5_000, 2_000, 10_000)
    3
    """
    span = min(end, high) - max(begin, low)
    return span // 1000 if span > 0 else 0


@dataclass(frozen=True)
class Run:
    """What one run of an engine gives.

    Parameters
    ----------
    tally
        The counts.
    trace
        Everything that happened, one row each (`keyrota.simulation.trace`), or ``None``.
    """

    tally: Tally
    trace: NDArray[np.int64] | None
