"""Logs that tell less: keys without a place, keys by a masked id."""

import numpy as np
import pandas as pd
import pytest

import keyrota
from keyrota.history.places import is_filled_in

BARE = """
[[rule]]
name = "bare"
pattern = 'key (?P<key>[0-9]{1,6})'
kind = "pick"
matches = ["key 3"]
"""
MASKED = """
[[rule]]
name = "masked"
pattern = 'Using API key: (?P<key>[A-Za-z0-9_.*-]{4,64})'
kind = "pick"
matches = ["Using API key: AIza***abcd"]
"""


@pytest.fixture
def pools(tmp_path):
    def write(rules):
        path = tmp_path / "pools.toml"
        path.write_text(rules)
        return str(path)

    return write


@pytest.fixture
def lines(tmp_path):
    def write(name, first, messages):
        path = tmp_path / name
        begin = pd.Timestamp("2025-11-12", tz="UTC")
        stamps = [
            f"{begin + pd.Timedelta(minutes=first + n):%Y-%m-%dT%H:%M:%SZ}" for n in range(len(messages))
        ]
        path.write_text("".join(f"{stamp} {told}\n" for stamp, told in zip(stamps, messages, strict=True)))
        return str(path)

    return write


def test_places_come_from_all_keys_that_are_loaded(store, pools, lines):
    """A quiet hour has seen fewer of them."""
    rules = pools(BARE)
    paths = [
        lines("a.log", 0, [f"key {key}" for key in (7, 9, 7, 9)]),
        lines("b.log", 10, [f"key {key}" for key in (3, 7, 9, 3)]),
    ]
    store.add(paths, pools=rules)
    direct, stored = keyrota.read(paths, pools=rules).events, store.read(pools=rules).events
    assert stored["position"].tolist() == [2, 3, 2, 3, 1, 2, 3, 1]
    assert set(stored["size"]) == {3}
    pd.testing.assert_frame_equal(stored, direct)


def test_places_that_lines_say_are_kept(store, log):
    """They are told from the others by the hash of what the line says."""
    path = log(0, 20)
    reading = keyrota.read(path)
    assert not is_filled_in(reading.events, reading.marks).any()
    store.add(path)
    pd.testing.assert_frame_equal(store.read().events, reading.events)


def test_exported_days_have_the_places_of_the_whole(store, pools, lines, tmp_path):
    """Also a day that saw one key alone."""
    rules = pools(BARE)
    store.add(lines("a.log", 0, ["key 7"] * 3), pools=rules)
    store.add(lines("b.log", 24 * 60, ["key 3", "key 9", "key 7"]), pools=rules)
    store.export(tmp_path / "days")
    first = keyrota.read_events(tmp_path / "days" / "day=2025-11-12" / "events.parquet")
    assert (first["position"].tolist(), first["size"].tolist()) == ([2, 2, 2], [3, 3, 3])


def masked(*tails):
    return [f"Using API key: AIzaSy***{tail}" for tail in tails]


def test_a_masked_key_has_one_number_in_all_adds(store, pools, lines):
    """Whatever its place of appearance; overlapping exports still add each row once."""
    rules = pools(MASKED)
    tails = ["aaaa", "bbbb", "cccc", "bbbb", "cccc", "aaaa", "bbbb", "dddd"]
    whole = lines("whole.log", 0, masked(*tails))
    store.add(lines("a.log", 0, masked(*tails[:4])), pools=rules)
    assert store.add(lines("b.log", 2, masked(*tails[2:])), pools=rules).rows == 4
    assert store.add(whole, pools=rules).rows == 0
    stored, direct = store.read(pools=rules), keyrota.read(whole, pools=rules)
    assert stored.events["key"].tolist() == direct.events["key"].tolist() == [1, 2, 3, 2, 3, 1, 2, 4]
    assert stored.input.key_labels == direct.input.key_labels
    columns = ["time", "key", "position", "size", "pool"]
    pd.testing.assert_frame_equal(stored.events[columns], direct.events[columns])


def test_masked_keys_of_the_same_end_are_told_apart_by_their_order(store, pools, lines):
    """The store knows the last characters alone, as all outputs do."""
    rules = pools(MASKED)
    both = ["Using API key: AIzaX***same", "Using API key: AIzaY***same"]
    store.add(lines("a.log", 0, both * 3), pools=rules)
    store.add(lines("b.log", 4, both * 3), pools=rules)
    keys = store.read(pools=rules).events["key"].to_numpy(dtype=np.int64)
    assert keys.tolist() == [1, 2] * 5
