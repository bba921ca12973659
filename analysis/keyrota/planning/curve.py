"""From a scenario to its share of 429s at many rates: theory at once, then the simulation beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from keyrota.arguments import check_precision, check_seed, check_target
from keyrota.display import count, shown
from keyrota.errors import ConfigurationError, ModelError
from keyrota.planning.closed_form import closed_form, closed_form_at_usable
from keyrota.planning.onset import MOST_NOMINAL, first_guess
from keyrota.planning.resize import at_total_rate, nominal_rate, only_pool
from keyrota.planning.share_curve import ShareCurve
from keyrota.planning.spans import span_of, wanted_s
from keyrota.planning.usable import usable_rate
from keyrota.simulation.estimates import Quantity
from keyrota.simulation.experiment import chosen_engine, simulate
from keyrota.simulation.scenario import Scenario

RATES: Final = 36
"""Rates of theory's line."""

EVERY: Final = 3
"""One of so many is simulated."""

TOP: Final = 1.6
"""The last rate, as a multiple of the nominal one."""

REPLICATIONS: Final = 12


def share_curves(
    scenario: Scenario,
    *,
    pool: str | None = None,
    target: float = 0.01,
    also_at: Sequence[float] = (),
    precision: float = 0.05,
    seed: int = 0,
    engine: str = "auto",
) -> Iterator[ShareCurve]:
    """Yield the share of 429s of a pool against its rate, each time with all that is known by then.

    First theory, if a closed form speaks; then one simulated share after the other, those of `also_at`
    first; last the usable rate as the simulation finds it, unless theory gives it exactly. Who needs the
    last word alone takes the last item; who has changed the question stops asking.

    Parameters
    ----------
    scenario
        Rotation, isolates, limits and the reaction to 429s; its rates give each function's part of the
        traffic, their sum does not matter.
    pool
        The pool; may be left out if there is one.
    target
        Share of requests that may end in a 429, in (0, 1).
    also_at
        Further rates to be told, requests a minute.
    precision
        Of the usable rate: half of its 95 % interval as a fraction of it.
    seed, engine
        As for `keyrota.simulation.experiment.simulate`.

    Raises
    ------
    ConfigurationError, ModelError
        If an argument is not allowed, or the pool has no limit, so that 429s never begin.

    Examples
    --------
    >>> from keyrota.simulation.simple import simple_scenario
    >>> scenario = simple_scenario(keys=2, per_minute=2, rate_per_min=1.0, policy="random")
    >>> first = next(share_curves(scenario))
    >>> first.simulated_share is None, round(first.usable_per_min, 4), first.nominal_per_min
    (True, 0.5225, 4.0)
    """
    own = only_pool(scenario, scenario.pools[0].name if pool is None else pool)
    known = _by_theory(own, target, also_at)
    check_seed(seed)
    check_precision(precision)
    chosen, _ = chosen_engine(own, engine)
    if known.theory_share is not None:
        yield replace(known, simulated_share=None, simulated_low=None, simulated_high=None)
    for share, low, high in _simulated(own, known.rate_per_min, also_at, seed=seed, engine=chosen):
        known = replace(known, simulated_share=share, simulated_low=low, simulated_high=high)
        yield known
    law = closed_form_at_usable(own, target)
    if law is None or not law.is_exact:
        nominal = known.nominal_per_min or 1.0
        searched = usable_rate(
            own, nominal=nominal, guess=known.usable_per_min or first_guess(nominal, target), target=target,
            precision=precision, seed=seed, engine=chosen,
        )  # fmt: skip
        yield replace(known, usable_per_min=searched.estimate)


def theory_curve(
    scenario: Scenario, *, pool: str | None = None, target: float = 0.01, also_at: Sequence[float] = ()
) -> ShareCurve | None:
    """Return the curve by theory alone, in milliseconds; ``None`` if no closed form speaks.

    Parameters and errors are those of `share_curves`, of which this is the first item then.
    """
    own = only_pool(scenario, scenario.pools[0].name if pool is None else pool)
    known = _by_theory(own, target, also_at)
    if known.theory_share is None:
        return None
    return replace(known, simulated_share=None, simulated_low=None, simulated_high=None)


