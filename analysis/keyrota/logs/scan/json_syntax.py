"""JSON, compiled: where a value ends. What is not plainly valid is `UNSURE`; nothing is decoded here.

Outside of its message a record of a log hardly ever holds a backslash. So it is looked for once in the
whole record, with the control characters that JSON does not have, and the rest reads strings from quote to
quote.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.logs.scan.alphabet import BACKSLASH, HEXADECIMAL, QUOTE, UNSURE, table
from keyrota.logs.scan.libc import find, is_at, letters

_TRUE: Final = letters("true")
_FALSE: Final = letters("false")
_NULL: Final = letters("null")
_ESCAPES: Final = table('"\\/bfnrt')
_0, _9, _DOT, _MINUS, _PLUS, _E, _LOWER_E, _U, _T, _F, _N = 48, 57, 46, 45, 43, 69, 101, 117, 116, 102, 110
OBJECT, END_OBJECT, ARRAY, END_ARRAY, COLON, COMMA = 123, 125, 91, 93, 58, 44
_DEPTH: Final = 60


def after_space(buffer: Any, at: int, end: int) -> int:
    """Skip what may stand between the tokens of JSON."""
    while at < end:
        byte = buffer[at]
        if byte != 32 and byte != 9 and byte != 13 and byte != 10:
            return at
        at += 1
    return at


def string_end(buffer: Any, at: int, end: int) -> int:
    """Return where the quote stands that ends a string whose text begins at `at`, escapes and all."""
    quote = find(buffer, QUOTE, at, end)
    slash = find(buffer, BACKSLASH, at, quote)
    while slash < quote:
        following = buffer[slash + 1] if slash + 1 < end else 0
        if following == _U:
            if slash + 6 > end:
                return UNSURE
            for index in range(slash + 2, slash + 6):
                if not HEXADECIMAL[buffer[index]]:
                    return UNSURE
            at = slash + 6
        elif _ESCAPES[following]:
            at = slash + 2
        else:
            return UNSURE
        if at > quote:
            quote = find(buffer, QUOTE, at, end)
        slash = find(buffer, BACKSLASH, at, quote)
    return quote if quote < end else UNSURE


def _after_digits(buffer: Any, at: int, end: int) -> int:
    while at < end and _0 <= buffer[at] <= _9:
        at += 1
    return at


def _after_number(buffer: Any, at: int, end: int) -> int:
    if at < end and buffer[at] == _MINUS:
        at += 1
    to = _after_digits(buffer, at, end)
    # More digits than a number of 64 bits has may be refused by one decoder and taken by another.
    if to == at or (buffer[at] == _0 and to > at + 1) or to - at > 18:
        return UNSURE
    if to < end and buffer[to] == _DOT:
        at = to + 1
        to = _after_digits(buffer, at, end)
        if to == at:
            return UNSURE
    if to < end and (buffer[to] == _E or buffer[to] == _LOWER_E):
        return UNSURE
    return to


def after_scalar(buffer: Any, at: int, end: int) -> int:
    """Skip a string, a number, or one of the three words."""
    if at >= end:
        return UNSURE
    byte = buffer[at]
    if byte == QUOTE:
        to = find(buffer, QUOTE, at + 1, end)
        return to + 1 if to < end else UNSURE
    if byte == _T:
        return at + 4 if is_at(buffer, _TRUE, at, end) else UNSURE
    if byte == _F:
        return at + 5 if is_at(buffer, _FALSE, at, end) else UNSURE
    if byte == _N:
        return at + 4 if is_at(buffer, _NULL, at, end) else UNSURE
    return _after_number(buffer, at, end)


def after_value(buffer: Any, at: int, end: int) -> int:
    """Skip a value, whatever is in it."""
    depth = 0
    objects = 0  # a bit for each open bracket: 1 for an object
    while True:
        at = after_space(buffer, at, end)
        if at >= end:
            return UNSURE
        byte = buffer[at]
        if byte == OBJECT or byte == ARRAY:
            if depth >= _DEPTH:
                return UNSURE
            depth += 1
            objects = objects * 2 + (1 if byte == OBJECT else 0)
            at = after_space(buffer, at + 1, end)
            if at >= end:
                return UNSURE
            if buffer[at] != (END_OBJECT if byte == OBJECT else END_ARRAY):
                if byte == OBJECT:
                    at = _after_key(buffer, at, end)
                    if at < 0:
                        return UNSURE
                continue
        else:
            at = after_scalar(buffer, at, end)
            if at < 0:
                return UNSURE
            if depth == 0:
                return at
            at = after_space(buffer, at, end)
        # Behind a value, or at the end of an empty bracket.
        while depth > 0:
            if at >= end:
                return UNSURE
            byte = buffer[at]
            in_object = objects % 2 == 1
            if byte == COMMA:
                at = after_space(buffer, at + 1, end)
                if in_object:
                    at = _after_key(buffer, at, end)
                    if at < 0:
                        return UNSURE
                break
            if byte != (END_OBJECT if in_object else END_ARRAY):
                return UNSURE
            depth -= 1
            objects //= 2
            at += 1
            if depth == 0:
                return at
            at = after_space(buffer, at, end)


def _after_key(buffer: Any, at: int, end: int) -> int:
    if at >= end or buffer[at] != QUOTE:
        return UNSURE
    at = find(buffer, QUOTE, at + 1, end)
    if at >= end:
        return UNSURE
    at = after_space(buffer, at + 1, end)
    return at + 1 if at < end and buffer[at] == COLON else UNSURE


def is_plain(buffer: Any, start: int, end: int, message: int, message_end: int) -> bool:
    """Say whether a record holds no control character, and no backslash but in its message."""
    lowest = np.uint8(255)
    first = np.uintp(start)
    for index in range(end - start):
        lowest = min(lowest, buffer[first + np.uintp(index)])
    is_low = bool(lowest < 32)
    return (
        not is_low
        and find(buffer, BACKSLASH, start, message) == message
        and find(buffer, BACKSLASH, message_end, end) == end
    )
