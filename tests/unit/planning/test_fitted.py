"""Round trips: what is simulated and logged is what is fitted; and what no log tells is said.

Rates are held against their 95 % intervals with fixed seeds: a new seed fails with probability 5 % there.
Policies, reactions, limits and projects are found or not; no chance is left at these rates.
"""

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from keyrota.errors import InputError
from keyrota.planning.fitted import fit_pool, scenario_of
from keyrota.planning.logged import logged_pools, span_of_log
from keyrota.pools.declared import Pool, PoolConfig, Quota
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.scenario import (
    Backoff,
    Fail,
    Failover,
    Function,
    Hosted,
    Scenario,
    Single,
    Wait,
)
from keyrota.simulation.simple import simple_scenario
from keyrota.traffic.arrivals import Bursts, Poisson

HOUR = 3600.0
REUSED = Hosted(slots=20, life_s=75.0)
"""Isolates that take several requests each, so that slots, life and steps show."""


def scenario(*, rate_per_min=5.0, per_minute=2, isolates=REUSED, duration_s=6 * HOUR, **options):
    return simple_scenario(
        keys=4, per_minute=per_minute, rate_per_min=rate_per_min, isolates=isolates, duration_s=duration_s,
        **options,
    )  # fmt: skip


def fitted_to(events, config):
    return [fit_pool(pool, span_of_log(events)) for pool in logged_pools(events, config)]


def round_trip(truth, *, declared=None, seed=0):
    """Simulate and log, and fit what is logged."""
    pools = truth.pools if declared is None else declared
    (fitted,) = fitted_to(simulated_events(truth, seed=seed), PoolConfig(pools=pools))
    return fitted


def holds(estimate, value):
    return estimate.low <= value <= estimate.high


@pytest.mark.parametrize("isolates", [REUSED, Hosted(), Single()], ids=["reused", "cold", "single"])
@pytest.mark.parametrize(
    "policy", ["random-start-round-robin", "start-at-first", "random", "shared-round-robin", "sticky"]
)
def test_the_policy_comes_back(policy, isolates):
    """With one isolate, three policies are the same from its start on; the declared one stands for them."""
    fitted = round_trip(scenario(policy=policy, isolates=isolates, rate_per_min=8.0, per_minute=5))
    alike = isinstance(isolates, Single) and policy in ("start-at-first", "shared-round-robin")
    assert fitted.policy == ("random-start-round-robin" if alike else policy)
    assert holds(fitted.fits[0].rate.per_min, 8.0)


@pytest.mark.parametrize("seed", range(5))
def test_the_declared_rotation_is_not_taken_for_a_shared_counter(seed):
    """One slot, so that an isolate's picks stand together in the log, also in the smallest pool."""
    for keys in (2, 4):
        truth = simple_scenario(keys=keys, rate_per_min=8.0, isolates=Hosted(slots=1), duration_s=6 * HOUR)
        assert round_trip(truth, seed=seed).policy == "random-start-round-robin"


@pytest.mark.parametrize("isolates", [REUSED, Single()], ids=["reused", "single"])
def test_an_isolate_that_goes_on_after_a_429_is_still_sticky(isolates):
    """Where a third of its calls is rejected its steps are mixed; those after a success are none."""
    fitted = round_trip(scenario(policy="sticky", isolates=isolates, rate_per_min=8.0, per_minute=2))
    assert fitted.rejected > fitted.requests / 5
    assert fitted.policy == "sticky"


