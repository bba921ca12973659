"""What counts in a record of JSON: its names, what is kept of their values, and where.

The values are kept as places in the buffer; what they say is read only once the whole record was walked over.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.events import CAUSES
from keyrota.logs.scan.alphabet import QUOTE, UNSURE
from keyrota.logs.scan.found import number
from keyrota.logs.scan.json_syntax import ARRAY, OBJECT
from keyrota.logs.scan.libc import is_at, letters

MESSAGE_NAME: Final = letters("event_message")
_ID: Final = letters("id")
TIMESTAMP: Final = letters("timestamp")
METADATA: Final = letters("metadata")
_EXECUTION_ID: Final = letters("execution_id")
_FUNCTION_ID: Final = letters("function_id")
REASON_NAME: Final = letters("reason")
EXECUTION_TIME: Final = letters("execution_time_ms")
REQUEST_NAME: Final = letters("request")
RESPONSE_NAME: Final = letters("response")
_STATUS_CODE: Final = letters("status_code")
_PATHNAME: Final = letters("pathname")
_URL: Final = letters("url")
_REASONS: Final = tuple(letters(cause) for cause in CAUSES[8:])
_FIRST_REASON: Final = 8

# Names that mean something to the general decoder and are not taken here.
_OTHERS: Final = tuple(
    letters(name)
    for name in (
        "_id", "insertId", "log_attributes", "attributes", "event", "ddsource", "ts", "time", "@timestamp",
        "datetime", "date", "created_at", "status_code", "response.status_code", "response_status_code",
        "pathname", "request.pathname", "request_pathname", "url", "request.url", "service_path", "result",
        "logs", "data", "rows", "records", "events", "entries", "streams", "stream",
    )
)  # fmt: skip

# By first character and length: most names of a record are refused by one look-up.
NAME_LENGTHS: Final = 24
MATTERS: Final = np.zeros(256 * NAME_LENGTHS, dtype=np.bool_)
for _known in (
    MESSAGE_NAME, _ID, TIMESTAMP, METADATA, _EXECUTION_ID, _FUNCTION_ID, REASON_NAME, EXECUTION_TIME,
    REQUEST_NAME, RESPONSE_NAME, _STATUS_CODE, _PATHNAME, _URL, *_OTHERS,
):  # fmt: skip
    MATTERS[int(_known[0]) * NAME_LENGTHS + len(_known)] = True

# What the walk of a record finds: where texts stand, and numbers. Below `INNER` are those of the top.
ID, EXECUTION, FUNCTION, TIME = 0, 2, 4, 6
INNER_EXECUTION, INNER_FUNCTION, INNER_TIME = 8, 10, 12
PATH, ADDRESS, PLACES = 14, 16, 18
STATED_CAUSE, DURATION, CODE, SEEN = 18, 19, 20, 21
FIELDS: Final = 22

TOP, INNER, IN_REQUEST, IN_RESPONSE = 0, 1, 2, 3
NULL_INITIAL: Final = 110
_ZERO, _NINE = 48, 57


def once(fields: Any, bit: int) -> bool:
    """Note that a name was seen; false if it was before."""
    if fields[SEEN] & (1 << bit):
        return False
    fields[SEEN] |= 1 << bit
    return True


def _is_text(buffer: Any, at: int, to: int) -> int:
    """Say what a value is: 1 a text, 0 null, `UNSURE` for anything else."""
    if buffer[at] == NULL_INITIAL:
        return 0
    return 1 if buffer[at] == QUOTE else UNSURE


def keep_text(buffer: Any, at: int, to: int, fields: Any, place: int) -> bool:
    """Keep where a text stands; false if the value is neither a text nor null."""
    what = _is_text(buffer, at, to)
    if what == 1:
        fields[place], fields[place + 1] = at + 1, to - 1
    return what >= 0


def keep_field(buffer: Any, key: int, length: int, at: int, to: int, level: int, fields: Any) -> bool:
    """Keep the value ``[at, to)`` of a name if it is one that counts; false if the record is not for us."""
    end = key + length
    if level == TOP or level == INNER:
        if length == 2 and is_at(buffer, _ID, key, end):
            if level == INNER:
                return fields[ID] >= 0 or buffer[at] == NULL_INITIAL
            return once(fields, 0) and keep_text(buffer, at, to, fields, ID)
        if length == 9 and is_at(buffer, TIMESTAMP, key, end):
            if not once(fields, 1 + level):
                return False
            place = TIME if level == TOP else INNER_TIME
            fields[place], fields[place + 1] = at, to
            return buffer[at] == QUOTE or _ZERO <= buffer[at] <= _NINE
        if length == 12 and is_at(buffer, _EXECUTION_ID, key, end):
            place = EXECUTION if level == TOP else INNER_EXECUTION
            return once(fields, 3 + level) and keep_text(buffer, at, to, fields, place)
        if length == 11 and is_at(buffer, _FUNCTION_ID, key, end):
            place = FUNCTION if level == TOP else INNER_FUNCTION
            return once(fields, 5 + level) and keep_text(buffer, at, to, fields, place)
        if length == 6 and is_at(buffer, REASON_NAME, key, end):
            return once(fields, 7) and _keep_reason(buffer, at, to, fields)
        if length == 17 and is_at(buffer, EXECUTION_TIME, key, end):
            return once(fields, 8) and _keep_duration(buffer, at, to, fields)
        for name in _OTHERS:
            if len(name) == length and is_at(buffer, name, key, end):
                return False
        # An array or an object at the top may be an envelope.
        return level == INNER or (buffer[at] != OBJECT and buffer[at] != ARRAY)
    if level == IN_RESPONSE and length == 11 and is_at(buffer, _STATUS_CODE, key, end):
        code, behind = number(buffer, at, to, 3)
        if behind != to or code < 100:
            return False
        fields[CODE] = code
        return once(fields, 9)
    if level == IN_REQUEST and length == 8 and is_at(buffer, _PATHNAME, key, end):
        return once(fields, 10) and keep_text(buffer, at, to, fields, PATH)
    if level == IN_REQUEST and length == 3 and is_at(buffer, _URL, key, end):
        return once(fields, 11) and keep_text(buffer, at, to, fields, ADDRESS)
    return True


def _keep_reason(buffer: Any, at: int, to: int, fields: Any) -> bool:
    what = _is_text(buffer, at, to)
    if what == 1:
        cause = _FIRST_REASON
        for reason in _REASONS:
            if len(reason) == to - at - 2 and is_at(buffer, reason, at + 1, to):
                fields[STATED_CAUSE] = cause
            cause += 1
    return what >= 0


def _keep_duration(buffer: Any, at: int, to: int, fields: Any) -> bool:
    if buffer[at] == NULL_INITIAL:
        return True
    quote = 1 if buffer[at] == QUOTE else 0
    value, behind = number(buffer, at + quote, to, 12)
    fields[DURATION] = value
    return value >= 0 and behind == to - quote


def opens(buffer: Any, key: int, length: int, at: int, level: int) -> int:
    """Return the level that a value of a known name opens, -1 if it is to be skipped."""
    if buffer[at] != OBJECT and buffer[at] != ARRAY:
        return -1
    end = key + length
    if level == TOP:
        if length == 8 and is_at(buffer, METADATA, key, end):
            return INNER
        return -1
    if level == INNER:
        if length == 7 and is_at(buffer, REQUEST_NAME, key, end):
            return IN_REQUEST
        if length == 8 and is_at(buffer, RESPONSE_NAME, key, end):
            return IN_RESPONSE
    return -1
