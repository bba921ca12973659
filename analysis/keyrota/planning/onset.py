"""When 429s begin: the usable rate of a pool, size by size, and the day on which growth reaches it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from keyrota.arguments import check_growth, check_precision, check_seed, check_target, is_whole
from keyrota.display import shown
from keyrota.errors import ConfigurationError, ModelError
from keyrota.planning.closed_form import ClosedForm, closed_form_at_usable
from keyrota.planning.resize import only_pool, total_rate, with_size, without_day_limit
from keyrota.planning.usable import usable_rate
from keyrota.simulation.estimates import Quantity
from keyrota.simulation.experiment import chosen_engine, map_ordered
from keyrota.simulation.scenario import Scenario
from keyrota.theory import day_rate_per_min
from keyrota.workers import Jobs, check_jobs

MOST_SIZE: Final = 1_000
MOST_NOMINAL: Final = 1e7
"""Nominal requests a minute that are simulated."""


@dataclass(frozen=True)
class SizeOnset:
    """What a pool of one size carries.

    Parameters
    ----------
    keys
        Its size.
    nominal_per_min
        Keys times limit, which calculators answer; with a daily limit the smaller of both.
    usable_per_min
        Largest rate whose share of 429s stays within the target, all declared limits counted.
    minute_nominal_per_min, minute_usable_per_min
        The same with the minute limit alone; ``None`` without one.
    theory
        The closed form, if one speaks about the scenario.
    theory_per_min, minute_theory_per_min, failover_theory_per_min
        Its usable rates: of all limits (the smaller one), of the minute limit, and of the minute limit
        if a rejected call went on to the other keys.
    exceeded_after_days
        Days of growth after which the traffic reaches the usable rate; ``None`` without growth.
    is_precise
        Whether the precision that was asked for is reached.
    """

    keys: int
    nominal_per_min: float
    usable_per_min: Quantity
    minute_nominal_per_min: float | None
    minute_usable_per_min: Quantity | None
    theory: ClosedForm | None
    theory_per_min: float | None
    minute_theory_per_min: float | None
    failover_theory_per_min: float | None
    exceeded_after_days: Quantity | None
    is_precise: bool


@dataclass(frozen=True)
class Onset:
    """The usable rates of one pool over a range of sizes.

    Parameters
    ----------
    pool
        Its name.
    scenario
        What concerns the pool, with its declared size.
    target
        Share of 429s.
    engine
        Which engine ran.
    seed
        The seed.
    sizes
        One entry for each size.
    rate_per_min, growth_per_day, start
        The traffic that grows, if it does: its rate at the start, its growth a day as a fraction.
    """

    pool: str
    scenario: Scenario
    target: float
    engine: str
    seed: int
    sizes: tuple[SizeOnset, ...]
    rate_per_min: float | None
    growth_per_day: float | None
    start: dt.datetime


def find_onset(
    scenario: Scenario,
    *,
    pool: str,
    sizes: Sequence[int],
    target: float = 0.01,
    precision: float = 0.05,
    growth_per_day: float | None = None,
    seed: int = 0,
    engine: str = "auto",
    jobs: Jobs = 1,
    cluster: str | None = None,
    on_progress: Callable[[], None] | None = None,
) -> Onset:
    """Find the usable rate of a pool for each of several sizes.

    Parameters
    ----------
    scenario
        Rotation, isolates, limits and the reaction to 429s. Its rates give each function's part of the
        traffic; with growth they are the traffic at the start.
    pool
        The pool; only its functions are simulated.
    sizes
        Numbers of keys.
    target
        Tolerated share of requests that end in a 429, in (0, 1).
    precision
        Half of the 95 % interval as a fraction of the estimate.
    growth_per_day
        Growth of the traffic, 0.1 for 10 % a day: also tell when it reaches the usable rate.
    seed
        All sizes and all rates see the same random numbers.
    engine, jobs, cluster
        As for `keyrota.simulation.experiment.simulate`; a worker takes a size.
    on_progress
        Called when a size is done.

    Raises
    ------
    ConfigurationError, ModelError
        If an argument is not allowed, or the pool has no limit, so that 429s never begin.
    """
    own = only_pool(scenario, pool)
    quota = own.pools[0].quota
    if quota.per_minute is None and quota.per_day is None:
        raise ModelError(f"pool {shown(pool)} has no limit, so that no rate brings a 429; declare per_minute")
    check_target(target)
    check_precision(precision)
    for size in sizes:
        if not is_whole(size) or not 1 <= size <= MOST_SIZE:
            raise ConfigurationError(f"a pool of {shown(size)} keys; allowed are 1 to {MOST_SIZE:,}")
    check_seed(seed)
    check_jobs(jobs)
    rate = total_rate(own)
    if growth_per_day is not None:
        check_growth(growth_per_day)
        if rate <= 0:
            raise ConfigurationError("growth needs a rate to start from; give one, such as 0.2/min")
    chosen, _ = chosen_engine(own, engine)
    solve = partial(
        _size_onset, own, target=target, precision=precision, growth_per_day=growth_per_day, rate=rate,
        seed=seed, engine=chosen,
    )  # fmt: skip
    found = []
    for entry in map_ordered(solve, list(sizes), jobs=jobs, cluster=cluster, engine=chosen):
        found.append(entry)
        if on_progress is not None:
            on_progress()
    return Onset(
        pool=pool, scenario=own, target=target, engine=chosen, seed=seed, sizes=tuple(found),
        rate_per_min=rate or None, growth_per_day=growth_per_day, start=own.start,
    )  # fmt: skip


def _size_onset(
    scenario: Scenario, keys: int, *, target: float, precision: float, growth_per_day: float | None,
    rate: float, seed: int, engine: str,
) -> SizeOnset:  # fmt: skip
    sized = with_size(scenario, keys)
    quota = sized.pools[0].quota
    minute_nominal = float(keys * quota.per_minute) if quota.per_minute is not None else None
    day_nominal = day_rate_per_min(keys, quota.per_day) if quota.per_day is not None else None
    nominal = min(value for value in (minute_nominal, day_nominal) if value is not None)
    if nominal > MOST_NOMINAL:
        raise ModelError(
            f"{keys} keys are {nominal:.2g} requests a minute; at most {MOST_NOMINAL:.0e} are simulated. "
            "Give a smaller limit, or fewer keys"
        )
    law = closed_form_at_usable(sized, target)
    by_minute = law.usable_per_min(target) if law else None
    by_day = law.day_usable_per_min(target) if law else None
    known = [value for value in (by_minute, by_day) if value is not None]
    search = partial(usable_rate, target=target, precision=precision, seed=seed, engine=engine)
    usable = search(sized, nominal=nominal, guess=min(known) if known else first_guess(nominal, target))
    minute_usable = None
    if minute_nominal is not None:
        minute_usable = usable
        if quota.per_day is not None:
            guess = by_minute if by_minute is not None else first_guess(minute_nominal, target)
            minute_usable = search(without_day_limit(sized), nominal=minute_nominal, guess=guess)
    return SizeOnset(
        keys=keys,
        nominal_per_min=nominal,
        usable_per_min=usable,
        minute_nominal_per_min=minute_nominal,
        minute_usable_per_min=minute_usable,
        theory=law,
        theory_per_min=min(known) if known else None,
        minute_theory_per_min=by_minute,
        failover_theory_per_min=law.with_failover().usable_per_min(target) if law else None,
        exceeded_after_days=None if growth_per_day is None else days_until(usable, rate, growth_per_day),
        is_precise=all(
            found.estimate == 0 or found.relative_half_width <= precision
            for found in (usable, minute_usable)
            if found is not None
        ),
    )


def first_guess(nominal: float, target: float) -> float:
    """Return where the search for a usable rate begins if no theory speaks.

    Where most calls are rejected nearly all that passes is the nominal rate, so that the usable one is near
    ``nominal / (1 - target)``. A guess far below it makes replications long that are run at that rate.

    Examples
    --------
    >>> first_guess(2.0, 0.01), round(first_guess(2.0, 0.99))
    (1.0, 198)
    """
    return nominal * max(0.5, target / (1 - target))


def days_until(usable: Quantity, rate_per_min: float, growth_per_day: float) -> Quantity:
    """Return after how many days a growing rate reaches the usable rate; 0 if it is there already.

    The rate after t days is ``rate_per_min * (1 + growth_per_day)**t``.

    Examples
    --------
    >>> usable = Quantity(estimate=2.0, standard_error=0.1, ci_low=1.8, ci_high=2.2, replications=12)
    >>> round(days_until(usable, 1.0, 0.1).estimate, 2)
    7.27
    """
    speed = math.log1p(growth_per_day)

    def days(level: float | None) -> float | None:
        return (
            None if level is None else max(0.0, math.log(level / rate_per_min) / speed) if level > 0 else 0.0
        )

    error = None
    if usable.estimate and usable.estimate > rate_per_min and usable.standard_error is not None:
        error = usable.standard_error / usable.estimate / speed
    return Quantity(
        estimate=days(usable.estimate), standard_error=error, ci_low=days(usable.ci_low),
        ci_high=days(usable.ci_high), replications=usable.replications,
    )  # fmt: skip
