"""The facts that rules judge: pools of every pick, and shares over several sizes."""

import pytest

from keyrota.pools.declared import PoolConfig


def shares(facts, name):
    """Return the shares of a pool: (key, position, picks, expected share)."""
    (pool,) = (pool for pool in facts.pools if pool.name == name)
    return [(s.key, s.position, s.picks, round(s.expected_share, 6)) for s in pool.shares]


def test_shares_of_the_declared_keys(judge):
    """Each declared key has a row, picked or not, in the order of the rotation."""
    facts = judge.facts(judge.picked([[1], [2], [2], [4]]))
    assert shares(facts, "ARTIFACT") == [(3, 1, 1, 0.25), (4, 2, 2, 0.25), (5, 3, 0, 0.25), (6, 4, 1, 0.25)]
    assert shares(facts, "CHAT") == [(1, 1, 0, 0), (2, 2, 0, 0)]
    chat = facts.pools[0].shares[0]
    assert (chat.share, chat.share_low, chat.share_high) == (0, 0, 1)


def test_shares_over_two_sizes(judge):
    """A key's expectation is one part of each size that it is in; a missing secret shifts the labels."""
    table = judge.joined(judge.picked([[1], [2], [3], [4]]), judge.picked([[1], [3]], 3))
    table["isolate"] = [str(n) for n in range(6)]
    expected = (4 / 4 + 2 / 3) / 6
    assert shares(judge.facts(table), "ARTIFACT") == [
        (3, 1, 2, pytest.approx(expected, abs=1e-6)),
        (4, 2, 1, pytest.approx(expected, abs=1e-6)),
        (5, 3, 2, pytest.approx(expected, abs=1e-6)),
        (6, 4, 1, pytest.approx(1 / 6, abs=1e-6)),
    ]


def test_shares_of_keys_without_numbers(judge):
    """A log of positions alone: declared keys where size and pool fit, else positions."""
    nameless = judge.picked([[1], [3]], keys=(None,) * 4)
    assert shares(judge.facts(nameless), "ARTIFACT") == [
        (3, 1, 1, 0.25), (4, 2, 0, 0.25), (5, 3, 1, 0.25), (6, 4, 0, 0.25),
    ]  # fmt: skip
    other = judge.picked([[1], [3]], 3, pool="OTHER", keys=(None,) * 3)
    assert shares(judge.facts(other), "OTHER") == [
        (None, 1, 1, 0.333333), (None, 2, 0, 0.333333), (None, 3, 1, 0.333333),
    ]  # fmt: skip


def test_shares_sum_to_one_and_expectations_too(judge):
    """Over two sizes, undeclared keys and shifted labels, nothing is lost or counted twice."""
    table = judge.joined(judge.picked([[1, 2, 3]]), judge.picked([[2, 1]], 2, keys=(9, 3)))
    (pool,) = (pool for pool in judge.facts(table).pools if pool.name == "ARTIFACT")
    assert sum(s.share for s in pool.shares) == pytest.approx(1)
    assert sum(s.expected_share for s in pool.shares) == pytest.approx(1)
    assert sum(s.picks for s in pool.shares) == 5
    assert [s.key for s in pool.shares] == [3, 4, 5, 6, 9]


def test_every_pick_has_a_pool(judge):
    """Events from elsewhere may name no pool: by key, by function, or a pool without a name."""
    table = judge.picked([[1], [1], [1]], 2, keys=(1, 2)) | {
        "pool": [None] * 3,
        "key": [1, None, 77],
        "function": [None, "fix", None],
    }
    found = {pool.name: len(pool.picks) for pool in judge.facts(table).pools}
    assert found == {"CHAT": 1, "ARTIFACT": 1, "unnamed": 1}
    assert [pool.name for pool in judge.facts(table, pools=PoolConfig()).pools] == ["unnamed"]


def test_undeclared_pools_come_after_the_declared(judge):
    """Declared pools in their order, then those of the log by name, with the functions seen."""
    table = judge.joined(
        judge.picked([[1]], 2, pool="ZETA", function=["z"]),
        judge.picked([[1]], 2, pool="ALPHA", function=["a"]),
    )
    facts = judge.facts(table)
    assert [pool.name for pool in facts.pools] == ["CHAT", "ARTIFACT", "ALPHA", "ZETA"]
    assert facts.pools[2].functions == ("a",)
    assert facts.pools[2].declared is None
    assert facts.pools[0].functions == ("chat",)


def test_adding_a_pool_moves_no_other_pools_draws(judge):
    """Each pool has a stream of its own."""
    table = judge.picked(judge.uniform_runs(200, 3, 4))
    more = judge.joined(table, judge.picked(judge.uniform_runs(30, 3, 2), 2, pool="CHAT"))
    more["isolate"][-90:] = [f"chat-{n // 3}" for n in range(90)]
    alone, beside = judge.facts(table).pools[1].tests, judge.facts(more).pools[1].tests
    assert (alone.starts, alone.shares, alone.p_values) == (beside.starts, beside.shares, beside.p_values)


