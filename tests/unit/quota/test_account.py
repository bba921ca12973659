"""The account of a pool's quota, made of events and a declaration."""

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from keyrota.events import make_events
from keyrota.pools.declared import Pool, Quota
from keyrota.quota.account import PoolEvents, make_accounts
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.scenario import Function, Hosted, Scenario
from keyrota.simulation.simple import simple_scenario
from keyrota.traffic.arrivals import Poisson

MIDNIGHT = 1_762_761_600_000_000_000  # 2025-11-10 08:00 UTC


def account(events, pool=None, **options):
    name = pool.name if pool is not None else "POOL"
    return make_accounts({name: PoolEvents(events, pool, **options)}, begin=events["time"].min())[name]


def bare(events):
    """The log with errors of generation D: no cause, no limit, no delay."""
    is_rejection = (events["kind"] == "rejection").to_numpy()
    causes = events["cause"].astype(object)
    causes[is_rejection] = "unknown"
    changed = events.assign(cause=causes.astype("category"))
    changed.loc[is_rejection, "limit"] = pd.NA
    changed.loc[is_rejection, "retry_after_s"] = np.nan
    return changed


def simulated(projects=(), seed=1, **options):
    options = {"keys": 4, "per_minute": 2, "rate_per_min": 6.0, "duration_s": 7_200.0, **options}
    scenario = simple_scenario(**options)
    pool = scenario.pools[0]
    scenario = replace(scenario, pools=(replace(pool, projects=tuple(projects)),))
    return simulated_events(scenario, seed=seed), pool


def test_a_pool_without_events_has_an_account():
    """Nothing was called, nothing is found; what is declared is in force."""
    pool = Pool(name="POOL", keys=(1, 2), quota=Quota(per_minute=2, per_day=50))
    found = account(make_events({}, rows=0), pool)
    assert (found.rejection_count, found.rejected_request_share) == (0, None)
    assert (found.minute.in_force, found.day.in_force, found.window.kind) == (2, 50, "unknown")
    assert (found.keys, found.days, found.shared, found.quotas) == ((), (), (), ((1,), (2,)))


def test_a_log_without_times_has_causes_but_no_windows():
    """What the errors state is told; nothing is explained, and nothing is unexplained."""
    columns = {
        "kind": ["pick", "rejection"] * 3, "key": [1, None] * 3, "cause": [None, "per-minute"] * 3,
        "limit": [None, 2] * 3, "isolate": ["a", "a", "b", "b", "c", "c"],
    }  # fmt: skip
    found = account(make_events(columns))
    assert found.explained.by_cause() == {"per-minute": 3}
    assert (found.explained.unexplained, found.explained.open) == (0, 3)
    assert found.minute.in_force == 2
    assert found.days == ()


def test_without_a_declaration_keys_are_those_seen():
    """Each has a quota of its own; limits are estimated from bare errors."""
    events, _ = simulated()
    found = account(bare(events))
    assert found.quotas == ((1,), (2,), (3,), (4,))
    assert (found.minute.declared, found.minute.stated, found.minute.in_force) == (None, None, 2)
    assert found.day.in_force is None
    assert (found.window.kind, found.window.delays) == ("fixed", 0)
    assert (found.explained.unexplained, found.explained.missing) == (0, 0)
    assert found.explained.by_source() == {"replay": found.rejection_count}


def test_an_undeclared_key_has_a_quota_of_its_own():
    """Declared are three of the four that are picked."""
    events, pool = simulated()
    found = account(events, replace(pool, keys=(1, 2, 3)))
    assert found.quotas == ((1,), (2,), (3,), (4,))
    assert [use.key for use in found.keys] == [1, 2, 3, 4]
    assert found.explained.unexplained == 0


