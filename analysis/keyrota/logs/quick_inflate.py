"""Gzip and zstd at the speed of the fastest libraries, as long as all is well.

What is not well is raised as `UncleanError` and nothing more is told of it: the careful way of
`keyrota.logs.compression` then reads the source again and says what was wrong, with every byte that
can be had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

OUT_BYTES: Final = 1 << 19
"""How much is decompressed at a time: what stays in a processor's cache until it is read."""

_FLAGS: Final = 3
_UNUSUAL: Final = 0xE2
"""Where a member of gzip has its flags. Of these the fast library takes those that mean nothing, and reads a
header with a checksum wrongly if it comes in pieces."""

_WINDOW: Final = 1 << 27
_FRAME: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x2a\x4d\x18"
_HEADER: Final = 18
"""Bytes of the longest header of a frame."""


class UncleanError(Exception):
    """The compressed data is damaged, cut, or followed by something else."""


def gzip_quickly(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress gzip, member after member."""
    new, error = _gzip_library()
    stream: Any = None
    head = b""
    is_first = True
    try:
        for chunk in chunks:
            data = chunk
            while data:
                if stream is None:
                    data = head + data if is_first or head else data.lstrip(b"\x00")
                    head = data if len(data) <= _FLAGS else b""
                    if head or not data:
                        break
                    if data[_FLAGS] & _UNUSUAL:
                        raise UncleanError
                    stream = new(wbits=31)
                out = stream.decompress(data, OUT_BYTES)
                if out:
                    yield out
                data = stream.unconsumed_tail
                while not data and not stream.eof and len(out) == OUT_BYTES:
                    out = stream.decompress(b"", OUT_BYTES)
                    if out:
                        yield out
                if stream.eof:
                    data, stream, is_first = stream.unused_data, None, False
    except error:
        raise UncleanError from None
    if stream is not None or head:
        raise UncleanError


def _gzip_library() -> tuple[Callable[..., Any], Any]:
    try:
        from isal import isal_zlib
    except ImportError:  # a platform without it
        import zlib

        return zlib.decompressobj, zlib.error
    return isal_zlib.decompressobj, isal_zlib.error


def zstd_quickly(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress zstd, frame after frame."""
    import zstandard

    source: Any = _Source(chunks)
    reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(
        source, read_across_frames=True
    )
    try:
        while out := reader.read(OUT_BYTES):
            yield out
    except (zstandard.ZstdError, ValueError, EOFError):
        raise UncleanError from None
    # At a cut the library just stops.
    if not source.frames.is_complete:
        raise UncleanError


class _Source:
    """Pieces of bytes as a file that is read from, and the frames that were seen in them."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""
        self.frames = Frames()

    def read(self, size: int = -1) -> bytes:
        data = self._rest or next(self._chunks, b"")
        piece, self._rest = (data, b"") if size < 0 else (data[:size], data[size:])
        self.frames.take(piece)
        return piece


class Frames:
    """Follows the frames and blocks of zstd (RFC 8878) by their sizes, without reading what is in them.

    Attributes
    ----------
    is_complete
        Whether the bytes so far end with a frame.
    """

    def __init__(self) -> None:
        self._head = b""
        self._skip = 0
        self._next: Callable[[bytes], int] = self._frame
        self._has_checksum = False
        self.is_complete = True

    def take(self, data: bytes) -> None:
        """Take the next bytes; those of an unknown frame are all that follows."""
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            known = len(self._head)
            head = self._head + data[at : at + _HEADER]
            used = self._next(head)
            if used == 0:
                self._head = head
                return
            self._head = b""
            at += used - known
        if not self._skip and not self._head and self._next == self._frame:
            self.is_complete = True

    def _frame(self, head: bytes) -> int:
        """Read the header of a frame; 0 if that takes more bytes."""
        self.is_complete = False
        # No more is waited for than is used: what is held back is not looked at again.
        if len(head) < 5:
            return 0
        if head[1:4] == _SKIPPABLE and head[0] & 0xF0 == 0x50:
            if len(head) < 8:
                return 0
            self._skip = int.from_bytes(head[4:8], "little")
            return 8
        if not head.startswith(_FRAME):
            self._skip = 1 << 62
            return len(head)
        flags = head[4]
        is_single = flags & 32
        size = (
            5
            + (0 if is_single else 1)
            + (0, 1, 2, 4)[flags & 3]
            + (1 if is_single else 0, 2, 4, 8)[flags >> 6]
        )
        if len(head) < size:
            return 0
        self._has_checksum = bool(flags & 4)
        self._next = self._block
        return size

    def _block(self, head: bytes) -> int:
        if len(head) < 3:
            return 0
        number = int.from_bytes(head[:3], "little")
        self._skip = 1 if number >> 1 & 3 == 1 else number >> 3
        if number & 1:
            self._skip += 4 if self._has_checksum else 0
            self._next = self._frame
        return 3
