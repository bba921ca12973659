"""The rate of arrivals: its exact interval, its widening, and when a log is too short for one."""

import pytest
from scipy import stats

from keyrota.errors import ModelError
from keyrota.traffic.fit.intervals import count_interval, share_interval
from keyrota.traffic.fit.rate import arrival_rate, requests_needed


@pytest.mark.parametrize("count", [1, 5, 64, 10_000])
def test_a_count_has_the_exact_interval(count):
    """Garwood's interval, by the quantiles of chi-square."""
    interval = count_interval(count)
    assert interval.low == pytest.approx(stats.chi2.ppf(0.025, 2 * count) / 2)
    assert interval.high == pytest.approx(stats.chi2.ppf(0.975, 2 * count + 2) / 2)


def test_a_count_of_none_has_an_upper_end():
    """No event: 3.69 are still likely."""
    assert (count_interval(0).low, count_interval(0).high) == (0.0, pytest.approx(3.689, abs=1e-3))


def test_a_dispersed_count_tells_less():
    """Dispersion 4 doubles the width of a large count's interval."""
    plain, wide = count_interval(10_000), count_interval(10_000, dispersion=4.0)
    assert wide.relative_half_width == pytest.approx(2 * plain.relative_half_width, rel=0.01)
    assert arrival_rate(100, 600.0, dispersion=0.2) == arrival_rate(100, 600.0)


@pytest.mark.parametrize(("part", "whole"), [(0, 7), (3, 7), (7, 7)])
def test_a_share_has_the_exact_interval(part, whole):
    """Clopper and Pearson's interval, as SciPy's."""
    found = share_interval(part, whole)
    exact = stats.binomtest(part, whole).proportion_ci(method="exact")
    assert (found.low, found.high) == (pytest.approx(exact.low), pytest.approx(exact.high))


@pytest.mark.parametrize(("width", "dispersion"), [(0.25, 1.0), (0.1, 1.0), (0.25, 7.0), (1.0, 1.0)])
def test_requests_needed_is_the_smallest_number(width, dispersion):
    """One request fewer is too few."""
    needed = requests_needed(width, dispersion=dispersion)
    assert count_interval(needed, dispersion=dispersion).relative_half_width <= width
    assert count_interval(needed - 1, dispersion=dispersion).relative_half_width > width


@pytest.mark.parametrize(
    "call",
    [
        lambda: arrival_rate(0, 60.0),
        lambda: arrival_rate(3, 0.0),
        lambda: arrival_rate(3, 60.0, exposure_s=float("nan")),
        lambda: count_interval(-1),
        lambda: share_interval(2, 1),
        lambda: share_interval(0, 0),
        lambda: requests_needed(0.0),
    ],
)
def test_what_has_no_rate_is_refused(call):
    """Nothing is NaN."""
    with pytest.raises(ModelError):
        call()
