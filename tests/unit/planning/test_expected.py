"""The expected share of 429s: the closed form at each rate, weighted by the requests that come at it."""

import math

import numpy as np
import pytest
from msgspec.structs import replace

from keyrota import theory
from keyrota.errors import ConfigurationError, ModelError
from keyrota.planning.expected import expected_share
from keyrota.pools.declared import Quota
from keyrota.simulation.experiment import simulate
from keyrota.simulation.scenario import Backoff, Failover, Function, Hosted, Scenario, Single, Trigger
from keyrota.simulation.simple import simple_scenario
from keyrota.traffic.arrivals import Bursts, Poisson, Profile, Regular, Replay, Sessions

DAY_S = 86_400.0
HALF = (1.0,) * 12 + (3.0,) * 12
"""Half of the day at half of the mean rate, half at one and a half times it."""


def expected(arrivals, *, keys=4, per_minute=2, per_day=None, fails_over=False, **options):
    scenario = simple_scenario(
        keys=keys, per_minute=per_minute, per_day=per_day, arrivals=arrivals, **options
    )  # fmt: skip
    return expected_share(scenario, "POOL", fails_over=fails_over)


@pytest.mark.parametrize("window", ["fixed", "sliding"])
@pytest.mark.parametrize("rate", [1.0, 4.0, 8.0])
@pytest.mark.parametrize(
    ("options", "choice"),
    [
        ({"policy": "random"}, "random"),
        ({}, "random"),
        ({"on_reject": Failover()}, "fail-over"),
        ({"on_reject": Failover(tries=4)}, "fail-over"),
        ({"policy": "least-used"}, "fail-over"),
    ],
    ids=["random", "cold isolates", "fail over", "to all four", "least used"],
)
def test_poisson_traffic_has_the_share_of_the_theory(options, choice, rate, window):
    """Of both windows."""
    share = theory.rejected_share(rate, keys=4, per_minute=2, window=window, choice=choice)
    assert expected(Poisson(rate_per_min=rate), window=window, **options) == pytest.approx(share, rel=1e-12)


def test_the_table_of_the_theory():
    """Four keys of 2 at 4 a minute: 10.36 % at random, 0.84 % with fail-over; sliding 20 % and 3.04 %."""
    four = Poisson(rate_per_min=4.0)
    assert expected(four) == pytest.approx(0.103638, abs=5e-7)
    assert expected(four, fails_over=True) == pytest.approx(0.008407, abs=5e-7)
    assert expected(four, window="sliding") == pytest.approx(0.2, abs=5e-7)
    assert expected(four, window="sliding", fails_over=True) == pytest.approx(0.030420, abs=5e-7)


def test_a_profile_of_two_levels():
    """At 2 and at 6 a minute for half of the day each: a quarter of the requests comes at 2."""
    at = {rate: theory.rejected_share(rate, keys=4, per_minute=2) for rate in (2.0, 6.0)}
    share = expected(Profile(rate_per_min=4.0, weights=HALF))
    assert share == pytest.approx((2 * at[2.0] + 6 * at[6.0]) / 8, rel=1e-12)
    assert share > theory.rejected_share(4.0, keys=4, per_minute=2)


def test_a_week_has_its_own_hours():
    """One day of seven at 8 a minute, the others silent: all requests come at 8."""
    weights = (1.0,) * 24 + (0.0,) * 144
    share = theory.rejected_share(8.0, keys=4, per_minute=2)
    assert expected(Profile(rate_per_min=8.0 / 7, weights=weights)) == pytest.approx(share, rel=1e-12)


def test_bursts_of_two_states():
    """A tenth of the time at 10 a minute, the rest at 1: weighted by 10 and 9 of 19 requests."""
    arrivals = Bursts(rate_per_min=1.9, calm_ratio=0.1, burst_s=100.0, calm_s=900.0)
    assert arrivals.burst_per_min == pytest.approx(10.0)
    at = {rate: theory.rejected_share(rate, keys=4, per_minute=2) for rate in (1.0, 10.0)}
    assert expected(arrivals) == pytest.approx((10 * at[10.0] + 9 * at[1.0]) / 19, rel=1e-9)


