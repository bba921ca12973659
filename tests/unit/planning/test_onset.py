"""Usable rates: where the share of 429s meets the target."""

import datetime as dt
import math

import pytest
from msgspec.structs import replace

from keyrota.errors import ConfigurationError, ModelError
from keyrota.planning.onset import days_until, find_onset
from keyrota.planning.resize import at_total_rate, only_pool, resized, total_rate, with_size
from keyrota.pools.declared import Pool, Quota
from keyrota.pools.load import load_pools
from keyrota.report.onset import describe
from keyrota.report.onset_text import as_text
from keyrota.simulation.estimates import Quantity
from keyrota.simulation.experiment import simulate
from keyrota.simulation.scenario import Failover, Function, Hosted, Scenario, Single, Trigger
from keyrota.simulation.simple import POOL_NAME, simple_scenario
from keyrota.theory import usable_rate
from keyrota.traffic.arrivals import Bursts, Poisson, Sessions


def onset(sizes, **options):
    own = {"per_minute": 2, "rate_per_min": 1.0, "policy": "random", **options}
    search = {name: own.pop(name) for name in ("target", "growth_per_day", "jobs", "seed") if name in own}
    return find_onset(simple_scenario(keys=sizes[0], **own), pool=POOL_NAME, sizes=sizes, **search)


@pytest.mark.parametrize(
    ("options", "choice"),
    [
        ({}, "random"),
        ({"window": "sliding"}, "random"),
        ({"on_reject": Failover()}, "fail-over"),
        ({"policy": "shared-round-robin"}, "shared-round-robin"),
        ({"target": 0.05}, "random"),
    ],
    ids=["random", "sliding", "fail over", "shared", "5 %"],
)
def test_usable_rates_meet_theory(options, choice):
    """Within 5 standard errors at each size (12 replications and more: p < 4e-4), and closer than 8 %."""
    found = onset((1, 2, 4), **options)
    window, target = options.get("window", "fixed"), options.get("target", 0.01)
    for entry in found.sizes:
        expected = usable_rate(keys=entry.keys, per_minute=2, target=target, window=window, choice=choice)
        assert entry.theory_per_min == pytest.approx(expected, rel=1e-12)
        estimate, error = entry.usable_per_min.estimate, entry.usable_per_min.standard_error
        assert abs(estimate - expected) < 5 * error
        assert abs(estimate / expected - 1) < 0.08
        assert entry.usable_per_min.relative_half_width <= 0.05
        assert entry.nominal_per_min == 2 * entry.keys


def test_at_the_usable_rate_the_share_is_the_target():
    """Simulated anew, with other numbers, within the interval's reach: the search finds what it says."""
    entry = onset((3,)).sizes[0]
    scenario = simple_scenario(
        keys=3, per_minute=2, rate_per_min=entry.usable_per_min.estimate, policy="random",
        duration_s=864_000.0,
    )  # fmt: skip
    share = simulate(scenario, replications=40, seed=99).rejected_share()
    # A rate that is off by 5 % moves the share by about 10 %.
    assert share.estimate == pytest.approx(0.01, rel=0.15)


def test_round_robin_on_hosted_isolates_is_close_to_random_and_not_worse():
    """The document's chat pool: nominal 4 a minute, about 0.5 at 1 %."""
    entry = onset((2,), policy="random-start-round-robin").sizes[0]
    assert entry.theory.choice == "random"
    assert not entry.theory.is_exact
    assert 0.48 < entry.usable_per_min.estimate < 0.58


def test_a_daily_limit_is_counted_with_the_minute_limit():
    """Usable with both limits is about that of the day; the minute limit alone is told beside it."""
    (entry,) = onset((2,), per_day=50).sizes
    assert entry.minute_nominal_per_min == 4.0
    assert entry.nominal_per_min == pytest.approx(100 / 1440)
    assert entry.minute_usable_per_min.estimate == pytest.approx(0.5225, rel=0.08)
    assert entry.usable_per_min.estimate == pytest.approx(entry.theory_per_min, rel=0.05)
    assert entry.usable_per_min.estimate < entry.nominal_per_min


def test_sizes_do_not_depend_on_each_other_or_on_workers():
    """The same numbers alone, together, and on two workers."""
    together, alone, two = onset((1, 2, 3)), onset((2,)), onset((1, 2, 3), jobs=2)
    assert together.sizes[1] == alone.sizes[0]
    assert two.sizes == together.sizes


