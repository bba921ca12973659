"""The compiled reader of CSV against the general one: the same events, whatever was done to the file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from against_general import rows_of_a_log
from keyrota.errors import InputError
from keyrota.logs import objects
from keyrota.logs.collect import TEXT_LENGTH, gather
from keyrota.logs.encoding import LINE_LIMIT, Lines, decoded
from keyrota.logs.grammar import DEFAULT_RULES, GRAMMAR
from keyrota.logs.rows import NAME_COLUMNS, ROW_KINDS, EventRow, Rows
from keyrota.logs.rules import Malformed
from keyrota.logs.scan import csv_columns
from keyrota.logs.scan.csv_columns import columns_of
from keyrota.logs.scan.csv_cut import ROW_BYTES
from keyrota.logs.scan.csv_odd import OddRows, cell_text
from keyrota.logs.scan.csv_walk import scan_csv
from keyrota.logs.scan.libc import HAS_LIBC
from keyrota.logs.scan.machine import machine_code
from keyrota.logs.scan.names import enlarged, is_crowded, new_names, texts_of
from keyrota.logs.scan.scratch import new_scratch
from keyrota.logs.scan.sink import (
    AT,
    FULL,
    LINES,
    MORE,
    NUMBERS,
    ODD,
    ODD_START,
    ROWS,
    TEXT_SIZE,
    WHY,
    new_sink,
)
from keyrota.logs.tables import RECORD_LENGTH, RECORD_LINES, csv_records
from keyrota.logs.write import (
    boot_message,
    error_message,
    write_log,
)
from protected import at_page_end, with_slack
from scripts import environment

PICK = "🔑 Using GOOGLE_KEY_3 (position 1/4 in pool)"
STAMP = "1762917393993000"
HEADER = "event_message,event_type,execution_id,function_id,id,level,timestamp"
TAIL = f"Log,e-1,f-1,a1,info,{STAMP}"


class Scan:
    """A small driver: kernel, full blocks, odd rows, and what they found as plain tuples."""

    def __init__(self, header: str, *, rows: int = 3, slots: int = 8, is_compiled: bool = True) -> None:
        self.kernel = machine_code("scan_csv") if is_compiled else scan_csv
        self.header = header
        self.columns = columns_of(header)
        assert self.columns is not None, "a header for the general reader"
        self.names, self.sink = new_names(slots), new_sink(rows, text_bytes=1 << 20)
        self.scratch = new_scratch()
        self.numbers = np.zeros(NUMBERS, dtype=np.int64)
        self.found: list[tuple[Any, ...]] = []
        self.malformed: list[tuple[int, str]] = []
        self.odd: OddRows | None = None
        self.odd_rows = 0
        self.calls = 0

    def read(self, buffer: np.ndarray, end: int, is_last: bool) -> int:
        """Read what can be read of a buffer and return the number of bytes that are done with."""
        self.numbers[AT] = 0
        while True:
            if self.odd is not None and not self._read_odd(buffer, end, is_last):
                return end
            self.numbers[ROWS] = self.numbers[TEXT_SIZE] = 0
            self.calls += 1
            self.kernel(buffer, end, is_last, self.names, self.sink, self.scratch, self.numbers, self.columns)
            self._drain()
            why = self.numbers[WHY]
            if why == MORE:
                return int(self.numbers[AT])
            if why == FULL and is_crowded(self.names):
                self.names = enlarged(self.names)
            elif why == ODD:
                assert self.numbers[AT] == self.numbers[ODD_START]
                self.odd = OddRows(self.header, int(self.numbers[LINES]))

    def _read_odd(self, buffer: np.ndarray, end: int, is_last: bool) -> bool:
        assert self.odd is not None
        before = self.odd.rows
        records, at = self.odd.take(buffer, int(self.numbers[AT]), end, is_last)
        self.odd_rows += self.odd.rows - before
        self._add(records)
        if not self.odd.is_done:
            return False
        self.numbers[AT] = at
        self.numbers[LINES] = self.odd.rows
        self.odd = None
        return True

    def _add(self, records: Iterable[Any]) -> None:
        gathered = gather(records, DEFAULT_RULES)
        self.found += plain(gathered.rows)
        self.malformed += gathered.first_malformed

    def _drain(self) -> None:
        names = texts_of(self.names)
        sink = self.sink
        for row in range(int(self.numbers[ROWS])):
            kind = ROW_KINDS[sink.kind[row]]
            columns = {
                name: getattr(sink, name)[row].item()
                for name in sink._fields
                if name not in ("text_start", "text_end", "texts")
            }
            columns |= dict.fromkeys(("model", "limit"), -1)
            for name in NAME_COLUMNS:
                columns[name] = names[columns[name]] if columns[name] >= 0 else None
            text = None
            if sink.text_start[row] >= 0:
                text = cell_text(sink.texts[sink.text_start[row] : sink.text_end[row]].tobytes())
                parsed = DEFAULT_RULES.parse(text)
                assert parsed is not None, text
                assert not isinstance(parsed, Malformed)
                assert parsed.kind == kind
                if kind == "rejection":
                    # What its body says; the kernel tells the status alone.
                    said = Rows.of([EventRow(kind, 1, **_said(parsed))])
                    whole = dict(zip(COLUMNS, plain(said)[0], strict=True))
                    columns |= {
                        name: whole[name] for name in ("status", "cause", "model", "limit", "retry_after_s")
                    }
                    text = text if parsed.cause in (None, "unknown") else None
            cells = (_exact(columns[name]) for name in COLUMNS[:-1])
            self.found.append((*cells, text and text[:TEXT_LENGTH]))


def _said(parsed: Any) -> dict[str, Any]:
    return {name: getattr(parsed, name) for name in ("status", "cause", "model", "limit", "retry_after_s")}


def _exact(value: Any) -> Any:
    return None if value != value else value


COLUMNS = (
    "kind", "time", "line", "key", "position", "size", "pool", "function", "function_id", "isolate", "model",
    "status", "cause", "limit", "retry_after_s", "duration_ms", "row_id", "text",
)  # fmt: skip


def plain(rows: Rows) -> list[tuple[Any, ...]]:
    """Return rows as tuples that compare equal if they say the same."""
    columns = []
    for name in COLUMNS[:-1]:
        values = getattr(rows, name).tolist()
        if name in NAME_COLUMNS:
            values = [rows.names[code] if code >= 0 else None for code in values]
        columns.append([_exact(value) for value in values])
    columns.append([rows.texts.get(index) for index in range(len(rows))])
    return list(zip(*columns, strict=True))


def general(data: bytes) -> tuple[list[tuple[Any, ...]], int, list[tuple[int, str]]]:
    """Return rows, number of lines and first malformed lines, as the general decoder reads a file."""
    gathered = gather(csv_records(Lines(decoded([data], "utf-8"))), DEFAULT_RULES)
    return plain(gathered.rows), gathered.lines, gathered.first_malformed


def scanned(data: bytes, cuts: Iterable[int] = (), **options: Any) -> Scan:
    """Return a scan of a file that comes in pieces: up to each of the cuts, and the rest."""
    start = 0
    while not (line := data[start : data.find(b"\n", start) + 1 or len(data)]).strip() and start < len(data):
        start += len(line)
    scan = Scan(line.decode().rstrip("\r\n"), **options)
    at = start + len(line)
    places = [*sorted({at, *(cut for cut in cuts if at < cut < len(data))}), len(data)]
    for place in places:
        is_last = place == len(data)
        part = with_slack(data[at:place], place)
        at += scan.read(np.frombuffer(part, dtype=np.uint8), place - at, is_last)
    assert at == len(data)
    return scan


def check(data: bytes, cuts: Iterable[int] = (), **options: Any) -> Scan:
    """Hold the kernel to the general decoder: rows, their number, and what is malformed."""
    rows, lines, malformed = general(data)
    scan = scanned(data, cuts, **options)
    assert scan.found == rows
    assert scan.malformed[:5] == malformed
    assert scan.numbers[LINES] == lines
    return scan


SAMPLES = [
    *(sample for rule in GRAMMAR for sample in (*rule.matches, *rule.rejects)),
    "shutdown, later",
    "boo",
    "Using GOOGLE_KEY_0 (position 0/0 in pool)",
    PICK + "  # Chat",
    'say "hi"',
    "a\n\nb",
    '"quotaId": "x"',
    "* Quota exceeded for metric: x, limit: 2",
]


def quoted(cell: str, always: bool = False) -> str:
    """Return a cell as a correct writer writes it."""
    if not always and not any(character in cell for character in ',"\n\r'):
        return cell
    return '"' + cell.replace('"', '""') + '"'


def file_of(
    messages: Iterable[str], header: str = HEADER, newline: str = "\n", always: bool = False, **cells: str
) -> bytes:
    """Return a file with a row for each message."""
    names = header.split(",")
    shared = {
        "event_type": "Log", "execution_id": "e-1", "function_id": "f-1", "level": "info", "timestamp": STAMP,
    } | cells  # fmt: skip
    lines = [header]
    for number, message in enumerate(messages):
        row = {"id": f"a-{number}", "event_message": message} | shared
        lines.append(",".join(quoted(row.get(name, "x"), always) for name in names))
    return newline.join(lines).encode()


WITH_STATUS = HEADER + ",status_code,execution_time_ms"
WITH_PLACES = HEADER + ",metadata,log_attributes,event"
VARIANTS = {
    "as written": file_of(SAMPLES),
    "a final newline": file_of(SAMPLES) + b"\n",
    "CRLF": file_of(SAMPLES, newline="\r\n"),
    "CRLF at the end": file_of(SAMPLES, newline="\r\n") + b"\r\n",
    "two CRs": file_of(SAMPLES, newline="\r\r\n"),
    "all quoted but the header": file_of(SAMPLES, always=True),
    "all quoted, CRLF": file_of(SAMPLES, newline="\r\n", always=True),
    "blank lines": file_of(SAMPLES, newline="\n\r\n\n"),
    "message last": file_of(SAMPLES, "timestamp,id,level,event_message"),
    "message in the middle": file_of(SAMPLES, "timestamp,id,event_message,execution_id", "\r\n"),
    "two columns": file_of(SAMPLES, "timestamp,event_message"),
    "one column": file_of(SAMPLES, "event_message"),
    "further columns": file_of(SAMPLES, "event_message,a,b,c,d,timestamp,e,f,id,project"),
    "ISO times": file_of(SAMPLES, timestamp="2025-11-12T03:16:33.993Z"),
    "times with an offset": file_of(SAMPLES, timestamp="2025-11-12T03:16:33.993+01:00"),
    "times to the second": file_of(SAMPLES, timestamp="1762917393"),
    "no times": file_of(SAMPLES, timestamp=""),
    "words for times": file_of(SAMPLES, timestamp="later"),
    "quoted times": file_of(SAMPLES, timestamp="2025-11-12T03:16:33,993Z"),
    "two times": file_of(SAMPLES, "event_message,ts,created_at,time,id", created_at="x", time=STAMP, ts=""),
    "empty cells": file_of(SAMPLES, execution_id="", function_id="", level="", event_type=""),
    "null": file_of(SAMPLES, execution_id="null", function_id="null"),
    "strange ids": file_of(SAMPLES, execution_id="a b", function_id='a"b', level="\x01"),
    "ids of other letters": file_of(SAMPLES, execution_id="é", function_id="a" * 81),
    "a long id": file_of(SAMPLES, execution_id="a" * 80, function_id="x,y"),
    "a status": file_of(SAMPLES, WITH_STATUS, status_code="429", execution_time_ms="12"),
    "no status": file_of(SAMPLES, WITH_STATUS, status_code="", execution_time_ms=""),
    "null for a status": file_of(SAMPLES, HEADER + ",status_code", status_code="null"),
    "an odd status": file_of(SAMPLES, WITH_STATUS, status_code="7", execution_time_ms="1.5"),
    "a status without function": file_of(SAMPLES, HEADER + ",status_code", status_code="500", function_id=""),
    "a path": file_of(SAMPLES, HEADER + ",pathname", pathname="/functions/v1/chat"),
    "another path": file_of(SAMPLES, HEADER + ",pathname,request", pathname="/rest/v1/chat", request="POST"),
    "a reason": file_of(SAMPLES, HEADER + ",reason", reason="EarlyDrop"),
    "metadata": file_of(SAMPLES, HEADER + ",metadata", metadata='[{"execution_id":"e-2","reason":"Memory"}]'),
    "metadata with a status": file_of(
        SAMPLES, HEADER + ",metadata", metadata='[{"response":[{"status_code":429}]}]'
    ),
    "metadata, escaped": file_of(SAMPLES, HEADER + ",metadata", metadata='{"status\\u005fcode":"500"}'),
    "no metadata": file_of(SAMPLES, WITH_PLACES, metadata="", log_attributes="", event="Log"),
    "message under another name": file_of(["x"] * 3, "id,timestamp,msg", msg=PICK),
    "two messages": file_of([PICK] * 3, "id,timestamp,message,event_message", message=boot_message(3)),
    "two ids": file_of(SAMPLES[:3], "_id,timestamp,event_message", _id="x-1"),
    "envelopes' names": file_of(SAMPLES, HEADER + ",data,logs,streams", data="a", logs="b", streams="c"),
    "marks in ids": file_of(SAMPLES, execution_id="\ufeffe-1", function_id="f\ufeff", event_type="\ufeff"),
    "marks before rows": file_of(SAMPLES, always=True).replace(b"\n\"", b"\n\xef\xbb\xbf\""),
    "marks alone": b"event_message\n\xef\xbb\xbf\n" + PICK.encode() + b"\n\xef\xbb\xbf" + PICK.encode(),
    "files put together": file_of(SAMPLES) + b"\n\xef\xbb\xbf" + file_of(SAMPLES, newline="\r\n"),
    "no rows": HEADER.encode(),
    "blank lines alone": HEADER.encode() + b"\n\n\r\n\r\r\n\r",
    "blanks": HEADER.encode() + b"\n  \n" + TAIL.encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_the_edge_matrix(name: str) -> None:
    """Every sample of the grammar in every form of a file, in one piece and in small ones."""
    data = VARIANTS[name]
    check(data)
    check(data, cuts=range(0, len(data), 61))


@pytest.mark.parametrize("shape", ["studio-csv", "sql-subset-micros"])
def test_the_shapes_that_are_written(shape: str) -> None:
    """A whole log, with bodies of errors, quotations and damaged emoji."""
    rows = rows_of_a_log()
    if shape == "sql-subset-micros":
        rows = [row for row in rows if row.message]
    data = write_log(rows, shape)
    scan = check(data)
    assert len(scan.found) >= 10
    check(data, cuts=range(0, len(data), 97))
    check(data.replace(b"\r\n", b"\n"), cuts=range(0, len(data), 1000))


def test_few_rows_of_a_written_log_are_odd() -> None:
    """The kernel reads picks, boots and bodies itself; what an SDK prints and malformed picks are not its."""
    clean = [row for row in rows_of_a_log() if "ClientError" not in row.message and "5/4" not in row.message]
    bodies = [row for row in clean if row.message[:1] in ('"', " ", "{", "}")]
    scan = scanned(write_log([row for row in clean if row not in bodies], "studio-csv"))
    assert scan.odd_rows == 0


SMALL = file_of(
    [
        PICK, "plain, with comma", "a\nb", 'say "hi"', boot_message(31), "shutdown",
        error_message(429, '{\n"a": 1}\n'),
    ],
    newline="\r\n",
)  # fmt: skip


@pytest.mark.parametrize("data", [SMALL, SMALL.replace(b"\r\n", b"\n") + b"\n"], ids=["CRLF", "LF"])
def test_pieces_cut_anywhere(data: bytes) -> None:
    """Two pieces cut at every byte, and pieces of every small size."""
    for cut in range(len(HEADER), len(data)):
        check(data, cuts=[cut])
    for size in range(1, 40):
        check(data, cuts=range(0, len(data), size))


@pytest.mark.parametrize("data", [SMALL, SMALL.replace(b"\r\n", b"\n") + b"\n"], ids=["CRLF", "LF"])
def test_files_that_end_anywhere(data: bytes) -> None:
    """A file that was cut at any byte says what the general decoder finds in it."""
    for cut in range(len(HEADER) + 1, len(data)):
        check(data[:cut])


def test_files_that_lost_a_byte() -> None:
    """Any byte behind the header, quotes and newlines too: the same rows are malformed and found."""
    for place in range(len(HEADER) + 2, len(SMALL)):
        check(SMALL[:place] + SMALL[place + 1 :])


@pytest.mark.parametrize("byte", [b'"', b",", b"\r", b"\n", b'""', b'","', b"\r\n", b" "])
def test_files_that_gained_a_byte(byte: bytes) -> None:
    """A quote, comma or newline too many, anywhere."""
    for place in range(len(HEADER) + 2, len(SMALL)):
        check(SMALL[:place] + byte + SMALL[place:])


def test_lost_quotes_of_a_long_file() -> None:
    """Rows that are swallowed and given back, over several pieces."""
    data = write_log(rows_of_a_log() * 12, "studio-csv")
    quotes = [place for place in range(data.find(b"\n"), len(data)) if data[place : place + 1] == b'"']
    for place in quotes[:: max(1, len(quotes) // 60)]:
        check(data[:place] + data[place + 1 :], cuts=range(0, len(data), 4096))


ALPHABET = [
    b'"', b",", b"\n", b"\r", b"\r\n", b'""', b"a", b" ", b"1", PICK.encode(), b"shutdown", TAIL.encode(),
]  # fmt: skip


@given(
    pieces=st.lists(st.sampled_from(ALPHABET), max_size=30),
    header=st.sampled_from([HEADER, "event_message,timestamp", "ts,event_message,id", "event_message"]),
    cuts=st.lists(st.integers(0, 400), max_size=4),
)
@settings(max_examples=1500, deadline=None)
def test_anything_at_all(pieces: list[bytes], header: str, cuts: list[int]) -> None:
    """Files of quotes, commas, newlines and words in any order."""
    check(header.encode() + b"\n" + b"".join(pieces), cuts)


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_mutations(data: st.DataObject) -> None:
    """Bytes changed, left out and put in, several at a time."""
    content = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(len(HEADER) + 2, len(content) - 1))
        what = data.draw(st.sampled_from(["change", "drop", "add"]))
        byte = data.draw(st.sampled_from([*b'",\r\n a1', 0xC3, 0xA9, 0xFF, 0x1B]))
        if what == "change":
            content[place] = byte
        elif what == "drop":
            del content[place]
        else:
            content.insert(place, byte)
    check(bytes(content), data.draw(st.lists(st.integers(0, len(content)), max_size=3)))


def test_long_rows() -> None:
    """At the limits of the general reader: of a cell, of the lines of a row, of a line."""
    for lines in (RECORD_LINES - 1, RECORD_LINES, RECORD_LINES + 1):
        check(file_of(["b", "a\n" * (lines - 1) + "b", PICK]), cuts=range(0, 1 << 14, 1000))
    for size in (ROW_BYTES - 1000, ROW_BYTES - 1, ROW_BYTES, ROW_BYTES + 1):
        for message in ("a" * size, "a" * size + ",", PICK + "\n" + "é" * (size // 2)):
            check(file_of(["b", message, PICK]), cuts=range(0, 2 * size, 1 << 15))


def test_a_line_that_is_too_long_is_cut() -> None:
    """As `Lines` cuts it, and told."""
    data = file_of([PICK, "x" * (LINE_LIMIT + 3), PICK])
    check(data, cuts=range(0, len(data), 1 << 16))
    odd = OddRows(HEADER, 1)
    start = data.find(b"x" * 9)
    records, at = odd.take(np.frombuffer(data, dtype=np.uint8), start, len(data), True)
    assert (len(records), at, odd.rows, odd.cut) == (1, data.rfind(b"\n") + 1, 2, 1)


def test_a_row_that_never_ends_is_given_up_and_the_rest_read() -> None:
    """The quote is lost at the top of a file longer than a row may be."""
    rows = [f"a plain row,{TAIL}\n"] * (RECORD_LINES + 10)
    data = (HEADER + "\n" + f'"{PICK},{TAIL}\n' + "".join(rows) + f"{PICK},{TAIL}\n").encode()
    assert check(data, cuts=range(0, len(data), 1 << 14)).malformed == [(1, "a row that never ends")]
    long = [f"{'x' * 4000},{TAIL}\n"] * (RECORD_LENGTH // 4000 + 10)
    data = (HEADER + "\n" + f'"{PICK},{TAIL}\n' + "".join(long) + f"{PICK},{TAIL}\n").encode()
    assert check(data, cuts=range(0, len(data), 1 << 18)).malformed == [(1, "a row that never ends")]


@pytest.mark.parametrize("time", ["1.76292E+15", "1,76E+15", " 1.7E+12 "])
@pytest.mark.parametrize("message", ["plain", PICK, "a, b"])
def test_times_damaged_by_a_spreadsheet_are_refused_in_any_row(time: str, message: str) -> None:
    """Wherever they stand, with the number of the row."""
    data = file_of([PICK] * 6) + b"\n" + file_of([message], timestamp=time).split(b"\n", 1)[1]
    with pytest.raises(InputError) as expected:
        general(data)
    with pytest.raises(InputError) as told:
        scanned(data)
    assert str(told.value) == str(expected.value)
    assert "row 7" in str(told.value)


@pytest.mark.parametrize(
    "header",
    [
        '"event_message","id","timestamp"',
        "event_message;id;timestamp",
        "execution_id,id,timestamp",
        "event_message,id,id,timestamp",
        "event_message,id,_id,timestamp",
        "message,ddsource,timestamp,ts",
        "event_message,timestamp,status_code,response.status_code",
        "hello, world",
    ],
)
def test_headers_that_are_the_general_readers(header: str) -> None:
    """All quoted, another delimiter, no message, names twice."""
    assert columns_of(header) is None


def test_the_older_export_is_the_general_readers() -> None:
    """It quotes every cell and doubles no quote."""
    header = write_log(rows_of_a_log(), "old-csv").decode("utf-8-sig").split("\n")[0]
    assert columns_of(header) is None


def test_the_names_are_those_of_the_general_decoder() -> None:
    """A name that is added there is to be known here."""
    assert objects._MESSAGES == csv_columns._MESSAGES
    assert objects._TIMES == csv_columns._TIMES
    assert objects._PLACES == csv_columns._PLACES
    assert frozenset(csv_columns._PATHS) == objects._PATHS
    known = {*csv_columns._ROLES, "event_type", "boot_time", "response"}
    assert known - set(csv_columns._PLACES) == objects._FIELDS


def test_uncompiled_it_says_the_same() -> None:
    """Where there is no compiler the kernel is plain Python."""
    with np.errstate(over="ignore"):
        check(SMALL, is_compiled=False)


def edge_files() -> Iterator[tuple[str, bytes]]:
    """What the kernel is given at the end of a page: headers, and rows cut at many lengths."""
    start = len(HEADER) + 2
    yield from ((HEADER, SMALL[start:cut]) for cut in range(start, len(SMALL)))
    for data in VARIANTS.values():
        header, _, rows = data.partition(b"\n")
        names = header.decode().rstrip("\r")
        if columns_of(names) is not None:
            yield from ((names, rows[:cut]) for cut in range(0, len(rows), 509))


def scan_at_page_ends() -> int:
    """Scan every edge file where the next byte cannot be read; return the number of scans."""
    calls = 0
    for is_last in (False, True):
        for header, data in edge_files():
            scan = Scan(header, rows=64, slots=256)
            scan.read(at_page_end(with_slack(data, calls)), len(data), is_last)
            calls += scan.calls
    return calls


@pytest.mark.skipif(not HAS_LIBC, reason="libc's functions are what could read too far")
def test_no_byte_behind_the_buffer_is_read() -> None:
    """In a process of its own, which a byte too far would end."""
    command = [sys.executable, __file__]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 5_000


if __name__ == "__main__":
    print(scan_at_page_ends())