def test_a_declared_key_that_is_not_picked_has_no_use():
    """But it has a quota, which counts in the day's limit."""
    events, pool = simulated(per_day=500)
    found = account(events, replace(pool, keys=(1, 2, 3, 4, 9)))
    assert found.quotas[-1] == (9,)
    assert [use.key for use in found.keys] == [1, 2, 3, 4]
    assert found.days[0].limit == 5 * 500


def test_one_key_shares_with_nobody():
    """There is no pair."""
    events, pool = simulated(keys=1, rate_per_min=3.0)
    found = account(events, pool)
    assert (found.shared, found.quotas) == ((), ((1,),))
    assert found.explained.explained == found.rejection_count > 20


@pytest.mark.parametrize("told", ["stated", "nothing"])
def test_a_project_that_is_not_declared_is_found_and_one_that_is_is_not_said_again(told):
    """The quotas are the same either way; all 429s are explained."""
    projects = ("a", "b", "a", "c")
    events, pool = simulated(projects)
    events = events if told == "stated" else bare(events)
    undeclared, declared = account(events, pool), account(events, replace(pool, projects=projects))
    assert [group.keys for group in undeclared.shared] == [(1, 3)]
    assert declared.shared == ()
    assert sorted(undeclared.quotas) == sorted(declared.quotas) == [(1, 3), (2,), (4,)]
    for found in (undeclared, declared):
        assert (found.explained.unexplained, found.explained.missing) == (0, 0)
        assert found.explained.explained == found.rejection_count


def two_pools(model, *, declares=False):
    """Pools A with keys 1, 2 and B with 3, 4: keys 2 and 3 are in one project."""
    quota = Quota(per_minute=2)
    pools = tuple(
        Pool(name=name, keys=keys, functions=(name.lower(),), model=model, quota=quota, projects=projects)
        for name, keys, projects in (("A", (1, 2), ("x", "shared")), ("B", (3, 4), ("shared", "y")))
    )
    functions = tuple(
        Function(
            name=pool.name.lower(), pool=pool.name, arrivals=Poisson(rate_per_min=3.0), isolates=Hosted()
        )
        for pool in pools
    )
    events = simulated_events(Scenario(pools=pools, functions=functions, duration_s=14_400.0), seed=1)
    parts = {
        pool.name: PoolEvents(
            events[events["pool"] == pool.name], pool if declares else replace(pool, projects=())
        )
        for pool in pools
    }
    return make_accounts(parts, begin=events["time"].min())


def test_pools_of_one_model_share_across_pools():
    """Both name the group; in each pool its own key of it keeps its quota."""
    found = two_pools("gemini-2.5-pro")
    assert [[group.keys for group in found[name].shared] for name in "AB"] == [[(2, 3)], [(2, 3)]]
    assert (sorted(found["A"].quotas), sorted(found["B"].quotas)) == ([(1,), (2,)], [(3,), (4,)])


def test_a_project_that_is_declared_across_pools_is_not_said_again():
    """The declaration knows that both keys are one quota."""
    found = two_pools("gemini-2.5-pro", declares=True)
    assert [found[name].shared for name in "AB"] == [(), ()]


def test_pools_whose_model_is_not_declared_are_not_compared():
    """They may call different models, whose quotas are apart."""
    assert [two_pools(None)[name].shared for name in "AB"] == [(), ()]


def test_a_day_limit_that_bodies_state_counts_against_the_declared_one():
    """20 stated, 50 declared; the first 429 of each key is when it was exhausted."""
    events, pool = simulated(per_day=20, rate_per_min=1.0)
    found = account(events, replace(pool, quota=Quota(per_minute=2, per_day=50)))
    assert (found.day.stated, found.day.in_force, found.day.is_refuted) == (20, 20, True)
    (day,) = found.days
    assert (day.limit, day.is_whole) == (80, True)
    first = events[(events["kind"] == "rejection") & (events["cause"] == "per-day")]["time"].min()
    assert day.exhausted_at == first.value


