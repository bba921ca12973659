"""Which replications tell a share of 429s: how long they are, where they begin, what is not counted."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any, Final

import numpy as np

from keyrota.quota.days import SECOND_NS, pacific_midnights
from keyrota.simulation.scenario import Hosted, ScalePerRequest, Scenario
from keyrota.traffic.arrivals import Bursts, Profile, Sessions

DAY_S: Final = 86_400.0
REQUESTS_PER_REPLICATION: Final = 8_000
CYCLES_PER_REPLICATION: Final = 100
"""Busy and calm spells."""
MOST_SPAN_S: Final = 14_600 * DAY_S
"""No replication is longer: where requests are few, more replications make up for it."""


def wanted_s(scenario: Scenario, rate_per_min: float) -> float:
    """Return how long a replication takes that tells a share: many requests, many sessions, many bursts."""
    kinds = [function.arrivals for function in scenario.functions]
    messages = max((kind.messages for kind in kinds if isinstance(kind, Sessions)), default=1.0)
    cycles = [kind.burst_s + kind.calm_s for kind in kinds if isinstance(kind, Bursts)]
    spans = [60 * REQUESTS_PER_REPLICATION * max(1.0, messages / 20) / rate_per_min]
    return max(*spans, *(CYCLES_PER_REPLICATION * cycle for cycle in cycles), 0.0)


def span_of(scenario: Scenario, wanted: float) -> dict[str, Any]:
    """Return start, duration and warm-up of a replication about as long as wanted, to put into a scenario.

    Parameters
    ----------
    scenario
        Its start is a moment of the calendar to be near to; its deployments are left out.
    wanted
        Seconds that count, as of `wanted_s`; rounded to what repeats itself.
    """
    period = _period_s(scenario)
    start, span = _span(scenario, period * max(1, round(min(wanted, MOST_SPAN_S) / period)))
    warm_up = _warm_up_s(scenario)
    return {"start": start, "duration_s": span + warm_up, "warm_up_s": warm_up, "deployments_s": ()}


def _period_s(scenario: Scenario) -> float:
    """Return the span that repeats itself: whole days where a day counts, whole weeks, else 10 minutes."""
    profiles = [f.arrivals for f in scenario.functions if isinstance(f.arrivals, Profile)]
    if any(len(profile.weights) == 168 for profile in profiles):
        return 7 * DAY_S
    if profiles or any(pool.quota.per_day is not None for pool in scenario.pools):
        return DAY_S
    return 600.0


def _span(scenario: Scenario, span_s: float) -> tuple[dt.datetime, float]:
    """Return start and length of a replication: whole Pacific days where a day counts."""
    if all(pool.quota.per_day is None for pool in scenario.pools):
        return scenario.start, span_s
    midnights = next_midnights(scenario.start, max(1, round(span_s / DAY_S)) + 1)
    return midnights[0], (midnights[-1] - midnights[0]).total_seconds()


def next_midnights(start: dt.datetime, number: int) -> list[dt.datetime]:
    """Return so many Pacific midnights, the first of them not before the start.

    Examples
    --------
    >>> [moment.isoformat() for moment in next_midnights(dt.datetime(2025, 11, 2, 1, tzinfo=dt.UTC), 2)]
    ['2025-11-02T07:00:00+00:00', '2025-11-03T08:00:00+00:00']
    """
    start_ns = round(start.timestamp() * SECOND_NS)
    midnights = pacific_midnights(start_ns, start_ns + (number + 1) * int(DAY_S) * SECOND_NS)
    first = int(np.searchsorted(midnights, start_ns))
    return [
        dt.datetime.fromtimestamp(int(moment) // SECOND_NS, dt.UTC)
        for moment in midnights[first : first + number]
    ]


def _warm_up_s(scenario: Scenario) -> float:
    """Return how long isolates take to forget that there were none at the start, in whole minutes.

    None where a day counts: a day begins anew, and isolates live minutes.
    """
    if any(pool.quota.per_day is not None for pool in scenario.pools):
        return 0.0
    lives = [60.0]
    for function in scenario.functions:
        if isinstance(function.isolates, Hosted):
            lives.append(3 * function.isolates.life_s)
        elif isinstance(function.isolates, ScalePerRequest):
            lives.append(2 * function.isolates.idle_expiry_s)
    return 60.0 * math.ceil(min(max(lives), DAY_S) / 60)
