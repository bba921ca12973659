"""A scenario in the terms of an engine: integer nanoseconds, indices instead of names.

Both engines read the same `Setting`, so that neither has its own idea of a second, of a quota, or
of who shares one.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.quota.days import SECOND_NS, pacific_midnights
from keyrota.quota.projects import quotas
from keyrota.quota.windows import UNLIMITED, WINDOWS
from keyrota.rotation.policies import POLICIES
from keyrota.simulation.reactions import FAIL, FAILOVER, REACTIONS, Reaction
from keyrota.simulation.scenario import Function, Hosted, ScalePerRequest, Scenario

HOSTED: Final = 0
SINGLE: Final = 1
SCALE_PER_REQUEST: Final = 2

NEVER: Final = 2**62
"""A moment after all others, in the year 2116."""

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class KeyRow:
    """What one key is called, and its declared limits."""

    pool: str
    key: int
    position: int
    size: int
    model: str | None
    per_minute: int | None
    per_day: int | None


@dataclass(frozen=True)
class FunctionSetting:
    """One function in integers; times in nanoseconds, `cap` is -1 for none."""

    name: str
    pool: int
    kind: int
    slots: int
    life: int
    boot_least: int
    boot_span: int
    preflight: bool
    expiry: int
    cap: int
    warm: int
    cold: int
    is_constant: bool


@dataclass(frozen=True)
class Setting:
    """A scenario in integers: moments are nanoseconds since 1970 UTC.

    Parameters
    ----------
    start, warm, end
        First moment, first moment that counts, end of the arrivals.
    policy, window
        Places in `POLICIES` and `WINDOWS`.
    functions
        In the scenario's order.
    pool_first, pool_size
        For each pool, the index of its first key and the number of its keys.
    keys
        What each key is called.
    key_quota
        For each key, the index of the quota it draws on: one for each project and model.
    minute_limits, day_limits
        For each quota; `UNLIMITED` for none.
    midnights
        Starts of the Pacific days of the span; one day that never ends if no limit is a day's.
    deployments
        Moments at which all isolates are replaced; `NEVER` closes the list.
    """

    scenario: Scenario
    start: int
    warm: int
    end: int
    policy: int
    window: int
    reaction: Reaction
    functions: tuple[FunctionSetting, ...]
    pool_first: tuple[int, ...]
    pool_size: tuple[int, ...]
    keys: tuple[KeyRow, ...]
    key_quota: tuple[int, ...]
    minute_limits: tuple[int, ...]
    day_limits: tuple[int, ...]
    midnights: NDArray[np.int64]
    deployments: tuple[int, ...]


def setting_of(scenario: Scenario) -> Setting:
    """Return a scenario in an engine's terms.

    Raises
    ------
    ConfigurationError
        If keys that share a quota are declared with different limits.
    """
    start = (scenario.start - _EPOCH) // dt.timedelta(microseconds=1) * 1000
    end = start + _ns(scenario.duration_s)
    sizes = tuple(pool.size for pool in scenario.pools)
    firsts = tuple(sum(sizes[:index]) for index in range(len(sizes)))
    pool_index = {pool.name: index for index, pool in enumerate(scenario.pools)}
    of_key, limits = quotas(scenario.pools)
    minute_limits, day_limits = (tuple(pair[place] for pair in limits) for place in (0, 1))
    has_days = any(limit != UNLIMITED for limit in day_limits)
    last = end + len(scenario.functions) * _longest_request(scenario)
    return Setting(
        scenario=scenario,
        start=start,
        warm=start + _ns(scenario.warm_up_s),
        end=end,
        policy=POLICIES.index(scenario.policy),
        window=WINDOWS.index(scenario.window),
        reaction=_reaction(scenario),
        functions=tuple(_function(f, pool_index[f.pool]) for f in scenario.functions),
        pool_first=firsts,
        pool_size=sizes,
        keys=tuple(
            KeyRow(pool.name, key, position, pool.size, pool.model, pool.quota.per_minute, pool.quota.per_day)
            for pool in scenario.pools
            for position, key in enumerate(pool.keys, 1)
        ),
        key_quota=tuple(of_key[key] for pool in scenario.pools for key in pool.keys),
        minute_limits=minute_limits,
        day_limits=day_limits,
        midnights=pacific_midnights(start, last) if has_days else np.array([start, NEVER], dtype=np.int64),
        deployments=(*(start + _ns(moment) for moment in scenario.deployments_s), NEVER),
    )


def _longest_request(scenario: Scenario) -> int:
    """Return how long a request may go on: a client's budget of up to a week, and its work.

    Exponential work is longer than 40 of its means with probability 4e-18. A chain of requests that
    trigger each other has at most as many as there are functions.
    """
    longest = max(max(f.service.warm_s, f.service.cold_s or 0.0) for f in scenario.functions)
    return _ns(8 * 86_400 + 40 * longest)


def _ns(seconds: float) -> int:
    return round(seconds * SECOND_NS)


def _reaction(scenario: Scenario) -> Reaction:
    client = scenario.on_reject
    kind = REACTIONS.index(str(client.__struct_config__.tag))
    tries = getattr(client, "tries", 1 if kind == FAIL else None)
    if kind == FAILOVER:
        most = max(pool.size for pool in scenario.pools)
        tries = most if tries is None else min(tries, most)
    jitter = getattr(client, "jitter", 0.0)
    return Reaction(
        kind=kind,
        tries=1 if tries is None else tries,
        base=_ns(getattr(client, "base_s", 0.0)),
        cap=_ns(getattr(client, "cap_s", 0.0)),
        jitter=float(jitter),
        jitter_ns=_ns(getattr(client, "jitter_s", 0.0)),
        budget=_ns(getattr(client, "budget_s", 0.0)),
    )


def _function(function: Function, pool: int) -> FunctionSetting:
    isolates, service = function.isolates, function.service
    hosted = isolates if isinstance(isolates, Hosted) else None
    scale = isolates if isinstance(isolates, ScalePerRequest) else None
    least, most = (_ns(seconds) for seconds in isolates.boot_s)
    return FunctionSetting(
        name=function.name,
        pool=pool,
        kind=HOSTED if hosted else SCALE_PER_REQUEST if scale else SINGLE,
        slots=hosted.slots if hosted else 1,
        life=_ns(hosted.life_s) if hosted else NEVER,
        boot_least=least,
        boot_span=most - least,
        preflight=hosted is not None and hosted.preflight,
        expiry=_ns(scale.idle_expiry_s) if scale else NEVER,
        cap=scale.max_instances if scale and scale.max_instances is not None else -1,
        warm=_ns(service.warm_s),
        cold=_ns(service.warm_s if service.cold_s is None else service.cold_s),
        is_constant=service.law == "constant",
    )
