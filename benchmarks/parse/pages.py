"""What the first touch of memory costs, which some machines charge to whoever makes a large result.

A virtual machine whose host takes back what lies free ("free page reporting", "ballooning") gets each page
anew when it is first touched: five to ten times as slow as a page that was in use a moment ago. A reader that
returns millions of rows pays for that, one that counts words does not, and which of two runs pays is chance.
So the cost stands beside the figures; `python benchmarks/parse/pages.py` tells it alone.
"""

from __future__ import annotations

import mmap
import sys
import time
from typing import Final

SIZE: Final = 1 << 30
PAUSE_S: Final = 5.0
"""How long memory lies free before it is touched again: a host takes it back within seconds."""

SLOW_US: Final = 5.0
"""From so many microseconds a page on, results of many rows are measured with the machine in them."""


def page_cost_us(size: int = SIZE, pause_s: float = PAUSE_S) -> float:
    """Return microseconds for the first touch of a page of memory that was in use and then lay free."""
    _touch(size)
    time.sleep(pause_s)
    return _touch(size) / (size // mmap.PAGESIZE) * 1e6


def told() -> str:
    """Return that cost in words."""
    cost = page_cost_us()
    if cost >= SLOW_US:
        sys.stderr.write(
            f"The first touch of a page of memory takes {cost:.1f} us here: the host seems to take free "
            "memory back. Whatever returns many rows is slowed by that. On Linux see "
            "/sys/module/page_reporting/parameters.\n"
        )
    return f"first touch of a page of memory {cost:.1f} µs"


def _touch(size: int) -> float:
    began = time.perf_counter()
    with mmap.mmap(-1, size) as memory:
        for at in range(0, size, mmap.PAGESIZE):
            memory[at] = 1
        return time.perf_counter() - began


if __name__ == "__main__":
    sys.stdout.write(told() + "\n")
