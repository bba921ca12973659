"""The exact test of the shares key by key: against enumeration and SciPy, and never too small."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from keyrota.rotation.fairness import run_tests
from keyrota.rotation.runs import find_runs
from keyrota.rotation.shares import position_counts
from keyrota.rotation.tails import key_bound, key_test, least_p_value, sum_of_binomials

laws = settings(derandomize=True, deadline=None, max_examples=100)  # a busy machine is no failure
LENGTHS = st.lists(st.integers(1, 7), min_size=1, max_size=5)


@laws
@given(numbers=st.lists(st.integers(0, 6), min_size=1, max_size=4), data=st.data())
def test_law_of_a_sum_is_the_convolution(numbers: list[int], data: st.DataObject) -> None:
    """Against SciPy's binomial laws, convolved."""
    share = st.one_of(st.just(0.0), st.floats(1e-6, 1))
    shares = data.draw(st.lists(share, min_size=len(numbers), max_size=len(numbers)))
    law = np.ones(1)
    for number, share in zip(numbers, shares, strict=True):
        law = np.convolve(law, stats.binom.pmf(np.arange(number + 1), number, share))
    assert sum_of_binomials(numbers, shares) == pytest.approx(law, abs=1e-13)


@laws
@given(lengths=LENGTHS, size=st.integers(2, 4), starts=st.data())
def test_p_value_is_bonferroni_over_enumerated_tails(
    lengths: list[int], size: int, starts: st.DataObject
) -> None:
    """All starts enumerated: 2 K times the smallest tail of a key's picks."""
    own = starts.draw(st.lists(st.integers(1, size), min_size=len(lengths), max_size=len(lengths)))
    counts = position_counts(own, lengths, size)
    every = np.array([
        position_counts(first, lengths, size) for first in product(range(1, size + 1), repeat=len(lengths))
    ])  # fmt: skip
    tails = [
        min((every[:, key] <= counts[key]).mean(), (every[:, key] >= counts[key]).mean())
        for key in range(size)
    ]
    assert key_test(counts, lengths, size).p_value == pytest.approx(
        min(1.0, 2 * size * min(tails)), abs=1e-12
    )


@laws
@given(lengths=LENGTHS, size=st.integers(2, 6), picks=st.data())
def test_the_bound_is_never_below_the_exact_test(lengths: list[int], size: int, picks: st.DataObject) -> None:
    """Whatever the counts, also such as no rotation makes; equal where all runs cover as much."""
    total = sum(lengths)
    cuts = sorted(picks.draw(st.lists(st.integers(0, total), min_size=size - 1, max_size=size - 1)))
    counts = np.diff([0, *cuts, total])
    bound, exact = key_bound(counts, lengths, size).p_value, key_test(counts, lengths, size).p_value
    assert bound >= exact - 1e-9
    if len({length % size for length in lengths} - {0}) == 1:
        assert bound == pytest.approx(exact, abs=1e-9)


def test_the_bound_is_close_where_runs_cover_little() -> None:
    """5,000 runs of 1 to 8 picks, 1,000 keys: a key with 50 picks has less than twice the exact p-value."""
    rng = np.random.default_rng(3)
    lengths = rng.integers(1, 9, 5_000)
    counts = position_counts(rng.integers(1, 1_001, 5_000), lengths, 1_000)
    spare = int(counts.argmax())
    counts[spare], counts[5] = counts[spare] + counts[5] - 50, 50
    exact, bound = (test(counts, lengths, 1_000).p_value for test in (key_test, key_bound))
    assert exact <= bound <= 2 * exact


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("lengths", [[1] * 6, [2, 3, 1, 1], [5, 2, 2]])
def test_no_level_is_exceeded(size: int, lengths: list[int]) -> None:
    """Over all starts, p-values at or below any level are no more than that level."""
    p_values = np.array([
        key_test(position_counts(first, lengths, size), lengths, size).p_value
        for first in product(range(1, size + 1), repeat=len(lengths))
    ])  # fmt: skip
    for level in np.unique(p_values):
        assert (p_values <= level).mean() <= level + 1e-12


def test_counts_that_no_rotation_gives_have_the_least_p_value() -> None:
    """A key with more picks than runs can give it, or fewer than full cycles do."""
    assert key_test([40, 0, 0, 0], [4] * 10, 4).p_value == least_p_value(4)
    assert key_test([500, 0], [1] * 500, 2).p_value == least_p_value(2)


def runs_of(starts: list[int], size: int, length: int = 1) -> object:
    from keyrota.events import make_events

    positions = [(start - 1 + step) % size + 1 for start in starts for step in range(length)]
    isolates = [f"i{place}" for place in range(len(starts)) for _ in range(length)]
    table = make_events(
        {"kind": ["pick"] * len(positions), "position": positions, "size": [size] * len(positions),
         "isolate": isolates, "key": positions, "pool": ["P"] * len(positions)}
    )  # fmt: skip
    return find_runs(table)[size]


@pytest.mark.parametrize("length", [1, 2])
def test_levels_that_draws_do_not_reach(length: int) -> None:
    """At one in a million the tests are exact, see an uneven start, and pass a fair one."""
    rng = np.random.default_rng(5)
    fair = run_tests(runs_of(rng.integers(1, 11, 2_000).tolist(), 10, length), rng=rng, alpha=1e-6)
    assert 0 < fair.least_p_value < 1e-6
    assert fair.p_value > 1e-3
    assert "exact, key by key" in fair.null
    weights = np.r_[0.2, np.full(9, 0.8 / 9)]
    uneven = run_tests(
        runs_of((rng.choice(10, 2_000, p=weights) + 1).tolist(), 10, length), rng=rng, alpha=1e-6
    )
    assert uneven.p_values["starts"] < 1e-6


def test_levels_that_draws_reach_are_drawn() -> None:
    """At the level of reports the sum of squares decides, as it did."""
    rng = np.random.default_rng(5)
    tests = run_tests(runs_of(rng.integers(1, 11, 2_000).tolist(), 10, 2), rng=rng, alpha=1e-3)
    assert tests.starts is not None
    assert tests.starts.method == "monte-carlo"
    assert tests.shares is not None
    assert tests.shares.draws is not None
