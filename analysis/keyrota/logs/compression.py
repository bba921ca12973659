"""Bytes out of gzip, zstd, bzip2, xz or nothing, told by the first bytes and never by a name.

Damage is data: a file that was cut, or whose checksum is wrong, gives every byte that can be
decompressed, and says so afterwards in `Inflated.problem`. A bomb is one more kind of damage: output
comes in bounded pieces and ends at a limit.
"""

from __future__ import annotations

import bz2
import itertools
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Protocol

from keyrota.logs.quick_inflate import OUT_BYTES, UncleanError, gzip_quickly, zstd_quickly

CHUNK_BYTES: Final = 1 << 18
"""How much is read at a time."""

INFLATED_LIMIT: Final = 4 << 30
"""Where decompression of one source ends, unless it is as long as its compressed bytes let expect."""

BOMB_RATIO: Final = 100
"""Bytes for each compressed one that are no log's: logs shrink to a tenth, bombs to a thousandth."""

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
    limit
        Decompressed bytes at which to stop. If not given, `INFLATED_LIMIT`, or `BOMB_RATIO` times the
        compressed bytes where that is more.
    again
        Gives the same bytes once more. With it gzip and zstd are decompressed by the fastest libraries, and
        only what is not well is gone through with care.

    Attributes
    ----------
    compression
        ``"gzip"``, ``"zstd"``, ``"bzip2"``, ``"xz"`` or ``None``; known after the first chunk.
    problem
        ``None``, or what was wrong with the compressed stream.
    raw_bytes
        Compressed bytes read so far.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        on_read: Callable[[int], None] | None = None,
        *,
        limit: int | None = None,
        again: Callable[[], Iterable[bytes]] | None = None,
    ) -> None:
        self._chunks = chunks
        self._on_read = on_read
        self._limit = limit
        self._again = again
        self.compression: str | None = None
        self.problem: str | None = None
        self.raw_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        """Yield decompressed chunks, each bounded, until the end, the damage or the limit."""
        chunks = self._counted()
        head = b""
        for chunk in chunks:
            head += chunk
            if len(head) >= 6:
                break
        self.compression = next((name for magic, name in _MAGIC if head.startswith(magic)), None)
        whole = itertools.chain([head] if head else [], chunks)
        if self.compression is None:
            yield from whole
            return
        total = 0
        quick = _QUICK.get(self.compression) if self._again is not None else None
        inflated = (
            self._inflate(_MEMBERS[self.compression], whole) if quick is None else self._quickly(quick, whole)
        )
        for out in inflated:
            limit = max(INFLATED_LIMIT, BOMB_RATIO * self.raw_bytes) if self._limit is None else self._limit
            if total + len(out) > limit:
                self.problem = self._beyond_limit()
                if kept := out[: limit - total]:
                    yield kept
                return
            total += len(out)
            yield out

    def _beyond_limit(self) -> str:
        if self._limit is not None:
            return f"it inflates to more than the limit of {self._limit:,} bytes; the rest was left out"
        return (
            f"it inflates to more than {INFLATED_LIMIT:,} bytes, and more than {BOMB_RATIO} times its size; "
            "the rest was left out"
        )

    def _quickly(
        self, quick: Callable[[Iterable[bytes]], Iterator[bytes]], chunks: Iterable[bytes]
    ) -> Iterator[bytes]:
        """Decompress quickly, and what is left when something is not well with care."""
        done = 0
        try:
            for out in quick(chunks):
                done += len(out)
                yield out
        except UncleanError:
            assert self._again is not None
            self.raw_bytes, self._on_read = 0, None
            self._chunks = self._again()
            for out in self._inflate(_MEMBERS[self.compression or ""], self._counted()):
                if done < len(out):
                    yield out[done:]
                done = max(0, done - len(out))

    def _counted(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.raw_bytes += len(chunk)
            if self._on_read is not None:
                self._on_read(len(chunk))
            yield chunk

    def _inflate(self, new: Callable[[], _Member], chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Decompress member after member: several may follow each other in one file."""
        member: _Member | None = None
        is_first = True
        for chunk in chunks:
            data = chunk
            while data:
                if member is None:
                    # Zeros after a member are padding.
                    data = data if is_first else data.lstrip(b"\x00")
                    if not data:
                        break
                    member = new()
                    fed = 0
                try:
                    for out in member.feed(data):
                        fed += len(out)
                        yield out
                except _errors() as error:
                    self.problem = (
                        f"the compressed data is damaged ({error})"
                        if is_first or fed
                        else "other data follows the compressed data"
                    )
                    return
                if not member.stream.eof:
                    break
                data, member, is_first = member.rest, None, False
        if member is not None:
            self.problem = "the compressed data ends early (the file was cut)"


class _Member(Protocol):
    """One compressed stream of a file that may hold several.

    `feed` yields what its input gives, in bounded pieces; once ``stream.eof`` is true, `rest` is what
    followed the stream's end.
    """

    stream: Any
    rest: bytes

    def feed(self, data: bytes) -> Iterator[bytes]: ...


class _Gzip:
    def __init__(self) -> None:
        self.stream = zlib.decompressobj(wbits=31)
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            before = self.stream.copy()
            try:
                out = self.stream.decompress(data, OUT_BYTES)
            except zlib.error:
                yield from _up_to_damage(before, data)
                raise
            if out:
                yield out
            data = self.stream.unconsumed_tail
            if self.stream.eof or (not data and len(out) < OUT_BYTES):
                break
        self.rest = self.stream.unused_data


def _up_to_damage(stream: Any, data: bytes) -> Iterator[bytes]:
    """Yield what `data` gives byte by byte: nothing readable is lost."""
    out = bytearray()
    try:
        for i in range(len(data)):
            out += stream.decompress(data[i : i + 1])
    except zlib.error:
        pass
    yield bytes(out)


class _Blocks:
    """Bzip2 and xz, whose objects keep the input that a bounded call leaves."""

    def __init__(self, stream: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self.stream = stream
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            if out := self.stream.decompress(data, OUT_BYTES):
                yield out
            data = b""
            if self.stream.eof or self.stream.needs_input:
                break
        self.rest = self.stream.unused_data if self.stream.eof else b""


class _Zstd:
    """Zstandard, whose output cannot be bounded but by small input: a block of 128 KiB takes 4 bytes."""

    STEP: Final = 1 << 8

    def __init__(self) -> None:
        import zstandard

        self.stream = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        pieces: list[bytes] = []
        size = 0
        for start in range(0, len(data), self.STEP):
            try:
                out = self.stream.decompress(data[start : start + self.STEP])
            except Exception:
                yield b"".join(pieces)
                raise
            pieces.append(out)
            size += len(out)
            if size > OUT_BYTES:
                yield b"".join(pieces)
                pieces, size = [], 0
            if self.stream.eof:
                self.rest = self.stream.unused_data + data[start + self.STEP :]
                break
        if size:
            yield b"".join(pieces)


def _errors() -> tuple[type[Exception], ...]:
    # Only a zstd stream can raise its error, and only then is the library loaded.
    import sys

    module = sys.modules.get("zstandard")
    errors = (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError)
    return (*errors, module.ZstdError) if module is not None else errors


_QUICK: Final = {"gzip": gzip_quickly, "zstd": zstd_quickly}

_MEMBERS: Final[dict[str, Callable[[], _Member]]] = {
    "gzip": _Gzip,
    "zstd": _Zstd,
    "bzip2": lambda: _Blocks(bz2.BZ2Decompressor()),
    "xz": lambda: _Blocks(lzma.LZMADecompressor(memlimit=1 << 28)),
}
