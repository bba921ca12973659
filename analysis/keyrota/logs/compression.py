"""Bytes out of gzip, zstd, bzip2, xz or nothing, told by the first bytes and never by a name.

Damage is data: a file that was cut, or whose checksum is wrong, gives every byte that can be
decompressed, and says so afterwards in `Inflated.problem`.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

CHUNK_BYTES: Final = 1 << 18
"""How much is read and decompressed at a time."""

_MAGIC: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)


class Inflated:
    """An iterable of decompressed chunks that knows, once it is exhausted, whether all was well.

    Parameters
    ----------
    chunks
        The compressed (or plain) bytes, in pieces of any size.
    on_read
        Called with the number of bytes taken from `chunks`, for a progress bar.

    Attributes
    ----------
    compression
        ``"gzip"``, ``"zstd"``, ``"bzip2"``, ``"xz"`` or ``None``; known after the first chunk.
    problem
        ``None``, or what was wrong with the compressed stream.
    raw_bytes
        Compressed bytes read so far.
    """

    def __init__(self, chunks: Iterable[bytes], on_read: Callable[[int], None] | None = None) -> None:
        self._chunks = chunks
        self._on_read = on_read
        self.compression: str | None = None
        self.problem: str | None = None
        self.raw_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        """Yield decompressed chunks, each bounded, until the end or the damage."""
        chunks = self._counted()
        head = b""
        for chunk in chunks:
            head += chunk
            if len(head) >= 6:
                break
        self.compression = next((name for magic, name in _MAGIC if head.startswith(magic)), None)
        if self.compression is None:
            if head:
                yield head
            yield from chunks
            return
        yield from self._inflate(self.compression, head, chunks)

    def _counted(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.raw_bytes += len(chunk)
            if self._on_read is not None:
                self._on_read(len(chunk))
            yield chunk

    def _inflate(self, compression: str, head: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Decompress member after member: several may follow each other in one file."""
        new = _DECOMPRESSORS[compression]
        stream = new()
        fresh = True  # nothing was fed to `stream` yet
        data = head
        while True:
            while data:
                if fresh and not data.strip(b"\x00"):
                    data = b""  # zeros after the last member are padding
                    break
                checkpoint = stream.copy() if hasattr(stream, "copy") else None
                try:
                    out = stream.decompress(data[:CHUNK_BYTES])
                except (zlib.error, OSError, lzma.LZMAError, EOFError, _zstd_error()) as error:
                    if fresh and self.raw_bytes > len(head):
                        self.problem = "other data follows the compressed data"
                    else:
                        self.problem = f"the compressed data is damaged ({error})"
                        if checkpoint is not None:
                            yield _rescue(checkpoint, data[:CHUNK_BYTES])
                    return
                fresh = False
                rest = data[CHUNK_BYTES:]
                if out:
                    yield out
                if stream.eof:
                    data = stream.unused_data + rest
                    stream, fresh = new(), True
                else:
                    data = rest
            data = next(chunks, b"")
            if not data:
                break
        if not fresh:
            self.problem = "the compressed data ends early (the file was cut)"


def _rescue(stream: Any, data: bytes) -> bytes:
    """Return what `data` gives byte by byte up to the damage: nothing readable is lost."""
    out = bytearray()
    try:
        for i in range(len(data)):
            out += stream.decompress(data[i : i + 1])
    except (zlib.error, OSError):
        pass
    return bytes(out)


def _zstd_decompressor() -> Any:
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()


def _zstd_error() -> type[Exception]:
    # Only a zstd stream can raise it, and only then is the library loaded.
    import sys

    module = sys.modules.get("zstandard")
    return module.ZstdError if module is not None else zlib.error


_DECOMPRESSORS: Final[dict[str, Callable[[], Any]]] = {
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "zstd": _zstd_decompressor,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}
