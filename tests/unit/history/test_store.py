"""What is added is there once, and read back as it was."""

import json
from pathlib import Path

import pandas as pd
import pytest

import keyrota
from keyrota.errors import ConfigurationError, InputError
from keyrota.history import open_store
from keyrota.report.as_json import as_json

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = sorted(
    path for path in (ROOT / "sample_logs").iterdir() if path.is_file() and path.suffix not in (".md", ".py")
)


def judged(reading):
    content = json.loads(as_json(keyrota.judge(reading)))
    del content["input"]
    return content


@pytest.mark.parametrize("pools", [None, "infer"])
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_reading_from_the_store_is_that_of_the_log(store, path, pools):
    """The event table, the marks, the account and the report are the same."""
    direct = keyrota.read(path, pools=pools)
    store.add(path, pools=pools)
    stored = store.read(pools=pools)
    pd.testing.assert_frame_equal(stored.events, direct.events)
    assert (stored.marks.content == direct.marks.content).all()
    assert (stored.marks.kind == direct.marks.kind).all()
    assert (stored.marks.row_id == direct.marks.row_id).all()
    assert stored.input == direct.input
    assert judged(stored) == judged(direct)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_adding_again_adds_nothing(store, path):
    """Also where rows have no time: the same file is known as a whole."""
    first, second = store.add(path), store.add(path)
    assert first.rows == len(keyrota.read(path).events)
    assert (second.rows, second.duplicates) == (0, first.rows + first.duplicates)
    assert len(store.read().events) == first.rows


def test_overlapping_exports_add_each_row_once(store, log):
    """In any order; an export that fills a gap overlaps at both ends."""
    assert [store.add(log(*span, ids=False)).rows for span in ((0, 60), (240, 300), (50, 250))] == [
        60,
        60,
        180,
    ]
    events = store.read().events
    assert len(events) == 300
    assert events["time"].is_monotonic_increasing
    assert not events.duplicated(["time", "key"]).any()


def test_sources_of_one_add_are_held_against_each_other(store, log):
    """As if they had been added one after the other."""
    added = store.add([log(0, 60), log(30, 90), log(80, 100)])
    assert [source.rows for source in added.sources] == [60, 30, 10]
    assert [source.duplicates for source in added.sources] == [0, 30, 10]


def test_sources_of_one_reading_are_added_each(store, log):
    """A reading of several logs has told their repeats; each is held against the store alone."""
    store.add(log(0, 60, ids=False))
    added = store.add_readings([keyrota.read([log(30, 90, ids=False), log(200, 230, ids=False)])])
    assert [source.rows for source in added.sources] == [30, 30]
    assert len(store.read().events) == 120


def test_event_tables_are_added(store, log, tmp_path):
    """What `keyrota parse` wrote counts as the log that it was made of, where the log has no ids."""
    table = tmp_path / "events.parquet"
    keyrota.write_events(keyrota.read_logs(log(0, 60, ids=False)), table, "parquet")
    assert store.add(table).rows == 60
    assert store.add(log(0, 60, ids=False)).rows == 0


def test_simulated_events_are_added(store):
    """A reading without marks gets those of its table."""
    scenario = keyrota.simple_scenario(keys=2, per_minute=2, rate_per_min=4.0)
    events = keyrota.simulated_events(scenario, seed=1)
    found = tuple((str(kind), int(n)) for kind, n in events["kind"].value_counts().items() if n)
    from keyrota.logs.read import LogInput, Reading, SourceInput

    account = SourceInput(
        name=str(events["source"].iloc[0]), format="simulated", encoding="", compression=None, bytes=0,
        lines=len(events), used=len(events), ignored=0, malformed=0, duplicates=0, truncated=False,
    )  # fmt: skip
    reading = Reading(events, LogInput((account,), (), found), keyrota.load_pools())
    assert store.add_readings([reading]).rows == len(events)
    assert store.add_readings([reading]).rows == 0


def test_only_the_span_is_read(store, log):
    """From `since` on, before `until`; the account is that of the sources that reach into it."""
    store.add([log(0, 60), log(60, 120)])
    reading = store.read(since="2025-11-12T01:10", until=pd.Timestamp("2025-11-12T01:20", tz="UTC"))
    assert len(reading.events) == 10
    assert str(reading.events["time"].iloc[0]) == "2025-11-12 01:10:00+00:00"
    assert [Path(source.name).name for source in reading.input.sources] == ["60-120.log"]
    with pytest.raises(InputError, match="no event lies in the span"):
        store.read(since="2026-01-01")


def test_one_name_for_several_exports_is_told_apart(store, log):
    """The evidence of a finding names a file and a line: which file must be clear."""
    store.add(log(0, 60, name="export.json"))
    added = store.add(log(60, 120, name="export.json"))
    assert added.sources[0].name.endswith("export.json (add 2)")
    names = [source.name for source in store.read().input.sources]
    assert len(set(names)) == 2
    assert list(store.read().events["source"].cat.categories) == sorted(names)


def test_nothing_is_added_if_one_of_the_logs_is_none(store, log, tmp_path):
    """All logs of an add, or none."""
    store.add(log(0, 10))
    (tmp_path / "none.txt").write_text("")
    with pytest.raises(InputError, match="no such file"):
        store.add([log(10, 20), tmp_path / "missing.log"])
    with pytest.raises(InputError, match=r"none\.txt"):
        store.add([log(10, 20), tmp_path / "none.txt"])
    assert len(store.read().events) == 10
    assert len(store.list().adds) == 1


def test_files_of_a_folder_that_are_no_logs_are_told(store, log, tmp_path):
    """They are left out with a note, as when they are read."""
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "notes.txt").write_text("buy milk\n")
    Path(log(0, 10)).rename(folder / "a.ndjson")
    added = store.add(folder)
    assert added.rows == 10
    assert [note for note in added.notes if "notes.txt: left out" in note]
    (folder / "a.ndjson").unlink()
    with pytest.raises(InputError, match=r"no log found; .*notes\.txt"):
        store.add(folder)


def test_events_without_a_time_are_noted(store):
    """Another export might hold them too, and nobody can tell."""
    added = store.add(ROOT / "sample_logs" / "mojibake.txt")
    assert added.notes[-1].endswith("where another export holds them too, they are there twice")


def test_no_store_no_events(store, tmp_path):
    """A missing store is made by an add, and by nothing else."""
    for call in (
        store.read,
        store.list,
        store.last,
        lambda: store.prune(keep_s=1),
        lambda: store.export("x"),
    ):
        with pytest.raises(InputError, match=r"there is no history yet; make it: keyrota history add"):
            call()
    with pytest.raises(InputError, match="no reading was given"):
        store.add_readings([])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("time", ["soon", object(), "2025-13-01"])
def test_bad_times_are_refused(store, time):
    """With what is allowed."""
    with pytest.raises(ConfigurationError, match=r"since: .* is no time; give a timestamp"):
        store.read(since=time)


def test_bad_waits_are_refused():
    """Seconds, 0 or more."""
    with pytest.raises(ConfigurationError, match="wait_s is -1"):
        open_store("x", wait_s=-1)
