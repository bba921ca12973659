"""Which shape a log has, and what is refused by name."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from keyrota.logs.collect import Collected, collect
from keyrota.logs.formats import NotALogError, OpenedLog, open_log
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.write import SHAPES, LogRow, pick_message, write_log
from keyrota.pools.load import load_pools

PICK = "🔑 Using GOOGLE_KEY_1 (position 1/2 in pool)"
ROW = {"event_message": PICK + "\n", "id": "a1", "timestamp": 1762917393993000}
CHAT = [{"role": "user", "message": "hello"}, {"role": "assistant", "message": "x" * 2000}]


def opened(data: bytes | str) -> tuple[OpenedLog, Collected]:
    log = open_log([data.encode() if isinstance(data, str) else data])
    return log, collect(log.records, DEFAULT_RULES, load_pools(), {})


def picks(data: bytes | str) -> int:
    return opened(data)[1].found["pick"]


FORMATS = {
    "old-csv": "csv", "studio-csv": "csv", "sql-subset-micros": "csv", "markdown": "markdown",
    "markdown-table": "markdown", "drain-syslog": "syslog", "drain-syslog-lines": "syslog", "serve": "text",
    "docker-logs": "text", "docker-compose": "text", "docker-compose-t": "text", "console": "text",
    "console-ansi": "text",
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [1, 2, 800])
def test_every_shape_is_told(shape: str, count: int) -> None:
    """By its content alone, from one row to more than is looked at."""
    row = LogRow(
        1_762_917_393_993_000_000, pick_message(1, 1, 2), execution_id="i", function_id="f", row_id="r"
    )
    invocation = LogRow(
        1_762_917_393_993_000_000, "POST | 200 | https://x.supabase.co/functions/v1/chat", status=200,
        function="chat", kind_of_row="invocation", row_id="q",
    )  # fmt: skip
    log, collected = opened(write_log([row, invocation] * count, shape))
    assert log.format == FORMATS.get(shape, "json")
    assert collected.found["pick"] + collected.found["invocation"] >= count


@pytest.mark.parametrize(
    "data",
    [
        "\n\n" + json.dumps([ROW]),
        "Here is my log, please help:\n\n" + json.dumps([ROW], indent=2) + "\n\nWhat is wrong?\n",
        "[Export]\n" + json.dumps([ROW]),
        "```json\n" + json.dumps([ROW], indent=2) + "\n```\n",
        json.dumps({"result": [ROW], "error": None}, indent=2),
        json.dumps({"version": 1}) + "\n" + json.dumps(ROW) + "\n",
        json.dumps([ROW, ROW])[:-40],
        '{"broken": \n' + json.dumps(ROW) + "\n",
        json.dumps([CHAT[1], ROW]),
        "one long introduction " * 100 + "\n" + json.dumps([ROW], indent=2),
    ],
)
def test_json_in_any_company(data: str) -> None:
    """Blank lines, prose, fences, indents, a header line, a cut end: the rows are found."""
    assert picks(data) == 1


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(CHAT, indent=2) + "\n" + PICK + "\n",
        PICK + "\n" + json.dumps(CHAT, indent=2) + "\n",
        json.dumps(CHAT) + "\n" + PICK + "\n",
        json.dumps(CHAT[0]) + "\n" + PICK + "\n",
        "{\n" + PICK + "\n",
        "[Info] " + PICK + "\n",
        "[]\n" + PICK + "\n",
        "{}\n" + PICK + "\n",
        '{"message":"event_message","timestamp":1}\n' + PICK + "\n",
        "## Log 1\n\n| timestamp | message |\n" + PICK + "\n",
    ],
)
def test_text_in_any_company(data: str) -> None:
    """What an application prints of its objects does not make JSON of a text log."""
    log, _ = opened(data)
    assert log.format == "text"
    assert picks(data) == 1


def test_numbers_of_lines_and_rows() -> None:
    """The physical line of text and NDJSON, the row of an array and a table."""
    line = json.dumps(ROW)
    other = json.dumps({**ROW, "event_message": "x"})
    for data, number in (
        (f"x\n\n{PICK}\n", 3),
        (f"{other}\n\n{line}\n", 3),
        (json.dumps([{**ROW, "event_message": "x"}, ROW], indent=2), 2),
        (f'event_message,id,timestamp\n\n"a\nb",1,2\n{PICK},2,3\n', 2),
    ):
        assert opened(data)[1].rows.line.tolist() == [number]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "the file is empty"),
        (b" \n\n\t", "the file is empty"),
        (b"PK\x03\x04rest", "a zip archive; unpack it first"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\x89PNG\r\n", "a PNG image"),
        (b"\xff\xd8\xff\xe0", "a JPEG image"),
        (b"GIF89a", "a GIF image"),
        (b"\x7fELF\x02", "a program"),
        (b"\xd0\xcf\x11\xe0\xa1", "an old Office document; export the log"),
        (bytes(range(256)) * 20, "binary data"),
        (b"\xff\xfe\x00\x01" + b"\x00\xd8" * 500, "binary data"),
        (b'{"name": "pkg", "version": "1.0"}', "JSON that holds no rows of a log"),
        (b"[1, 2, 3]", None),
        (b"\x1f\x8b\x08\x00", "the compressed data ends early"),
        (b"\x1f\x8bnonsense and more", "the compressed data is damaged"),
    ],
)
def test_what_is_no_log(data: bytes, what: str | None) -> None:
    """Each kind of file is named for what it is."""
    if what is None:
        assert picks(data) == 0
        return
    with pytest.raises(NotALogError, match=what):
        open_log([data])


def test_real_files_of_other_kinds(tmp_path: Path) -> None:
    """Parquet and SQLite as their own libraries write them."""
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "x.parquet")
    connection = sqlite3.connect(tmp_path / "x.db")
    connection.execute("create table t (a)")
    connection.close()
    found = (("x.parquet", "a Parquet file; an event table"), ("x.db", "an SQLite database"))
    for name, what in found:
        with pytest.raises(NotALogError, match=what):
            open_log([(tmp_path / name).read_bytes()])


def test_a_hole_at_the_start_is_skipped() -> None:
    """A log that was truncated under its writer begins with NULs."""
    assert picks(b"\x00" * 200_000 + (PICK + "\n").encode() * 3) == 3


def test_problems_are_told_in_words() -> None:
    """A cut value, and a cut line."""
    log, _ = opened(json.dumps([ROW, ROW])[:-30])
    assert (log.truncated, log.problems) == (True, ["the file ends inside a JSON value (it was cut)"])
    log, _ = opened(PICK + "\n" + "x" * (1 << 21) + "\n")
    assert (log.truncated, log.problems) == (False, ["1 line longer than 1,048,576 characters, cut there"])
