"""Samples, each in a fresh process, the approaches in turn."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

SAMPLE: Final = Path(__file__).with_name("sample.py")


@dataclass(frozen=True, slots=True)
class Task:
    """One approach on some files of one shape, with so many threads on as many cores."""

    approach: str
    shape: str
    label: str
    files: tuple[Path, ...]
    warm: Path
    bytes: int
    threads: int = 1
    is_compiled: bool = False


@dataclass(slots=True)
class Measured:
    """The samples of one task."""

    bytes: int
    seconds: list[float] = field(default_factory=list)
    processor_s: list[float] = field(default_factory=list)
    peak_mib: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Uncompressed GB a second: the median."""
        return self.bytes / statistics.median(self.seconds) / 1e9

    @property
    def processor_rate(self) -> float:
        """The same for each second of processor time, which other work on the machine hardly changes."""
        return self.bytes / statistics.median(self.processor_s) / 1e9

    @property
    def peak(self) -> float:
        """The highest peak of memory, in MiB."""
        return max(self.peak_mib)


def measured(tasks: Iterable[Task], runs: int) -> dict[Task, Measured]:
    """Return the samples of all tasks: `runs` rounds, every task once in each.

    Whatever returns a table that is not as the truth says ends the benchmark.
    """
    found: dict[Task, Measured] = {}
    for task in tasks:
        if task.is_compiled:
            sample_of(replace(task, files=(task.warm,)))  # nothing is compiled in a sample that counts
    for _ in range(runs):
        for task in tasks:
            sample = sample_of(task)
            of_task = found.setdefault(task, Measured(task.bytes))
            of_task.seconds.append(sample["seconds"])
            of_task.processor_s.append(sample["processor_s"])
            of_task.peak_mib.append(sample["peak_mib"])
            if sample["wrong"]:
                raise SystemExit(f"{task.approach} on {task.files[0].name}: {'; '.join(sample['wrong'])}")
    return found


def sample_of(task: Task, sources: Path | None = None) -> dict[str, Any]:
    """Return one sample of a task; `sources` hold another keyrota than the one that is installed."""
    for path in task.files:
        _into_cache(path)
    environment = {**os.environ, "POLARS_MAX_THREADS": str(task.threads)}
    if task.threads == 1:
        # Of pandas' and Arrow's pools too: pinned threads only get into each other's way.
        environment |= {"OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"}
    if sources is not None:
        environment["PYTHONPATH"] = str(sources)
    cores = ",".join(map(str, _cores()[: task.threads]))
    done = subprocess.run(
        [
            sys.executable, str(SAMPLE), task.approach, task.shape, str(task.threads), cores, str(task.warm),
            *map(str, task.files),
        ],
        env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{task.approach} on {task.files[0].name} failed:\n{done.stderr[-2000:]}")
    sample: dict[str, Any] = json.loads(done.stdout)
    return sample


def _into_cache(path: Path) -> None:
    buffer = bytearray(1 << 20)
    with path.open("rb", buffering=0) as source:
        while source.readinto(buffer):
            pass


def _cores() -> list[int]:
    """Return the cores that may be used, the last first: the first serves the machine's interrupts."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0), reverse=True)
    return list(range(os.cpu_count() or 1))


def by_label(found: dict[Task, Measured]) -> dict[str, dict[tuple[str, str, int], Measured]]:
    """Return what was measured by label, then by approach, shape and threads."""
    sorted_out: defaultdict[str, dict[tuple[str, str, int], Measured]] = defaultdict(dict)
    for task, of_task in found.items():
        sorted_out[task.label][task.approach, task.shape, task.threads] = of_task
    return dict(sorted_out)
