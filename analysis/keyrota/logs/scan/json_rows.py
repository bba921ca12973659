"""JSON lines of a drain, compiled: `keyrota.logs.objects` for rows whose message is ``event_message``.

The message is looked for first, in whatever order the names come, and most records are done with at its
first byte. Only an event's record is walked: its fields, those of ``metadata``, and the request and the
response in it, with all of its syntax, so that a damaged record is never taken for a whole one.
"""

from __future__ import annotations

from typing import Any, Final

from keyrota.events import NO_TIME
from keyrota.logs.scan.alphabet import CR, JSON, NOTHING, QUOTE, SLUG, UNSURE
from keyrota.logs.scan.found import (
    FRAGMENT,
    INVOCATION,
    NAME_END,
    NAME_START,
    POOL_LINE,
    REJECTION,
    REQUEST,
    SHUTDOWN,
)
from keyrota.logs.scan.json_fields import (
    ADDRESS,
    CODE,
    DURATION,
    EXECUTION,
    FUNCTION,
    ID,
    INNER_EXECUTION,
    INNER_FUNCTION,
    INNER_TIME,
    PATH,
    PLACES,
    STATED_CAUSE,
    TIME,
)  # fmt: skip
from keyrota.logs.scan.json_layout import (
    FIXED,
    LAYOUT_BYTES,
    has_layout,
    keep_layout,
    place_fields,
)
from keyrota.logs.scan.json_place import GLUED, doubtful_records, message_start
from keyrota.logs.scan.json_syntax import (
    ARRAY,
    END_OBJECT,
    OBJECT,
    after_space,
    is_plain,
    string_end,
)
from keyrota.logs.scan.json_walk import walk
from keyrota.logs.scan.libc import find, find_text, is_at, letters
from keyrota.logs.scan.line_walk import walk_lines
from keyrota.logs.scan.message import read_message
from keyrota.logs.scan.names import NO_ROOM, id_hash, is_identifier, number_of
from keyrota.logs.scan.sink import BLANKS, FULL, LINES, MORE, ODD, ROWS, has_room, put, put_text
from keyrota.logs.scan.stamps import iso_time, number_time

_FUNCTIONS: Final = letters("/functions/")
_V1: Final = letters("v1/")
_SLUG_LENGTH: Final = 64


def _time_of(buffer: Any, at: int, to: int) -> int:
    """Return the time that a value is, a number or a text, or `UNSURE`."""
    if buffer[at] != QUOTE:
        return number_time(buffer, at, to)
    if to - at > 12 and buffer[at + 5] == 45:
        return iso_time(buffer, at + 1, to - 1)
    return number_time(buffer, at + 1, to - 1)


def _slug(buffer: Any, start: int, end: int, found: Any) -> int:
    """Look for a function's name in a path: 1 if there is one, 0, or `UNSURE`."""
    at = find_text(buffer, _FUNCTIONS, start, end)
    if at >= end:
        return 0
    at += len(_FUNCTIONS)
    if is_at(buffer, _V1, at, end):
        at += len(_V1)
    to = at
    while to < end and SLUG[buffer[to]]:
        to += 1
    if to == at or to - at > _SLUG_LENGTH:
        return UNSURE
    found[NAME_START], found[NAME_END] = at, to
    return 1


def _name(buffer: Any, fields: Any, place: int, inner: int, names: Any) -> int:
    """Return the number of an id at the top, else in the metadata; -1 if there is none, `NO_ROOM`."""
    place = place if fields[place] >= 0 else inner
    return number_of(buffer, fields[place], fields[place + 1], names, True)


def _event_time(buffer: Any, fields: Any) -> int:
    """Return the event's own time where a record carries it beside the time of ingestion, or `UNSURE`."""
    if fields[TIME] < 0:
        return UNSURE
    outer = _time_of(buffer, fields[TIME], fields[TIME + 1])
    if outer == UNSURE or fields[INNER_TIME] < 0:
        return outer
    own = _time_of(buffer, fields[INNER_TIME], fields[INNER_TIME + 1])
    return outer if 0 <= outer - own < 1_000_000 and own != UNSURE else own


def _read_fields(
    buffer: Any, at: int, to: int, message: int, message_end: int, fields: Any, layouts: Any
) -> bool:
    """Find the fields of a record: where those of a record of the same layout stood, else by a walk."""
    size = to - at - (message_end - message)
    slot = size % len(layouts.sizes)
    is_short = size <= LAYOUT_BYTES
    if (
        is_short
        and layouts.sizes[slot] == size
        and layouts.messages[slot] == message - at
        and has_layout(buffer, at, to, message, message_end, layouts, slot)
    ):
        place_fields(at, message_end - message, layouts, slot, fields, PLACES)
        return True
    layouts.sizes[slot] = 0
    classes = layouts.walked
    if to - at > len(classes) or not is_plain(buffer, at, to, message, message_end):
        return False
    classes[: to - at] = FIXED
    if not walk(buffer, at, to, message, message_end, fields, classes):
        return False
    if is_short:
        keep_layout(buffer, at, to, message, message_end, layouts, slot, fields, PLACES)
    return True


