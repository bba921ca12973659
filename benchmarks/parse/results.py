"""What was measured as tables, and the goals with what became of them."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from approaches import APPROACHES, DECOMPRESSORS
from measure import Measured

Found = dict[str, dict[tuple[str, str, int], Measured]]
"""Label (``sparse``, ``dense``, ``gz``, ...) -> approach, shape, threads -> samples."""

SHAPE_NAMES: Final = {"text": "text", "ndjson": "NDJSON", "csv": "CSV"}


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio, or a size, that was aimed at."""

    what: str
    shape: str
    value: float | None
    goal: float
    unit: str = "x"
    is_upper: bool = False

    @property
    def verdict(self) -> str:
        """Whether it was met."""
        if self.value is None:
            return "not measured"
        is_met = self.value <= self.goal if self.is_upper else self.value >= self.goal
        return "met" if is_met else "NOT MET"


def machine() -> str:
    """Return the machine and the versions, on one line."""
    packages = ("numpy", "pandas", "pyarrow", "numba", "polars", "duckdb", "isal", "zstandard")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{_processor()}, {cores} cores, {platform.system()}; Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in packages)
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def tables(found: Found, shapes: list[str], sizes: str) -> Iterator[str]:
    """Yield the lines of all tables."""
    yield f"{sizes}. {machine()}."
    for density in ("sparse", "dense"):
        if density in found:
            yield from ("", f"**{density.capitalize()}, one core**, GB/s (peak memory in MiB):", "")
            yield from _table(found[density], shapes, 1, with_peak=True)
    for density in ("sparse", "dense"):
        if any(threads == 2 for _, _, threads in found.get(density, ())):
            yield from ("", f"**{density.capitalize()}, two cores**, GB/s:", "")
            yield from _table(found[density], shapes, 2, with_peak=False)
    for label, threads, what in (
        ("{}", 1, "one core"),
        ("{}", 2, "one file on two cores"),
        ("two {}", 2, "two files on two cores"),
    ):
        for kind in DECOMPRESSORS:
            of_label = found.get(label.format(kind), {})
            if any(number == threads for _, _, number in of_label):
                yield from ("", f"**{kind}, sparse, {what}**, GB/s of plain bytes:", "")
                yield from _table(of_label, shapes, threads, with_peak=True)
    rows = list(goals(found, shapes))
    if rows:
        yield from ("", "**Goals**, ratios within this run:", "", "| what | shape | measured | goal | |")
        yield "| --- | --- | --: | --: | --- |"
        for row in rows:
            value = "" if row.value is None else _shown(row.value, row.unit)
            sign = "at most " if row.is_upper else ""
            yield (
                f"| {row.what} | {SHAPE_NAMES[row.shape]} | {value} | {sign}{_shown(row.goal, row.unit)} "
                f"| {row.verdict} |"
            )


def _shown(value: float, unit: str) -> str:
    return f"{value:.0f} MiB" if unit == "MiB" else f"{value:.3g}{unit}"


def _table(
    of_label: dict[tuple[str, str, int], Measured], shapes: list[str], threads: int, *, with_peak: bool
) -> Iterator[str]:
    yield f"| | {' | '.join(SHAPE_NAMES[shape] for shape in shapes)} |"
    yield f"| --- |{' --: |' * len(shapes)}"
    for name in APPROACHES:
        cells = []
        for shape in shapes:
            one = of_label.get((name, shape, threads))
            peak = f" ({one.peak:.0f})" if one and with_peak and not APPROACHES[name].is_mark else ""
            cells.append(f"{one.rate:.3g}{peak}" if one else "")
        if any(cells):
            yield f"| {name} | {' | '.join(cells)} |"


def goals(found: Found, shapes: list[str]) -> Iterator[Goal]:
    """Yield the goals of the issue for which ours was measured."""
    for shape in shapes:
        best = _best(found, shape)
        ours = best("sparse", "scan", 1)
        if ours is None:
            continue
        yield _ratio("over Polars, sparse", shape, ours, best("sparse", "polars", 1), 3)
        yield _ratio("over ripgrep and `re`, sparse", shape, ours, best("sparse", "rg", 1), 3)
        yield _ratio("over Polars, dense", shape, best("dense", "scan", 1), best("dense", "polars", 1), 2.5)
        aim = 12 if shape == "csv" else 50
        yield _ratio("over plain pandas, sparse", shape, ours, best("sparse", "pandas", 1), aim)
        yield _ratio("two threads over one, sparse", shape, best("sparse", "scan", 2), ours, 1.6)
        yield Goal("peak memory, sparse", shape, ours.peak, 300, "MiB", is_upper=True)
        for kind, engines in DECOMPRESSORS.items():
            alone = best(kind, engines[0], 1)
            one = best(kind, "scan", 1)
            yield _ratio(f"{kind} on one core over the decompressor alone", shape, one, alone, 0.7)
            yield _ratio(
                f"{kind} on two cores over the decompressor alone", shape, best(kind, "scan", 2), alone, 0.7
            )
            two = best(f"two {kind}", "scan", 2)
            yield _ratio(f"two {kind} in two threads over one", shape, two, one, 1.8)


def _best(found: Found, shape: str) -> Callable[[str, str, int], Measured | None]:
    def best(label: str, engine: str, threads: int) -> Measured | None:
        of_engine = [
            one
            for (name, of, count), one in found.get(label, {}).items()
            if (of, count) == (shape, threads) and APPROACHES[name].engine == engine
        ]
        return max(of_engine, key=lambda one: one.rate, default=None)

    return best


def _ratio(what: str, shape: str, ours: Measured | None, other: Measured | None, goal: float) -> Goal:
    value = ours.rate / other.rate if ours is not None and other is not None else None
    return Goal(what, shape, value, goal)