def _by_theory(own: Scenario, target: float, also_at: Sequence[float]) -> ShareCurve:
    """Return what theory says of the only pool, with room for what will be simulated."""
    nominal = _checked(own, target, also_at)
    rates = _rates(nominal, also_at)
    law = closed_form_at_usable(own, target)
    usable = None
    if law is not None:
        found = (law.usable_per_min(target), law.day_usable_per_min(target))
        usable = min(rate for rate in found if rate is not None)
    theory = _theory(own, rates)
    unknown = np.full(len(rates), np.nan)
    return ShareCurve(
        rate_per_min=rates,
        theory_share=theory if np.isfinite(theory).any() else None,
        simulated_share=unknown,
        simulated_low=unknown,
        simulated_high=unknown,
        target=target,
        usable_per_min=usable,
        nominal_per_min=nominal,
        label=f"{count(own.pools[0].size, 'key')}, {own.policy}",
    )


def simulated_share(
    scenario: Scenario, rate_per_min: float, *, seed: int = 0, engine: str = "auto"
) -> Quantity:
    """Return the share of 429s of a pool at one rate, over replications of about 8,000 requests each.

    Parameters
    ----------
    scenario
        With one pool.
    rate_per_min
        Requests a minute, above 0.
    seed, engine
        As for `keyrota.simulation.experiment.simulate`.
    """
    span = span_of(scenario, wanted_s(scenario, rate_per_min))
    timed = msgspec.structs.replace(at_total_rate(scenario, rate_per_min), **span)
    return simulate(timed, replications=REPLICATIONS, seed=seed, engine=engine).rejected_share()


def _checked(scenario: Scenario, target: float, also_at: Sequence[float]) -> float:
    """Return the nominal rate, if everything is as it may be."""
    pool = scenario.pools[0]
    nominal = nominal_rate(pool)
    if nominal is None:
        raise ModelError(
            f"pool {shown(pool.name)} has no limit of requests, so that no rate brings a 429; give a limit "
            "per minute or per day"
        )
    if nominal > MOST_NOMINAL:
        raise ModelError(
            f"{pool.size} keys are {nominal:.2g} requests a minute; at most {MOST_NOMINAL:.0e} are "
            "simulated; give a smaller limit, or fewer keys"
        )
    check_target(target)
    for rate in also_at:
        if not (math.isfinite(rate) and 0 < rate <= MOST_NOMINAL):
            raise ConfigurationError(
                f"a rate of {shown(rate)} requests a minute; it is above 0 and at most {MOST_NOMINAL:.0e}"
            )
    return nominal


def _rates(nominal: float, also_at: Sequence[float]) -> NDArray[np.float64]:
    """Return rates from 0 to beyond the nominal one, closer together where 429s begin."""
    steps = np.arange(1, RATES + 1) / RATES
    top = max([TOP * nominal, *(1.05 * rate for rate in also_at)])
    spread = TOP * nominal * steps**1.5
    beyond = np.linspace(spread[-1], top, 5)
    return np.unique(np.concatenate([spread, beyond, np.asarray(also_at, dtype=float)]))


def _theory(scenario: Scenario, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the closed form says at each rate; NaN where none speaks."""
    shares = np.full(len(rates), np.nan)
    for place, rate in enumerate(rates):
        law = closed_form(at_total_rate(scenario, float(rate)), scenario.pools[0])
        if law is not None:
            shares[place] = law.rejected_share(float(rate))
    return shares


def _simulated(
    scenario: Scenario, rates: NDArray[np.float64], also_at: Sequence[float], *, seed: int, engine: str
) -> Iterator[NDArray[np.float64]]:
    """Yield simulated shares with the bounds of their intervals, rate by rate; NaN at other rates.

    Each item has the shape (3, rates).
    """
    places = sorted({*range(EVERY - 1, len(rates), EVERY), len(rates) - 1})
    places = [place for place in places if rates[place] not in also_at]
    columns = np.full((3, len(rates)), np.nan)
    for place in [*np.flatnonzero(np.isin(rates, also_at)), *places]:
        found = simulated_share(scenario, float(rates[place]), seed=seed, engine=engine)
        if found.estimate is not None:
            bounds = (found.ci_low, found.ci_high)
            columns[:, place] = [found.estimate, *(found.estimate if b is None else b for b in bounds)]
            yield columns.copy()
