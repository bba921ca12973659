"""CSV exports, to records.

Two CSV writers are in the field. The newer one is correct. The older one (react-csv, to 2025) quotes
every cell and does not double inner quotes, so that a row with an error's JSON body is malformed:
there a record is what lies between a line that begins with a quote and a line that ends with the
cells that follow the message.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

from keyrota.errors import InputError
from keyrota.logs.objects import records_of
from keyrota.logs.record import BadRow, Record
from keyrota.logs.times import damaged_by_spreadsheet

RECORD_LINES: Final = 2_000
"""Physical lines that one record may take before it is given up as malformed."""

RECORD_LENGTH: Final = 1 << 20
"""Characters that it may take; the platform cuts a message at 10,000."""

_FREE_TEXT: Final = ("event_message", "message", "msg", "metadata", "log_attributes", "body")
_DELIMITERS: Final = (",", ";", "\t")
_COLUMN = re.compile(r"[A-Za-z0-9_.@ ()-]{1,80}")
_KNOWN_COLUMNS: Final = frozenset(
    ("event_message", "message", "msg", "timestamp", "ts", "time", "execution_id", "function_id")
)


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
        plain = all(_COLUMN.fullmatch(name) for name in names)
        if len(names) > 1 and plain and len(_KNOWN_COLUMNS.intersection(names)) >= 2:
            return names, delimiter
    name = line.strip().strip('"')
    return ([name], ",") if name in ("event_message", "message") else None


def csv_records(lines: Iterable[str]) -> Iterator[Record | BadRow]:
    """Yield the rows of a CSV file, its header the first of `lines` that is not blank.

    Raises
    ------
    InputError
        If a spreadsheet has rewritten the times: nothing can be read from them.
    """
    rows = iter(lines)
    first = next((line for line in rows if line.strip()), "")
    header = csv_header(first)
    if header is None:
        return
    names, delimiter = header
    reader = RowReader.of(first, names, delimiter)
    for number, cells in enumerate(_split(rows, reader), start=1):
        yield from row_records(cells, names, number)


def row_records(cells: list[str] | str, names: list[str], number: int) -> Iterable[Record | BadRow]:
    """Return what the cells of a row hold, or, if they are the reason why there are none, a bad row.

    Raises
    ------
    InputError
        If a spreadsheet has rewritten the times: nothing can be read from them.
    """
    if isinstance(cells, str):
        return (BadRow(number, cells),)
    row: dict[str, Any] = dict(zip(names, cells, strict=True))
    for name in ("timestamp", "ts", "time"):
        if damaged_by_spreadsheet(row.get(name)):
            raise InputError(
                f"row {number}: the time {row[name]} was rounded by a spreadsheet; export the log "
                "again and do not save it from a spreadsheet program"
            )
    return records_of(row, number)


def is_all_quoted(header: str) -> bool:
    """Say whether a header is that of the older export, which quotes every cell and doubles no quote."""
    return header.startswith('"') and header.rstrip().endswith('"')


class _Rows(Protocol):
    """How one writer ends its rows: where quotes are balanced, or with cells that only an end has."""

    has_own_end: bool

    def begins(self, line: str) -> bool:
        """Say whether a row can begin with this line."""

    def ends(self, line: str, number: int, quotes: int) -> bool:
        """Say whether a row may end with its `number`-th line, after so many quotes."""

    def cells(self, record: str) -> list[str] | str:
        """Return the cells of a row, or why it has none."""


def _split(lines: Iterable[str], reader: RowReader) -> Iterator[list[str] | str]:
    """Yield the cells of each row, or what is wrong with it."""
    for line in lines:
        yield from reader.take(line)
    yield from reader.finish()


class RowReader:
    """Puts lines together to rows, and gives the cells of each row or what is wrong with it.

    Where quotes are out of balance, the first line is given up and the next row is looked for from
    the second on: one lost quote must not take the rest of the file. A row that has an end of its
    own and did not end has no row in it either.
    """

    def __init__(self, rows: _Rows) -> None:
        self._rows = rows
        self._waiting: deque[str] = deque()
        self._record: list[str] = []
        self._quotes = self._length = 0

    @classmethod
    def of(cls, header: str, names: list[str], delimiter: str) -> RowReader:
        """Return a reader of the rows under a header line."""
        if is_all_quoted(header):
            return cls(_UnescapedRows(names, delimiter))
        return cls(_EscapedRows(len(names), delimiter))

    @property
    def is_between_rows(self) -> bool:
        """Whether the next line is the first of a row, once what `take` returned is exhausted."""
        return not self._record

    def take(self, line: str) -> Iterator[list[str] | str]:
        """Yield the rows that end with the next line; the iterator is to be exhausted before the next one."""
        self._waiting.append(line)
        return self._ended()

    def finish(self) -> Iterator[list[str] | str]:
        """Yield what is left when there are no more lines."""
        while self._record:
            yield self._given_up("the file ends inside a row")
            yield from self._ended()

    def _ended(self) -> Iterator[list[str] | str]:
        rows, record = self._rows, self._record
        while self._waiting:
            line = self._waiting.popleft()
            if not record and not line:
                continue
            record.append(line)
            if len(record) == 1 and not rows.begins(line):
                yield self._given_up("a row that does not begin with the header's cells")
                continue
            self._quotes += line.count('"')
            self._length += len(line)
            if rows.ends(line, len(record), self._quotes):
                cells = rows.cells("\n".join(record))
                if isinstance(cells, str):
                    yield self._given_up(cells)
                    continue
                self._begin_anew()
                yield cells
            elif len(record) >= RECORD_LINES or self._length > RECORD_LENGTH:
                yield self._given_up("a row that never ends")

    def _given_up(self, problem: str) -> str:
        if not self._rows.has_own_end:
            self._waiting.extendleft(reversed(self._record[1:]))
        self._begin_anew()
        return problem

    def _begin_anew(self) -> None:
        self._record.clear()
        self._quotes = self._length = 0


class _EscapedRows:
    """Rows of a correct CSV file: quotes doubled, a record ends where quotes are balanced."""

    has_own_end = False

    def __init__(self, width: int, delimiter: str) -> None:
        self._width = width
        self._delimiter = delimiter

    def begins(self, line: str) -> bool:
        return True

    def ends(self, line: str, number: int, quotes: int) -> bool:
        return quotes % 2 == 0

    def cells(self, record: str) -> list[str] | str:
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

    has_own_end = True

    def __init__(self, names: list[str], delimiter: str) -> None:
        free = next((names.index(name) for name in _FREE_TEXT if name in names), 0)
        before, after = free, len(names) - free - 1
        cell, joint = r'"[^"\n]*+"', re.escape(delimiter)
        self._head = re.compile(rf"(?:{cell}{joint}){{{before}}}\"")
        self._tail = re.compile(rf"\"(?:{joint}{cell}){{{after}}}$")
        self._cell = re.compile(r'"([^"\n]*)"')

    def begins(self, line: str) -> bool:
        return self._head.match(line) is not None

    def ends(self, line: str, number: int, quotes: int) -> bool:
        # The whole line may be the tail only if the record began before it.
        return self._tail.search(line, 0 if number > 1 else 1) is not None

    def cells(self, record: str) -> list[str] | str:
        head, tail = self._head.match(record), self._tail.search(record)
        if head is None or tail is None or tail.start() < head.end() - 1:
            return "a row whose cells cannot be told apart"
        text = record[head.end() : tail.start()]
        if '""' in text and text.count('""') * 2 == text.count('"'):
            text = text.replace('""', '"')  # a writer that doubles quotes after all
        cells = self._cell.findall(record[: head.end() - 1])
        return [*cells, text, *self._cell.findall(record[tail.start() + 1 :])]
