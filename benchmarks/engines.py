"""How long the engines take for a request, and what they keep in memory: medians and ratios in one run."""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from keyrota.simulation.compiled import run_compiled
from keyrota.simulation.model import Model
from keyrota.simulation.scenario import Scenario
from keyrota.simulation.setting import setting_of
from keyrota.simulation.simple import simple_scenario
from keyrota.simulation.tally import OfFunction, Run

RUNS = 7
DAY_S = 86_400.0
ROOT = Path(__file__).resolve().parents[1]

Row = tuple[str, str, str]


def scenario(days: float) -> Scenario:
    """Four keys of two requests a minute at twice 4 a minute, hosted isolates, fixed minutes."""
    return simple_scenario(keys=4, per_minute=2, rate_per_min=8.0, duration_s=days * DAY_S)


def compiled(days: float, seed: int) -> Run:
    """Run the compiled engine."""
    return run_compiled(setting_of(scenario(days)), np.random.SeedSequence(seed))


def simpy(days: float, seed: int) -> Run:
    """Run the SimPy engine."""
    return Model(setting_of(scenario(days)), np.random.SeedSequence(seed)).run()


def per_request_s(engine: Callable[[float, int], Run], days: float) -> float:
    """Return the median time of a request in seconds over `RUNS` runs, after one that is not counted."""
    engine(1.0, 0)
    times = []
    for seed in range(RUNS):
        began = time.perf_counter()
        run = engine(days, seed)
        times.append((time.perf_counter() - began) / int(run.tally.functions[0, OfFunction.REQUESTS]))
    return statistics.median(times)


def in_new_process(code: str) -> float:
    """Return the number that a new process prints."""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout)


STARTED = (
    "import time; began = time.perf_counter()\n"
    "import numpy as np\n"
    "from keyrota.simulation.compiled import run_compiled\n"
    "from keyrota.simulation.setting import setting_of\n"
    "from keyrota.simulation.simple import simple_scenario\n"
    "s = simple_scenario(keys=4, per_minute=2, rate_per_min=8.0, duration_s=3600.0)\n"
    "run_compiled(setting_of(s), np.random.SeedSequence(0))\n"
    "print(time.perf_counter() - began)\n"
)

PEAK = (
    "import re, numpy as np\n"
    "from keyrota.simulation.experiment import run_once\n"
    "from keyrota.simulation.setting import setting_of\n"
    "from keyrota.simulation.simple import simple_scenario\n"
    "s = simple_scenario(keys=4, per_minute=2, rate_per_min=8.0, duration_s={days} * 86400.0)\n"
    "run_once(setting_of(s), np.random.SeedSequence(0), engine='{engine}')\n"
    "status = open('/proc/self/status').read()\n"
    "print(int(re.search(r'VmHWM:\\s+([0-9]+) kB', status)[1]) / 1024)\n"
)


def rows() -> Iterator[Row]:
    """Measure, and yield a row each."""
    fast, slow = per_request_s(compiled, 200.0), per_request_s(simpy, 2.0)
    yield "compiled engine, a request (4 keys, hosted, fixed minutes)", f"{1e9 * fast:.0f} ns", "100 ns"
    yield "SimPy engine, the same", f"{1e6 * slow:.1f} us", "25 us"
    yield "SimPy over compiled", f"{slow / fast:.0f} times", "100 times"
    theirs, ours = simfaas_and_compiled_s()
    yield "SimFaaS, a request (its reference case)", f"{1e6 * theirs:.1f} us", ""
    yield "compiled engine, the same", f"{1e9 * ours:.0f} ns", ""
    yield "SimFaaS over compiled", f"{theirs / ours:.0f} times", "100 times"
    start = statistics.median(in_new_process(STARTED) for _ in range(RUNS))
    yield "a new process imports and runs the compiled engine (cached on disk)", f"{start:.2f} s", "1 s"
    for engine, days in (("compiled", 100), ("simpy", 2)):
        few = in_new_process(PEAK.format(engine=engine, days=days))
        many = in_new_process(PEAK.format(engine=engine, days=10 * days))
        yield (
            f"peak memory, {engine}, {days} days and {10 * days} days",
            f"{few:.0f} MiB and {many:.0f} MiB",
            "the same",
        )


def simfaas_and_compiled_s() -> tuple[float, float]:
    """Return the time of a request in SimFaaS and in the compiled engine, measured in turn."""
    spec = importlib.util.spec_from_file_location("against_simfaas", ROOT / "docs" / "against_simfaas.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    measured = module.speed()
    return float(measured.simfaas_s), float(measured.keyrota_s)
