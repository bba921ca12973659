"""Measure what the fairness tests promise, and write docs/validation.md.

Every log is simulated pick by pick, without the package; every p-value comes from the package's
nulls. Run by ``make validation``; ``--quick`` takes a tenth of the logs and prints to stdout.
"""

from __future__ import annotations

import argparse
import platform
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.special import chdtrc

from keyrota.rotation.exact import uniform_null, uniform_test
from keyrota.rotation.power import picks_needed, picks_needed_to_judge, power, smallest_imbalance
from keyrota.rotation.shares import rotation_null, share_intervals, share_test, share_test_unknown_runs

SEED = 20_240_229
ALPHAS = (0.05, 0.01, 0.001)
BAND = 4.2  # standard errors
PICKS = {2: 100, 4: 100, 10: 1000}
SIMULATION_MARK = "<!-- simulation: written by docs/validate_simulation.py -->\n"
TESTS = ("start test", "share test, runs known", "share test, runs unknown", "Pearson chi-square")

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Law = Callable[[int, np.random.Generator], Ints]


@dataclass(frozen=True)
class Effort:
    """How much is drawn: a tenth of everything under ``--quick``."""

    logs: int = 100_000
    vectors: int = 50
    null_draws: int = 999_999
    vector_draws: int = 19_999
    power_logs: int = 10_000


QUICK = Effort(logs=10_000, vectors=20, null_draws=99_999, vector_draws=4_999, power_logs=2_000)


@dataclass
class Cell:
    """P-values of one cell's logs, test by test, and a few logs for the other tables."""

    size: int
    law: str
    p_values: dict[str, list[Floats]] = field(default_factory=lambda: {name: [] for name in TESTS})
    counts: list[Ints] = field(default_factory=list)
    direct: list[float] = field(default_factory=list)

    def rate(self, test: str, alpha: float) -> float:
        """Return the share of the logs that a test rejects."""
        return float(np.mean(np.concatenate(self.p_values[test]) <= alpha))


def stream(*name: object) -> np.random.Generator:
    """Return the stream of a name: a new table moves no other table's numbers."""
    return np.random.default_rng([SEED, zlib.crc32(repr(name).encode())])


# Run lengths -------------------------------------------------------------------------------------


def fixed(length: int) -> Law:
    """Every run has the same length."""
    return lambda picks, _: cut(np.full(picks, length), picks)


def geometric(mean: float) -> Law:
    """After each pick the isolate ends with probability 1 / mean."""
    return lambda picks, rng: cut(rng.geometric(1 / mean, size=picks), picks)


def either(*lengths: int) -> Law:
    """Each run has one of the lengths, with equal probability."""
    return lambda picks, rng: cut(rng.choice(np.array(lengths), size=picks), picks)


def cut(lengths: Ints, picks: int) -> Ints:
    """Keep the runs that begin within `picks` picks, the last one cut short."""
    ends = np.minimum(np.cumsum(lengths), picks)
    return np.diff(np.unique(ends), prepend=0)


LAWS = {
    "1": fixed(1),
    "2": fixed(2),
    "3": fixed(3),
    "5": fixed(5),
    "1 or 3": either(1, 3),
    "2 or 3": either(2, 3),
    "geometric, mean 3": geometric(3),
    "geometric, mean 10": geometric(10),
}


# Logs and p-values -------------------------------------------------------------------------------


def simulate(starts: Ints, lengths: Ints, size: int, *, step: int = 1, cycle: int | None = None) -> Ints:
    """Pick by pick: counts of the positions, one row a log; `starts` are 0-based, one row a log."""
    offsets = np.concatenate([np.arange(length) for length in lengths]) * step
    counts = np.empty((len(starts), size), dtype=np.int64)
    for first in range(0, len(starts), 1000):
        positions = (np.repeat(starts[first : first + 1000], lengths, axis=1) + offsets) % (cycle or size)
        log = np.arange(len(positions))[:, None]
        counts[first : first + 1000] = np.bincount(
            (positions + log * size).ravel(), minlength=len(positions) * size
        ).reshape(-1, size)
    return counts


