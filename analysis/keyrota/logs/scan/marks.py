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


def marks(buffer: Any, even: Any, odd: Any, start: int, end: int) -> int:
    """Return which of the marks a part of a buffer has; a byte behind it is to be there."""
    found = HAS_NUL if find(buffer, 0, start, end) < end else 0
    first = np.uintp(start // 2)
    seen = marked = np.int32(0)
    for index in range((end + 1) // 2 - start // 2):
        pair = even[first + np.uintp(index)]
        seen += np.int32(pair == _PAIR)
        marked += np.int32(pair == _MARK)
    for index in range((end + 1) // 2 - start // 2):
        pair = odd[first + np.uintp(index)]
        seen += np.int32(pair == _PAIR)
        marked += np.int32(pair == _MARK)
    return found | (HAS_NUL if marked else 0) | (MAY_BE_GLUED if seen else 0)
