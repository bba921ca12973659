"""CSV exports and Markdown copies, to records.

Two CSV writers are in the field. The newer one is correct. The older one (react-csv, to 2025) quotes
every cell and does not double inner quotes, so that a row with an error's JSON body is malformed:
there a record is what lies between a line that begins with a quote and a line that ends with the
cells that follow the message.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from keyrota.errors import InputError
from keyrota.logs.objects import records_of
from keyrota.logs.record import BadRow, Record
from keyrota.logs.times import damaged_by_spreadsheet

RECORD_LINES: Final = 2_000
"""Physical lines that one record may take before it is given up as malformed."""

_FREE_TEXT: Final = ("event_message", "message", "msg", "metadata", "log_attributes", "body")
_DELIMITERS: Final = (",", ";", "\t")


def csv_header(line: str) -> tuple[list[str], str] | None:
    """Return the column names and the delimiter if a line is the header of a log in CSV.

    Examples
    --------
    >>> csv_header('event_message,id,timestamp')
    (['event_message', 'id', 'timestamp'], ',')
    >>> csv_header('hello, world') is None
    True
    """
    for delimiter in _DELIMITERS:
        names = [name.strip().strip('"').strip() for name in line.split(delimiter)]
        known = {"event_message", "message", "msg", "timestamp", "ts", "execution_id", "function_id"}
        plain = all(re.fullmatch(r"[A-Za-z0-9_.@ ()-]{1,80}", name) for name in names)
        if len(names) > 1 and plain and len(known.intersection(names)) >= 2:
            return names, delimiter
    if line.strip().strip('"') in ("event_message", "message"):
        return [line.strip().strip('"')], ","
    return None


def csv_records(lines: Iterable[str]) -> Iterator[Record | BadRow]:
    """Yield the rows of a CSV file, its header first among `lines`.

    Raises
    ------
    InputError
        If a spreadsheet has rewritten the times: nothing can be read from them.
    """
    rows = iter(lines)
    first = next(rows, "")
    header = csv_header(first)
    if header is None:
        return
    names, delimiter = header
    all_quoted = first.lstrip("\ufeff").startswith('"') and first.rstrip().endswith('"')
    split = _UnescapedRows(names, delimiter) if all_quoted else _EscapedRows(len(names), delimiter)
    for number, cells in enumerate(split.rows(rows), start=1):
        if isinstance(cells, str):
            yield BadRow(number, cells)
            continue
        row: dict[str, Any] = dict(zip(names, cells, strict=True))
        for name in ("timestamp", "ts", "time"):
            if damaged_by_spreadsheet(row.get(name)):
                raise InputError(
                    f"row {number}: the time {row[name]} was rounded by a spreadsheet and cannot be restored; "
                    "export the log again and do not save it from a spreadsheet program"
                )
        yield from records_of(row, number)


class _EscapedRows:
    """Rows of a correct CSV file: quotes doubled, a record ends where quotes are balanced."""

    def __init__(self, width: int, delimiter: str) -> None:
        self._width = width
        self._delimiter = delimiter

    def rows(self, lines: Iterator[str]) -> Iterator[list[str] | str]:
        pending: list[str] = []
        quotes = 0
        for line in lines:
            if not pending and not line:
                continue
            pending.append(line)
            quotes += line.count('"')
            if quotes % 2 and len(pending) < RECORD_LINES:
                continue
            yield self._cells("\n".join(pending)) if quotes % 2 == 0 else "a quote is never closed"
            pending, quotes = [], 0
        if pending:
            yield "the file ends inside a quoted cell"

    def _cells(self, record: str) -> list[str] | str:
        try:
            cells = next(csv.reader([record], delimiter=self._delimiter, strict=True), [])
        except csv.Error as error:
            return f"not CSV ({error})"
        if len(cells) != self._width:
            return f"{len(cells)} cells where the header has {self._width}"
        return cells


class _UnescapedRows:
    """Rows of the older export: every cell quoted, inner quotes as they are.

    All but the free-text column hold no quote, so that the cells around it are found from both
    ends of the record.
    """

    def __init__(self, names: list[str], delimiter: str) -> None:
        free = next((names.index(name) for name in _FREE_TEXT if name in names), 0)
        before, after = free, len(names) - free - 1
        cell, joint = r'"[^"\n]*"', re.escape(delimiter)
        self._head = re.compile(rf"(?:{cell}{joint}){{{before}}}\"")
        self._tail = re.compile(rf"\"(?:{joint}{cell}){{{after}}}$")
        self._cell = re.compile(r'"([^"\n]*)"')
        self._before = before

    def rows(self, lines: Iterator[str]) -> Iterator[list[str] | str]:
        pending: list[str] = []
        for line in lines:
            if not pending and not line:
                continue
            if not pending and not self._head.match(line):
                yield "a row that does not begin with the header's cells"
                continue
            pending.append(line)
            # The whole line may be the tail only if the record began before it.
            ended = self._tail.search(line, 0 if len(pending) > 1 else 1)
            if ended:
                yield self._cells("\n".join(pending))
                pending = []
            elif len(pending) >= RECORD_LINES:
                yield "a row that never ends"
                pending = []
        if pending:
            yield "the file ends inside a row"

    def _cells(self, record: str) -> list[str] | str:
        head, tail = self._head.match(record), self._tail.search(record)
        if head is None or tail is None or tail.start() < head.end() - 1:
            return "a row whose cells cannot be told apart"
        text = record[head.end() : tail.start()]
        if '""' in text and text.count('""') * 2 == text.count('"'):
            text = text.replace('""', '"')  # a writer that doubles quotes after all
        cells = self._cell.findall(record[: head.end() - 1])
        return [*cells, text, *self._cell.findall(record[tail.start() + 1 :])]


_SECTION = re.compile(r"## Log [0-9]{1,9}\s*$")
_LABEL = re.compile(r"\*\*([A-Za-z ]{1,30}):\*\*\s?(.*)")


def is_markdown(line: str) -> bool:
    """Say whether a line opens a Markdown copy of the log view: a section, or a table's header."""
    return bool(_SECTION.match(line)) or _table_names(line) is not None


