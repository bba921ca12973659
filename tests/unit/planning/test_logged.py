"""The pools of a log: which there are, what is known of each, and what is said if there is none."""

import pandas as pd
import pytest
from msgspec.structs import replace

from keyrota.errors import InputError
from keyrota.planning.logged import chosen, logged_pools, span_of_log
from keyrota.pools.declared import Pool, PoolConfig, Quota
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.scenario import Function, Scenario
from keyrota.traffic.arrivals import Poisson

A = Pool(name="A", keys=(1, 2), functions=("a",), quota=Quota(per_minute=2))
B = Pool(name="B", keys=(3, 4, 5), functions=("b",), quota=Quota(per_minute=2))
SCENARIO = Scenario(
    pools=(A, B),
    functions=tuple(
        Function(name=name, pool=name.upper(), arrivals=Poisson(rate_per_min=rate))
        for name, rate in (("a", 1.0), ("b", 3.0))
    ),
    duration_s=3600.0,
)
EVENTS = simulated_events(SCENARIO)


@pytest.mark.parametrize(
    ("declared", "names", "known"),
    [
        ((B, A), ["B", "A"], [True, True]),
        ((B,), ["B", "A"], [True, False]),
        ((), ["A", "B"], [False, False]),
        ((Pool(name="C", keys=(7,)), B), ["B", "A"], [True, False]),
    ],
    ids=["order of the declaration", "others after it", "by name", "one without picks"],
)
def test_pools_are_those_with_picks(declared, names, known):
    """The declared ones come first, in their order; a declared pool without picks is none of the log."""
    pools = logged_pools(EVENTS, PoolConfig(pools=declared))
    assert [pool.name for pool in pools] == names
    assert [pool.declared is not None for pool in pools] == known


def test_each_pool_has_its_own_picks_runs_and_account():
    """Every pick is a call of one pool, its runs have the pool's size, and no 429 is lost."""
    pools = logged_pools(EVENTS, PoolConfig(pools=(A, B)))
    for pool, size in zip(pools, (2, 3), strict=True):
        own = EVENTS[EVENTS["pool"] == pool.name]
        assert len(pool.account.calls) == (own["kind"] == "pick").sum()
        assert pool.account.rejection_count == (own["kind"] == "rejection").sum() > 0
        assert pool.runs.size == size
        assert pool.picks_per_request == 1


def test_two_picks_a_request_are_seen():
    """And only the last of each is a call."""
    events = simulated_events(replace(SCENARIO, picks_per_request=2))
    for pool in logged_pools(events, PoolConfig(pools=(A, B))):
        assert pool.picks_per_request == 2
        assert 2 * len(pool.account.calls) == len(pool.runs.positions)


def test_the_span_is_from_the_first_to_the_last_event():
    """In nanoseconds; rows without a time do not count, and a log without times has none."""
    times = [None, "2025-11-10T08:00:01Z", "2025-11-10T09:00:00Z", None]
    events = pd.DataFrame({"time": pd.to_datetime(pd.Series(times), utc=True).astype("datetime64[ns, UTC]")})
    begin, end = span_of_log(events)
    assert (begin, end - begin) == (1_762_761_601 * 10**9, 3599 * 10**9)
    with pytest.raises(InputError, match="no times, so that it tells no rate; export it with timestamps"):
        span_of_log(events.iloc[[0, 3]])


def test_chosen_pools_are_those_that_are_named():
    """In the order of the log; all of them without a name."""
    pools = logged_pools(EVENTS, PoolConfig(pools=(A, B)))
    assert [pool.name for pool in chosen(pools, ["B"])] == ["B"]
    assert [pool.name for pool in chosen(pools, ["B", "A"])] == ["A", "B"]
    assert chosen(pools, []) == pools


def test_a_pool_that_is_not_in_the_log_is_an_error():
    """With what the log has; and a log without picks says so."""
    pools = logged_pools(EVENTS, PoolConfig(pools=(A, B)))
    with pytest.raises(InputError, match='no pick of pool "NONE"; it has picks of A and B'):
        chosen(pools, ["A", "NONE"])
    pickless = logged_pools(EVENTS[EVENTS["kind"] != "pick"], PoolConfig(pools=(A, B)))
    assert pickless == []
    with pytest.raises(InputError, match="no pick of a key, so that it tells no traffic"):
        chosen(pickless, ["A"])
