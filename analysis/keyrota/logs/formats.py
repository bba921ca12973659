"""Which shape a log has, told by its content, and its records.

The order of the questions matters: what is surely something else is refused first; plain text,
which anything could be, comes last.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from keyrota.display import count
from keyrota.logs.compression import Inflated
from keyrota.logs.encoding import LINE_LIMIT, Lines, decoded, detect_encoding
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.json_stream import PROSE, JsonStream
from keyrota.logs.markdown import is_markdown, markdown_records
from keyrota.logs.objects import is_log_value, records_of
from keyrota.logs.record import BadRow, Record
from keyrota.logs.rules import RuleTable
from keyrota.logs.syslog import HEADER_BYTES, is_syslog, syslog_records
from keyrota.logs.tables import csv_header, csv_records
from keyrota.logs.text_lines import text_records

HOLE_LIMIT: Final = 1 << 30
"""NUL bytes at the beginning after which a file is given up: a device may have no end."""

HEAD_BYTES: Final = 1 << 16
"""How much of a file is looked at to tell its shape."""

_BINARY: Final = (
    (b"\x1f\x8b", "compressed twice; decompress it once"),
    (b"BZh", "compressed twice; decompress it once"),
    (b"\x28\xb5\x2f\xfd", "compressed twice; decompress it once"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"PAR1", "a Parquet file; an event table is read if it is named itself, as a plain file"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x7fELF", "a program"),
    (b"\xd0\xcf\x11\xe0", "an old Office document; export the log as CSV or JSON instead"),
)
_ROW_FIELD = re.compile(
    r'"(?:event_message|streams|result|metadata|log_attributes|ddsource|execution_id|event_type|log|line|msg|message)"\s{0,8}:'
)
_BRACKET = re.compile(r"(?:\A|\n)[ \t\r]*+[\[{]")
_HOLE: Final = b"\x00" * 8
_MARKDOWN_LINES: Final = 200


class NotALogError(Exception):
    """What was found instead of a log; turned into a note or an `InputError` by the reader."""


@dataclass(slots=True)
class OpenedLog:
    """A log whose shape is known.

    Attributes
    ----------
    format
        ``json``, ``csv``, ``markdown``, ``syslog`` or ``text``.
    head
        The first bytes, decompressed; as many as tell the shape, or the whole log.
    chunks
        All of its bytes, the head first; read once.
    is_whole
        Whether the head begins where the file does.
    problems
        What was wrong with the stream as a whole, in words; known when it was read to the end.
    truncated
        True if the log ends before its time.
    """

    format: str
    encoding: str
    inflated: Inflated
    head: bytes
    chunks: Iterator[bytes]
    is_whole: bool = True
    problems: list[str] = field(default_factory=list)
    truncated: bool = False

    @property
    def records(self) -> Iterator[Record | BadRow]:
        """The rows, which are read from `chunks`."""
        return _records(self, self.chunks)

    def end(self, *, cut: int = 0, is_cut: bool = False) -> None:
        """Note what was wrong, now that the log was read to its end.

        Parameters
        ----------
        cut
            Lines that were longer than is kept of one.
        is_cut
            Whether it ends inside a value.
        """
        if cut:
            self.problems.append(f"{count(cut, 'line')} longer than {LINE_LIMIT:,} characters, cut there")
        if is_cut:
            self.truncated = True
            if self.inflated.problem is None:
                self.problems.append("the file ends inside a JSON value (it was cut)")
        if self.inflated.problem is not None:
            self.problems.append(self.inflated.problem)
            self.truncated = True


def open_log(
    chunks: Iterable[bytes],
    on_read: Callable[[int], None] | None = None,
    rules: RuleTable = DEFAULT_RULES,
    again: Callable[[], Iterable[bytes]] | None = None,
    limit: int | None = None,
) -> OpenedLog:
    """Tell the shape of a log by its first bytes and return its records.

    Parameters
    ----------
    chunks
        The bytes, compressed or not, in pieces of any size.
    on_read
        Called with each number of bytes read.
    rules
        Tell lines of a log from others, where the shape is in doubt.
    again
        Gives the same bytes once more, where that can be.
    limit
        Decompressed bytes at which to stop, as of `Inflated`.

    Raises
    ------
    NotALogError
        If the content is surely no log, or empty.
    """
    inflated = Inflated(chunks, on_read, again=again, limit=limit)
    data = iter(inflated)
    head = b""
    holes = 0
    for chunk in data:
        head += chunk
        if head.startswith(_HOLE):
            holes += len(head)
            head = head.lstrip(b"\x00")  # a log that was truncated under its writer begins with NULs
            holes -= len(head)
            if holes > HOLE_LIMIT:
                raise NotALogError("NUL bytes only")
        if len(head) >= HEAD_BYTES:
            break
    if not head.strip():
        raise NotALogError("nothing: the file is empty" if inflated.problem is None else inflated.problem)
    for magic, name in _BINARY:
        if head.startswith(magic):
            raise NotALogError(name)
    encoding = detect_encoding(head)
    start = head[:HEAD_BYTES]
    if encoding.startswith("utf-8") and start.count(b"\x00") > len(start) / 8:
        raise NotALogError("binary data")
    sample = "".join(decoded([start], encoding))
    if sample.count("\ufffd") > len(sample) / 3:
        raise NotALogError("binary data")
    chunks = itertools.chain([head], data)
    return OpenedLog(_shape(sample, rules), encoding, inflated, head, chunks, is_whole=not holes)


def _shape(sample: str, rules: RuleTable) -> str:
    if is_syslog(sample[:HEADER_BYTES].encode("utf-8", "replace")):
        return "syslog"
    lines = sample.split("\n", _MARKDOWN_LINES)
    if csv_header(next((line for line in lines if line.strip()), "")) is not None:
        return "csv"
    if is_markdown(lines):
        return "markdown"
    return _json_or_text(sample, rules) if _BRACKET.search(sample) else "text"


def _json_or_text(sample: str, rules: RuleTable) -> str:
    """Read the sample both ways and call it what more events are found in.

    There may be prose before pasted rows, and an application prints objects, and errors' bodies, into
    plain text. Where both ways find as much, it is JSON if rows make up most of it.
    """
    may_be_cut_row = _ROW_FIELD.search(sample) is not None
    rows: list[object] = []
    row_length = rest_length = 0
    has_text = False
    for value in JsonStream([sample], with_lengths=True):
        is_rows = value.is_cut and may_be_cut_row if value.error else is_log_value(value.value)
        row_length += value.length if is_rows else 0
        rest_length += 0 if is_rows else value.length
        has_text |= value.error is not None and not value.is_cut
        rows += [value.value] if is_rows and value.error is None else []
    if row_length and not rest_length:
        return "json"
    as_json = sum(_events(records_of(row, 1), rules) for row in rows)
    as_text = _events(text_records(Lines([sample])), rules)
    if as_json > as_text or (as_json == as_text and row_length and row_length >= rest_length):
        return "json"
    if not has_text and not as_text:
        raise NotALogError("JSON that holds no rows of a log")
    return "text"


def _events(records: Iterable[Record | BadRow], rules: RuleTable) -> int:
    return sum(isinstance(record, Record) and rules.parse(record.message) is not None for record in records)


def _records(log: OpenedLog, chunks: Iterable[bytes]) -> Iterator[Record | BadRow]:
    cut = 0
    is_cut = False
    if log.format == "syslog":
        is_utf16 = log.encoding.startswith("utf-16")
        texts = (text.encode() for text in decoded(chunks, log.encoding)) if is_utf16 else chunks
        yield from syslog_records(texts)  # its counts are of bytes
    elif log.format == "json":
        is_cut = yield from _json_records(JsonStream(decoded(chunks, log.encoding)))
    else:
        lines = Lines(decoded(chunks, log.encoding))
        yield from _OF_LINES[log.format](lines)
        cut = lines.cut
    log.end(cut=cut, is_cut=is_cut)


def _json_records(stream: JsonStream) -> Generator[Record | BadRow, None, bool]:
    """Yield records, numbered by row in arrays and envelopes, by line where each line is a value.

    Returns whether the text ends inside a value.
    """
    row = 0
    by_line: bool | None = None
    for value in stream:
        if value.error is not None:
            row += 1
            place = value.line if by_line else row
            # Prose around pasted rows is no damage.
            is_prose = value.error == PROSE and by_line is None
            yield Record(place, "") if is_prose else BadRow(place, value.error)
            continue
        if by_line is None:
            is_one_row = sum(1 for _ in records_of(value.value, 1)) == 1
            by_line = is_one_row and not stream.in_array
        for record in records_of(value.value, value.line):
            row += 1
            if not by_line:
                record.line = row
            yield record
    return stream.truncated


_OF_LINES: Final[dict[str, Callable[[Iterable[str]], Iterator[Record | BadRow]]]] = {
    "csv": csv_records,
    "markdown": markdown_records,
    "text": text_records,
}