def scan_json(
    buffer: Any, end: int, is_last: bool, names: Any, sink: Any, scratch: Any, numbers: Any, plan: Any
) -> int:
    """Walk over the lines of a buffer from where `numbers` say, and write each record that is an event.

    As `walk_lines` says, with what `plan` tells of the log.
    """
    return walk_lines(doubtful_records, _record, buffer, end, is_last, names, sink, scratch, numbers, plan)


def _record(
    buffer: Any, at: int, stop: int, names: Any, sink: Any, scratch: Any, numbers: Any, plan: Any
) -> int:
    """Write the event that a record is, if it is one; say whether to go on."""
    found, fields, layouts = scratch.found, scratch.fields, scratch.layouts
    to = stop
    while to > at and (buffer[to - 1] == CR or buffer[to - 1] == 32):
        to -= 1
    if to == at:
        numbers[BLANKS] += 1
        return MORE
    kind = UNSURE
    message = -1
    is_object = buffer[at] == OBJECT and buffer[to - 1] == END_OBJECT
    if is_object and not (plan[GLUED] and _is_glued(buffer, at, to)):
        message = message_start(buffer, at, to, plan)
        if message >= 0:
            kind = read_message(buffer, message, to, JSON, found)
    if kind == NOTHING:
        return MORE
    name = isolate = function_id = -1
    time = NO_TIME
    if kind >= 0 or kind == REQUEST:
        message_end = string_end(buffer, message, to)
        if message_end < 0 or not _read_fields(buffer, at, to, message, message_end, fields, layouts):
            kind = UNSURE
    if kind == REQUEST:
        # What the message does not say the row may: a function, and how it was answered.
        is_event = fields[CODE] >= 0 and (
            fields[FUNCTION] >= 0 or fields[INNER_FUNCTION] >= 0 or fields[PATH] >= 0 or fields[ADDRESS] >= 0
        )
        if not is_event:
            return MORE
        kind = UNSURE
    if kind >= 0:
        time = _event_time(buffer, fields)
        if time == UNSURE:
            kind = UNSURE
        if fields[PATH] >= 0 or fields[ADDRESS] >= 0:
            told = _slug(buffer, fields[PATH], fields[PATH + 1], found) if fields[PATH] >= 0 else 0
            if told == 0 and fields[ADDRESS] >= 0:
                told = _slug(buffer, fields[ADDRESS], fields[ADDRESS + 1], found)
            if told < 0 or kind == POOL_LINE or kind == SHUTDOWN:
                kind = UNSURE
    if kind >= 0:
        if found[NAME_START] >= 0:
            name = number_of(buffer, found[NAME_START], found[NAME_END], names, False)
        isolate = _name(buffer, fields, EXECUTION, INNER_EXECUTION, names)
        function_id = _name(buffer, fields, FUNCTION, INNER_FUNCTION, names)
    if kind == UNSURE:
        return ODD
    text_bytes = message_end - message if kind == REJECTION or kind == FRAGMENT else 0
    is_named = name != NO_ROOM and isolate != NO_ROOM and function_id != NO_ROOM
    if not (is_named and has_room(sink, numbers, text_bytes)):
        return FULL
    numbers[LINES] += 1
    row = put(sink, numbers, kind, time, found)
    sink.isolate[row] = isolate
    sink.function_id[row] = function_id
    if kind == POOL_LINE:
        sink.pool[row] = name
    elif kind != SHUTDOWN:
        sink.function[row] = name
    elif isolate < 0:
        sink.isolate[row] = name
    if is_identifier(buffer, fields[ID], fields[ID + 1]):
        sink.row_id[row] = id_hash(buffer, fields[ID], fields[ID + 1])
    if kind == SHUTDOWN:
        sink.cause[row] = fields[STATED_CAUSE]
    elif kind == INVOCATION:
        if fields[CODE] >= 0:
            sink.status[row] = fields[CODE]
        if fields[DURATION] >= 0:
            sink.duration_ms[row] = fields[DURATION]
    elif kind == REJECTION or kind == FRAGMENT:
        put_text(sink, numbers, row, buffer, message, message_end)
    numbers[ROWS] = row + 1
    found[:] = -1
    return MORE


def _is_glued(buffer: Any, at: int, end: int) -> bool:
    """Say whether another record may begin inside a line."""
    at = find(buffer, END_OBJECT, at, end)
    while at + 1 < end:
        to = after_space(buffer, at + 1, end)
        if to < end and (buffer[to] == OBJECT or buffer[to] == ARRAY):
            return True
        at = find(buffer, END_OBJECT, at + 1, end)
    return False
