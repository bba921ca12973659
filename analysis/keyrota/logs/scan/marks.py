"""What is looked for in a whole block at once, because a record that was refused is not looked at again."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.logs.scan.words import WORD_BYTES, repeated, zeros

HAS_NUL: Final = 1
"""A NUL, or a byte-order mark, may be in the block: decoding drops both, and words may be there that the
bytes do not show."""

MAY_BE_GLUED: Final = 2
"""A JSON object, or an array, may begin right behind the end of an object: a line end is lost.

Objects with a blank or a comma between them, in one line, are not looked for.
"""

_CLOSE, _OPEN, _MARK, _MARKED = 125, 123, 0xEF, 0xBB
_CASE = 32
"""What tells an opening brace from an opening bracket."""

_CASES = repeated(_CASE)
_CLOSES, _OPENS, _MARKS, _MARKEDS = repeated(_CLOSE), repeated(_OPEN), repeated(_MARK), repeated(_MARKED)


def words_of(buffer: Any) -> tuple[Any, Any]:
    """Return the bytes of a buffer as words, from the first byte and from the second on."""
    length = (len(buffer) - 1) // WORD_BYTES * WORD_BYTES
    return buffer[:length].view(np.uint64), buffer[1 : length + 1].view(np.uint64)


def marks(buffer: Any, words: Any, shifted: Any, start: int, end: int) -> int:
    """Return which of the marks a part of a buffer may have, and `words_of` the buffer."""
    first, last = start // WORD_BYTES, max(start, end - 1) // WORD_BYTES
    nul: Any = np.uint64(0)
    mark: Any = np.uint64(0)
    glue: Any = np.uint64(0)
    for index in range(last - first):
        place = np.uintp(first) + np.uintp(index)  # unsigned: so the compiler takes wide steps
        here, behind = words[place], shifted[place]
        nul |= zeros(here)
        mark |= zeros((here ^ _MARKS) | (behind ^ _MARKEDS))
        glue |= zeros((here ^ _CLOSES) | ((behind | _CASES) ^ _OPENS))
    has_nul = nul != 0 or mark != 0
    is_glued = glue != 0
    for index in range(last * WORD_BYTES, end):
        byte = buffer[index]
        following = buffer[index + 1] if index + 1 < end else 32
        has_nul |= byte == 0 or (byte == _MARK and following == _MARKED)
        is_glued |= byte == _CLOSE and following | _CASE == _OPEN
    return (HAS_NUL if has_nul else 0) | (MAY_BE_GLUED if is_glued else 0)
