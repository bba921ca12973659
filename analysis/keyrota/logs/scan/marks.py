"""What is looked for in a whole block at once, because a record that was refused is not looked at again."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.logs.scan.wide import WIDE, below, equal

HAS_NUL: Final = 1
"""A NUL, or a byte-order mark, may be in the block: decoding drops both, and words may be there that the
bytes do not show."""

MAY_BE_GLUED: Final = 2
"""A JSON object, or an array, may begin right behind the end of an object: a line end is lost.

Objects with a blank or a comma between them, in one line, are not looked for.
"""

_CLOSE, _OBJECT, _ARRAY, _MARK, _MARKED = 125, 123, 91, 0xEF, 0xBB
_ONE: Final = np.uint64(1)


def marks(buffer: Any, start: int, end: int, is_json: bool) -> int:
    """Return which of the marks a part of a buffer may have; `WIDE` bytes behind it may be read.

    Only JSON may be glued.
    """
    hidden, glued = np.uint64(0), np.uint64(0)
    last = max(start, end - 1 - (end - 1 - start) % WIDE)
    for place in range(start, last, WIDE):  # these have a byte behind them that is of the part too
        hidden |= _hidden(buffer, place)
        if is_json:
            glued |= _glued(buffer, place)
    if last < end:
        known = below(end - last)
        hidden |= equal(buffer, last, 0) & known
        hidden |= _hidden(buffer, last) & (known >> _ONE)
        if is_json:
            glued |= _glued(buffer, last) & (known >> _ONE)
    return (HAS_NUL if hidden != 0 else 0) | (MAY_BE_GLUED if glued != 0 else 0)


def _hidden(buffer: Any, place: int) -> Any:
    """Return a bit for each NUL, and for each place where a byte-order mark may begin."""
    return equal(buffer, place, 0) | (equal(buffer, place, _MARK) & equal(buffer, place + 1, _MARKED))


def _glued(buffer: Any, place: int) -> Any:
    opened = equal(buffer, place + 1, _OBJECT) | equal(buffer, place + 1, _ARRAY)
    return equal(buffer, place, _CLOSE) & opened
