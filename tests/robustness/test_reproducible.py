"""The same input and seed give the same bytes: over hash seeds, time zones, locales and runs."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOG = str(ROOT / "sample_logs" / "start_at_first.csv")
SURROUNDINGS = [
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "4711", "TZ": "America/St_Johns", "LC_ALL": "C.UTF-8"},
    {"PYTHONHASHSEED": "4711", "TZ": "America/St_Johns", "LC_ALL": "C.UTF-8"},
]
CALLS = (
    ["report", LOG, "-o", "report.txt"],
    ["report", LOG, "-o", "report.json"],
    ["report", LOG, "-o", "report.md"],
    ["report", LOG, "--no-plan", "--figures", "figures", "-o", "report.html"],
    ["parse", LOG, "-o", "events.csv"],
    ["parse", LOG, "-o", "events.ndjson"],
    ["parse", LOG, "-o", "events.parquet"],
    ["check", LOG, "--format", "github", "-o", "check.github"],
    ["check", LOG, "--format", "junit", "-o", "check.xml"],
    ["simulate", "--keys", "2", "--per-minute", "2", "--rate", "4/min", "--seed", "7", "--duration", "2h",
     "--replications", "3", "--write-log", "made.log", "--format", "json", "-o", "simulation.json"],
)  # fmt: skip
PROGRAM = """
import sys
from keyrota.cli.boundary import run
for arguments in {calls!r}:
    code = run([arguments[0], *arguments[1:], *(["-q"] if arguments[0] != "explain" else [])])
    assert code in (0, 1), (arguments, code)
"""


def bytes_of(folder: Path, surroundings: dict[str, str], calls: Sequence[list[str]]) -> dict[str, str]:
    """Run every call in one process, and return the digest of each file that it wrote."""
    folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LC_")}
    subprocess.run(
        [sys.executable, "-c", PROGRAM.format(calls=calls)],
        cwd=folder, env={**environment, **surroundings}, check=True, timeout=600,
    )  # fmt: skip
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


QUICK = [*CALLS[:3], *CALLS[4:9]]
"""Without figures and simulations, which take long."""


@pytest.mark.parametrize(
    ("number", "calls"),
    [(2, QUICK), pytest.param(4, CALLS, marks=pytest.mark.nightly)],
    ids=["quick", "all"],
)
def test_every_format_is_the_same_everywhere(number: int, calls: Sequence[list[str]], tmp_path: Path) -> None:
    """Text, JSON, Markdown, HTML, SVG, PNG, CSV, NDJSON, Parquet, annotations, XML, logs: identical."""
    first, *others = (
        bytes_of(tmp_path / str(place), surroundings, calls)
        for place, surroundings in enumerate(SURROUNDINGS[:number])
    )
    wanted = {Path(call[-1]).suffix for call in calls} | (
        {".svg", ".png", ".log"} if calls is CALLS else set()
    )
    assert {Path(name).suffix for name in first} >= wanted
    for other in others:
        assert other == first
