"""CSV and Markdown, read with the csv module and by hand."""

import csv
import io
import json
import re

from keyrota.logs.write import LogRow, write_log


def cells(data: bytes, encoding: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(encoding), newline="")))


def test_old_csv_is_malformed_for_the_csv_module_exactly_where_quotes_are(rows: list[LogRow]) -> None:
    """Clean rows have six cells; the row with a JSON body falls into pieces."""
    assert {len(row) for row in cells(write_log(rows, "old-csv"), "utf-8-sig")} != {6}
    clean = [row for row in rows if '"' not in row.message]
    assert {len(row) for row in cells(write_log(clean, "old-csv"), "utf-8-sig")} == {6}


def test_old_csv_has_the_bytes_of_its_library(rows: list[LogRow]) -> None:
    """Byte order mark, bare newlines, all cells quoted, no final newline."""
    data = write_log(rows, "old-csv")
    header = '"event_message","event_type","function_id","id","level","timestamp"\n'
    assert data.startswith(b"\xef\xbb\xbf" + header.encode())
    assert b"\r" not in data
    assert data.endswith(b'"')
    assert b'    "code": 429,' in data


def test_old_csv_records_end_in_the_fixed_tail(rows: list[LogRow]) -> None:
    """The tail by which a record can be repaired is on every record."""
    tail = r'","(Log|Boot|Shutdown)","[0-9a-f-]{36}","[0-9a-f-]{36}","[a-z]+","[0-9]{16}"$'
    assert len(re.findall(tail, write_log(rows, "old-csv").decode("utf-8-sig"), re.MULTILINE)) == 6


def test_studio_csv_reads_back_whole(rows: list[LogRow]) -> None:
    """Each message comes back as it was, newlines and quotes included."""
    data = write_log(rows, "studio-csv")
    header, *records = cells(data, "utf-8")
    assert header == [
        "event_message",
        "event_type",
        "execution_id",
        "function_id",
        "id",
        "level",
        "timestamp",
    ]
    assert {len(record) for record in records} == {7}
    console = sorted(row.message for row in rows if row.kind_of_row == "console")
    assert sorted(record[0] for record in records) == console


def test_studio_csv_ends_rows_in_crlf_and_quotes_where_needed(rows: list[LogRow]) -> None:
    """A newline inside a cell stays a bare one, and nothing follows the last row."""
    data = write_log(rows, "studio-csv")
    assert data.count(b"\r\n") == 6
    assert not data.endswith(b"\n")
    assert b"\r\nbooted (time: 31ms),Boot," in data
    assert '"🔑 Using GOOGLE_KEY_3 (position 1/4 in pool)\n",Log,'.encode() in data
    assert b'""code"": 429' in data


def test_own_query_as_csv_has_two_columns(rows: list[LogRow]) -> None:
    """Times are the integers of the store."""
    header, *records = cells(write_log(rows, "sql-subset-micros"), "utf-8")
    assert header == ["timestamp", "event_message"]
    assert records[-1] == ["1762917393983000", "booted (time: 31ms)"]


def test_markdown_has_a_numbered_section_for_each_row(rows: list[LogRow]) -> None:
    """Message, time and a fenced JSON with the other columns."""
    text = write_log(rows, "markdown").decode()
    sections = text.split("\n\n---\n\n")
    assert [section.split("\n", 1)[0] for section in sections] == [f"## Log {n}" for n in range(1, 7)]
    last = sections[-1]
    assert (
        "**Timestamp:** 2025-11-12T03:16:33.983Z\n**Message:** booted (time: 31ms)\n\n**Details:**\n" in last
    )
    details = json.loads(last.partition("```json\n")[2].removesuffix("```"))
    assert list(details) == ["event_type", "execution_id", "function_id", "level"]


def test_markdown_table_keeps_a_row_on_a_line() -> None:
    """Pipes are escaped and newlines become breaks."""
    text = write_log([LogRow(1_000_000, "a|b\nc\n", row_id="1")], "markdown-table").decode()
    header, rule, row = text.split("\n")
    assert header.startswith("| event_message | event_type |")
    assert rule == "| --- " * 7 + "|"
    assert row.startswith(r"| a\|b<br>c<br> | Log | null |")


def test_no_rows_leave_the_header() -> None:
    """An empty log is a table without rows."""
    assert cells(write_log([], "studio-csv"), "utf-8")[0][0] == "event_message"