def test_growth_tells_the_day():
    """A rate of 0.1 a minute that grows by 10 % a day reaches r after log(r / 0.1) / log 1.1 days."""
    (entry,) = onset((2,), rate_per_min=0.1, growth_per_day=0.1).sizes
    after, usable = entry.exceeded_after_days, entry.usable_per_min
    for mine, theirs in ((after.estimate, usable.estimate), (after.ci_low, usable.ci_low)):
        assert mine == pytest.approx(math.log(theirs / 0.1) / math.log(1.1), rel=1e-12)
    above = days_until(usable, usable.estimate * 2, 0.1)
    assert above.estimate == 0.0


def test_growing_traffic_exceeds_the_target_on_that_day():
    """Simulated with its growth, the day's share is within the target before that day and above it after.

    The share of one whole day at the usable rate is 1 %; one day earlier or later it is 18 % off, since the
    share grows with the square of the rate.
    """
    scenario = simple_scenario(keys=2, per_minute=2, rate_per_min=0.2, policy="random")
    found = find_onset(scenario, pool=POOL_NAME, sizes=(2,), growth_per_day=0.1)
    after = found.sizes[0].exceeded_after_days.estimate
    growing = Poisson(rate_per_min=0.2, growth_per_day=0.1)
    shares = []
    for day in (math.floor(after) - 2, math.floor(after) + 2):
        own = simple_scenario(
            keys=2, per_minute=2, arrivals=growing, policy="random", duration_s=86_400.0 * (day + 1),
            warm_up_s=86_400.0 * day,
        )  # fmt: skip
        shares.append(simulate(own, replications=400, seed=1).rejected_share())
    assert shares[0].ci_high < 0.01 < shares[1].ci_low


