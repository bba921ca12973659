"""The index of dispersion over time scales, its test, and bursts fitted to it."""

from functools import partial

import numpy as np
import pytest
from scipy import stats

from keyrota.streams import named_stream
from keyrota.traffic.arrivals import Bursts, Poisson, Profile, Regular, check_arrivals
from keyrota.traffic.fit.burstiness import SCALES_S, measure_burstiness
from keyrota.traffic.fit.bursts import Moments, dispersion_index, fit_bursts
from keyrota.traffic.fit.hours import Hours
from keyrota.traffic.fit.profile import fit_profile
from keyrota.traffic.times import arrival_blocks

MONDAY = 1_762_732_800_000_000_000
"""2025-11-10 00:00 UTC."""

DAY_NS = 86_400 * 10**9
FLAT = np.ones(24)


def drawn(arrivals, seed, days):
    """The times of a process over some days, and the hours of that span."""
    end = MONDAY + round(days * DAY_NS)
    blocks = arrival_blocks(arrivals, partial(named_stream, seed), start_ns=MONDAY, end_ns=end)
    return np.concatenate([np.empty(0, dtype=np.int64), *blocks]), Hours(MONDAY, end)


def measured(arrivals, seed, days):
    return measure_burstiness(*drawn(arrivals, seed, days), FLAT)


def by_enumeration(bursts, seconds, steps=200_000):
    """Variance over mean of a count, by summing the covariances of the rate over pairs of moments."""
    leaving, entering = 1 / bursts.burst_s, 1 / bursts.calm_s
    busy = entering / (leaving + entering)
    gap = (bursts.burst_per_min - bursts.calm_per_min) / 60
    at = (np.arange(steps) + 0.5) * seconds / steps
    covariance = gap**2 * busy * (1 - busy) * np.exp(-(leaving + entering) * at)
    weights = 2 * (seconds - at) * seconds / steps
    return 1 + covariance @ weights / (bursts.rate_per_min / 60 * seconds)


@pytest.mark.parametrize("seconds", [0.5, 10.0, 60.0, 3600.0])
@pytest.mark.parametrize(
    "bursts", [Bursts(rate_per_min=2.0), Bursts(rate_per_min=9.0, calm_ratio=0.0, burst_s=5.0, calm_s=20.0)]
)
def test_the_cookbook_formula_is_the_sum_of_covariances(bursts, seconds):
    """The closed form against the integral that it solves."""
    assert dispersion_index(bursts, seconds) == pytest.approx(by_enumeration(bursts, seconds), rel=1e-4)


def test_the_index_of_bursts_is_that_of_the_formula():
    """Of 40 logs of 2 days the mean index is the formula's within 5 standard errors: p < 3e-6."""
    bursts = Bursts(rate_per_min=4.0)
    found = [measured(bursts, seed, 2.0).scales for seed in range(40)]
    for place, seconds in enumerate(SCALES_S):
        index = np.array([scales[place].index for scales in found])
        assert abs(index.mean() - dispersion_index(bursts, seconds)) < 5 * stats.sem(index)


@pytest.mark.parametrize(("rate", "days"), [(4.0, 0.5), (0.5, 2.1), (60.0, 0.1)])
def test_p_values_of_poisson_traffic_are_uniform(rate, days):
    """Of 200 logs, on every scale: Kolmogorov-Smirnov p above 1e-4; 15 scales at most fail with 1.5e-3.

    The least adjusted p-value is below .05 in 24 logs at most: 25 or more have probability 1e-5.
    """
    p_values = {}
    rejected = 0
    for seed in range(200):
        found = measured(Poisson(rate_per_min=rate), seed, days)
        rejected += found.p_value < 0.05
        for scale in found.scales:
            p_values.setdefault(scale.seconds, []).append(scale.p_value)
    assert len(p_values) >= 3
    for values in p_values.values():
        assert stats.kstest(values, "uniform").pvalue > 1e-4
    assert rejected <= 24


