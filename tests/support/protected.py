"""Bytes at the end of a page behind which none may be read: a look one byte too far ends the process."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np
from numpy.typing import NDArray

from keyrota.logs.scan.words import SLACK

_PROT_NONE = 0

BEHIND = (
    b"",
    b"\n2026-01-09T12:05:28.407460841Z Using GOOGLE_KEY_7 (position 1/4 in pool)",
    b'" ,:[\\\xef\xbb\xbf\r\n' * 9,
)
"""What may stand behind the bytes that a kernel is given: it must not go by it."""


def with_slack(data: bytes, number: int = 0) -> bytes:
    """Return bytes with those behind them that a kernel may read, which differ by `number`."""
    return data + BEHIND[number % len(BEHIND)].ljust(SLACK, b"\0")[:SLACK]


def at_page_end(data: bytes) -> NDArray[np.uint8]:
    """Return the bytes as an array whose last one is the last of a page, before a page that is protected."""
    pages = max(1, -(-len(data) // mmap.PAGESIZE))
    size = pages * mmap.PAGESIZE
    memory = mmap.mmap(-1, size + mmap.PAGESIZE)
    whole = np.frombuffer(memory, dtype=np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    behind = ctypes.c_void_p(whole.ctypes.data + size)
    if libc.mprotect(behind, ctypes.c_size_t(mmap.PAGESIZE), _PROT_NONE) != 0:
        raise OSError(ctypes.get_errno(), "mprotect")
    memory[size - len(data) : size] = data
    return whole[size - len(data) : size]
