"""How fast `keyrota watch` is, and whether its memory stays flat: a log that grows and is rotated.

    python benchmarks/watch.py --lines 1e6,1e7 --shape text,drain

Prints lines a second of processor time, from the bytes of the file to counts and findings, and the resident
memory at the end. The log is written by this program, a piece at a time, and rotated by rename.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from keyrota.pools import load_pools
from keyrota.watching.session import Session, Settings

PIECE = 50_000
ROTATED = 1_000_000
START_S = 1_762_761_600
RATE = 20
"""Lines a second of the log's own time."""

_ERROR = (
    'Google AI Studio error: 429 {"error": {"details": [{"quotaId": "GenerateRequestsPerMinutePerProject", '
    '"quotaValue": "2"}]}}'
)


def messages(rng: random.Random, number: int) -> str:
    """Return a line's message: four of ten are picks, two of a hundred 429s, the rest what stands between."""
    kind = rng.random()
    if kind < 0.4:
        position = rng.randint(1, 4)
        return f"\U0001f511 Using GOOGLE_KEY_{position + 2} (position {position}/4 in pool)"
    if kind < 0.42:
        return _ERROR
    return "booted (time: 31ms)" if kind < 0.6 else f"Starting chat stream for session: {number}"


def pieces(shape: str, lines: int) -> Iterator[bytes]:
    """Yield the log, a piece at a time."""
    rng = random.Random(1)
    for first in range(0, lines, PIECE):
        rows = []
        for number in range(first, min(first + PIECE, lines)):
            seconds = START_S + number / RATE
            message = messages(rng, number)
            if shape == "text":
                stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
                rows.append(f"{stamp}.{number % 1000:03}Z {message}\n")
            else:
                row = {"id": f"{number:032x}", "timestamp": int(seconds * 1e6), "event_message": message,
                       "metadata": {"execution_id": f"{number // 3:032x}", "level": "info"}}  # fmt: skip
                rows.append(json.dumps(row, separators=(",", ":")) + "\n")
        yield "".join(rows).encode()


def resident_mib() -> float:
    """Return the resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


def measured(shape: str, lines: int, folder: Path) -> tuple[float, float]:
    """Return lines a second of processor time, and MiB at the end."""
    log = folder / f"{shape}-{lines}.log"
    log.touch()
    session = Session(Settings(logs=(str(log),), config=load_pools()), on_change=lambda _change: None)
    spent, done = 0.0, 0
    for piece in pieces(shape, lines):
        if done and done % ROTATED == 0:
            log.unlink()
        with log.open("ab") as stream:
            stream.write(piece)
        done += PIECE
        before = time.process_time()
        while session.watch.state.lines < min(done, lines):
            session.poll()
        spent += time.process_time() - before
    return lines / spent, resident_mib()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", default="1e5,1e6")
    parser.add_argument("--shape", default="text,drain")
    options = parser.parse_args()
    print(f"{'shape':8}{'lines':>12}{'lines/s':>12}{'MiB':>8}")
    for shape in options.shape.split(","):
        for lines in (int(float(text)) for text in options.lines.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                speed, mib = measured(shape, lines, Path(folder))
            print(f"{shape:8}{lines:>12,}{speed:>12,.0f}{mib:>8.0f}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