def test_p_values_of_a_fitted_profile_are_uniform():
    """Also where 24 weights were fitted to 77 hours: KS p above 1e-4 on five scales."""
    weights = tuple((1 + 0.9 * np.sin(np.arange(24) / 24 * 2 * np.pi)).tolist())
    p_values = []
    for seed in range(150):
        times, hours = drawn(Profile(rate_per_min=2.0, weights=weights), seed, 3.2)
        fit = fit_profile(times, hours)
        found = measure_burstiness(times, hours, np.array(fit.weights), parameters=fit.parameters)
        p_values.append([scale.p_value for scale in found.scales])
    assert np.shape(p_values) == (150, 5)
    for values in np.transpose(p_values):
        assert stats.kstest(values, "uniform").pvalue > 1e-4


def test_the_p_value_is_the_chi_square_tests_where_that_holds():
    """With 23 requests in a window it is the dispersion test of textbooks, within 2 %."""
    times, hours = drawn(Poisson(rate_per_min=23.0), 5, 0.5)
    scale = next(scale for scale in measure_burstiness(times, hours, FLAT).scales if scale.seconds == 60)
    counts = np.bincount((times - MONDAY) // (60 * 10**9), minlength=720)
    statistic = ((counts - counts.mean()) ** 2).sum() / counts.mean()
    assert scale.p_value == pytest.approx(stats.chi2.sf(statistic, 719), rel=0.02)
    assert scale.index == pytest.approx(statistic / 719)


@pytest.mark.parametrize(
    "bursts",
    [
        Bursts(rate_per_min=4.0),
        Bursts(rate_per_min=10.0, calm_ratio=0.3, burst_s=300.0, calm_s=300.0),
        Bursts(rate_per_min=30.0, calm_ratio=0.0, burst_s=5.0, calm_s=60.0),
    ],
)
def test_bursts_are_found_again(bursts):
    """The index is that of the process to within 25 % on every scale, spells to within a factor of 1.6."""
    times, hours = drawn(bursts, 11, 4.0)
    found = measure_burstiness(times, hours, FLAT)
    assert found.is_poisson_rejected
    fit = fit_bursts([scale.moments for scale in found.scales], len(times) / hours.span_s * 60)
    check_arrivals(fit, "fit")
    for seconds in SCALES_S:
        assert dispersion_index(fit, seconds) == pytest.approx(dispersion_index(bursts, seconds), rel=0.25)
    assert fit.calm_ratio == pytest.approx(bursts.calm_ratio, abs=0.1)
    assert abs(np.log([fit.burst_s / bursts.burst_s, fit.calm_s / bursts.calm_s])).max() < np.log(1.6)


@pytest.mark.parametrize("skewness", [float("nan"), -3.0, 0.0, 50.0])
@pytest.mark.parametrize("index", [1.001, 3.0, 900.0])
def test_any_moments_give_allowed_bursts_of_their_index(index, skewness):
    """One scale or two, whatever the skewness: a process that can be simulated, with this index."""
    for seconds in (1.0, 3600.0):
        fit = fit_bursts([Moments(seconds, 50, index, skewness)], 2.0)
        check_arrivals(fit, "fit")
        assert 1 < dispersion_index(fit, seconds) <= index * 1.01


def test_even_counts_give_no_bursts():
    """An index below 1 has no busy and calm spells."""
    assert fit_bursts([Moments(60.0, 50, 0.7, float("nan"))], 2.0) is None


def test_a_clock_is_regular():
    """Evenly spaced requests are not taken for bursts."""
    found = measured(Regular(rate_per_min=7.0), 1, 1.0)
    assert found.is_regular
    assert not found.is_poisson_rejected
    assert found.dispersion == 1.0


def test_a_thin_log_has_no_scale():
    """Where nothing can be tested nothing is rejected."""
    found = measured(Poisson(rate_per_min=1.0), 1, 0.01)
    assert found.scales == ()
    assert found.p_value is None
    assert not found.is_poisson_rejected
    assert found.dispersion == 1.0
