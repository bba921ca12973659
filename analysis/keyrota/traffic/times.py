"""The moments at which requests arrive, drawn block by block.

Every random process is one unit-rate Poisson process run through the inverse of its own cumulative rate:
at another rate the same requests come earlier or later, none is drawn anew (common random numbers).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.traffic.arrivals import Arrivals, Bursts, Profile, Regular, Replay, Sessions
from keyrota.traffic.pieces import DAY_S, Floats, Pieces, constant, of_bursts, of_profile

Times = NDArray[np.int64]
Stream = Callable[[str], np.random.Generator]
"""Gives the random numbers of one quantity by its name."""

BLOCK: Final = 16_384


def arrival_blocks(
    arrivals: Arrivals, stream: Stream, *, start_ns: int, end_ns: int, block: int = BLOCK
) -> Iterator[Times]:
    """Yield the times at which requests arrive.

    Parameters
    ----------
    arrivals
        The process.
    stream
        Its random numbers.
    start_ns, end_ns
        The span, nanoseconds since 1970 UTC; the end is not in it.
    block
        The most times in an array; the times do not depend on it.

    Yields
    ------
    numpy.ndarray
        Shape (1..block,), int64 nanoseconds, ascending from array to array.
    """
    if isinstance(arrivals, Replay):
        given = np.array(arrivals.times_ns, dtype=np.int64)
        yield from _cut([given[np.searchsorted(given, start_ns) :]], end_ns, block)
        return
    if arrivals.rate_per_min <= 0 or end_ns <= start_ns:
        return
    span_s = (end_ns - start_ns) / 1e9
    seconds = _seconds(arrivals, stream, start_ns, span_s, block)
    # What lies behind the end may lie behind all integers too; a second more keeps it behind the end.
    moments = (start_ns + (np.minimum(part, span_s + 1) * 1e9).astype(np.int64) for part in seconds)
    yield from _cut(moments, end_ns, block)


def _seconds(
    arrivals: Arrivals, stream: Stream, start_ns: int, span_s: float, block: int
) -> Iterator[Floats]:
    """Yield times in seconds from the start, ascending."""
    assert not isinstance(arrivals, Replay)
    rate = arrivals.rate_per_min / 60
    if isinstance(arrivals, Regular):
        yield from _regular(rate, arrivals.offset_s, span_s, block)
        return
    if isinstance(arrivals, Profile):
        pieces = of_profile(arrivals, start_ns, span_s)
    elif isinstance(arrivals, Bursts):
        pieces = of_bursts(arrivals, stream, span_s)
    elif isinstance(arrivals, Sessions):
        pieces = constant(rate / arrivals.messages, span_s)
    else:
        pieces = constant(rate, span_s)
    growth_per_s = math.log1p(arrivals.growth_per_day) / DAY_S
    times = run_through(pieces, _unit_events(stream("arrivals"), block), growth_per_s)
    yield from _with_messages(arrivals, times, stream) if isinstance(arrivals, Sessions) else times


def _unit_events(rng: np.random.Generator, block: int) -> Iterator[Floats]:
    """Yield the events of a Poisson process of rate 1."""
    last = 0.0
    while True:
        events = rng.standard_exponential(block)
        events[0] += last
        np.cumsum(events, out=events)
        last = float(events[-1])
        yield events


def run_through(pieces: Iterable[Pieces], events: Iterator[Floats], growth_per_s: float) -> Iterator[Floats]:
    """Yield the events of a unit-rate process at the times where the cumulative rate reaches them.

    Parameters
    ----------
    pieces
        The rate over time.
    events
        Ascending events of the unit process, without end.
    growth_per_s
        The rate at time t is that of its piece times ``exp(growth_per_s * t)``.
    """
    waiting = next(events)
    reached = 0.0
    for some in pieces:
        grown = some.rate * np.exp(growth_per_s * some.begin)
        amounts = grown * _grown_span(some.end - some.begin, growth_per_s)
        ends = reached + np.cumsum(amounts)
        begins = np.concatenate([[reached], ends[:-1]])
        reached = float(ends[-1])
        while True:
            count = int(np.searchsorted(waiting, reached))
            if count:
                now = waiting[:count]
                # Of pieces that begin at one amount the last has a rate above 0.
                place = np.searchsorted(begins, now, side="right") - 1
                since = _inverse((now - begins[place]) / grown[place], growth_per_s)
                yield np.minimum(some.begin[place] + since, some.end[place])
            if count < len(waiting):
                waiting = waiting[count:]
                break
            waiting = next(events)


def _grown_span(length: Floats, growth_per_s: float) -> Floats:
    return np.expm1(growth_per_s * length) / growth_per_s if growth_per_s else length


def _inverse(amount: Floats, growth_per_s: float) -> Floats:
    return np.log1p(growth_per_s * amount) / growth_per_s if growth_per_s else amount


def _with_messages(sessions: Sessions, begins: Iterator[Floats], stream: Stream) -> Iterator[Floats]:
    """Yield the requests of sessions that begin at given times.

    What comes after the last known begin waits: a session that begins later may come first.
    """
    counts, thinking = stream("messages"), stream("think")
    under_way = np.empty(0)
    for begin in begins:
        messages = counts.geometric(1 / sessions.messages, len(begin))
        of_session = np.repeat(np.arange(len(begin)), messages)
        is_first = np.concatenate([[True], np.diff(of_session) > 0])
        gaps = np.zeros(len(of_session))
        gaps[~is_first] = sessions.think_s * thinking.standard_exponential(len(gaps) - len(begin))
        elapsed = np.cumsum(gaps)
        times = begin[of_session] + elapsed - elapsed[is_first][of_session]
        under_way = np.sort(np.concatenate([under_way, times]))
        ready = int(np.searchsorted(under_way, begin[-1], side="right"))
        yield under_way[:ready]
        under_way = under_way[ready:]
    yield under_way


def _regular(rate_per_s: float, offset_s: float, span_s: float, block: int) -> Iterator[Floats]:
    first = 0
    while offset_s + first / rate_per_s < span_s:
        yield offset_s + np.arange(first, first + block) / rate_per_s
        first += block


def _cut(parts: Iterable[Times], end_ns: int, block: int) -> Iterator[Times]:
    """Yield what lies before the end, in arrays of at most `block`; nothing is asked for after it."""
    for part in parts:
        inside = part[: np.searchsorted(part, end_ns)]
        for first in range(0, len(inside), block):
            yield inside[first : first + block]
        if len(inside) < len(part):
            return
