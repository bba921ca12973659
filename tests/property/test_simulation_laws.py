"""Laws that hold of every simulated run, whatever its numbers."""

import numpy as np
import pytest
from msgspec.structs import replace

from keyrota.pools.declared import Pool, Quota
from keyrota.quota.windows import MINUTE_NS
from keyrota.rotation.policies import POLICIES
from keyrota.simulation import trace as t
from keyrota.simulation.compiled import run_compiled
from keyrota.simulation.scenario import Backoff, Failover, Function, Hosted, Scenario, Single, Wait
from keyrota.simulation.setting import setting_of
from keyrota.simulation.simple import simple_scenario
from keyrota.simulation.tally import OfFunction, OfKey
from keyrota.traffic.arrivals import Poisson

SEED = np.random.SeedSequence(20_251_110)


def run(scenario, seed=SEED):
    return run_compiled(setting_of(scenario), seed, keep_trace=True)


def traced(scenario, kind, seed=SEED):
    trace = run(scenario, seed).trace
    return trace[trace[:, t.KIND] == kind]


def admitted_times(result, key):
    """Calls of a key that passed: its picks but for those that a rejection answers."""
    rows = result.trace
    own = rows[rows[:, t.KEY] == key]
    picks = own[own[:, t.KIND] == t.PICK][:, t.TIME]
    rejected = own[own[:, t.KIND] == t.REJECTION][:, t.TIME]
    left, counts = np.unique(picks, return_counts=True)
    for time in rejected:
        counts[np.searchsorted(left, time)] -= 1
    return np.repeat(left, counts)


