"""Shares and rates of two periods, compared by how they vary between blocks of time.

429s come in bursts and traffic in waves: taken one by one, picks would make any difference significant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

BLOCKS_NS: Final = (60_000_000_000, 3_600_000_000_000, 86_400_000_000_000)
"""Minutes, hours and days."""

LEAST_BLOCKS: Final = 8
"""Blocks of one length in either period from which that length counts."""

LEAST_MINUTES: Final = 3
"""Minutes in either period below which there is no test."""


@dataclass(frozen=True)
class Counted:
    """Calls or picks, the probability that each is marked, and their times in nanoseconds."""

    times: NDArray[np.int64]
    marked: NDArray[np.float64]
    is_timed: bool = True

    @property
    def share(self) -> float | None:
        """Share that is marked."""
        return float(self.marked.mean()) if len(self.marked) else None


@dataclass(frozen=True)
class RateChange:
    """Rates per minute, the 95 % interval of their ratio, and the probability of so large a change."""

    before: float
    after: float
    ratio_low: float | None
    ratio_high: float | None
    p_value: float | None


def ratio_p_value(before: Counted, after: Counted) -> float | None:
    """Return the p-value of a difference of two shares.

    Each share is a ratio of sums over blocks of time, its variance that of the linearised ratio [1]_, but at
    least that of independent calls; a share of 0 or 1, which shows no variance, has that of independent calls
    at the pooled share, times the clustering of the other period. The difference is held against Student's t
    with the degrees of freedom of the period with fewer blocks. Of minutes, hours and days (with
    `LEAST_BLOCKS` in either period) the largest p-value counts: what clusters for hours is not told by
    minutes. It does not hold where the clustering is longer than a block of the largest length that was used.

    Parameters
    ----------
    before, after
        The two periods.

    Returns
    -------
    float or None
        ``None`` without times or with fewer than `LEAST_MINUTES` minutes in a period.

    References
    ----------
    .. [1] W. G. Cochran, "Sampling Techniques", 3rd ed., Wiley, 1977, sections 2.11 and 9A.1.

    Examples
    --------
    >>> times = np.arange(0, 600) * 10**10
    >>> few, many = ((np.arange(600) % n == 0).astype(float) for n in (50, 10))
    >>> ratio_p_value(Counted(times, few), Counted(times, many)) < 1e-6
    True
    >>> ratio_p_value(Counted(times, few), Counted(times, few))
    1.0
    """
    if not (before.is_timed and after.is_timed and len(before.times) and len(after.times)):
        return None
    total = len(before.marked) + len(after.marked)
    pooled = float(before.marked.sum() + after.marked.sum()) / total
    found = []
    for width in BLOCKS_NS:
        blocks = [_blocks(period, width) for period in (before, after)]
        fewest = min(len(calls) for calls, _ in blocks)
        if fewest < (LEAST_MINUTES if width == BLOCKS_NS[0] else LEAST_BLOCKS):
            break
        found.append(1.0 if pooled in (0.0, 1.0) else _p_value(blocks, pooled, fewest))
    return max(found) if found else None


def rate_change(
    before: tuple[NDArray[np.int64], tuple[int, int]], after: tuple[NDArray[np.int64], tuple[int, int]]
) -> RateChange | None:
    """Compare the rates of events in two spans of time.

    The logarithm of the ratio has the variance phi / N of each period, N events whose counts in blocks of
    time have the variance phi times their mean, phi at least 1 [1]_. Of minutes, hours and days (with
    `LEAST_BLOCKS` whole ones in either period) the widest interval counts: a rhythm of the day widens it.

    Parameters
    ----------
    before, after
        Times of the events, ascending, and begin and end of the span; nanoseconds.

    Returns
    -------
    RateChange or None
        ``None`` if a span is empty. There is no ratio where a period has no event, and no p-value where a
        period is shorter than `LEAST_MINUTES` minutes.

    References
    ----------
    .. [1] P. McCullagh, J. A. Nelder, "Generalized Linear Models", 2nd ed., Chapman and Hall, 1989,
       section 6.2.3.
    """
    rates = []
    for times, (begin, end) in (before, after):
        if end <= begin:
            return None
        rates.append(len(times) / ((end - begin) / BLOCKS_NS[0]))
    # Half an event for none: the ratio is then infinite, but its difference from 1 is not certain.
    numbers = [max(0.5, float(len(times))) for times, _ in (before, after)]
    minutes = [(end - begin) / BLOCKS_NS[0] for _, (begin, end) in (before, after)]
    log_ratio = math.log(numbers[1] / minutes[1]) - math.log(numbers[0] / minutes[0])
    widest: tuple[float, float] | None = None
    for width in BLOCKS_NS:
        whole = [(end - begin) // width for _, (begin, end) in (before, after)]
        if min(whole) < (LEAST_MINUTES if width == BLOCKS_NS[0] else LEAST_BLOCKS):
            break
        phi = [_dispersion(*period, width) for period in (before, after)]
        error = math.sqrt(phi[0] / numbers[0] + phi[1] / numbers[1])
        freedom = min(whole) - 1.0
        if widest is None or error * stdtrit(freedom, 0.975) > widest[0] * stdtrit(widest[1], 0.975):
            widest = error, freedom
    if widest is None:
        return RateChange(rates[0], rates[1], None, None, None)
    p_value = _two_sided(log_ratio / widest[0], widest[1])
    if not len(before[0]) or not len(after[0]):
        return RateChange(rates[0], rates[1], None, None, p_value)
    half = widest[0] * float(stdtrit(widest[1], 0.975))
    return RateChange(rates[0], rates[1], math.exp(log_ratio - half), math.exp(log_ratio + half), p_value)


def _blocks(period: Counted, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the calls and the marked ones of each block that has calls."""
    _, at = np.unique(period.times // width, return_inverse=True)
    return np.bincount(at).astype(np.float64), np.bincount(at, period.marked).astype(np.float64)


def _p_value(
    blocks: list[tuple[NDArray[np.float64], NDArray[np.float64]]], pooled: float, fewest: int
) -> float:
    shares, variances, clustering = [], [], 1.0
    for calls, marked in blocks:
        share, number = float(marked.sum() / calls.sum()), float(calls.sum())
        residual = marked - share * calls
        between = float(np.square(residual).sum()) * len(calls) / (len(calls) - 1) / number**2  # [1]
        alone = share * (1 - share) / number
        clustering = max(clustering, between / alone if alone else 1.0)
        shares.append(share)
        variances.append(max(between, alone))
    for place, (calls, _) in enumerate(blocks):
        if not variances[place]:
            variances[place] = clustering * pooled * (1 - pooled) / float(calls.sum())
    return _two_sided((shares[1] - shares[0]) / math.sqrt(sum(variances)), fewest - 1.0)


def _dispersion(times: NDArray[np.int64], span: tuple[int, int], width: int) -> float:
    """Return the variance of the counts of whole blocks over their mean, at least 1."""
    whole = (span[1] - span[0]) // width
    at = (times - span[0]) // width
    number = np.unique(at[(at >= 0) & (at < whole)], return_counts=True)[1].astype(np.float64)
    mean = float(number.sum()) / whole
    if not mean:
        return 1.0
    # Blocks without an event are not laid out: a span may be long.
    squares = float(np.square(number - mean).sum()) + (whole - len(number)) * mean**2
    return max(1.0, squares / (whole - 1) / mean)


def _two_sided(statistic: float, freedom: float) -> float:
    return float(min(1.0, 2 * stdtr(freedom, -abs(statistic))))
