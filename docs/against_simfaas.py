"""Measure our model of instances that scale per request beside SimFaaS, an independent simulator.

A part of the validation of the simulation: `simfaas_section` gives its section of the page. On its own,
``python docs/against_simfaas.py [--quick]`` prints that section. Cases, runs and comparison are those of
tests/oracles/simfaas_runs.py.
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

_path = Path(__file__).resolve().parents[1] / "tests" / "oracles" / "simfaas_runs.py"
_spec = importlib.util.spec_from_file_location("simfaas_runs", _path)
assert _spec is not None
assert _spec.loader is not None
sim = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sim)

Effort = Literal["full", "quick"]


def plan(effort: Effort) -> list[tuple]:
    """Return the cases with their numbers of runs, of SimFaaS and of ours.

    In full every case has the span for which SimFaaS' documentation prints figures.
    """
    if effort == "full":
        return [
            (sim.REFERENCE, 10, 100),
            (sim.OVERLOAD, 4, 100),
            (sim.EMPTY_START, 2_000, 10_000),
            *((case, 4, 100) for case in sim.SWEEP),
        ]
    return [
        (sim.REFERENCE.for_span(2e4), 10, 100),
        (sim.OVERLOAD.for_span(10), 3, 100),
        (sim.EMPTY_START, 500, 1_000),
        *((case.for_span(2e3), 4, 100) for case in sim.SWEEP),
    ]


def simfaas_section(effort: Effort = "full") -> list[str]:
    """Return the section on SimFaaS as lines of Markdown.

    Parameters
    ----------
    effort
        ``"full"``: about 20 minutes on one core. ``"quick"``: half a minute, with shorter spans, for
        which SimFaaS prints no figures.
    """
    rows: list[str] = []
    largest, compared = 0.0, 0
    for case, their_runs, our_runs in plan(effort):
        theirs, ours = sim.simfaas_runs(case, their_runs), sim.keyrota_runs(case, our_runs)
        for found in sim.compare(case, theirs, ours):
            if found.theirs == found.ours == found.their_sd == found.our_error == 0:
                continue
            largest, compared = max(largest, abs(found.z)), compared + 1
            rows.append(_row(case, found))
    times = speed()
    return [
        "## Against SimFaaS",
        "",
        "[SimFaaS](https://github.com/pacslab/simfaas) 0.2.2 is an independent simulator of platforms that "
        "scale per request: one request at a time in an instance, the newest idle instance first, idle "
        "expiry, a cap. Both simulators run the same cases: Poisson arrivals, exponential work, a start "
        "without instances, nothing left out at the beginning; ours with a pool without limits and no boot "
        "time. Means are over independent runs. z is their difference in standard errors (Welch's t as a "
        "normal deviate). The last column is what SimFaaS' own README and example notebooks print for that "
        "span, with its z against the spread of our runs. Left out are shares that are 0 in all runs of "
        "both, and the lifespan where hardly a run has an instance that expired.",
        "",
        f"The largest |z| of {compared} comparisons is {largest:.1f}. Fed with the arrivals and the work of "
        "a run of ours, SimFaaS starts cold, serves warm and turns away the very same requests, and ends the "
        "same instances at the same moments (tests/oracles/test_simfaas.py).",
        "",
        "| case | quantity | SimFaaS, mean | sd of a run | runs | keyrota, mean | standard error | runs | z "
        "| SimFaaS prints |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        *rows,
        "",
        f"On the reference case SimFaaS takes {times.simfaas_s * 1e6:.1f} µs a request, the compiled engine "
        f"{times.keyrota_s * 1e9:.0f} ns: {times.ratio:.0f} times as fast, measured side by side in one "
        "process, without compilation.",
        "",
    ]


def _row(case, found) -> str:
    printed = "" if found.printed is None else f"{_shown(found.printed)} (z {found.printed_z:+.1f})"
    cells = [
        f"{case.name}, {case.span_s:,.0f} s", found.quantity,
        _shown(found.theirs), _rough(found.their_sd), f"{found.their_runs:,}",
        _shown(found.ours), _rough(found.our_error), f"{found.our_runs:,}",
        f"{found.z:+.1f}", printed,
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _shown(value: float) -> str:
    return f"{value:.1f}" if value >= 1000 else f"{value:#.4g}" if value < 1 else f"{value:.3f}"


def _rough(value: float) -> str:
    """Two significant digits."""
    return f"{float(f'{value:.2g}'):g}"


# Speed -------------------------------------------------------------


@dataclass(frozen=True)
class Speed:
    """Seconds a request of SimFaaS and of our compiled engine, on the reference case."""

    simfaas_s: float
    keyrota_s: float

    @property
    def ratio(self) -> float:
        """How many times as fast ours is."""
        return self.simfaas_s / self.keyrota_s


@cache
def speed(repeats: int = 5) -> Speed:
    """Time both simulators in turn, and take the median of each; ours was run once before.

    SimFaaS runs 20,000 s of the reference case and ours 1,000,000 s: about 18,000 and 900,000 requests,
    because a start of ours costs about as much as 10,000 requests.
    """
    short, long = sim.REFERENCE.for_span(2e4), sim.REFERENCE
    setting = long.setting()
    sim.keyrota_run(short.setting(), np.random.SeedSequence(sim.SEED))
    theirs, ours = [], []
    for seed in np.random.SeedSequence(sim.SEED).spawn(repeats):
        simulator = sim.simfaas_simulator(short, seed)
        theirs.append(_seconds(simulator.generate_trace) / simulator.total_req_count)
        requests: list[int] = []
        seconds = _seconds(lambda seed=seed, requests=requests: requests.append(_requests(setting, seed)))
        ours.append(seconds / requests[0])
    return Speed(statistics.median(theirs), statistics.median(ours))


def speed_ratio() -> float:
    """Return how many times as fast as SimFaaS the compiled engine is on the reference case."""
    return speed().ratio


def _requests(setting, seed: np.random.SeedSequence) -> int:
    return int(sim.run_compiled(setting, seed).tally.functions[0, sim.OfFunction.REQUESTS])


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter spans, fewer runs")
    print("\n".join(simfaas_section("quick" if parser.parse_args().quick else "full")))
