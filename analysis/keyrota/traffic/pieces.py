"""The rate of a process over time: stretches of constant rate, times a growth that never pauses."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from keyrota.traffic.arrivals import Bursts, Profile

Floats = NDArray[np.float64]

DAY_S: Final = 86_400
QUARTER_S: Final = 900
"""Offsets of time zones from UTC have been multiples of this since 1972."""

MONDAY_S: Final = 4 * DAY_S
"""1970-01-05, the first Monday."""

SPELLS: Final = 512
"""Busy and calm spells drawn at a time."""


@dataclass(frozen=True)
class Pieces:
    """Some successive stretches: where each begins and ends (seconds from the start), its rate per second."""

    begin: Floats
    end: Floats
    rate: Floats


def constant(rate_per_s: float, span_s: float) -> Iterator[Pieces]:
    """Yield the one piece of a constant rate."""
    yield Pieces(np.array([0.0]), np.array([span_s]), np.array([rate_per_s]))


def of_profile(profile: Profile, start_ns: int, span_s: float) -> Iterator[Pieces]:
    """Yield the pieces of a profile, a day at a time, by the wall clock of its zone."""
    zone, weights = ZoneInfo(profile.zone), np.array(profile.weights)
    rates = profile.rate_per_min / 60 * weights / weights.mean()
    start_s = start_ns / 1e9
    first = math.floor(start_s / QUARTER_S) * QUARTER_S
    while first - start_s < span_s:
        quarters = first + QUARTER_S * np.arange(DAY_S // QUARTER_S)
        local = quarters + _offsets(zone, quarters) - MONDAY_S
        begin = np.maximum(quarters - start_s, 0.0)
        end = np.minimum(quarters + QUARTER_S - start_s, span_s)
        is_inside = end > begin
        rate = rates[(local // 3600) % len(rates)]
        yield Pieces(begin[is_inside], end[is_inside], rate[is_inside])
        first += DAY_S


def of_bursts(
    bursts: Bursts, stream: Callable[[str], np.random.Generator], span_s: float
) -> Iterator[Pieces]:
    """Yield the spells of a process with bursts; the first state is drawn from the long run's."""
    rng = stream("spells")
    is_busy = rng.random() < bursts.burst_s / (bursts.burst_s + bursts.calm_s)
    means = np.array([bursts.burst_s, bursts.calm_s])
    rates = np.array([bursts.burst_per_min, bursts.calm_per_min]) / 60
    state = (np.arange(SPELLS) + (not is_busy)) % 2
    begun = 0.0
    while begun < span_s:
        lengths = rng.standard_exponential(SPELLS)
        lengths *= means[state]
        lengths[0] += begun
        end = np.cumsum(lengths)
        begin = np.concatenate([[begun], end[:-1]])
        is_inside = begin < span_s
        yield Pieces(begin[is_inside], np.minimum(end, span_s)[is_inside], rates[state][is_inside])
        begun = float(end[-1])


def _offsets(zone: ZoneInfo, moments_s: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the offsets from UTC in seconds at moments of one day."""
    first, last = _offset(zone, int(moments_s[0])), _offset(zone, int(moments_s[-1]))
    if first == last:
        return np.full(len(moments_s), first)
    return np.array([_offset(zone, int(moment)) for moment in moments_s])


def _offset(zone: ZoneInfo, moment_s: int) -> int:
    offset = dt.datetime.fromtimestamp(moment_s, zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())
