"""One usable rate: which replications tell it, and the search over them."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any, Final

import numpy as np
from msgspec.structs import replace

from keyrota.planning.resize import at_total_rate
from keyrota.planning.search import UsableRateSearch, trial_of
from keyrota.quota.days import SECOND_NS, pacific_midnights
from keyrota.simulation.estimates import Quantity
from keyrota.simulation.experiment import run_replications
from keyrota.simulation.scenario import Hosted, ScalePerRequest, Scenario
from keyrota.simulation.setting import setting_of
from keyrota.simulation.tally import Tally
from keyrota.traffic.arrivals import Bursts, Profile, Sessions

DAY_S: Final = 86_400.0
REQUESTS_PER_REPLICATION: Final = 8_000
CYCLES_PER_REPLICATION: Final = 100
"""Busy and calm spells."""
MOST_SPAN_S: Final = 14_600 * DAY_S
"""No replication is longer: where requests are few, more replications make up for it."""


def usable_rate(scenario: Scenario, *, nominal: float, guess: float, **options: Any) -> Quantity:
    """Search one usable rate, in replications that are longer where the rate turns out to be lower.

    Parameters
    ----------
    scenario
        With one pool of the size in question.
    nominal
        Requests a minute that no admission exceeds.
    guess
        Where the search begins, requests a minute.
    **options
        target, precision, seed and engine, as for `keyrota.planning.onset.find_onset`.
    """
    while True:
        try:
            return _search(scenario, nominal=nominal, guess=guess, **options).run(guess)
        except _TooThinError as error:
            guess = error.rate


class _TooThinError(Exception):
    """At this rate too few requests arrive in a replication."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self.rate = rate


def _search(
    scenario: Scenario,
    *,
    nominal: float,
    guess: float,
    target: float,
    precision: float,
    seed: int,
    engine: str,
) -> UsableRateSearch:
    period = _period_s(scenario)
    wanted = min(_wanted_s(scenario, guess), MOST_SPAN_S)
    start, span = _span(scenario, period * max(1, round(wanted / period)))
    warm_up = _warm_up_s(scenario)
    seeds = np.random.SeedSequence(seed)

    def tallies(rate: float, first: int, until: int) -> list[Tally]:
        if rate < guess / 4 and wanted < MOST_SPAN_S:
            raise _TooThinError(rate)
        timed = replace(
            at_total_rate(scenario, rate), start=start, duration_s=span + warm_up, warm_up_s=warm_up,
            deployments_s=(),
        )  # fmt: skip
        return run_replications(setting_of(timed), seeds, range(first, until), engine=engine)

    return UsableRateSearch(trial_of(tallies), target, nominal, precision)


def _wanted_s(scenario: Scenario, rate_per_min: float) -> float:
    """Return how long a replication takes that tells a share: many requests, many sessions, many bursts."""
    kinds = [function.arrivals for function in scenario.functions]
    messages = max((kind.messages for kind in kinds if isinstance(kind, Sessions)), default=1.0)
    cycles = [kind.burst_s + kind.calm_s for kind in kinds if isinstance(kind, Bursts)]
    spans = [60 * REQUESTS_PER_REPLICATION * max(1.0, messages / 20) / rate_per_min]
    return max(*spans, *(CYCLES_PER_REPLICATION * cycle for cycle in cycles), 0.0)


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
    start_ns = round(scenario.start.timestamp() * SECOND_NS)
    days = max(1, round(span_s / DAY_S))
    midnights = pacific_midnights(start_ns, start_ns + (days + 2) * int(DAY_S) * SECOND_NS)
    first = int(np.searchsorted(midnights, start_ns))
    start = dt.datetime.fromtimestamp(int(midnights[first]) // SECOND_NS, dt.UTC)
    return start, int(midnights[first + days] - midnights[first]) / SECOND_NS


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
