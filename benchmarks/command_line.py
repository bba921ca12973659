"""How long the command line takes: medians of whole processes, in one run.

Start-up of the help, a report of a small log, and reports of logs that grow, so that the rate of reading
is told apart from the start; the usable rates of the three pools.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from keyrota.logs.write import LogRow, pick_message, pool_message, write_log

RUNS = 7
SAMPLE = Path(__file__).resolve().parents[1] / "sample_logs" / "mojibake.txt"

Row = tuple[str, str, str]
"""What was measured, its median, the goal."""


def median_s(*arguments: str, runs: int = RUNS) -> float:
    """Return the median wall-clock time of a command in seconds, after one run that is not counted."""
    times = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "keyrota", *arguments], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def drain(rows: int) -> bytes:
    """Return a log drain of so many rows, every second one a pick."""
    made = []
    for i in range(rows):
        position = i // 2 % 4 + 1
        message = pick_message(position + 2, position, 4) if i % 2 == 0 else pool_message("ARTIFACT", 4)
        isolate = f"{i // 2:08d}-1111-4222-8333-444455556666"
        made.append(
            LogRow(1_762_917_393_000_000_000 + i * 10**9, message, execution_id=isolate, row_id=str(i))
        )
    return write_log(made, "drain-ndjson")


def rows() -> Iterator[Row]:
    """Measure, and yield a row each."""
    yield "`keyrota --help`", f"{median_s('--help'):.2f} s", "0.25 s"
    small = median_s("report", "-q", str(SAMPLE))
    yield "`keyrota report`, 121 lines", f"{small:.2f} s", "1.5 s"
    with tempfile.TemporaryDirectory() as folder:
        for count in (10_000, 100_000):
            path = Path(folder) / f"{count}.ndjson"
            path.write_bytes(drain(count))
            seconds = median_s("report", "-q", str(path), runs=3)
            rate = count / (seconds - small)
            told = f"{seconds:.2f} s ({rate:,.0f} rows/s above start-up)"
            yield f"`keyrota report`, {count:,} rows", told, ""
    one = ("simulate", "-q", "--keys", "2", "--per-minute", "2", "--rate", "4/min")
    yield f"`keyrota {' '.join(one[:1] + one[2:])}`, 20 days", f"{median_s(*one):.2f} s", ""
    pools = median_s("onset", "-q", "--keys", "1-12", "--target", "1%", "--jobs", "2", runs=3)
    yield (
        "`keyrota onset --keys 1-12 --target 1% --jobs 2`, three pools, minute and day, 5 % half-width",
        f"{pools:.1f} s",
        "10 s",
    )
