"""How long a plan takes: of three pools by rate, and of their log of a million rows as a drain writes it.

The log is simulated: some five days of three pools whose limits leave it few 429s. The last row is what
remains of the time once the log was read into an event table.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from command_line import Row, median_s

ROWS = 1_000_000
POOLS = """
[[pool]]
name = "CHAT"
keys = [1, 2]
functions = ["chat"]
quota = { per_minute = 10, per_day = 5000 }

[[pool]]
name = "ARTIFACT"
keys = [3, 4, 5, 6]
functions = ["generate-artifact"]
quota = { per_minute = 10, per_day = 5000 }

[[pool]]
name = "IMAGE"
keys = [7, 8, 9, 10]
functions = ["generate-image"]
quota = { per_minute = 15, per_day = 10000 }
"""
RATES = ("--rate", "CHAT=4/min", "--rate", "ARTIFACT=8/min", "--rate", "IMAGE=10/min")


def rows() -> Iterator[Row]:
    """Measure, and yield a row each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pools = folder / "pools.toml"
        pools.write_text(POOLS, encoding="utf-8")
        by_rate = median_s("plan", "-q", "--pools", str(pools), *RATES, runs=3)
        yield "`keyrota plan --rate ...`, three pools", f"{by_rate:.1f} s", "20 s"
        log, table = _log(folder, pools), folder / "events.parquet"
        raw = median_s("plan", "-q", "--pools", str(pools), str(log), runs=2)
        told = f"{raw:.1f} s ({log.stat().st_size / 1e6:,.0f} MB)"
        yield f"`keyrota plan LOG`, three pools, a drain's NDJSON of {ROWS:,} rows", told, "20 s"
        _run("parse", "-q", "--pools", str(pools), str(log), "-o", str(table))
        read = median_s("plan", "-q", "--pools", str(pools), str(table), runs=3)
        yield "the same from its event table", f"{read:.1f} s", ""


def _log(folder: Path, pools: Path) -> Path:
    whole, log = folder / "whole.ndjson", folder / "million.ndjson"
    simulated = ("simulate", "-q", "--pools", str(pools), *RATES, "--duration", "8d", "--replications", "1")
    _run(*simulated, "--write-log", str(whole))
    with whole.open("rb") as lines, log.open("wb") as stream:
        stream.writelines(itertools.islice(lines, ROWS))
    whole.unlink()
    return log


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "keyrota", *arguments], check=True, stdout=subprocess.DEVNULL)
