"""Decompression: whole, cut, damaged, followed by other data, and without bound."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import zstandard

from keyrota.logs import compression
from keyrota.logs.collect import collect
from keyrota.logs.compression import Inflated
from keyrota.logs.formats import NotALogError, open_log
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.write.damage import gzipped
from keyrota.pools.load import load_pools

RNG = np.random.default_rng(5)
KEYS = RNG.integers(1, 11, 1000)
LINES = [f"🔑 Using GOOGLE_KEY_{key} (position 1/4 in pool)\n".encode() for key in KEYS]
TEXT = b"".join(LINES)
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzipped,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def inflate(data: bytes, size: int | None = None, **options: int) -> tuple[bytes, Inflated]:
    size = size or max(1, len(data))
    inflated = Inflated((data[i : i + size] for i in range(0, len(data), size)), **options)
    return b"".join(inflated), inflated


@pytest.mark.parametrize("size", [1, 7, 1000, None])
@pytest.mark.parametrize("name", COMPRESS)
def test_whole_files(name: str, size: int | None) -> None:
    """Each format is told by its first bytes and read through, in chunks of any size."""
    data = COMPRESS[name](TEXT)
    out, inflated = inflate(data, size)
    assert out == TEXT
    assert (inflated.compression, inflated.problem, inflated.raw_bytes) == (name, None, len(data))


def test_plain_bytes_pass_through() -> None:
    """What is not compressed is left alone, also if it is shorter than any mark."""
    for data in (TEXT, b"", b"a", b"\x1f", b"BZ"):
        out, inflated = inflate(data, 3)
        assert out == data
        assert inflated.compression is None


@pytest.mark.parametrize("size", [1, 50, None])
@pytest.mark.parametrize("name", COMPRESS)
def test_several_members(name: str, size: int | None) -> None:
    """Files that were put together compressed are read to the end."""
    third = len(TEXT) // 3
    data = b"".join(COMPRESS[name](part) for part in (TEXT[:third], b"", TEXT[third:]))
    out, inflated = inflate(data, size)
    assert (out, inflated.problem) == (TEXT, None)


@pytest.mark.parametrize("name", COMPRESS)
@pytest.mark.parametrize("size", [5, None])
def test_what_follows_the_members(name: str, size: int | None) -> None:
    """Zeros are padding; anything else is told, and costs nothing that came before."""
    padded = inflate(COMPRESS[name](TEXT) + b"\x00" * 512, size)
    assert (padded[0], padded[1].problem) == (TEXT, None)
    again = inflate(COMPRESS[name](TEXT) + b"\x00" * 512 + COMPRESS[name](TEXT), size)
    assert (again[0], again[1].problem) == (TEXT + TEXT, None)
    out, inflated = inflate(COMPRESS[name](TEXT) + b"some other data, quite long", size)
    assert (out, inflated.problem) == (TEXT, "other data follows the compressed data")


@pytest.mark.parametrize("name", COMPRESS)
def test_a_cut_at_every_byte(name: str) -> None:
    """What comes out is a prefix, and the cut is told, wherever it falls."""
    data = COMPRESS[name](TEXT)
    for cut in range(8, len(data), 1 if name in ("gzip", "zstd") else 23):
        out, inflated = inflate(data[:cut])
        assert TEXT.startswith(out)
        assert inflated.problem == "the compressed data ends early (the file was cut)"


def test_a_gzip_cut_gives_the_records_before_it() -> None:
    """The records of a cut file are the first ones, and the log is marked as cut."""
    data = gzipped(TEXT)
    found = []
    refused = 0
    for cut in [*range(2, 40), *range(40, len(data), 61), len(data) - 1]:
        try:
            log = open_log([data[:cut]])
        except NotALogError:
            refused = cut
            continue
        rows = collect(log.records, DEFAULT_RULES, load_pools(), {}).rows
        assert rows.key.tolist() == KEYS[: len(rows)].tolist()
        assert log.truncated
        assert log.problems == ["the compressed data ends early (the file was cut)"]
        found.append(len(rows))
    assert refused < 300
    assert found == sorted(found)
    assert found[-1] == 1000


def test_a_wrong_checksum_keeps_the_data() -> None:
    """Everything before the checksum is there, and the damage is told."""
    data = gzipped(TEXT)
    for place in (-8, -4):
        wrong = bytearray(data)
        wrong[place] ^= 0xFF
        out, inflated = inflate(bytes(wrong))
        assert out == TEXT
        assert inflated.problem is not None
        assert inflated.problem.startswith("the compressed data is damaged (")


@pytest.mark.parametrize("name", COMPRESS)
def test_damage_in_the_middle(name: str) -> None:
    """What was before the damage comes out, and no byte of nonsense raises."""
    data = COMPRESS[name](TEXT)
    rng = np.random.default_rng(1)
    for _ in range(60):
        at = int(rng.integers(10, len(data)))
        wrong = data[:at] + rng.bytes(8) + data[at + 8 :]
        out, inflated = inflate(wrong)
        if out != TEXT:
            assert inflated.problem is not None


def test_gzip_loses_nothing_before_the_damage() -> None:
    """Deflate is rescued byte by byte: the damage costs at most its own surroundings."""
    data = bytearray(gzipped(TEXT))
    middle = len(data) // 2
    data[middle : middle + 40] = b"\xff" * 40
    out, _ = inflate(bytes(data))
    assert len(out) > len(TEXT) // 3
    assert TEXT.startswith(out[: len(TEXT) // 3])


@pytest.mark.parametrize("name", COMPRESS)
def test_output_is_bounded(name: str) -> None:
    """A bomb comes in pieces, and ends at the limit with a word about it."""
    bomb = COMPRESS[name](b"\x00" * 40_000_000)
    sizes = [len(piece) for piece in Inflated([bomb])]
    assert sum(sizes) == 40_000_000
    assert max(sizes) <= 10 << 20
    out, inflated = inflate(bomb, limit=5_000_000)
    assert len(out) == 5_000_000
    assert inflated.problem == "it inflates to more than the limit of 5,000,000 bytes; the rest was left out"


@pytest.mark.parametrize("name", COMPRESS)
def test_without_a_limit_of_its_own_a_bomb_is_told_by_its_ratio(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is long, and longer than a log of its size can be, ends there and says so."""
    monkeypatch.setattr(compression, "INFLATED_LIMIT", 5_000_000)
    out, inflated = inflate(COMPRESS[name](b"\x00" * 40_000_000))
    assert len(out) == max(5_000_000, compression.BOMB_RATIO * inflated.raw_bytes)
    assert inflated.problem == (
        "it inflates to more than 5,000,000 bytes, and more than 100 times its size; the rest was left out"
    )


