"""CSV of a correct writer, compiled: `keyrota.logs.tables` and the grammar in one walk over the rows.

The kernel takes a row if each of its cells is either free of quotes or quoted from end to end, and if
there are as many as the header has. Such a row ends where the general reader ends it: there alone are
its quotes in balance. Any other row is odd: the kernel stops at its start, the general reader takes over
(`OddRows`), and when that has read a row and holds no line back, the kernel goes on.

Decoding drops NULs and byte-order marks. A block with NULs the driver does not give to the kernel; a mark
is looked for where it would change what a row says: in its ids, and in a line that may be blank but for it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.events import NO_TIME
from keyrota.logs.scan.alphabet import CR, IDENTIFIER, LF, NOTHING, QUOTE, QUOTED, RAW, UNSURE
from keyrota.logs.scan.csv_columns import (
    CHECKED,
    DURATION_CELL,
    FUNCTION_ID_CELL,
    HAS_STATUS,
    HEAD,
    ID_CELL,
    ISOLATE_CELL,
    MESSAGE_CELL,
    MESSAGE_COLUMN,
    PATH_CELL,
    PLACE_CELL,
    REASON_CELL,
    STATUS_CELL,
    TIME_CELL,
    TIMES_HELD,
    WIDTH,
)
from keyrota.logs.scan.csv_cut import ROW_BYTES, UNFINISHED, cut_row, is_long
from keyrota.logs.scan.found import (
    DURATION_MS,
    FRAGMENT,
    INVOCATION,
    NAME_END,
    NAME_START,
    POOL_LINE,
    REJECTION,
    REQUEST,
    SHUTDOWN,
    STATUS,
)
from keyrota.logs.scan.libc import find, find_text, letters
from keyrota.logs.scan.message import read_message
from keyrota.logs.scan.names import NAME_LENGTH, NO_ROOM, id_hash, is_identifier, number_of
from keyrota.logs.scan.sink import AT, FULL, LINES, MORE, ODD, ODD_END, ODD_START, ROWS, WHY, put
from keyrota.logs.scan.stamps import iso_time, number_time

_STATUS_CODE: Final = letters("status_code")
_ESCAPED: Final = letters("\\u")
_FUNCTIONS: Final = letters("functions/")
_0, _9, _PLUS, _BRACKET, _BRACE, _BOM = 48, 57, 43, 91, 123, 0xEF
_DAMAGED_LENGTH: Final = 7
_NUMBER_LENGTH: Final = 12


def _may_be_damaged_time(buffer: Any, columns: Any) -> bool:
    """Say whether a spreadsheet may have rounded a time of the row: ``1.76292E+15``."""
    starts, ends = HEAD + columns[WIDTH], HEAD + 2 * columns[WIDTH]
    for place in range(CHECKED, HEAD):
        index = columns[place]
        if index < 0:
            return False
        start, end = columns[starts + index], columns[ends + index]
        if end - start < _DAMAGED_LENGTH:
            continue
        is_whole = _0 <= buffer[start] <= _9 and _0 <= buffer[start + 1] <= _9
        if not is_whole and find(buffer, _PLUS, start, end) < end:
            return True
    return False


def _time(buffer: Any, start: int, end: int) -> int:
    """Return the nanoseconds of a cell, `NO_TIME` if it is empty, or `UNSURE`."""
    if start >= end:
        return NO_TIME
    time = number_time(buffer, start, end)
    return time if time != UNSURE else iso_time(buffer, start, end)


def _is_identifier(buffer: Any, start: int, end: int) -> int:
    """Say whether a cell is an id: 1, 0, or `UNSURE`, where a byte-order mark hides one."""
    if is_identifier(buffer, start, end):
        return 1
    if end <= start or end - start > NAME_LENGTH:
        return 0
    at = start
    while at < end and IDENTIFIER[buffer[at]]:
        at += 1
    return UNSURE if buffer[at] == _BOM else 0


def _id_number(buffer: Any, start: int, end: int, names: Any) -> int:
    """Return the number of an id that many rows share, -1, `UNSURE` or `NO_ROOM`."""
    number = number_of(buffer, start, end, names, True)
    return UNSURE if number == -1 and _is_identifier(buffer, start, end) == UNSURE else number


def _whole_number(buffer: Any, start: int, end: int) -> int:
    """Return the number that a cell holds, -1 if it holds none, or `UNSURE`."""
    if start >= end or not _0 <= buffer[start] <= _9:
        return -1 if start >= end or 0 < buffer[start] < 128 else UNSURE
    if end - start > _NUMBER_LENGTH:
        return UNSURE
    value = np.intp(0)
    for index in range(start, end):
        byte = buffer[index]
        if byte < _0 or byte > _9:
            return UNSURE
        value = value * 10 + (np.intp(byte) - _0)
    return int(value)


def _may_be_invocation(buffer: Any, columns: Any) -> bool:
    """Say whether the row at hand may be told by its status, because its message says nothing."""
    width = columns[WIDTH]
    for index in range(width):
        role = columns[HEAD + index]
        if PLACE_CELL <= role <= STATUS_CELL:
            start, end = columns[HEAD + width + index], columns[HEAD + 2 * width + index]
            if start < end and buffer[start] == QUOTE:
                start, end = start + 1, end - 1
            if role == STATUS_CELL:
                if _whole_number(buffer, start, end) != -1:
                    return True
            elif _may_be_json(buffer, start, end) and (
                find_text(buffer, _STATUS_CODE, start, end) < end
                or find_text(buffer, _ESCAPED, start, end) < end
            ):
                return True
    return False


def _may_be_json(buffer: Any, start: int, end: int) -> bool:
    return start < end and (buffer[start] == _BRACE or buffer[start] == _BRACKET or buffer[start] >= 128)


def _put_row(buffer: Any, kind: int, names: Any, sink: Any, numbers: Any, columns: Any, found: Any) -> int:
    """Write the row at hand as an event and return its kind, or `UNSURE` or `NO_ROOM`."""
    width = columns[WIDTH]
    time = NO_TIME
    isolate = function_id = status = duration = -1
    id_start = id_end = 0
    for index in range(width):
        role = columns[HEAD + index]
        if role <= MESSAGE_CELL:
            continue
        start, end = columns[HEAD + width + index], columns[HEAD + 2 * width + index]
        if start < end and buffer[start] == QUOTE:
            start, end = start + 1, end - 1
        if role == TIME_CELL:
            time = _time(buffer, start, end)
            if time == NO_TIME and columns[TIMES_HELD] > 1:
                return UNSURE
        elif role == ID_CELL:
            id_start, id_end = start, end
        elif role == ISOLATE_CELL:
            isolate = _id_number(buffer, start, end, names)
        elif role == FUNCTION_ID_CELL:
            function_id = _id_number(buffer, start, end, names)
        elif role == STATUS_CELL and kind == INVOCATION:
            status = _whole_number(buffer, start, end)
        elif role == DURATION_CELL and kind == INVOCATION:
            duration = _whole_number(buffer, start, end)
        elif (
            (role == PLACE_CELL and _may_be_json(buffer, start, end))
            or (role == PATH_CELL and find_text(buffer, _FUNCTIONS, start, end) < end)
            or (role == REASON_CELL and kind == SHUTDOWN and start < end)
        ):
            return UNSURE
    name = -1
    if found[NAME_START] >= 0:
        name = number_of(buffer, found[NAME_START], found[NAME_END], names, False)
    is_id = _is_identifier(buffer, id_start, id_end)
    if time == UNSURE or isolate == UNSURE or function_id == UNSURE or is_id == UNSURE:
        return UNSURE
    if duration == UNSURE or (status != -1 and (status < 100 or status > 999)):
        return UNSURE
    if isolate == NO_ROOM or function_id == NO_ROOM or name == NO_ROOM or numbers[ROWS] >= len(sink.kind):
        return NO_ROOM
    if status >= 0:
        found[STATUS] = status
    if duration >= 0:
        found[DURATION_MS] = duration
    numbers[LINES] += 1
    row = put(sink, numbers, kind, time, found)
    sink.isolate[row] = isolate
    sink.function_id[row] = function_id
    if is_id == 1:
        sink.row_id[row] = id_hash(buffer, id_start, id_end)
    if kind == POOL_LINE:
        sink.pool[row] = name
    elif kind == INVOCATION:
        sink.function[row] = name
    elif kind == SHUTDOWN and isolate < 0:
        sink.isolate[row] = name
    elif kind in (REJECTION, FRAGMENT):
        message = HEAD + width + columns[MESSAGE_COLUMN]
        sink.text_start[row], sink.text_end[row] = columns[message], columns[message + width]
    numbers[ROWS] = row + 1
    return kind


def scan_csv(
    buffer: Any, end: int, is_last: bool, names: Any, sink: Any, scratch: Any, numbers: Any, columns: Any
) -> int:
    """Walk over the rows of a buffer from where `numbers` say, and write an event for each that is one.

    It stops where the buffer ends, the block is full, or a row is odd: that one begins where it stopped.
    A row counts in `numbers` once it is done with; blank lines are no rows. The text of an error is its
    cell with the quotes, for `cell_text`.
    """
    found, tail = scratch.found, scratch.tail
    found[:] = -1
    message_start = HEAD + columns[WIDTH] + columns[MESSAGE_COLUMN]
    message_end = message_start + columns[WIDTH]
    at = numbers[AT]
    numbers[WHY] = MORE
    while at < end:
        if buffer[at] == LF:
            at += 1
            continue
        if buffer[at] == CR:
            to = at
            while to < end and buffer[to] == CR:
                to += 1
            if to >= end:
                at = end if is_last else at
                break
            if buffer[to] == LF:
                at = to + 1
                continue
        kind = UNSURE
        stop = cut_row(buffer, at, end, is_last, columns, tail)
        if stop == UNFINISHED and not is_last and end - at <= ROW_BYTES:
            break
        may_be_blank = columns[WIDTH] == 1 and buffer[at] == _BOM
        is_plain = stop >= 0 and not may_be_blank and not is_long(buffer, at, stop)
        if is_plain and not _may_be_damaged_time(buffer, columns):
            start, to = columns[message_start], columns[message_end]
            mode = RAW
            if start < to and buffer[start] == QUOTE:
                start += 1
                mode = QUOTED
            kind = NOTHING
            if mode == RAW or to - start > 1:
                kind = read_message(buffer, start, to, mode, found)
            if kind in (NOTHING, REQUEST):
                may_be_event = columns[HAS_STATUS] != 0 and _may_be_invocation(buffer, columns)
                kind = UNSURE if may_be_event else NOTHING
            elif kind != UNSURE:
                kind = _put_row(buffer, kind, names, sink, numbers, columns, found)
        if kind == NOTHING:
            numbers[LINES] += 1
        elif kind == UNSURE:
            numbers[WHY], numbers[ODD_START] = ODD, at
            numbers[ODD_END] = stop if stop >= 0 else end
            break
        elif kind == NO_ROOM:
            numbers[WHY] = FULL
            break
        else:
            found[:] = -1
        at = stop + 1
    numbers[AT] = min(at, end)
    return 0
