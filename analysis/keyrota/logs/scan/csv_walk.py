"""CSV of a correct writer, compiled: one walk over the rows, most of which are cut many at a time.

The kernel takes a row if each of its cells is either free of quotes or quoted from end to end, and if
there are as many as the header has. Such a row ends where the general reader ends it: there alone are
its quotes in balance. Any other row is odd: the kernel stops at its start, the general reader takes over
(`OddRows`), and when that has read a row and holds no line back, the kernel goes on.

Decoding drops NULs and byte-order marks. A block with NULs the driver does not give to the kernel; a mark
is looked for where it would change what a row says: in its ids, and in a line that may be blank but for it.
"""

from __future__ import annotations

from typing import Any

from keyrota.logs.scan.alphabet import CR, LF, UNSURE
from keyrota.logs.scan.csv_columns import WIDTH
from keyrota.logs.scan.csv_cut import ROW_BYTES, UNFINISHED, cut_row
from keyrota.logs.scan.csv_look import doubtful_rows, look_at_rows, place_cells
from keyrota.logs.scan.csv_rows import read_row
from keyrota.logs.scan.names import NO_ROOM
from keyrota.logs.scan.sink import AT, FULL, LINES, MORE, ODD, ODD_END, ODD_START, WHY
from keyrota.logs.scan.wide import LEAST_REACH, MOST_REACH


def scan_csv(
    buffer: Any, end: int, is_last: bool, names: Any, sink: Any, scratch: Any, numbers: Any, columns: Any
) -> int:
    """Walk over the rows of a buffer from where `numbers` say, and write an event for each that is one.

    It stops where the buffer ends, the block is full, or a row is odd: that one begins where it stopped.
    A row counts in `numbers` once it is done with; blank lines are no rows. The text of an error is its
    cell with the quotes, for `cell_text`.
    """
    found, ends, doubtful = scratch.found, scratch.ends, scratch.doubtful
    found[:] = -1
    width = columns[WIDTH]
    reach = LEAST_REACH
    numbers[WHY] = MORE
    while numbers[WHY] == MORE and numbers[AT] < end:
        # Of a single column a blank line would be a row.
        rows = look_at_rows(buffer, numbers[AT], end, reach, width, ends) if width > 1 else 0
        if rows == 0:
            reach = LEAST_REACH
            if not _take_row(buffer, end, is_last, names, sink, found, numbers, columns):
                break
            continue
        reach = min(4 * reach, MOST_REACH)
        first = numbers[LINES]
        for place in range(doubtful_rows(buffer, ends, rows, columns, doubtful)):
            row = doubtful[place]
            numbers[LINES] = first + row
            place_cells(buffer, ends, row, columns)
            at, stop = ends[row * width] + 1, ends[(row + 1) * width]
            kind = read_row(buffer, at, stop, names, sink, numbers, columns, found)
            if kind in (UNSURE, NO_ROOM):
                _stop(numbers, kind, at, stop)
                break
        else:
            numbers[LINES] = first + rows
            numbers[AT] = ends[rows * width] + 1
    return 0


def _take_row(
    buffer: Any, end: int, is_last: bool, names: Any, sink: Any, found: Any, numbers: Any, columns: Any
) -> bool:
    """Take the next row, or blank line, whatever it looks like; say whether there was a whole one."""
    at = numbers[AT]
    to = at
    while to < end and buffer[to] == CR:
        to += 1
    if to >= end:
        numbers[AT] = end if is_last else at
        return False
    if buffer[to] == LF:
        numbers[AT] = to + 1
        return True
    stop = cut_row(buffer, at, end, is_last, columns)
    if stop == UNFINISHED and not is_last and end - at <= ROW_BYTES:
        return False
    kind = UNSURE if stop < 0 else read_row(buffer, at, stop, names, sink, numbers, columns, found)
    if kind in (UNSURE, NO_ROOM):
        _stop(numbers, kind, at, stop if stop >= 0 else end)
    else:
        numbers[AT] = min(stop + 1, end)
    return True


def _stop(numbers: Any, kind: int, at: int, stop: int) -> None:
    """Say that the row at hand is not taken, and why."""
    numbers[AT] = at
    numbers[WHY] = FULL if kind == NO_ROOM else ODD
    numbers[ODD_START], numbers[ODD_END] = at, stop