@pytest.mark.parametrize("name", COMPRESS)
def test_a_log_is_no_bomb(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What shrinks as logs do is read to its end, however long it is."""
    monkeypatch.setattr(compression, "INFLATED_LIMIT", 1_000)
    out, inflated = inflate(COMPRESS[name](TEXT))
    assert (out, inflated.problem) == (TEXT, None)


def test_a_header_that_asks_for_too_much_memory_is_damage() -> None:
    """A window or dictionary of gigabytes is not allocated."""
    data = bytearray(lzma.compress(b"x" * 100))
    assert inflate(bytes(data))[0] == b"x" * 100
    # The block's header begins at byte 12: its size, flags, filter id 0x21, one property: the dictionary's
    # size, 40 for 4 GiB; a CRC ends it.
    end = 12 + (data[12] + 1) * 4
    data[data.index(b"\x21\x01", 12) + 2] = 40
    data[end - 4 : end] = zlib.crc32(bytes(data[12 : end - 4])).to_bytes(4, "little")
    out, inflated = inflate(bytes(data))
    assert out == b""
    assert inflated.problem is not None
    assert "memory" in inflated.problem.lower()


def test_progress_counts_compressed_bytes() -> None:
    """A progress bar moves with what was read, not with what came out."""
    data = gzip.compress(TEXT)
    steps: list[int] = []
    b"".join(Inflated((data[i : i + 100] for i in range(0, len(data), 100)), steps.append))
    assert sum(steps) == len(data)
