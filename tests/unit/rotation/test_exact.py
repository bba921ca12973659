"""The multinomial test of equal probabilities."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from keyrota.errors import ModelError
from keyrota.rotation.exact import blocks, monte_carlo_p_value, uniform_null, uniform_test, whole_numbers


@pytest.fixture
def rng():
    return np.random.default_rng(20240301)


def test_two_keys_agree_with_the_binomial_test(rng):
    """On two keys the test is the two-sided binomial test, into its far tails."""
    for total in (1, 7, 100, 999):
        for first in {0, 1, total // 3, total // 2, total}:
            expected = stats.binomtest(first, total, 0.5).pvalue
            assert uniform_test([first, total - first], rng=rng).p_value == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("counts", [[40, 20, 20, 20], [25, 26, 24, 25], [60, 30, 10], [12, 3, 4, 5, 6, 7]])
def test_large_expected_counts_approach_chi_square(counts, rng):
    """The exact p-value is near Pearson's chi-square where that is a good approximation."""
    oracle = stats.chisquare(counts)
    result = uniform_test(counts, rng=rng)
    assert result.method == "exact"
    assert result.statistic == pytest.approx(oracle.statistic, rel=1e-12)
    assert result.p_value == pytest.approx(oracle.pvalue, abs=0.01)


def test_exact_p_value_is_the_nearest_double(rng):
    """The p-value is the exact fraction, rounded once."""
    # 6 picks on 3 keys, squares at least 20: 6+0+0 (3), 5+1+0 (36), 4+2+0 (90).
    assert uniform_test([4, 2, 0], rng=rng).p_value == float(Fraction(3 + 36 + 90, 3**6))


def test_monte_carlo_agrees_with_exact(rng):
    """Both methods give one p-value, within five standard errors (false failure 6e-7 each)."""
    for counts in ([30, 20, 28, 22], [12, 3, 4, 5, 6, 7], [61, 39], [9, 2, 1, 0, 0, 3, 1, 2]):
        exact = uniform_test(counts, rng=rng)
        drawn = uniform_test(counts, rng=rng, exact_limit=0, draws=100_000)
        assert (exact.method, drawn.method) == ("exact", "monte-carlo")
        error = math.sqrt(exact.p_value * (1 - exact.p_value) / 100_000)
        assert abs(drawn.p_value - exact.p_value) < 5 * error + 1e-5


def test_monte_carlo_p_value_is_never_zero(rng):
    """An outcome beyond every draw has p = 1 / (draws + 1), with the draws and their error reported."""
    result = uniform_test([500, 0, 0, 0], rng=rng, draws=999)
    assert (result.p_value, result.draws) == (1 / 1000, 999)
    assert result.standard_error == pytest.approx(math.sqrt(0.001 * 0.999 / 999))


def test_exact_p_value_is_never_zero(rng):
    """Below the smallest double the p-value stays positive."""
    assert uniform_test([3000, 0], rng=rng).p_value == math.ulp(0.0)
    assert uniform_test([1000, 0], rng=rng).p_value == pytest.approx(2.0**-999, rel=1e-15)


@pytest.mark.parametrize("counts", [[0], [0, 0, 0], [7], [1_000_000], [1, 0, 0], [5, 5], [100] * 10])
def test_the_most_even_outcome_has_p_one(counts, rng):
    """Nothing picked, a pool of one, and perfectly even counts are no evidence."""
    assert uniform_test(counts, rng=rng).p_value == 1.0


@pytest.mark.parametrize(
    ("total", "size", "partitions"),
    [
        (39_998, 2, 20_000),
        (300, 3, round(303**2 / 12)),
        (100, 4, 8037),  # OEIS A001400
        (30, 30, 5604),  # OEIS A000041
        (30, 99, 5604),
    ],
)
def test_method_follows_the_number_of_partitions(total, size, partitions, rng):
    """Enumeration is chosen up to the limit and not beyond it."""
    counts = [total] + [0] * (size - 1)
    assert uniform_test(counts, rng=rng, exact_limit=partitions).method == "exact"
    assert uniform_test(counts, rng=rng, exact_limit=partitions - 1, draws=9).method == "monte-carlo"


def test_large_inputs_are_settled_without_counting_partitions(rng):
    """Many picks on many keys go to Monte Carlo at once."""
    assert uniform_test([1_000_000] * 40, rng=rng, draws=99).method == "monte-carlo"


def test_draws_beyond_one_block_are_all_used(rng):
    """Cutting the draws into blocks loses none, and keeps every row of a block within its memory."""
    cut = blocks(2_500_000, 3)
    assert [part.stop for part in cut[:-1]] == [part.start for part in cut[1:]]
    assert (cut[0].start, cut[-1].stop) == (0, 2_500_000)
    assert uniform_null(3, 1 << 19, rng=rng, draws=5).tolist() == [3] * 5


def test_same_stream_same_result():
    """The result depends on the arguments alone."""
    first, second = (
        uniform_test([400, 380, 420, 440], rng=np.random.default_rng(5), draws=999) for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize(
    "counts", [[], [[1, 2]], [1.5, 2.0], ["a"], [True, False], [3, -1], [2**31, 1], [2**30] * 2, 4]
)
def test_counts_that_are_no_counts_are_refused(counts, rng):
    """Only a row of whole numbers of at least 0 is a row of counts."""
    with pytest.raises(ModelError):
        uniform_test(counts, rng=rng)


def test_impossible_draws_are_refused(rng):
    """A Monte-Carlo test needs draws, positions and a total."""
    for total, size, draws in ((5, 2, 0), (5, 0, 9), (-1, 2, 9)):
        with pytest.raises(ModelError, match="cannot draw"):
            uniform_null(total, size, rng=rng, draws=draws)


def test_refusals_name_the_argument():
    """The message says which argument was wrong and what it held."""
    with pytest.raises(ModelError, match="lengths must be at least 1; one of them is 0"):
        whole_numbers([3, 0], "lengths", least=1)


def test_monte_carlo_p_value_counts_the_data_as_a_draw():
    """(b + 1) / (m + 1), with its binomial standard error."""
    p_value, standard_error = monte_carlo_p_value(49, 999)
    assert p_value == 0.05
    assert standard_error == pytest.approx(math.sqrt(0.05 * 0.95 / 999))


@pytest.mark.parametrize("size", [1, 2, 4])
def test_no_picks_are_as_even_as_can_be(size, rng):
    """The statistic is 0 and the p-value 1."""
    found = uniform_test([0] * size, rng=rng)
    assert (found.statistic, found.p_value, found.method) == (0.0, 1.0, "exact")


def test_a_row_that_is_larger_than_a_block_is_one():
    """Memory holds at least a draw at a time."""
    assert blocks(2, 1 << 21) == [slice(0, 1), slice(1, 2)]
