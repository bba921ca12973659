"""Measure what `keyrota.testing.assert_fair_rotation` promises, and write docs/testing_validation.md.

Rotations are made pick by pick, without the package; every decision comes from the functions behind the
assertion, and samples of them from the assertion itself. Run by ``make validation``; ``--quick`` takes a
tenth and prints to stdout.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import stats

from keyrota.pools.load import load_pools
from keyrota.rotation.exact import uniform_test
from keyrota.rotation.fairness import CERTAIN_PART, DISTRIBUTION_PART, RotationTests, TestName, run_tests
from keyrota.rotation.power import smallest_imbalance
from keyrota.rotation.runs import BASES, Runs
from keyrota.rotation.tails import key_test
from keyrota.rotation.verdict import decide
from keyrota.streams import named_stream
from keyrota.testing import assert_fair_rotation
from keyrota.testing.picks import NAMELESS
from keyrota.testing.simulated import simulated_log

FOLDER = Path(__file__).parent
PAGE = FOLDER / "testing_validation.md"
SEED = 20_251_128
LEVEL, DEFAULT = 1e-3, 1e-6
CONFIDENCE = 0.95
UNFAIR, FEW = "the rotation is not fair", "too few picks"

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Row = list[object]


@dataclass(frozen=True)
class Effort:
    """How much is drawn."""

    rotations: int = 100_000
    seeds: int = 10
    passing: int = 50
    power: int = 150
    logs: int = 60
    request_logs: int = 20


QUICK = Effort(rotations=10_000, seeds=2, passing=10, power=15, logs=6, request_logs=2)


@dataclass(frozen=True)
class Suite:
    """What a test collects: the picks of each isolate; or one list of all, in which isolates do not show."""

    size: int
    lengths: Ints
    is_known: bool = True

    @property
    def words(self) -> str:
        """The isolates, for a table."""
        kinds = "1 to 3 picks in turn" if len(set(self.lengths.tolist())) > 1 else None
        kinds = kinds or f"{self.lengths[0]} pick{'s' if self.lengths[0] > 1 else ''}"
        where = "" if self.is_known else ", in one list"
        return f"{len(self.lengths):,} of {kinds}{where}"


def in_turn(isolates: int, *picks: int) -> Ints:
    """Return the picks of each isolate, these in turn."""
    return np.resize(np.array(picks, dtype=np.int64), isolates)


SUITES = (
    Suite(2, in_turn(500, 1)),
    Suite(2, in_turn(100, 1, 2, 3)),
    Suite(4, in_turn(100, 2)),
    Suite(4, in_turn(500, 1)),
    Suite(4, in_turn(500, 1, 2, 3)),
    Suite(10, in_turn(500, 3)),
    Suite(4, in_turn(1000, 1), is_known=False),
    Suite(10, in_turn(400, 3), is_known=False),
)


def beside(name: str) -> object:
    """Return another script of this folder."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


simulate = beside("validation").simulate


def stream(*name: object) -> np.random.Generator:
    """Return the stream of a name: a new table moves no other table's numbers."""
    return np.random.default_rng([SEED, zlib.crc32(repr(name).encode())])


# One rotation, as the assertion sees it -----------------------------------------------------------


def positions_of(starts: Ints, lengths: Ints, size: int, step: int = 1, cycle: int | None = None) -> Ints:
    """Return the 1-based positions of one rotation, isolate after isolate; starts are 0-based."""
    place = np.concatenate([np.arange(length) for length in lengths])
    return (np.repeat(starts, lengths) + step * place) % (cycle or size) + 1


def tested(suite: Suite, positions: Ints, *, alpha: float, seed: int) -> RotationTests:
    """Return what the assertion's tests say, drawn from the stream that the assertion draws from."""
    run = np.repeat(np.arange(len(suite.lengths)), suite.lengths)
    if not suite.is_known:
        run = np.zeros_like(run)
    number = int(run[-1]) + 1
    basis = np.full(number, BASES.index("known" if suite.is_known else "unknown"))
    born = np.full(number, suite.is_known)
    runs = Runs(suite.size, positions, np.arange(len(positions)), run, basis, born)
    return run_tests(runs, rng=named_stream(seed, "rotation", NAMELESS, str(suite.size)), alpha=alpha)


