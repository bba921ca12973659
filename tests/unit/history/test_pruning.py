"""Old events go, and their room with them."""

from pathlib import Path

import duckdb
import pytest

from keyrota.errors import ConfigurationError, InputError

ROOT = Path(__file__).resolve().parents[3]


def rows_of(store, table):
    connection = duckdb.connect(str(store.path), read_only=True)
    count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    connection.close()
    return count


def test_events_before_a_time_are_removed(store, log):
    """With the accounts of sources that have none left, and the isolates that nobody names."""
    store.add(log(0, 60))
    store.add(log(60, 120))
    done = store.prune(before="2025-11-12T01:30")
    assert (done.rows, done.kept, done.before) == (90, 30, "2025-11-12T01:30:00Z")
    reading = store.read()
    assert len(reading.events) == 30
    assert [Path(source.name).name for source in reading.input.sources] == ["60-120.log"]
    assert [add.number for add in store.list().adds] == [2]
    assert rows_of(store, "isolates") == reading.events["isolate"].nunique()


def test_a_dry_run_only_counts(store, log):
    """The file is not opened for writing."""
    store.add(log(0, 60))
    before = store.path.read_bytes()
    done = store.prune(keep_s=600, dry_run=True)
    assert (done.rows, done.kept) == (49, 11)
    assert store.path.read_bytes() == before


def test_keep_counts_back_from_the_last_event(store, log):
    """So that the same store gives the same at any time."""
    store.add(log(0, 60))
    assert store.prune(keep_s=600).kept == 11
    assert store.prune(keep_s=600).rows == 0


def test_the_file_gets_smaller(store, log):
    """Free room of more than a fifth of it is given back."""
    store.add([log(0, 20_000), log(20_000, 40_000)])
    done = store.prune(before="2025-12-08")
    assert done.bytes_after < 0.8 * done.bytes_before
    assert done.bytes_after == store.path.stat().st_size
    assert len(store.read().events) == done.kept
    assert store.add(log(39_000, 41_000)).rows == 1000


def test_rows_without_a_time_go_with_their_source(store, tmp_path):
    """And stay where nothing says that they are old."""
    line = "Using GOOGLE_KEY_3 (position 1/4 in pool)\n"
    mixed, bare = tmp_path / "mixed.log", tmp_path / "bare.log"
    mixed.write_text(f"2025-11-12T00:00:00Z {line}{line}2025-11-12T00:01:00Z {line}")
    bare.write_text(line * 7)
    store.add([mixed, bare])
    assert store.prune(before="2025-11-12T00:00:30").rows == 1
    assert store.prune(before="2026-01-01").rows == 2
    assert len(store.read().events) == 7
    with pytest.raises(InputError, match="no event has a time to count back from"):
        store.prune(keep_s=1)


def test_a_source_that_was_pruned_in_part_is_not_added_again(store, log):
    """It is known as a whole; one that is gone comes back."""
    store.add(log(0, 60))
    store.prune(before="2025-11-12T00:30")
    assert store.add(log(0, 60)).rows == 0
    store.prune(before="2026-01-01")
    assert store.add(log(0, 60)).rows == 60


def test_one_bound_is_needed(store):
    """Neither none nor two."""
    for bounds in ({}, {"before": "2025-11-12", "keep_s": 1.0}):
        with pytest.raises(ConfigurationError, match="prune takes a time"):
            store.prune(**bounds)
