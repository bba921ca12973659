"""What a second worker is worth, in reading and in sweeps (`make bench-scale`).

Measures one and two workers, as threads, as processes of joblib, and as processes of a Dask cluster on this
machine, in turn; prints the tables and writes them into docs/scaling.md, with what follows from them for a
terabyte of logs and a million scenarios on many machines.
"""

from __future__ import annotations

import argparse
import pickle
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scale_page import (
    CREWS,
    Crew,
    Log,
    Times,
    costs,
    machine,
    per_second,
    rates,
    reading_arithmetic,
    sweep_arithmetic,
)

from keyrota.simulation.experiment import simulate
from keyrota.simulation.scenario import Fail, Failover, Scenario
from keyrota.simulation.simple import simple_scenario
from keyrota.workers import Workers

if TYPE_CHECKING:
    import pandas as pd

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "scaling.md"
BEGIN: Final = "<!-- begin: written by `make bench-scale` -->"
END: Final = "<!-- end -->"

REPLICATIONS: Final = 20
TRIVIAL: Final = 4_000


def scenarios(number: int) -> list[Scenario]:
    """Return scenarios of a day: 1 to 12 keys, three loads, with and without failing over."""
    return [
        simple_scenario(
            keys=1 + place % 12,
            per_minute=2,
            rate_per_min=(0.2, 0.5, 1.0)[place // 12 % 3] * 2 * (1 + place % 12),
            policy="random",
            duration_s=86_400.0,
            on_reject=Failover() if place // 36 % 2 else Fail(),
        )
        for place in range(number)
    ]


def share_of(scenario: Scenario) -> tuple[float | None, float | None]:
    """Return what a sweep keeps of a scenario: the share of 429s and its standard error."""
    share = simulate(scenario, replications=REPLICATIONS).rejected_share()
    return share.estimate, share.standard_error


class Watched(Workers):
    """Workers of which is known how long was waited for their results, and how large these were."""

    waited_s = 0.0
    sent_bytes = 0
    weighs = False

    def map(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        """Yield what the workers found."""
        results = super().map(*arguments, **options)
        while True:
            began = time.perf_counter()
            try:
                result = next(results)
            except StopIteration:
                return
            finally:
                self.waited_s += time.perf_counter() - began
            if self.weighs:
                self.sent_bytes += len(pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL))
            yield result


def read_log(path: Path, workers: Workers) -> pd.DataFrame:
    """Read a log: the one place that knows how this is called."""
    from keyrota.logs.read import read

    return read(path, workers=workers).events


def looked_at(log: Log) -> Log:
    """Return a log with what one worker's reading tells of it."""
    with Watched() as one:
        read_log(log.path, one)
        one.waited_s = 0.0
        began = time.perf_counter()
        events = read_log(log.path, one)
        alone_s = time.perf_counter() - began - one.waited_s
        one.weighs = True
        read_log(log.path, one)
    memory = int(events.memory_usage(deep=True).sum())
    return replace(log, events=len(events), alone_s=alone_s, sent_bytes=one.sent_bytes, table_bytes=memory)


Task = Callable[[Crew, Workers], object]


def measured(tasks: dict[str, Task], runs: int) -> tuple[dict[str, Times], Times]:
    """Return the seconds of each task by each crew, all in turn, and those until a crew's first result."""
    times: dict[str, Times] = {name: {crew: [] for crew in CREWS} for name in tasks}
    starts: Times = {crew: [] for crew in CREWS}
    with ExitStack() as stack:
        crews = [(crew, stack.enter_context(Workers(crew.jobs, crew.cluster))) for crew in CREWS]
        for crew, workers in crews:
            with Workers(crew.jobs, crew.cluster) as own:
                began = time.perf_counter()
                list(own.map(share_of, scenarios(2), prefer=crew.prefer))
                starts[crew].append(time.perf_counter() - began)
            for task in tasks.values():  # imports and machine code in every worker
                task(crew, workers)
        for run in range(runs):
            for name, task in tasks.items():
                for crew, workers in crews:
                    began = time.perf_counter()
                    task(crew, workers)
                    times[name][crew].append(time.perf_counter() - began)
                    told = f"run {run + 1} of {runs}: {name}: {crew.number} x {crew.kind}: "
                    sys.stderr.write(f"{told}{times[name][crew][-1]:.2f} s\n")
    return times, starts


def dispatched(_: Crew, workers: Workers) -> None:
    """Have so many calls made that do nothing."""
    list(workers.map(abs, range(TRIVIAL)))


def main() -> None:
    """Measure, print and write."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as name:
        logs = _logs(Path(name), int(options.gigabytes * 1e9))
        swept = scenarios(options.scenarios)
        tasks: dict[str, Task] = {
            "sweep": lambda crew, workers: list(workers.map(share_of, swept, prefer=crew.prefer)),
            "calls": dispatched,
            **{log.name: lambda _, workers, path=log.path: read_log(path, workers) for log in logs},
        }
        times, starts = measured(tasks, options.runs)
        logs = [looked_at(log) for log in logs]
    lines = [f"Medians of {options.runs} runs, all in turn. {machine()}.", ""]
    lines += [f"### A sweep: {len(swept)} scenarios of a day, {REPLICATIONS} replications each", ""]
    lines += [*rates("scenarios a second", len(swept), times["sweep"]), ""]
    lines += ["Calls that do nothing, which is what handing out costs:", ""]
    lines += [*costs(TRIVIAL, times["calls"]), ""]
    begun = [f"{statistics.median(starts[crew]):.1f} s for {crew.number} x {crew.kind}" for crew in CREWS]
    lines += [f"Until the first two scenarios are done, all started anew: {', '.join(begun)}.", ""]
    for log in logs:
        lines += [f"### Reading: {log.name}, {log.bytes / 1e9:.2g} GB, {log.events:,} events", ""]
        lines += [*rates("MB a second", log.bytes / 1e6, times[log.name]), ""]
    lines += ["### A million scenarios", ""]
    rate = per_second(len(swept), times["sweep"], "Dask", 2)
    lines += [*sweep_arithmetic(rate, per_second(TRIVIAL, times["calls"], "Dask", 2)), ""]
    lines += ["### A terabyte of logs", ""]
    for log in logs:
        lines += [*reading_arithmetic(log, times[log.name]), ""]
    sys.stdout.write("\n".join(lines))
    if not options.no_write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        written = "\n".join([BEGIN, "", *lines])
        PAGE.write_text(before + written + END + rest.partition(END)[2], encoding="utf-8")


def _logs(folder: Path, size: int) -> list[Log]:
    sys.path.insert(0, str(ROOT / "benchmarks" / "parse"))
    from generate import log_file, truth_of

    found = []
    for density in ("sparse", "dense"):
        path = log_file(folder, "ndjson", density, size)
        found.append(Log(f"NDJSON of a drain, {density}", path, truth_of(path).bytes))
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scenarios", type=int, default=288)
    parser.add_argument("--gigabytes", type=float, default=1.0, help="of each log")
    parser.add_argument("--no-write", action="store_true", help="print only")
    return parser.parse_args()


if __name__ == "__main__":
    main()
