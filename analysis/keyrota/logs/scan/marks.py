"""What is looked for in a whole block at once, because a record that was refused is not looked at again."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.logs.scan.libc import find

HAS_NUL: Final = 1
"""A NUL, or a byte-order mark, may be in the block: decoding drops both, and words may be there that the
bytes do not show."""

MAY_BE_GLUED: Final = 2
"""A JSON object may begin right behind the end of another: files were put together, and a line end is lost.

Objects with a blank or a comma between them, in one line, are not looked for.
"""

_PAIR: Final = int(np.frombuffer(b"}{", dtype=np.uint16)[0])
_MARK: Final = int(np.frombuffer(b"\xef\xbb", dtype=np.uint16)[0])


def pairs_of(buffer: Any) -> tuple[Any, Any]:
    """Return the bytes two by two, from the first and from the second on."""
    length = len(buffer) // 2 * 2
    return buffer[:length].view(np.uint16), buffer[1 : length - 1].view(np.uint16)


def _has_pair(pairs: Any, start: int, end: int, pair: int) -> bool:
    # One comparison in a loop without an early end, unsigned indices: so the compiler takes wide steps.
    first = np.uintp(start)
    seen = np.int32(0)
    for index in range(end - start):
        seen += np.int32(pairs[first + np.uintp(index)] == pair)
    return seen != 0


def marks(buffer: Any, even: Any, odd: Any, start: int, end: int, is_json: bool) -> int:
    """Return which of the marks a part of a buffer has; a byte behind it is to be there."""
    first, last = start // 2, (end + 1) // 2
    found = 0
    if (
        find(buffer, 0, start, end) < end
        or _has_pair(even, first, last, _MARK)
        or _has_pair(odd, first, last, _MARK)
    ):
        found = HAS_NUL
    if is_json and (_has_pair(even, first, last, _PAIR) or _has_pair(odd, first, last, _PAIR)):
        found |= MAY_BE_GLUED
    return found
