"""The content of a simulation: the quantities of the JSON contract, from the counts of its replications."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from keyrota.report.model import PoolModel
from keyrota.simulation.estimates import UNKNOWN, Quantity, mean, ratio
from keyrota.simulation.experiment import Experiment
from keyrota.simulation.scenario import Scenario
from keyrota.simulation.setting import NEVER, Setting
from keyrota.simulation.tally import OfFunction, OfKey, OfPool

SCHEMA: Final = "keyrota.simulation/1"

Ints = NDArray[np.int64]


class InstancesReport(msgspec.Struct, frozen=True):
    """Isolates: mean numbers alive, busy and idle, and how long one lives in seconds.

    Busy is a hosted isolate that works after a pick, and an instance that has a request, also while it boots
    or waits to try again.
    """

    alive: Quantity
    busy: Quantity
    idle: Quantity
    lifespan_s: Quantity


class KeyShare(msgspec.Struct, frozen=True):
    """One key: its share of the picks of its pool, and the share of its calls that get a 429."""

    pool: str
    key: int
    position: int
    share: Quantity
    rejected_share: Quantity


class PoolOutcome(msgspec.Struct, frozen=True):
    """One pool. A request is counted once, however often it calls; `rejected_calls` counts calls.

    `first_rejection_s` and `exhausted_at_s` are seconds from the end of the warm-up: of the first request
    that ends in a 429, and of the last call that any of its keys had left for the Pacific day.
    """

    name: str
    keys: int
    requests: Quantity
    requests_per_min: Quantity
    rejected_share: Quantity
    picks: Quantity
    calls_per_request: Quantity
    rejected_calls: dict[str, Quantity]
    first_rejection_s: Quantity
    exhausted_at_s: Quantity


class FunctionOutcome(msgspec.Struct, frozen=True):
    """One function; `turned_away_share` is the share of requests that met the cap on instances."""

    name: str
    pool: str
    requests: Quantity
    rejected_share: Quantity
    turned_away_share: Quantity
    cold_start_share: Quantity
    instances: InstancesReport


class SimulationReport(msgspec.Struct, frozen=True):
    """A simulated scenario; counts are those of one replication after the warm-up.

    `fitted` holds what the scenario was fitted to, if it was taken from a log.
    """

    schema: str
    version: str
    engine: str
    refusal: str | None
    seed: int
    replications: int
    is_precise: bool
    scenario: dict[str, Any]
    requests: Quantity
    rejected_share: Quantity
    cold_start_share: Quantity
    first_rejection_s: Quantity
    exhausted_at_s: Quantity
    key_shares: list[KeyShare]
    instances: InstancesReport
    pools: list[PoolOutcome]
    functions: list[FunctionOutcome]
    fitted: list[PoolModel] | None = None


def describe(experiment: Experiment) -> SimulationReport:
    """Return the content of an experiment."""
    from keyrota import __version__

    setting, tallies = experiment.setting, experiment.tallies
    everywhere = tallies.functions.sum(axis=1)
    return SimulationReport(
        schema=SCHEMA,
        version=__version__,
        engine=experiment.engine,
        refusal=experiment.refusal,
        seed=experiment.seed,
        replications=experiment.replications,
        is_precise=experiment.is_precise,
        scenario=scenario_as_data(experiment.scenario),
        requests=mean(everywhere[:, OfFunction.REQUESTS].astype(float), least=0.0),
        rejected_share=experiment.rejected_share(),
        cold_start_share=ratio(everywhere[:, OfFunction.COLD], everywhere[:, OfFunction.REQUESTS]),
        first_rejection_s=_first(setting, tallies.pools[:, :, OfPool.FIRST_REJECTION]),
        exhausted_at_s=_first(setting, tallies.pools[:, :, OfPool.EXHAUSTED]),
        key_shares=_keys(setting, tallies.keys),
        instances=_instances(setting, everywhere),
        pools=[_pool(experiment, number) for number in range(len(setting.pool_size))],
        functions=[_function(setting, tallies.functions, number) for number in range(len(setting.functions))],
    )


def scenario_as_data(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as plain values; `keyrota.simulation.scenario.scenario_of` makes it again."""
    data: dict[str, Any] = msgspec.to_builtins(scenario)
    return data


