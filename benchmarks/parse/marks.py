"""Physical marks: what it costs to touch the bytes at all, without finding anything in them."""

from __future__ import annotations

import subprocess
import zlib
from pathlib import Path
from typing import Final

from patterns import literal_pattern

BUFFER: Final = bytearray(1 << 20)


def read_buffer(path: Path) -> None:
    """Read into one buffer, again and again."""
    with path.open("rb", buffering=0) as source:
        while source.readinto(BUFFER):
            pass


def count_lines(path: Path) -> None:
    """`wc -l`."""
    subprocess.run(["wc", "-l", str(path)], check=True, stdout=subprocess.DEVNULL)


def count_matches(path: Path) -> None:
    """`rg --count` of the literals: nothing is taken apart."""
    command = ["rg", "--text", "--no-config", "--threads=1", "--count", "-e", literal_pattern(), str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def isal(path: Path) -> None:
    """Gzip by ISA-L, into one buffer."""
    from isal import igzip

    with igzip.open(path, "rb") as source:
        while source.readinto(BUFFER):
            pass


def zlib_alone(path: Path) -> None:
    """Gzip by zlib."""
    inflate = zlib.decompressobj(wbits=31)
    with path.open("rb") as source:
        while chunk := source.read(1 << 18):
            while chunk:
                inflate.decompress(chunk, 1 << 20)
                chunk = inflate.unconsumed_tail


def zstd(path: Path) -> None:
    """Zstandard, into one buffer."""
    import zstandard

    with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as source:
        while source.readinto(BUFFER):
            pass
