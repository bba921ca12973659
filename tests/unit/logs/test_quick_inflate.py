"""Quick decompression against the careful one: the same bytes and account, whatever was done to a file."""

from __future__ import annotations

import gzip
import itertools
import random
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from keyrota.logs import compression, quick_inflate
from keyrota.logs.compression import BOMB_RATIO, Inflated
from keyrota.logs.quick_inflate import OUT_BYTES, Frames, UncleanError, gzip_quickly, zstd_quickly

RNG = np.random.default_rng(5)
KEYS = RNG.integers(1, 11, 400)
TEXT = b"".join(f"Using GOOGLE_KEY_{key} (position 1/4 in pool)\n".encode() for key in KEYS)
NOISE = RNG.integers(0, 256, 3000, dtype=np.uint8).tobytes()
LONG = TEXT * 200  # more than is handed out at a time


def gz(data: bytes, level: int = 6) -> bytes:
    return gzip.compress(data, level, mtime=0)


def zst(data: bytes, *, level: int = 3, checksum: bool = False, size: bool = True) -> bytes:
    return zstandard.ZstdCompressor(level=level, write_checksum=checksum, write_content_size=size).compress(
        data
    )


def in_blocks(data: bytes, step: int, **options: Any) -> bytes:
    """Return a frame of several blocks, without the size of its content."""
    compressor = zstandard.ZstdCompressor(**options).compressobj()
    pieces = []
    for start in range(0, len(data), step):
        pieces += [
            compressor.compress(data[start : start + step]),
            compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK),
        ]
    return b"".join([*pieces, compressor.flush()])


def skippable(data: bytes, number: int = 0) -> bytes:
    return bytes([0x50 + number]) + b"\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data


def run_length(length: int, times: int) -> bytes:
    """Return a frame whose blocks say "this byte, so many times": 4 bytes for 128 KiB."""
    header = b"\x28\xb5\x2f\xfd" + bytes([0, 0x70])  # a window of 16 MiB, no size
    blocks = [length << 3 | 1 << 1 | (1 if last else 0) for last in (False,) * (times - 1) + (True,)]
    return header + b"".join(block.to_bytes(3, "little") + b"a" for block in blocks)


def header_of(flags: int, fields: bytes = b"") -> bytes:
    """Return the header of a member of gzip."""
    return b"\x1f\x8b\x08" + bytes([flags]) + bytes(5) + b"\xff" + fields


