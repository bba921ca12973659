"""Where the cells of many CSV rows end, before any of them is looked at: those of a correct writer.

Sixty-four bytes at a time: a byte stands within quotes if an odd number of them stands before it, and a comma
or an LF that does not is the end of a cell. What no correct writer writes is seen by the same look, and left
to `keyrota.logs.scan.csv_cut`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.logs.scan.alphabet import COMMA, CR, LF, QUOTE
from keyrota.logs.scan.csv_columns import CHECKED, HAS_STATUS, HEAD, MESSAGE_COLUMN, WIDTH
from keyrota.logs.scan.refused import is_refused
from keyrota.logs.scan.wide import MOST_ENDS, WIDE, all_lines, below, count_of, equal, parity, write_places
from keyrota.logs.tables import RECORD_LINES

_AT_ONCE: Final = 4
"""Ends of cells that are written for each look, there or not."""

MOST_CELLS: Final = MOST_ENDS + WIDE + _AT_ONCE
"""Room for the ends of so many cells."""

_0, _9 = 48, 57
_NONE, _ONE, _TOP = np.uint64(0), np.uint64(1), np.uint64(WIDE - 1)
_ALL: Final = below(WIDE)


def look_at_rows(buffer: Any, at: int, end: int, reach: int, width: int, ends: Any) -> int:
    """Write into `ends` where the row before `at` ends, and where the cells of the next rows end.

    Returns the number of whole rows, of so many cells each, from `at` on: those of about `reach` bytes, and
    none from one on that is cut in another way. A cell ends at its comma, the last one of a row at its LF.
    `WIDE` bytes behind `end` may be read.
    """
    ends[0] = at - 1
    number, lines = np.intp(1), np.intp(0)
    within = _NONE
    # Of the byte before: whether a quote may open behind it, whether one has closed, whether it is a CR.
    opens, closed, returned = _ONE, _NONE, _NONE
    for place in range(at, min(end, at + reach), WIDE):
        known = below(min(WIDE, end - place))
        quotes = equal(buffer, place, QUOTE) & known
        inside = parity(quotes) ^ within
        outside = known & ~inside
        line_ends = equal(buffer, place, LF) & outside
        separators = (equal(buffer, place, COMMA) & outside) | line_ends
        returns = equal(buffer, place, CR) & outside
        opening, closing = quotes & inside, quotes & outside
        may_open = separators | closing
        odd = opening & ~((may_open << _ONE) | opens)
        odd |= ((closing << _ONE) | closed) & known & ~(separators | opening | returns)
        odd |= ((returns << _ONE) | returned) & known & ~(line_ends | returns)
        if odd != 0:
            break
        within = _ALL * (inside >> _TOP)
        opens, closed, returned = may_open >> _TOP, closing >> _TOP, returns >> _TOP
        lines += count_of(line_ends)
        number = write_places(place, separators, ends, number, _AT_ONCE)
    return _whole_rows(buffer, ends, number - 1, lines, width)


def _whole_rows(buffer: Any, ends: Any, cells: Any, lines: Any, width: int) -> int:
    """Return how many rows there are of `width` cells, an LF behind the last of them alone."""
    rows = cells // width
    is_sure = lines == rows
    for row in range(rows):
        is_sure &= buffer[ends[(row + 1) * width]] == LF
    if is_sure:
        return int(rows)
    for row in range(rows):
        for cell in range(1, width + 1):
            if (buffer[ends[row * width + cell]] == LF) != (cell == width):
                return int(row)
    return int(rows)


def doubtful_rows(buffer: Any, ends: Any, rows: int, columns: Any, doubtful: Any) -> int:
    """Write into `doubtful` which of the rows may be events, or odd, and return how many.

    The others have a message that no event begins with, and times that no spreadsheet has touched. That is
    told without a branch for each row, so that the processor is at several at once. `SLACK` bytes behind the
    last row may be read.
    """
    if columns[HAS_STATUS] != 0:
        return all_lines(rows, doubtful)
    width, message = columns[WIDTH], columns[MESSAGE_COLUMN]
    left = np.intp(0)
    for row in range(rows):
        doubtful[left] = row
        first = row * width
        start, stop = ends[first + message] + 1, ends[first + message + 1]
        is_sure = is_refused(buffer, start + (buffer[start] == QUOTE), stop)
        is_sure &= ends[first + width] - ends[first] <= RECORD_LINES
        for place in range(CHECKED, HEAD):
            if columns[place] >= 0:
                is_sure &= _is_whole(buffer, ends[first + columns[place]] + 1)
        left += 1 - np.intp(is_sure)
    return int(left)


def _is_whole(buffer: Any, at: Any) -> Any:
    """Say whether a cell begins with two digits: a time that a spreadsheet has rounded does not."""
    one, two = buffer[at], buffer[at + 1]
    return (one >= _0) & (one <= _9) & (two >= _0) & (two <= _9)


def place_cells(buffer: Any, ends: Any, row: int, columns: Any) -> None:
    """Set where the cells of a row begin and end."""
    width = columns[WIDTH]
    first = row * width
    for cell in range(width):
        columns[HEAD + width + cell] = ends[first + cell] + 1
        columns[HEAD + 2 * width + cell] = ends[first + cell + 1]
    last = HEAD + 3 * width - 1
    while columns[last] > columns[last - width] and buffer[columns[last] - 1] == CR:
        columns[last] -= 1
