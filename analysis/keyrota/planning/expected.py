"""The share of 429s that theory expects at the traffic of a scenario, where a closed form speaks about it."""

from __future__ import annotations

from typing import Final

import numpy as np

from keyrota import theory
from keyrota.planning.closed_form import ClosedForm, closed_form
from keyrota.planning.resize import only_pool, replace
from keyrota.simulation.scenario import Scenario
from keyrota.theory.day import MINUTES_PER_DAY
from keyrota.traffic.arrivals import Arrivals, Bursts, Poisson, Profile, mean_rate

MOST_BURSTY: Final = 6
"""Functions with bursts: each doubles the states of all together."""


def expected_share(scenario: Scenario, pool: str, *, fails_over: bool = False) -> float | None:
    """Return the long-run share of requests of a pool that end in a 429; ``None`` without a closed form.

    The minute's share is taken at the rate of each hour of a profile, or of each state of bursts, and
    weighted by the requests in it: it holds where these last longer than a minute. The larger of the minute's
    and the day's share counts, which is at most a little less than both together reject.

    Parameters
    ----------
    scenario
        Poisson traffic, a profile or bursts, which do not grow; other traffic has no closed form.
    pool
        Its pool.
    fails_over
        Expect what the same pool does if a rejected call tries the other keys.

    Raises
    ------
    ModelError
        If the functions of the pool trigger calls, or replay given times.
    """
    own = only_pool(scenario, pool)
    if not all(_is_steady(function.arrivals) for function in own.functions):
        return None
    if sum(isinstance(function.arrivals, Bursts) for function in own.functions) > MOST_BURSTY:
        return None
    levels = _levels(own)
    total = sum(rate * weight for rate, weight in levels)
    laws = [_law(own, rate) for rate, _ in levels]
    if not total or any(law is None for law in laws):
        return None
    shares = []
    for law, (rate, weight) in zip(laws, levels, strict=True):
        assert law is not None
        asked = law.with_failover() if fails_over else law
        shares.append(_minute_share(asked, rate) * rate * weight / total)
        last = asked
    by_day = 0.0
    if last.per_day is not None:
        by_day = theory.day_rejected_share(
            MINUTES_PER_DAY * total, keys=last.keys, per_day=last.per_day,
            choice="random" if last.choice == "random" else "fail-over",
        )  # fmt: skip
    return float(max(sum(shares), by_day))


def _is_steady(arrivals: Arrivals | None) -> bool:
    """Whether arrivals are Poisson ones at rates that last."""
    return arrivals is None or (
        isinstance(arrivals, Poisson | Profile | Bursts) and not arrivals.growth_per_day
    )


def _law(scenario: Scenario, rate: float) -> ClosedForm | None:
    parts = sum(function.arrivals is not None for function in scenario.functions)
    functions = tuple(
        replace(function, arrivals=Poisson(rate_per_min=rate / parts))
        if function.arrivals is not None
        else function
        for function in scenario.functions
    )
    steady = replace(scenario, functions=functions)
    return closed_form(steady, steady.pools[0])


def _minute_share(law: ClosedForm, rate: float) -> float:
    if law.per_minute is None or not rate:
        return 0.0
    return theory.rejected_share(
        rate, keys=law.keys, per_minute=law.per_minute, window=law.window, choice=law.choice
    )


def _levels(scenario: Scenario) -> list[tuple[float, float]]:
    """Return the rates that the pool sees and the part of the time of each; functions vary together."""
    hours = np.zeros(168)
    extra: list[tuple[float, float]] = [(0.0, 1.0)]
    for function in scenario.functions:
        arrivals = function.arrivals
        if isinstance(arrivals, Profile):
            weights = np.array(arrivals.weights)
            hours += arrivals.rate_per_min * np.tile(weights / weights.mean(), 168 // len(weights))
        elif isinstance(arrivals, Bursts):
            busy = arrivals.burst_s / (arrivals.burst_s + arrivals.calm_s)
            states = ((arrivals.burst_per_min, busy), (arrivals.calm_per_min, 1 - busy))
            extra = [(rate + own, part * share) for rate, part in extra for own, share in states]
        elif arrivals is not None:
            hours += mean_rate(arrivals)
    steady = np.unique(hours, return_counts=True)
    return [
        (float(level) + rate, number / 168 * part)
        for level, number in zip(*steady, strict=True)
        for rate, part in extra
    ]
