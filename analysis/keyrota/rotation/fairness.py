"""The tests of one pool against the declared rotation.

Under the declared rotation a run's start is uniform and independent of all others, and each next
position is the last plus one. So the starts are tested as a multinomial sample, and the shares are held
against the rotation itself, with the run lengths kept [1]_; plain chi-square on the shares is blind for
long runs in small pools and cries wolf for short runs in large ones (docs/validation.md). A step that
is not +1 is a fault or a lost line: the succession is held against a log that lost 1 % of its lines. A
key that is never picked has a probability of its own.

All tests of a pool are one family: each p-value is divided by its part of the level (Bonferroni), nine
tenths for starts and shares, whose power decides how much data a verdict needs, and a twentieth each
for the succession and for unused keys, whose p-values fall fast.

References
----------
.. [1] E. L. Lehmann and J. P. Romano, Testing Statistical Hypotheses, 3rd ed. (2005), ch. 15: a
   Monte-Carlo test that draws from the null itself is exact at every sample size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

from keyrota.display import shown
from keyrota.errors import ModelError
from keyrota.rotation.alike import unique_numbers
from keyrota.rotation.exact import UniformTest, uniform_test
from keyrota.rotation.null_words import null_in_words
from keyrota.rotation.policies import declared_step
from keyrota.rotation.power import (
    MOST_KEYS,
    dispersion,
    picks_needed_by_key,
    picks_needed_to_judge,
)
from keyrota.rotation.runs import Runs
from keyrota.rotation.shares import (
    ShareTest,
    largest_possible_deviation,
    share_intervals,
    share_test,
    share_test_unknown_runs,
    unused_probability,
)
from keyrota.rotation.tails import MOST_CHANCES, by_key_test, can_be_computed, least_p_value

TestName = Literal["starts", "shares", "shares_unknown", "unused", "succession"]

LOST_SHARE: Final = 0.01
"""Share of log lines that a platform may lose without a step being called a fault of the rotation."""

DISTRIBUTION_PART: Final = 0.9
"""Part of the level for the tests of starts and shares together."""

CERTAIN_PART: Final = 0.05
"""Part of the level for the succession, and for unused keys."""

POWER_MARGIN: Final = 1.1
"""The noncentral approximation promises up to .034 too much power (docs/validation.md, table 2)."""

MOST_KEYS_UNKNOWN: Final = 50
"""Where runs are unknown every length below the keys is tried; larger pools are tested key by key."""

MOST_DRAWN_KEYS: Final = 1_000
"""Larger pools are tested key by key: a draw costs as much as there are keys, and of one key tells less."""

MOST_DRAWN_CELLS: Final = 50_000_000
"""Draws times keys times covers of the runs up to which the null of the shares is drawn: a few seconds."""

DRAWS: Final = 19_999
MOST_DRAWS: Final = 199_999

_LEAST: Final = 5e-324  # a p-value is never 0


@dataclass(frozen=True)
class RotationTests:
    """What the tests say of one pool, before the other pools are considered.

    Parameters
    ----------
    size
        Number of keys.
    starts
        Test of the starts against the uniform law, ``None`` if none is known.
    starts_by_boot
        The same for picks that follow a boot of an unknown isolate: it can name a fault of the shares,
        but not show one, because older isolates may pick in between.
    shares
        Test of the shares given the run lengths, ``None`` if there are no runs, or if every run is
        one pick and so the test is that of the starts.
    shares_unknown
        Test of the shares of picks whose isolates are unknown.
    steps
        How often each step occurred inside a run, by step modulo the pool size.
    unused_probability
        The probability that a given key is never picked; of no meaning if all are.
    p_values
        The p-value of each test that was made, divided by its part of the level.
    null
        The null hypothesis of starts and shares, in words.
    independent_picks
        How many independent draws the pool shows: known starts, and picks of unknown isolates, these
        divided by what the least favourable run length costs.
    independent_needed
        How many of them give power 0.9 against a share that is off by a third.
    picks_needed
        How many picks that takes, at this length of runs.
    is_even_by_construction
        True if, with the succession as it was seen, no law of the starts could have moved a share
        by a third.
    are_shares_even
        True if no run is unknown; else only if the simultaneous 95 % intervals of all shares lie within a
        third of their expectation: the test of unknown runs is blind to much, and proves nothing by
        its silence.
    least_p_value
        The smallest p-value that the tests of starts and shares could have given, divided by its part
        of the level: 0 where one is exact; 1 without a test. Where it is not below the level, the data
        were not able to speak against the rotation.
    """

    size: int
    starts: UniformTest | None
    starts_by_boot: UniformTest | None
    shares: ShareTest | None
    shares_unknown: ShareTest | None
    steps: Mapping[int, int]
    unused_probability: float
    p_values: Mapping[TestName, float]
    null: str
    independent_picks: int
    independent_needed: int
    picks_needed: int
    is_even_by_construction: bool
    are_shares_even: bool
    least_p_value: float

    @property
    def p_value(self) -> float:
        """The smallest of `p_values`, at most 1."""
        return min(1.0, *self.p_values.values()) if self.p_values else 1.0

    @property
    def step_count(self) -> int:
        """Number of steps seen inside runs."""
        return sum(self.steps.values())

    @property
    def broken_steps(self) -> int:
        """Number of steps that the declared rotation does not make."""
        return self.step_count - self.steps.get(declared_step(self.size), 0)

    @property
    def repeated_steps(self) -> int:
        """Number of steps that pick the same key again."""
        return self.steps.get(0, 0) if self.size > 1 else 0


def run_tests(
    runs: Runs, *, rng: np.random.Generator, alpha: float = 1e-3, pools: int = 1, draws: int | None = None
) -> RotationTests:
    """Test the picks of one pool against the declared rotation.

    Parameters
    ----------
    runs
        The pool's runs.
    rng
        Stream for the Monte-Carlo tests.
    alpha
        Level of the verdicts over all pools, in (0, 1).
    pools
        How many pools are judged together.
    draws
        Draws of each Monte-Carlo test; if not given `draws_for`, and where these cannot reach the level,
        exact tests key by key (`keyrota.rotation.tails`).

    Raises
    ------
    ModelError
        If `alpha` is not inside (0, 1).
    """
    if not isinstance(alpha, int | float) or not 0 < alpha < 1:
        raise ModelError(f"alpha is {shown(alpha)}; it is a probability between 0 and 1, such as 1e-3")
    size, lengths, in_runs = runs.size, runs.lengths, runs.has_runs
    is_reached = draws is not None or _is_reached(alpha, pools)
    draws = draws or draws_for(alpha, pools)
    is_tested = 1 < size <= MOST_KEYS
    is_large = size > MOST_DRAWN_KEYS

    def uniform(starts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> UniformTest | None:
        if not len(starts) or not is_tested:
            return None
        counts = np.bincount(starts - 1, minlength=size)
        test = uniform_test(counts, rng=rng, draws=draws if is_reached and not is_large else 1)
        ones = np.ones(len(starts), dtype=np.int64)
        if test.method == "exact" or (not is_large and (is_reached or not can_be_computed(ones, size))):
            return test
        return replace(
            test,
            p_value=by_key_test(counts, ones, size).p_value,
            method="by key",
            draws=None,
            standard_error=None,
        )

    starts = uniform(runs.starts)
    shares = unknown = None
    all_cold = bool((lengths[in_runs] == 1).all()) and len(runs.starts) == int(in_runs.sum())
    if in_runs.any() and not all_cold and is_tested:
        counts, known = runs.counts_where(in_runs), lengths[in_runs]
        is_drawn = draws * size * _covers(known, size) <= MOST_DRAWN_CELLS
        shares = (
            share_test(counts, known, size, rng=rng, draws=draws)
            if is_drawn and (is_reached or not can_be_computed(known, size))
            else by_key_test(counts, known, size)
        )
    if not in_runs.all() and is_tested:
        loose = runs.counts_where(~in_runs)
        unknown = (
            share_test_unknown_runs(loose, size, rng=rng, draws=draws)
            if size <= MOST_KEYS_UNKNOWN and (is_reached or loose.sum() > MOST_CHANCES)
            else by_key_test(loose, np.ones(int(loose.sum()), dtype=np.int64), size)
        )
    found: dict[TestName, UniformTest | ShareTest | None] = {
        "starts": starts,
        "shares": shares,
        "shares_unknown": unknown,
    }
    tests = {name: test for name, test in found.items() if test is not None}
    part = DISTRIBUTION_PART / max(1, len(tests))
    table = _step_table(runs)
    unused = _unused_probability(runs) if is_tested else 1.0
    p_values: dict[TestName, float] = {name: test.p_value / part for name, test in tests.items()}
    if is_tested:
        idle = bool((runs.counts == 0).any())
        p_values["unused"] = max(_LEAST, unused * size / CERTAIN_PART) if idle else 1.0
        p_values["succession"] = max(_LEAST, _succession_p_value(table, size) / CERTAIN_PART)
    independent = runs.is_start_certain[in_runs].sum() + lengths[~in_runs].sum() / dispersion(size)
    needed = _independent_needed(size, alpha * part / pools)
    return RotationTests(
        size=size,
        starts=starts,
        starts_by_boot=uniform(runs.boot_starts),
        shares=shares,
        shares_unknown=unknown,
        steps=table,
        unused_probability=unused,
        p_values=p_values,
        null=null_in_words(size, starts, shares, unknown),
        independent_picks=int(independent),
        independent_needed=needed,
        picks_needed=1 if size == 1 else math.ceil(needed * max(1.0, lengths.sum() / max(1.0, independent))),
        is_even_by_construction=bool(in_runs.all())
        and largest_possible_deviation(lengths, size) <= 1 / (3 * size),
        are_shares_even=bool(in_runs.all()) or _are_within_a_third(runs),
        least_p_value=min((_least_p_value(test, size) / part for test in tests.values()), default=1.0),
    )


def draws_for(alpha: float, pools: int) -> int:
    """Return the draws of each Monte-Carlo test that let a verdict at `alpha` over so many pools be "unfair".

    A p-value is at least 1 / (draws + 1), and is divided by its part of the level and multiplied by the
    pools. Twice the draws that this asks for, at least `DRAWS`, at most `MOST_DRAWS`: beyond, no verdict
    is given.

    Examples
    --------
    >>> draws_for(1e-3, 3), draws_for(1e-4, 2), draws_for(1e-9, 3)
    (19999, 133333, 199999)
    """
    tests = 3 / DISTRIBUTION_PART
    return min(MOST_DRAWS, max(DRAWS, math.ceil(round(2 * tests * pools / alpha, 6)) - 1))


def _covers(lengths: NDArray[np.int64], size: int) -> int:
    """Return how many parts of the circle the runs cover beyond full rounds: each is drawn for itself."""
    return int(np.count_nonzero(np.bincount(lengths % size, minlength=size)[1:]))


def _is_reached(alpha: float, pools: int) -> bool:
    """Whether a Monte-Carlo p-value can be below the level: that decides, before the data, on the test."""
    return 3 / DISTRIBUTION_PART * pools / (draws_for(alpha, pools) + 1) < alpha


def _step_table(runs: Runs) -> dict[int, int]:
    steps, _ = runs.steps
    return {int(s): int(n) for s, n in zip(*unique_numbers(steps), strict=True)}


def _succession_p_value(steps: Mapping[int, int], size: int) -> float:
    """Return the probability of so many broken steps if the log lost `LOST_SHARE` of its lines."""
    total = sum(steps.values())
    broken = total - steps.get(declared_step(size), 0)
    return float(bdtrc(broken - 1, total, LOST_SHARE)) if broken else 1.0


def _unused_probability(runs: Runs) -> float:
    """Return the probability that a given key is idle under the declared rotation.

    Picks of unknown runs count as independent: no run length leaves a key idle more often.
    """
    in_runs = runs.has_runs
    loose = int(runs.lengths[~in_runs].sum())
    return unused_probability(np.append(runs.lengths[in_runs], np.ones(loose, dtype=np.int64)), runs.size)


def _are_within_a_third(runs: Runs) -> bool:
    low, high = share_intervals(runs.counts).T * runs.size
    return bool((low >= 2 / 3).all() and (high <= 4 / 3).all())


def _least_p_value(test: UniformTest | ShareTest, size: int) -> float:
    if test.draws is not None:
        return 1 / (test.draws + 1)
    return 0.0 if isinstance(test, UniformTest) and test.method == "exact" else least_p_value(size)


def _independent_needed(size: int, level: float) -> int:
    if size == 1:
        return 1
    if size > MOST_DRAWN_KEYS:
        return math.ceil(POWER_MARGIN * picks_needed_by_key(size, alpha=level))
    return math.ceil(POWER_MARGIN * picks_needed_to_judge(size, alpha=level))
