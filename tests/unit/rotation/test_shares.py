"""Shares under the declared rotation."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from keyrota.errors import ModelError
from keyrota.rotation.shares import (
    largest_possible_deviation,
    position_counts,
    rotation_null,
    share_intervals,
    share_test,
    share_test_unknown_runs,
    unused_probability,
)


@pytest.fixture
def rng():
    return np.random.default_rng(20240302)


def test_counts_of_runs_wrap_around():
    """A run past the last position goes on at the first."""
    assert position_counts([3], [3], 4).tolist() == [1, 0, 1, 1]
    assert position_counts([2, 2], [4, 9], 4).tolist() == [3, 4, 3, 3]
    assert position_counts([], [], 3).tolist() == [0, 0, 0]


def test_null_has_the_law_of_the_starts(rng):
    """Each count vector comes as often as the starts that lead to it (chi-square p above 1e-6)."""
    lengths, size, draws = [2, 3, 7], 4, 64_000
    null = rotation_null(lengths, size, rng=rng, draws=draws)
    expected: dict[tuple[int, ...], int] = {}
    for starts in product(range(1, size + 1), repeat=3):
        key = tuple(position_counts(list(starts), lengths, size).tolist())
        expected[key] = expected.get(key, 0) + 1
    drawn, times = np.unique(null, axis=0, return_counts=True)
    assert {tuple(row) for row in drawn.tolist()} == set(expected)
    weights = np.array([expected[tuple(row)] for row in drawn.tolist()])
    assert stats.chisquare(times, draws * weights / size**3).pvalue > 1e-6


def test_one_draw_is_enough_to_ask_for(rng):
    """One row of counts, and p-values of a half or 1."""
    assert rotation_null([2, 3], 4, rng=rng, draws=1).sum(axis=1).tolist() == [5]
    assert share_test([100, 0], [1] * 100, 2, rng=rng, draws=1).p_value == 1 / 2
    assert share_test([50, 50], [1] * 100, 2, rng=rng, draws=1).p_value == 1


def test_null_of_full_cycles_does_not_vary(rng):
    """Runs of whole cycles give every key the same, whatever the starts."""
    assert np.ptp(rotation_null([4, 8, 4000], 4, rng=rng, draws=100)) == 0


def test_null_of_single_picks_is_multinomial(rng):
    """With runs of one pick the variance of a count is n/K (1 - 1/K), within 5 standard errors."""
    null = rotation_null(np.ones(50, dtype=int), 5, rng=rng, draws=100_000)
    assert null[:, 0].var() == pytest.approx(8.0, abs=5 * 8.0 * math.sqrt(2 / 100_000))


def test_cost_does_not_depend_on_the_number_of_runs(rng):
    """A million runs are drawn as runs of equal residual, not one by one."""
    null = rotation_null(np.full(1_000_000, 3), 10, rng=rng, draws=1000)
    assert null.shape == (1000, 10)
    assert (null.sum(axis=1) == 3_000_000).all()


def test_blocks_of_draws_join_seamlessly(rng):
    """More draws than one block holds come back complete."""
    null = rotation_null([1, 2], 6, rng=rng, draws=400_000)
    assert null.shape == (400_000, 6)
    assert (null.sum(axis=1) == 3).all()


def test_share_test_agrees_with_all_starts_enumerated(rng):
    """The Monte-Carlo p-value is the share of starts at least as uneven, within 5 standard errors."""
    lengths, size, draws = [2, 2, 3, 5, 4], 4, 50_000
    squares = [
        np.square(position_counts(list(starts), lengths, size)).sum()
        for starts in product(range(1, size + 1), repeat=len(lengths))
    ]
    counts = position_counts([1, 1, 1, 1, 1], lengths, size)
    exact = np.mean(np.array(squares) >= np.square(counts).sum())
    result = share_test(counts, lengths, size, rng=rng, draws=draws)
    assert abs(result.p_value - exact) < 5 * math.sqrt(exact * (1 - exact) / draws)
    assert result.statistic == np.square(counts).sum()
    assert result.null == "declared rotation, given the run lengths"


def test_share_test_reports_its_draws_and_error(rng):
    """p = 1 / (m + 1) where no draw is as uneven; the draws and the standard error are reported."""
    result = share_test([100, 0], [1] * 100, 2, rng=rng, draws=999)
    assert (result.p_value, result.draws) == (0.001, 999)
    assert result.standard_error == pytest.approx(math.sqrt(0.001 * 0.999 / 999))


def test_the_smallest_p_value_is_one_in_20_000(rng):
    """Unless other draws are asked for, with known and with unknown lengths of the runs."""
    for result in (
        share_test([90, 10], [1] * 100, 2, rng=rng),
        share_test_unknown_runs([90, 10], 2, rng=rng),
    ):
        assert (result.p_value, result.draws) == (1 / 20_000, 19_999)


def test_long_runs_make_a_small_imbalance_impossible(rng):
    """What is ordinary for single picks is impossible for runs of a whole cycle."""
    counts = [55, 45]
    assert share_test(counts, [1] * 100, 2, rng=rng).p_value > 0.2
    assert share_test(counts, [2] * 50, 2, rng=rng).p_value == 1 / 20_000


def test_unknown_runs_take_the_least_favourable_length(rng):
    """The p-value is the largest over the lengths, and the null names the length."""
    counts = [120, 100, 80, 100, 100, 100, 130, 90, 100, 80]
    result = share_test_unknown_runs(counts, 10, rng=rng)
    single = [
        share_test(counts, [n] * (1000 // n) + [1000 % n] * (1000 % n > 0), 10, rng=rng) for n in range(1, 10)
    ]
    largest = max(test.p_value for test in single)
    assert result.p_value == pytest.approx(largest, abs=7 * math.sqrt(largest / 20_000))
    length = 1 + max(range(9), key=lambda n: single[n].p_value)
    assert result.null == f"declared rotation, run lengths unknown (least favourable: {length})"


@pytest.mark.parametrize("counts", [[0, 0], [9], [0], [10, 10, 10, 10], [3, 2]])
def test_even_counts_have_p_one(counts, rng):
    """Nothing picked, a pool of one, and counts as even as can be are no evidence."""
    assert share_test_unknown_runs(counts, len(counts), rng=rng, draws=99).p_value == 1.0
    runs = [1] * sum(counts)
    assert share_test(counts, runs, len(counts), rng=rng, draws=99).p_value == 1.0


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_intervals_are_clopper_pearson_with_bonferroni(confidence):
    """Each interval agrees with SciPy and statsmodels at the corrected level."""
    counts = np.array([0, 1, 17, 82])
    intervals = share_intervals(counts, confidence=confidence)
    alpha = (1 - confidence) / 4
    for interval, count in zip(intervals, counts.tolist(), strict=True):
        scipy = stats.binomtest(count, 100).proportion_ci(1 - alpha, method="exact")
        assert interval == pytest.approx([scipy.low, scipy.high], rel=1e-9)
        assert interval == pytest.approx(proportion_confint(count, 100, alpha, method="beta"), rel=1e-9)


def test_intervals_without_picks_say_nothing():
    """Where nothing was picked every share is possible; a key with all picks may have share 1."""
    assert share_intervals([0, 0]).tolist() == [[0, 1], [0, 1]]
    assert share_intervals([5, 0])[0, 1] == 1.0
    assert share_intervals([5, 0])[1, 0] == 0.0


def test_unused_probability_is_the_share_of_starts_that_miss():
    """The product over runs equals enumeration of the starts."""
    lengths, size = [1, 2, 2, 3], 4
    missed = [
        position_counts(list(starts), lengths, size)[2] == 0
        for starts in product(range(1, size + 1), repeat=len(lengths))
    ]
    assert unused_probability(lengths, size) == pytest.approx(np.mean(missed), rel=1e-12)
    assert unused_probability([1, 5], 4) == 0.0
    assert unused_probability([], 4) == 1.0


@pytest.mark.parametrize("lengths", [[1], [4], [1, 2, 3], [5, 6, 7, 8], [3, 3, 3], [2, 9]])
def test_largest_deviation_is_reached_and_not_exceeded(lengths):
    """Over all starts, the largest distance of a share from 1/K is the one stated."""
    size = 4
    found = max(
        np.abs(position_counts(list(starts), lengths, size) / sum(lengths) - 1 / size).max()
        for starts in product(range(1, size + 1), repeat=len(lengths))
    )
    assert largest_possible_deviation(lengths, size) == pytest.approx(found, abs=1e-15)


def test_no_runs_no_deviation():
    """Without a run there is nothing to deviate."""
    assert largest_possible_deviation([], 4) == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: position_counts([1], [1, 2], 4), "1 starts do not fit 2 run lengths"),
        (lambda rng: position_counts([5], [1], 4), "outside the positions 1..4"),
        (lambda rng: position_counts([0], [1], 4), "starts must be at least 1"),
        (lambda rng: rotation_null([0], 4, rng=rng, draws=9), "run lengths must be at least 1"),
        (lambda rng: rotation_null([1], 0, rng=rng, draws=9), "at least 1 position"),
        (lambda rng: rotation_null([1], 4, rng=rng, draws=0), "draws must be at least 1"),
        (lambda rng: share_test([1, 1], [3], 2, rng=rng), "2 picks were counted, but the runs hold 3"),
        (lambda rng: share_test([2, 2], [3], 2, rng=rng), "4 picks were counted, but the runs hold 3"),
        (lambda rng: share_test([1, 1], [2], 3, rng=rng), "2 counts do not fit a pool of 3"),
        (lambda rng: share_test_unknown_runs([1, 1], 3, rng=rng), "2 counts do not fit a pool of 3"),
        (lambda rng: share_intervals([]), "0 counts"),
        (lambda rng: share_intervals([1, 2], confidence=1.0), "confidence must lie between 0 and 1"),
        (lambda rng: share_intervals([1, 2], confidence=math.nan), "confidence must lie between 0 and 1"),
        (lambda rng: share_intervals([1, 2], confidence=0.0), "confidence must lie between 0 and 1"),
        (lambda rng: share_intervals([1, 2], confidence=-0.5), "confidence must lie between 0 and 1"),
        (lambda rng: share_intervals([1, 2], confidence=1.5), "confidence must lie between 0 and 1"),
    ],
)
def test_questions_without_an_answer_are_refused(call, message, rng):
    """The message says what does not fit."""
    with pytest.raises(ModelError, match=message):
        call(rng)
