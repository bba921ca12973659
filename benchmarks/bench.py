"""How long the command line takes (`make bench`): medians of whole processes, in one run.

Start-up of the help, a report of a small log, and reports of logs that grow, so that the rate of reading
is told apart from the start.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from keyrota.logs.write import LogRow, pick_message, pool_message, write_log

RUNS = 7
SAMPLE = Path(__file__).resolve().parents[1] / "sample_logs" / "mojibake.txt"


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


def main() -> None:
    """Print the table."""
    print(f"median of {RUNS} processes, Python {sys.version.split()[0]}")
    print(f"keyrota --help                   {median_s('--help'):6.2f} s  (goal 0.25)")
    small = median_s("report", "-q", str(SAMPLE))
    print(f"keyrota report, 121 lines        {small:6.2f} s  (goal 1.5)")
    with tempfile.TemporaryDirectory() as folder:
        for rows in (10_000, 100_000):
            path = Path(folder) / f"{rows}.ndjson"
            path.write_bytes(drain(rows))
            seconds = median_s("report", "-q", str(path), runs=3)
            rate = rows / (seconds - small)
            print(f"keyrota report, {rows:7,} rows     {seconds:6.2f} s  ({rate:,.0f} rows/s above start-up)")


if __name__ == "__main__":
    main()
