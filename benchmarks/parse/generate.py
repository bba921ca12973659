"""Logs of any size and, beside each, what is in it: counts and sums that no reader had a part in."""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import zstandard
from blocks import DENSITIES, SHAPES, Block, Shape, csv_header, make_block
from numpy.typing import NDArray

BLOCK_BYTES: Final = 3 << 20
"""Larger than the window of zstd at level 3, so that no block shortens the next."""

BLOCKS: Final = 4
FIRST_NS: Final = 1_762_776_002_000_000_000
_SEED_NS: Final = 10 * 86_400_000_000_000
WRAP: Final = 1 << 64
TIMES_MODULUS: Final = 1_000_003
"""A prime: the sum of key times (microseconds modulo it) tells a column that is out of step."""

_HEX: Final = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_DASHES: Final = (8, 13, 18, 23)
_DIGITS: Final = np.array([i for i in range(36) if i not in _DASHES])


@dataclass(frozen=True, slots=True)
class Truth:
    """What is in a file.

    `sums` are over all events: key, position, size, status, and the boots' milliseconds. `times` is the
    sum of nanoseconds modulo 2^64, `aligned` that of key times (microseconds modulo a prime),
    `isolate_sum` that of the first eight hexadecimal digits of each isolate that an event names.
    `causes`, `limits` and `delays_s` are what the bodies of 429s and the retries say.
    """

    shape: str
    density: str
    bytes: int
    records: int
    lines: int
    kinds: dict[str, int]
    sums: dict[str, int]
    times: int
    aligned: int
    isolates: int
    isolate_sum: int
    causes: dict[str, int]
    limits: int
    delays_s: float

    @property
    def events(self) -> int:
        """The number of events."""
        return sum(self.kinds.values())


def log_file(folder: Path, shape: str, density: str, size: int, *, seed: int = 6) -> Path:
    """Write a log of about `size` bytes and its truth; return its path. What is there is kept.

    Parameters
    ----------
    folder
        Where to.
    shape, density
        Names in `SHAPES` and `DENSITIES`.
    size
        Bytes.
    seed
        One seed, one file.
    """
    form = SHAPES[shape]
    path = folder / f"{shape}-{density}-{size}-{seed}{form.suffix}"
    if _truth_path(path).exists():
        return path
    rng = np.random.default_rng([seed, *shape.encode(), *density.encode()])
    block_bytes = min(BLOCK_BYTES, max(size // BLOCKS, 1 << 16))
    blocks = [make_block(form, DENSITIES[density], block_bytes, rng) for _ in range(BLOCKS)]
    with path.open("wb") as out:
        truth = _Sums(form)
        if shape == "csv":
            truth.add_bytes(out.write(csv_header()), 1)
        at_ns = FIRST_NS + seed * _SEED_NS
        while truth.bytes < size:
            block = blocks[int(rng.integers(BLOCKS))]
            at_ns += np.sign(form.step_ns) * block.span_ns
            out.write(memoryview(truth.add(block, at_ns, rng)))
    _truth_path(path).write_text(json.dumps(asdict(truth.total(density)), indent=1), encoding="utf-8")
    return path


def truth_of(path: Path) -> Truth:
    """Return what is in a file that `log_file` wrote, or in a compressed copy of it."""
    plain = path.with_suffix("") if path.suffix in (".gz", ".zst") else path
    return Truth(**json.loads(_truth_path(plain).read_text(encoding="utf-8")))


def compressed(path: Path, kind: str) -> Path:
    """Write a copy as ``gz`` (level 6, by zlib) or ``zst`` (level 3); return its path."""
    copy = path.with_name(f"{path.name}.{kind}")
    if copy.exists():
        return copy
    with path.open("rb") as source, copy.open("wb") as out:
        if kind == "gz":
            with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=6, mtime=0) as packed:
                shutil.copyfileobj(source, packed, 1 << 20)
        else:
            zstandard.ZstdCompressor(level=3).copy_stream(source, out)
    return copy


def _truth_path(path: Path) -> Path:
    return path.with_name(path.name + ".truth.json")


class _Sums:
    """The truth while a file is written."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.bytes = self.records = self.lines = 0
        self.times = self.aligned = self.isolates = self.isolate_sum = 0
        self.kinds: Counter[str] = Counter()
        self.causes: Counter[str] = Counter()
        self.numbers: Counter[str] = Counter()

    def add_bytes(self, size: int, lines: int) -> None:
        self.bytes += size
        self.lines += lines

    def add(self, block: Block, start_ns: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a block as it goes into the file at a time, and count what is in it."""
        tick, sign = self.shape.tick_ns, int(np.sign(self.shape.step_ns))
        times = start_ns + sign * block.relative_ns
        times = times // tick * tick
        ids = _uuids(int(block.life.max()) + 1, rng)
        data = block.data.copy()
        for name, (offsets, rows) in block.places.items():
            if name == "row_id":
                data[offsets] = _uuids(len(rows), rng)
            elif name == "isolate":
                data[offsets] = ids[block.life[rows]]
            else:
                data[offsets] = _stamps(times[rows], name)
        of_events = times[block.event_rows]
        self.add_bytes(len(data), int(np.count_nonzero(data == 10)))
        self.records += block.records
        self.times = (self.times + int(of_events.view(np.uint64).sum(dtype=np.uint64))) % WRAP
        self.aligned += int((block.event_keys * (of_events // 1000 % TIMES_MODULUS)).sum())
        named = block.life[block.named_rows]
        self.isolates += len(np.unique(named))
        first = np.array([int(bytes(row[:8]), 16) for row in ids], dtype=np.int64)
        self.isolate_sum += int(first[named].sum())
        self.kinds.update(block.kinds)
        self.causes.update(block.causes)
        self.numbers.update(block.numbers)
        return data

    def total(self, density: str) -> Truth:
        """Return what was counted."""
        said: dict[str, Any] = self.numbers
        return Truth(
            shape=self.shape.name, density=density, bytes=self.bytes, records=self.records, lines=self.lines,
            kinds=dict(sorted(self.kinds.items())),
            sums={name: int(said[name]) for name in ("key", "position", "size", "status", "duration_ms")},
            times=self.times, aligned=self.aligned, isolates=self.isolates, isolate_sum=self.isolate_sum,
            causes=dict(sorted(self.causes.items())), limits=int(said["limit"]),
            delays_s=float(said["retry_after_s"]),
        )  # fmt: skip


def _uuids(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return random ids of version 4 as rows of 36 bytes."""
    drawn = np.frombuffer(rng.bytes(count * 16), dtype=np.uint8).reshape(count, 16)
    digits = np.empty((count, 32), dtype=np.uint8)
    digits[:, 0::2] = _HEX[drawn >> 4]
    digits[:, 1::2] = _HEX[drawn & 15]
    ids = np.full((count, 36), ord("-"), dtype=np.uint8)
    ids[:, _DIGITS] = digits
    ids[:, 14], ids[:, 19] = ord("4"), ord("a")
    return ids


def _stamps(times_ns: NDArray[np.int64], field: str) -> NDArray[np.uint8]:
    """Return times as rows of bytes."""
    if field == "micros":
        powers = 10 ** np.arange(15, -1, -1, dtype=np.int64)
        return (times_ns[:, None] // 1000 // powers % 10 + ord("0")).astype(np.uint8)
    unit, width = ("ms", 23) if field == "iso_ms" else ("ns", 29)
    moments = times_ns.view("datetime64[ns]").astype(f"datetime64[{unit}]")
    text = np.datetime_as_string(moments, unit=unit).astype(f"S{width}")
    return text.view(np.uint8).reshape(len(times_ns), width)
