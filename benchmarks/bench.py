"""Measure how long things take (`make bench`): prints a table and writes it to docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import command_line
import engines
import plans

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"

HEAD = """# Benchmarks

Written by `make bench`, all in one run: medians, after one run that is not counted; ratios of what was
measured in turn. Figures depend on the machine, ratios hardly. Python {python}, numba {numba}, {cores} cores.

| what | median | goal |
| --- | --- | --- |
"""


def main() -> None:
    """Measure, print and write."""
    from importlib.metadata import version

    head = HEAD.format(python=platform.python_version(), numba=version("numba"), cores=os.cpu_count())
    sys.stdout.write(head)
    lines = []
    for measured in (engines.rows(), command_line.rows(), plans.rows()):
        for row in measured:
            lines.append(f"| {' | '.join(row)} |\n")
            sys.stdout.write(lines[-1])
            sys.stdout.flush()
    PAGE.write_text(head + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
