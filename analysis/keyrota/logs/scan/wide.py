"""Sixty-four bytes at a time: which of them are one byte, as the bits of a word.

Compiled, a look is two or three of the processor's widest instructions, and where lines end is known before
any of them is looked at: so the processor works on many lines at once, not on one after the other.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.logs.scan.alphabet import LF
from keyrota.logs.scan.libc import find

WIDE: Final = 64
"""Bytes of one look."""

NEAR: Final = 16
"""Bytes of a look at what begins at no round place: a wide one there is two loads."""

_ALL: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
_AT_ONCE: Final = 2
"""Line ends that are written for each look, there or not: how many there are cannot be foreseen."""

_POWERS: Final = 6
"""Of two, up to `WIDE`."""

# Bytes of which the lines are looked at together. Few at first: a kernel that stops at an odd line looks at
# those behind it again.
LEAST_REACH: Final = 1 << 11
MOST_REACH: Final = 1 << 15

MOST_ENDS: Final = 1 + MOST_REACH + _AT_ONCE
"""Room for the ends of so many lines."""


def equal(buffer: Any, at: int, byte: int) -> Any:
    """Return a word in which a bit is set for each of the `WIDE` bytes from `at` on that is `byte`."""
    return _bits(buffer[at : at + WIDE] == byte, np.uint64)


def between(buffer: Any, at: int, least: int, most: int) -> Any:
    """Return a word in which a bit is set for each of the `WIDE` bytes from `at` on that is in a range."""
    several = buffer[at : at + WIDE]
    return _bits((several >= least) & (several <= most), np.uint64)


def near_equal(buffer: Any, at: int, byte: int) -> Any:
    """Return a word in which a bit is set for each of the `NEAR` bytes from `at` on that is `byte`."""
    return _bits(buffer[at : at + NEAR] == byte, np.uint16)


def near_between(buffer: Any, at: int, least: int, most: int) -> Any:
    """Return a word in which a bit is set for each of the `NEAR` bytes from `at` on that is in a range."""
    several = buffer[at : at + NEAR]
    return _bits((several >= least) & (several <= most), np.uint16)


def _bits(flags: Any, kind: Any) -> Any:
    return np.uint64(np.packbits(flags, bitorder="little").view(kind)[0])


def identifiers(buffer: Any, at: int) -> Any:
    """Return a word in which a bit is set for each of the `WIDE` bytes from `at` on that an id may hold."""
    letters = between(buffer, at, 65, 90) | between(buffer, at, 97, 122)
    digits = between(buffer, at, 48, 58)  # and the colon behind them
    return letters | digits | between(buffer, at, 45, 46) | equal(buffer, at, 95)


def first_of(bits: Any) -> Any:
    """Return the number of the lowest bit that is set, `WIDE` if none is."""
    lowest = int(bits) & -int(bits)
    return lowest.bit_length() - 1 if lowest else WIDE


def count_of(bits: Any) -> Any:
    """Return how many bits are set."""
    return int(bits).bit_count()


def without_first(bits: Any) -> Any:
    """Return a word without the lowest bit that is set."""
    return np.uint64(int(bits) & (int(bits) - 1)) if bits != 0 else bits


def below(number: int) -> Any:
    """Return a word whose lowest bits are set, so many, from one to `WIDE`."""
    return _ALL >> np.uint64(WIDE - number)


def parity(bits: Any) -> Any:
    """Return a word in which a bit is set if, with those below, an odd number of bits was set."""
    for power in range(_POWERS):
        bits = bits ^ (bits << np.uint64(1 << power))
    return bits


def all_lines(number: int, lines: Any) -> int:
    """Write the numbers of so many lines into `lines`, and return how many they are."""
    for index in range(number):
        lines[index] = index
    return number


def write_places(place: int, bits: Any, ends: Any, number: Any, at_once: int) -> Any:
    """Write where the bits of a look at `place` are set, and return how many there are with those before.

    So many are written `at_once`, there or not.
    """
    behind = number + count_of(bits)
    for index in range(at_once):
        ends[np.uintp(number + index)] = place + first_of(bits)
        bits = without_first(bits)
    for index in range(number + at_once, behind):
        ends[np.uintp(index)] = place + first_of(bits)
        bits = without_first(bits)
    return behind


def line_ends(buffer: Any, at: int, end: int, is_last: bool, reach: int, ends: Any) -> int:
    """Write into `ends` where the line before ends, and where the next lines end, each an LF.

    Returns how many lines there are: at least one, or none if the line at `at` goes on behind `end`. They are
    those of `reach` bytes, or a single one that is longer; the last one of a stream may end at `end`. `WIDE`
    bytes behind `end` may be read.
    """
    stop = min(end, at + reach)
    ends[0] = at - 1
    number = np.intp(1)
    last = stop - (stop - at) % WIDE
    for place in range(at, last, WIDE):
        number = write_places(place, equal(buffer, place, LF), ends, number, _AT_ONCE)
    if last < stop:
        bits = equal(buffer, last, LF) & below(stop - last)
        number = write_places(last, bits, ends, number, _AT_ONCE)
    if number == 1:
        line_end = find(buffer, LF, stop, end)
        if line_end < end or is_last:
            ends[1] = line_end
            number += 1
    elif is_last and stop == end and ends[number - 1] + 1 < end:
        ends[number] = end
        number += 1
    return int(number - 1)
