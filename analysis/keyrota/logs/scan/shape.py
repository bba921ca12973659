"""Which logs are scanned: the shapes that a kernel knows, and only where it is worth its start."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from keyrota.logs.encoding import is_marked_as_damaged
from keyrota.logs.formats import OpenedLog
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.json_stream import JsonStream
from keyrota.logs.objects import records_of
from keyrota.logs.record import Record
from keyrota.logs.rules import RuleTable


@dataclass(frozen=True, slots=True)
class Shape:
    """What a scan is to know of a log.

    Parameters
    ----------
    format
        ``json``, ``csv`` or ``text``.
    offset
        Bytes before the first record: a mark, the header of a CSV file.
    header
        The header line of a CSV file.
    """

    format: str
    offset: int = 0
    header: str = ""


def shape_of(log: OpenedLog, rules: RuleTable) -> Shape | None:
    """Return where and how a log can be scanned, ``None`` if it is the general decoder's.

    A kernel knows the grammar as it is delivered and no user's own rules, UTF-8, JSON of one object to a
    line with an ``event_message``, correct CSV, and plain text.
    """
    head = log.head
    if rules is not DEFAULT_RULES or not log.encoding.startswith("utf-8"):
        return None
    offset = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    if is_marked_as_damaged(head):
        return None
    if log.format == "text":
        return Shape("text", offset)
    if log.format == "json":
        return Shape("json", offset) if _has_object_in_line(head[offset:]) else None
    return _under_header(head, offset) if log.format == "csv" else None


def _has_object_in_line(head: bytes) -> bool:
    """Say whether the first line that is not blank is one row with a message."""
    line = next((line for line in head.split(b"\n") if line.strip()), b"")
    stream = JsonStream([line.decode("utf-8", "replace")])
    values = list(stream)
    if len(values) != 1 or values[0].error is not None or stream.in_array or not line.startswith(b"{"):
        return False
    rows = list(records_of(values[0].value, 1))
    return len(rows) == 1 and isinstance(rows[0], Record) and "event_message" in values[0].value


def _under_header(head: bytes, offset: int) -> Shape | None:
    from keyrota.logs.scan.csv_columns import columns_of

    while True:
        end = head.find(b"\n", offset)
        if end < 0:
            return None
        header = head[offset:end].decode("utf-8", "replace").rstrip("\r")
        offset = end + 1
        if header.strip():
            return Shape("csv", offset, header) if columns_of(header) is not None else None
