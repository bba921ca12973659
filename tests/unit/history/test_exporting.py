"""The Parquet dataset by day."""

import duckdb
import pandas as pd
import polars as pl
import pytest

import keyrota
from keyrota.errors import InputError, OutputError
from keyrota.history import exporting


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


def test_a_folder_is_not_replaced_unless_told(filled, tmp_path):
    """Then as a whole: no day of before stays."""
    folder = tmp_path / "days"
    folder.mkdir()
    (folder / "precious").touch()
    with pytest.raises(OutputError, match="exists; give --force to replace it"):
        filled.export(folder)
    assert [path.name for path in folder.iterdir()] == ["precious"]
    filled.export(folder, overwrite=True)
    assert sorted(path.name for path in folder.iterdir())[0] == "day=2025-11-12"
    assert not (folder / "precious").exists()


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
