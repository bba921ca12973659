"""The moments at which requests arrive, drawn block by block."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.traffic.arrivals import Arrivals, Bursts, Poisson, Profile, Regular, Replay, Sessions
from keyrota.traffic.pieces import MINUTE_NS, SECOND_NS, constant, of_bursts, of_profile
from keyrota.traffic.sessions import messages_of
from keyrota.traffic.time_change import run_through, unit_events

Times = NDArray[np.int64]
Stream = Callable[[str], np.random.Generator]
"""Gives the random numbers of one quantity by its name: arrivals, spells, messages, think."""

BLOCK: Final = 16_384
DAY_NS: Final = 86_400 * SECOND_NS


def arrival_blocks(
    arrivals: Arrivals, stream: Stream, *, start_ns: int, end_ns: int, block: int = BLOCK
) -> Iterator[Times]:
    """Yield the times at which requests arrive.

    Every random process is one Poisson process of rate 1, of the stream ``arrivals``, run through the
    inverse of its own cumulative rate. So the n-th arrival comes earlier at a higher rate, by as much as
    the rate is higher, and two processes that differ in a number see the same traffic otherwise.

    Memory is that of a few blocks, and of the sessions that are under way, however long the span is. Times
    are 64-bit floats until they are rounded down to nanoseconds: 0.5 microseconds fine after a century.

    Parameters
    ----------
    arrivals
        The process, as `keyrota.traffic.arrivals.check_arrivals` allows it.
    stream
        Its random numbers.
    start_ns, end_ns
        The span, nanoseconds since 1970 UTC; the end is not in it. Growth counts from the start.
    block
        The most times in an array, at least 1; the times do not depend on it.

    Yields
    ------
    numpy.ndarray
        Shape (1..block,), int64 nanoseconds, ascending from array to array; equal times are possible.

    Examples
    --------
    >>> jobs = Regular(rate_per_min=60.0)
    >>> blocks = arrival_blocks(jobs, np.random.default_rng, start_ns=0, end_ns=2_000_000_000)
    >>> [times.tolist() for times in blocks]
    [[0, 1000000000]]
    """
    if end_ns <= start_ns:
        return
    if isinstance(arrivals, Replay):
        parts: Iterable[Times] = _replayed(arrivals, start_ns, end_ns, block)
    elif arrivals.rate_per_min <= 0:
        return
    elif isinstance(arrivals, Regular):
        parts = _regular(arrivals, start_ns, end_ns, block)
    elif isinstance(arrivals, Sessions):
        begins = _drawn(arrivals, stream, start_ns, end_ns, block)
        parts = messages_of(arrivals, begins, stream, end_ns)
    else:
        parts = _drawn(arrivals, stream, start_ns, end_ns, block)
    for part in parts:
        for first in range(0, len(part), block):
            yield part[first : first + block]


def _drawn(
    arrivals: Poisson | Profile | Bursts | Sessions, stream: Stream, start_ns: int, end_ns: int, block: int
) -> Iterator[Times]:
    """Yield the arrivals of a Poisson process whose rate varies; of sessions, their begins."""
    span_ns = end_ns - start_ns
    if isinstance(arrivals, Profile):
        pieces = of_profile(arrivals, start_ns, span_ns)
    elif isinstance(arrivals, Bursts):
        pieces = of_bursts(arrivals, stream, span_ns)
    elif isinstance(arrivals, Sessions):
        pieces = constant(arrivals.rate_per_min / arrivals.messages, span_ns)
    else:
        pieces = constant(arrivals.rate_per_min, span_ns)
    growth_per_ns = math.log1p(arrivals.growth_per_day) / DAY_NS
    for moments in run_through(pieces, unit_events(stream("arrivals"), block), growth_per_ns):
        yield start_ns + moments.astype(np.int64)


def _regular(regular: Regular, start_ns: int, end_ns: int, block: int) -> Iterator[Times]:
    span_ns = end_ns - start_ns
    for first in range(0, math.ceil(span_ns / MINUTE_NS * regular.rate_per_min) + 1, block):
        with np.errstate(over="ignore"):  # beyond all times is beyond the end
            moments = np.arange(first, first + block) * float(MINUTE_NS) / regular.rate_per_min
        moments = np.rint(np.minimum(moments, span_ns)) + round(regular.offset_s * SECOND_NS)
        yield start_ns + moments[moments < span_ns].astype(np.int64)


def _replayed(replay: Replay, start_ns: int, end_ns: int, block: int) -> Iterator[Times]:
    first, last = np.searchsorted(replay.moments, [start_ns, end_ns]).tolist()
    for index in range(first, last, block):
        yield replay.moments[index : min(index + block, last)].copy()