def functions(*arrivals):
    """A pool of four that so many functions draw on."""
    names = tuple(f"f{number}" for number in range(len(arrivals)))
    pool = replace(simple_scenario(keys=4, per_minute=2, rate_per_min=1.0).pools[0], functions=names)
    return Scenario(
        pools=(pool,),
        functions=tuple(
            Function(name=name, pool="POOL", arrivals=own) for name, own in zip(names, arrivals, strict=True)
        ),
    )


def test_functions_of_a_pool_add_up():
    """Poisson ones to their sum; a profile and a constant rate hour by hour; bursts in all four pairs."""

    def at(rate):
        return rate * theory.rejected_share(rate, keys=4, per_minute=2)

    both = expected_share(functions(Poisson(rate_per_min=1.0), Poisson(rate_per_min=3.0)), "POOL")
    assert both == pytest.approx(at(4.0) / 4, rel=1e-12)
    mixed = functions(Poisson(rate_per_min=1.0), Profile(rate_per_min=4.0, weights=HALF))
    assert expected_share(mixed, "POOL") == pytest.approx((at(3.0) + at(7.0)) / 10, rel=1e-12)
    # Each bursts half of the time, at 4 a minute: none, one or both.
    burst = Bursts(rate_per_min=2.0, calm_ratio=0.0, burst_s=300.0, calm_s=300.0)
    pair = expected_share(functions(burst, burst), "POOL")
    assert pair == pytest.approx((2 * at(4.0) + at(8.0)) / 16, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "choice"),
    [({}, "random"), ({"on_reject": Failover()}, "fail-over")],
    ids=["fail", "fail over"],
)
def test_the_limit_of_a_day(options, choice):
    """200 requests a day meet 4 keys of 50, or of 20, and no limit of the minute."""
    for per_day in (20, 50):
        share = theory.day_rejected_share(200.0, keys=4, per_day=per_day, choice=choice)
        found = expected(Poisson(rate_per_min=200 / 1440), per_minute=None, per_day=per_day, **options)
        assert found == pytest.approx(share, rel=1e-9)
    # On average 120 of 200 requests are too many for 80 calls; chance adds hardly anything.
    assert share == pytest.approx(
        expected(Poisson(rate_per_min=200 / 1440), per_minute=None, per_day=50, **options)
    )


def test_of_both_limits_the_larger_share_counts():
    """The minute's with much room a day, the day's with little."""
    minute = theory.rejected_share(4.0, keys=4, per_minute=2)
    assert expected(Poisson(rate_per_min=4.0), per_day=10_000) == pytest.approx(minute)
    day = theory.day_rejected_share(5760.0, keys=4, per_day=100)
    assert expected(Poisson(rate_per_min=4.0), per_day=100) == pytest.approx(day)
    assert day > 0.9 > minute
    # The hours do not matter to the day.
    assert expected(Profile(rate_per_min=4.0, weights=HALF), per_day=100) == pytest.approx(day)


def test_no_limit_rejects_nothing():
    """Neither declared nor found."""
    assert expected(Poisson(rate_per_min=100.0), per_minute=None) == 0.0


@pytest.mark.parametrize(
    ("arrivals", "options"),
    [
        (Poisson(rate_per_min=4.0), {"policy": "sticky"}),
        (Poisson(rate_per_min=4.0), {"policy": "start-at-first"}),
        (Poisson(rate_per_min=4.0), {"on_reject": Backoff()}),
        (Poisson(rate_per_min=4.0), {"on_reject": Failover(tries=2)}),
        (Poisson(rate_per_min=4.0), {"picks_per_request": 2}),
        (Poisson(rate_per_min=4.0), {"window": "token-bucket"}),
        (Poisson(rate_per_min=4.0), {"isolates": Hosted(slots=2)}),
        (Poisson(rate_per_min=4.0), {"isolates": Single(), "window": "sliding"}),
        (Poisson(rate_per_min=4.0, growth_per_day=0.1), {}),
        (Profile(rate_per_min=4.0, weights=HALF, growth_per_day=0.1), {}),
        (Regular(rate_per_min=4.0), {}),
        (Sessions(rate_per_min=4.0), {}),
        (Poisson(rate_per_min=0.0), {}),
    ],
    ids=[
        "sticky", "start at first", "back off", "two of four", "two picks", "bucket", "warm isolates",
        "renewals", "growth", "growing profile", "regular", "sessions", "no traffic",
    ],
)  # fmt: skip
def test_there_is_no_number_without_a_closed_form(arrivals, options):
    """Of rotation, reaction, window, isolates or traffic."""
    assert expected(arrivals, **options) is None


