"""Hold the simulation against theory and against SimFaaS, and write that part of docs/validation.md.

Run by ``make validation``; ``--quick`` takes a tenth of the requests and prints to stdout. ``make nightly``
asserts what the tables show.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from keyrota.planning.against_theory import Comparison, compare, theory_cases
from keyrota.simulation.experiment import simulate

FOLDER = Path(__file__).parent
PAGE = FOLDER / "validation.md"
MARK = "<!-- simulation: written by docs/validate_simulation.py -->\n"
QUOTA_MARK = "<!-- quota: written by docs/validate_quota.py -->\n"


@dataclass(frozen=True)
class Effort:
    """How much is simulated."""

    compiled_requests: int = 4_000_000
    simpy_requests: int = 500_000
    experiments: int = 4_000


QUICK = Effort(compiled_requests=400_000, simpy_requests=30_000, experiments=400)


def against_theory(effort: Effort) -> list[str]:
    """Return the table of all cases on both engines."""
    lines = [
        "## Simulation against theory",
        "",
        "Each case on each engine, with random numbers of its own, in 50 replications: about "
        f"{effort.compiled_requests:,} requests on the compiled engine and {effort.simpy_requests:,} on "
        "SimPy, of days twice as many. z is the difference from theory in standard errors of the simulation. "
        "over(m, L) = E[max(N - L, 0)] / m with N Poisson of mean m; Erlang B(a, c) has a erlangs and "
        "c servers.",
        "",
        "| case | quantity | law | theory | compiled | s.e. | z | SimPy | s.e. | z |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    worst = 0.0
    for case in theory_cases():
        fast = compare(case, engine="compiled", requests=effort.compiled_requests)
        slow = compare(case, engine="simpy", requests=effort.simpy_requests)
        worst = max(worst, abs(fast.z), abs(slow.z))
        about = f"{case.name} | {case.quantity} | {case.law} | {case.expected:.6f}"
        lines.append(f"| {about} | {_cells(fast)} | {_cells(slow)} |")
        sys.stderr.write(".")
        sys.stderr.flush()
    return [*lines, "", f"The largest |z| of the {2 * len(theory_cases())} is {worst:.2f}."]


def _cells(comparison: Comparison) -> str:
    found = comparison.found
    assert found.estimate is not None
    return f"{found.estimate:.6f} | {found.standard_error:.6f} | {comparison.z:+.2f}"


def coverage(effort: Effort) -> list[str]:
    """Return how often the 95 % intervals hold the true share."""
    lines = [
        "## Intervals of the simulation",
        "",
        f"How often the 95 % interval of the share of 429s holds theory, over {effort.experiments:,} "
        "experiments of 20 replications each (one standard error of such a rate is "
        f"{100 * (0.95 * 0.05 / effort.experiments) ** 0.5:.2f} %).",
        "",
        "| case, span of a replication | holds theory |",
        "| --- | --- |",
    ]
    for number, hours in ((0, 6), (2, 2), (11, 2), (7, 12)):
        case = theory_cases()[number]
        held = 0
        for seed in range(effort.experiments):
            share = simulate(case.scenario(3600.0 * hours), replications=20, seed=seed).rejected_share()
            assert share.ci_low is not None
            assert share.ci_high is not None
            held += share.ci_low <= case.expected <= share.ci_high
        lines.append(f"| {case.name}, {hours} h | {100 * held / effort.experiments:.1f} % |")
        sys.stderr.write(".")
        sys.stderr.flush()
    return lines


def beside(name: str) -> ModuleType:
    """Return another script of this folder."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def simfaas_section(effort: str) -> list[str]:
    """Return the section on SimFaaS."""
    lines: list[str] = beside("against_simfaas").simfaas_section(effort)
    return lines


def head() -> list[str]:
    """Return how the part begins."""
    return [
        "# The simulation",
        "",
        f"Written by `make validation` (numba {version('numba')}, SimPy {version('simpy')}, SimFaaS "
        f"{version('simfaas')}); `make nightly` asserts it. That both engines give the same trace, row for "
        "row, over 1,100 random configurations is `tests/differential/test_engines.py`; that windows "
        "decide as the package `limits` does is `tests/oracles/test_limits.py`.",
    ]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests, printed to stdout")
    if parser.parse_args().quick:
        parts = [against_theory(QUICK), coverage(QUICK), simfaas_section("quick")]
        sys.stdout.write("\n\n".join("\n".join(part) for part in parts) + "\n")
        return
    before, _, own = PAGE.read_text(encoding="utf-8").partition(MARK)
    _, mark, after = own.partition(QUOTA_MARK)
    page = before.rstrip("\n")
    for part in (head(), against_theory(Effort()), coverage(Effort()), simfaas_section("full")):
        page += "\n\n" + (MARK + "\n" if part[0].startswith("# ") else "") + "\n".join(part).rstrip()
    PAGE.write_text(page + "\n" + (f"\n{mark}{after}" if mark else ""), encoding="utf-8")


if __name__ == "__main__":
    main()
