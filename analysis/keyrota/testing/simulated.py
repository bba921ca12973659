"""A log of one declared pool whose rotation is known, for tests of what reads logs."""

from __future__ import annotations

from typing import Any

from keyrota.arguments import is_number, is_whole
from keyrota.display import shown
from keyrota.errors import ConfigurationError
from keyrota.pools.declared import PoolConfig

MOST_PICKS = 1_000_000


def simulated_log(
    config: PoolConfig, name: str, *, picks: int, policy: str, rate_per_min: float, shape: str, seed: int,
    **options: Any,
) -> bytes:  # fmt: skip
    """Return the log of a pool under Poisson traffic, about so many picks long.

    Raises
    ------
    ConfigurationError
        If the pool is not declared, or an option is not allowed.
    """
    from msgspec.structs import replace

    from keyrota.logs.write.from_events import write_events_as_log
    from keyrota.simulation.experiment import simulated_events
    from keyrota.simulation.simple import simple_scenario

    pool = next((own for own in config if own.name == name), None)
    if pool is None:
        raise ConfigurationError(
            f"pool {shown(name)} is not declared; declared are {', '.join(own.name for own in config)}"
        )
    if not (is_whole(picks) and 1 <= picks <= MOST_PICKS):
        raise ConfigurationError(f"picks is {shown(picks)}; it is a number from 1 to {MOST_PICKS:,}")
    if not (is_number(rate_per_min) and rate_per_min > 0):
        raise ConfigurationError(f"rate_per_min is {shown(rate_per_min)}; it is a number above 0")
    # What is neither 1 nor 2 the scenario refuses.
    each = 2 if options.get("picks_per_request") == 2 else 1
    scenario = simple_scenario(
        keys=pool.size, rate_per_min=rate_per_min, policy=policy,
        duration_s=max(60.0, 60.0 * picks / each / rate_per_min), warm_up_s=0.0, **options,
    )  # fmt: skip
    function = replace(scenario.functions[0], name=(pool.functions or ("function",))[0], pool=pool.name)
    events = simulated_events(replace(scenario, pools=(pool,), functions=(function,)), seed=seed)
    return write_events_as_log(events, shape, seed=seed)
