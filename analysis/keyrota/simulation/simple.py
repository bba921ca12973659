"""The scenario that most questions are about: one pool, one function, Poisson traffic."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError
from keyrota.pools.declared import Pool, Quota
from keyrota.simulation.scenario import (
    Backoff,
    Fail,
    Failover,
    Function,
    Hosted,
    Isolates,
    OnReject,
    ScalePerRequest,
    Scenario,
    Service,
    Single,
    Wait,
)
from keyrota.traffic.arrivals import Arrivals, Poisson

Kind = TypeVar("Kind", Isolates, OnReject)

POOL_NAME = "POOL"
FUNCTION_NAME = "function"

REACTIONS: Final[Mapping[str, OnReject]] = MappingProxyType(
    {"fail": Fail(), "failover": Failover(), "backoff": Backoff(), "wait": Wait()}
)
"""What a client does on a 429, by name."""

ISOLATES: Final[Mapping[str, Isolates]] = MappingProxyType(
    {
        "supabase-free": Hosted(life_s=75.0),
        "supabase-paid": Hosted(life_s=200.0),
        "single": Single(),
        "scale-per-request": ScalePerRequest(),
    }
)
"""Where functions run, by name: an idle isolate of Supabase ends after half of its 150 or 400 s."""


def simple_scenario(
    *,
    keys: int,
    per_minute: int | None = None,
    per_day: int | None = None,
    rate_per_min: float | None = None,
    arrivals: Arrivals | None = None,
    isolates: Isolates | str | None = None,
    service: Service | None = None,
    on_reject: OnReject | str = "fail",
    **options: Any,
) -> Scenario:
    """Return the scenario of one pool of like keys, each in its own project.

    Parameters
    ----------
    keys
        How many.
    per_minute, per_day
        Limits of each key; ``None`` for none.
    rate_per_min
        Poisson requests a minute.
    arrivals
        Another traffic.
    isolates
        Where the function runs: a name of `ISOLATES`, such as ``"supabase-paid"``, or as in
        `keyrota.simulation.scenario.Function`.
    service
        As there.
    on_reject
        What the client does on a 429: ``"fail"``, ``"failover"``, ``"backoff"``, ``"wait"``, or as in
        `keyrota.simulation.scenario.Scenario`.
    **options
        Other fields of `keyrota.simulation.scenario.Scenario`.

    Raises
    ------
    ConfigurationError
        If a value is not allowed.

    Examples
    --------
    >>> simple_scenario(keys=2, per_minute=2, rate_per_min=1.0, on_reject="failover").on_reject
    Failover(tries=None)
    """
    if arrivals is None and rate_per_min is None:
        raise ConfigurationError("a scenario needs traffic: give rate_per_min, or arrivals")
    traffic = arrivals if arrivals is not None else Poisson(rate_per_min=rate_per_min or 0.0)
    own: dict[str, Any] = {}
    if isolates is not None:
        own["isolates"] = _named("isolates", isolates, ISOLATES)
    if service is not None:
        own["service"] = service
    return Scenario(
        pools=(pool_of(keys, per_minute, per_day),),
        functions=(Function(name=FUNCTION_NAME, pool=POOL_NAME, arrivals=traffic, **own),),
        on_reject=_named("on_reject", on_reject, REACTIONS),
        **options,
    )


def _named(option: str, value: Kind | str, known: Mapping[str, Kind]) -> Kind:
    """Return what a name stands for."""
    if not isinstance(value, str):
        return value
    if value not in known:
        raise ConfigurationError(f"{option} {shown(value)} is unknown; there are {listed(list(known))}")
    return known[value]


def pool_of(keys: int, per_minute: int | None, per_day: int | None) -> Pool:
    """Return a pool of so many like keys.

    Raises
    ------
    ConfigurationError
        If there is no key, or too many.
    """
    if not 1 <= keys <= MOST_KEYS:
        raise ConfigurationError(f"a pool of {shown(keys)} keys cannot be simulated; give 1 to {MOST_KEYS:,}")
    return Pool(
        name=POOL_NAME,
        keys=tuple(range(1, keys + 1)),
        functions=(FUNCTION_NAME,),
        quota=Quota(per_minute=per_minute, per_day=per_day),
    )


MOST_KEYS = 10_000
"""The largest pool of a simple scenario."""