def tally(starts: Ints, size: int) -> Ints:
    """Count the starts of each log."""
    return simulate(starts, np.ones(starts.shape[1], dtype=np.int64), size)


def squares(counts: Ints) -> Ints:
    """Return the statistic of each log."""
    found: Ints = np.square(counts).sum(axis=1)
    return found


def looked_up(statistic: Ints, null: Ints) -> Floats:
    """Return (b + 1) / (m + 1) for each statistic from one sorted sample of the null."""
    return (null.size - np.searchsorted(null, statistic) + 1) / (null.size + 1)


def start_p_values(counts: Ints, draws: int, rng: np.random.Generator) -> Floats:
    """Return the p-values of `uniform_test`, calling it once for each distinct statistic if it is exact."""
    size, total = counts.shape[1], int(counts[0].sum())
    if uniform_test(counts[0], rng=rng, draws=1).method == "exact":
        _, first, which = np.unique(squares(counts), return_index=True, return_inverse=True)
        return np.array([uniform_test(counts[row], rng=rng).p_value for row in first])[which]
    return looked_up(squares(counts), np.sort(uniform_null(total, size, rng=rng, draws=draws)))


def share_null(lengths: Ints, size: int, draws: int, rng: np.random.Generator) -> Ints:
    """Return a sorted sample of the statistic under the declared rotation."""
    return np.sort(squares(rotation_null(lengths, size, rng=rng, draws=draws)))


def unknown_nulls(picks: int, size: int, draws: int, rng: np.random.Generator) -> list[Ints]:
    """Return the nulls of `share_test_unknown_runs`: homogeneous lengths 1..K-1, the last run cut."""
    return [share_null(fixed(length)(picks, rng), size, draws, rng) for length in range(1, size)]


def unknown_p_values(counts: Ints, nulls: list[Ints]) -> Floats:
    """Return the largest p-value over the nulls."""
    largest: Floats = np.max([looked_up(squares(counts), null) for null in nulls], axis=0)
    return largest


def pearson_p_values(counts: Ints) -> Floats:
    """Return what the textbook's chi-square test says, as if picks were independent."""
    expected = counts[0].sum() / counts.shape[1]
    return np.asarray(chdtrc(counts.shape[1] - 1, np.square(counts - expected).sum(axis=1) / expected))


def all_p_values(
    starts: Ints, counts: Ints, lengths: Ints, nulls: list[Ints], draws: int, rng: np.random.Generator
) -> list[Floats]:
    """Return the p-values of the four `TESTS`, one for each log."""
    size = counts.shape[1]
    return [
        start_p_values(tally(starts, size), draws, rng),
        looked_up(squares(counts), share_null(lengths, size, draws, rng)),
        unknown_p_values(counts, nulls),
        pearson_p_values(counts),
    ]


# Tables ------------------------------------------------------------------------------------------


