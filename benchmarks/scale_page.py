"""The page of what a second worker is worth: tables of rates, and what follows for many machines."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Crew:
    """Workers of one kind: how they are called, how many, and what to give `Workers`."""

    kind: str
    number: int
    jobs: int = 1
    cluster: str | None = None
    prefer: str = "threads"


CREWS: Final = (
    Crew("this process", 1),
    Crew("threads", 2, jobs=2),
    Crew("processes", 2, jobs=2, prefer="processes"),
    Crew("Dask", 1, cluster="local:1"),
    Crew("Dask", 2, cluster="local:2"),
)

Times = dict[Crew, list[float]]


@dataclass(frozen=True)
class Log:
    """A log that is read: its bytes, its events, and what is known of one reading by one worker."""

    name: str
    path: Path
    bytes: int
    events: int = 0
    alone_s: float = 0.0
    sent_bytes: int = 0
    table_bytes: int = 0


def rates(unit: str, amount: float, times: Times) -> Iterator[str]:
    """Yield a table of one task: how much a second, and how that compares with one worker."""
    yield f"| workers | {unit} | against one worker | of its own kind |"
    yield "| --- | --: | --: | --: |"
    alone = statistics.median(times[CREWS[0]])
    for crew in CREWS:
        seconds = statistics.median(times[crew])
        same = next((one for one in CREWS if one.kind == crew.kind and one.number == 1), crew)
        own = f"{statistics.median(times[same]) / seconds:.2f}" if same is not crew else ""
        yield f"| {crew.number} x {crew.kind} | {amount / seconds:,.4g} | {alone / seconds:.2f} | {own} |"


def costs(amount: float, times: Times) -> Iterator[str]:
    """Yield a table of what handing out a call takes."""
    yield "| workers | calls a second | a call |"
    yield "| --- | --: | --: |"
    for crew in CREWS[1:]:
        seconds = statistics.median(times[crew])
        yield f"| {crew.number} x {crew.kind} | {amount / seconds:,.4g} | {1e6 * seconds / amount:,.3g} us |"


def crew_of(kind: str, number: int) -> Crew:
    """Return the crew of a kind and a number of workers."""
    return next(crew for crew in CREWS if (crew.kind, crew.number) == (kind, number))


def per_second(amount: float, times: Times, kind: str, number: int) -> float:
    """Return how much a crew does in a second, the median."""
    return amount / statistics.median(times[crew_of(kind, number)])


def sweep_arithmetic(machine: float, calls: float) -> Iterator[str]:
    """Yield a million scenarios on n machines."""
    wanted = 1e6
    yield (
        f"A machine of two workers simulates S = {machine:,.4g} scenarios a second; the client hands out at "
        f"most d = {calls:,.4g} calls a second. N scenarios on n machines take N / min(n S, d) seconds:"
    )
    yield from ("", "| machines | 10^6 scenarios | what bounds it |", "| --: | --: | --- |")
    for machines in (1, 10, 100, 1_000):
        rate = min(machines * machine, calls)
        bound = "the client" if calls < machines * machine else "the workers"
        yield f"| {machines:,} | {lasting(wanted / rate)} | {bound} |"


NETWORKS: Final = (("1 Gbit/s", 125e6), ("10 Gbit/s", 1.25e9))


def reading_arithmetic(log: Log, times: Times) -> Iterator[str]:
    """Yield a terabyte of a kind of log on n machines."""
    wanted, joining = 1e12, log.alone_s / log.bytes
    scanned_s = statistics.median(times[crew_of("Dask", 2)]) - log.alone_s
    scanned = log.bytes / scanned_s
    yield (
        f"**{log.name}.** Reading {log.bytes / 1e9:.2g} GB, the client was alone at work for "
        f"{log.alone_s:.3g} s, which is j = {1e9 * joining:.3g} s for each GB; in the rest of the time two "
        f"workers read R = {scanned / 1e6:,.4g} MB/s. For each GB of log "
        f"{1e3 * log.sent_bytes / log.bytes:.3g} MB travel, and the table takes "
        f"{1e3 * log.table_bytes / log.bytes:.3g} MB of the client's memory. D bytes on n machines, with "
        "B bytes a second of network each, take D / (n min(R, B)) + D j seconds:"
    )
    yield ""
    yield f"| machines | {' | '.join(f'1 TB at {name}' for name, _ in NETWORKS)} | of it the client alone |"
    yield "| --: | --: | --: | --: |"
    for machines in (1, 10, 100):
        cells = [
            lasting(wanted / (machines * min(scanned, network)) + wanted * joining) for _, network in NETWORKS
        ]
        yield f"| {machines} | {' | '.join(cells)} | {lasting(wanted * joining)} |"


def lasting(seconds: float) -> str:
    """Return a time in the unit that fits."""
    for unit, size in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def machine() -> str:
    """Return what was measured on."""
    packages = ("joblib", "dask", "distributed", "numpy", "numba")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    python = platform.python_version()
    return f"{processor()}, {cores} cores, {platform.system()}; Python {python}, {versions}"


def processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
