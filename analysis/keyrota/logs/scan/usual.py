"""How the lines of a log begin, remembered: a time of so many bytes, and perhaps a name in brackets.

A line that begins as one before it did is past its beginning in a few steps without a loop.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.logs.scan.alphabet import BLANK, BRACKETED
from keyrota.logs.scan.words import WORD_BYTES, not_digits, packed, repeated, word

# What is remembered: the bytes of a time up to its Z, 0 if there is none; a name in brackets with a blank,
# as a word; a mask of the bytes that it takes of that; how many they are.
LENGTH, NAME, MASK, NAME_LENGTH, USUAL = range(5)

LEAST_BYTES: Final = 40
"""Bytes of the shortest line that is looked at here: so many are read whatever it says."""

# What stands between the digits of a time, by words: ``2026-01-``, ``09T12:05``, ``:28.407``.
_DATE: Final = packed("\0\0\0\0-\0\0-")
_HOUR: Final = packed("\0\0T\0\0:\0\0")
_FRACTION: Final = packed(":\0\0.")
_IN_DATE, _IN_HOUR, _IN_FRACTION = (
    np.uint64(sum(0xFF << 8 * place for place in places)) for places in ((4, 7), (2, 5), (0, 3))
)
_BEFORE_FRACTION: Final = 20
_MILLI, _MICRO, _NANO = (_BEFORE_FRACTION + digits + 1 for digits in (3, 6, 9))
_MILLI_DIGITS, _MICRO_DIGITS, _NANO_DIGITS = (
    np.uint64((1 << 8 * min(digits, WORD_BYTES)) - 1) for digits in (3, 6, 9)
)
_ZEROS: Final = repeated(48)
_0, _9, _Z, _BAR, _OPEN, _CLOSE, _STREAM = 48, 57, 90, 124, 91, 93, 115
_ONES: Final = np.uint64(0xFFFFFFFFFFFFFFFF)


def new_usual() -> Any:
    """Return a memory in which nothing is."""
    return np.zeros(USUAL, dtype=np.uint64)


def after_usual(buffer: Any, at: int, usual: Any) -> Any:
    """Return where the message of a line begins that begins as usual, -1 if it does not.

    `LEAST_BYTES` are to be there.
    """
    length = np.intp(usual[LENGTH])
    if length == 0:
        return -1
    first = np.uintp(at)
    odd = (word(buffer, at) ^ _DATE) & _IN_DATE
    odd |= (word(buffer, at + 8) ^ _HOUR) & _IN_HOUR
    odd |= (word(buffer, at + 16) ^ _FRACTION) & _IN_FRACTION
    digits = _MILLI_DIGITS if length == _MILLI else _MICRO_DIGITS if length == _MICRO else _NANO_DIGITS
    odd |= not_digits((word(buffer, at + _BEFORE_FRACTION) & digits) | (_ZEROS & ~digits))
    year, last = buffer[first], buffer[first + np.uintp(length - 2)]
    end, blank = buffer[first + np.uintp(length - 1)], buffer[first + np.uintp(length)]
    following = buffer[first + np.uintp(length + 1)]
    if odd != 0 or end != _Z or blank != BLANK or year < _0 or year > _9 or last < _0 or last > _9:
        return -1
    if following == _BAR or following == _STREAM:
        return -1
    return at + length + 1


def after_usual_name(buffer: Any, at: int, usual: Any) -> Any:
    """Return where a message goes on that begins with the usual name in brackets, else where it begins."""
    is_named = (word(buffer, at) ^ usual[NAME]) & usual[MASK] == 0
    return at + np.intp(usual[NAME_LENGTH]) * np.intp(is_named)


def remember(buffer: Any, at: int, stamp_end: int, message: int, usual: Any) -> None:
    """Remember how a line begins that has a time up to `stamp_end`, and then its message."""
    length = stamp_end - at
    is_known = length == _MILLI or length == _MICRO or length == _NANO
    if is_known and buffer[stamp_end - 1] == _Z and message == stamp_end + 1:
        usual[LENGTH] = np.uint64(length)


def remember_name(buffer: Any, at: int, end: int, usual: Any) -> None:
    """Remember the name in brackets that a message may begin with, if it is short."""
    if at + WORD_BYTES > end or buffer[at] != _OPEN:
        return
    size = 1
    while size < WORD_BYTES - 1 and BRACKETED[buffer[at + size]]:
        size += 1
    if size > 1 and size < WORD_BYTES - 1 and buffer[at + size] == _CLOSE and buffer[at + size + 1] == BLANK:
        size += 2
        usual[MASK] = _ONES >> np.uint64(8 * (WORD_BYTES - size))
        usual[NAME] = word(buffer, at) & usual[MASK]
        usual[NAME_LENGTH] = np.uint64(size)
