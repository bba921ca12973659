"""Shared keys, a day limit and a client's reaction are found in every shape of log that can show them.

What a shape can show follows from its flags (`keyrota.logs.write.Shape`). Left out are:

- invocations alone ("invocation" rows): neither a pick nor a 429 of the provider is in them;
- shapes without times: a window cannot be counted.

A shape without ids cannot tell which of several requests at work a 429 answers. At these rates hardly two are
at work at once, so that most 429s have one likely pick; but those that come within a second of another pick
have two, and are not judged. So have those of a fail-over client in shapes of whole milliseconds (with ids or
without): its picks and 429s are rows of one millisecond, in no order where the store scrambles them, and if
all keys were tried it cannot be said which one passed.

A shape that names neither function nor isolate ("sql-subset") leaves a 429 without a pool where its pick
stands behind it in the scrambled millisecond. Such 429s are in no account: what is found is found, but
calls that seem to pass a full window remain, and a key may seem exhausted later than it was.
"""

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

import keyrota
from keyrota.events import make_events
from keyrota.logs.write import SHAPES, write_events_as_log
from keyrota.pools.declared import PoolConfig, Quota
from keyrota.quota.account import PoolEvents, make_accounts
from keyrota.quota.days import pacific_midnights
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.scenario import Failover
from keyrota.simulation.simple import simple_scenario

ABLE = [name for name, shape in SHAPES.items() if shape.rows != "invocation" and shape.carries_time]
NAMELESS = [name for name in ABLE if not SHAPES[name].carries_function and not SHAPES[name].carries_isolate]
DAY_S = 86_400.0


def scenario_of(log):
    if log == "shared":
        scenario = simple_scenario(keys=4, per_minute=2, per_day=50, rate_per_min=2.0, duration_s=10_800.0)
        return replace(scenario, pools=(replace(scenario.pools[0], projects=("a", "a", "b", "c")),))
    if log == "day limit":
        return simple_scenario(keys=4, per_minute=2, per_day=20, rate_per_min=0.1, duration_s=1.6 * DAY_S)
    return simple_scenario(
        keys=4, per_minute=2, per_day=500, rate_per_min=6.0, duration_s=7_200.0, on_reject=Failover()
    )


@lru_cache
def simulated(log):
    scenario = scenario_of(log)
    return simulated_events(scenario, seed=1), scenario.pools[0]


def account_of(log, shape, tmp_path):
    """Write the log, read it back with 50 a day declared and no project, and make its account."""
    events, true = simulated(log)
    pool = replace(true, projects=(), quota=Quota(per_minute=2, per_day=500 if log == "fail over" else 50))
    path = tmp_path / f"log{SHAPES[shape].suffix}"
    path.write_bytes(write_events_as_log(events, shape, seed=3))
    read = keyrota.read(path, pools=PoolConfig(pools=(pool,))).events
    own = read[read["pool"] == pool.name]
    return make_accounts({pool.name: PoolEvents(own, pool)}, begin=read["time"].min())[pool.name]


def test_what_is_left_out():
    """Invocations alone, and logs without times."""
    assert sorted(set(SHAPES) - set(ABLE)) == [
        "console", "console-ansi", "docker-compose", "docker-logs", "edge-logs", "mcp-invocations",
    ]  # fmt: skip


@pytest.mark.parametrize("shape", ABLE)
def test_the_keys_of_one_project(shape, tmp_path):
    """Two of four keys share one: these are found, and no other."""
    account = account_of("shared", shape, tmp_path)
    assert [group.keys for group in account.shared] == [(1, 2)]
    assert sorted(account.quotas) == [(1, 2), (3,), (4,)]
    assert shape in NAMELESS or (account.explained.unexplained, account.explained.missing) == (0, 0)
    assert account.minute.in_force == 2


