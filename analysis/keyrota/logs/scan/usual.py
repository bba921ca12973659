"""How the lines of a log begin, remembered: a time of so many bytes.

A line that begins as one before it did is past its beginning in a few steps without a loop.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.logs.scan.alphabet import BLANK
from keyrota.logs.scan.refused import READ_BYTES, is_refused
from keyrota.logs.scan.wide import all_lines, between
from keyrota.logs.scan.words import SLACK, packed, word

# What is remembered: the bytes of a time up to its Z, 0 if there is none; which of them are digits, as bits.
LENGTH, DIGITS, USUAL = range(3)

LEAST_BYTES: Final = 40
"""Bytes of the shortest line that is looked at here."""

# What stands between the digits of a time, by words: ``2026-01-``, ``09T12:05``, ``:28.407``.
_DATE: Final = packed("\0\0\0\0-\0\0-")
_HOUR: Final = packed("\0\0T\0\0:\0\0")
_FRACTION: Final = packed(":\0\0.")
_IN_DATE, _IN_HOUR, _IN_FRACTION = (
    np.uint64(sum(0xFF << 8 * place for place in places)) for places in ((4, 7), (2, 5), (0, 3))
)
_BEFORE_FRACTION: Final = 20
_MILLI, _MICRO, _NANO = (_BEFORE_FRACTION + digits + 1 for digits in (3, 6, 9))
assert _NANO + 1 + READ_BYTES <= SLACK, "so much is read of a line of one byte"
_NO_DIGITS: Final = np.uint64(sum(1 << place for place in (4, 7, 10, 13, 16, 19)))
_ONE: Final = np.uint64(1)
_0, _9, _Z, _BAR, _STREAM = 48, 57, 90, 124, 115


def new_usual() -> Any:
    """Return a memory in which nothing is."""
    return np.zeros(USUAL, dtype=np.uint64)


def remember(buffer: Any, at: int, stamp_end: int, message: int, usual: Any) -> None:
    """Remember how a line begins that has a time up to `stamp_end`, and then its message."""
    length = stamp_end - at
    is_known = length == _MILLI or length == _MICRO or length == _NANO
    if is_known and buffer[stamp_end - 1] == _Z and message == stamp_end + 1:
        usual[LENGTH] = np.uint64(length)
        usual[DIGITS] = ((_ONE << np.uint64(length - 1)) - _ONE) & ~_NO_DIGITS


def after_usual(buffer: Any, at: int, stop: int, usual: Any) -> Any:
    """Return where the message of a line begins that begins as usual, -1 if it does not."""
    length = np.intp(usual[LENGTH])
    if length == 0 or stop - at < LEAST_BYTES or not _is_usual(buffer, at, length, usual[DIGITS]):
        return -1
    return at + length + 1


def doubtful_lines(buffer: Any, ends: Any, number: int, usual: Any, doubtful: Any) -> int:
    """Write into `doubtful` which of the lines between `ends` may be events, and return how many.

    The others begin as usual and go on as no event does. That is told without a branch for each line, so
    that the processor is at several at once. `SLACK` bytes behind the last line may be read.
    """
    length, digits = np.intp(usual[LENGTH]), usual[DIGITS]
    if length == 0:
        return all_lines(number, doubtful)
    left = np.intp(0)
    for index in range(number):
        doubtful[left] = index
        at, stop = ends[index] + 1, ends[index + 1]
        is_usual = (stop - at >= LEAST_BYTES) & _is_usual(buffer, at, length, digits)
        left += 1 - np.intp(is_usual & is_refused(buffer, at + length + 1, stop))
    return int(left)


def _is_usual(buffer: Any, at: int, length: Any, digits: Any) -> Any:
    """Say whether a line begins with a time of so many bytes, a blank and its message.

    Bytes are read whether they are there or not.
    """
    first = np.uintp(at)
    odd = (word(buffer, at) ^ _DATE) & _IN_DATE
    odd |= (word(buffer, at + 8) ^ _HOUR) & _IN_HOUR
    odd |= (word(buffer, at + 16) ^ _FRACTION) & _IN_FRACTION
    odd |= digits & ~between(buffer, at, _0, _9)
    end, blank = buffer[first + np.uintp(length - 1)], buffer[first + np.uintp(length)]
    following = buffer[first + np.uintp(length + 1)]
    return (odd == 0) & (end == _Z) & (blank == BLANK) & (following != _BAR) & (following != _STREAM)
