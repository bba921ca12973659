"""The rate of a process over time: stretches of constant rate, times a growth that never pauses."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from keyrota.traffic.arrivals import Bursts, Profile

Floats = NDArray[np.float64]
Seconds = NDArray[np.int64]

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
HOUR_S: Final = 3_600
WEEK_S: Final = 7 * 86_400

MONDAY_S: Final = 4 * 86_400
"""1970-01-05, the first Monday."""

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

SPELLS: Final = 512
"""Busy and calm spells drawn at a time; even, so that each time begins in the same state."""


@dataclass(frozen=True)
class Pieces:
    """Some successive stretches, at least one, each of a length above 0.

    Parameters
    ----------
    begin, end
        Nanoseconds from the start; a piece begins where the one before it ends.
    rate
        Requests a nanosecond, without growth.
    """

    begin: Floats
    end: Floats
    rate: Floats


def constant(rate_per_min: float, span_ns: int) -> Iterator[Pieces]:
    """Yield the one piece of a constant rate."""
    yield Pieces(np.array([0.0]), np.array([float(span_ns)]), np.array([rate_per_min / MINUTE_NS]))


def of_profile(profile: Profile, start_ns: int, span_ns: int) -> Iterator[Pieces]:
    """Yield the pieces of a profile, a week at a time, by the wall clock of its zone."""
    zone, weights = ZoneInfo(profile.zone), np.array(profile.weights, dtype=np.float64)
    weights /= weights.max()  # so that no sum of them overflows
    rates = profile.rate_per_min / MINUTE_NS * weights / weights.mean()
    begin_s = start_ns // SECOND_NS
    while begin_s * SECOND_NS < start_ns + span_ns:
        begins_s, hours = _local_hours(zone, begin_s, begin_s + WEEK_S)
        begin_s += WEEK_S
        edges = np.append(begins_s, begin_s) * SECOND_NS - start_ns
        edges = np.clip(edges, 0, span_ns)
        is_inside = edges[:-1] < edges[1:]
        edges, rate = edges.astype(np.float64), rates[hours % len(rates)]
        yield Pieces(edges[:-1][is_inside], edges[1:][is_inside], rate[is_inside])


def of_bursts(bursts: Bursts, stream: Callable[[str], np.random.Generator], span_ns: int) -> Iterator[Pieces]:
    """Yield the spells of a process with bursts; the first state is drawn from the long run's."""
    rng = stream("spells")
    is_busy = rng.random() < bursts.burst_s / (bursts.burst_s + bursts.calm_s)
    means = np.array([bursts.burst_s, bursts.calm_s]) * SECOND_NS
    rates = np.array([bursts.burst_per_min, bursts.calm_per_min]) / MINUTE_NS
    state = (np.arange(SPELLS) + (not is_busy)) % 2
    begun = 0.0
    while begun < span_ns:
        edges = np.append(begun, rng.standard_exponential(SPELLS) * means[state])
        np.cumsum(edges, out=edges)
        begun = float(edges[-1])
        np.minimum(edges, span_ns, out=edges)
        is_inside = edges[:-1] < edges[1:]
        yield Pieces(edges[:-1][is_inside], edges[1:][is_inside], rates[state[is_inside]])


def _local_hours(zone: ZoneInfo, begin_s: int, end_s: int) -> tuple[Seconds, Seconds]:
    """Return when the hours of a wall clock begin in a span, and each one's number since a Monday.

    Where the clock is set, a new hour begins. Of two settings within an hour nothing is seen.
    """
    probes = range(begin_s, end_s + 1, HOUR_S)
    offsets = [_offset(zone, probe) for probe in probes]
    begins, hours = [], []
    since, offset = begin_s, offsets[0]
    for before, after, later in zip(probes, probes[1:], offsets[1:], strict=False):
        if later == offset and after < end_s:
            continue
        until = _first_with_another_offset(zone, before, after) if later != offset else end_s
        first_full = since + -(since + offset) % HOUR_S
        own = np.unique(np.append(since, np.arange(first_full, until, HOUR_S)))
        begins.append(own)
        hours.append((own + offset - MONDAY_S) // HOUR_S)
        since, offset = until, later
    return np.concatenate(begins), np.concatenate(hours)


def _first_with_another_offset(zone: ZoneInfo, before: int, after: int) -> int:
    offset = _offset(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(zone, middle) == offset else (before, middle)
    return after


def _offset(zone: ZoneInfo, moment_s: int) -> int:
    """Return the offset from UTC in seconds."""
    offset = (EPOCH + dt.timedelta(seconds=moment_s)).astimezone(zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())
