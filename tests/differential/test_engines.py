"""Two engines, one world: the compiled kernel and the SimPy model give the same trace, ties included."""

from __future__ import annotations

import numpy as np
import pytest

from keyrota.errors import ConfigurationError
from keyrota.pools.declared import Pool, Quota
from keyrota.quota.windows import WINDOWS
from keyrota.rotation.policies import POLICIES
from keyrota.simulation import compiled
from keyrota.simulation.compiled import run_compiled
from keyrota.simulation.model import Model
from keyrota.simulation.refusal import refusal
from keyrota.simulation.scenario import (
    Backoff,
    Fail,
    Failover,
    Function,
    Hosted,
    ScalePerRequest,
    Scenario,
    Service,
    Single,
    Trigger,
    Wait,
)
from keyrota.simulation.setting import setting_of
from keyrota.simulation.trace import BOOT, INVOCATION, KIND, PICK, REJECTION, SHUTDOWN, TIME
from keyrota.traffic.arrivals import Poisson, Regular, Replay

REQUESTS = 1_000
START_NS = 1_762_761_600_000_000_000  # 2025-11-10T08:00Z, the scenario's own start
SECOND_NS = 1_000_000_000


def random_scenario(number: int) -> Scenario:
    """Draw a scenario of about 1,000 requests; coarse times make ties common."""
    rng = np.random.default_rng([20_251_110, number])

    def either(*values):
        return values[int(rng.integers(len(values)))]

    pools = []
    for index in range(int(rng.integers(1, 4))):
        size = int(rng.integers(1, 6))
        keys = tuple(range(10 * index + 1, 10 * index + 1 + size))
        quota = Quota(
            per_minute=either(None, *range(1, 7)), per_day=either(None, None, int(rng.integers(3, 200)))
        )
        projects = tuple(f"{index}-{either('a', 'b')}" for _ in keys) if rng.random() < 0.3 else ()
        pools.append(Pool(name=f"P{index}", keys=keys, quota=quota, projects=projects))
    count = int(rng.integers(1, 5))
    rate = float(rng.uniform(2, 120))
    span = 60 * REQUESTS / (rate * count)
    functions = tuple(
        Function(
            name=f"f{index}", pool=either(*pools).name, arrivals=random_arrivals(rng, either, rate, span),
            isolates=random_isolates(rng, either), service=random_service(rng, either),
        )
        for index in range(count)
    )  # fmt: skip
    tries = int(rng.integers(1, 6))
    on_reject = either(
        Fail(),
        Failover(tries=either(None, tries)),
        Backoff(
            tries=tries, base_s=either(0.0, 1.0, 0.3), cap_s=either(2.0, 60.0), jitter=either(0.0, 0.5, 1.0),
            budget_s=either(5.0, 120.0),
        ),
        Wait(tries=tries, jitter_s=either(0.0, 1.0), budget_s=either(30.0, 120.0, 90_000.0)),
    )  # fmt: skip
    return Scenario(
        pools=tuple(pools), functions=functions, policy=either(*POLICIES), window=either(*WINDOWS),
        picks_per_request=either(1, 1, 2), on_reject=on_reject, charge_rejected=either(False, True),
        duration_s=span, warm_up_s=either(0.0, span / 4),
        deployments_s=either((), (span / 3,), (span / 3, span / 2)),
    )  # fmt: skip


def random_arrivals(rng, either, rate, span):
    """Poisson; or regular or whole seconds, so that functions meet at one moment."""
    ticks = np.sort(rng.integers(0, max(1, int(span)), size=int(rate * span / 60)))
    return either(
        Poisson(rate_per_min=rate),
        Regular(rate_per_min=rate, offset_s=either(0.0, 1.0)),
        Replay(times_ns=tuple(int(START_NS + tick * SECOND_NS) for tick in ticks)),
    )


def random_isolates(rng, either):
    boot = either((0.0, 0.0), (0.03, 0.06), (1.0, 1.0))
    return either(
        Hosted(
            slots=either(1, 3, 40, 300), life_s=either(20.0, 75.0), boot_s=boot, preflight=either(True, False)
        ),
        Single(boot_s=boot),
        ScalePerRequest(idle_expiry_s=either(0.0, 5.0, 600.0), max_instances=either(None, 1, 4), boot_s=boot),
    )


