"""Plain text, compiled: `keyrota.logs.text_lines` and the grammar in one walk over the starts of lines."""

from __future__ import annotations

from typing import Any, Final

from keyrota.events import NO_TIME
from keyrota.logs.scan.alphabet import (
    BACKSLASH,
    BLANK,
    CR,
    ESCAPE,
    LETTERS,
    NOTHING,
    QUOTE,
    RAW,
    SERVICE,
    UNSURE,
    WHITE,
    table,
)
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
from keyrota.logs.scan.libc import is_at, letters
from keyrota.logs.scan.line_walk import walk_lines
from keyrota.logs.scan.message import read_doubtful
from keyrota.logs.scan.names import NO_ROOM, number_of
from keyrota.logs.scan.prefix import after_colour, is_wide_blank
from keyrota.logs.scan.refused import is_refused
from keyrota.logs.scan.requests import request
from keyrota.logs.scan.sink import FULL, LINES, MORE, ODD, ROWS, has_room, put, put_text
from keyrota.logs.scan.stamps import after_stamp, iso_time, may_be_stamp
from keyrota.logs.scan.usual import after_usual, doubtful_lines, remember
from keyrota.logs.scan.wide import WIDE, below, equal, first_of, without_first

_LINE_BYTES: Final = 1 << 20
"""A longer line may have to be cut: the general decoder's."""

_UPPER: Final = table(LETTERS[:26])
_STREAMS: Final = letters(" std")
_TIMES: Final = tuple(
    letters(name) for name in ("timestamp", "ts", "time", "@timestamp", "datetime", "date", "created_at")
)
_TIME_INITIALS: Final = letters("t@dc")
_TIME_EQUALS: Final = letters("time=")
_OPEN, _CLOSE, _BAR, _BRACE, _LAST_BRACE, _TAB, _BOM, _0, _9, _U = 91, 93, 124, 123, 125, 9, 0xEF, 48, 57, 117
_SERVICE_LENGTH: Final = 80
_BLANKS: Final = 40
_BEHIND_BAR: Final = 9


def _after_service(buffer: Any, at: int, end: int) -> int:
    """Skip ``supabase-edge-functions  | ``; the same position if a line does not begin so."""
    to = at
    stop = min(end, at + _SERVICE_LENGTH)
    while to < stop and SERVICE[buffer[to]]:
        to += 1
    if to == at or to >= end:
        return at
    if buffer[to] == _OPEN and 4 <= to - at <= 7 and to + 1 < end and _0 <= buffer[to + 1] <= _9:
        return UNSURE if _UPPER[buffer[at]] else at
    name = to
    stop = min(end, to + _BLANKS)
    while to < stop and WHITE[buffer[to]]:
        to += 1
    if to >= end or buffer[to] != _BAR:
        return UNSURE if is_wide_blank(buffer, to, end) else at
    if to == name:
        return at
    to += 1
    for _ in range(_BEHIND_BAR):
        if to < end and buffer[to] == BLANK:
            to += 1
        elif to < end and buffer[to] == ESCAPE:
            colour = after_colour(buffer, to + 1, end, True)
            if colour < 0:
                break
            to = colour
        else:
            break
    return to


def _behind_stamp(buffer: Any, at: int, end: int) -> int:
    """Skip what ends a time before a message: a blank, a bar, the stream that Kubernetes names."""
    if at >= end:
        return at
    byte = buffer[at]
    following = buffer[at + 1] if at + 1 < end else 0
    if byte != BLANK:
        return UNSURE if byte != _TAB or following == _BAR else at + 1
    if following == _BAR:
        return at + 3 if at + 2 < end and WHITE[buffer[at + 2]] else UNSURE
    if following == 115 and is_at(buffer, _STREAMS, at, end):
        return UNSURE
    return at + 1


