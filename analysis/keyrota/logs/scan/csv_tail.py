"""The cells behind a quoted message, remembered: in most rows they are as long as in the row before.

Then one look in wide steps says that they are cut at the same places: a separator where one was, and none of
what cuts or quotes anywhere else.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from keyrota.logs.scan.alphabet import COMMA, CR

TAIL_BYTES: Final = 1 << 9
"""Bytes up to which a tail is remembered, its line end included."""

_STEP: Final = 32
_CELLS: Final = 64


class Tail(NamedTuple):
    """What is remembered of a row's tail.

    Attributes
    ----------
    size
        Bytes up to the LF, which is not counted; 0 if nothing is remembered.
    content
        The bytes.
    fixed, free
        Flags (255) of those that are to be the same, and of those that may be anything above a comma.
    starts
        Where the cells begin.
    """

    size: Any
    content: Any
    fixed: Any
    free: Any
    starts: Any


def new_tail() -> Tail:
    """Return room for a tail, with none in it."""
    content, fixed, free = (np.zeros(TAIL_BYTES + _STEP, dtype=np.uint8) for _ in range(3))
    return Tail(np.zeros(1, dtype=np.int64), content, fixed, free, np.zeros(_CELLS, dtype=np.int64))


def keep_tail(buffer: Any, at: int, stop: int, cells: Any, width: int, tail: Tail) -> None:
    """Remember the cells of a row from `at`, behind the first, to `stop`, an LF; where they begin is told."""
    size = stop - at
    if size + 1 > TAIL_BYTES or width >= _CELLS:
        return
    tail.size[0] = size
    for index in range(size + 1):
        byte = buffer[at + index]
        is_fixed = byte <= COMMA  # what cuts or quotes, and a blank in a time
        tail.content[index] = byte
        tail.fixed[index] = 255 if is_fixed else 0
        tail.free[index] = 0 if is_fixed else 255
    for index in range(size + 1, size + 1 + _STEP):
        tail.fixed[index] = tail.free[index] = 0
    for index in range(1, width):
        tail.starts[index] = cells[index] - at
    to = size
    while to > 0 and buffer[at + to - 1] == CR:
        to -= 1
    tail.starts[width] = to + 1


def has_tail(buffer: Any, at: int, end: int, tail: Tail) -> bool:
    """Say whether a row goes on from `at` as remembered; up to 32 bytes behind it are read."""
    size = tail.size[0]
    if size == 0 or at + size >= end:
        return False
    odd = np.uint8(0)
    first = np.uintp(at)
    for index in range((size + _STEP) // _STEP * _STEP):
        place = np.uintp(index)
        byte = buffer[first + place]
        odd |= ((byte ^ tail.content[place]) & tail.fixed[place]) | (
            np.uint8(byte <= COMMA) & tail.free[place]
        )
    return bool(odd == 0)


def place_cells(at: int, starts: Any, ends: Any, width: int, tail: Tail) -> None:
    """Set where the cells of a row begin and end whose tail is as remembered."""
    for index in range(1, width):
        starts[index] = at + tail.starts[index]
        ends[index] = at + tail.starts[index + 1] - 1
