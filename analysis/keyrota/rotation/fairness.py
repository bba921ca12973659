"""Is the rotation fair and as declared? The tests of one pool, and the verdicts over all.

Under the declared rotation a run's start is uniform and independent of all others, and each next
position is the last plus one. So the starts are tested as a multinomial sample, the succession is
checked step by step and needs no p-value, and the shares are held against the rotation itself, with
the run lengths kept [1]_. Plain chi-square on the shares is blind for long runs in small pools and
cries wolf for short runs in large ones (docs/validation.md).

References
----------
.. [1] E. L. Lehmann and J. P. Romano, Testing Statistical Hypotheses, 3rd ed. (2005), ch. 15: a
   Monte-Carlo test that draws from the null itself is exact at every sample size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from keyrota.rotation.exact import UniformTest, uniform_test
from keyrota.rotation.multiple import holm
from keyrota.rotation.policies import declared_step
from keyrota.rotation.power import picks_needed_to_judge
from keyrota.rotation.runs import Runs
from keyrota.rotation.shares import (
    ShareTest,
    largest_possible_deviation,
    share_test,
    share_test_unknown_runs,
)

BROKEN_SHARE: Final = 0.01
"""Share of broken steps from which the rotation itself is at fault; below it, lines were lost."""

MOST_KEYS: Final = 1000
"""Pools of more keys are not tested: no log has the picks, and the tests' time grows with the keys."""

MOST_KEYS_UNKNOWN: Final = 50
"""The same where runs are unknown, and the test tries every length below the number of keys."""

DRAWS: Final = 19_999
MOST_DRAWS: Final = 199_999

Verdict = Literal["fair", "unfair", "not enough data"]


@dataclass(frozen=True)
class RotationTests:
    """What the tests say of one pool, before the other pools are considered.

    Parameters
    ----------
    size
        Number of keys.
    starts
        Test of the starts against the uniform law, ``None`` if none is known.
    shares
        Test of the shares given the run lengths, ``None`` if there are no runs, or if every run is
        one pick and so the test is that of the starts.
    shares_unknown
        Test of the shares of picks whose isolates are unknown.
    steps
        How often each step occurred inside a run, by step modulo the pool size.
    p_value
        The smallest p-value of the tests, times their number (Bonferroni), at most 1.
    null
        The null hypothesis, in words.
    independent_picks
        How many independent draws the pool shows: known starts, and picks of unknown isolates.
    picks_needed
        Picks, at this length of runs, for power 0.9 against a share that is off by a third.
    is_even_by_construction
        True if, with the succession as it was seen, no law of the starts could have moved a share
        by a third.
    least_p_value
        The smallest `p_value` that these tests could have given, 0 where one is exact; 1 without a
        test. Where it is not below the level, the data were not able to speak against the rotation.
    """

    size: int
    starts: UniformTest | None
    shares: ShareTest | None
    shares_unknown: ShareTest | None
    steps: Mapping[int, int]
    p_value: float
    null: str
    independent_picks: int
    picks_needed: int
    is_even_by_construction: bool
    least_p_value: float

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

    @property
    def is_succession_broken(self) -> bool:
        """Whether more steps are broken than lost lines explain."""
        return self.broken_steps >= max(1.0, BROKEN_SHARE * self.step_count)


