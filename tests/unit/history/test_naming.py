"""Stored events take the pools of the declaration that they are read with."""

from pathlib import Path

import pandas as pd
import pytest

import keyrota
from keyrota.history.naming import named_anew

ROOT = Path(__file__).resolve().parents[3]

OTHER = """
[[pool]]
name = "PRO"
keys = [3, 4, 5, 6]
functions = ["chat"]
"""


@pytest.fixture
def other(tmp_path):
    path = tmp_path / "pools.toml"
    path.write_text(OTHER)
    return str(path)


def table(**columns):
    rows = len(columns["kind"])
    return keyrota.events.make_events({"position": [1] * rows, "size": [4] * rows, **columns})


def pools_of(events, pools):
    named, _ = named_anew(events, pools)
    return [None if pd.isna(name) else name for name in named["pool"]]


def test_a_pick_belongs_to_the_pool_of_its_key(other):
    """What is not declared keeps its name."""
    events = table(kind=["pick"] * 3, key=[3, 9, None], pool=["ARTIFACT", "ARTIFACT", "ARTIFACT"])
    assert pools_of(events, other) == ["PRO", "ARTIFACT", "ARTIFACT"]


def test_others_follow_the_picks_of_their_pool(other):
    """If all of these went to one pool; their function comes first."""
    kinds = ["pick", "pick", "rejection", "rejection", "rejection"]
    events = table(
        kind=kinds, key=[3, 4, None, None, None], pool=["OLD", "OLD", "OLD", "ELSE", None],
        function=[None, None, None, "chat", "chat"],
    )  # fmt: skip
    assert pools_of(events, other) == ["PRO"] * 5
    split = table(kind=["pick", "pick", "rejection"], key=[3, 9, None], pool=["OLD"] * 3)
    assert pools_of(split, other) == ["PRO", "OLD", "OLD"]


def test_a_declared_name_stays(other):
    """A line that names its pool is right, whatever its function."""
    events = table(kind=["rejection"], key=[None], pool=["PRO"], function=["other"])
    assert pools_of(events, other) == ["PRO"]


def test_inferred_pools_name_what_has_no_name():
    """The others are named as they are."""
    events = table(
        kind=["pick"] * 4, key=[3, 4, 5, 6], position=[1, 2, 3, 4], pool=["PRO", "PRO", None, "PRO"]
    )
    assert pools_of(events, "infer") == ["PRO"] * 4
    assert pools_of(table(kind=["boot"], key=[None]), "infer") == [None]


def test_the_declaration_of_the_reading_changes_nothing():
    """Naming is a fixed point of reading."""
    events = keyrota.read_logs(ROOT / "sample_logs" / "day_with_429s.log.zst")
    named, _ = named_anew(events, None)
    pd.testing.assert_frame_equal(named, events)


def test_a_store_is_read_with_other_pools(store, log, other):
    """Pools that were declared later name the rows of before."""
    store.add(log(0, 60))
    assert set(store.read(pools=other).events["pool"]) == {"PRO"}
    assert store.read(pools=other).pools.pools[0].name == "PRO"


def picks(tmp_path, name, first, keys):
    """Write a log of picks of keys that the default pools do not declare, and return its path."""
    path = tmp_path / name
    path.write_text(
        "".join(
            f"2025-11-12T{first + n // 60:02d}:{n % 60:02d}:00Z Using GOOGLE_KEY_{keys[n % len(keys)]} "
            f"(position {1 + n % len(keys)}/{len(keys)} in pool)\n"
            for n in range(40)
        )
    )
    return str(path)


@pytest.mark.parametrize("pools", [None, "infer"])
def test_invented_names_of_two_adds_are_kept_apart(store, tmp_path, pools):
    """Both readings call their pool POOL-A; together they are two pools, as when they are read together."""
    logs = [picks(tmp_path, "a.log", 1, (21, 22, 23)), picks(tmp_path, "b.log", 3, (31, 32, 33, 34))]
    for log in logs:
        assert set(keyrota.read_logs(log, pools=pools)["pool"]) == {"POOL-A"}
        store.add(log, pools=pools)
    stored, direct = store.read(pools=pools), keyrota.read(logs, pools=pools)
    assert set(stored.events["pool"]) == {"POOL-A", "POOL-B"}
    pd.testing.assert_frame_equal(stored.events, direct.events)
    assert stored.pools == direct.pools
    assert {day.pool for day in store.list().days} == {"POOL-A #1", "POOL-A #2"}
    store.export(tmp_path / "days")
    assert set(keyrota.read_logs(str(tmp_path / "days" / "*" / "*.parquet"))["pool"]) == {"POOL-A"}


def test_a_declared_pool_of_such_a_name_is_kept(store, tmp_path):
    """It is not invented."""
    path = tmp_path / "pools.toml"
    path.write_text('[[pool]]\nname = "POOL-B"\nkeys = [21, 22, 23]\n')
    store.add(picks(tmp_path, "a.log", 1, (21, 22, 23)), pools=str(path))
    assert {day.pool for day in store.list().days} == {"POOL-B"}
    assert set(store.read(pools=str(path)).events["pool"]) == {"POOL-B"}