def _first(setting: Setting, moments: Ints) -> Quantity:
    """Return the mean time from the end of the warm-up to the earliest of several moments, where one came."""
    earliest = moments.min(axis=1)
    seconds = np.where(earliest == NEVER, np.nan, (earliest - setting.warm) / 1e9)
    return mean(seconds, least=0.0)


def _keys(setting: Setting, counts: Ints) -> list[KeyShare]:
    shares = []
    for pool, (first, size) in enumerate(zip(setting.pool_first, setting.pool_size, strict=True)):
        of_pool = counts[:, first : first + size, OfKey.PICKS].sum(axis=1)
        for index in range(first, first + size):
            row, own = setting.keys[index], counts[:, index]
            shares.append(
                KeyShare(
                    pool=setting.scenario.pools[pool].name,
                    key=row.key,
                    position=row.position,
                    share=ratio(own[:, OfKey.PICKS], of_pool),
                    rejected_share=ratio(
                        own[:, OfKey.PER_MINUTE] + own[:, OfKey.PER_DAY], own[:, OfKey.CALLS]
                    ),
                )
            )
    return shares


def _instances(setting: Setting, counts: Ints) -> InstancesReport:
    span_us = (setting.end - setting.warm) / 1000
    alive, busy = counts[:, OfFunction.ALIVE_US] / span_us, counts[:, OfFunction.BUSY_US] / span_us
    lives = ratio(counts[:, OfFunction.LIFE_US], counts[:, OfFunction.ENDED], most=float("inf"))
    return InstancesReport(
        alive=mean(alive, least=0.0),
        busy=mean(busy, least=0.0),
        idle=mean(alive - busy, least=0.0),
        lifespan_s=_scaled(lives, 1e-6),
    )


def _pool(experiment: Experiment, number: int) -> PoolOutcome:
    setting, tallies = experiment.setting, experiment.tallies
    own = [index for index, function in enumerate(setting.functions) if function.pool == number]
    functions = tallies.functions[:, own].sum(axis=1)
    first, size = setting.pool_first[number], setting.pool_size[number]
    keys = tallies.keys[:, first : first + size].sum(axis=1)
    moments = tallies.pools[:, number]
    requests = functions[:, OfFunction.REQUESTS]
    minutes = (setting.end - setting.warm) / 60e9
    return PoolOutcome(
        name=setting.scenario.pools[number].name,
        keys=size,
        requests=mean(requests.astype(float), least=0.0),
        requests_per_min=mean(requests / minutes, least=0.0),
        rejected_share=ratio(functions[:, OfFunction.REJECTED], requests),
        picks=mean(keys[:, OfKey.PICKS].astype(float), least=0.0),
        calls_per_request=ratio(keys[:, OfKey.CALLS], requests, most=float("inf")),
        rejected_calls={
            "per-minute": mean(keys[:, OfKey.PER_MINUTE].astype(float), least=0.0),
            "per-day": mean(keys[:, OfKey.PER_DAY].astype(float), least=0.0),
        },
        first_rejection_s=_first(setting, moments[:, [OfPool.FIRST_REJECTION]]),
        exhausted_at_s=_first(setting, moments[:, [OfPool.EXHAUSTED]]),
    )


def _function(setting: Setting, counts: Ints, number: int) -> FunctionOutcome:
    own, function = counts[:, number], setting.functions[number]
    requests = own[:, OfFunction.REQUESTS]
    return FunctionOutcome(
        name=function.name,
        pool=setting.scenario.pools[function.pool].name,
        requests=mean(requests.astype(float), least=0.0),
        rejected_share=ratio(own[:, OfFunction.REJECTED], requests),
        turned_away_share=ratio(own[:, OfFunction.TURNED_AWAY], requests),
        cold_start_share=ratio(own[:, OfFunction.COLD], requests),
        instances=_instances(setting, own),
    )


def _scaled(quantity: Quantity, factor: float) -> Quantity:
    if quantity.estimate is None:
        return UNKNOWN

    def scaled(value: float | None) -> float | None:
        return None if value is None else value * factor

    return Quantity(
        estimate=scaled(quantity.estimate),
        standard_error=scaled(quantity.standard_error),
        ci_low=scaled(quantity.ci_low),
        ci_high=scaled(quantity.ci_high),
        replications=quantity.replications,
    )