def test_every_size_of_a_pool_is_tested(judge):
    """A pool that changed its size is not "fair" because its larger part is: the other is tested too."""
    fair = judge.picked(judge.uniform_runs(900, 1, 4))
    always_first = judge.picked([[1]] * 100, 3)
    both = judge.joined(fair, always_first)
    both["isolate"] = [f"isolate-{n}" for n in range(1_000)]
    pool = judge.facts(both).pools[1]
    assert pool.size == 4
    assert [other.size for other in pool.others] == [3]
    assert pool.verdict == "unfair"
    assert "R102" in judge.findings(both)


def test_the_order_of_rows_with_times_does_not_matter(judge):
    """A shuffled table is put in time order before it is judged: no step is made up."""
    import numpy as np

    import keyrota
    from keyrota.events import make_events

    starts = np.random.default_rng(3).integers(0, 4, 60)
    rows = [(run, i) for run in range(60) for i in range(5)]
    events = make_events(
        {
            "time": [1_700_000_000_000_000_000 + n * 1_000_000_000 for n in range(300)],
            "kind": ["pick"] * 300,
            "pool": ["ARTIFACT"] * 300,
            "position": [int((starts[run] + i) % 4) + 1 for run, i in rows],
            "size": [4] * 300,
            "isolate": [str(run) for run, _ in rows],
        }
    )
    shuffled = events.sample(frac=1, random_state=7)
    assert keyrota.judge(shuffled) == keyrota.judge(events)


def test_a_key_that_is_listed_twice_is_expected_once(judge):
    """Its share is held against that of one key; the pool is unfair though its places are even."""
    table = judge.picked(judge.uniform_runs(400, 1, 2), 2, pool="CHAT", keys=(1, 1))
    chat = judge.facts(table).pools[0]
    assert (chat.verdict, chat.p_value, chat.called, chat.twice) == ("unfair", None, frozenset(), {1: (1, 2)})
    assert shares(judge.facts(table), "CHAT") == [(1, 1, 400, 0.5), (2, 2, 0, 0.5)]
    other = judge.picked(judge.uniform_runs(400, 1, 3), 3, pool="OTHER", keys=(7, 7, 9))
    assert shares(judge.facts(other), "OTHER") == [(7, 1, 267, 0.333333), (9, 3, 133, 0.333333)]


def test_an_uneven_pool_that_lists_a_key_twice_keeps_its_p_value(judge):
    """Where a test speaks against the places too, the verdict rests on it."""
    table = judge.picked([[1]] * 300 + [[2]] * 60 + [[1], [2]] * 20, 2, pool="CHAT", keys=(1, 1))
    chat = judge.facts(table).pools[0]
    assert chat.twice
    assert chat.verdict == "unfair"
    assert chat.p_value is not None
    assert chat.p_value < 1e-3


def test_a_key_listed_twice_in_the_smaller_size_is_unfair_too(judge):
    """As a test of the smaller size makes the pool unfair."""
    both = judge.joined(
        judge.picked(judge.uniform_runs(900, 1, 4), 4),
        judge.picked(judge.uniform_runs(60, 1, 3), 3, keys=(3, 3, 5)),
    )
    both["isolate"] = [f"isolate-{n}" for n in range(960)]
    pool = judge.facts(both).pools[1]
    assert (pool.verdict, pool.p_value, pool.twice) == ("unfair", None, {})
    assert pool.others[0].twice == {3: (1, 2)}


def test_keys_with_other_numbers_than_declared(judge):
    """A place's share is expected of the key that the log has there, if it never shows the declared one."""
    other = judge.facts(judge.picked(judge.uniform_runs(40, 1, 4), keys=(13, 14, 15, 16)))
    assert [(key, expected) for key, _, _, expected in shares(other, "ARTIFACT")] == [
        (3, 0), (4, 0), (5, 0), (6, 0), (13, 0.25), (14, 0.25), (15, 0.25), (16, 0.25),
    ]  # fmt: skip
    one = judge.facts(judge.picked(judge.uniform_runs(40, 1, 4), keys=(3, 4, 15, 6)))
    assert [(key, expected) for key, _, _, expected in shares(one, "ARTIFACT")] == [
        (3, 0.25), (4, 0.25), (5, 0), (6, 0.25), (15, 0.25),
    ]  # fmt: skip
    two = judge.facts(judge.picked([[1], [2]] * 20, keys=(13, 14, 15, 16)))
    assert shares(two, "ARTIFACT")[4:] == [
        (13, 1, 20, 0.25), (14, 2, 20, 0.25), (None, 3, 0, 0.25), (None, 4, 0, 0.25),
    ]  # fmt: skip
    moved = judge.facts(judge.picked([[1], [2]] * 20, keys=(4, 5, 6, 3)))
    assert shares(moved, "ARTIFACT") == [(3, 1, 0, 0.25), (4, 2, 20, 0.25), (5, 3, 20, 0.25), (6, 4, 0, 0.25)]