def run_tests(
    runs: Runs, *, rng: np.random.Generator, alpha: float = 1e-3, draws: int = DRAWS
) -> RotationTests:
    """Test the picks of one pool against the declared rotation.

    Parameters
    ----------
    runs
        The pool's runs.
    rng
        Stream for the Monte-Carlo tests.
    alpha
        Level at which the verdict will be taken, in (0, 1); sets `RotationTests.picks_needed`.
    draws
        Draws of each Monte-Carlo test.

    Raises
    ------
    ModelError
        If `alpha` is not inside (0, 1).
    """
    size, lengths = runs.size, runs.lengths
    in_runs = runs.has_runs
    steps, _ = runs.steps
    table = {int(s): int(n) for s, n in zip(*np.unique(steps, return_counts=True), strict=True)}
    starts = runs.starts
    start_test = shares = unknown = None
    is_tested = 1 < size <= MOST_KEYS
    if len(starts) and is_tested:
        start_test = uniform_test(np.bincount(starts - 1, minlength=size), rng=rng, draws=draws)
    all_cold = bool((lengths[in_runs] == 1).all()) and len(starts) == int(in_runs.sum())
    if in_runs.any() and not all_cold and is_tested:
        shares = share_test(runs.counts_where(in_runs), lengths[in_runs], size, rng=rng, draws=draws)
    if not in_runs.all() and is_tested and size <= MOST_KEYS_UNKNOWN:
        unknown = share_test_unknown_runs(runs.counts_where(~in_runs), size, rng=rng, draws=draws)
    tests = [test for test in (start_test, shares, unknown) if test is not None]
    draws_seen = int(runs.is_start_certain[in_runs].sum() + lengths[~in_runs].sum())
    return RotationTests(
        size=size,
        starts=start_test,
        shares=shares,
        shares_unknown=unknown,
        steps=table,
        p_value=min(1.0, min((test.p_value for test in tests), default=1.0) * max(1, len(tests))),
        null=_null_in_words(size, start_test, shares, unknown),
        independent_picks=draws_seen,
        picks_needed=_picks_needed(size, draws_seen, int(lengths.sum()), alpha),
        is_even_by_construction=bool(in_runs.all())
        and largest_possible_deviation(lengths, size) <= 1 / (3 * size),
        least_p_value=min((_least_p_value(test) for test in tests), default=1.0) * max(1, len(tests)),
    )


def draws_for(alpha: float, pools: int) -> int:
    """Return the draws of each Monte-Carlo test that let a verdict at `alpha` over so many pools be "unfair".

    A p-value is at least 1 / (draws + 1), and is multiplied by up to three tests and by the pools. Twice
    the draws that this asks for, at least `DRAWS`, at most `MOST_DRAWS`: beyond, no verdict is given.

    Examples
    --------
    >>> draws_for(1e-3, 3), draws_for(1e-4, 3), draws_for(1e-9, 3)
    (19999, 179999, 199999)
    """
    return min(MOST_DRAWS, max(DRAWS, math.ceil(2 * 3 * pools / alpha) - 1))


def _least_p_value(test: UniformTest | ShareTest) -> float:
    return 0.0 if test.draws is None else 1 / (test.draws + 1)


def verdicts(tests: Sequence[RotationTests], *, alpha: float = 1e-3) -> list[tuple[Verdict, float]]:
    """Return the verdict on each pool, with its p-value adjusted for the number of pools (Holm).

    Unfair: the adjusted p-value is below `alpha`, or the succession is broken. Fair: neither, and
    there was enough data to see a share that is off by a third with probability 0.9, or the
    succession alone keeps the shares even. Otherwise the data do not suffice; nor do they where the
    draws of the tests are too few for a p-value below `alpha`.

    Parameters
    ----------
    tests
        One for each pool with picks.
    alpha
        Family-wise level.
    """
    adjusted = holm([test.p_value for test in tests]).tolist()
    result: list[tuple[Verdict, float]] = []
    for test, p_value in zip(tests, adjusted, strict=True):
        if p_value < alpha or test.is_succession_broken:
            verdict: Verdict = "unfair"
        elif (
            test.size == 1
            or test.is_even_by_construction
            or (_is_enough(test, alpha) and test.least_p_value * len(tests) < alpha)
        ):
            verdict = "fair"
        else:
            verdict = "not enough data"
        result.append((verdict, p_value))
    return result


def _is_enough(test: RotationTests, alpha: float) -> bool:
    return test.independent_picks >= picks_needed_to_judge(test.size, alpha=alpha)


def _picks_needed(size: int, independent: int, picks: int, alpha: float) -> int:
    """Return the picks needed at the run length seen: only starts are independent."""
    if size == 1:
        return 1
    needed = picks_needed_to_judge(size, alpha=alpha)
    return math.ceil(needed * max(1.0, picks / max(1, independent)))


def _null_in_words(
    size: int, starts: UniformTest | None, shares: ShareTest | None, unknown: ShareTest | None
) -> str:
    parts = []
    if starts is not None:
        how = "exact" if starts.method == "exact" else f"{starts.draws:,} draws"
        parts.append(f"isolates start at a uniformly random key ({how})")
    if shares is not None:
        parts.append(
            "shares are those of random starts plus round robin, at the run lengths seen "
            f"({shares.draws:,} draws)"
        )
    if unknown is not None:
        parts.append(
            "shares are those of random starts plus round robin, at the least favourable run length "
            f"({unknown.draws:,} draws)"
        )
    if parts:
        return "; ".join(parts)
    return "one key: nothing to rotate" if size == 1 else f"not tested: {size:,} keys are too many"
