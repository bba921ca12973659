"""Hold what the tests run of the package against its floors: `make coverage`, `make coverage-core`.

``python tests/measure/coverage_floors.py REPORT.json [--core]`` reads a report of `coverage json` with
branches, prints a line for each group, and exits with 1 if one is below its floor, naming of the core the
lines and branches that no test runs. With --core only the pure core is held.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

PACKAGE = "keyrota/"


@dataclass(frozen=True, slots=True)
class Floor:
    """Files of one kind, as patterns below the package, and the per cent of lines and branches that run."""

    name: str
    least: float
    files: tuple[str, ...]

    def holds(self, place: str) -> bool:
        """Say whether a file is of this kind."""
        return any(fnmatch(place, pattern) for pattern in self.files)


CORE = (
    Floor(
        "grammar",
        100,
        tuple(
            f"logs/{name}.py" for name in ("grammar", "rules", "own_rules", "gemini", "values", "times")
        ),
    ),
    Floor("rotation", 100, ("rotation/*.py",)),
    Floor("windows and days", 100, ("quota/windows.py", "quota/days.py")),
    Floor(
        "simulation",
        100,
        tuple(
            f"simulation/{name}.py"
            for name in (
                "choice", "draws", "estimates", "experiment", "isolates", "model", "provider", "reactions",
                "refusal", "scenario", "setting", "simple", "table", "tally", "trace", "validate",
                "kernel/calls", "kernel/instances", "kernel/layout", "kernel/loop", "kernel/queues",
            )
        ),
    ),
    Floor(
        "safe text and whole files", 100,
        ("display.py", "report/atomic.py", "report/atomic_folder.py", "report/markdown_text.py"),
    ),
)  # fmt: skip

# Machine code is not seen: the scan's functions run as plain Python in a few tests only, and are held against
# the general decoder line by line instead (tests/unit/logs/scan).
WHOLE = Floor("all but the scan's kernels", 95, ("*",))
UNSEEN = ("logs/scan/*",)


def counted(files: list[dict[str, Any]]) -> tuple[int, int]:
    """Return the lines and branches that run, and all there are."""
    summaries = [file["summary"] for file in files]
    run = sum(own["covered_lines"] + own["covered_branches"] for own in summaries)
    return run, sum(own["num_statements"] + own["num_branches"] for own in summaries)


def missing(place: str, file: dict[str, Any]) -> str:
    """Return what no test runs of a file."""
    lines = [str(number) for number in file["missing_lines"]]
    branches = [f"{start}->{end}" for start, end in file["missing_branches"] if str(start) not in lines]
    return f"  {place}: {', '.join(lines + branches)}"


def told(report: dict[str, Any], floors: tuple[Floor, ...]) -> tuple[list[str], bool]:
    """Return lines about the groups, and whether all reach their floors."""
    files = {name.replace("\\", "/").split(PACKAGE, 1)[1]: file for name, file in report["files"].items()}
    lines, is_reached = [], True
    for floor in floors:
        own = {
            place: file
            for place, file in sorted(files.items())
            if floor.holds(place) and not any(fnmatch(place, unseen) for unseen in UNSEEN)
        }
        run, there = counted(list(own.values()))
        share = 100 * run / there if there else 0.0
        what = f"{floor.name}: {run:,} of {there:,} lines and branches, {share:.2f} %"
        lines.append(f"{what}; at least {floor.least:g} %")
        if share < floor.least:
            is_reached = False
        if share < floor.least == 100:
            lines += [
                missing(place, file)
                for place, file in own.items()
                if file["summary"]["percent_covered"] < floor.least
            ]
    return lines, is_reached


def main(arguments: list[str]) -> int:
    """Print the groups; 1 if one is below its floor."""
    report = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    lines, is_reached = told(report, CORE if "--core" in arguments else (*CORE, WHOLE))
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if is_reached else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
