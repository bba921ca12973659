"""Files to the event table, as a user calls it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

import keyrota
from keyrota.errors import DataQualityWarning, InputError
from keyrota.events import write_events
from keyrota.logs.duplicates import repeats
from keyrota.logs.hashing import id_hash
from keyrota.logs.outputs import read_outputs
from keyrota.logs.read import quality_messages, read
from keyrota.logs.rows import ROW_KINDS
from keyrota.logs.write import LogRow, pick_message, write_log
from keyrota.logs.write.damage import gzipped
from keyrota.pools.load import load_pools

NS = 1_762_917_393_000_000_000
PICK = "🔑 Using GOOGLE_KEY_{} (position {}/2 in pool)\n"


def rows(start: int, stop: int) -> list[LogRow]:
    return [
        LogRow(
            NS + n * 10**9, pick_message(n % 2 + 1, n % 2 + 1, 2), row_id=f"r{n}", execution_id=f"i{n // 5}"
        )
        for n in range(start, stop)
    ]


def test_a_folder_of_many_shapes(tmp_path: Path) -> None:
    """Shapes, encodings and other files side by side: one table, and a note on what was left out."""
    (tmp_path / "a.json").write_bytes(write_log(rows(0, 10), "dashboard-json"))
    (tmp_path / "b.csv").write_bytes(write_log(rows(10, 20), "old-csv"))
    (tmp_path / "c.log").write_text(PICK.format(1, 1), encoding="utf-16")
    (tmp_path / "d.gz").write_bytes(gzipped(write_log(rows(20, 30), "drain-ndjson")))
    (tmp_path / "notes.txt").write_text("remember the milk\n")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0 and so on")
    reading = read(tmp_path)
    assert len(reading.events) == 31
    assert [(s.format, s.encoding, s.compression) for s in reading.input.sources] == [
        ("json", "utf-8", None), ("csv", "utf-8-sig", None),
        ("text", "utf-16-le", None), ("json", "utf-8", "gzip"),
    ]  # fmt: skip
    assert [Path(name).name for name, _ in reading.input.skipped] == ["notes.txt", "photo.jpg"]
    assert reading.events["time"].dropna().is_monotonic_increasing
    assert reading.events["time"].isna().tolist() == [False] * 30 + [True]
    with pytest.warns(DataQualityWarning) as caught:
        assert len(keyrota.read_logs(tmp_path)) == 31
    assert [str(w.message).split(": ", 1)[1] for w in caught] == [
        "left out: 1 line of text, none of which is a line about keys, isolates or errors",
        "left out: a JPEG image",
    ]


def test_overlapping_exports_count_once(tmp_path: Path) -> None:
    """The account names the repeats; lines stay what each file holds."""
    (tmp_path / "a.json").write_bytes(write_log(rows(0, 60), "dashboard-json"))
    (tmp_path / "b.json").write_bytes(write_log(rows(40, 100), "api-envelope"))
    (tmp_path / "c.csv").write_bytes(write_log(rows(30, 50), "sql-subset-micros"))
    reading = read(tmp_path)
    assert len(reading.events) == 100
    assert [source.duplicates for source in reading.input.sources] == [0, 20, 20]
    assert [source.lines for source in reading.input.sources] == [60, 60, 20]


def test_a_sound_log_warns_of_nothing(tmp_path: Path) -> None:
    """No message without a cause."""
    path = tmp_path / "a.json"
    path.write_bytes(write_log(rows(0, 10), "dashboard-json"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        keyrota.read_logs(path)
    assert quality_messages(read(path).input) == []


def test_what_is_wrong_is_told_in_sentences(tmp_path: Path) -> None:
    """Cut files and malformed lines, with the first places."""
    (tmp_path / "cut.gz").write_bytes(gzipped(write_log(rows(0, 50), "drain-ndjson"))[:-30])
    (tmp_path / "bad.log").write_text(PICK.format(1, 1) + PICK.format(1, 3) + PICK.format(1, 0))
    messages = quality_messages(read(tmp_path).input)
    assert any(
        "cut.gz: the compressed data ends early (the file was cut); what could be read" in m for m in messages
    )
    assert any(
        "bad.log: 2 of 3 lines are malformed: line 2 (position 3 in a pool of 2 keys) and line 3" in m
        for m in messages
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "nothing: the file is empty"),
        (b"hello\n", "1 line of text, none of which is a line about keys"),
        (b"hello\n" * 3, "3 lines of text, none of which is a line about keys"),
        (b"PK\x03\x04", "a zip archive; unpack it first"),
        (b'{"name": "x"}', "JSON that holds no rows of a log"),
        (
            b"event_message,timestamp\nx,1.76292E+15\n",
            "row 1: the time 1.76292E\\+15 was rounded by a spreadsheet",
        ),
    ],
)
def test_no_log_is_an_error_that_says_what_was_found(content: bytes, problem: str, tmp_path: Path) -> None:
    """The path, what it holds, and what to give instead."""
    path = tmp_path / "a.log"
    path.write_bytes(content)
    with pytest.raises(InputError, match=problem) as error:
        read(path)
    assert str(path) in str(error.value)
    assert error.value.exit_code == 3


def test_keys_in_names_and_errors_are_masked(tmp_path: Path) -> None:
    """A path may hold a key; a message does not."""
    path = tmp_path / "AIzaSyCANARY0123456789.log"
    with pytest.raises(InputError) as error:
        read(path)
    assert "CANARY" not in str(error.value)


def test_pools_are_inferred_where_none_is_declared(tmp_path: Path) -> None:
    """With `infer`, for a file of rules alone, and for keys that a declaration does not know."""
    path = tmp_path / "a.log"
    path.write_text("".join(PICK.format(key, place) for key, place in ((21, 1), (22, 2), (1, 1), (2, 2))))
    inferred = read(path, pools="infer")
    assert [pool.keys for pool in inferred.pools] == [(1, 2), (21, 22)]
    assert set(inferred.events["pool"]) == {pool.name for pool in inferred.pools}
    declared = read(path)
    assert declared.events["pool"].tolist()[2:] == ["CHAT", "CHAT"]
    assert declared.events["pool"].notna().all()


def test_rows_without_times_keep_the_order_of_the_file(tmp_path: Path) -> None:
    """Also beside a file with times, whose events come first."""
    (tmp_path / "a.log").write_text("".join(PICK.format(key, 1) for key in (5, 3, 9)))
    (tmp_path / "b.json").write_bytes(write_log(rows(0, 4), "dashboard-json"))
    events = read(tmp_path).events
    assert events["key"].tolist() == [1, 2, 1, 2, 5, 3, 9]
    assert events["line"].tolist()[-3:] == [1, 2, 3]


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    """As many as the file has."""
    path = tmp_path / "a.json"
    path.write_bytes(write_log(rows(0, 3000), "dashboard-json"))
    steps: list[int] = []
    read(path, on_read=steps.append)
    assert sum(steps) == path.stat().st_size
    assert len(steps) > 1


def test_ids_that_are_keys_are_masked(tmp_path: Path) -> None:
    """An id is a name from a bounded alphabet, and a key is such a name."""
    secret = "AIzaSyCANARY_0123456789abcdefghijklmnop"
    path = tmp_path / "a.json"
    path.write_text(
        json.dumps([{"event_message": PICK.format(1, 1), "execution_id": secret, "timestamp": NS}])
    )
    events = read(path).events
    assert events["isolate"].tolist() == ["[key]"]


def test_marks_go_with_the_events(tmp_path: Path) -> None:
    """In the order of the table, of several files, without the repeats; a repeat is known by them."""
    (tmp_path / "b.json").write_bytes(write_log(rows(0, 60), "dashboard-json"))
    (tmp_path / "a.json").write_bytes(write_log(rows(40, 100), "api-envelope"))
    reading = read(tmp_path)
    marks = reading.marks
    assert marks is not None
    assert len(marks) == len(reading.events) == 100
    assert marks.time.tolist() == [NS + n * 10**9 for n in range(100)]
    assert marks.row_id.tolist() == [id_hash(f"r{n}") for n in range(100)]
    assert [ROW_KINDS[code] for code in marks.kind] == reading.events["kind"].tolist()
    (tmp_path / "c.csv").write_bytes(write_log(rows(90, 120), "sql-subset-micros"))
    other = read(tmp_path / "c.csv").marks
    assert other is not None
    assert repeats(other, marks).tolist() == [True] * 10 + [False] * 20


def test_marks_of_an_event_table(tmp_path: Path) -> None:
    """Those of its log, but for the ids, which a table does not hold."""
    (tmp_path / "a.json").write_bytes(write_log(rows(0, 20), "dashboard-json"))
    reading = read(tmp_path / "a.json")
    write_events(reading.events, tmp_path / "a.parquet", "parquet")
    marks, again = reading.marks, read(tmp_path / "a.parquet").marks
    assert marks is not None
    assert again is not None
    for name in ("time", "kind", "content"):
        assert getattr(again, name).tolist() == getattr(marks, name).tolist()
    assert again.row_id.tolist() == [0] * 20
    assert repeats(again, marks).all()


def test_marks_of_outputs() -> None:
    """Of every run, in order."""
    reading = read_outputs([PICK.format(1, 1).encode(), PICK.format(2, 2).encode() * 2], load_pools())
    assert reading.events["isolate"].tolist() == ["run-1", "run-2", "run-2"]
    assert reading.marks is not None
    assert len(reading.marks) == 3
    assert len(set(reading.marks.content.tolist())) == 2
