"""What growth changes: the traffic at a horizon, the keys that it takes, and how long the pool lasts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from keyrota.display import shown
from keyrota.errors import ModelError
from keyrota.planning.closed_form import closed_form
from keyrota.planning.onset import MOST_NOMINAL, days_until, first_guess
from keyrota.planning.resize import at_total_rate, nominal_rate, total_rate, with_size
from keyrota.planning.smallest import SizeSearch, SmallestPool
from keyrota.planning.usable import usable_rate
from keyrota.simulation.estimates import Quantity
from keyrota.simulation.scenario import Scenario

PRECISION = 0.05
"""Half of the 95 % interval of a usable rate, as a fraction of it."""


@dataclass(frozen=True)
class Outlook:
    """What growth changes.

    Parameters
    ----------
    growth_per_day
        As a fraction.
    horizon_days
        How far is looked ahead.
    per_min_at_horizon
        Requests a minute then.
    present_lasts_days
        Days until today's pool, as it rotates today, exceeds the target; 0 if it does already.
    recommended_lasts_days
        The same of the pool that is recommended; ``None`` if none is.
    at_horizon
        The smallest pool for the traffic of the horizon with the rotation that is recommended; ``None`` if
        that is more than is planned for.
    """

    growth_per_day: float
    horizon_days: float
    per_min_at_horizon: float
    present_lasts_days: Quantity
    recommended_lasts_days: Quantity | None
    at_horizon: SmallestPool | None


def look_ahead(
    today: Scenario,
    recommended: Scenario,
    keys: int | None,
    *,
    growth_per_day: float,
    horizon_days: float,
    target: float,
    seed: int,
    engine: str,
) -> Outlook:
    """Return what growth changes for today's pool, and for the recommended one of so many keys."""
    rate = total_rate(today)
    power = horizon_days * math.log1p(growth_per_day)
    then = rate * math.exp(power) if power < 700 else math.inf

    def lasts(scenario: Scenario, size: int) -> Quantity:
        found = _usable(with_size(scenario, size), target=target, seed=seed, engine=engine)
        return days_until(found, rate, growth_per_day)

    present = lasts(today, today.pools[0].size)
    is_same = keys == today.pools[0].size and today == recommended
    lasting = None if keys is None else present if is_same else lasts(recommended, keys)
    at_horizon = None
    # Beyond that no pool of 1,000 keys would do, and the traffic may be more than can be simulated.
    if keys is not None and then <= 1.5 * nominal_per_min(with_size(today, 1_000)) / (1 - target):
        at_horizon = SizeSearch(at_total_rate(recommended, then), target, seed, engine).smallest()
    return Outlook(growth_per_day, horizon_days, then, present, lasting, at_horizon)


def nominal_per_min(scenario: Scenario) -> float:
    """Return keys x limit of the only pool in requests a minute, of the smaller limit."""
    nominal = nominal_rate(scenario.pools[0])
    assert nominal is not None  # a plan refuses a pool without a limit
    return nominal


def _usable(scenario: Scenario, *, target: float, seed: int, engine: str) -> Quantity:
    pool, nominal = scenario.pools[0], nominal_per_min(scenario)
    if nominal > MOST_NOMINAL:
        raise ModelError(
            f"pool {shown(pool.name)}: its nominal {nominal:.2g} requests a minute are too many to simulate "
            "growth up to them; leave growth out"
        )
    law = closed_form(scenario, pool)
    rates = [law.usable_per_min(target), law.day_usable_per_min(target)] if law is not None else []
    guess = min((rate for rate in rates if rate is not None), default=first_guess(nominal, target))
    return usable_rate(
        scenario, nominal=nominal, guess=guess, target=target, precision=PRECISION, seed=seed, engine=engine
    )