def fair_cell(size: int, law: str, nulls: list[Ints], effort: Effort) -> Cell:
    """Simulate fair logs: one length vector where it is fixed, several sampled ones where it is not."""
    cell, rng = Cell(size, law), stream("fair", size, law)
    is_fixed = law.isdigit()
    vectors = 1 if is_fixed else effort.vectors
    draws = effort.null_draws if is_fixed else effort.vector_draws
    for _ in range(vectors):
        lengths = LAWS[law](PICKS[size], rng)
        starts = rng.integers(size, size=(effort.logs // vectors, lengths.size))
        counts = simulate(starts, lengths, size)
        found = all_p_values(starts, counts, lengths, nulls, draws, rng)
        for name, p_values in zip(TESTS, found, strict=True):
            cell.p_values[name].append(p_values)
        cell.counts.append(counts[::10])
    # The table's short cut against the functions themselves, on a few of the last logs.
    for row in range(3):
        known = share_test(counts[row], lengths, size, rng=rng)
        unknown = share_test_unknown_runs(counts[row], size, rng=rng)
        for result, p_values in ((known, found[1]), (unknown, found[2])):
            error = np.sqrt(result.p_value * (1 - result.p_value) * (1 / result.draws + 1 / draws))
            cell.direct.append(abs(result.p_value - p_values[row]) / max(error, 1 / result.draws))
    return cell


def rates(values: list[float]) -> str:
    """Write the rates at the three levels."""
    return " / ".join(f"{value:.{digits}f}" for value, digits in zip(values, (4, 4, 5), strict=True))


def false_alarms(cells: list[Cell], effort: Effort) -> list[str]:
    """Write table 1."""
    errors = [np.sqrt(a * (1 - a) * (1 / effort.logs + 1 / effort.null_draws)) for a in ALPHAS]
    lines = [
        "## 1. False alarms on fair logs",
        "",
        f"{effort.logs:,} fair logs for each row. Each entry holds the share of them that is rejected at "
        "levels .05 / .01 / .001.",
        f"Standard errors at the nominal rates: {rates(errors)} (the logs and the shared null together).",
        "A valid test does not exceed the level; a test of few distinct outcomes, or of run lengths that "
        "it does not know, lies below it.",
        "",
        "| keys, picks | run length | " + " | ".join(TESTS) + " |",
        "|---" * (2 + len(TESTS)) + "|",
    ]
    for cell in cells:
        entries = [rates([cell.rate(test, alpha) for alpha in ALPHAS]) for test in TESTS]
        lines.append(f"| {cell.size}, {PICKS[cell.size]} | {cell.law} | " + " | ".join(entries) + " |")
    lines += ["", "Furthest above the level, in standard errors, over all rows:", ""]
    for test in TESTS:
        excess = [
            max((cell.rate(test, alpha) - alpha) / error for cell in cells)
            for alpha, error in zip(ALPHAS, errors, strict=True)
        ]
        lines.append(f"- {test}: " + " / ".join(f"{value:.1f}" for value in excess))
    above = [
        f"{test}, {cell.size} keys, runs of {cell.law}, level {alpha}"
        for test in TESTS[:3]
        for cell in cells
        for alpha, error in zip(ALPHAS, errors, strict=True)
        if cell.rate(test, alpha) > alpha + BAND * error
    ]
    checks, direct = 3 * len(ALPHAS) * len(cells), [error for cell in cells for error in cell.direct]
    return [
        *lines,
        "",
        f"Of the {checks} rates of keyrota's three tests, {len(above)} lie more than {BAND} standard errors "
        "above their level" + (": " + "; ".join(above) + "." if above else "."),
        "The largest difference between a looked-up p-value and the same p-value from a direct call is "
        f"{max(direct):.1f} standard errors ({len(direct)} calls).",
    ]


def fault_rows(nulls: dict[int, list[Ints]], effort: Effort) -> list[str]:
    """Power of the four tests at level .01 against faults of a pool of four keys."""
    size, picks, logs, alpha = 4, PICKS[4], effort.power_logs, 0.01
    rows = []
    for length in (1, 3, 5):
        lengths, rng = fixed(length)(picks, stream()), stream("fault", length)
        shape = (logs, lengths.size)
        heavy = rng.choice(size, p=[0.3, 0.7 / 3, 0.7 / 3, 0.7 / 3], size=shape)
        faults = (
            ("stuck key: every run repeats its start", rng.integers(size, size=shape), 0, size),
            ("skipped key: the cycle leaves out one key", rng.integers(size - 1, size=shape), 1, size - 1),
            ("always first: every run starts at position 1", np.zeros(shape, dtype=np.int64), 1, size),
            ("starts: one key 30 %, the others 23.3 %", heavy, 1, size),
        )
        for order, (name, starts, step, cycle) in enumerate(faults):
            counts = simulate(starts, lengths, size, step=step, cycle=cycle)
            found = all_p_values(starts, counts, lengths, nulls[size], effort.null_draws, rng)
            entries = " | ".join(f"{np.mean(p_values <= alpha):.3f}" for p_values in found)
            rows.append((order, length, f"| {name} | {length} | {entries} |"))
    return [line for *_, line in sorted(rows)]


def power_rows(effort: Effort) -> list[str]:
    """Power of the start test at the picks that the approximation asks for."""
    thirty = [0.3, 0.7 / 3, 0.7 / 3, 0.7 / 3]
    laws = [(f"{size} keys, one off by a third", smallest_imbalance(size).tolist()) for size in PICKS]
    laws += [("30 % instead of 25 %", thirty), ("60/40", [0.6, 0.4]), ("40/20/20/20", [0.4, 0.2, 0.2, 0.2])]
    lines, gaps = [], []
    for name, shares in laws:
        for alpha in ALPHAS:
            rng = stream("power", name, alpha)
            picks = picks_needed(shares, alpha=alpha)
            counts = rng.multinomial(picks, shares, size=effort.power_logs)
            p_values = start_p_values(counts, effort.null_draws, rng)
            simulated = float(np.mean(p_values <= alpha))
            error = np.sqrt(simulated * (1 - simulated) / effort.power_logs)
            promised = power(picks, shares, alpha=alpha)
            gaps.append(promised - simulated)
            lines.append(f"| {name} | {alpha} | {picks:,} | {promised:.3f} | {simulated:.3f} ({error:.3f}) |")
    most, least = max(0, *gaps), max(0, -min(gaps))
    return [*lines, "", f"The approximation promises at most {most:.3f} too much and {least:.3f} too little."]


def power_tables(nulls: dict[int, list[Ints]], effort: Effort) -> list[str]:
    """Write table 2."""
    at_most = np.sqrt(0.25 / effort.power_logs)
    return [
        "## 2. Power",
        "",
        f"Share of {effort.power_logs:,} faulty logs (4 keys, 100 picks) that is rejected at level .01; "
        f"standard errors at most {at_most:.3f}.",
        "The tests answer different questions: a stuck key has uniform starts, and its steps show it without "
        "any test. With runs of one pick there are no steps, and a stuck key is no fault.",
        "",
        "| fault | run length | " + " | ".join(TESTS) + " |",
        "|---" * (2 + len(TESTS)) + "|",
        *fault_rows(nulls, effort),
        "",
        "The start test at the number of independent picks (starts) for which the noncentral chi-square "
        "approximation (`picks_needed`) promises .9; "
        f"{effort.power_logs:,} logs each, standard error in brackets.",
        "",
        "| shares | level | picks needed | approximation | simulated |",
        "|---|---|---|---|---|",
        *power_rows(effort),
        "",
        "Starts needed before a pool can be called fair (one key off by a third found with probability .9):",
        "",
        "| keys | .05 | .01 | .001 | .000001 |",
        "|---|---|---|---|---|",
        *(
            f"| {size} | "
            + " | ".join(f"{picks_needed_to_judge(size, alpha=a):,}" for a in (*ALPHAS, 1e-6))
            + " |"
            for size in (2, 3, 4, 5, 6, 8, 10)
        ),
    ]


def coverage(cells: list[Cell], effort: Effort) -> list[str]:
    """Count the logs in which every interval holds the true share."""
    lines = [
        "## 3. Coverage of the simultaneous intervals",
        "",
        "Nominal .95, with the standard error in brackets. The intervals are made for independent picks; "
        "under the declared rotation they may be too wide, never too narrow. "
        "Where every log is covered, the rate is above 1 - 3 / logs with confidence .95.",
        "",
        "| keys, picks | law | logs | all shares covered |",
        "|---|---|---|---|",
    ]
    rows = [
        (f"rotation, runs of {cell.law}", np.concatenate(cell.counts), np.full(cell.size, 1 / cell.size))
        for cell in cells
    ]
    for law in ([0.6, 0.4], [0.4, 0.2, 0.2, 0.2], smallest_imbalance(10).tolist()):
        counts = stream("coverage", *law).multinomial(PICKS[len(law)], law, size=effort.power_logs)
        rows.append((f"independent, one share {law[0]:.3f}", counts, np.array(law)))
    for name, counts, truth in rows:
        outcomes, times = np.unique(counts, axis=0, return_counts=True)
        is_held = [
            bool(np.all((low <= truth) & (truth <= high)))
            for low, high in (share_intervals(outcome).T for outcome in outcomes)
        ]
        rate = float(times @ np.array(is_held)) / len(counts)
        error = np.sqrt(rate * (1 - rate) / len(counts))
        lines.append(
            f"| {truth.size}, {PICKS[truth.size]} | {name} | {len(counts):,} | {rate:.4f} ({error:.4f}) |"
        )
    return lines


def document(effort: Effort, command: str) -> str:
    """Return the page."""
    nulls = {
        size: unknown_nulls(picks, size, effort.null_draws, stream("unknown", size))
        for size, picks in PICKS.items()
    }
    cells = [fair_cell(size, law, nulls[size], effort) for size in PICKS for law in LAWS]
    versions = f"numpy {np.__version__}, scipy {scipy.__version__}, Python {platform.python_version()}"
    head = f"""# Validation of the fairness tests

Do the tests reject fair logs as seldom as they say, and find the faults that they should? Written by
`{command}` with seed {SEED}; {versions}.
With the same versions the same bytes come out.

How it is measured:

- A fair log is simulated pick by pick: each run starts at a uniform position and takes the next one in
  turn. The simulation shares no code with the package.
- These are single tests. That the verdict over all tests and pools of a log keeps its level and power
  is shown by `tests/calibration/test_healthy_logs.py` and `tests/calibration/test_verdict_power.py`.
- The *start test* is `uniform_test` on the starts, the *share tests* are `share_test` (run lengths
  known) and `share_test_unknown_runs`. *Pearson chi-square* on the shares stands beside them to show
  why it misleads: it is blind to long runs in small pools, and rejects too often for short runs in
  large ones.
- Fixed run lengths (the last run is cut to fit): the null depends on the lengths only, so it is drawn
  once by `rotation_null` or `uniform_null`, the functions behind the tests
  ({effort.null_draws:,} draws), and the p-values (b + 1) / (m + 1) are looked up in it. Exact p-values
  come from `uniform_test`, called once for each distinct statistic.
- Random run lengths (geometric, or each run of either length with equal probability):
  {effort.vectors} length vectors are sampled, {effort.logs // effort.vectors:,} logs are simulated for
  each, and each vector has its own null of {effort.vector_draws:,} draws. The tests are valid given the
  lengths, so this measures the same rate; it is not {effort.logs:,} separate vectors.
- The test with unknown runs does not see the lengths. That no mixture of lengths is less favourable
  than every single length is an argument with known exceptions in tiny samples (docstring of
  `share_test_unknown_runs`); the rows with mixed lengths are the check at working sizes.
"""
    parts = [false_alarms(cells, effort), power_tables(nulls, effort), coverage(cells, effort)]
    return head + "\n" + "\n\n".join("\n".join(part) for part in parts) + "\n"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the logs, printed to stdout")
    if parser.parse_args().quick:
        sys.stdout.write(document(QUICK, "docs/validation.py --quick"))
    else:
        page = Path(__file__).with_suffix(".md")
        # What docs/validate_simulation.py has written below its mark stays.
        _, mark, simulation = page.read_text(encoding="utf-8").partition(SIMULATION_MARK)
        text = document(Effort(), "make validation")
        page.write_text(f"{text}\n{mark}{simulation}" if mark else text, encoding="utf-8")


if __name__ == "__main__":
    main()
