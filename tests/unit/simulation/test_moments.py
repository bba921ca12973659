"""When 429s begin and when a day is spent, on days computed by hand."""

import datetime as dt

import numpy as np
import pytest
from msgspec.structs import replace

from keyrota.simulation.experiment import run_once, simulate
from keyrota.simulation.scenario import Backoff, Failover, ScalePerRequest, Single
from keyrota.simulation.setting import NEVER, setting_of
from keyrota.simulation.simple import simple_scenario
from keyrota.simulation.tally import OfFunction, OfPool
from keyrota.traffic.arrivals import Regular, Replay

MINUTE = 60 * 10**9
ENGINES = pytest.mark.parametrize("engine", ["compiled", "simpy"])


def moments(scenario, engine):
    setting = setting_of(scenario)
    first, spent = run_once(setting, np.random.SeedSequence(0), engine=engine).tally.pools[0]
    return [None if moment == NEVER else (moment - setting.start) / 1e9 for moment in (first, spent)]


def every_20_s(**options):
    return simple_scenario(
        keys=1, arrivals=Regular(rate_per_min=3.0), isolates=Single(boot_s=(0.0, 0.0)),
        duration_s=options.pop("duration_s", 3600.0), **options,
    )  # fmt: skip


@ENGINES
def test_the_first_429_is_the_third_call_of_a_minute(engine):
    """Calls at 0, 20, 40 s with two a minute: the third is rejected."""
    assert moments(every_20_s(per_minute=2), engine) == [40.0, None]


@ENGINES
def test_a_day_is_spent_by_its_last_call(engine):
    """Ten a day: the tenth call, at 180 s, is the last one; the eleventh, at 200 s, is rejected."""
    assert moments(every_20_s(per_day=10), engine) == [200.0, 180.0]


@ENGINES
def test_a_charged_rejection_may_spend_the_day(engine):
    """Two a minute, six a day, charged: the call at 100 s is rejected, and the sixth that counts."""
    scenario = every_20_s(per_minute=2, per_day=6, charge_rejected=True)
    assert moments(scenario, engine) == [40.0, 100.0]


@ENGINES
def test_what_happens_in_the_warm_up_does_not_count(engine):
    """With ten minutes of warm-up the first 429 that counts is the one 40 s after them."""
    assert moments(every_20_s(per_minute=2, warm_up_s=600.0), engine) == [640.0, None]
    counts = simulate(
        every_20_s(per_minute=2, warm_up_s=600.0), replications=1, engine=engine
    ).tallies.functions
    assert counts[0, 0, OfFunction.REQUESTS] == 150
    assert counts[0, 0, OfFunction.REJECTED] == 50


@ENGINES
def test_the_day_begins_anew_at_midnight_in_los_angeles(engine):
    """From 7:00 UTC in winter the first day has an hour left: spent at 40 s, and anew after the reset."""
    scenario = every_20_s(per_day=3, duration_s=7200.0)
    early = replace(scenario, start=dt.datetime(2025, 11, 10, 7, tzinfo=dt.UTC))
    setting = setting_of(early)
    tally = run_once(setting, np.random.SeedSequence(0), engine=engine).tally
    assert (tally.pools[0, OfPool.EXHAUSTED] - setting.start) / 1e9 == 40.0
    # 360 calls in two hours, three pass before the reset at 8:00 UTC and three after it.
    assert tally.functions[0, OfFunction.REJECTED] == 360 - 6


@ENGINES
def test_a_start_between_two_seconds_is_kept(engine):
    """Microseconds of the start are the first arrival's."""
    start = dt.datetime(2025, 11, 10, 8, 0, 0, 600_000, tzinfo=dt.UTC)
    setting = setting_of(replace(every_20_s(per_minute=2), start=start))
    assert setting.start == int(start.timestamp()) * 10**9 + 600_000_000
    trace = run_once(setting, np.random.SeedSequence(0), engine=engine, keep_trace=True).trace
    assert trace[0, 0] == setting.start


def test_a_trace_of_many_ends_at_one_moment_is_whole():
    """20,000 instances that expire before the next request, and those left at the end: as on SimPy."""
    base = setting_of(every_20_s()).start
    times = (*([base] * 20_000), base + 60 * MINUTE, *([base + 61 * MINUTE] * 5_000))
    scenario = simple_scenario(
        keys=1,
        arrivals=Replay(times_ns=times),
        duration_s=86_400.0,
        isolates=ScalePerRequest(idle_expiry_s=60.0),
    )
    setting, seed = setting_of(scenario), np.random.SeedSequence(3)
    compiled, simpy = (
        run_once(setting, seed, engine=engine, keep_trace=True) for engine in ("compiled", "simpy")
    )
    assert len(compiled.trace) > 75_000
    assert np.array_equal(compiled.trace, simpy.trace)


@ENGINES
def test_a_failover_counts_one_request(engine):
    """Two keys of one a minute, three calls a minute: the second key takes the second, the third is a 429."""
    scenario = simple_scenario(
        keys=2, per_minute=1, arrivals=Regular(rate_per_min=3.0), duration_s=600.0, on_reject=Failover(),
        isolates=Single(boot_s=(0.0, 0.0)), policy="start-at-first",
    )  # fmt: skip
    tally = run_once(setting_of(scenario), np.random.SeedSequence(0), engine=engine).tally
    assert tally.functions[0, OfFunction.REQUESTS] == 30
    assert tally.functions[0, OfFunction.REJECTED] == 10
    assert tally.keys[:, 1].sum() == 10 * (1 + 1 + 2)


@ENGINES
def test_backoff_waits_into_the_next_minute(engine):
    """One a minute, calls at 0 and 40 s: the second waits 8 s, then 16 s, and passes at 64 s."""
    start = setting_of(every_20_s()).start
    scenario = simple_scenario(
        keys=1, per_minute=1, arrivals=Replay(times_ns=(start, start + 40 * 10**9)),
        duration_s=600.0, isolates=Single(boot_s=(0.0, 0.0)),
        on_reject=Backoff(tries=3, base_s=8.0, jitter=0.0, budget_s=60.0),
    )  # fmt: skip
    run = run_once(setting_of(scenario), np.random.SeedSequence(0), engine=engine, keep_trace=True)
    calls = (run.trace[run.trace[:, 1] == 1, 0] - setting_of(scenario).start) / 1e9
    assert calls.tolist() == [0.0, 40.0, 48.0, 64.0]
    assert run.tally.functions[0, OfFunction.REJECTED] == 0
