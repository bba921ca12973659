"""Hours of a span, and weights fitted to them."""

from functools import partial

import numpy as np
import pytest

from keyrota.streams import named_stream
from keyrota.traffic.arrivals import Bursts, Poisson, Profile
from keyrota.traffic.fit.hours import HOUR_NS, Hours
from keyrota.traffic.fit.profile import ALPHA, fit_profile
from keyrota.traffic.times import arrival_blocks

MONDAY = 1_762_732_800_000_000_000
"""2025-11-10 00:00 UTC."""

DAY_NS = 86_400 * 10**9
ROUND = 1 + 0.9 * np.sin(np.arange(24) / 24 * 2 * np.pi)


def drawn(arrivals, seed, days, *, start=MONDAY):
    """The times of a process over some days, and the hours of that span."""
    end = start + round(days * DAY_NS)
    blocks = arrival_blocks(arrivals, partial(named_stream, seed), start_ns=start, end_ns=end)
    return np.concatenate([np.empty(0, dtype=np.int64), *blocks]), Hours(start, end)


def weekly():
    """A week whose weekend has a third of the traffic."""
    weights = np.concatenate([ROUND * (1.0 if day < 5 else 0.3) for day in range(7)])
    return weights / weights.mean()


def test_exposure_counts_partial_hours():
    """From Monday 00:30 to Tuesday 01:15 UTC: hour 0 for half an hour and a whole one."""
    hours = Hours(MONDAY + HOUR_NS // 2, MONDAY + 25 * HOUR_NS + HOUR_NS // 4)
    exposure = hours.exposure_s(24)
    assert exposure[:3].tolist() == [5400.0, 4500.0, 3600.0]
    assert exposure.sum() == hours.span_s
    assert hours.exposure_s(168)[:26].tolist() == [1800.0] + [3600.0] * 24 + [900.0]


def test_counts_hold_every_time_once():
    """Also one at the very end of the span."""
    hours = Hours(MONDAY + 5, MONDAY + 2 * HOUR_NS)
    times = np.array([MONDAY + 5, MONDAY + HOUR_NS - 1, MONDAY + HOUR_NS, MONDAY + 2 * HOUR_NS])
    assert hours.counts(times).tolist() == [2, 2]


def test_a_span_within_an_hour_has_one():
    """Thirty minutes on a Tuesday."""
    hours = Hours(MONDAY + 26 * HOUR_NS, MONDAY + 26 * HOUR_NS + HOUR_NS // 2)
    assert hours.of_week.tolist() == [26]
    assert hours.lengths_s.tolist() == [1800.0]


def test_stretched_time_is_as_long_as_the_span():
    """The whole span keeps its length, and an hour of weight 0 takes no time."""
    hours = Hours(MONDAY, MONDAY + DAY_NS)
    weights = np.array([0.0] + [1.0] * 23)
    at = hours.stretched_s(np.array([MONDAY, MONDAY + HOUR_NS, MONDAY + DAY_NS]), weights)
    assert at.tolist() == [0.0, 0.0, pytest.approx(86_400.0)]


@pytest.mark.parametrize(("days", "number"), [(1.9, None), (2.0, 24), (13.9, 24), (14.0, 168)])
def test_the_span_decides_which_hours_are_told_apart(days, number):
    """No profile below 2 days, hours of the week from 14 days on."""
    times, hours = drawn(Poisson(rate_per_min=1.0), 1, days)
    found = fit_profile(times, hours)
    assert (found and len(found.weights)) == number


@pytest.mark.parametrize(("days", "most"), [(2.5, 0.3), (15.3, 0.2)])
def test_flat_traffic_has_nearly_even_weights(days, most):
    """Of 100 logs the median spread is below 2 %, and hours are told apart in 5 at most.

    At p = .01 six false alarms or more have probability 5e-4; the seeds are fixed.
    """
    fits = [fit_profile(*drawn(Poisson(rate_per_min=1.0), seed, days)) for seed in range(100)]
    spreads = [max(fit.weights) - min(fit.weights) for fit in fits]
    assert np.median(spreads) < 0.02
    assert max(spreads) < most
    assert sum(fit.differ for fit in fits) <= 5


@pytest.mark.parametrize(
    ("weights", "rate", "days"), [(ROUND, 10.0, 5.4), (weekly(), 10.0, 28.0)], ids=["day", "week"]
)
def test_a_strong_profile_is_found(weights, rate, days):
    """Every weight within 5 standard errors of its count, plus 2 % for the shrinkage: p < 1e-4."""
    times, hours = drawn(Profile(rate_per_min=rate, weights=tuple(weights.tolist())), 3, days)
    found = fit_profile(times, hours)
    expected = weights * rate * hours.exposure_s(len(weights)) / 60
    error = 5 * weights / np.sqrt(expected) + 0.02
    assert found.p_value < ALPHA
    assert (np.abs(np.array(found.weights) - weights) < error).all()
    assert np.mean(found.weights) == pytest.approx(1.0)


def test_thin_traffic_is_shrunk():
    """Of 60 requests in two days the weights spread less than the counts do."""
    times, hours = drawn(Poisson(rate_per_min=60 / 2880), 2, 2.0)
    raw = np.bincount(hours.of_week % 24, weights=hours.counts(times), minlength=24) / len(times) * 24
    assert np.std(fit_profile(times, hours).weights) < 0.5 * raw.std()


def test_bursts_are_no_profile():
    """Of 50 logs with bursts the hours are told apart in 4 at most: five or more have p = 1e-4 at .01."""
    bursts = Bursts(rate_per_min=2.0, burst_s=300.0, calm_s=3000.0)
    assert sum(fit_profile(*drawn(bursts, seed, 4.0)).differ for seed in range(50)) <= 4


def test_a_night_without_traffic_has_small_weights_above_nothing():
    """An hour that was never met can still bring a request."""
    weights = (0.0,) * 8 + (1.0,) * 16
    found = fit_profile(*drawn(Profile(rate_per_min=5.0, weights=weights), 1, 3.0))
    assert 0 < max(found.weights[:8]) < 0.02