def checked(header: bytes) -> bytes:
    return header + (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")


NAMED = (
    gzip.compress(TEXT, mtime=1)[:3]
    + bytes([8])
    + gzip.compress(TEXT, mtime=1)[4:10]
    + b"a.log\x00"
    + gz(TEXT)[10:]
)

GZIP: dict[str, bytes] = {
    "whole": gz(TEXT),
    "stored": gz(TEXT, 0),
    "noise": gz(NOISE),
    "empty": gz(b""),
    "one byte": gz(b"a"),
    "with a name": NAMED,
    "an extra field": header_of(4, b"\x03\x00abc") + gz(TEXT)[10:],
    "a comment": header_of(16, b"a comment\x00") + gz(TEXT)[10:],
    "a checksum of the header": checked(header_of(2)) + gz(TEXT)[10:],
    "all of them": checked(header_of(31, b"\x01\x00ab.log\x00said\x00")) + gz(TEXT)[10:],
    "an unknown flag": header_of(0x40) + gz(TEXT)[10:],
    "an unknown method": b"\x1f\x8b\x07" + gz(TEXT)[3:],
    "a wrong checksum of the header": checked(header_of(2))[:-1] + b"?" + gz(TEXT)[10:],
    "two members": gz(TEXT) + gz(TEXT[:99]),
    "empty members": gz(b"") + gz(TEXT) + gz(b"") + gz(b""),
    "padded": gz(TEXT) + b"\x00" * 600,
    "padded between": gz(TEXT) + b"\x00" * 77 + gz(TEXT) + b"\x00",
    "junk behind": gz(TEXT) + b"some other data, quite long",
    "a byte behind": gz(TEXT) + b"\x1f",
    "half a mark behind": gz(TEXT) + b"\x1f\x8b\x08",
    "zeros, then junk": gz(TEXT) + b"\x00" * 9 + b"junk",
    "a wrong checksum": gz(TEXT)[:-8] + b"\x00\x01\x02\x03" + gz(TEXT)[-4:],
    "a wrong length": gz(TEXT)[:-4] + b"\x00\x01\x02\x03",
    "the second is cut": gz(TEXT) + gz(TEXT)[:-9],
    "zstd behind": gz(TEXT) + zst(TEXT),
    "long": gz(LONG),
}
ZSTD: dict[str, bytes] = {
    "whole": zst(TEXT),
    "checksum": zst(TEXT, checksum=True),
    "no size": zst(TEXT, size=False),
    "neither": in_blocks(TEXT, 1000),
    "both": in_blocks(TEXT, 700, write_checksum=True),
    "noise": zst(NOISE),
    "noise, best": zst(NOISE, level=19, checksum=True),
    "empty": zst(b""),
    "empty, no size": zst(b"", size=False, checksum=True),
    "one byte": zst(b"a"),
    "two frames": zst(TEXT) + zst(TEXT[:99], checksum=True),
    "empty frames": zst(b"") + zst(TEXT) + zst(b"", checksum=True) + zst(b""),
    "skippable behind": zst(TEXT) + skippable(b"metadata"),
    "skippable between": zst(TEXT) + skippable(b"", 15) + skippable(NOISE, 3) + zst(TEXT),
    "a cut skippable": zst(TEXT) + skippable(NOISE)[:-5],
    "padded": zst(TEXT) + b"\x00" * 600,
    "padded between": zst(TEXT) + b"\x00" * 77 + zst(TEXT),
    "junk behind": zst(TEXT) + b"some other data, quite long",
    "a byte behind": zst(TEXT) + b"\x28",
    "half a mark behind": zst(TEXT) + b"\x28\xb5\x2f",
    "a wrong checksum": zst(TEXT, checksum=True)[:-2] + b"\x00\x01",
    "the second is cut": zst(TEXT) + zst(TEXT)[:-9],
    "gzip behind": zst(TEXT) + gz(TEXT),
    "run lengths": run_length(1 << 17, 40),
    "long": zst(LONG),
    "a huge window": b"\x28\xb5\x2f\xfd" + bytes([0, 0xFF]) + zst(TEXT, size=False)[6:],
    "a large window": b"\x28\xb5\x2f\xfd" + bytes([0, 0x90]) + b"\x01\x00\x00",
    "an unknown dictionary": b"\x28\xb5\x2f\xfd" + bytes([1, 0x58, 7]) + b"\x01\x00\x00",
    "a block of an unknown kind": b"\x28\xb5\x2f\xfd" + bytes([0, 0x58]) + b"\x07\x00\x00",
}
FILES = [("gzip", name, data) for name, data in GZIP.items()] + [
    ("zstd", name, data) for name, data in ZSTD.items()
]
IDS = [f"{kind}-{name}" for kind, name, _ in FILES]
SMALL = [data for _, _, data in FILES if len(data) < 4000]
SIZES = (1, 2, 3, 7, 18, 100, 4096, 1 << 18, 1 << 20)


def pieces(data: bytes, size: int) -> Iterable[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def told(data: bytes, size: int, *, is_quick: bool, limit: int = 1 << 30) -> tuple[bytes, Any, Any, int, int]:
    """Return what was decompressed and the account of it; every piece of it is bounded."""
    read: list[int] = []
    again = (lambda: pieces(data, size)) if is_quick else None
    inflated = Inflated(pieces(data, size), read.append, limit=limit, again=again)
    out = []
    for piece in inflated:
        assert len(piece) <= 40 * OUT_BYTES
        out.append(piece)
    assert sum(read) <= len(data)
    return b"".join(out), inflated.compression, inflated.problem, inflated.raw_bytes, len(data) - sum(read)


def hold(data: bytes, size: int, **options: int) -> None:
    """Hold the quick way to the careful one."""
    careful = told(data, size, is_quick=False, **options)
    quick = told(data, size, is_quick=True, **options)
    assert quick[1:3] == careful[1:3]
    if careful[2] is not None and "damaged" in careful[2]:
        # The libraries notice damage some bytes earlier or later.
        assert quick[0].startswith(careful[0])
    else:
        assert quick[0] == careful[0]
    if careful[2] is None:
        assert quick[3] == careful[3] == len(data)


@pytest.mark.parametrize(("kind", "name", "data"), FILES, ids=IDS)
def test_both_ways_say_the_same(kind: str, name: str, data: bytes) -> None:
    """Bytes, compression, problem and the number of bytes read, in pieces of any size."""
    for size in SIZES if len(data) < 10_000 else SIZES[4:]:
        hold(data, size)


UNCLEAN = {
    "junk behind", "a byte behind", "half a mark behind", "zeros, then junk", "a wrong checksum",
    "a wrong length",
    "the second is cut", "zstd behind", "gzip behind", "a cut skippable", "a huge window", "a large window",
    "an unknown flag", "an unknown method", "a wrong checksum of the header", "an unknown dictionary",
    "a block of an unknown kind", "padded", "padded between",
}  # fmt: skip


READ_WITH_CARE = {"a checksum of the header", "all of them"}


@pytest.mark.parametrize(("kind", "name", "data"), FILES, ids=IDS)
def test_what_is_well_is_read_quickly(kind: str, name: str, data: bytes) -> None:
    """The careful way is not asked for what is whole; padding is whole for gzip alone."""
    quickly = gzip_quickly if kind == "gzip" else zstd_quickly
    if name in READ_WITH_CARE:
        assert told(data, 50, is_quick=True)[:3] == (TEXT, "gzip", None)
    is_well = name not in UNCLEAN | READ_WITH_CARE or (kind == "gzip" and name.startswith("padded"))
    for size in (1, 50, 1 << 20):
        if is_well:
            out = b"".join(quickly(pieces(data, size)))
            assert out == told(data, size, is_quick=False)[0]
        else:
            with pytest.raises(UncleanError):
                list(quickly(pieces(data, size)))


def test_cut_at_every_byte() -> None:
    """What can be had of it, and that it was cut."""
    for data in SMALL:
        for end in range(1, len(data), 1 if len(data) < 300 else 11):
            hold(data[:end], 1 << 20)
            if end % 5 == 0:
                hold(data[:end], 7)


def test_flipped_bits() -> None:
    """Each byte of a header, some of the rest."""
    for data in SMALL:
        for place in [*range(6, min(30, len(data))), *range(30, len(data), 97)]:
            for bit in (0, 3, 7):
                hold(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :], 1 << 20)


@given(
    parts=st.lists(
        st.sampled_from(
            [
                gz(TEXT[:90]),
                gz(b""),
                zst(TEXT[:90]),
                zst(b""),
                zst(NOISE[:50], checksum=True),
                skippable(b"abc"),
                b"\x00",
                b"\x00\x00\x00\x00",
                b"\x1f\x8b",
                b"\x28\xb5\x2f\xfd",
                b"x",
                in_blocks(TEXT[:300], 100),
            ]
        ),
        min_size=1,
        max_size=6,
    ),
    size=st.sampled_from([1, 5, 64, 1 << 20]),
    end=st.integers(0, 40),
)
@settings(max_examples=600, deadline=None, derandomize=True)
def test_anything_put_together(parts: list[bytes], size: int, end: int) -> None:
    """Members, frames, padding and junk in any order, cut somewhere."""
    data = b"".join(parts)
    hold(data[: len(data) - end] if end < len(data) else data, size)


@pytest.mark.nightly
def test_many_mutations() -> None:
    """Several bytes at a time."""
    rng = random.Random(7)
    for _ in range(30_000):
        data = rng.choice(SMALL)
        content = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            place = rng.randrange(min(6, len(content) - 1), len(content))
            if rng.random() < 0.5:
                content[place] = rng.randrange(256)
            else:
                del content[place]
        hold(bytes(content), rng.choice((7, 1000, 1 << 20)))


def test_the_end_of_frames() -> None:
    """Told of a whole file, and of none that is cut anywhere, in pieces of any size."""
    for name, data in ZSTD.items():
        if name in UNCLEAN or len(data) > 4000:
            continue
        ends = set(itertools.accumulate(map(len, split(data))))
        for end in range(1, len(data) + 1):
            for size in (1, 19, 1 << 20) if end > len(data) - 30 else (1 << 20,):
                frames = Frames()
                for piece in pieces(data[:end], size):
                    frames.take(piece)
                assert frames.is_complete == (end in ends), (name, end, size)


def split(data: bytes) -> Iterator[bytes]:
    """Yield the frames of a file: where the library says that each ends."""
    while data:
        if data[1:4] == b"\x2a\x4d\x18":
            size = 8 + int.from_bytes(data[4:8], "little")
            yield data[:size]
            data = data[size:]
            continue
        stream = zstandard.ZstdDecompressor().decompressobj()
        stream.decompress(data)
        rest = stream.unused_data
        yield data[: len(data) - len(rest)]
        data = rest


def test_where_the_careful_way_goes_on() -> None:
    """What was handed out before the damage is not handed out again."""
    for data in (
        gz(LONG) + b"junk",
        zst(LONG) + b"junk",
        gz(LONG)[:-1],
        zst(LONG)[:-1],
        gz(LONG)[:-4] + b"abcd",
    ):
        for size in (1000, 1 << 20):
            out, _, problem, _, _ = told(data, size, is_quick=True)
            assert LONG.startswith(out)
            assert len(out) > len(LONG) * 0.9
            assert problem is not None
            hold(data, size)


def test_the_limit() -> None:
    """Of decompressed bytes, in both ways the same."""
    bombs = (run_length(1 << 17, 900), run_length(1 << 17, 900)[:-1], gz(bytes(30 << 20)), gz(LONG))
    for data in bombs:
        for limit in (0, 1, 1000, OUT_BYTES - 1, OUT_BYTES, 3 << 20):
            careful = told(data, 1 << 18, is_quick=False, limit=limit)
            quick = told(data, 1 << 18, is_quick=True, limit=limit)
            assert quick[2] == careful[2]
            for out in (careful[0], quick[0]):
                assert len(out) <= max(limit, BOMB_RATIO * len(data))


def test_every_read_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the careful way reads the source again."""
    for data in (gz(TEXT), gz(TEXT) + b"junk", zst(TEXT), zst(TEXT) + b"junk", zst(TEXT)[:-3]):
        read: list[int] = []
        inflated = Inflated(pieces(data, 64), read.append, again=lambda data=data: pieces(data, 64))
        b"".join(inflated)
        assert sum(read) == len(data)


def test_without_the_fast_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform that has only zlib."""
    monkeypatch.setattr(quick_inflate, "_gzip_library", lambda: (zlib.decompressobj, zlib.error))
    for data in GZIP.values():
        hold(data, 1000)


def test_a_source_that_cannot_be_read_again_is_read_with_care(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe: nothing that was read may be needed once more."""
    monkeypatch.setattr(compression, "_QUICK", {})
    assert told(gz(TEXT), 1000, is_quick=False)[0] == TEXT
    inflated = Inflated(pieces(zst(TEXT) + b"junk", 1000))
    assert b"".join(inflated) == TEXT
    assert inflated.problem is not None


BOMB = """
import resource, sys
from pathlib import Path
from keyrota.logs.compression import BOMB_RATIO, Inflated
path = Path(sys.argv[1])
def chunks():
    with path.open("rb") as file:
        while chunk := file.read(1 << 18):
            yield chunk
list(Inflated(iter([b"plain"])))
import zstandard, isal.isal_zlib
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
inflated = Inflated(chunks(), limit=1 << 30, again=chunks)
size = largest = 0
for piece in inflated:
    size += len(piece)
    largest = max(largest, len(piece))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(size, largest, (after - before) // 1024, inflated.problem is not None)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="resource is Unix")
@pytest.mark.parametrize("kind", ["zstd", "gzip"])
def test_bombs_stay_small(kind: str, tmp_path: Any) -> None:
    """A gibibyte out of kilobytes comes in pieces, and ends at the limit."""
    pytest.importorskip("isal")
    path = tmp_path / "bomb"
    if kind == "zstd":
        path.write_bytes(run_length(1 << 17, 20_000))
    else:
        block = zlib.compressobj(9, zlib.DEFLATED, 31)
        first, again = (block.compress(bytes(1 << 20)) + block.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
        path.write_bytes(first + again * 1100)
    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    size, largest, mebibytes, has_problem = done.stdout.split()
    assert int(size) <= 1 << 30
    assert int(size) > (1 << 30) - (40 << 20)
    assert int(largest) <= 1 << 20
    assert int(mebibytes) < 80
    assert has_problem == "True"
