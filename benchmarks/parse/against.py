"""How fast this checkout reads logs, against another one: ``against.py OTHER``, a second checkout's folder.

    git worktree add ../before v0.6.0
    python benchmarks/parse/against.py ../before

Old and new take turns, each sample a process of its own, so that a machine that becomes slower meanwhile
slows both. Prints the medians of seconds, and what part of the old time the new one takes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Final

from blocks import DENSITIES, SHAPES
from measure import Task, sample_of
from tasks import plain_tasks

HERE: Final = Path(__file__).resolve().parents[2] / "analysis"
SIZES: Final = {"sparse": 500_000_000, "dense": 200_000_000}
"""Bytes of each log."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, help="the folder of another checkout")
    parser.add_argument("--densities", nargs="+", choices=list(DENSITIES), default=list(DENSITIES))
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--runs", type=int, default=5, help="samples of each; their median counts")
    options = parser.parse_args()
    other = options.other.resolve() / "analysis"
    if not (other / "keyrota").is_dir():
        parser.error(f"{options.other} is no checkout of keyrota: it has no analysis/keyrota")
    sys.stdout.write("| log | threads | old, s | new, s | new of old |\n| --- | --: | --: | --: | --: |\n")
    for density in options.densities:
        for shape in options.shapes:
            with tempfile.TemporaryDirectory(prefix="bench-against-") as folder:
                for task in plain_tasks(Path(folder), shape, density, SIZES[density], {"scan"}):
                    old, new = _in_turn(task, (other, HERE), options.runs)
                    sys.stdout.write(
                        f"| {shape}, {density} | {task.threads} | {old:.3f} | {new:.3f} | {new / old:.2f} |\n"
                    )
                    sys.stdout.flush()


def _in_turn(task: Task, checkouts: tuple[Path, Path], runs: int) -> tuple[float, float]:
    """Return the median of the seconds that each checkout takes."""
    seconds: defaultdict[Path, list[float]] = defaultdict(list)
    for sources in checkouts:
        sample_of(replace(task, files=(task.warm,)), sources)  # nothing is compiled in a sample that counts
    for _ in range(runs):
        for sources in checkouts:
            sample = sample_of(task, sources)
            if sample["wrong"]:
                raise SystemExit(f"{sources} on {task.files[0].name}: {'; '.join(sample['wrong'])}")
            seconds[sources].append(sample["seconds"])
    old, new = (statistics.median(seconds[sources]) for sources in checkouts)
    return old, new


if __name__ == "__main__":
    main()