@pytest.mark.parametrize("window", ["fixed", "sliding"])
@pytest.mark.parametrize("isolates", [REUSED, Hosted()], ids=["reused", "cold"])
@pytest.mark.parametrize(
    ("reaction", "found"),
    [
        (Fail(), Fail()),
        (Failover(), Failover()),
        (Failover(tries=2), Failover(tries=2)),
        (Failover(tries=3), Failover(tries=3)),
        (Backoff(base_s=1.0, jitter=0.0), Backoff(tries=4, base_s=1.0, jitter=0.0)),
        (Backoff(base_s=1.0, jitter=0.0, tries=2), Backoff(tries=2, base_s=1.0, jitter=0.0)),
    ],
    ids=["fail", "fail over", "two keys", "three keys", "back off", "back off once"],
)
def test_the_reaction_comes_back(reaction, found, isolates, window):
    """With the number of calls, and the wait to the millisecond; the window too."""
    fitted = round_trip(scenario(on_reject=reaction, isolates=isolates, window=window))
    if isinstance(found, Backoff):
        assert fitted.on_reject.base_s == pytest.approx(found.base_s, abs=1e-3)
        found = replace(found, base_s=fitted.on_reject.base_s)
    assert fitted.on_reject == found
    assert fitted.window == window
    assert fitted.policy == "random-start-round-robin"
    assert holds(fitted.fits[0].rate.per_min, 5.0)


@pytest.mark.parametrize(("window", "tries"), [("fixed", 3), ("sliding", 4)])
def test_a_client_that_waits_as_long_as_stated(window, tries):
    """In fixed minutes the budget of 120 s ends before the fourth call: each further wait is a minute."""
    truth = scenario(on_reject=Wait(tries=4, budget_s=120.0), window=window, isolates=Hosted())
    assert round_trip(truth).on_reject == Wait(tries=tries)


def test_jitter_is_taken_as_its_median():
    """A wait of half a second to one: three quarters of a second, within 4 standard errors."""
    truth = scenario(on_reject=Backoff(base_s=1.0, jitter=0.5), isolates=Hosted())
    events = simulated_events(truth)
    (pool,) = logged_pools(events, PoolConfig(pools=truth.pools))
    fitted = fit_pool(pool, span_of_log(events))
    # The median of n uniform draws over half a second has a standard error of 0.25 / sqrt(n).
    assert fitted.on_reject.base_s == pytest.approx(
        0.75, abs=4 * 0.25 / np.sqrt(pool.account.calls.reaction.followed)
    )


def test_a_client_that_was_never_seen_to_give_up_tries_all_keys():
    """Where no request ended in a 429, the most calls that one needed are no limit."""
    fitted = round_trip(scenario(on_reject=Failover(), rate_per_min=2.0))
    assert fitted.rejected == 0
    assert fitted.on_reject == Failover(tries=None)


def test_hosted_isolates_come_back():
    """20 slots in their interval, the life of the platform; boots from their 5 % to their 95 % quantile."""
    fitted = round_trip(scenario(rate_per_min=8.0))
    (function,), (fit,) = fitted.functions, fitted.fits
    assert holds(fit.isolates.slots, 20)
    assert function.isolates.life_s == 75.0
    assert function.isolates.boot_s == pytest.approx((0.0315, 0.0585), abs=0.001)
    # Exponential times of mean 2 s: within 4 standard errors (p < 1e-4).
    assert function.service.warm_s == pytest.approx(2.0, abs=4 * 2.0 / np.sqrt(fit.service.warm))


def test_a_single_isolate_comes_back():
    """Not as a hosted one with a slot."""
    fitted = round_trip(scenario(isolates=Single()))
    assert isinstance(fitted.functions[0].isolates, Single)


@pytest.mark.parametrize("isolates", [REUSED, Single()], ids=["reused", "single"])
def test_two_picks_a_request_come_back(isolates):
    """The rate is that of requests, not of picks; with one isolate half of the keys do the work."""
    fitted = round_trip(scenario(picks_per_request=2, isolates=isolates, rate_per_min=4.0))
    assert fitted.picks_per_request == 2
    assert fitted.policy == "random-start-round-robin"
    assert holds(fitted.fits[0].rate.per_min, 4.0)


def test_a_declared_project_stays():
    """Its name is the declared one, and there is nothing to note."""
    pool = replace(scenario().pools[0], projects=("a", "a", "b", "c"))
    fitted = round_trip(replace(scenario(), pools=(pool,)))
    assert fitted.pool.projects == ("a", "a", "b", "c")
    assert fitted.notes == ()


