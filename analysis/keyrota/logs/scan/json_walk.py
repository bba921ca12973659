"""A record of JSON, walked over from its first brace to its last, with all of its syntax."""

from __future__ import annotations

from typing import Any

import numpy as np

from keyrota.logs.scan.alphabet import QUOTE
from keyrota.logs.scan.json_fields import (
    EXECUTION_TIME,
    INNER,
    MATTERS,
    MESSAGE_NAME,
    METADATA,
    NAME_LENGTHS,
    NULL_INITIAL,
    REASON_NAME,
    REQUEST_NAME,
    RESPONSE_NAME,
    SEEN,
    TIMESTAMP,
    TOP,
    keep_field,
    once,
    opens,
)  # fmt: skip
from keyrota.logs.scan.json_layout import loosen, loosen_number
from keyrota.logs.scan.json_syntax import (
    ARRAY,
    COLON,
    COMMA,
    END_ARRAY,
    END_OBJECT,
    OBJECT,
    after_space,
    after_value,
)
from keyrota.logs.scan.libc import is_at


def walk(buffer: Any, at: int, end: int, message: int, message_end: int, fields: Any, classes: Any) -> bool:
    """Walk over a record and keep what counts; false if the general decoder is to read it.

    Parameters
    ----------
    buffer, at, end
        The record, from its opening to behind its closing brace.
    message, message_end
        Where the text of its message stands, which is at the top; there is no backslash elsewhere.
    fields
        `FIELDS` numbers, filled in.
    classes
        A class for each byte of the record, changed for texts, times and numbers that mean nothing: what may
        differ in another record of the same layout, and how.
    """
    fields[:] = -1
    fields[SEEN] = 0
    start = at
    level = TOP
    arrays = 0  # a bit for each level: whether its object stands in an array of one
    at = after_space(buffer, at + 1, end)
    if at < end and buffer[at] == END_OBJECT:
        return False
    while True:
        if at >= end or buffer[at] != QUOTE:
            return False
        key = at + 1
        key_end = key
        while key_end < end and buffer[key_end] != QUOTE:
            key_end += 1
        at = after_space(buffer, key_end + 1, end)
        if at >= end or buffer[at] != COLON:
            return False
        at = after_space(buffer, at + 1, end)
        if at >= end:
            return False
        length = key_end - key
        is_message = level == TOP and at == message - 1
        matters = 0 < length < NAME_LENGTHS and MATTERS[np.intp(buffer[key]) * NAME_LENGTHS + length]
        opened = opens(buffer, key, length, at, level) if matters else -1
        if not matters:
            to = after_value(buffer, at, end)
            # An array or an object at the top may be an envelope.
            if to < 0 or (level == TOP and (buffer[at] == OBJECT or buffer[at] == ARRAY)):
                return False
            if buffer[at] == QUOTE:
                loosen(classes, at + 1 - start, to - 1 - start)
            else:
                loosen_number(buffer, at, to, classes, start)
            at = to
        elif opened >= 0:
            if not once(fields, 11 + opened):
                return False
            inside = at
            if buffer[at] == ARRAY:
                inside = after_space(buffer, at + 1, end)
            if inside < end and buffer[inside] == OBJECT:
                first = after_space(buffer, inside + 1, end)
                if first < end and buffer[first] == QUOTE:
                    arrays |= (1 << opened) if inside != at else 0
                    level = opened
                    at = first
                    continue
            if opened != INNER or inside >= end:
                return False
            # An empty one, or an array of something else: nothing is in it.
            to = after_value(buffer, at, end)
            if to < 0 or (buffer[inside] != END_ARRAY and buffer[inside] != OBJECT):
                return False
            at = to
        else:
            to = message_end + 1 if is_message else after_value(buffer, at, end)
            if to < 0:
                return False
            if is_message:
                if not once(fields, 16):
                    return False
            elif level == TOP and buffer[at] != QUOTE and is_at(buffer, TIMESTAMP, key, key_end):
                loosen_number(buffer, at, to, classes, start)
                if not keep_field(buffer, key, length, at, to, level, fields):
                    return False
            elif level == TOP and length == 13 and is_at(buffer, MESSAGE_NAME, key, key_end):
                return False
            elif level <= INNER and length == 8 and is_at(buffer, METADATA, key, key_end):
                # A text may hold an object; null holds nothing.
                if level == TOP and buffer[at] != NULL_INITIAL:
                    return False
            elif level == INNER and (
                (length == 7 and is_at(buffer, REQUEST_NAME, key, key_end))
                or (length == 8 and is_at(buffer, RESPONSE_NAME, key, key_end))
            ):
                if buffer[at] != NULL_INITIAL:
                    return False
            elif not keep_field(buffer, key, length, at, to, level, fields):
                return False
            # A reason and a duration are kept as what they mean.
            is_value = is_at(buffer, REASON_NAME, key, key_end) or is_at(buffer, EXECUTION_TIME, key, key_end)
            if buffer[at] == QUOTE and not is_value:
                loosen(classes, at + 1 - start, to - 1 - start)
            at = to
        at = after_space(buffer, at, end)
        # Behind a value: more of them, or the end of this object and of those around it.
        while at < end and buffer[at] == END_OBJECT:
            at = after_space(buffer, at + 1, end)
            if level == TOP:
                return at == end
            if arrays & (1 << level):
                arrays &= ~(1 << level)
                if at >= end or buffer[at] != END_ARRAY:
                    return False
                at = after_space(buffer, at + 1, end)
            level = INNER if level > INNER else TOP
        if at >= end or buffer[at] != COMMA:
            return False
        at = after_space(buffer, at + 1, end)
