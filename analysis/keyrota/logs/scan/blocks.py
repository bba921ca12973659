"""The bytes of a log in one buffer, used again and again: what is done with makes room at its front."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np

from keyrota.logs.scan.words import SLACK

BLOCK_BYTES: Final = 1 << 20
"""Bytes of a buffer, which stays in the second cache: of a quarter as many a scan takes longer."""

_LOOK_AHEAD: Final = 1 << 12


class Blocks:
    """A buffer over a stream.

    Parameters
    ----------
    read_into
        Fills a writable buffer as far as it can and returns the number of bytes, 0 at the end.
    start
        The place of the stream's first byte in its file.

    Attributes
    ----------
    buffer
        The bytes; those behind `filled` mean nothing.
    at, filled
        What is not done with: ``buffer[at:filled]``.
    is_last
        Whether nothing follows.
    """

    def __init__(
        self, read_into: Callable[[memoryview], int | None], start: int = 0, size: int = BLOCK_BYTES
    ) -> None:
        self._read_into = read_into
        self._first = start
        self.buffer = np.zeros(size + SLACK, dtype=np.uint8)
        self._size = size
        self.at = self.filled = 0
        self.is_last = False

    @property
    def place(self) -> int:
        """Where in the file the first byte stands that is not done with."""
        return self._first + self.at

    @property
    def end(self) -> int:
        """Where in the file the first byte stands that was not read."""
        return self._first + self.filled

    def index(self, place: int) -> int:
        """Return where in the buffer a place of the file is."""
        return place - self._first

    def place_behind_line(self, index: int) -> int:
        """Return the place behind the line that an index of the buffer is in, as far as it was read."""
        while index < self.filled:
            found = self.buffer[index : index + _LOOK_AHEAD].tobytes().find(b"\n", 0, self.filled - index)
            if found >= 0:
                return self._first + index + found + 1
            index += _LOOK_AHEAD
        return self.end

    @property
    def is_full(self) -> bool:
        """Whether no more can be read before some of it is done with."""
        return self.at == 0 and self.filled == self._size

    def fill(self) -> bool:
        """Read on; false at the end of the stream."""
        if self.at:
            left = self.filled - self.at
            self.buffer[:left] = self.buffer[self.at : self.filled]
            self._first += self.at
            self.at, self.filled = 0, left
        view = memoryview(self.buffer)[: self._size]  # type: ignore[arg-type]
        number = self._read_into(view[self.filled :]) or 0
        self.filled += number
        self.is_last = number == 0
        return number > 0

    def taken(self, end: int) -> bytes:
        """Return what is not done with, up to an index of the buffer."""
        return self.buffer[self.at : end].tobytes()


def from_chunks(chunks: Iterable[bytes]) -> Callable[[memoryview], int]:
    """Return what fills a buffer from a stream that comes in pieces."""
    pieces = iter(chunks)
    rest = memoryview(b"")

    def read_into(view: memoryview) -> int:
        nonlocal rest
        filled = 0
        while filled < len(view):
            if not rest:
                rest = memoryview(next(pieces, b""))
                if not rest:
                    break
            number = min(len(rest), len(view) - filled)
            view[filled : filled + number] = rest[:number]
            rest = rest[number:]
            filled += number
        return filled

    return read_into


def rest_of(blocks: Blocks) -> Iterator[bytes]:
    """Yield what is not done with, and all that follows."""
    while True:
        if blocks.filled > blocks.at:
            data = blocks.taken(blocks.filled)
            blocks.at = blocks.filled
            yield data
        if not blocks.fill():
            return