def test_a_key_that_the_mapping_lists_twice_is_noted():
    """The scenario has as many different keys as are declared, which the log's mapping has not."""
    truth = scenario()
    events = simulated_events(truth)
    events["key"] = events["key"].replace({2: 1})
    (fitted,) = fitted_to(events, PoolConfig(pools=truth.pools))
    assert fitted.notes[0] == (
        "the mapping lists key 1 more than once (C203): correct that first, the plan is for 4 different keys"
    )


@pytest.mark.parametrize("is_declared", [True, False])
def test_keys_of_one_project_are_found(is_declared):
    """Keys 1 and 2 share a quota that nobody declared: in the scenario they do, and a note says so."""
    pool = scenario().pools[0]
    truth = replace(scenario(), pools=(replace(pool, projects=("a", "a", "b", "c")),))
    fitted = round_trip(truth, declared=(pool,) if is_declared else ())
    first, second, *others = fitted.pool.projects
    assert first == second
    assert len({first, *others}) == 3
    assert fitted.notes[-1] == "keys 1 and 2 are counted as one quota, as they behave"
    simulated = scenario_of([fitted], span_of_log(simulated_events(truth)))
    assert simulated.pools[0].projects == fitted.pool.projects


def test_the_stated_day_limit_is_taken():
    """60 a day in force, 200 declared: the errors say so."""
    truth = simple_scenario(keys=4, per_minute=2, per_day=60, rate_per_min=2.0, duration_s=6 * HOUR)
    old = replace(truth.pools[0], quota=Quota(per_minute=2, per_day=200))
    fitted = round_trip(truth, declared=(old,))
    assert fitted.pool.quota == Quota(per_minute=2, per_day=60)
    assert fitted.notes == (
        "the limit of 60 a Pacific day stated by the errors is taken, not the declared 200",
    )
    assert round_trip(truth).notes == ()


def test_a_pool_that_is_not_declared():
    """Keys, functions and limits as logged, with a note that none was declared."""
    fitted = round_trip(scenario(), declared=())
    assert fitted.pool.keys == (1, 2, 3, 4)
    assert fitted.pool.functions == ("function",)
    assert fitted.pool.quota == Quota(per_minute=2)
    assert fitted.notes == ("the limit of 2 a minute stated by the errors is taken; none is declared",)


def test_limits_that_nothing_tells_are_none():
    """A pool without 429s and without a declaration has no limit, and predicts no 429."""
    fitted = round_trip(scenario(per_minute=None, rate_per_min=1.0), declared=())
    assert fitted.pool.quota == Quota()
    assert fitted.rejected == 0


@pytest.mark.parametrize(("functions", "name"), [(("make", "fix"), "make"), ((), "pool")])
def test_functions_without_names(functions, name):
    """A log that names none has one function: the first declared, else called like the pool."""
    truth = scenario()
    events = simulated_events(truth)
    events = events.assign(function=pd.Categorical([None] * len(events)))
    (fitted,) = fitted_to(events, PoolConfig(pools=(replace(truth.pools[0], functions=functions),)))
    assert [function.name for function in fitted.functions] == [name]
    assert fitted.pool.functions == (name,)
    assert holds(fitted.fits[0].rate.per_min, 5.0)


def two_pools():
    pools = (
        Pool(name="A", keys=(1, 2), functions=("a", "c"), quota=Quota(per_minute=2)),
        Pool(name="B", keys=(3, 4, 5), functions=("b",), quota=Quota(per_minute=5)),
    )
    rates = (("a", "A", 1.0), ("c", "A", 2.0), ("b", "B", 3.0))
    functions = tuple(
        Function(name=name, pool=pool, arrivals=Poisson(rate_per_min=rate)) for name, pool, rate in rates
    )
    return Scenario(pools=pools, functions=functions, duration_s=6 * HOUR)


