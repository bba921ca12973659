"""Means and ratios over replications."""

import math

import numpy as np
import pytest
from scipy import stats

from keyrota.simulation.estimates import UNKNOWN, interval, mean, ratio


def test_mean_is_that_of_a_t_test():
    """Mean, standard error and interval are those of SciPy's one-sample t."""
    values = np.array([3.0, 4.5, 2.25, 6.0, 5.5])
    found, expected = mean(values), stats.ttest_1samp(values, 0.0)
    low, high = expected.confidence_interval(0.95)
    assert found.estimate == pytest.approx(values.mean(), rel=1e-15)
    assert found.standard_error == pytest.approx(stats.sem(values), rel=1e-14)
    assert (found.ci_low, found.ci_high) == pytest.approx((low, high), rel=1e-12)
    assert found.replications == 5


def test_what_some_replications_do_not_tell_is_left_out_and_counted():
    """A first 429 that came in two of three replications is the mean of two, and says so."""
    found = mean(np.array([1.0, np.nan, 3.0]))
    assert (found.estimate, found.replications) == (2.0, 2)
    assert mean(np.array([np.nan])) == UNKNOWN
    single = mean(np.array([np.nan, 7.0]))
    assert (single.estimate, single.standard_error, single.ci_low) == (7.0, None, None)


def test_ratio_is_of_sums():
    """Replications with more requests weigh more."""
    assert ratio(np.array([0, 30]), np.array([10, 90])).estimate == 0.3


def test_ratio_of_equal_wholes_is_the_mean():
    """With as many requests in each, estimate and error are those of the mean of the shares."""
    parts = np.array([1, 4, 2, 2, 7])
    found, expected = ratio(parts, np.full(5, 20)), mean(parts / 20)
    assert found.estimate == pytest.approx(expected.estimate, rel=1e-14)
    assert found.standard_error == pytest.approx(expected.standard_error, rel=1e-14)


def test_nothing_seen_is_not_nothing():
    """Without a single 429 the upper end is where none of n is seen with probability .025."""
    found = ratio(np.zeros(4, dtype=int), np.full(4, 100))
    assert (found.estimate, found.ci_low) == (0.0, 0.0)
    assert (1 - found.ci_high) ** 400 == pytest.approx(0.025, rel=1e-12)


def test_nothing_else_seen_is_not_everything():
    """Where all requests are cold the lower end mirrors the upper end of none."""
    found = ratio(np.full(4, 100), np.full(4, 100))
    assert (found.estimate, found.ci_high) == (1.0, 1.0)
    assert found.ci_low == 1 - ratio(np.zeros(4, dtype=int), np.full(4, 100)).ci_high


def test_intervals_stay_in_their_bounds():
    """A share lies between 0 and 1, whatever its error."""
    found = ratio(np.array([0, 10]), np.array([10, 10]))
    assert (found.ci_low, found.ci_high) == (0.0, 1.0)
    assert interval(1.0, 5.0, 3, least=0.0).ci_low == 0.0


def test_without_requests_nothing_is_known():
    """No request: no share."""
    assert ratio(np.zeros(3, dtype=int), np.zeros(3, dtype=int)) == UNKNOWN


def test_relative_half_width():
    """Half of the interval over the estimate; infinite where there is none."""
    found = interval(2.0, 0.1, 10_000)
    assert found.relative_half_width == pytest.approx(0.05 * stats.t.ppf(0.975, 9_999), rel=1e-9)
    assert UNKNOWN.relative_half_width == math.inf
