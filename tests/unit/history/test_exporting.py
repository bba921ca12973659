"""The Parquet dataset by day."""

import os
import re
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest

import keyrota
from keyrota.errors import InputError, OutputError
from keyrota.history import exporting, open_store


@pytest.fixture
def filled(store, log):
    store.add([log(0, 60), log(1430, 1450), log(3000, 3010)])
    return store


def test_each_day_is_an_event_table(filled, tmp_path):
    """What keyrota reads back is what the store holds."""
    written = filled.export(tmp_path / "days")
    files = sorted((tmp_path / "days").rglob("*"))
    assert [path.relative_to(tmp_path / "days").as_posix() for path in files if path.is_file()] == [
        "day=2025-11-12/events.parquet",
        "day=2025-11-13/events.parquet",
        "day=2025-11-14/events.parquet",
    ]
    assert (written.files, written.rows) == (3, 90)
    assert written.bytes == sum(path.stat().st_size for path in files if path.is_file())
    back = keyrota.read_logs(str(tmp_path / "days" / "*" / "*.parquet"))
    pd.testing.assert_frame_equal(back, filled.read().events, check_categorical=False)


def test_others_read_it_as_a_dataset(filled, tmp_path):
    """With the day as a column, told by the folder."""
    filled.export(tmp_path / "days")
    days = {"2025-11-12": 70, "2025-11-13": 10, "2025-11-14": 10}
    frame = pd.read_parquet(tmp_path / "days")
    assert frame.groupby(frame["day"].astype(str), observed=True).size().to_dict() == days
    files = f"read_parquet('{tmp_path}/days/**/*.parquet', hive_partitioning=true)"
    rows = duckdb.sql(f"SELECT day::VARCHAR, count(*) FROM {files} GROUP BY ALL").fetchall()
    assert dict(rows) == days
    scanned = pl.scan_parquet(tmp_path / "days", hive_partitioning=True)
    counts = scanned.group_by(pl.col("day").cast(pl.String)).len().collect()
    assert dict(counts.iter_rows()) == days


def test_rows_without_a_time_have_their_own_folder(store, tmp_path):
    """Named as Hive names a missing value."""
    path = tmp_path / "a.log"
    path.write_text("Using GOOGLE_KEY_3 (position 1/4 in pool)\n" * 5)
    store.add(path)
    store.export(tmp_path / "days")
    assert [path.name for path in (tmp_path / "days").iterdir()] == ["day=__HIVE_DEFAULT_PARTITION__"]
    assert len(keyrota.read_logs(str(tmp_path / "days" / "*" / "*.parquet"))) == 5


def test_a_span_is_exported(filled, tmp_path):
    """Days at its ends are cut."""
    assert filled.export(tmp_path / "days", since="2025-11-12T00:30", until="2025-11-13T00:05").rows == 45
    with pytest.raises(InputError, match="nothing was written"):
        filled.export(tmp_path / "none", since="2030-01-01")
    assert not (tmp_path / "none").exists()


def days_in(folder):
    return sorted(path.name for path in folder.iterdir())


ALL = ["day=2025-11-12", "day=2025-11-13", "day=2025-11-14"]


def test_a_folder_is_not_replaced_unless_told(filled, tmp_path):
    """Then as a whole: no day of before stays."""
    folder = tmp_path / "days"
    filled.export(folder)
    with pytest.raises(OutputError, match="exists; give --force to replace it"):
        filled.export(folder, since="2025-11-13")
    assert days_in(folder) == ALL
    filled.export(folder, since="2025-11-13", overwrite=True)
    assert days_in(folder) == ALL[1:]


@pytest.mark.parametrize(
    "name",
    ["precious", "day=2025-11-12/precious", "day=2025-11-12/more/events.parquet", "day=x/events.parquet"],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_export_stays(filled, tmp_path, name, overwrite):
    """And is named, whether a replacement was asked for or not; nothing is written beside it."""
    folder = tmp_path / "days"
    filled.export(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    what = name.removesuffix("/events.parquet")
    told = f"days: holds {what}, which would be lost; name another folder, or remove that first"
    with pytest.raises(OutputError, match=re.escape(told)):
        filled.export(folder, overwrite=overwrite)
    assert (folder / name).read_text() == "mine"
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["history.duckdb", "below/history.duckdb"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_the_folder_of_the_history_is_refused(log, tmp_path, name, overwrite):
    """Also by a link, also by another name of the folder, and whether it is told to replace or not."""
    (tmp_path / "kept" / "below").mkdir(parents=True)
    store = open_store(tmp_path / "kept" / name)
    store.add(log(0, 60))
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    by_link = open_store(tmp_path / "link" / name)
    for given, folder in ((store, "kept"), (store, "link"), (by_link, "kept"), (store, "link/below/..")):
        with pytest.raises(OutputError, match="the history itself is in there") as told:
            given.export(tmp_path / folder, overwrite=overwrite)
        assert "\n" not in str(told.value)
    assert len(store.read().events) == 60


def test_a_link_to_a_folder_stays(filled, tmp_path):
    """What it leads to is made, and replaced."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "days")
    filled.export(link)
    assert days_in(tmp_path / "days") == ALL
    filled.export(link, since="2025-11-13", overwrite=True)
    assert link.is_symlink()
    assert days_in(tmp_path / "days") == ALL[1:]


def test_a_folder_that_cannot_be_moved_in_leaves_the_old_one(filled, tmp_path, monkeypatch):
    """Where the last step of all fails: what was there is there again, with nothing beside it."""
    folder, replace = tmp_path / "days", os.replace
    filled.export(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*.parquet")}
    beside = sorted(tmp_path.iterdir())

    def fails(source, target):
        if Path(source).name == "new":
            raise OSError(5, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OutputError, match=r"days: cannot be written \(input/output error\)$"):
        filled.export(folder, since="2025-11-13", overwrite=True)
    assert {path: path.read_bytes() for path in folder.rglob("*.parquet")} == before
    assert sorted(tmp_path.iterdir()) == beside


def test_a_name_that_no_system_has(filled, tmp_path):
    """It is the folder's that is told, not the history's."""
    with pytest.raises(OutputError, match=r"n: cannot be written \(file name too long\)"):
        filled.export(tmp_path / ("n" * 300))


def test_folders_that_cannot_be_are_refused(filled, tmp_path):
    """Before the work."""
    with pytest.raises(OutputError, match="there is no folder"):
        filled.export(tmp_path / "no" / "days")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file; name a folder"):
        filled.export(tmp_path / "file", overwrite=True)


def test_an_export_that_fails_leaves_nothing(filled, tmp_path, monkeypatch):
    """Neither a part of it nor what was made on the way."""
    calls = []
    write = exporting.write_events

    def fails(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        write(*arguments)

    monkeypatch.setattr(exporting, "write_events", fails)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OutputError, match=r"cannot be written \(no space left on device\)"):
        filled.export(tmp_path / "days")
    assert sorted(tmp_path.iterdir()) == before


def test_progress_is_told(filled, tmp_path):
    """Day by day."""
    told = []
    filled.export(tmp_path / "days", on_progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
