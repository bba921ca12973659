"""One scan: a stream of bytes, or a range of a file, to the rows of its records.

The kernel walks; what it is not sure of the general decoder reads, a stretch at a time; what both say is
put together in the order of the file.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from keyrota.logs.collect import Gatherer
from keyrota.logs.encoding import decoded
from keyrota.logs.gathered import Gathered
from keyrota.logs.json_stream import JsonStream
from keyrota.logs.record import BadRow, Record
from keyrota.logs.rules import RuleTable
from keyrota.logs.scan.blocks import Blocks, rest_of
from keyrota.logs.scan.columns import TEXTS, Columns
from keyrota.logs.scan.csv_columns import columns_of
from keyrota.logs.scan.json_place import GLUED, new_plan
from keyrota.logs.scan.machine import machine_code
from keyrota.logs.scan.marks import HAS_NUL, MAY_BE_GLUED
from keyrota.logs.scan.names import enlarged, is_crowded, new_names
from keyrota.logs.scan.odd import odd_of, records_in
from keyrota.logs.scan.scratch import new_scratch
from keyrota.logs.scan.shape import Shape
from keyrota.logs.scan.sink import AT, BLANKS, FULL, LINES, NUMBERS, ODD, ROWS, TEXT_SIZE, WHY, new_sink
from keyrota.logs.scan.usual import new_usual

if TYPE_CHECKING:
    from numpy.typing import NDArray

KERNELS: Final = {"json": "scan_json", "text": "scan_text", "csv": "scan_csv"}

_WINDOW: Final = 1 << 12
"""How many bytes are handed to the general decoder at first: most odd records are one line."""

_FAR: Final = 1 << 62


def _plan_of(shape: Shape) -> NDArray[Any]:
    """Return what a kernel needs to know of its log, and what it comes to know of it."""
    if shape.format == "csv":
        columns = columns_of(shape.header)
        assert columns is not None, "the shape says that there are columns"
        return columns
    return new_usual() if shape.format == "text" else new_plan()


@dataclass(slots=True)
class Part:
    """What a scan found.

    Parameters
    ----------
    gathered
        The rows, their lines numbered from the start of the range.
    start, end
        Where in the file its first record begins, and where the first one begins that is not its own.
    lines
        Physical lines (rows of a CSV file) from `start` to `end`.
    cut
        Lines that were longer than is kept of one.
    is_truncated
        Whether the log ends inside a value.
    """

    gathered: Gathered
    start: int
    end: int
    lines: int
    cut: int = 0
    is_truncated: bool = False


class Scan:
    """A kernel at work on one stream.

    Parameters
    ----------
    shape
        What the log is.
    rules
        The grammar; a kernel knows no user's own rules.
    blocks
        The bytes, from the start of a record.
    limit
        The place in the file from which on records are not this scan's.
    on_read
        Called with each number of bytes that were done with.
    """

    def __init__(
        self,
        shape: Shape,
        rules: RuleTable,
        blocks: Blocks,
        limit: int | None = None,
        on_read: Callable[[int], None] | None = None,
    ) -> None:
        self._shape = shape
        self._blocks = blocks
        self._limit = _FAR if limit is None else limit
        self._on_read = on_read
        self._kernel = machine_code(KERNELS[shape.format])
        self._marks = machine_code("marks")
        self._nul_end = -1
        self._names = new_names()
        self._sink = new_sink(text_bytes=len(blocks.buffer))
        self._numbers = np.zeros(NUMBERS, dtype=np.int64)
        self._scratch = new_scratch()
        self._start = blocks.place
        self._plan = _plan_of(shape)
        self._columns = Columns(rules, TEXTS[shape.format])
        self._gatherer = Gatherer(rules)
        self._odd_lines = 0
        self._cut = 0
        self._is_truncated = False

    def run(self) -> Part:
        """Scan to the limit, or to the end of the stream."""
        blocks = self._blocks
        start = self._start = self._told = blocks.place
        self._look()
        while blocks.place < self._limit:
            self._walk()
            if blocks.place >= self._limit or (blocks.is_last and blocks.at == blocks.filled):
                break
            if blocks.is_full:
                self._read_odd()  # a record that is longer than the buffer
            else:
                self._fill()
        self._drain()
        self._tell()
        numbers = self._numbers
        rows = Gathered.of(
            self._columns.done(self._names), int(numbers[LINES] - numbers[BLANKS]) - self._odd_lines
        )
        gathered = Gathered.woven([rows, self._gatherer.done()]) if self._odd_lines else rows
        return Part(gathered, start, blocks.place, int(numbers[LINES]), self._cut, self._is_truncated)

    def _fill(self) -> None:
        self._tell()
        self._blocks.fill()
        self._look()

    def _tell(self) -> None:
        if self._on_read is not None:
            self._on_read(self._blocks.place - self._told)
            self._told = self._blocks.place

    def _look(self) -> None:
        """Look at the bytes at hand as a whole: for NULs, and for records that share a line."""
        blocks = self._blocks
        is_json = self._shape.format == "json"
        marks = int(self._marks(blocks.buffer, blocks.at, blocks.filled, is_json))
        if is_json:
            self._plan[GLUED] = marks & MAY_BE_GLUED
        self._nul_end = -1
        if marks & HAS_NUL:
            data = blocks.taken(blocks.filled)
            last = max(data.rfind(b"\x00"), data.rfind(codecs.BOM_UTF8))
            self._nul_end = blocks.place + last + 1

    def _walk(self) -> None:
        """Walk over the records at hand, until more bytes are needed or the limit is reached."""
        blocks = self._blocks
        stop = self._limit
        while blocks.place < self._limit:
            if blocks.place < self._nul_end:
                self._read_odd()  # decoding drops NULs
                continue
            end = blocks.index(min(stop, blocks.end))
            is_at_end = end == blocks.filled
            self._numbers[AT] = blocks.at
            self._kernel(
                blocks.buffer, end, blocks.is_last and is_at_end, self._names, self._sink, self._scratch,
                self._numbers, self._plan,
            )  # fmt: skip
            blocks.at = int(self._numbers[AT])
            why = self._numbers[WHY]
            if why == FULL:
                self._make_room()
            elif why == ODD:
                self._read_odd()
            elif is_at_end:
                return
            else:
                # The record that reaches over the limit ends with one of the lines behind it.
                stop = blocks.place_behind_line(end)

    def _make_room(self) -> None:
        if is_crowded(self._names):
            self._names = enlarged(self._names)
        else:
            self._drain()

    def _drain(self) -> None:
        self._columns.take(self._sink, int(self._numbers[ROWS]), self._share())
        self._numbers[ROWS] = self._numbers[TEXT_SIZE] = 0

    def _share(self) -> float:
        """Return how much of the range is done with, 0 if its length is not known."""
        length = self._limit - self._start
        return (self._blocks.place - self._start) / length if self._limit < _FAR and length > 0 else 0.0

    def _read_odd(self) -> None:
        """Have the general decoder read from here until the kernel can go on."""
        blocks = self._blocks
        odd = odd_of(self._shape.format, int(self._numbers[LINES]), self._shape.header)
        window = _WINDOW
        while not odd.is_done:
            if blocks.at == blocks.filled and not blocks.is_last:
                self._fill()
            end = min(blocks.at + window, blocks.filled)
            window *= 16
            is_last = blocks.is_last and end == blocks.filled
            records, blocks.at = odd.take(blocks.buffer, blocks.at, end, is_last)
            self._add(records)
        if odd.rest is not None:
            self._read_rest(odd.rest)
            return
        self._odd_lines += odd.rows - int(self._numbers[LINES])
        self._numbers[LINES] = odd.rows
        self._cut += odd.cut
        self._is_truncated |= odd.is_truncated

    def _add(self, records: Iterable[Record | BadRow]) -> None:
        for record in records:
            self._gatherer.add(record)

    def _read_rest(self, data: bytes) -> None:
        """Have the general decoder read JSON to the end of the stream: it is no longer a value to a line."""
        first = int(self._numbers[LINES])
        stream = JsonStream(self._rest(data))
        line = 0
        for value in stream:
            line = first + value.line
            self._add(records_in(value, line))
        self._odd_lines += line - first
        self._numbers[LINES] = max(line, first)
        self._is_truncated |= stream.truncated

    def _rest(self, data: bytes) -> Iterator[str]:
        yield from decoded([data], "utf-8")
        self._drain()
        yield from decoded(rest_of(self._blocks), "utf-8")
