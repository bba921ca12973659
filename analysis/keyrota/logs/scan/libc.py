"""How the scan finds bytes: compiled, by libc's ``memchr`` and ``memmem`` where there are any, else in loops.

Both are called by name, so that nothing is built and the compiled code can be kept on disk. Every call is
guarded: a negative length is a huge one for libc, which then reads until the process dies. A test holds
each against a protected page.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any, Final

import numpy as np


def _has(name: str) -> bool:
    if sys.platform == "win32":
        return False  # no memmem
    try:
        return hasattr(ctypes.CDLL(None), name)
    except OSError:
        return False


HAS_LIBC: Final = _has("memchr") and _has("memmem")
"""Whether the platform's C library has both functions."""


def find(buffer: Any, byte: int, start: int, end: int) -> int:
    """Return the index of the first `byte` in ``buffer[start:end]``, `end` if there is none."""
    for index in range(start, end):
        if buffer[index] == byte:
            return index
    return end


def find_text(buffer: Any, text: Any, start: int, end: int) -> int:
    """Return the index of the first `text` in ``buffer[start:end]``, `end` if there is none."""
    for index in range(start, end - len(text) + 1):
        if buffer[index] == text[0] and is_at(buffer, text, index, end):
            return index
    return end


def is_at(buffer: Any, text: Any, start: int, end: int) -> bool:
    """Say whether `text` stands at `start` and ends by `end`."""
    if start + len(text) > end:
        return False
    for offset in range(len(text)):
        if buffer[start + offset] != text[offset]:
            return False
    return True


def letters(text: str) -> Any:
    """Return ASCII text as the bytes that the scan compares."""
    return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
