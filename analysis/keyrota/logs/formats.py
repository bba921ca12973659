"""Which shape a log has, told by its content, and its records.

The order of the questions matters: what is surely something else is refused first; plain text,
which anything could be, comes last.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from keyrota.logs.compression import Inflated
from keyrota.logs.encoding import Lines, decoded, detect_encoding
from keyrota.logs.json_stream import JsonStream
from keyrota.logs.objects import is_log_value, records_of
from keyrota.logs.record import BadRow, Record
from keyrota.logs.syslog import is_syslog, syslog_records
from keyrota.logs.tables import csv_header, csv_records, is_markdown, markdown_records
from keyrota.logs.text_lines import text_records

HEAD_BYTES: Final = 1 << 16
"""How much of a file is looked at to tell its shape."""

_BINARY: Final = (
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"PAR1", "a Parquet file; an event table that keyrota wrote is read by keyrota.events.read_events"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x7fELF", "a program"),
    (b"\xd0\xcf\x11\xe0", "an old Office document; export the log as CSV or JSON instead"),
)
_ROW_FIELD = re.compile(
    r'"(?:event_message|streams|result|metadata|log_attributes|ddsource|execution_id|event_type|log|msg|message)"\s{0,8}:'
)
_JSON_START = re.compile(r"^[\s\ufeff]*[\[{]")
_EMBEDDED = re.compile(r"^\s*[\[{]", re.MULTILINE)


class NotALog(Exception):
    """What was found instead of a log; turned into a note or an `InputError` by the reader."""


@dataclass(slots=True)
class OpenedLog:
    """A log whose shape is known.

    Attributes
    ----------
    format
        ``json``, ``csv``, ``markdown``, ``syslog`` or ``text``.
    records
        The rows; to be exhausted before `problems` is read.
    problems
        What was wrong with the stream as a whole, in words; empty if nothing.
    truncated
        True if the log ends before its time.
    """

    format: str
    encoding: str
    inflated: Inflated
    records: Iterable[Record | BadRow] = ()
    problems: list[str] = field(default_factory=list)
    truncated: bool = False


def open_log(chunks: Iterable[bytes], on_read: Callable[[int], None] | None = None) -> OpenedLog:
    """Tell the shape of a log by its first bytes and return its records.

    Raises
    ------
    NotALog
        If the content is surely no log, or empty.
    """
    inflated = Inflated(chunks, on_read)
    data = iter(inflated)
    head = b""
    for chunk in data:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    if not head.strip():
        raise NotALog("nothing: the file is empty" if inflated.problem is None else inflated.problem)
    for magic, name in _BINARY:
        if head.startswith(magic):
            raise NotALog(name)
    encoding = detect_encoding(head)
    sample = "".join(decoded([head[:HEAD_BYTES]], encoding))
    if sample.count("\x00") > len(sample) / 8 or sample.count("\ufffd") > len(sample) / 3:
        raise NotALog("binary data")
    log = OpenedLog(_shape(head, sample), encoding, inflated)
    log.records = _records(log, itertools.chain([head], data))
    return log


def _shape(head: bytes, sample: str) -> str:
    if is_syslog(head):
        return "syslog"
    lines = sample.split("\n")
    if csv_header(lines[0].strip("\ufeff\r")) is not None:
        return "csv"
    if any(is_markdown(line.rstrip("\r")) for line in lines[:200]):
        return "markdown"
    if _JSON_START.match(sample):
        first = next(iter(JsonStream([sample])), None)
        if first is not None and first.error is None:
            if is_log_value(first.value) or _ROW_FIELD.search(sample):
                return "json"
            raise NotALog("JSON that holds no rows of a log")
        return "json" if _ROW_FIELD.search(sample) and sample.lstrip("\ufeff \r\n\t")[:2] != "{\n" else "text"
    for start in itertools.islice(_EMBEDDED.finditer(sample), 20):
        # A value after some prose; in plain text a line that begins so is part of an error's body.
        first = next(iter(JsonStream([sample[start.start() :]])), None)
        if first is not None and first.error is None and _ROW_FIELD.search(sample) and _is_rows(first.value):
            return "json"
    return "text"


def _is_rows(value: object) -> bool:
    return is_log_value(value) and "error" not in (value if isinstance(value, dict) else ())


def _records(log: OpenedLog, chunks: Iterable[bytes]) -> Iterator[Record | BadRow]:
    if log.format == "syslog":
        yield from syslog_records(chunks)
    elif log.format == "json":
        yield from _json_records(log, decoded(chunks, log.encoding))
    else:
        lines = Lines(decoded(chunks, log.encoding))
        if log.format == "csv":
            yield from csv_records(
                line.replace("\ufeff", "", 1) if i == 0 else line for i, line in enumerate(lines)
            )
        elif log.format == "markdown":
            yield from markdown_records(lines)
        else:
            yield from text_records(lines)
        if lines.cut:
            log.problems.append(f"{lines.cut} lines were longer than 1,048,576 characters and were cut there")
    if log.inflated.problem is not None:
        log.problems.append(log.inflated.problem)
        log.truncated = True


def _json_records(log: OpenedLog, chunks: Iterable[str]) -> Iterator[Record | BadRow]:
    """Number rows within arrays and envelopes, lines where every line is a value of its own."""
    stream = JsonStream(chunks)
    row = 0
    by_line: bool | None = None
    seen_value = False
    for value in stream:
        if value.error is not None:
            row += 1
            # Prose around pasted rows is no damage.
            place = value.line if by_line else row
            yield BadRow(place, value.error) if seen_value else Record(place, "")
            continue
        seen_value = True
        if by_line is None:
            by_line = (
                not stream.in_array
                and isinstance(value.value, dict)
                and len(list(records_of(value.value, 1))) == 1
            )
        for record in records_of(value.value, value.line):
            row += 1
            if not by_line:
                record.line = row
            yield record
    if stream.truncated:
        log.truncated = True
        if log.inflated.problem is None:
            log.problems.append("the file ends inside a JSON value (it was cut)")
