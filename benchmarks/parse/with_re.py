"""Python's `re`: on what ripgrep lets through, and line by line."""

from __future__ import annotations

import csv as csv_module
import json
import mmap
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from patterns import DECORATION, GROUPS, KIND_OF_GROUP, event_pattern, literal_pattern

_CHUNK: Final = 1 << 22
_UUID: Final = "[0-9a-f-]{36}"

# On raw lines: the fields in the order in which this file has them.
_TEXT_LINE: Final = re.compile(event_pattern(r"\s*$", "^(?P<time>.{29})Z ").encode(), re.MULTILINE)
_DECORATION_IN_JSON: Final = r"(?:[^!-~]|\\u001b\[[0-9;]*m|\\{1,2}u[0-9a-f]{4}|\?|\[[A-Za-z0-9_.:-]+\])*"
_JSON_LINE: Final = re.compile(
    event_pattern(r'(?:\\n)*"', '"timestamp":(?P<time>[0-9]{16}),"event_message":"')
    .replace(DECORATION, _DECORATION_IN_JSON)
    .replace(r"(?:\x1b", r"(?:\\u001b")
    .encode()
    + rf'[^\n]*?"execution_id":"(?P<isolate>{_UUID})'.encode()
)
# A match and the line after it, as `rg -b -A1` prints them; the end of a longer record is looked up.
_CSV_LINE: Final = re.compile(
    event_pattern(r'(?:\n[0-9]+-"|(?=,))', '^(?P<at>[0-9]+):"?').encode()
    + rf'(?:[^\n,]*(?:\n[0-9]+-")?,[A-Z][a-z]+,(?P<isolate>{_UUID}),{_UUID},{_UUID},'.encode()
    + rb"[a-z]+,(?P<time>[0-9]{16}))?",
    re.MULTILINE,
)  # fmt: skip
_CSV_TAIL: Final = re.compile(rf'\n",[A-Z][a-z]+,({_UUID}),{_UUID},{_UUID},[a-z]+,([0-9]{{16}})'.encode())

_MESSAGE: Final = re.compile(event_pattern(before="^"))
_LITERAL: Final = re.compile(literal_pattern().encode())
_LITERAL_TEXT: Final = re.compile(literal_pattern())


def rg_text(path: Path) -> pa.Table:
    """Ripgrep prints the lines with a literal, one expression takes chunks of them apart."""
    rows: list[tuple[bytes, ...]] = []
    for chunk in _from_rg(path):
        rows += _TEXT_LINE.findall(chunk)
    columns = _columns(rows, _TEXT_LINE)
    return _table(columns, columns.pop("time").astype("datetime64[ns]"), columns["ended"])


def rg_ndjson(path: Path) -> pa.Table:
    """As `rg_text`, on raw lines of JSON."""
    rows: list[tuple[bytes, ...]] = []
    for chunk in _from_rg(path):
        rows += _JSON_LINE.findall(chunk)
    columns = _columns(rows, _JSON_LINE)
    return _table(columns, _micros(columns["time"]), columns["isolate"])


