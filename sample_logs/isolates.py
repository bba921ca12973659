"""Hosted isolates in the making: their rows and the truth about them, for generate.py.

Every random number comes from SEED and the name of its log, so that a change in one log moves no other.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from keyrota.logs import write
from keyrota.logs.write import LogRow, write_log

SEED = 20251110
MS, SECOND, MINUTE = 1_000_000, 1_000_000_000, 60_000_000_000
HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE
LIFE = 75 * SECOND  # an idle isolate of the free tier, counted from its boot


@dataclass(frozen=True)
class Pool:
    """A pool of the ten-key configuration; `labels` are the key numbers that its log prints."""

    name: str
    labels: tuple[int, ...]
    functions: tuple[str, ...]
    model: str
    per_minute: int = 2
    per_day: int = 50

    @property
    def size(self) -> int:
        """Number of keys."""
        return len(self.labels)


CHAT = Pool("CHAT", (1, 2), ("chat",), "gemini-2.5-flash")
ARTIFACT = Pool("ARTIFACT", (3, 4, 5, 6), ("generate-artifact", "generate-artifact-fix"), "gemini-2.5-pro")
IMAGE = Pool("IMAGE", (7, 8, 9, 10), ("generate-image",), "gemini-2.5-flash-image", 15, 1500)


@dataclass
class Isolate:
    """One instance of a function with its own rotation counter (0-based index of the next key)."""

    pool: Pool
    function: str
    execution_id: str
    boot_ns: int
    next_index: int


@dataclass
class Log:
    """Rows in the making, and the truth about them."""

    name: str
    rows: list[LogRow] = field(default_factory=list)
    picks: Counter[int] = field(default_factory=Counter)
    starts: int = 0

    def __post_init__(self) -> None:
        """Take the random numbers that belong to this name."""
        stream = np.random.SeedSequence(SEED, spawn_key=(zlib.crc32(self.name.encode()),))
        self.rng = np.random.default_rng(stream)

    def boot(
        self, time: int, pool: Pool, *, function: str | None = None, start: int | None = None
    ) -> Isolate:
        """Start an isolate: its boot row, and its server's line 1 to 14 ms later."""
        function = function or str(self.rng.choice(pool.functions))
        start = int(self.rng.integers(pool.size)) if start is None else start
        isolate = Isolate(pool, function, self.uuid(), time, start)
        ms = int(self.rng.integers(29, 60))
        self.add(isolate, time, write.boot_message(ms), event_type="Boot", boot_ms=ms)
        self.add(isolate, time + int(self.rng.integers(1, 15)) * MS, write.LISTENING)
        self.starts += 1
        return isolate

    def pick(self, isolate: Isolate, time: int, *, step: int = 1, warn: bool = False) -> int:
        """Choose a key: the line of the pick, and the pool's line in the same millisecond."""
        pool, index = isolate.pool, isolate.next_index
        label = pool.labels[index]
        isolate.next_index = (index + step) % pool.size
        self.picks[label] += 1
        self.add(isolate, time, write.pick_message(label, index + 1, pool.size))
        if warn:
            self.add(isolate, time + 1000, write.invalid_format_message(pool.name), level="warning")
        self.add(isolate, time + 2000, write.pool_message(pool.name, pool.size))
        return label

    def shutdown(self, isolate: Isolate) -> None:
        """End an idle isolate after half of its wall clock limit."""
        fields: dict[str, Any] = {"reason": "EarlyDrop", "cpu_ms": int(self.rng.integers(40, 120))}
        time = isolate.boot_ns + LIFE + int(self.rng.integers(10, 21)) * MS
        self.add(isolate, time, write.shutdown_message(), event_type="Shutdown", **fields)

    def invoke(self, isolate: Isolate, time: int, status: int, duration_ms: int) -> None:
        """Add the invocation's row; its time is the end of the request."""
        message = write.invocation_message("POST", status, isolate.function)
        fields: dict[str, Any] = {"status": status, "duration_ms": duration_ms, "kind_of_row": "invocation"}
        self.add(isolate, time, message, **fields)

    def add(self, isolate: Isolate, time: int, message: str, **fields: Any) -> None:
        """Add a row of an isolate."""
        row = LogRow(
            time,
            message,
            execution_id=isolate.execution_id,
            function_id=FUNCTION_IDS[isolate.function],
            function=isolate.function,
            version=26,
        )
        # The ids of rows carry few random digits: they are most of what a compressed log weighs.
        row_id = f"{int(self.rng.integers(2**32)):08x}-0000-4000-8000-{len(self.rows):012x}"
        self.rows.append(replace(row, row_id=row_id, **fields))

    def uuid(self) -> str:
        """Return a random identifier."""
        digits = self.rng.bytes(16).hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"

    def times(self, start: int, span: int, count: int) -> list[int]:
        """Return so many independent uniform times in ascending order, in whole milliseconds."""
        drawn = np.sort(self.rng.integers(start // MS, (start + span) // MS, size=count))
        return [int(time) * MS for time in drawn]

    def written(self, shape: str, search: str = "") -> bytes:
        """Return the rows that hold `search` in a shape; the search box of a log page does that."""
        ordered = sorted(self.rows, key=lambda row: row.time_ns or 0)
        found = [row for row in ordered if re.search(search, row.message, re.IGNORECASE)]
        return write_log(found, shape, seed=self.rng)


FUNCTION_IDS: dict[str, str] = {}
_names = Log("functions")
FUNCTION_IDS.update({name: _names.uuid() for pool in (CHAT, ARTIFACT, IMAGE) for name in pool.functions})
