"""Busy and calm spells fitted to the moments of counts: `keyrota.traffic.arrivals.Bursts`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from keyrota.traffic.arrivals import MOST_SPAN_S, Bursts
from keyrota.traffic.fit.hours import Floats

LEAST_BUSY_SHARE: Final = 1e-4
"""A rarer busy state is no state of the log, but one event in it."""

_TRIED: Final = 241
"""Relaxation times that are tried; they are about 4 to 7 per cent apart."""


@dataclass(frozen=True)
class Moments:
    """The moments of counts in windows of one length, relative to the profile.

    Parameters
    ----------
    seconds
        Length of a window.
    windows
        How many there are.
    index
        Variance over mean.
    skewness
        Of the rate over a window: its third central moment over its variance to the power 1.5, without
        what Poisson adds; NaN where its variance is not above 0.
    """

    seconds: float
    windows: int
    index: float
    skewness: float


def dispersion_index(bursts: Bursts, seconds: float) -> float:
    """Return the variance over the mean of the number of requests in a window, in the long run [1]_.

    Parameters
    ----------
    bursts
        The process, without growth.
    seconds
        Length of the window, above 0.

    References
    ----------
    .. [1] W. Fischer, K. Meier-Hellstern, "The Markov-modulated Poisson process (MMPP) cookbook",
       Performance Evaluation 18(2), 1993, pp. 149-171, section 3.

    Examples
    --------
    >>> round(dispersion_index(Bursts(rate_per_min=2.0), 60.0), 2)
    3.9
    """
    leaving, entering = 1 / bursts.burst_s, 1 / bursts.calm_s
    relaxing = leaving + entering
    gap = (bursts.burst_per_min - bursts.calm_per_min) / 60
    mean = bursts.rate_per_min / 60
    excess = 2 * gap**2 * leaving * entering / (relaxing**3 * mean)  # [1]
    return 1 + excess * float(_risen(np.array(relaxing * seconds)))


def fit_bursts(scales: Sequence[Moments], rate_per_min: float) -> Bursts | None:
    """Fit busy and calm spells to the moments of counts.

    The index of dispersion rises with the window as ``1 + A (1 - (1 - exp(-R t)) / (R t))`` [1]_; A and R,
    the sum of the rates at which spells end, are of least squares over the scales, each weighted by the
    precision of its index. The share of busy time follows from the skewness of the rate on the scale next
    to 1 / R; it is what a calm rate of 0 needs where the skewness asks for less than that.

    It does not hold for bursts on many time scales, nor for those shorter than the shortest scale or longer
    than the longest: R is kept between these.

    Parameters
    ----------
    scales
        At least one.
    rate_per_min
        Mean rate, requests a minute, above 0.

    Returns
    -------
    Bursts or None
        ``None`` if counts vary no more than Poisson ones.

    References
    ----------
    .. [1] W. Fischer, K. Meier-Hellstern, "The Markov-modulated Poisson process (MMPP) cookbook",
       Performance Evaluation 18(2), 1993, pp. 149-171, sections 3 and 5.
    .. [2] H. Heffes, D. M. Lucantoni, "A Markov modulated characterization of packetized voice and data
       traffic and related statistical multiplexer performance", IEEE Journal on Selected Areas in
       Communications 4(6), 1986, pp. 856-868.
    """
    seconds = np.array([scale.seconds for scale in scales])
    index = np.array([scale.index for scale in scales])
    windows = np.array([scale.windows for scale in scales])
    relaxing, excess = _fit_index(seconds, index, windows)
    if excess <= 0:
        return None
    rate = rate_per_min / 60
    variance = excess * relaxing * rate / 2  # of the rate itself
    at = int(np.abs(np.log(seconds * relaxing)).argmin())
    busy = 1 / (1 + variance / rate**2)  # with a calm rate of 0
    skewness = scales[at].skewness / _skewness_left(float(seconds[at]) * relaxing)
    if not math.isnan(skewness):
        busy = min(busy, (1 - skewness / math.sqrt(4 + skewness**2)) / 2)  # [2]
    shortest = 1 / (relaxing * MOST_SPAN_S)  # of a state's share, whose other state then lasts longest
    busy = max(min(busy, 1 - shortest), LEAST_BUSY_SHARE, shortest)
    gap = math.sqrt(variance / (busy * (1 - busy)))
    calm = max(0.0, rate - busy * gap)
    return Bursts(
        rate_per_min=rate_per_min,
        calm_ratio=calm / (calm + gap),
        burst_s=min(1 / (relaxing * (1 - busy)), MOST_SPAN_S),
        calm_s=min(1 / (relaxing * busy), MOST_SPAN_S),
    )


def _fit_index(seconds: Floats, index: Floats, windows: Floats) -> tuple[float, float]:
    """Return R and A, the sum of the rates at which spells end and the index's rise in the long run."""
    # An index of many windows has the variance 2 / windows of its square.
    weight = windows / np.maximum(index, 1.0) ** 2
    tried = np.geomspace(1 / seconds.max(), 2 / seconds.min(), _TRIED)
    risen = _risen(tried[:, np.newaxis] * seconds)
    rise = (risen * weight) @ (index - 1) / (risen**2 @ weight)
    lacks = (risen * rise[:, np.newaxis] - (index - 1)) ** 2 @ weight
    # One scale tells no R, so that all fit alike: spells as long as the window then.
    best = int(lacks.argmin()) if len(seconds) > 1 else 0
    return float(tried[best]), float(rise[best])


def _risen(x: Floats) -> Floats:
    """Return the part of its rise that the index has reached after so many relaxation times [1]_."""
    near = x / 2 - x**2 / 6
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x < 1e-4, near, 1 + np.expm1(-x) / x)


def _skewness_left(x: float) -> float:
    """Return the skewness of the mean of a two-state process over x relaxation times, over that at once.

    The third central moment of its integral is ``6 (x - 2 + exp(-x) (x + 2))`` and the variance
    ``2 (x - 1 + exp(-x))``, in units of the state's own: its covariances fall with ``exp(-s)``.
    """
    if x < 1e-2:  # the differences below lose their digits
        return 1 - x**2 / 60
    third = 6 * (x - 2 + math.exp(-x) * (x + 2))
    return float(third / (2 * (x - 1 + math.exp(-x))) ** 1.5)