def test_bare_errors_of_a_log_that_begins_within_a_day_are_open_unless_a_minute_is_full():
    """Of the others minute or day cannot be told, for the day's calls before the log are not known."""
    events, pool = simulated(per_day=50)
    late = events[events["time"] >= events["time"].min() + pd.Timedelta("30min")].reset_index(drop=True)
    found = account(bare(late), pool)
    explained = found.explained
    assert 0 < explained.explained == explained.by_minute < found.rejection_count
    assert explained.unexplained == 0
    assert explained.open == found.rejection_count - explained.explained
    assert found.shared == ()
    assert not found.days[0].is_whole


def test_of_two_picks_a_request_only_the_used_ones_are_calls():
    """The declaration of two picks halves the calls."""
    events, pool = simulated(picks_per_request=2)
    picks = int((events["kind"] == "pick").sum())
    assert len(account(events, pool, picks_per_request=2).calls) == picks // 2
    assert len(account(events, pool).calls) == picks


def test_where_most_429s_have_no_certain_call_nothing_is_said_to_be_shared():
    """The two keys of one project, in a log of 400 requests a minute that tells no isolates."""
    events, pool = simulated(("a", "a", "b", "c"), per_minute=60, rate_per_min=400.0, duration_s=600.0)
    # Whole milliseconds: finer times would keep the order of calls and errors.
    nameless = events.assign(
        time=events["time"].dt.floor("ms"),
        isolate=pd.Series([None] * len(events), dtype="category"),
        function=pd.Series([None] * len(events), dtype="category"),
    )
    assert [group.keys for group in account(events, pool).shared] == [(1, 2)]
    found = account(nameless, pool)
    assert found.calls.attribution.certain_share < 0.5
    assert found.shared == ()


def calls_of(*rows, **more):
    """Calls of rows (kind, isolate, milliseconds, position) of a pool of four keys."""
    columns = {
        "kind": [row[0] for row in rows],
        "isolate": [row[1] for row in rows],
        "time": [MIDNIGHT + row[2] * 1_000_000 for row in rows],
        **{name: [row[3] if len(row) > 3 else None for row in rows] for name in ("key", "position")},
        "size": [4 if len(row) > 3 else None for row in rows],
    }
    return account(make_events({**columns, **more})).calls


def test_a_429_that_stands_before_its_pick_in_a_scrambled_millisecond_is_that_picks():
    """Also where the log tells no isolates: the pick of that millisecond, not one of seconds before."""
    calls = calls_of(("pick", None, 0, 1), ("rejection", None, 15_000), ("pick", None, 15_000, 2))
    assert calls.rejected == pytest.approx([0.0, 1.0])


def test_all_keys_but_one_of_a_scrambled_millisecond_share_its_429s_evenly():
    """Four picks and three 429s: each was rejected with probability 3/4, none for certain."""
    picks = [("pick", "a", 5, position) for position in (2, 4, 1, 3)]
    calls = calls_of(*picks, *[("rejection", "a", 5)] * 3)
    assert calls.rejected == pytest.approx([0.75] * 4)


def test_an_invocation_that_ended_in_a_429_closes_no_other_pick():
    """The first request had its error; the second is still open and gets the next."""
    rows = [("pick", "a", 0, 1), ("rejection", "a", 100), ("pick", "a", 150, 2), ("invocation", "a", 200)]
    calls = calls_of(
        *rows, ("rejection", "a", 300),
        duration_ms=[None, None, None, 200.0, None], status=[None, 429, None, 429, 429],
    )  # fmt: skip
    assert calls.rejected.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("isolate", "kind"), [("a", "fail"), (None, "unknown")])
def test_that_a_client_gives_up_shows_only_where_isolates_do(isolate, kind):
    """Without them a second call of the same request cannot be told."""
    rows = [
        row
        for n in range(4)
        for row in (("pick", isolate, n * 200_000, 1), ("rejection", isolate, n * 200_000 + 9))
    ]
    assert calls_of(*rows).reaction.kind == kind