def asserted(suite: Suite, positions: Ints, *, alpha: float) -> str:
    """Return what the assertion says of a rotation: its message, empty if it passes."""
    ends = np.cumsum(suite.lengths)
    picks = [run.tolist() for run in np.split(positions, ends[:-1])] if suite.is_known else positions.tolist()
    try:
        assert_fair_rotation(picks, suite.size, alpha=alpha)
    except AssertionError as error:
        return str(error)
    return ""


# False alarms ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fair:
    """Fair rotations of one suite: starts, and picks of each position, one row a rotation."""

    suite: Suite
    starts: Ints
    counts: Ints

    def statistics(self, name: TestName) -> Ints:
        """Return what the p-value of a test depends on: counts of each position."""
        if name != "starts":
            return self.counts
        size = self.suite.size
        of_row = np.arange(len(self.starts))[:, None] * size + self.starts
        return np.bincount(of_row.ravel(), minlength=len(self.starts) * size).reshape(-1, size)

    def tests(self, row: int, alpha: float, seed: int) -> RotationTests:
        """Return the tests of one of them."""
        suite = self.suite
        return tested(
            suite, positions_of(self.starts[row], suite.lengths, suite.size), alpha=alpha, seed=seed
        )


def fair_rotations(suite: Suite, number: int) -> Fair:
    """Make fair rotations: every isolate starts at a uniform position and takes the next in turn."""
    rng = stream("fair", suite.size, suite.words)
    starts = rng.integers(suite.size, size=(number, len(suite.lengths)), dtype=np.int64)
    return Fair(suite, starts, simulate(starts, suite.lengths, suite.size))


def called(fair: Fair, *, alpha: float, level: float | None = None, seed: int = 0) -> Flags:
    """Return which rotations have a p-value below `level` (`alpha` if not given) in the tests of `alpha`.

    A p-value falls with the sum of squares of the counts, or, key by key, depends on the smallest and the
    largest count: the tests are called for those rotations that settle all others.
    """
    level = level or alpha
    flags = np.zeros(len(fair.starts), dtype=bool)
    for name in fair.tests(0, alpha, seed).p_values:
        counts = fair.statistics(name)

        def is_called(row: int, name: TestName = name) -> bool:
            return fair.tests(row, alpha, seed).p_values[name] < level

        if name == "unused":
            idle = (counts == 0).any(axis=1)
            flags |= idle & (bool(idle.any()) and is_called(int(idle.argmax())))
        elif name != "succession":  # no step of a fair rotation is broken
            flags |= (
                by_key(counts, is_called) if is_by_key(fair, name, alpha) else by_squares(counts, is_called)
            )
    return flags


def is_by_key(fair: Fair, name: TestName, alpha: float) -> bool:
    """Whether a test goes key by key at this level."""
    test = getattr(fair.tests(0, alpha, 0), name)
    return "by key" in getattr(test, "method", getattr(test, "null", ""))


def by_squares(counts: Ints, is_called: Callable[[int], bool]) -> Flags:
    """Find the smallest sum of squares that is called, by halving."""
    squares = np.square(counts).sum(axis=1)
    values, rows = np.unique(squares, return_index=True)
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_called(int(rows[middle])) else (middle + 1, high)
    return squares >= (values[low] if low < len(values) else np.inf)


def by_key(counts: Ints, is_called: Callable[[int], bool]) -> Flags:
    """Look at each pair of smallest and largest count once."""
    pairs = np.column_stack((counts.min(axis=1), counts.max(axis=1)))
    _, rows, which = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    return np.array([is_called(int(row)) for row in rows])[which.ravel()]