def rg_csv(path: Path) -> pa.Table:
    """As `rg_text`, with the line after each match; what is longer is looked up in the file, mapped."""
    rows: list[tuple[bytes, ...]] = []
    for chunk in _from_rg(path, "--byte-offset", "--after-context=1"):
        rows += _CSV_LINE.findall(chunk)
    at, isolate, time = (_CSV_LINE.groupindex[name] - 1 for name in ("at", "isolate", "time"))
    with path.open("rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        for number, row in enumerate(rows):
            if not row[time]:
                tail = _CSV_TAIL.search(mapped, int(row[at]))
                assert tail is not None, f"{path}: a record without an end"
                whole = list(row)
                whole[isolate], whole[time] = tail.groups()
                rows[number] = tuple(whole)
    columns = _columns(rows, _CSV_LINE)
    return _table(columns, _micros(columns["time"]), columns["isolate"])


def _from_rg(path: Path, *options: str) -> Iterator[bytes]:
    """Yield what ripgrep prints, in chunks that end at a line's end."""
    command = ["rg", "--text", "--no-config", "--no-line-number", "--no-heading", "--threads=1", *options]
    with subprocess.Popen([*command, "-e", literal_pattern(), str(path)], stdout=subprocess.PIPE) as rg:
        assert rg.stdout is not None
        rest = b""
        while chunk := rg.stdout.read(_CHUNK):
            whole = rest + chunk
            end = _last_start(whole) if options else whole.rfind(b"\n") + 1
            yield whole[:end]
            rest = whole[end:]
        yield rest


def _last_start(whole: bytes) -> int:
    """Return where the last match begins: the line after it may be in the next chunk."""
    end = whole.rfind(b"\n") + 1
    starts = [match.start() for match in re.finditer(rb"^[0-9]+:", whole[max(0, end - 65536) : end], re.M)]
    return max(0, end - 65536) + starts[-1] if starts else end


def lines_text(path: Path) -> pa.Table:
    """Every line through one expression."""
    match = re.compile(event_pattern(r"\s*$", "^(?P<time>.{29})Z ").encode()).match
    with path.open("rb") as source:
        rows = [found.groups(b"") for found in map(match, source) if found]
    columns = _columns(rows, _TEXT_LINE)
    return _table(columns, columns.pop("time").astype("datetime64[ns]"), columns["ended"])


def lines_ndjson(path: Path) -> pa.Table:
    """Every line searched for a literal, and decoded if it has one."""
    rows: list[tuple[str, ...]] = []
    rest: list[tuple[int, str]] = []
    with path.open("rb") as source:
        for line in source:
            if _LITERAL.search(line):
                row = json.loads(line)
                found = _MESSAGE.match(row["event_message"])
                if found:
                    rows.append(found.groups(""))
                    rest.append((row["timestamp"], row["metadata"]["execution_id"]))
    return _decoded(rows, rest)


def lines_csv(path: Path) -> pa.Table:
    """Every record from the `csv` module."""
    rows: list[tuple[str, ...]] = []
    rest: list[tuple[int, str]] = []
    with path.open(encoding="utf-8", newline="") as source:
        records = csv_module.reader(source)
        header = next(records)
        at_message, at_isolate, at_time = map(header.index, ("event_message", "execution_id", "timestamp"))
        for record in records:
            found = _MESSAGE.match(record[at_message])
            if found:
                rows.append(found.groups(""))
                rest.append((int(record[at_time]), record[at_isolate]))
    return _decoded(rows, rest)


def _decoded(rows: list[tuple[str, ...]], rest: list[tuple[int, str]]) -> pa.Table:
    columns = _columns([tuple(cell.encode() for cell in row) for row in rows], _MESSAGE)
    times = np.array([time for time, _ in rest], dtype=np.int64).view("datetime64[us]")
    return _table(columns, times, np.array([isolate.encode() for _, isolate in rest] or [b""]))


def _columns(rows: list[tuple[bytes, ...]], pattern: re.Pattern[Any]) -> dict[str, NDArray]:
    """Return the groups of all rows as arrays of bytes."""
    names = list(pattern.groupindex)
    return {
        name: np.array(column or [b""]) for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }


def _micros(digits: NDArray) -> NDArray:
    return digits.astype(np.int64).view("datetime64[us]")


def _table(columns: dict[str, NDArray], times: NDArray, isolates: NDArray) -> pa.Table:
    kind = np.full(len(times), "", dtype="U10")
    for group, name in KIND_OF_GROUP.items():
        kind[columns[group] != b""] = name
    numbers = {
        "key": (columns["key"],),
        "position": (columns["position"],),
        "size": (columns["size"], columns["keys"]),
        "status": (columns["refused"], columns["retried"], columns["answered"]),
        "duration_ms": (columns["duration_ms"],),
    }
    return pa.table(
        {
            "time": times,
            "kind": kind,
            **{name: _number(of) for name, of in numbers.items()},
            "isolate": pa.array(isolates, mask=isolates == b"").cast(pa.string()),
        }
    )


def _number(columns: tuple[NDArray, ...]) -> pa.Array:
    """Return the first of several columns that is not empty, as numbers."""
    digits = columns[0].astype("S9")
    for other in columns[1:]:
        digits = np.where(digits == b"", other.astype("S9"), digits)
    is_empty = digits == b""
    digits[is_empty] = b"0"
    return pa.array(digits.astype(np.int32), mask=is_empty)


assert set(GROUPS) <= set(_CSV_LINE.groupindex), "the groups of a message"