def test_the_scenario_has_all_pools_and_the_span_of_the_log():
    """Each function at its rate and with its pool; it begins at the full minute of the first event."""
    truth = two_pools()
    events = simulated_events(truth)
    fitted = fitted_to(events, PoolConfig(pools=truth.pools))
    found = scenario_of(fitted, span_of_log(events))
    assert [pool.name for pool in found.pools] == ["A", "B"]
    assert {(function.name, function.pool) for function in found.functions} == {
        ("a", "A"), ("b", "B"), ("c", "A"),
    }  # fmt: skip
    for own in fitted:
        for function, fit in zip(own.functions, own.fits, strict=True):
            assert holds(fit.rate.per_min, {"a": 1.0, "c": 2.0, "b": 3.0}[function.name])
    assert found.start == dt.datetime(2025, 11, 10, 8, tzinfo=dt.UTC) == truth.start
    assert found.duration_s == pytest.approx(truth.duration_s, abs=120)
    # Two functions at rates of r and 2r: the error of the sum is not the sum of the errors.
    assert fitted[0].rate_per_min == pytest.approx(3.0, abs=4 * np.sqrt(3.0 / 360))
    assert fitted[0].relative_error == pytest.approx(1 / np.sqrt(3.0 * 360), rel=0.15)


def test_what_differs_between_pools_is_that_of_the_busiest():
    """Pool B has more requests and fails over: so do all in a scenario of both."""
    events = simulated_events(two_pools())
    a, b = fitted_to(events, PoolConfig(pools=two_pools().pools))
    assert a.requests > 0.9 * b.requests
    a = dataclasses.replace(a, requests=b.requests - 1)
    b = dataclasses.replace(b, on_reject=Failover(), policy="random")
    found = scenario_of([a, b], span_of_log(events))
    assert (found.on_reject, found.policy) == (Failover(), "random")


def test_a_function_that_picks_from_two_pools_is_one_in_each():
    """A scenario's functions have one pool, and names of their own."""
    truth = two_pools()
    events = simulated_events(truth)
    events = events.assign(function=pd.Categorical(["chat"] * len(events)))
    bare = tuple(replace(pool, functions=()) for pool in truth.pools)
    found = scenario_of(fitted_to(events, PoolConfig(pools=bare)), span_of_log(events))
    assert [function.name for function in found.functions] == ["chat (A)", "chat (B)"]
    assert [pool.functions for pool in found.pools] == [("chat (A)",), ("chat (B)",)]


@pytest.mark.parametrize(
    ("minutes", "message"),
    [
        (1, r'pool "POOL": \d+ requests? in \d+ seconds (is|are) too few for a rate; about 30 are enough'),
        (4, r"at this rate a log of (\d+|\d\.\d) minutes"),
    ],
)
def test_a_log_that_is_too_short(minutes, message):
    """How long is enough is said."""
    with pytest.raises(InputError, match=message):
        round_trip(scenario(duration_s=60.0 * minutes))


def test_what_is_said_to_be_enough_is_enough():
    """30 requests: a log a third longer than the message says holds them, and is fitted."""
    truth = scenario(rate_per_min=5.0, duration_s=240.0)
    with pytest.raises(InputError, match="about 30 are enough") as error:
        round_trip(truth)
    minutes = float(str(error.value).split("a log of ")[1].split()[0])
    assert minutes == pytest.approx(6.0, rel=0.7)
    longer = round_trip(replace(truth, duration_s=4 / 3 * 60 * minutes))
    assert longer.requests >= 30
    assert any("is known within" in note for note in longer.notes)


def test_bursts_need_more_requests():
    """30 are not enough where they come in bursts, and the message says why."""
    truth = simple_scenario(
        keys=4,
        arrivals=Bursts(rate_per_min=4.0, calm_ratio=0.0, burst_s=30.0, calm_s=300.0),
        duration_s=1800.0,
    )
    with pytest.raises(
        InputError, match=r"requests that come in bursts in [\d.]+ minutes are too few"
    ) as error:
        round_trip(truth)
    assert int(str(error.value).split("about ")[1].split()[0].replace(",", "")) > 30


def test_requests_without_times_tell_no_rate():
    """The pool's, beside rows that have times."""
    events = simulated_events(scenario())
    is_pick = events["kind"] == "pick"
    events = events.assign(time=events["time"].where(~is_pick))
    (pool,) = logged_pools(events, PoolConfig(pools=scenario().pools))
    with pytest.raises(InputError, match='no request of pool "POOL" with a time'):
        fit_pool(pool, span_of_log(events))
