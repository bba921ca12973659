"""The history at scale: a drain of 10^8 events added day by day, a month of it read and judged.

Run it alone with ``python benchmarks/history.py --events 10000000 --days 365 --folder /some/disk``; the rows
are those that `make bench-scale` puts into docs/performance.md. Every figure is of one run, on a store that
was just made; the events of a day are made before the clock of its add starts.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from keyrota import judge
from keyrota.events import typed_events
from keyrota.history import History, open_store
from keyrota.logs.duplicates import Marks
from keyrota.logs.read import LogInput, Reading, SourceInput
from keyrota.pools import load_pools

DAY_NS = 86_400 * 10**9
FIRST_DAY = 20_000
"""Days after 1970: 2024-10-04."""

MONTH_DAYS = 30
PICKS_PER_ISOLATE = 5
POOLS = load_pools()

Result = TypeVar("Result")
Row = tuple[str, str, str]
"""What was measured, its figure, the goal."""


def day_of_events(day: int, events: int) -> Reading:
    """Return the reading of one day: picks in three pools by isolates of five picks, 2 % of 429s, row ids."""
    rng = np.random.default_rng([6, day])
    times = np.sort(rng.integers(0, DAY_NS // 10**6, events)) * 10**6 + (FIRST_DAY + day) * DAY_NS
    lives = PICKS_PER_ISOLATE * 4
    isolate = np.arange(events) // lives * 4 + rng.integers(0, 4, events)
    pools = list(POOLS)
    pool = isolate % len(pools)
    sizes = np.array([own.size for own in pools])[pool]
    position = (isolate * 7 + np.arange(events) // 4) % sizes
    keys = np.array([[*own.keys, *[0] * (10 - own.size)] for own in pools])[pool, position]
    is_rejection = rng.random(events) < 0.02
    kind = np.where(is_rejection, 2, 0).astype(np.int8)
    lost = np.where(is_rejection, -1, 1)
    columns = {
        "time": times, "kind": kind, "pool": pool, "function": pool, "isolate": isolate,
        "key": np.where(lost > 0, keys, -1), "position": np.where(lost > 0, position + 1, -1),
        "size": np.where(lost > 0, sizes, -1), "status": np.where(is_rejection, 429, -1),
        "cause": np.where(is_rejection, 0, -1), "source": np.zeros(events, dtype=np.int8),
        "line": np.arange(1, events + 1),
    }  # fmt: skip
    name = f"drain-{day:04d}.ndjson"
    # Random, as ids are: names that counted up would compress to nothing.
    ids = rng.integers(0, 2**63, int(isolate.max()) + 1).tolist()
    table = typed_events(
        columns,
        {
            "kind": ("pick", "pool", "rejection"), "cause": ("per-minute",), "source": (name,),
            "pool": [own.name for own in pools], "function": [own.functions[0] for own in pools],
            "isolate": [f"{one:016x}"[:8] + f"-1111-4222-8333-{one:016x}"[4:] for one in ids],
        },
    )  # fmt: skip
    row_ids = rng.integers(1, 2**63, events).astype(np.uint64)
    marks = Marks.made(
        columns["time"], kind, row_ids, columns["key"], columns["position"], columns["size"],
        columns["status"],
    )  # fmt: skip
    account = SourceInput(
        name=name, format="drain-ndjson", encoding="utf-8", compression=None, bytes=0, lines=events,
        used=events, ignored=0, malformed=0, duplicates=0, truncated=False,
    )  # fmt: skip
    found = (("pick", int((kind == 0).sum())), ("rejection", int(is_rejection.sum())))
    return Reading(table, LogInput((account,), (), found), POOLS, marks)


def rows(events: int = 10**8, days: int = 3 * 365, folder: Path | None = None) -> Iterator[Row]:
    """Measure, and yield a row each.

    Parameters
    ----------
    events
        How many in all.
    days
        Over how many days.
    folder
        Where the store is made; it is removed afterwards.
    """
    with tempfile.TemporaryDirectory(dir=folder) as made:
        yield from _rows(open_store(Path(made, "history.duckdb")), events, days)


def _rows(store: History, events: int, days: int) -> Iterator[Row]:
    a_day = events // days
    making = Took(0.0, 0.0)

    def readings() -> Iterator[Reading]:
        nonlocal making
        for day in range(days):
            reading, took = _timed(lambda day=day: day_of_events(day, a_day))
            making = Took(making.seconds + took.seconds, making.processor_s + took.processor_s)
            yield reading

    _, took = _timed(lambda: store.add_readings(readings()))
    adding = Took(took.seconds - making.seconds, took.processor_s - making.processor_s)
    told = f"{a_day * days:,} events, {days} sources"
    rate = f"{a_day * days / adding.seconds / 1e6:.2f} M events/s, {adding}"
    yield f"history: add {told}, one transaction", rate, "1 M events/s"
    size = store.path.stat().st_size
    reading = day_of_events(days, a_day)
    _, took = _timed(lambda: store.add_readings([reading]))
    yield f"history: add one more day, {a_day:,} events", f"{took}", ""
    yield "history: size of the store", f"{size / 1e9:.2f} GB, {size / events:.1f} bytes an event", ""
    again, took = _timed(lambda: store.add_readings([reading]))
    yield "history: add that day again", f"{again.rows} rows, {took}", "0 rows"
    later = _shifted(reading, DAY_NS // 2)
    overlapping, took = _timed(lambda: store.add_readings([later]))
    name = f"history: add a day of {a_day:,} events that overlaps by half"
    yield name, f"{overlapping.rows:,} rows, {took}", ""
    since = FIRST_DAY + max(0, days // 2)
    month, loading = _timed(lambda: store.read(since=_iso(since), until=_iso(since + MONTH_DAYS)))
    yield f"history: load a month, {len(month.events):,} events", f"{loading}", ""
    _, judging = _timed(lambda: judge(month))
    yield "history: judge that month", f"{judging}", ""
    yield "history: report of that month, both together", f"{loading.seconds + judging.seconds:.1f} s", "5 s"
    _, took = _timed(store.list)
    yield "history: list", f"{took}", ""
    pruned, took = _timed(lambda: store.prune(before=_iso(FIRST_DAY + days // 2)))
    sizes = f"{pruned.bytes_before / 1e9:.2f} GB to {pruned.bytes_after / 1e9:.2f} GB"
    yield f"history: prune {pruned.rows:,} events", f"{took}, {sizes}", ""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield "history: peak memory of all of it", f"{peak:,.0f} MiB", ""


def _shifted(reading: Reading, by_ns: int) -> Reading:
    """Return the later half of a day's events, and as many new ones after them."""
    import pandas as pd

    times = reading.marks.time
    is_late = times >= times[0] + by_ns
    moved = reading.events["time"].where(is_late, reading.events["time"] + pd.Timedelta(days=1))
    events = reading.events.assign(time=moved)
    marks = reading.marks
    content = np.where(is_late, marks.content, marks.content ^ np.uint64(0x5555))
    row_id = np.where(is_late, marks.row_id, marks.row_id ^ np.uint64(0x5555))
    time_ns = np.where(is_late, times, times + DAY_NS)
    order = np.argsort(time_ns, kind="stable")
    marks = Marks(time_ns[order], marks.kind[order], row_id[order], content[order])
    events = events.iloc[order].reset_index(drop=True)
    return Reading(events, reading.input, reading.pools, marks)


@dataclass(frozen=True)
class Took:
    """How long something took, and how much of the processors: on a busy machine the second tells more."""

    seconds: float
    processor_s: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s ({self.processor_s:.2f} s of processors)"


def _timed(work: Callable[[], Result]) -> tuple[Result, Took]:
    began, used = time.perf_counter(), time.process_time()
    result = work()
    return result, Took(time.perf_counter() - began, time.process_time() - used)


def _iso(day: int) -> str:
    return str(np.datetime64(day, "D"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=float, default=1e8)
    parser.add_argument("--days", type=int, default=3 * 365)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    for row in rows(int(given.events), given.days, given.folder):
        sys.stdout.write(f"| {' | '.join(row)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
