"""Rows of CSV that are not the kernel's, read by the general reader until the kernel can go on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from keyrota.logs.encoding import LINE_LIMIT, decoded_text
from keyrota.logs.record import BadRow, Record
from keyrota.logs.tables import RowReader, csv_header, row_records

_LINE_ENDS = re.compile(r"\r+\n")


class OddRows:
    """Reads rows that are not the kernel's, from the start of one until a row begins anew.

    Parameters
    ----------
    header
        The line with the names of the columns.
    rows
        Rows before the first.

    Attributes
    ----------
    rows
        Rows up to here.
    is_done
        Whether the kernel can go on behind the bytes that were taken.
    cut
        Lines that were longer than is kept of one.
    rest, is_truncated
        As other shapes have them: a row that the file ends in is a malformed one, and no more.
    """

    def __init__(self, header: str, rows: int) -> None:
        names, delimiter = csv_header(header) or ([], ",")
        self._names = names
        self._reader = RowReader.of(header, names, delimiter)
        self._line: list[bytes] = []
        self._length = 0
        self._first = self.rows = rows
        self.cut = 0
        self.rest: bytes | None = None
        self.is_done = self.is_truncated = False

    def take(self, buffer: Any, at: int, end: int, is_last: bool) -> tuple[list[Record | BadRow], int]:
        """Read on from a place in a buffer, and return the rows and the place up to which it was read.

        That is `end` unless it is done; of a line that goes on what is there is kept here.

        Raises
        ------
        InputError
            If a spreadsheet has rewritten the times.
        """
        records: list[Record | BadRow] = []
        at += self._take_lines(buffer[at:end].tobytes(), records)
        if is_last and at >= end and not self.is_done:
            if self._length:
                self._add(self._reader.take(self._whole_line()), records)
            self._add(self._reader.finish(), records)
            self.is_done = True
        return records, at

    def _take_lines(self, data: bytes, records: list[Record | BadRow]) -> int:
        """Read lines until it is done; return the number of bytes read."""
        at = 0
        while (stop := data.find(b"\n", at)) >= 0:
            self._keep(data[at:stop])
            self._add(self._reader.take(self._whole_line()), records)
            at = stop + 1
            if self.rows > self._first and self._reader.is_between_rows:
                self.is_done = True
                return at
        self._keep(data[at:])
        return len(data)

    def _keep(self, piece: bytes) -> None:
        # Four bytes to a character, and the one that tells that the line is longer.
        if piece and self._length <= 4 * LINE_LIMIT:
            self._line.append(piece)
            self._length += len(piece)

    def _whole_line(self) -> str:
        line = decoded_text(b"".join(self._line)).rstrip("\r")
        self._line.clear()
        self._length = 0
        if len(line) > LINE_LIMIT:
            self.cut += 1
        return line[:LINE_LIMIT]

    def _add(self, rows: Iterable[list[str] | str], records: list[Record | BadRow]) -> None:
        for cells in rows:
            self.rows += 1
            records.extend(row_records(cells, self._names, self.rows))


def cell_text(cell: bytes) -> str:
    r"""Return what a cell holds, its lines ended by LF alone.

    Examples
    --------
    >>> cell_text(b'"say ""hi"",\r\nthen go"')
    'say "hi",\nthen go'
    """
    text = decoded_text(cell)
    if text.startswith('"'):
        text = text[1:-1].replace('""', '"')
    return _LINE_ENDS.sub("\n", text)
