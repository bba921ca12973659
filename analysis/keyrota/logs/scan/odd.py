"""Records that a kernel is not sure of, read by the general decoder from there until the kernel can go on.

A record is handed over with what follows it, piece by piece: damage may reach into the next one, and the
general decoder's way out of it decides where a record begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from keyrota.logs.encoding import LINE_LIMIT, decoded_text
from keyrota.logs.json_stream import VALUE_LIMIT, JsonStream, Value
from keyrota.logs.objects import records_of
from keyrota.logs.record import BadRow, Record
from keyrota.logs.scan.csv_odd import OddRows
from keyrota.logs.text_lines import text_records

_STRETCH_BYTES: Final = 1 << 20
"""How much of a damaged JSON log is gone through for a record that begins anew; then the kernel gives up."""


class Odd(Protocol):
    """The general decoder at work in a stretch of a log.

    Attributes
    ----------
    rows
        The number of the last line, or row, that was read.
    is_done
        Whether the kernel can go on.
    rest
        ``None``, or the stretch so far: from there on all of the log is the general decoder's.
    is_truncated
        Whether the log ends inside a value.
    cut
        Lines that were longer than is kept of one.
    """

    rows: int
    is_done: bool
    rest: bytes | None
    is_truncated: bool
    cut: int

    def take(self, buffer: Any, at: int, end: int, is_last: bool) -> tuple[list[Record | BadRow], int]:
        """Read on from a place in a buffer; return the records and the place up to which it was read.

        That is `end` unless it is done: of what goes on behind it the beginning is kept here.
        """


class OddLine:
    """A line of text."""

    def __init__(self, lines: int) -> None:
        self.rows = lines
        self.cut = 0
        self.rest: bytes | None = None
        self.is_done = self.is_truncated = False
        self._pieces: list[bytes] = []
        self._length = 0

    def take(self, buffer: Any, at: int, end: int, is_last: bool) -> tuple[list[Record | BadRow], int]:
        """Read to the end of the line; see `Odd`."""
        data = buffer[at:end].tobytes()
        stop = data.find(b"\n")
        piece = data if stop < 0 else data[:stop]
        if piece and self._length <= 4 * LINE_LIMIT:  # four bytes to a character
            self._pieces.append(piece)
            self._length += len(piece)
        if stop < 0 and not is_last:
            return [], end
        self.is_done = True
        text = decoded_text(b"".join(self._pieces))
        if stop < 0 and not text:
            return [], end  # what is dropped is no line
        line = text.rstrip("\r")
        self.cut = int(len(line) > LINE_LIMIT)
        self.rows += 1
        (record,) = text_records([line[:LINE_LIMIT]])
        record.line = self.rows
        return [record], end if stop < 0 else at + stop + 1


def records_in(value: Value, line: int) -> Iterable[Record | BadRow]:
    """Return the rows of a value that begins a line; one that could not be read is a bad row."""
    return [BadRow(line, value.error)] if value.error is not None else records_of(value.value, line)


class OddValues:
    """Values of JSON, each at the beginning of a line, with whatever damage is between them."""

    def __init__(self, lines: int) -> None:
        self.rows = lines
        self.cut = 0
        self.rest: bytes | None = None
        self.is_done = self.is_truncated = False
        self._data = bytearray()
        self._wanted = 1

    def take(self, buffer: Any, at: int, end: int, is_last: bool) -> tuple[list[Record | BadRow], int]:
        """Read until a value begins a line again and ends with it; see `Odd`."""
        before = len(self._data)
        self._data += buffer[at:end].tobytes()
        while (stretch := self._after_lines(self._wanted)) >= 0:
            records = self._settled(stretch, at_end=False)
            if records is not None:
                return records, at + stretch - before
            self._wanted *= 2
        if is_last:
            return self._settled(len(self._data), at_end=True) or [], end
        if len(self._data) > (_STRETCH_BYTES if self._wanted > 1 else 4 * VALUE_LIMIT):
            self.rest = bytes(self._data)
            self.is_done = True
        return [], end

    def _after_lines(self, lines: int) -> int:
        at = 0
        for _ in range(lines):
            at = self._data.find(b"\n", at) + 1
            if at == 0:
                return -1
        return at

    def _settled(self, end: int, *, at_end: bool) -> list[Record | BadRow] | None:
        """Return the records of the stretch, ``None`` if more of it may change them."""
        text = decoded_text(bytes(self._data[:end]))
        lines = text.count("\n") + (bool(text) and not text.endswith("\n"))
        stream = JsonStream([text])
        records: list[Record | BadRow] = []
        is_clean = False
        for value in stream:
            is_clean = value.error is None and value.line == lines
            records += records_in(value, self.rows + value.line)
        is_open = stream.truncated or stream.in_array
        if not at_end and (is_open or not is_clean):
            return None
        self.is_done = True
        self.is_truncated = is_open
        self.rows += lines
        return records


def odd_of(shape: str, lines: int, header: str) -> Odd:
    """Return the general decoder for a stretch of a log of this shape, after so many lines."""
    if shape == "csv":
        return OddRows(header, lines)
    return OddLine(lines) if shape == "text" else OddValues(lines)
