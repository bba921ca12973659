"""Memory is bounded by the work in flight, not by the duration."""

import tracemalloc

import numpy as np
import pytest

from keyrota.simulation import draws
from keyrota.simulation.experiment import run_once
from keyrota.simulation.scenario import Backoff, Hosted, ScalePerRequest
from keyrota.simulation.setting import setting_of
from keyrota.simulation.simple import simple_scenario


def peak_bytes(engine, hours, isolates):
    scenario = simple_scenario(
        keys=4, per_minute=2, rate_per_min=60.0, duration_s=3600.0 * hours, isolates=isolates,
        on_reject=Backoff(),
    )  # fmt: skip
    setting = setting_of(scenario)
    tracemalloc.start()
    run_once(setting, np.random.SeedSequence(1), engine=engine)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


KINDS = pytest.mark.parametrize(
    "isolates", [Hosted(), ScalePerRequest(idle_expiry_s=30.0)], ids=["hosted", "scaled"]
)


@KINDS
def test_compiled_engine_takes_no_more_memory_for_a_longer_run(isolates):
    """Peak of all allocations for 1 and 10 days of 60 requests a minute: at most a tenth more."""
    peak_bytes("compiled", 1, isolates)
    assert peak_bytes("compiled", 240, isolates) < 1.1 * peak_bytes("compiled", 24, isolates)


@pytest.mark.nightly
@KINDS
def test_simpy_engine_takes_no_more_memory_for_a_longer_run(isolates, monkeypatch):
    """The same for 1 and 4 hours, with small blocks of numbers and arrivals, so that both runs take many."""
    monkeypatch.setattr(draws, "BLOCK", 256)
    monkeypatch.setattr(draws, "FEW", 256)
    peak_bytes("simpy", 1, isolates)
    assert peak_bytes("simpy", 4, isolates) < 1.1 * peak_bytes("simpy", 1, isolates)