def markdown_records(lines: Iterable[str]) -> Iterator[Record | BadRow]:
    """Yield the rows of a Markdown copy, in either of its two forms."""
    names: list[str] | None = None
    section: dict[str, str] = {}
    label = ""
    number = 0
    for line in lines:
        if names is None:
            names = _table_names(line)
        elif line.startswith("|"):
            if not re.fullmatch(r"[|\s:-]+", line):
                number += 1
                yield from _table_row(names, line, number)
            continue
        if _SECTION.match(line):
            if section:
                number += 1
                yield from _section_row(section, number)
            section, label = {"": ""}, ""
        elif section:
            opened = _LABEL.match(line)
            if opened and opened[1] in ("Timestamp", "Message", "Details"):
                label = opened[1]
                section[label] = opened[2]
            elif label:
                section[label] = section[label] + "\n" + line
    if section:
        yield from _section_row(section, number + 1)


def _section_row(section: dict[str, str], number: int) -> Iterator[Record | BadRow]:
    details = re.search(r"```(?:json)?\n(.*?)\n```", section.get("Details", ""), re.DOTALL)
    row: dict[str, Any] = {}
    if details:
        try:
            found = json.loads(details[1])
            row = found if isinstance(found, dict) else {}
        except (ValueError, RecursionError):
            yield BadRow(number, "the details are no JSON")
            return
    if "Message" not in section:
        yield BadRow(number, "a section without a message")
        return
    message = re.sub(r"\n---\s*$", "", section["Message"].rstrip("\n"))
    row["event_message"] = message
    row.setdefault("timestamp", section.get("Timestamp", "").strip())
    yield from records_of(row, number)


def _table_names(line: str) -> list[str] | None:
    if not line.startswith("|"):
        return None
    names = [name.strip() for name in line.strip().strip("|").split("|")]
    return names if "event_message" in names or {"timestamp", "message"} <= set(names) else None


def _table_row(names: list[str], line: str, number: int) -> Iterator[Record | BadRow]:
    cells = re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
    if len(cells) != len(names):
        yield BadRow(number, f"{len(cells)} cells where the table has {len(names)}")
        return
    plain = [cell.strip().replace("\\|", "|").replace("<br>", "\n") for cell in cells]
    yield from records_of(dict(zip(names, plain, strict=True)), number)
