"""What a CSV row says whose cells are known, compiled: `keyrota.logs.tables` and the grammar."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.events import NO_TIME
from keyrota.logs.scan.alphabet import IDENTIFIER, NOTHING, QUOTE, QUOTED, RAW, UNSURE
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
from keyrota.logs.scan.csv_cut import is_long
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
from keyrota.logs.scan.message import read_doubtful
from keyrota.logs.scan.names import NAME_LENGTH, NO_ROOM, id_hash, is_identifier, number_of
from keyrota.logs.scan.sink import LINES, ROWS, has_room, put, put_text
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


def read_row(
    buffer: Any, at: int, stop: int, names: Any, sink: Any, numbers: Any, columns: Any, found: Any
) -> int:
    """Write a row as an event if it is one, and return its kind, `NOTHING`, `UNSURE` or `NO_ROOM`.

    It stands from `at` to `stop`; `columns` say where its cells do. A row that is done with is counted.
    """
    width = columns[WIDTH]
    may_be_blank = width == 1 and buffer[at] == _BOM
    if may_be_blank or is_long(buffer, at, stop) or _may_be_damaged_time(buffer, columns):
        return UNSURE
    message = HEAD + width + columns[MESSAGE_COLUMN]
    start, end = columns[message], columns[message + width]
    mode = RAW
    if start < end and buffer[start] == QUOTE:
        start += 1
        mode = QUOTED
    kind = NOTHING
    if mode == RAW or end - start > 1:
        kind = read_doubtful(buffer, start, end, mode, found)
    if kind in (NOTHING, REQUEST):
        if columns[HAS_STATUS] != 0 and _may_be_invocation(buffer, columns):
            return UNSURE
        numbers[LINES] += 1
        return NOTHING
    if kind == UNSURE:
        return UNSURE
    kind = _put_row(buffer, kind, names, sink, numbers, columns, found)
    if kind not in (UNSURE, NO_ROOM):
        found[:] = -1
    return kind


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
    message = HEAD + width + columns[MESSAGE_COLUMN]
    text_start, text_end = columns[message], columns[message + width]
    text_bytes = text_end - text_start if kind in (REJECTION, FRAGMENT) else 0
    is_named = isolate != NO_ROOM and function_id != NO_ROOM and name != NO_ROOM
    if not (is_named and has_room(sink, numbers, text_bytes)):
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
        put_text(sink, numbers, row, buffer, text_start, text_end)
    numbers[ROWS] = row + 1
    return kind