def random_service(rng, either):
    return Service(
        warm_s=either(0.0, 1.0, 2.5), cold_s=either(None, 3.0), law=either("constant", "exponential")
    )


def agree(number: int) -> np.ndarray:
    """Run both engines on scenario `number`; return the trace that both gave."""
    setting, seed = setting_of(random_scenario(number)), np.random.SeedSequence(number)
    kernel, model = run_compiled(setting, seed, keep_trace=True), Model(setting, seed, keep_trace=True).run()
    assert kernel.trace.shape == model.trace.shape, number
    different = np.flatnonzero((kernel.trace != model.trace).any(axis=1))
    assert not different.size, f"{number}: row {different[0]}: {kernel.trace[different[0]]}"
    for mine, theirs, name in zip(kernel.tally, model.tally, kernel.tally._fields, strict=True):
        assert np.array_equal(mine, theirs), f"{number}: {name}"
    return kernel.trace


@pytest.mark.parametrize("first", range(0, 100, 10))
def test_engines_agree(first):
    """100 random configurations of about 1,000 requests: every row of the traces and every count."""
    for number in range(first, first + 10):
        agree(number)


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(100, 1_100, 50))
def test_engines_agree_over_a_thousand_configurations(first):
    """1,000 configurations more."""
    for number in range(first, first + 50):
        agree(number)


def test_the_configurations_meet_what_they_shall():
    """Over the quick suite all kinds of rows occur, ties of picks too, and about 1,000 requests each."""
    kinds, requests, ties = set(), [], 0
    for number in range(100):
        setting = setting_of(random_scenario(number))
        trace = run_compiled(setting, np.random.SeedSequence(number), keep_trace=True).trace
        kinds |= set(trace[:, KIND].tolist())
        picks = trace[trace[:, KIND] == PICK]
        ties += np.count_nonzero(np.diff(picks[:, TIME]) == 0)
        requests.append(np.count_nonzero(trace[:, KIND] == INVOCATION))
    assert kinds == {BOOT, PICK, REJECTION, INVOCATION, SHUTDOWN}
    assert 800 < np.mean(requests) < 1_200
    assert ties > 10_000


def test_kernel_in_python_is_the_kernel_compiled():
    """The lines that are compiled, run by Python, give the same rows; these configurations run them all."""
    for number in (0, 1, 2, 3, 4, 5, 8, 11):
        setting, seed = setting_of(random_scenario(number)), np.random.SeedSequence(number)
        machine = run_compiled(setting, seed, keep_trace=True)
        plain = run_compiled(setting, seed, keep_trace=True, in_python=True)
        assert np.array_equal(machine.trace, plain.trace)


def test_counts_are_the_same_without_a_trace():
    """Nothing of the run depends on whether its rows are kept."""
    setting, seed = setting_of(random_scenario(0)), np.random.SeedSequence(0)
    kept, counted = (run_compiled(setting, seed, keep_trace=keep, in_python=True) for keep in (True, False))
    assert kept.trace is not None
    assert counted.trace is None
    for one, other in zip(kept.tally, counted.tally, strict=True):
        assert np.array_equal(one, other)


def test_room_grows_with_what_is_under_way(monkeypatch):
    """A run that begins with room for four isolates and four requests has the rows of one with plenty."""
    for number in (0, 1):
        setting, seed = setting_of(random_scenario(number)), np.random.SeedSequence(number)
        plenty = run_compiled(setting, seed, keep_trace=True)
        with monkeypatch.context() as patched:
            patched.setattr(compiled, "FIRST_ROOM", 4)
            little = run_compiled(setting, seed, keep_trace=True, in_python=True)
        assert np.array_equal(plenty.trace, little.trace)


def test_what_the_kernel_cannot_do_is_refused():
    """Calls that trigger calls run on SimPy only, and the message says so."""
    pools = (Pool(name="A", keys=(1,)), Pool(name="B", keys=(2,)))
    scenario = Scenario(
        pools=pools,
        functions=(
            Function(name="chat", pool="A", arrivals=Poisson(rate_per_min=5.0),
                     triggers=(Trigger(function="image", probability=0.5),)),
            Function(name="image", pool="B"),
        ),
    )  # fmt: skip
    assert "chat" in refusal(scenario)
    with pytest.raises(ConfigurationError, match=r"chat.*simpy"):
        run_compiled(setting_of(scenario), np.random.SeedSequence(0))