@pytest.mark.parametrize("reaction", [Failover(), Backoff(), Wait()], ids=["failover", "backoff", "wait"])
@pytest.mark.parametrize("policy", POLICIES)
def test_no_window_lets_more_than_its_limit_pass(policy, reaction):
    """Admitted calls of a key: at most the limit in every calendar minute, or in every 60 s."""
    for window in ("fixed", "sliding"):
        scenario = simple_scenario(
            keys=3, per_minute=3, rate_per_min=20.0, duration_s=7200.0, policy=policy, window=window,
            on_reject=reaction,
        )  # fmt: skip
        result = run(scenario)
        total = 0
        for key in range(3):
            times = admitted_times(result, key)
            total += times.size
            if window == "fixed":
                assert np.unique(times // MINUTE_NS, return_counts=True)[1].max() <= 3
            else:
                assert (times[3:] - times[:-3] >= MINUTE_NS).all()
        counts = result.tally.functions[0]
        assert total == counts[OfFunction.REQUESTS] - counts[OfFunction.REJECTED]


@pytest.mark.parametrize("policy", POLICIES)
def test_every_request_passes_or_is_rejected(policy):
    """Requests = answers; calls = picks; calls that passed = requests that did not end in a 429."""
    scenario = simple_scenario(
        keys=4, per_minute=2, per_day=90, rate_per_min=9.0, duration_s=10_800.0, policy=policy
    )
    result = run(scenario)
    counts, keys = result.tally.functions[0], result.tally.keys.sum(axis=0)
    ends = result.trace[result.trace[:, t.KIND] == t.INVOCATION]
    assert len(ends) == counts[OfFunction.REQUESTS] == keys[OfKey.PICKS] == keys[OfKey.CALLS]
    assert (ends[:, t.STATUS] == 429).sum() == counts[OfFunction.REJECTED]
    assert keys[OfKey.PER_MINUTE] + keys[OfKey.PER_DAY] == counts[OfFunction.REJECTED]
    assert keys[OfKey.CALLS] - counts[OfFunction.REJECTED] <= 4 * 90


def test_without_traffic_nothing_happens():
    """No request, no pick, no 429."""
    result = run(simple_scenario(keys=2, per_minute=2, rate_per_min=0.0, duration_s=3600.0))
    assert len(result.trace) == 0
    assert not result.tally.functions.any()


def test_labels_of_keys_do_not_matter():
    """Other numbers for the keys: the same trace, as it holds places."""
    scenario = simple_scenario(keys=3, per_minute=2, rate_per_min=6.0, duration_s=7200.0)
    other = replace(scenario, pools=(replace(scenario.pools[0], keys=(70, 30, 50)),))
    assert np.array_equal(run(scenario).trace, run(other).trace)


def test_another_pool_moves_no_draw_of_the_first():
    """Streams belong to functions: the rows of a function are the same beside any other."""
    alone = simple_scenario(keys=2, per_minute=2, rate_per_min=4.0, duration_s=7200.0)
    second = Function(name="other", pool="OTHER", arrivals=Poisson(rate_per_min=30.0))
    both = replace(
        alone, pools=(*alone.pools, Pool(name="OTHER", keys=(9,))), functions=(*alone.functions, second)
    )
    rows = run(both).trace
    assert np.array_equal(rows[rows[:, t.FUNCTION] == 0], run(alone).trace)


@pytest.mark.parametrize("times", [2, 4, 8])
def test_another_unit_of_time_leaves_the_shares_of_isolates(times):
    """Everything so many times as fast (powers of two: no rounding): as many requests, boots and shares.

    The minute and the day of a quota are the provider's and scale with nothing; so there is none here.
    """
    slow = simple_scenario(
        keys=3,
        rate_per_min=2.0,
        duration_s=57_600.0,
        isolates=Hosted(slots=20, life_s=512.0, boot_s=(0.0, 0.0)),
    )
    fast = simple_scenario(
        keys=3, rate_per_min=2.0 * times, duration_s=57_600.0 / times,
        isolates=Hosted(slots=20, life_s=512.0 / times, boot_s=(0.0, 0.0)),
    )  # fmt: skip
    one, other = run(slow).tally, run(fast).tally
    assert one.functions[0, OfFunction.REQUESTS] == other.functions[0, OfFunction.REQUESTS] > 1_500
    assert one.functions[0, OfFunction.COLD] == other.functions[0, OfFunction.COLD] > 100
    assert np.array_equal(one.keys[:, OfKey.PICKS], other.keys[:, OfKey.PICKS])


def test_another_size_sees_the_same_requests():
    """Common random numbers: what varies with the pool is only what the pool decides."""
    few, many = (
        traced(simple_scenario(keys=keys, per_minute=2, rate_per_min=4.0, duration_s=7200.0), t.BOOT)
        for keys in (2, 8)
    )
    assert np.array_equal(few, many)


def test_a_single_isolate_is_perfect_round_robin():
    """All steps are +1; shares differ by one pick at most."""
    scenario = simple_scenario(keys=4, per_minute=60, rate_per_min=10.0, duration_s=7200.0, isolates=Single())
    picks = traced(scenario, t.PICK)[:, t.KEY]
    assert (np.diff(picks) % 4 == 1).all()
    assert np.ptp(np.bincount(picks)) <= 1


def test_one_shared_counter_is_perfect_round_robin():
    """All isolates go on where the last one was."""
    scenario = simple_scenario(
        keys=5, per_minute=60, rate_per_min=10.0, duration_s=7200.0, policy="shared-round-robin"
    )
    assert (np.diff(traced(scenario, t.PICK)[:, t.KEY]) % 5 == 1).all()


def first_picks(scenario):
    picks = traced(scenario, t.PICK)
    _, first = np.unique(picks[:, t.ISOLATE], return_index=True)
    return picks[first][:, t.KEY]


def test_the_predecessor_starts_every_isolate_at_the_first_key():
    """start-at-first: the bug that put nearly all picks of hosted isolates on one key."""
    scenario = simple_scenario(
        keys=4, per_minute=60, rate_per_min=4.0, duration_s=36_000.0, policy="start-at-first"
    )
    assert (first_picks(scenario) == 0).all()
    assert (traced(scenario, t.PICK)[:, t.KEY] == 0).mean() > 0.9


def test_random_starts_are_uniform():
    """Starts of the declared rotation: Pearson's chi-square below its .9999 quantile (3 d.f.)."""
    starts = first_picks(simple_scenario(keys=4, per_minute=60, rate_per_min=10.0, duration_s=360_000.0))
    counts = np.bincount(starts, minlength=4)
    assert counts.sum() > 10_000
    assert ((counts - counts.mean()) ** 2 / counts.mean()).sum() < 21.108


def test_sticky_stays_until_a_429():
    """In one isolate the key changes where a call was rejected, and nowhere else."""
    scenario = simple_scenario(
        keys=3, per_minute=4, rate_per_min=8.0, duration_s=7200.0, policy="sticky", isolates=Single()
    )
    rows = run(scenario).trace
    calls = rows[(rows[:, t.KIND] == t.PICK) | (rows[:, t.KIND] == t.REJECTION)]
    picks = np.flatnonzero(calls[:, t.KIND] == t.PICK)
    was_rejected = calls[np.minimum(picks[:-1] + 1, len(calls) - 1), t.KIND] == t.REJECTION
    moved = np.diff(calls[picks, t.KEY]) % 3
    assert np.array_equal(moved, was_rejected.astype(int))
    assert 0 < was_rejected.mean() < 1


def test_least_used_never_rejects_while_a_key_has_room():
    """It rejects as if all keys were one: at most 3 x 2 a minute pass, and none fails before that."""
    scenario = simple_scenario(
        keys=3, per_minute=2, rate_per_min=8.0, duration_s=36_000.0, policy="least-used", isolates=Single()
    )
    picks, rejections = traced(scenario, t.PICK), traced(scenario, t.REJECTION)
    minutes, counts = np.unique(picks[:, t.TIME] // MINUTE_NS, return_counts=True)
    expected = dict(zip(minutes.tolist(), np.maximum(counts - 6, 0).tolist(), strict=True))
    found = dict.fromkeys(expected, 0)
    for time in rejections[:, t.TIME].tolist():
        found[time // MINUTE_NS] += 1
    assert found == expected
    assert sum(expected.values()) > 100


def test_two_picks_a_request_idle_half_of_the_keys():
    """Of four keys an isolate calls two, while the picks are even."""
    scenario = simple_scenario(
        keys=4, per_minute=60, rate_per_min=10.0, duration_s=7200.0, picks_per_request=2, isolates=Single()
    )
    keys = run(scenario).tally.keys
    assert sorted((keys[:, OfKey.CALLS] > 0).tolist()) == [False, False, True, True]
    assert np.ptp(keys[:, OfKey.PICKS]) <= 1


def test_keys_of_one_project_are_one_quota():
    """Two keys in one project carry what one key carries, whatever the picks."""
    one = simple_scenario(keys=1, per_minute=2, rate_per_min=3.0, duration_s=36_000.0)
    two = simple_scenario(keys=2, per_minute=2, rate_per_min=3.0, duration_s=36_000.0)
    shared = replace(two, pools=(replace(two.pools[0], projects=("p", "p")),))
    rejected = [run(s).tally.functions[0, OfFunction.REJECTED] for s in (one, shared, two)]
    assert rejected[0] == rejected[1] > 2 * rejected[2]


def test_a_project_is_shared_across_pools():
    """Keys of one project and model in two pools share their quota too."""
    pools = tuple(
        Pool(name=name, keys=(key,), projects=("p",), model="m", quota=Quota(per_minute=2))
        for name, key in (("A", 1), ("B", 2))
    )
    functions = tuple(
        Function(name=name.lower(), pool=name, arrivals=Poisson(rate_per_min=2.0)) for name in ("A", "B")
    )
    scenario = Scenario(pools=pools, functions=functions, duration_s=36_000.0)
    apart = replace(scenario, pools=tuple(replace(pool, projects=()) for pool in pools))
    shared = run(scenario)
    calls = np.sort(np.concatenate([admitted_times(shared, key) for key in (0, 1)]))
    assert np.unique(calls // MINUTE_NS, return_counts=True)[1].max() == 2
    rejected = [run(s).tally.functions[:, OfFunction.REJECTED].sum() for s in (scenario, apart)]
    assert rejected[0] > 1.5 * rejected[1]


def test_a_deployment_replaces_all_isolates():
    """After it no request meets an isolate that was there before."""
    scenario = simple_scenario(
        keys=2, per_minute=60, rate_per_min=30.0, duration_s=7200.0, deployments_s=(3600.0,),
        isolates=Hosted(slots=5, life_s=900.0),
    )  # fmt: skip
    rows = run(scenario).trace
    moment = setting_of(scenario).start + 3600 * 10**9
    picks = rows[rows[:, t.KIND] == t.PICK]
    # The boot of one that was met before may end after it: 0.06 s.
    late = picks[:, t.TIME] > moment + 10**8
    assert not set(picks[late, t.ISOLATE]) & set(picks[picks[:, t.TIME] < moment, t.ISOLATE])
    ends = rows[(rows[:, t.KIND] == t.SHUTDOWN) & (rows[:, t.TIME] == moment)]
    assert 1 <= len(ends) <= 5
    assert (ends[:, t.VALUE] == t.DEPLOYED).all()


def test_a_preflight_boots_and_picks_nothing():
    """With preflights there are more boots, and as many picks as requests."""
    plain, preflight = (
        run(
            simple_scenario(
                keys=2, per_minute=60, rate_per_min=4.0, duration_s=36_000.0,
                isolates=Hosted(preflight=is_sent),
            )
        )
        for is_sent in (False, True)
    )  # fmt: skip
    boots = [np.count_nonzero(r.trace[:, t.KIND] == t.BOOT) for r in (plain, preflight)]
    picks = [np.count_nonzero(r.trace[:, t.KIND] == t.PICK) for r in (plain, preflight)]
    assert boots[1] > 1.8 * boots[0]
    assert picks[0] == picks[1]


def test_a_boot_delays_the_pick():
    """A cold request picks 0.5 s after it arrived, a warm one at once."""
    scenario = simple_scenario(
        keys=2, per_minute=60, rate_per_min=10.0, duration_s=7200.0,
        isolates=Hosted(slots=3, boot_s=(0.5, 0.5)),
    )  # fmt: skip
    rows = run(scenario).trace
    boots = {tuple(row[[t.FUNCTION, t.ISOLATE]]): row[t.TIME] for row in rows[rows[:, t.KIND] == t.BOOT]}
    picks = rows[rows[:, t.KIND] == t.PICK]
    waits = [row[t.TIME] - boots[tuple(row[[t.FUNCTION, t.ISOLATE]])] for row in picks]
    assert min(waits) == 500_000_000


def test_rejected_calls_that_are_charged_cost_more():
    """In a sliding window a charged rejection holds a place for 60 s."""
    rejected = [
        run(
            simple_scenario(
                keys=2,
                per_minute=2,
                rate_per_min=4.0,
                duration_s=36_000.0,
                window="sliding",
                charge_rejected=c,
            )
        ).tally.functions[0, OfFunction.REJECTED]
        for c in (False, True)
    ]
    assert rejected[1] > 1.2 * rejected[0]


def test_waiting_for_the_stated_delay_meets_the_next_window():
    """A client that waits the whole delay and nothing more calls at a full minute, and passes if alone."""
    scenario = simple_scenario(
        keys=1, per_minute=1, rate_per_min=0.5, duration_s=360_000.0, on_reject=Wait(tries=2, jitter_s=0.0),
        isolates=Single(boot_s=(0.0, 0.0)),
    )  # fmt: skip
    rows = run(scenario).trace
    rejections = rows[rows[:, t.KIND] == t.REJECTION]
    first = rejections[(rejections[:, t.TIME] % MINUTE_NS) != 0]
    assert (((first[:, t.TIME] + first[:, t.VALUE]) % MINUTE_NS) == 0).all()
    picks = rows[rows[:, t.KIND] == t.PICK]
    again = picks[(picks[:, t.TIME] % MINUTE_NS) == 0]
    assert len(again) == len(first)
