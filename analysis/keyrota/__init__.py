"""Say whether the rotation over a pool of API keys is fair, and where the 429s come from.

Reads the logs of an application that spreads its calls over a pool of API keys and says whether
every key is used as declared, and if not, which fault it is, and which limit the 429s come from; simulates
pools under traffic, finds the rate at which 429s begin, and plans how many keys a traffic takes.

>>> import keyrota
>>> report = keyrota.judge(keyrota.read("sample_logs/"))  # doctest: +SKIP
>>> events = keyrota.read_logs("sample_logs/")  # doctest: +SKIP
>>> scenario = keyrota.simple_scenario(keys=2, per_minute=2, rate_per_min=4.0)
>>> share = keyrota.simulate(scenario, seed=1).rejected_share().estimate
>>> 0.26 < share < 0.28
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keyrota.errors import (
        ConfigurationError,
        DataQualityWarning,
        InputError,
        KeyrotaError,
        KeyrotaWarning,
        ModelError,
        OutputError,
    )
    from keyrota.events import read_events, write_events
    from keyrota.logs.read import Reading, read, read_logs
    from keyrota.planning.onset import Onset, find_onset
    from keyrota.planning.plan import Plan, make_plan
    from keyrota.pools.declared import Pool, PoolConfig, Quota
    from keyrota.pools.infer import infer_pools
    from keyrota.pools.load import load_pools
    from keyrota.report.content import judge
    from keyrota.report.schema import Report
    from keyrota.rotation.power import picks_needed, power
    from keyrota.simulation.experiment import Experiment, simulate, simulated_events
    from keyrota.simulation.scenario import Scenario
    from keyrota.simulation.simple import simple_scenario

__version__ = "0.1.0"

# Imported when first used: `keyrota --help` must not wait for pandas.
_HOMES = {
    "ConfigurationError": "errors",
    "DataQualityWarning": "errors",
    "InputError": "errors",
    "KeyrotaError": "errors",
    "KeyrotaWarning": "errors",
    "ModelError": "errors",
    "OutputError": "errors",
    "Pool": "pools.declared",
    "PoolConfig": "pools.declared",
    "Quota": "pools.declared",
    "Experiment": "simulation.experiment",
    "Onset": "planning.onset",
    "Scenario": "simulation.scenario",
    "find_onset": "planning.onset",
    "make_plan": "planning.plan",
    "Plan": "planning.plan",
    "infer_pools": "pools.infer",
    "load_pools": "pools.load",
    "picks_needed": "rotation.power",
    "power": "rotation.power",
    "read_events": "events",
    "Reading": "logs.read",
    "read": "logs.read",
    "read_logs": "logs.read",
    "Report": "report.schema",
    "judge": "report.content",
    "simple_scenario": "simulation.simple",
    "simulate": "simulation.experiment",
    "simulated_events": "simulation.experiment",
    "write_events": "events",
}

__all__ = [
    "ConfigurationError",
    "DataQualityWarning",
    "Experiment",
    "InputError",
    "KeyrotaError",
    "KeyrotaWarning",
    "ModelError",
    "Onset",
    "OutputError",
    "Plan",
    "Pool",
    "PoolConfig",
    "Quota",
    "Reading",
    "Report",
    "Scenario",
    "__version__",
    "find_onset",
    "infer_pools",
    "judge",
    "load_pools",
    "make_plan",
    "picks_needed",
    "power",
    "read",
    "read_events",
    "read_logs",
    "simple_scenario",
    "simulate",
    "simulated_events",
    "write_events",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'keyrota' has no attribute {name!r}")
    return getattr(import_module(f"keyrota.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
