"""A Poisson process of rate 1, run through the inverse of a cumulative rate.

An event at x of the process of rate 1 comes at the moment where the cumulative rate reaches x. So at
another rate the same events come earlier or later, and none is drawn anew (common random numbers).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from keyrota.traffic.pieces import Floats, Pieces

LEAST_GROWTH: Final = 1e-40
"""Growth a nanosecond that changes no rate by a rounding error in three centuries, the longest span."""


def unit_events(rng: np.random.Generator, block: int) -> Iterator[Floats]:
    """Yield the events of a Poisson process of rate 1, without end."""
    last = 0.0
    while True:
        events = rng.standard_exponential(block)
        events[0] += last
        np.cumsum(events, out=events)
        last = float(events[-1])
        yield events


def run_through(pieces: Iterable[Pieces], events: Iterator[Floats], growth_per_ns: float) -> Iterator[Floats]:
    """Yield the moments at which the cumulative rate reaches the events.

    Parameters
    ----------
    pieces
        The rate over time.
    events
        Ascending events of the unit process, without end.
    growth_per_ns
        The rate at time t is that of its piece times ``exp(growth_per_ns * t)``.

    Yields
    ------
    numpy.ndarray
        Nanoseconds from the start, ascending, each within its piece: at or after its begin, before its end.
    """
    growth = growth_per_ns if abs(growth_per_ns) > LEAST_GROWTH else 0.0
    waiting = next(events)
    reached = latest = 0.0
    for some in pieces:
        rates, amounts = _grown(some, growth)
        ends = reached + np.cumsum(amounts)
        begins = np.append(reached, ends[:-1])
        reached = float(ends[-1])
        last_moments = np.nextafter(some.end, 0.0)
        while True:
            count = int(np.searchsorted(waiting, reached))
            if count:
                now = waiting[:count]
                # Of pieces that begin at one amount the last has a rate above 0.
                place = np.searchsorted(begins, now, side="right") - 1 if len(begins) > 1 else np.intp(0)
                moments = _inverse((now - begins[place]) / rates[place], growth)
                moments += some.begin[place]
                np.minimum(moments, last_moments[place], out=moments)
                if growth:  # a logarithm of floats may step back by a rounding error
                    moments[0] = max(moments[0], latest)
                    np.maximum.accumulate(moments, out=moments)
                    latest = float(moments[-1])
                yield moments
            if count < len(waiting):
                waiting = waiting[count:]
                break
            waiting = next(events)


def _grown(some: Pieces, growth: float) -> tuple[Floats, Floats]:
    """Return the rate at the begin of each piece, and the events that each expects."""
    length = some.end - some.begin
    if not growth:
        return some.rate, some.rate * length
    has_rate = some.rate > 0
    with np.errstate(over="ignore"):  # an infinite amount holds all events that are left
        rates = some.rate * np.exp(growth * some.begin, where=has_rate, out=np.zeros_like(length))
        spans = np.expm1(growth * length, where=has_rate, out=np.zeros_like(length)) / growth
        return rates, rates * spans


def _inverse(amounts: Floats, growth: float) -> Floats:
    """Return how long a rate that begins at 1 takes to these amounts."""
    if not growth:
        return amounts
    amounts *= growth
    np.maximum(amounts, -1.0, out=amounts)  # of a falling rate, by a rounding error beyond all it expects
    with np.errstate(divide="ignore"):
        np.log1p(amounts, out=amounts)
    amounts /= growth
    return amounts
