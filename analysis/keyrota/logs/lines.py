"""Complete lines of a log that grows, to rows: a batch at a time, each line for itself.

What a line says does not depend on how the lines come: the shape is told once, by the first line that is not
blank, and a JSON row is one line. A batch that is large is scanned by the compiled kernel, if that finds
every line whole; else the general decoder reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from keyrota.logs.collect import gather
from keyrota.logs.encoding import Lines, decoded, detect_encoding
from keyrota.logs.formats import NotALogError, OpenedLog, open_log
from keyrota.logs.gathered import Gathered
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.json_stream import decode_json
from keyrota.logs.objects import records_of
from keyrota.logs.record import BadRow, Record
from keyrota.logs.rules import RuleTable
from keyrota.logs.syslog import syslog_records
from keyrota.logs.text_lines import text_records

FOLLOWED: Final = ("text", "json", "syslog")
"""The shapes in which each line stands for itself."""

SCANNED_BYTES: Final = 1 << 20
"""From such a batch on the compiled kernel is worth its start."""

_ENDS: Final = b"\xef\xbb\xbf \t\r\n\x00"


class LineDecoder:
    """Reads the lines of one log, whose shape the first of them tells.

    Parameters
    ----------
    rules
        The grammar, the user's own rules first.
    shape
        The shape, if it is known already: ``text``, ``json`` or ``syslog``.
    """

    def __init__(self, rules: RuleTable, shape: str | None = None) -> None:
        self._rules = rules
        self.shape = shape

    def read(self, data: bytes) -> Gathered:
        """Return what complete lines say, numbered from 1.

        Parameters
        ----------
        data
            Lines, each with its LF.

        Raises
        ------
        NotALogError
            If the log has a shape that cannot be followed line by line.
        """
        if self.shape is None:
            first = next((line for line in data.split(b"\n") if line.strip(_ENDS)), None)
            if first is not None:
                self.shape = shape_of_line(first, self._rules)
        if self.shape == "json" and len(data) >= SCANNED_BYTES and self._rules is DEFAULT_RULES:
            scanned = _scanned(data)
            if scanned is not None:
                return scanned
        return gather(_records(data, self.shape or "text"), self._rules)


def shape_of_line(line: bytes, rules: RuleTable) -> str:
    """Return the shape of a log that begins with this line.

    Raises
    ------
    NotALogError
        If it cannot be followed line by line; the message says what to do instead.
    """
    if detect_encoding(line).startswith("utf-16"):
        raise NotALogError("UTF-16 text, which is not followed; have it written as UTF-8")
    log: OpenedLog = open_log([line + b"\n"], None, rules)
    if log.inflated.compression is not None:
        raise NotALogError("a compressed file, which does not grow; give it to keyrota report")
    text = line.strip(_ENDS)
    if text.startswith(b"[") and log.format == "json":
        raise NotALogError("a JSON array, which has no lines to follow; give it to keyrota report")
    if log.format not in FOLLOWED:
        raise NotALogError(f"{log.format} rows, which are not followed; give the file to keyrota report")
    return log.format


def _records(data: bytes, shape: str) -> Iterator[Record | BadRow]:
    if shape == "syslog":
        for number, line in enumerate(data.split(b"\n")[:-1], start=1):
            for record in syslog_records([line]):
                record.line = number
                yield record
        return
    lines = Lines(decoded([data], "utf-8"))
    yield from text_records(lines) if shape == "text" else _json_rows(lines)


def _json_rows(lines: Lines) -> Iterator[Record | BadRow]:
    """Yield the row of each line that is not blank; a line that is no JSON is a bad row."""
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        try:
            value = decode_json(text)
        except (ValueError, RecursionError):
            yield BadRow(number, "not JSON")
            continue
        yield from records_of(value, number)


def _scanned(data: bytes) -> Gathered | None:
    """Return what the kernel finds in lines of JSON, ``None`` if it does not find each of them whole."""
    from keyrota.logs.scan.machine import has_compiler

    if not has_compiler():
        return None
    from keyrota.logs.scan.blocks import Blocks, from_chunks
    from keyrota.logs.scan.reader import Scan
    from keyrota.logs.scan.shape import Shape

    blocks = Blocks(from_chunks([data]))
    blocks.fill()
    part = Scan(Shape("json"), DEFAULT_RULES, blocks).run()
    lines = sum(1 for line in data.split(b"\n") if line.strip())
    gathered = part.gathered
    if gathered.malformed or part.cut or part.is_truncated or gathered.lines != lines:
        return None
    return gathered


def at_line(gathered: Gathered, before: int) -> Gathered:
    """Return what was gathered, its lines numbered after so many before them."""
    return replace(gathered, rows=replace(gathered.rows, line=gathered.rows.line + before))