def test_days_until_keeps_the_interval():
    """The delta method: error of the day = relative error of the rate over log growth."""
    usable = Quantity(estimate=1.0, standard_error=0.02, ci_low=0.96, ci_high=1.04, replications=50)
    after = days_until(usable, 0.5, 0.05)
    assert after.standard_error == pytest.approx(0.02 / math.log(1.05))
    assert after.estimate == pytest.approx(math.log(2) / math.log(1.05))
    assert after.ci_low < after.estimate < after.ci_high


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sizes": (0,)}, "a pool of 0 keys; allowed are 1 to"),
        ({"target": 1.5}, "target is 1.5; it is a fraction"),
        ({"precision": 0.0}, "precision is 0.0; it is a fraction"),
        ({"pool": "CHAT"}, 'there is no pool "CHAT"; there are POOL'),
        ({"growth_per_day": 0.0}, "growth_per_day is 0.0; it is a fraction above 0"),
        ({"growth_per_day": -0.1}, "growth_per_day is -0.1"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_what_is_not_allowed_is_told_in_one_line(change, told):
    """The value, and what is allowed."""
    scenario = simple_scenario(keys=2, per_minute=2, rate_per_min=1.0)
    with pytest.raises(ConfigurationError) as error:
        find_onset(scenario, **{"pool": POOL_NAME, "sizes": (2,), **change})
    assert told in str(error.value)


def test_a_pool_without_limit_has_no_onset():
    """No limit: 429s never begin, and the message says so."""
    with pytest.raises(ModelError, match="no limit"):
        find_onset(simple_scenario(keys=2, rate_per_min=1.0), pool=POOL_NAME, sizes=(2,))


def test_triggered_traffic_has_no_single_rate():
    """A pool whose calls are triggered by another has no one rate to search."""
    pools = (Pool(name="A", keys=(1,), quota=Quota(per_minute=2)), Pool(name="B", keys=(2,)))
    functions = (
        Function(
            name="a", pool="A", arrivals=Poisson(rate_per_min=1.0),
            triggers=(Trigger(function="b", probability=0.5),),
        ),
        Function(name="b", pool="B"),
    )  # fmt: skip
    with pytest.raises(ModelError, match="triggers calls"):
        only_pool(Scenario(pools=pools, functions=functions), "A")


def test_each_function_keeps_its_part_of_the_rate():
    """At another rate the parts of the functions stay, and growth is gone."""
    config = load_pools()
    functions = tuple(
        Function(name=name, pool="ARTIFACT", arrivals=Poisson(rate_per_min=rate, growth_per_day=0.1))
        for name, rate in (("generate-artifact", 3.0), ("generate-artifact-fix", 1.0))
    )
    scenario = Scenario(pools=(config["ARTIFACT"],), functions=functions)
    faster = at_total_rate(scenario, 8.0)
    assert [f.arrivals.rate_per_min for f in faster.functions] == [6.0, 2.0]
    assert total_rate(faster) == 8.0
    assert all(f.arrivals.growth_per_day == 0 for f in faster.functions)


def test_resized_pools_take_the_next_free_numbers():
    """First the declared keys, then the numbers after the largest; new keys are projects of their own."""
    pool = Pool(name="A", keys=(3, 7), projects=("x", "x"))
    assert resized(pool, 1).keys == (3,)
    assert resized(pool, 4).keys == (3, 7, 8, 9)
    assert len(set(resized(pool, 4).projects)) == 3
    assert with_size(simple_scenario(keys=1, per_minute=2, rate_per_min=1.0), 5).pools[0].size == 5


def test_closed_forms_are_claimed_only_where_they_hold():
    """No theory for a token bucket, a single isolate of two functions, or shared projects."""
    from keyrota.planning.closed_form import closed_form

    scenario = simple_scenario(keys=2, per_minute=2, rate_per_min=1.0)
    pool = scenario.pools[0]

    def law(own_pool=pool, **changes):
        return closed_form(replace(scenario, **changes), own_pool)

    assert law().choice == "random"
    assert law(window="token-bucket") is None
    assert law(policy="sticky") is None
    assert law(policy="shared-round-robin", window="sliding") is None
    assert law(policy="random", window="sliding", charge_rejected=True) is None
    assert law(on_reject=Failover(tries=1)) is None
    assert law(on_reject=Failover(tries=2)).choice == "fail-over"
    assert law(picks_per_request=2) is None
    assert law(own_pool=replace(pool, projects=("p", "p"))) is None
    single = tuple(replace(function, isolates=Single()) for function in scenario.functions)
    assert law(functions=single).choice == "shared-round-robin"
    two = (*single, replace(single[0], name="second"))
    assert law(functions=two) is None
    growing = replace(scenario.functions[0], arrivals=Poisson(rate_per_min=1.0, growth_per_day=0.1))
    assert law(functions=(growing,)) is None
    hosted = replace(scenario.functions[0], isolates=Hosted(slots=1))
    assert law(functions=(hosted,), policy="start-at-first") is None


def test_theory_is_not_claimed_where_something_else_counts():
    """Projects shared with another pool, a cap on instances, charged rejections beside a day; both limits."""
    from keyrota.planning.closed_form import closed_form
    from keyrota.simulation.scenario import ScalePerRequest

    pools = tuple(
        Pool(name=name, keys=(key,), projects=("p",), model="m", quota=Quota(per_minute=2))
        for name, key in (("A", 1), ("B", 2))
    )
    functions = tuple(
        Function(name=name.lower(), pool=name, arrivals=Poisson(rate_per_min=1.0)) for name in ("A", "B")
    )
    shared = Scenario(pools=pools, functions=functions, policy="random")
    assert closed_form(shared, pools[0]) is None
    apart = tuple(replace(pool, model=pool.name) for pool in pools)
    assert closed_form(replace(shared, pools=apart), apart[0]) is not None
    capped = simple_scenario(
        keys=1, per_minute=2, rate_per_min=1.0, isolates=ScalePerRequest(max_instances=1)
    )
    assert closed_form(capped, capped.pools[0]) is None
    both = simple_scenario(keys=2, per_minute=2, per_day=50, rate_per_min=1.0, policy="random")
    assert closed_form(both, both.pools[0]).is_exact is False
    charged = replace(both, charge_rejected=True)
    assert closed_form(charged, charged.pools[0]) is None


def test_a_target_that_cannot_be_reached_ends_the_search():
    """One instance serves 30 a minute and turns the rest away: 60 calls a minute are never used up."""
    from keyrota.simulation.scenario import ScalePerRequest

    with pytest.raises(ModelError, match="something else turns the requests away first"):
        onset((1,), per_minute=60, isolates=ScalePerRequest(max_instances=1))


def test_a_high_target_without_theory_is_searched_in_short_replications(monkeypatch):
    """At 99 % 429s the rate is 100 times the nominal one; a replication simulates thousands of requests."""
    from keyrota.planning import usable

    expected = []

    def noted(setting, *arguments, **options):
        expected.append(total_rate(scenarios[-1]) * scenarios[-1].duration_s / 60)
        return run(setting, *arguments, **options)

    def kept(scenario):
        scenarios.append(scenario)
        return settled(scenario)

    scenarios, run, settled = [], usable.run_replications, usable.setting_of
    monkeypatch.setattr(usable, "run_replications", noted)
    monkeypatch.setattr(usable, "setting_of", kept)
    (found,) = onset((3,), per_minute=15, target=0.99, policy="random-start-round-robin").sizes
    assert found.theory is None or found.theory_per_min is None
    assert found.usable_per_min.estimate == pytest.approx(4500, rel=0.02)
    assert max(expected) < 100_000


def test_days_are_those_of_the_provider_whatever_the_start():
    """Begun at midnight UTC, or before a switch day, a daily limit carries the same (4 standard errors)."""
    pacific, utc, switch = (
        onset((2,), per_minute=None, per_day=200, start=start).sizes[0].usable_per_min
        for start in (
            dt.datetime(2025, 11, 10, 8, tzinfo=dt.UTC),
            dt.datetime(2025, 11, 10, tzinfo=dt.UTC),
            dt.datetime(2025, 11, 1, 12, tzinfo=dt.UTC),
        )
    )
    for other in (utc, switch):
        assert abs(other.estimate - pacific.estimate) < 4 * math.hypot(
            other.standard_error, pacific.standard_error
        )


def test_rare_requests_are_searched_too():
    """One call a day at 1 %: a request in fifty days, simulated over years."""
    (entry,) = onset((1,), per_minute=None, per_day=1).sizes
    assert entry.usable_per_min.estimate == pytest.approx(entry.theory_per_min, rel=0.1)


@pytest.mark.parametrize(
    "arrivals",
    [
        Bursts(rate_per_min=1.0, calm_ratio=0.0, burst_s=3600.0, calm_s=86_400.0),
        Sessions(rate_per_min=1.0, messages=2.0, think_s=1.0),
    ],
    ids=["rare bursts", "sessions"],
)
def test_clustered_traffic_is_searched_where_it_happens(arrivals):
    """At the rate that is found, simulated anew for long, the share is the target; below Poisson's rate."""
    scenario = simple_scenario(keys=4, per_minute=2, arrivals=arrivals, policy="random")
    (entry,) = find_onset(scenario, pool=POOL_NAME, sizes=(4,), target=0.05).sizes
    assert entry.theory is None
    rate = entry.usable_per_min.estimate
    assert 0 < rate < 0.9 * usable_rate(keys=4, per_minute=2, target=0.05)
    again = replace(
        scenario, functions=(replace(scenario.functions[0], arrivals=replace(arrivals, rate_per_min=rate)),),
        duration_s=86_400.0 * 400,
    )  # fmt: skip
    assert simulate(again, replications=10, seed=77).rejected_share().estimate == pytest.approx(
        0.05, rel=0.12
    )


def test_no_rate_is_usable_where_one_session_is_too_much():
    """Ten requests at once on two keys of two: whatever the rate, more than 1 % are rejected."""
    scenario = simple_scenario(
        keys=2, per_minute=2, arrivals=Sessions(rate_per_min=1.0, messages=10.0, think_s=0.0)
    )
    found = find_onset(scenario, pool=POOL_NAME, sizes=(2,))
    assert found.sizes[0].usable_per_min.estimate == 0
    text = " ".join(as_text([found]).split())
    assert "none" in text
    assert "carry no rate at 1 %: one session or burst is more than they take" in text


def test_a_precision_that_is_not_reached_is_told(monkeypatch):
    """Where replications end before the interval is narrow, the size says so, in JSON and in the text."""
    from keyrota.planning import search

    assert onset((2,)).sizes[0].is_precise
    monkeypatch.setattr(search, "MOST_REPLICATIONS", 12)
    scenario = simple_scenario(keys=2, per_minute=2, rate_per_min=1.0)
    found = find_onset(scenario, pool=POOL_NAME, sizes=(2,), precision=0.002)
    assert not found.sizes[0].is_precise
    assert describe([found]).sizes[0].is_precise is False
    assert "The precision that was asked for is not reached" in as_text([found])


@pytest.mark.parametrize(("searches", "least"), [(30, 24), pytest.param(60, 51, marks=pytest.mark.nightly)])
def test_intervals_hold_theory_as_often_as_they_say(searches, least):
    """24 of 30 searches hold theory, 51 of 60: at .95 fewer happen with probability 1e-3."""
    theory = usable_rate(keys=2, per_minute=2, target=0.01)
    held = 0
    for seed in range(searches):
        found = onset((2,), seed=seed).sizes[0].usable_per_min
        held += found.ci_low <= theory <= found.ci_high
    assert held >= least


def test_report_and_text_say_what_the_nominal_figure_hides():
    """The sentence about the declared pool, and the contract's fields."""
    pool = replace(load_pools()["CHAT"], quota=Quota(per_minute=2))
    scenario = Scenario(
        pools=(pool,), functions=(Function(name="chat", pool="CHAT", arrivals=Poisson(rate_per_min=0.2)),)
    )
    found = find_onset(scenario, pool="CHAT", sizes=(2, 3), growth_per_day=0.1)
    report = describe([found])
    assert (report.schema, report.target) == ("keyrota.onset/1", 0.01)
    assert [entry.keys for entry in report.sizes] == [2, 3]
    at = dt.datetime.fromisoformat(report.sizes[0].exceeded_at)
    assert at > scenario.start
    text = " ".join(as_text([found]).split())
    assert "2 keys: the nominal 4 a minute carry 0.5" in text
    assert "next key, they would carry 1.3 (theory" in text