@pytest.mark.parametrize("shape", ABLE)
def test_a_day_limit_below_the_declared_one(shape, tmp_path):
    """20 a day where 50 is declared, and the first 429 of each key on both Pacific days."""
    account = account_of("day limit", shape, tmp_path)
    day = account.day
    assert (day.declared, day.stated, day.estimated, day.is_refuted, day.in_force) == (50, 20, 20, True, 20)
    assert account.shared == ()
    assert shape in NAMELESS or account.explained.unexplained == 0
    tick = 1_000_000_000  # a local shape's 429 may be given to a pick of the same second
    expected = first_429s()
    assert len(expected) == 2
    assert all(expected)
    assert [use.limit for use in account.days] == [4 * 20] * len(expected)
    for use, truth in zip(account.days, expected, strict=True):
        found = dict(use.exhausted)
        assert found.keys() == truth.keys()
        for key, moment in truth.items():
            assert abs(found[key] - moment) < tick or (shape in NAMELESS and found[key] > moment)


def first_429s():
    """The first day's 429 of each key on each Pacific day: a 429 follows its pick in its isolate."""
    events, _ = simulated("day limit")
    events = events[events["kind"].isin(["pick", "rejection"])]
    times = events["time"].astype("int64").to_numpy()
    midnights = pacific_midnights(int(times[0]), int(times[-1]))
    found = [{} for _ in midnights[:-1]]
    last = {}
    for kind, isolate, key, cause, time in zip(
        events["kind"], events["isolate"], events["key"], events["cause"], times.tolist(), strict=True
    ):
        if kind == "pick":
            last[isolate] = int(key)
        elif cause == "per-day":
            found[int(np.searchsorted(midnights, time, side="right")) - 1].setdefault(last[isolate], time)
    return found


@pytest.mark.parametrize("shape", ABLE)
def test_a_client_that_fails_over(shape, tmp_path):
    """It takes the next key at once; the limit is 2, nothing is shared, and all causes are the minute's."""
    account = account_of("fail over", shape, tmp_path)
    assert account.calls.reaction.kind == "failover"
    assert (account.minute.stated, account.minute.in_force, account.window.kind) == (2, 2, "fixed")
    assert account.shared == ()
    events, _ = simulated("fail over")
    assert account.explained.by_cause() == {"per-minute": int((events["kind"] == "rejection").sum())}
    assert not account.minute.is_refuted
    assert not account.day.is_refuted


@lru_cache
def with_bare_errors():
    """Calls far below every limit, of which one in five gets a 429 whose error states nothing."""
    scenario = simple_scenario(keys=4, per_minute=60, per_day=5_000, rate_per_min=0.2, duration_s=DAY_S)
    events = simulated_events(scenario, seed=1)
    plain = events.astype({name: object for name, kind in events.dtypes.items() if kind == "category"})
    picks = plain[plain["kind"] == "pick"]
    is_refused = np.random.default_rng(2).random(len(picks)) < 0.2
    refused = picks[is_refused].assign(
        time=picks["time"] + pd.Timedelta(milliseconds=400), kind="rejection", status=429, cause="unknown"
    )
    refused[["key", "position", "size"]] = pd.NA
    together = pd.concat([plain, refused]).sort_values("time", kind="stable", ignore_index=True)
    columns = {name: [None if pd.isna(own) else own for own in together[name]] for name in together}
    return make_events(columns), scenario.pools[0], len(refused)


@pytest.mark.parametrize("shape", [name for name, shape in SHAPES.items() if shape.rows != "invocation"])
def test_errors_that_nothing_explains(shape, tmp_path):
    """Q309, with all that the log has, whether or not times tell that no window was full."""
    events, pool, number = with_bare_errors()
    path = tmp_path / f"log{SHAPES[shape].suffix}"
    path.write_bytes(write_events_as_log(events, shape, seed=3))
    pools = PoolConfig(pools=(pool,))
    report = keyrota.judge(keyrota.read(path, pools=pools))
    (finding,) = [finding for finding in report.findings if finding.code == "Q309"]
    assert finding.severity == "error"
    assert finding.evidence["rejections"] == number or shape in NAMELESS
    assert "whose error states no limit" in finding.message
