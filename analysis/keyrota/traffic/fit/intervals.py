"""Estimates with their 95 % intervals: of a count and of a share, exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from keyrota.display import shown
from keyrota.errors import ModelError

CONFIDENCE: Final = 0.95
_TAIL: Final = (1 - CONFIDENCE) / 2


@dataclass(frozen=True)
class Estimate:
    """A number of a log with its 95 % interval.

    Parameters
    ----------
    value
        The estimate.
    low, high
        Ends of the interval; `high` is ``None`` where the log sets no upper bound.
    """

    value: float
    low: float
    high: float | None

    @property
    def relative_half_width(self) -> float:
        """Half of the interval's width over the estimate; infinite where there is none."""
        if self.high is None or self.value <= 0:
            return float("inf")
        return (self.high - self.low) / 2 / self.value


def count_interval(count: float, *, dispersion: float = 1.0) -> Estimate:
    """Return a count with the interval of its expectation.

    Exact for a Poisson count [1]_. A count whose variance is `dispersion` times its expectation tells as
    much as a Poisson count smaller by that factor (quasi-Poisson) [2]_; this is approximate, and it does
    not hold for a count of few bursts.

    Parameters
    ----------
    count : float
        Counted events, at least 0.
    dispersion : float
        Variance over expectation, at least 1.

    Returns
    -------
    Estimate
        Events.

    Raises
    ------
    ModelError
        If an argument is outside its range.

    References
    ----------
    .. [1] F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28, 1936, pp. 437-442.
    .. [2] P. McCullagh, J. A. Nelder, "Generalized Linear Models", 2nd ed., Chapman and Hall, 1989,
       section 6.2.3.

    Examples
    --------
    >>> interval = count_interval(10)
    >>> round(interval.low, 3), round(interval.high, 3)
    (4.795, 18.39)
    """
    from scipy.special import gammaincinv

    if not (count >= 0 and dispersion >= 1):
        raise ModelError(
            f"an interval of a count of {shown(count)} with dispersion {shown(dispersion)}: the count is at "
            "least 0, the dispersion at least 1"
        )
    told = count / dispersion  # [2]
    low = float(gammaincinv(told, _TAIL)) if told else 0.0  # [1]
    return Estimate(float(count), low * dispersion, float(gammaincinv(told + 1, 1 - _TAIL)) * dispersion)


def share_interval(part: int, whole: int) -> Estimate:
    """Return a share with its exact interval [1]_, of independent chances.

    Parameters
    ----------
    part, whole : int
        How many of how many; `whole` at least 1.

    Returns
    -------
    Estimate
        A fraction.

    Raises
    ------
    ModelError
        If an argument is outside its range.

    References
    ----------
    .. [1] C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case
       of the binomial", Biometrika 26, 1934, pp. 404-413.

    Examples
    --------
    >>> interval = share_interval(1, 10)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.0025, 0.445)
    """
    from scipy.special import betaincinv

    if not 0 <= part <= whole or whole < 1:
        raise ModelError(f"a share of {shown(part)} among {shown(whole)} is none")
    low = float(betaincinv(part, whole - part + 1, _TAIL)) if part else 0.0  # [1]
    high = float(betaincinv(part + 1, whole - part, 1 - _TAIL)) if part < whole else 1.0
    return Estimate(part / whole, low, high)