def test_a_profile_has_one_only_if_all_its_hours_do():
    """Isolates that are warm in the busy hours alone make round robin act there."""
    quiet, busy = Poisson(rate_per_min=0.2), Poisson(rate_per_min=40.0)
    isolates = Hosted(slots=20)
    assert expected(quiet, isolates=isolates) is not None
    assert expected(busy, isolates=isolates) is None
    weights = (0.2,) * 23 + (40.0,)
    mean = sum(weights) / 24
    assert expected(Profile(rate_per_min=mean, weights=weights), isolates=isolates) is None


def test_shared_keys_have_none():
    """Two of the keys in one project."""
    scenario = simple_scenario(keys=2, per_minute=2, rate_per_min=1.0)
    shared = replace(scenario, pools=(replace(scenario.pools[0], projects=("a", "a")),))
    assert expected_share(shared, "POOL") is None


def test_what_has_no_rate_is_an_error():
    """Replayed times, calls that trigger calls, a pool that is not there."""
    replayed = simple_scenario(
        keys=2,
        per_minute=2,
        arrivals=Replay(times_ns=(1_762_761_601_000_000_000, 1_762_761_602_000_000_000)),
        duration_s=60.0,
    )
    with pytest.raises(ModelError, match="replays given times"):
        expected_share(replayed, "POOL")
    two = functions(Poisson(rate_per_min=1.0), Poisson(rate_per_min=1.0))
    first, second = two.functions
    first = replace(first, triggers=(Trigger(function=second.name, probability=0.5),))
    with pytest.raises(ModelError, match="triggers calls"):
        expected_share(replace(two, functions=(first, second)), "POOL")
    with pytest.raises(ConfigurationError, match='no pool "NONE"'):
        expected_share(two, "NONE")


@pytest.mark.parametrize(
    ("options", "rate"),
    [({"policy": "random"}, 4.0), ({"on_reject": Failover()}, 6.0)],
    ids=["random", "fail over"],
)
def test_a_simulated_day_with_a_profile(options, rate):
    """60 days, within 4 standard errors (p < 1e-4); hours of one level lie together, so the edges are few."""
    arrivals = Profile(rate_per_min=rate, weights=HALF)
    scenario = simple_scenario(keys=4, per_minute=2, arrivals=arrivals, duration_s=DAY_S, **options)
    share = simulate(scenario, replications=60, seed=7).rejected_share()
    assert abs(share.estimate - expected_share(scenario, "POOL")) < 4 * share.standard_error
    assert share.standard_error < 0.03 * share.estimate
    # Far from what the mean rate alone would have.
    mean = theory.rejected_share(
        rate, keys=4, per_minute=2, choice="random" if "policy" in options else "fail-over"
    )
    assert abs(share.estimate - mean) > 10 * share.standard_error


def test_simulated_bursts_that_last_longer_than_a_minute():
    """Spells of 20 minutes: the minutes that a change cuts make up less than 5 % of the share."""
    arrivals = Bursts(rate_per_min=4.0, calm_ratio=0.1, burst_s=1200.0, calm_s=1200.0)
    scenario = simple_scenario(keys=4, per_minute=2, arrivals=arrivals, policy="random", duration_s=DAY_S)
    share = simulate(scenario, replications=60, seed=7).rejected_share()
    assert math.isclose(
        share.estimate,
        expected_share(scenario, "POOL"),
        rel_tol=0.05 + 4 * share.standard_error / share.estimate,
    )
    assert not np.isclose(share.estimate, theory.rejected_share(4.0, keys=4, per_minute=2), rtol=0.2)


def test_a_simulated_day_with_both_limits():
    """Below what both together reject, and at most a tenth of it."""
    scenario = simple_scenario(
        keys=4, per_minute=2, per_day=1000, rate_per_min=3.0, policy="random", duration_s=DAY_S
    )
    assert scenario.pools[0].quota == Quota(per_minute=2, per_day=1000)
    share = simulate(scenario, replications=40, seed=7).rejected_share()
    larger = expected_share(scenario, "POOL")
    assert larger - 4 * share.standard_error < share.estimate < 1.1 * larger + 4 * share.standard_error
