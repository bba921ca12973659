"""The daily or weekly round of traffic: a weight for each hour, shrunk where the log is thin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from keyrota.traffic.fit.hours import Floats, Hours, Integers

DAY_S: Final = 86_400.0
LEAST_DAYS: Final = 2
WEEKLY_DAYS: Final = 14

ALPHA: Final = 0.01
"""Where hours differ with a smaller p-value they are told apart; the shrunk weights of a false alarm are
nearly even."""

_CONCENTRATIONS: Final = np.geomspace(1e-2, 1e6, 161)
"""Of the gamma law of the hours' ratios: from a rate that is mostly 0 to one that is even to a thousandth."""


@dataclass(frozen=True)
class HourWeights:
    """Weights of the hours of a day or of a week.

    Parameters
    ----------
    weights
        24 or 168, mean 1, in UTC; of a week from Monday 00:00 (as `keyrota.traffic.arrivals.Profile`).
    p_value
        Of the null that all hours have one rate (see `fit_profile`).
    dispersion
        Variance of an hour's count over its expectation, from day to day (week to week); at least 1.
    parameters
        How many free weights the fit is worth: one for an hour that is not shrunk at all.
    """

    weights: tuple[float, ...]
    p_value: float
    dispersion: float
    parameters: float

    @property
    def differ(self) -> bool:
        """Whether the hours differ by more than chance."""
        return self.p_value < ALPHA


def fit_profile(times_ns: Integers, hours: Hours) -> HourWeights | None:
    """Fit the weights of the hours: of a day from 2 days of log on, of a week from 14 days on.

    Counts of an hour are Poisson with a rate that is the mean times a gamma ratio of mean 1; the ratio's
    concentration is of maximum likelihood, and a weight is the mean of its ratio given the counts
    (empirical Bayes) [1]_. So an hour of the day is shrunk toward the flat day, an hour of the week
    toward its hour of the day, the more the less the log tells of it. Counts that vary more from day to
    day (from week to week) than Poisson ones do count for less, by that factor [2]_.

    The null of the test is one rate for all hours; its statistic is F: the mean chi-square of the hours of
    the day (of the week) over that of the days (weeks) within each hour, or over 1 if that is larger. It
    does not hold for traffic with a period other than the day or the week, nor for traffic that drifts.

    Parameters
    ----------
    times_ns
        Ascending times of the requests within the span, at least one.
    hours
        The span.

    Returns
    -------
    HourWeights or None
        ``None`` for less than 2 days.

    References
    ----------
    .. [1] D. Clayton, J. Kaldor, "Empirical Bayes estimates of age-standardized relative risks for use in
       disease mapping", Biometrics 43, 1987, pp. 671-681, section 3.
    .. [2] P. McCullagh, J. A. Nelder, "Generalized Linear Models", 2nd ed., Chapman and Hall, 1989,
       section 6.2.3.
    """
    days = hours.span_s / DAY_S
    if days < LEAST_DAYS:
        return None
    counts = hours.counts(times_ns)
    is_weekly = days >= WEEKLY_DAYS
    p_value, dispersion = _test(counts, hours, 168 if is_weekly else 24)
    told_per_s = len(times_ns) / hours.span_s / dispersion
    ratios, parameters = _shrunk(_sums(counts, hours, 24) / dispersion, told_per_s * hours.exposure_s(24))
    if is_weekly:
        daily = np.tile(ratios, 7)
        expected = told_per_s * hours.exposure_s(168) * daily
        own, further = _shrunk(_sums(counts, hours, 168) / dispersion, expected)
        ratios, parameters = daily * own, parameters + further
    return HourWeights(tuple((ratios / ratios.mean()).tolist()), p_value, dispersion, parameters)


def _sums(counts: Integers, hours: Hours, period: int) -> Floats:
    return np.bincount(hours.of_week % period, weights=counts, minlength=period).astype(np.float64)


def _test(counts: Integers, hours: Hours, period: int) -> tuple[float, float]:
    """Return the p-value of even hours, and the dispersion within the hours of a period."""
    from scipy.special import fdtrc

    own, exposure = _sums(counts, hours, period), hours.exposure_s(period)
    flat = own.sum() * exposure / exposure.sum()
    between = float(((own - flat) ** 2 / flat).sum()) / (period - 1)
    of = hours.of_week % period
    expected = own[of] * hours.lengths_s / exposure[of]
    has_some = expected > 0
    free = int(has_some.sum()) - len(np.unique(of[has_some]))
    if not free:
        return 1.0, 1.0
    squares = (counts[has_some] - expected[has_some]) ** 2 / expected[has_some]
    dispersion = max(1.0, float(squares.sum()) / free)
    return float(fdtrc(period - 1, free, between / dispersion)), dispersion  # [2]


def _shrunk(counts: Floats, expected: Floats) -> tuple[Floats, float]:
    """Return the ratios of counts to their expectations, shrunk toward 1, and their number of parameters."""
    from scipy.special import gammaln

    a = _CONCENTRATIONS[:, np.newaxis]
    # Negative binomial; what does not depend on the concentration is left out.
    likelihood = gammaln(a + counts) - gammaln(a) + a * np.log(a) - (a + counts) * np.log(a + expected)
    best = int(likelihood.sum(axis=1).argmax())
    if best == len(_CONCENTRATIONS) - 1:
        return np.ones(len(counts)), 0.0
    concentration = _CONCENTRATIONS[best]
    own = expected / (concentration + expected)
    return (concentration + counts) / (concentration + expected), max(0.0, float(own.sum()) - 1.0)  # [1]