def upper_bound(number: int, trials: int) -> float:
    """Return the exact binomial upper bound of a share."""
    return float(stats.beta.ppf(CONFIDENCE, number + 1, trials - number)) if number < trials else 1.0


@dataclass(frozen=True)
class Alarms:
    """How often fair rotations of a suite fail."""

    suite: Suite
    mean: float
    least: float
    most: float
    exact: float
    at_default: int
    bound: float
    differ: int
    looked_at: int


def alarms_of(suite: Suite, effort: Effort) -> Alarms:
    """Measure the false alarms of one suite, and hold some of the rotations against the assertion itself."""
    fair = fair_rotations(suite, effort.rotations)
    by_seed = [called(fair, alpha=LEVEL, seed=seed) for seed in range(effort.seeds)]
    rates = [float(flags.mean()) for flags in by_seed]
    failing = np.flatnonzero(by_seed[0])
    others = stream("others", suite.size, suite.words).integers(effort.rotations, size=effort.passing)
    differ, rows = 0, [*failing.tolist(), *others.tolist()]
    for row in rows:
        says = asserted(suite, positions_of(fair.starts[row], suite.lengths, suite.size), alpha=LEVEL)
        differ += (UNFAIR in says) != bool(by_seed[0][row]) or FEW in says
    sys.stderr.write(".")
    sys.stderr.flush()
    return Alarms(
        suite=suite, mean=float(np.mean(rates)), least=min(rates), most=max(rates),
        exact=float(called(fair, alpha=DEFAULT, level=LEVEL).mean()),
        at_default=int(called(fair, alpha=DEFAULT).sum()),
        bound=default_bound(suite),
        differ=differ, looked_at=len(rows),
    )  # fmt: skip


# The default level, computed ----------------------------------------------------------------------


