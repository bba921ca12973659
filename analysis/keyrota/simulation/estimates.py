"""Estimates over replications: a mean or a ratio, its standard error, its 95 % interval."""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

CONFIDENCE: Final = 0.95


class Quantity(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate with its standard error and 95 % interval.

    Parameters
    ----------
    estimate
        ``None`` if no replication tells it: a first 429 that never came.
    standard_error, ci_low, ci_high
        ``None`` if a single replication tells it.
    replications
        How many replications tell it. For a moment that did not come in all of them, the estimate is
        the mean over those in which it came, and so too early.
    """

    estimate: float | None
    standard_error: float | None
    ci_low: float | None
    ci_high: float | None
    replications: int

    @property
    def relative_half_width(self) -> float:
        """Half of the interval's width over the estimate; infinite where there is none."""
        if not self.estimate or self.ci_low is None or self.ci_high is None:
            return math.inf
        return (self.ci_high - self.ci_low) / 2 / abs(self.estimate)


UNKNOWN: Final = Quantity(estimate=None, standard_error=None, ci_low=None, ci_high=None, replications=0)


def mean(values: NDArray[np.float64], *, least: float = -math.inf) -> Quantity:
    """Return the mean of independent replications with Student's interval.

    Parameters
    ----------
    values
        Shape (replications,); NaN where a replication does not tell it.
    least
        Bound below which the quantity cannot lie; the interval is cut there.

    Examples
    --------
    >>> quantity = mean(np.array([1.0, 2.0, 3.0]))
    >>> quantity.estimate, round(quantity.ci_low, 3)
    (2.0, -0.484)
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return UNKNOWN
    centre = float(known.mean())
    if known.size == 1:
        return Quantity(estimate=centre, standard_error=None, ci_low=None, ci_high=None, replications=1)
    return interval(centre, float(known.std(ddof=1)) / math.sqrt(known.size), known.size, least=least)


def ratio(parts: NDArray[np.int64], wholes: NDArray[np.int64], *, most: float = 1.0) -> Quantity:
    """Return the ratio of two sums over independent replications, such as the share of 429s.

    The ratio of sums, not the mean of ratios: replications with more requests tell more. Its standard
    error is that of the linearised ratio [1]_. If no part of a share was seen, the upper end is where so
    few are still seen with probability .025 if the chances were independent: 3.7 over their number; and
    likewise the lower end if nothing else was seen.

    Parameters
    ----------
    parts, wholes
        Shape (replications,): what is counted, and among how much.
    most
        Bound above which the ratio cannot lie: 1 for a share.

    References
    ----------
    .. [1] W. G. Cochran, "Sampling Techniques", 3rd ed., Wiley, 1977, section 6.3.

    Examples
    --------
    >>> ratio(np.array([1, 2]), np.array([10, 10])).estimate
    0.15
    """
    total = int(wholes.sum())
    count = len(wholes)
    if total == 0:
        return UNKNOWN
    estimate = int(parts.sum()) / total
    if count == 1:
        return Quantity(estimate=estimate, standard_error=None, ci_low=None, ci_high=None, replications=1)
    if most == 1.0 and estimate in (0, 1):
        unseen = -math.expm1(math.log((1 - CONFIDENCE) / 2) / total)
        low, high = (0.0, unseen) if estimate == 0 else (1 - unseen, 1.0)
        return Quantity(estimate=estimate, standard_error=0.0, ci_low=low, ci_high=high, replications=count)
    residuals = parts - estimate * wholes
    error = math.sqrt(float(residuals @ residuals) / (count - 1) * count) / total  # [1]
    return interval(estimate, error, count, least=0.0, most=most)


def interval(
    estimate: float, error: float, replications: int, *, least: float = -math.inf, most: float = math.inf
) -> Quantity:
    """Return an estimate with Student's 95 % interval for so many independent replications."""
    from scipy.special import stdtrit

    reach = float(stdtrit(replications - 1, (1 + CONFIDENCE) / 2)) * error
    return Quantity(
        estimate=estimate,
        standard_error=error,
        ci_low=max(least, estimate - reach),
        ci_high=min(most, estimate + reach),
        replications=replications,
    )
