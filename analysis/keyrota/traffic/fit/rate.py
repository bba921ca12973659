"""The rate at which requests arrive, and whether a log is long enough to tell it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from keyrota.display import shown
from keyrota.errors import ModelError
from keyrota.traffic.fit.intervals import Estimate, count_interval


@dataclass(frozen=True)
class Rate:
    """A rate of arrivals.

    Parameters
    ----------
    per_min
        Requests a minute, the mean over the whole period where there is a profile.
    requests
        How many it was counted from.
    span_s
        Time that it was counted over.
    dispersion
        Variance of a count over its expectation, at least 1, that the interval allows for.
    """

    per_min: Estimate
    requests: int
    span_s: float
    dispersion: float


def arrival_rate(
    requests: int, span_s: float, *, dispersion: float = 1.0, exposure_s: float | None = None
) -> Rate:
    """Return the rate of so many requests, with its 95 % interval.

    Exact for Poisson arrivals, widened for over-dispersed ones (see
    `keyrota.traffic.fit.intervals.count_interval`). It does not hold where the rate drifts over the log.

    Parameters
    ----------
    requests : int
        Requests in the span, at least 1.
    span_s : float
        Length of the span in seconds, above 0.
    dispersion : float
        Variance of a count over its expectation; below 1 it counts as 1.
    exposure_s : float, optional
        Seconds at the mean rate that bring as many requests as the span does: of a span that covers the
        hours of a profile unevenly. The span, if not given.

    Raises
    ------
    ModelError
        If an argument is outside its range.

    Examples
    --------
    >>> rate = arrival_rate(600, 3600.0).per_min
    >>> rate.value, round(rate.low, 2), round(rate.high, 2)
    (10.0, 9.22, 10.83)
    """
    exposed_s = span_s if exposure_s is None else exposure_s
    if requests < 1 or not (0 < span_s < math.inf and 0 < exposed_s < math.inf):
        raise ModelError(f"no rate of {shown(requests)} requests in {shown(span_s)} s")
    widening = max(1.0, dispersion)
    counted = count_interval(requests, dispersion=widening)
    assert counted.high is not None
    minutes = exposed_s / 60
    per_min = Estimate(counted.value / minutes, counted.low / minutes, counted.high / minutes)
    return Rate(per_min, requests, span_s, widening)


def requests_needed(relative_half_width: float, *, dispersion: float = 1.0) -> int:
    """Return how many requests make half of the 95 % interval of their rate so small a part of it.

    Parameters
    ----------
    relative_half_width : float
        Half of the interval's width over the rate, in (0, 1].
    dispersion : float
        As of `arrival_rate`.

    Returns
    -------
    int
        The smallest number.

    Raises
    ------
    ModelError
        If the width is outside its range.

    Examples
    --------
    >>> requests_needed(0.25), requests_needed(0.05)
    (66, 1557)
    """
    if not 0 < relative_half_width <= 1:
        raise ModelError(
            f"a relative half-width of {shown(relative_half_width)}; allowed is above 0, up to 1"
        )
    widening = max(1.0, dispersion)
    low, high = 0, 1
    while count_interval(high, dispersion=widening).relative_half_width > relative_half_width:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        is_enough = count_interval(middle, dispersion=widening).relative_half_width <= relative_half_width
        low, high = (low, middle) if is_enough else (middle, high)
    return high
