"""The same scenario with another pool size, or at another rate: what a search varies."""

from __future__ import annotations

import msgspec

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError, ModelError
from keyrota.pools.declared import Pool
from keyrota.simulation.scenario import Function, Scenario
from keyrota.theory import day_rate_per_min
from keyrota.traffic.arrivals import Arrivals, Replay, at_rate, mean_rate

replace = msgspec.structs.replace


def only_pool(scenario: Scenario, name: str) -> Scenario:
    """Return what concerns one pool: its functions, and its keys as the only ones.

    Raises
    ------
    ModelError
        If its functions call others, or have traffic whose rate cannot be changed.
    """
    pool = next((pool for pool in scenario.pools if pool.name == name), None)
    if pool is None:
        raise ConfigurationError(
            f"there is no pool {shown(name)}; there are {listed([p.name for p in scenario.pools])}"
        )
    functions = tuple(function for function in scenario.functions if function.pool == name)
    for function in scenario.functions:
        if function.triggers and (function.pool == name or _reaches(function, functions)):
            raise ModelError(
                f"function {shown(function.name)} triggers calls, so that the rate of pool {shown(name)} is "
                "not one number; simulate it with keyrota simulate"
            )
        if function.pool == name and isinstance(function.arrivals, Replay):
            raise ModelError(
                f"function {shown(function.name)} replays given times, which have one rate; give a rate"
            )
    if not any(function.arrivals for function in functions):
        raise ModelError(f"no function of pool {shown(name)} has arrivals, so that it has no usable rate")
    return replace(scenario, pools=(pool,), functions=functions)


def with_size(scenario: Scenario, keys: int) -> Scenario:
    """Return the scenario with so many keys in its only pool; further ones have projects of their own."""
    (pool,) = scenario.pools
    return replace(scenario, pools=(resized(pool, keys),))


def resized(pool: Pool, keys: int) -> Pool:
    """Return a pool of another size: the first keys, or all and the next free numbers.

    Examples
    --------
    >>> resized(Pool(name="CHAT", keys=(3, 4)), 3).keys
    (3, 4, 5)
    """
    free = range(max(pool.keys) + 1, max(pool.keys) + 1 + max(0, keys - pool.size))
    numbers = (*pool.keys, *free)[:keys]
    projects: tuple[str, ...] = ()
    if pool.projects:
        projects = (*pool.projects, *(f"project of key {key}" for key in free))[:keys]
    return replace(pool, keys=numbers, projects=projects)


def without_day_limit(scenario: Scenario) -> Scenario:
    """Return the scenario with minute limits alone."""
    pools = tuple(replace(pool, quota=replace(pool.quota, per_day=None)) for pool in scenario.pools)
    return replace(scenario, pools=pools)


def total_rate(scenario: Scenario) -> float:
    """Return the mean requests a minute over all functions."""
    return sum(mean_rate(function.arrivals) for function in scenario.functions if function.arrivals)


def at_total_rate(scenario: Scenario, rate_per_min: float) -> Scenario:
    """Return the scenario at another rate: each function keeps its part of it, and nothing grows."""
    total = total_rate(scenario)
    sending = sum(function.arrivals is not None for function in scenario.functions)
    functions = []
    for function in scenario.functions:
        if function.arrivals is not None:
            part = mean_rate(function.arrivals) / total if total else 1 / sending
            arrivals = at_rate(steady(function.arrivals), rate_per_min * part)
            function = replace(function, arrivals=arrivals)
        functions.append(function)
    return replace(scenario, functions=tuple(functions))


def steady(arrivals: Arrivals) -> Arrivals:
    """Return the same traffic without growth."""
    return replace(arrivals, growth_per_day=0.0) if hasattr(arrivals, "growth_per_day") else arrivals


def _reaches(function: Function, functions: tuple[Function, ...]) -> bool:
    names = {own.name for own in functions}
    return any(trigger.function in names for trigger in function.triggers)


def nominal_rate(pool: Pool) -> float | None:
    """Return keys times limit of a pool, requests a minute round the clock; ``None`` without a limit.

    Examples
    --------
    >>> from keyrota.pools.declared import Quota
    >>> nominal_rate(Pool(name="CHAT", keys=(1, 2), quota=Quota(per_minute=2, per_day=720)))
    1.0
    """
    rates = []
    if pool.quota.per_minute is not None:
        rates.append(float(pool.size * pool.quota.per_minute))
    if pool.quota.per_day is not None:
        rates.append(day_rate_per_min(pool.size, pool.quota.per_day))
    return min(rates, default=None)
