"""Eight bytes at a time: a machine word, and what its bytes are, without a branch for each.

All numbers are unsigned and no sum overflows a byte, so that plain Python says the same as machine code.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.logs.hashing import WORD_BYTES as WORD_BYTES

SLACK: Final = 128
"""Bytes behind those that a kernel is given, which it may read but does not go by: words go over an end."""

_SEVEN: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
_BYTE: Final = np.uint64(0xFF)
_HALVES: Final = np.uint64(0x0F0F0F0F0F0F0F0F)
_PAIRS: Final = np.uint64(0x00FF00FF00FF00FF)
_FOURS: Final = np.uint64(0x0000FFFF0000FFFF)
_FOUR_BYTES: Final = np.uint64(0xFFFFFFFF)
_TEN, _HUNDRED, _TEN_THOUSAND = np.uint64(10), np.uint64(100), np.uint64(10_000)
_ABOVE_CONTROLS: Final = np.uint64(0xE0E0E0E0E0E0E0E0)


def packed(text: str) -> Any:
    """Return up to eight ASCII characters as the word that `word` reads, zeros behind them."""
    return np.uint64(int.from_bytes(text.encode("ascii"), "little"))


def word(buffer: Any, at: int) -> Any:
    """Return the eight bytes from `at` on, the first in the lowest place; all are to be there."""
    first = np.uintp(at)
    value = np.uint64(0)
    for index in range(8):  # the compiler makes one load of it
        value |= np.uint64(buffer[first + np.uintp(index)]) << np.uint64(8 * index)
    return value


def zeros(value: Any) -> Any:
    """Return a word whose bytes are 0x80 where those of a word are zero, else 0."""
    return ~((((value & _SEVEN) + _SEVEN) | value) | _SEVEN)


def lead(flags: Any) -> Any:
    """Return how many bytes stand before the first one of which a bit is set, eight if there is none.

    Compiled, this is one instruction.
    """
    for size in range(WORD_BYTES):
        if flags >> np.uint64(8 * size) & _BYTE != 0:
            return size
    return WORD_BYTES


def eight_digits(value: Any) -> Any:
    """Return the number that eight ASCII digits are, the first in the lowest place."""
    value &= _HALVES
    value = (value * _TEN + (value >> np.uint64(8))) & _PAIRS
    value = (value * _HUNDRED + (value >> np.uint64(16))) & _FOURS
    return (value * _TEN_THOUSAND + (value >> np.uint64(32))) & _FOUR_BYTES


def is_same(one: Any, at: int, other: Any, start: int, length: int) -> bool:
    """Say whether two buffers hold the same bytes, at least eight of them."""
    different = word(one, at + length - WORD_BYTES) ^ word(other, start + length - WORD_BYTES)
    for offset in range(0, length - WORD_BYTES, WORD_BYTES):
        different |= word(one, at + offset) ^ word(other, start + offset)
    return bool(different == 0)


def has_controls(buffer: Any, start: int, end: int) -> bool:
    """Say whether there is a byte below 32; up to seven bytes behind the end are read."""
    odd = np.uint64(0)
    at = start
    while at + WORD_BYTES <= end:
        odd |= zeros(word(buffer, at) & _ABOVE_CONTROLS)
        at += WORD_BYTES
    flags = zeros(word(buffer, at) & _ABOVE_CONTROLS)
    return bool(odd != 0 or lead(flags) < end - at)
