"""Times, compiled: what `keyrota.logs.times.time_ns` says of the usual spellings; others are `UNSURE`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.logs.scan.alphabet import BLANK, UNSURE
from keyrota.logs.scan.wide import below, between
from keyrota.logs.scan.words import WORD_BYTES, eight_digits, word
from keyrota.logs.times import EARLIEST_NS, LATEST_NS

_0, _9, _DASH, _T, _COLON, _DOT, _Z, _U, _PLUS, _COMMA, _SLASH = 48, 57, 45, 84, 58, 46, 90, 85, 43, 44, 47
_SECOND: Final = 1_000_000_000
_STAMP_LENGTH: Final = 19
_DAYS_BEFORE: Final = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], dtype=np.intp)
_DAYS_IN: Final = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.intp)
_TENS: Final = np.array([10**power for power in range(10)], dtype=np.int64)
_LAST_YEAR: Final = 2261
_NANOSECONDS: Final = 9
_DOCKER_LENGTH: Final = 11


def may_be_stamp(buffer: Any, at: int, end: int) -> bool:
    """Say whether an ISO time may begin here: ``2025-`` and a ``T`` or a blank where it is to be."""
    if at + _STAMP_LENGTH > end:
        return False
    byte = buffer[at + 10]
    return (
        _0 <= buffer[at] <= _9
        and (buffer[at + 4] == _DASH or buffer[at + 4] == _SLASH)
        and (byte == _T or byte == BLANK)
        and buffer[at + 13] == _COLON
    )


def after_stamp(buffer: Any, at: int, end: int) -> int:
    """Return the position behind an ISO time in UTC that may begin here, `UNSURE` if it has an offset."""
    at += _STAMP_LENGTH
    if at + _DOCKER_LENGTH <= end and buffer[at] == _DOT and buffer[at + _DOCKER_LENGTH - 1] == _Z:
        # As docker writes it: nine digits, looked at in one step.
        odd = np.uint8(0)
        first = np.uintp(at + 1)
        for index in range(_NANOSECONDS):
            byte = buffer[first + np.uintp(index)]
            odd |= np.uint8(byte < _0) | np.uint8(byte > _9)
        if odd == 0:
            return at + _DOCKER_LENGTH
    if at < end and buffer[at] == _DOT:
        at += 1
        while at < end and _0 <= buffer[at] <= _9:
            at += 1
    if at >= end:
        return at
    byte = buffer[at]
    if byte == _Z:
        return at + 1
    if byte == _PLUS or byte == _DASH or byte == _COMMA or byte == _U:
        return UNSURE
    if byte == BLANK and at + 1 < end and (buffer[at + 1] == _U):
        return UNSURE
    return at


def _two(buffer: Any, at: int) -> int:
    """Return a number of two digits, a large negative one if it is none."""
    tens: Any = np.intp(buffer[at]) - _0
    ones: Any = np.intp(buffer[at + 1]) - _0
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else -10_000


def iso_time(buffer: Any, at: int, end: int) -> int:
    """Return the nanoseconds of ``2025-11-12T03:16:33.993Z`` that takes all of ``[at, end)``, or `UNSURE`."""
    if not may_be_stamp(buffer, at, end) or buffer[at + 4] != _DASH or buffer[at + 7] != _DASH:
        return UNSURE
    if buffer[at + 16] != _COLON:
        return UNSURE
    year = _two(buffer, at) * 100 + _two(buffer, at + 2)
    month, day = _two(buffer, at + 5), _two(buffer, at + 8)
    hour, minute, second = _two(buffer, at + 11), _two(buffer, at + 14), _two(buffer, at + 17)
    if year < 1970 or year > _LAST_YEAR or month < 1 or month > 12 or day < 1 or day > _DAYS_IN[month]:
        return UNSURE
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if month == 2 and day == 29 and not is_leap:
        return UNSURE
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 60:
        return UNSURE
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 - 719_162
    days += _DAYS_BEFORE[month] + (1 if is_leap and month > 2 else 0) + day - 1
    nanoseconds = (days * 86_400 + hour * 3600 + minute * 60 + second) * _SECOND
    at += _STAMP_LENGTH
    if at < end and buffer[at] == _DOT:
        at += 1
        start = at
        fraction: Any = 0
        while at < end and at - start < 9 and _0 <= buffer[at] <= _9:
            fraction = fraction * 10 + (np.intp(buffer[at]) - _0)
            at += 1
        if at == start:
            return UNSURE
        nanoseconds += fraction * _TENS[9 - (at - start)]
    if at < end and buffer[at] == _Z:
        at += 1
    return nanoseconds if at == end else UNSURE


def number_time(buffer: Any, at: int, end: int) -> int:
    """Return the nanoseconds of a whole number of seconds, milli-, micro- or nanoseconds, or `UNSURE`."""
    length = end - at
    # Of numbers with 19 digits all that begin with 1 to 8 fit 64 bits.
    if length < 10 or length > 19 or buffer[at] == _0 or (length == 19 and buffer[at] == _9):
        return UNSURE
    if ~between(buffer, at, _0, _9) & below(length) != 0:
        return UNSURE
    value: Any = np.intp(eight_digits(word(buffer, at)))
    at += WORD_BYTES
    if end - at >= WORD_BYTES:
        value = value * 100_000_000 + np.intp(eight_digits(word(buffer, at)))
        at += WORD_BYTES
    for index in range(at, end):
        value = value * 10 + (np.intp(buffer[index]) - _0)
    if value >= EARLIEST_NS:
        return value
    for unit in (1_000, 1_000_000, _SECOND):
        if value > LATEST_NS // unit:
            return UNSURE
        if value * unit >= EARLIEST_NS:
            return value * unit
    return UNSURE