def count_law(lengths: Ints, size: int) -> NDArray[np.float64]:
    """Return the law of one key's picks in fair rotations, from SciPy's binomial laws."""
    law = np.ones(1)
    for arc, number in enumerate(np.bincount(lengths % size, minlength=size)):
        law = np.convolve(law, stats.binom.pmf(np.arange(number + 1), number, arc / size))
    return np.concatenate((np.zeros(int((lengths // size).sum())), law))


def default_bound(suite: Suite) -> float:
    """Return a probability that a fair rotation's failing at the default level does not exceed.

    For each test the counts of one key at which it calls are looked up, with the other picks spread evenly;
    their probability, from SciPy's laws, is added over the keys (the picks of 2 keys fix each other), and
    over the tests. An exact test by the sum of squares is entered with its whole part of the level.
    """
    size, lengths, ones = suite.size, suite.lengths, np.ones_like(suite.lengths)
    tests: list[tuple[Ints, Callable[[Ints], float]]] = []
    if not suite.is_known:
        tests.append(
            (
                lengths,
                lambda counts: key_test(counts, np.ones(int(sum(counts)), dtype=np.int64), size).p_value,
            )
        )
    else:
        is_exact = uniform_test(even(len(ones), size), rng=stream(), draws=1).method == "exact"
        start_test = exact_start_p_value if is_exact else lambda counts: key_test(counts, ones, size).p_value
        tests.append((ones, start_test))
        if (lengths > 1).any():
            tests.append((lengths, lambda counts: key_test(counts, lengths, size).p_value))
    part = DISTRIBUTION_PART * DEFAULT / len(tests)
    total = 0.0
    for runs, p_value in tests:
        if p_value is exact_start_p_value and size > 2:
            total += part
            continue
        law = count_law(runs, size)
        picks = int(runs.sum())
        is_called = [p_value(np.append(n, even(picks - n, size - 1))) < part for n in range(len(law))]
        total += (1 if size == 2 else size) * float(law[is_called].sum())
    idle = size * float(np.prod(np.maximum(0, size - lengths) / size))
    return total + (idle if idle < CERTAIN_PART * DEFAULT else 0.0)


def even(picks: int, size: int) -> Ints:
    """Spread picks over keys."""
    return picks // size + (np.arange(size) < picks % size).astype(np.int64)


def exact_start_p_value(counts: Ints) -> float:
    """Return the exact p-value by the sum of squares."""
    return uniform_test(counts, rng=stream()).p_value


# Power -------------------------------------------------------------------------------------------

Fault = Callable[[Suite, np.random.Generator], Ints]


def rotating(step: int = 1, left_out: int = 0, law: Callable[[int], Sequence[float]] | None = None) -> Fault:
    """Return a rotation whose starts have this law (uniform if not given), whose counter goes so far."""

    def positions(suite: Suite, rng: np.random.Generator) -> Ints:
        cycle = suite.size - left_out
        starts = rng.choice(cycle, len(suite.lengths), p=None if law is None else law(cycle))
        return positions_of(starts, suite.lengths, suite.size, step, cycle)

    return positions


def at_random(suite: Suite, rng: np.random.Generator) -> Ints:
    """Draw every pick anew."""
    return rng.integers(1, suite.size + 1, int(suite.lengths.sum()))


def always_first(size: int) -> list[float]:
    """Begin at the first key."""
    return [1.0] + [0.0] * (size - 1)


def twice_as_often(size: int) -> list[float]:
    """Begin at the first key twice as often as at each other."""
    return [2 / (size + 1)] + [1 / (size + 1)] * (size - 1)


FAULTS: dict[str, tuple[Fault, int]] = {
    "no fault": (rotating(), 1),
    "always-first start": (rotating(law=always_first), 1),
    "one key is never picked": (rotating(left_out=1), 1),
    "one key starts twice as often as each other": (rotating(law=twice_as_often), 1),
    "one key starts a third too often": (rotating(law=lambda size: smallest_imbalance(size).tolist()), 1),
    "stuck key: an isolate stays with its first": (rotating(step=0), 2),
    "every pick at random": (at_random, 2),
    "the counter goes two keys ahead": (rotating(step=2), 2),
}
"""Each fault, and the picks of an isolate from which it is one."""

SIZES = (2, 4, 10)
ISOLATES = (25, 50, 100, 200, 500, 1000, 2000)
PICKS = (1, 3)


def is_few(suite: Suite) -> bool:
    """Say whether the assertion refuses so few picks, however they fall."""
    return FEW in asserted(suite, rotating()(suite, stream("few")), alpha=DEFAULT)


def power_rows(effort: Effort) -> tuple[list[Row], int, int]:
    """Return how often each fault fails the assertion, and how many of these were asserted, and differ."""
    rows: list[Row] = []
    asserted_ones = differ = 0
    few = {
        (size, picks, isolates): is_few(Suite(size, in_turn(isolates, picks)))
        for size in SIZES for picks in PICKS for isolates in ISOLATES
    }  # fmt: skip
    for name, (fault, least) in FAULTS.items():
        for size, picks in [(size, picks) for size in SIZES for picks in PICKS if picks >= least]:
            cells = []
            for isolates in ISOLATES:
                suite, rng = (
                    Suite(size, in_turn(isolates, picks)),
                    stream("power", name, size, picks, isolates),
                )
                verdicts = []
                for _ in range(effort.power):
                    positions = fault(suite, rng)
                    test = tested(suite, positions, alpha=DEFAULT, seed=0)
                    verdicts.append(decide([test], alpha=DEFAULT)[0].verdict == "unfair")
                says = asserted(suite, positions, alpha=DEFAULT)
                differ += (UNFAIR in says) != verdicts[-1]
                asserted_ones += 1
                mark = " †" if few[size, picks, isolates] else ""
                cells.append(f"{np.mean(verdicts):.3g}{mark}")
            rows.append([name, size, picks, *cells])
        sys.stderr.write(".")
        sys.stderr.flush()
    return rows, asserted_ones, differ


def log_rows(effort: Effort) -> list[Row]:
    """Return how often logs fail the assertion: read from a file, with times, as of a platform."""
    pools, rows = load_pools(None), []
    cases = [("no fault", 1, number, effort.logs) for number in (200, 1000)]
    cases += [("two picks a request", 2, number, effort.request_logs) for number in (50, 100, 200, 500)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rotation.ndjson"
        for name, picks, requests, logs in cases:
            said = []
            for seed in range(logs):
                path.write_bytes(
                    simulated_log(
                        pools, "ARTIFACT", picks=picks * requests, policy="random-start-round-robin",
                        rate_per_min=60.0, shape="drain-ndjson", seed=seed, picks_per_request=picks,
                    )
                )  # fmt: skip
                try:
                    assert_fair_rotation(path, "ARTIFACT", alpha=LEVEL)
                    said.append("")
                except AssertionError as error:
                    said.append(str(error))
            failing = sum(UNFAIR in words for words in said)
            aliased = sum("R105" in words for words in said)
            rows.append([name, f"{requests:,}", logs, failing, aliased, f"{upper_bound(failing, logs):.3f}"])
    return rows


# The page ----------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Yield a table."""
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(str(cell) for cell in row)} |"


def alarm_section(alarms: Sequence[Alarms], effort: Effort) -> Iterator[str]:
    """Yield the section on false alarms."""
    number, error = effort.rotations, np.sqrt(LEVEL * (1 - LEVEL) / effort.rotations)
    differ, looked_at = sum(own.differ for own in alarms), sum(own.looked_at for own in alarms)
    yield from (
        "## False alarms",
        "",
        f"{number:,} fair rotations a row. *alpha = {LEVEL}* is the share of them that fails the assertion, "
        f"the mean over {effort.seeds} values of `seed`, and the least and the most of one of them. *Tests "
        f"of 1e-6, held at {LEVEL}*: the exact tests that the default uses, at a level that so many "
        f"rotations can show. *Fail at 1e-6*: how many of the {number:,} fail at the default. *Computed*: a "
        "probability that failing at the default does not exceed, from SciPy's binomial laws. "
        f"One standard error of a share of {LEVEL} is {error:.5f}.",
        "",
    )
    yield from table(
        ("keys", "isolates", f"alpha = {LEVEL}", "of one seed", f"tests of 1e-6, held at {LEVEL}",
         "fail at 1e-6", "computed at 1e-6"),
        [
            (own.suite.size, own.suite.words, f"{own.mean:.5f}", f"{own.least:.5f} to {own.most:.5f}",
             f"{own.exact:.5f}", own.at_default, f"{own.bound:.1e}")
            for own in alarms
        ],
    )  # fmt: skip
    worst = max((own.mean - LEVEL) / error for own in alarms)
    yield from (
        "",
        f"The mean furthest up lies {abs(worst):.1f} standard errors {'above' if worst > 0 else 'below'} the "
        f"level. Every rotation that the short cut calls at seed 0, and {effort.passing} others of each row, "
        f"went through `assert_fair_rotation` itself: {looked_at:,} calls, {differ} of which decided "
        "otherwise.",
        "",
        "Where alpha is above about 1.7e-5 for each pool, the test of the shares, and that of the starts "
        "of many isolates, draw from the null; the p-value (b + 1) / (m + 1) keeps the level over the "
        "draws. A suite always uses the same seed, and so the same draws: for it the probability is a "
        "fixed number around the mean, as the column *of one seed* shows, and may lie above alpha. The "
        "default draws nothing: its promise holds for every seed.",
        "",
        "## Why 1e-6 holds",
        "",
        "One in a million cannot be counted in so few rotations: it is an argument, and a sum.",
        "",
        "- A fair rotation starts each isolate at a uniform key, independently of the others and of how many "
        "picks the isolate makes, and goes on in order. Given the numbers of picks, the law of all counts is "
        "known.",
        "- Starts: the exact multinomial probability of an outcome at least as uneven, where the outcomes "
        "can be enumerated; otherwise, and for the shares, key by key: the exact tail probability of the "
        "picks of one key, times two tails, times the keys. Either p-value is below x with probability x at "
        "most.",
        "- Nine tenths of the level are divided among starts and shares, a twentieth is for a key that is "
        "never picked, a twentieth for the succession, of which a fair rotation breaks nothing if no line is "
        "lost (nor, beyond its twentieth, if 1 % of the lines are). Several pools share the level (Holm). So "
        "the sum is at most alpha; the column *computed* adds up what is left of it where counts are whole "
        "numbers.",
        "- Where isolates are unknown (one list) the largest p-value over the lengths of runs is taken: an "
        "argument with known exceptions in tiny samples, see [the fairness tests](validation.md).",
        "",
        "No part of this promise: R105 (two picks a request) and the C2xx findings (not as declared) are "
        "rules without a probability; requests that arrive together look like two picks of one request. *Too "
        "few picks* is no alarm about the rotation: it depends on how many picks there are, and not on how "
        "they fall.",
    )


def power_section(effort: Effort) -> Iterator[str]:
    """Yield the section on power."""
    rows, calls, differ = power_rows(effort)
    yield from (
        "## Power",
        "",
        f"Probability that the assertion fails and names a fault, at the default alpha of 1e-6: "
        f"{effort.power} rotations a cell (standard error at most {0.5 / np.sqrt(effort.power):.3f}), by "
        "number of isolates. † So few picks fail always, as too few, unless `allow_few=True` is given. A "
        "start that is a third too often is the smallest fault that a verdict of *fair* excludes; of 2 keys "
        "it is one that starts twice as often.",
        "",
    )
    yield from table(("fault", "keys", "picks of an isolate", *(f"{n:,}" for n in ISOLATES)), rows)
    yield from (
        "",
        f"One rotation of each cell went through `assert_fair_rotation` itself: {calls} calls, {differ} of "
        "which decided otherwise. With one pick an isolate there is no succession: a key that sticks, or a "
        "choice at random, is then no fault, and is not to be seen. So let isolates pick three times.",
    )


def log_section(effort: Effort) -> Iterator[str]:
    """Yield the section on logs."""
    yield from (
        "## From a log",
        "",
        "Logs of a pool of four keys under Poisson traffic of 60 requests a minute on hosted isolates, "
        f"written as a platform's NDJSON, read from a file and asserted whole at alpha = {LEVEL}.",
        "",
    )
    head = ("rotation", "requests", "logs", "fail", "name R105", f"upper bound ({CONFIDENCE:.0%})")
    yield from table(head, log_rows(effort))


def page(effort: Effort) -> str:
    """Return the page."""
    alarms = [alarms_of(suite, effort) for suite in SUITES]
    head = [
        "# Validation of `assert_fair_rotation`",
        "",
        "Does [the assertion](testing.md) fail fair rotations as seldom as it says, and faulty ones as often "
        f"as one needs? Written by `make validation` with seed {SEED}; numpy {np.__version__}, scipy "
        f"{scipy.__version__}, Python {platform.python_version()}. With the same versions the same bytes "
        "come out. `tests/calibration/test_testing_false_alarms.py` asserts it.",
        "",
        "Rotations are made pick by pick, without the package. The whole assertion takes about 40 ms, so "
        "that not every rotation goes through it: a p-value depends on the counts only through the sum of "
        "their squares, with which it falls, or through the smallest and the largest of them. "
        "`keyrota.rotation.fairness.run_tests`, the function behind the assertion, is called for the "
        "rotations that settle all others, with the assertion's own draws.",
        "",
    ]
    sections = (alarm_section(alarms, effort), power_section(effort), log_section(effort))
    return "\n".join(head) + "\n" + "\n\n".join("\n".join(section) for section in sections) + "\n"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of it, printed to stdout")
    if parser.parse_args().quick:
        sys.stdout.write(page(QUICK))
        return
    PAGE.write_text(page(Effort()), encoding="utf-8")


if __name__ == "__main__":
    main()
