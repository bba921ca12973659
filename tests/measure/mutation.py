"""Change the pure core on purpose, one place at a time, and see whether its tests notice: `make mutation`.

The operators are those of cosmic-ray. Its own runner would start Python anew for each mutant, which takes
longer than most tests here; so a mutant runs in a fork of this process, which has imported the big libraries
and nothing of the package: an import hook gives the fork the changed source of one module, and pytest runs
the tests that belong to it, up to the first failure. A mutant that hangs counts as noticed.

Functions that are compiled elsewhere run as plain Python here (NUMBA_DISABLE_JIT). Results are kept in
``tests/measure/mutation.json``, from which, with the hand-kept explanations in ``survivors.toml``,
docs/mutation.md is written.

``python tests/measure/mutation.py [--only rotation.exact] [--page] [--most 40]``: some modules; only the
page; of each module so many mutants, drawn with a fixed seed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutants import Mutant, mutants_of

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("mutation.json")

BIG = ("numpy", "pandas", "scipy.stats", "scipy.special", "msgspec", "pytest", "hypothesis", "pyarrow")
"""What the package and its tests import of others."""

PATIENCE, GRACE_S = 6.0, 5.0
"""A mutant may take so many times the time of the module's tests, and so many seconds more."""


@dataclass(frozen=True, slots=True)
class Target:
    """A module of the package, and the tests that shall notice a change of it."""

    module: str
    tests: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The source."""
        return ROOT / "analysis" / "keyrota" / (self.module.replace(".", "/") + ".py")


RESULTS_OF_CORE = "tests/unit/test_results.py"
ENUMERATION = "tests/known_answer/test_exact_enumeration.py"
WHOLE = (
    "the_order_of_the_calls",
    "a_fault_at_each_call",
    "a_file_system_that_cannot_sync_is_no_fault",
    "temporary_files_of_others_stay",
    "every_name_that_a_file_may_have",
)
"""Without the tests that kill processes, which take longer than all the others."""

TARGETS = (
    Target("display", ("tests/unit/test_display.py",)),
    Target(
        "report.atomic",
        (
            "tests/unit/report/test_atomic.py",
            "tests/unit/report/test_whole_files.py",
            *(f"tests/robustness/test_written_whole.py::test_{name}" for name in WHOLE),
        ),
    ),
    Target("rotation.policies", ("tests/unit/rotation/test_policies.py",)),
    Target("quota.windows", ("tests/unit/quota/test_windows.py",)),
    Target("rotation.exact", ("tests/unit/rotation/test_exact.py", ENUMERATION, RESULTS_OF_CORE)),
    Target("rotation.shares", ("tests/unit/rotation/test_shares.py", ENUMERATION, RESULTS_OF_CORE)),
    Target(
        "rotation.stream",
        ("tests/unit/rotation/test_stream.py", "tests/property/test_stream_laws.py"),
    ),
    Target("logs.values", ("tests/unit/logs/test_values.py",)),
    Target(
        "logs.rules",
        ("tests/unit/logs/test_own_rules.py", "tests/unit/logs/test_grammar.py", RESULTS_OF_CORE),
    ),
    Target("logs.grammar", ("tests/unit/logs/test_grammar.py",)),
)


class Changed:
    """An import hook that gives one module another source."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> Any:
        """Return the spec of the changed module alone."""
        import importlib.util

        if name != self.name:
            return None
        return importlib.util.spec_from_loader(name, self, origin=str(self.path))

    def create_module(self, _spec: Any) -> None:
        """Leave it to the machinery."""

    def exec_module(self, module: Any) -> None:
        """Run the changed source."""
        module.__file__ = str(self.path)
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)


def run_tests(target: Target, source: str) -> int:
    """Run in a fork: the exit code of pytest on the tests of a module whose source is this."""
    import importlib

    import pytest

    sys.meta_path.insert(0, Changed(f"keyrota.{target.module}", target.path, source))
    importlib.import_module(f"keyrota.{target.module}")  # before pytest's own hook, which rewrites plugins
    os.chdir(ROOT)
    without = [part for name in ("cacheprovider", "randomly", "xdist") for part in ("-p", f"no:{name}")]
    options = ["-x", "-q", "--tb=line", "-m", "not nightly", "-o", "addopts=--import-mode=importlib"]
    warnings = ["-W", "ignore:Module already imported so cannot be rewritten"]
    return int(pytest.main([*without, *options, *warnings, *target.tests]))


def in_fork(target: Target, source: str, limit_s: float, *, is_quiet: bool = True) -> tuple[str, float]:
    """Return whether the tests failed (killed), passed (survived) or hung (timeout), and the seconds."""
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        if is_quiet:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
        try:
            code = run_tests(target, source)
        except BaseException:  # whatever a mutant does, it was noticed
            code = 1
        os._exit(0 if code == 0 else 1)
    while time.monotonic() - begin < limit_s:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return ("survived" if status == 0 else "killed"), time.monotonic() - begin
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout", time.monotonic() - begin


def chosen(target: Target, every: list[Mutant], most: int | None) -> list[Mutant]:
    """Return the mutants that run: all, or so many that are drawn."""
    if most is None or most >= len(every):
        return every
    return sorted(random.Random(target.module).sample(every, most), key=lambda mutant: mutant.line)


def measure(target: Target, most: int | None) -> dict[str, Any]:
    """Run the mutants of a module."""
    source = target.path.read_text(encoding="utf-8")
    verdict, usual_s = in_fork(target, source, 600, is_quiet=False)
    if verdict != "survived":
        raise SystemExit(f"{target.module}: its tests fail without a change")
    every = mutants_of(source)
    counts, survivors = {"killed": 0, "timeout": 0, "survived": 0}, []
    begin = time.monotonic()
    run = chosen(target, every, most)
    for number, mutant in enumerate(run, 1):
        found, _ = in_fork(target, mutant.source, GRACE_S + PATIENCE * usual_s)
        counts[found] += 1
        if found == "survived":
            survivors.append({"line": mutant.line, "operator": mutant.operator, "name": mutant.name})
        sys.stderr.write(f"\r{target.module} {number}/{len(run)} {counts}")
        sys.stderr.flush()
    sys.stderr.write("\n")
    minutes = round((time.monotonic() - begin) / 60, 1)
    sizes = {"mutants": len(every), "run": len(run), "minutes": minutes}
    return {**counts, **sizes, "survivors": survivors}


def main(arguments: list[str]) -> int:
    """Measure the modules and write the page; 1 if too few of a module's mutants are noticed."""
    from mutation_page import write_page

    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", default=[target.module for target in TARGETS])
    parser.add_argument("--most", type=int)
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args(arguments)
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if not options.page:
        os.environ["NUMBA_DISABLE_JIT"] = "1"
        for name in BIG:
            __import__(name)
        for target in TARGETS:
            if target.module in options.only:
                results[target.module] = measure(target, options.most)
                RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return write_page(results, [target.module for target in TARGETS])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
