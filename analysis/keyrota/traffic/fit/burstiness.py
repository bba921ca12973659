"""Whether requests come in bursts: how much their counts vary beyond Poisson, on five time scales."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from keyrota.rotation.multiple import holm
from keyrota.traffic.fit.bursts import Moments
from keyrota.traffic.fit.hours import HOUR_NS, WEEK_HOURS, Floats, Hours, Integers
from keyrota.traffic.pieces import HOUR_S, MONDAY_S, SECOND_NS

SCALES_S: Final = (1, 10, 60, 600, 3600)
"""Each divides an hour, within which the rate of a profile is constant."""

LEAST_WINDOWS: Final = 30
"""Windows beyond the weights that were fitted to the same counts."""

_LONG_S: Final = 600
"""Shorter windows seldom have parts in two hours."""

LEAST_PAIRS: Final = 20.0
"""Pairs of requests in one window that are expected: with fewer the statistic takes too few values."""

ALPHA: Final = 1e-3
"""Poisson is rejected where the least adjusted p-value is smaller."""

WIDENING_ALPHA: Final = 0.05
"""Where it is smaller than this the interval of a rate is widened."""


@dataclass(frozen=True)
class Scale:
    """How much counts vary on one time scale.

    Parameters
    ----------
    seconds
        Length of a window.
    windows
        Whole windows in the log's span.
    mean
        Requests in a window.
    index
        Index of dispersion: the mean square difference of a count from what the profile expects, over the
        mean; 1 for Poisson arrivals, 0 for a clock.
    p_value
        Of the null that arrivals are Poisson with this profile, against counts that vary more.
    adjusted_p_value
        By Holm's method over the scales.
    moments
        What bursts are fitted to.
    """

    seconds: int
    windows: int
    mean: float
    index: float
    p_value: float
    adjusted_p_value: float
    moments: Moments


@dataclass(frozen=True)
class Burstiness:
    """The dispersion of counts over the time scales that the log can tell.

    Parameters
    ----------
    scales
        Those with at least 30 windows and enough requests in them; none of a short or thin log, where
        Poisson cannot be tested.
    """

    scales: tuple[Scale, ...]

    @property
    def p_value(self) -> float | None:
        """The least adjusted p-value; ``None`` if there is no scale."""
        return min((scale.adjusted_p_value for scale in self.scales), default=None)

    @property
    def is_poisson_rejected(self) -> bool:
        """Whether requests come in bursts, beyond chance."""
        return self.p_value is not None and self.p_value < ALPHA

    @property
    def is_regular(self) -> bool:
        """Whether requests come more evenly than by chance, as of a clock."""
        most = max((scale.p_value for scale in self.scales), default=0.0)
        return not self.is_poisson_rejected and most > 1 - ALPHA / max(1, len(self.scales))

    @property
    def dispersion(self) -> float:
        """Variance of a count of long windows over its mean, at least 1; 1 unless bursts are likely."""
        if self.p_value is None or self.p_value >= WIDENING_ALPHA:
            return 1.0
        return max(1.0, *(scale.index for scale in self.scales))


def measure_burstiness(
    times_ns: Integers, hours: Hours, weights: Floats, *, parameters: float = 0.0
) -> Burstiness:
    """Measure the index of dispersion of counts over 1 s, 10 s, 1 min, 10 min and 1 h, and test it.

    The null is a Poisson process with the profile. Its test is the chi-square dispersion test [1]_ in time
    that is stretched so that the rate is constant (see `keyrota.traffic.fit.hours.Hours.stretched_s`); the
    statistic's law is a gamma law with its first three moments given the total, which is the chi-square law
    where windows have several requests, and holds for fewer as well. It is not valid, and left out, with
    fewer than 30 windows beyond the fitted weights or where fewer than 20 pairs of requests are expected to
    share a window. Times that a log rounds leave it valid on scales above their unit.

    Parameters
    ----------
    times_ns
        Ascending times of the requests within the span.
    hours
        The span.
    weights
        Of the hours of the day or of the week, or a single one.
    parameters
        How many free weights were fitted to these times.

    References
    ----------
    .. [1] D. R. Cox, P. A. W. Lewis, "The Statistical Analysis of Series of Events", Methuen, 1966,
       section 6.3.
    """
    weekly = np.tile(weights, WEEK_HOURS // len(weights))
    stretched = hours.stretched_s(times_ns, weights)
    found: list[tuple[int, float, Moments, int, float]] = []
    for seconds in SCALES_S:
        lost = _lost(hours, weights, seconds, parameters)
        p_value = _p_value(stretched, hours.span_s, seconds, lost)
        moments, windows, mean = _moments(times_ns, hours, weekly, seconds, parameters)
        if p_value is not None and moments is not None:
            found.append((windows, mean, moments, seconds, p_value))
    adjusted = holm([p_value for *_, p_value in found]).tolist()
    return Burstiness(
        tuple(
            Scale(seconds, windows, mean, moments.index, p_value, least, moments)
            for (windows, mean, moments, seconds, p_value), least in zip(found, adjusted, strict=True)
        )
    )


def _lost(hours: Hours, weights: Floats, seconds: int, parameters: float) -> float:
    """Return how many degrees of freedom the fitted weights take from the windows of one scale.

    A window has a part m of the time M of each hour of the profile, stretched: its expectation, fitted to
    the counts, follows its own count by m / M, so that the sum of squares lacks m * m / M of these times.
    """
    if not parameters or seconds < _LONG_S:
        return parameters  # a window lies in one hour, nearly always
    edges = hours.stretched_edges_s(weights)
    windows = np.arange(1, int(hours.span_s // seconds) + 1) * float(seconds)
    parts = np.unique(np.concatenate((edges, windows)))
    hour = hours.of_week[np.clip(np.searchsorted(edges, parts[:-1], "right") - 1, 0, len(edges) - 2)]
    lengths = np.diff(parts)
    hour %= len(weights)
    whole = np.bincount(hour, weights=lengths, minlength=len(weights))
    full = float((lengths**2 / whole[hour]).sum()) / seconds
    return max(0.0, full - 1) * parameters / (len(weights) - 1)


def _p_value(stretched: Floats, span_s: float, seconds: int, lost: float) -> float | None:
    """Return the p-value of the dispersion test on one scale, where it is valid."""
    from scipy.special import gammaincc

    windows = int(span_s // seconds)
    if windows - lost < LEAST_WINDOWS:
        return None
    inside = stretched[: np.searchsorted(stretched, windows * seconds)]
    counts = np.diff(_begins(np.floor(inside / seconds)), append=len(inside))
    # n points that fall alike into N windows: pairs that share one are pairwise independent.
    expected = len(inside) * (len(inside) - 1) / 2 / windows
    if expected < LEAST_PAIRS:
        return None
    mean = len(inside) / windows
    pairs = float((counts * (counts - 1)).sum()) / 2
    left = 1 - lost / windows  # of the chi-square statistic, which is linear in the pairs
    score = (pairs - expected + lost * mean / 2) / math.sqrt(expected * (1 - 1 / windows) * left)
    skewness = (1 + 2 * mean) / math.sqrt(expected * left)
    shape = 4 / skewness**2
    return float(gammaincc(shape, max(0.0, shape + score * math.sqrt(shape))))


def _moments(
    times_ns: Integers, hours: Hours, weekly: Floats, seconds: int, parameters: float
) -> tuple[Moments | None, int, float]:
    """Return the moments of the counts of one scale, the number of windows, and their mean."""
    length = seconds * SECOND_NS
    first, end = -(-hours.begin_ns // length), hours.end_ns // length
    windows = end - first
    if windows - parameters < 2:
        return None, windows, 0.0
    begin, until = np.searchsorted(times_ns, [first * length, end * length])
    inside = times_ns[begin:until]
    if not len(inside):
        return None, windows, 0.0
    # Sums over windows without requests follow from how many there are in each hour of the week.
    each = Hours(first * length, end * length).exposure_s(WEEK_HOURS) / seconds
    expected = weekly * len(inside) / float(weekly @ each)
    place = inside // length
    begins = _begins(place)
    counts = np.diff(begins, append=len(place)).astype(np.float64)
    hour = (inside[begins] // HOUR_NS - MONDAY_S // HOUR_S) % WEEK_HOURS
    mean, squares, cubes = (float(each @ expected**power) for power in (1, 2, 3))
    spread = float((counts**2 - 2 * counts * expected[hour]).sum()) + squares
    index = spread / mean * windows / (windows - 1 - parameters)
    second = float((counts * (counts - 1)).sum()) / squares
    third = float((counts * (counts - 1) * (counts - 2)).sum()) / cubes
    variance = second - 1
    skewness = (third - 3 * second + 2) / variance**1.5 if variance > 0 else math.nan
    return Moments(float(seconds), windows, index, skewness), windows, mean / windows


def _begins(place: Floats | Integers) -> Integers:
    """Return where equal values begin, of ascending ones."""
    return np.flatnonzero(np.append(True, place[1:] != place[:-1]))