def _message_start(buffer: Any, at: int, end: int, stamp: Any) -> int:
    """Return where the message of a line begins, and where its time stands in ``stamp``; `UNSURE`."""
    stamp[0] = stamp[1] = -1
    if not may_be_stamp(buffer, at, end):
        byte = buffer[at]
        if byte == _BOM or byte == ESCAPE:
            to = after_colour(buffer, at + 1, end, True) if byte == ESCAPE else at
            # A byte-order mark of a file put behind another, a service's name in colours.
            if byte == _BOM and at + 2 < end and buffer[at + 1] == 0xBB:
                return UNSURE
            if byte == ESCAPE and (to < 0 or (to < end and (SERVICE[buffer[to]] or buffer[to] == ESCAPE))):
                return UNSURE
            return at
        if byte == 116 and is_at(buffer, _TIME_EQUALS, at, end):
            return UNSURE
        at = _after_service(buffer, at, end)
        if at < 0:
            return UNSURE
    bracket = 1 if at < end and buffer[at] == _OPEN else 0
    if not may_be_stamp(buffer, at + bracket, end):
        return at
    to = after_stamp(buffer, at + bracket, end)
    if to < 0:
        return UNSURE
    stamp[0], stamp[1] = at + bracket, to
    if to < end and buffer[to] == _CLOSE:
        to += 1
    return _behind_stamp(buffer, to, end)


def _may_have_time(buffer: Any, at: int, end: int) -> bool:
    """Say whether an object may be a row of a logging library; any other is part of the text."""
    for place in range(at, end - 1, WIDE):
        known = below(min(WIDE, end - 1 - place))
        if equal(buffer, place, BACKSLASH) & equal(buffer, place + 1, _U) & known != 0:
            return True
        names = equal(buffer, place + 1, _TIME_INITIALS[0])
        for initial in range(1, len(_TIME_INITIALS)):
            names |= equal(buffer, place + 1, _TIME_INITIALS[initial])
        names &= equal(buffer, place, QUOTE) & known
        while names != 0:
            start = place + first_of(names) + 1
            names = without_first(names)
            for name in _TIMES:
                to = start + len(name)
                if is_at(buffer, name, start, end) and to < end and buffer[to] == QUOTE:
                    return True
    return False


def scan_text(
    buffer: Any, end: int, is_last: bool, names: Any, sink: Any, scratch: Any, numbers: Any, usual: Any
) -> int:
    """Walk over the lines of a buffer from where `numbers` say, and write an event for each that is one.

    As `walk_lines` says; `usual` is a memory of how lines begin.
    """
    return walk_lines(doubtful_lines, _line, buffer, end, is_last, names, sink, scratch, numbers, usual)


def _line(
    buffer: Any, at: int, stop: int, names: Any, sink: Any, scratch: Any, numbers: Any, usual: Any
) -> int:
    """Write the event that a line is, if it is one; say whether to go on."""
    found, stamp = scratch.found, scratch.stamp
    to = stop
    while to > at and buffer[to - 1] == CR:
        to -= 1
    if to == at:
        return MORE
    message = after_usual(buffer, at, stop, usual)
    is_usual = message >= 0
    if is_usual:
        stamp[0], stamp[1] = at, message - 1
    else:
        message = _message_start(buffer, at, to, stamp)
        if stamp[0] == at:
            remember(buffer, at, stamp[1], message, usual)
    kind = UNSURE
    if message >= 0 and to - at <= _LINE_BYTES:
        is_object = message < to and buffer[message] == _BRACE and buffer[to - 1] == _LAST_BRACE
        if not (is_object and _may_have_time(buffer, message, to)):
            kind = NOTHING
            if is_usual or not is_refused(buffer, message, to):
                kind = read_doubtful(buffer, message, to, RAW, found)
            if kind == NOTHING and message > at and stamp[0] < 0:
                kind = request(buffer, at, to, found)  # its method was taken for a service
    if kind == NOTHING or kind == REQUEST:
        return MORE
    time = NO_TIME
    if kind >= 0 and stamp[0] >= 0:
        time = iso_time(buffer, stamp[0], stamp[1])
    if kind == UNSURE or time == UNSURE:
        return ODD
    name = -1
    if found[NAME_START] >= 0:
        name = number_of(buffer, found[NAME_START], found[NAME_END], names, False)
    text_bytes = to - message if kind == REJECTION or kind == FRAGMENT else 0
    if name == NO_ROOM or not has_room(sink, numbers, text_bytes):
        return FULL
    numbers[LINES] += 1
    row = put(sink, numbers, kind, time, found)
    if kind == POOL_LINE:
        sink.pool[row] = name
    elif kind == INVOCATION:
        sink.function[row] = name
    elif kind == SHUTDOWN:
        sink.isolate[row] = name
    elif kind == REJECTION or kind == FRAGMENT:
        put_text(sink, numbers, row, buffer, message, to)
    numbers[ROWS] = row + 1
    found[:] = -1
    return MORE
