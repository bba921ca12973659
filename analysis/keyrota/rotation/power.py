"""How much data the chi-square test of equal shares needs.

The approximation is for independent picks: read the picks as *starts* where runs are longer than one.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtrc, chdtri, chndtr

from keyrota.display import shown
from keyrota.errors import ModelError

_MOST_PICKS = 2**53

_LEAST_EFFECT = 1e-10
"""Below it the rounding of the shares is no longer small beside their differences."""

MOST_KEYS: Final = 10_000
"""Pools of more keys are not tested: no log has the picks."""


def power(picks: int, shares: ArrayLike, *, alpha: float) -> float:
    """Return the probability that the chi-square test of equal shares rejects.

    Noncentral chi-square approximation with K - 1 degrees of freedom and noncentrality
    ``picks * K * sum((share - 1/K)**2)`` [1]_. Rough below about five picks for each key, and up to
    .035 too high where one key has more than its share (docs/validation.md holds it against simulation).

    Parameters
    ----------
    picks : int
        Independent picks, at least 0.
    shares : array_like of float, shape (K,)
        True probability of each key; they sum to 1. Equal shares give `alpha`.
    alpha : float
        Level of the test, in (0, 1).

    Returns
    -------
    float
        A probability, at least `alpha`.

    Raises
    ------
    ModelError
        When an argument is outside its range, or there are fewer than two keys.

    References
    ----------
    .. [1] P. B. Patnaik, "The non-central chi-square and F-distributions and their applications",
       Biometrika 36, 1949, pp. 202-232.

    Examples
    --------
    >>> round(power(263, [0.6, 0.4], alpha=0.05), 2)
    0.9
    """
    law = _checked_shares(shares)
    check_probability(alpha, "alpha")
    if not 0 <= picks <= _MOST_PICKS:
        raise ModelError(f"picks must lie between 0 and 2**53, not {shown(picks)}")
    critical = chdtri(law.size - 1, alpha)
    noncentrality = picks * _effect(law)  # [1]
    return float(1 - chndtr(critical, law.size - 1, noncentrality))


def picks_needed(shares: ArrayLike, *, alpha: float, power: float = 0.9) -> int:
    """Return the fewest independent picks at which the chi-square test reaches `power`.

    Parameters
    ----------
    shares : array_like of float, shape (K,)
        True probability of each key; they sum to 1 and are not all equal.
    alpha : float
        Level of the test, in (0, 1).
    power : float
        Wanted probability of a rejection, in (alpha, 1).

    Returns
    -------
    int
        Picks, by the approximation of `power`.

    Raises
    ------
    ModelError
        When an argument is outside its range, or the shares are equal to about five digits.

    Examples
    --------
    >>> picks_needed([0.6, 0.4], alpha=0.05), picks_needed([0.4, 0.2, 0.2, 0.2], alpha=0.01)
    (263, 161)
    """
    law = _checked_shares(shares)
    check_probability(alpha, "alpha")
    check_probability(power, "power")
    if power <= alpha:
        raise ModelError(f"power must be above alpha ({shown(alpha)}), not {shown(power)}")
    critical, effect = chdtri(law.size - 1, alpha), _effect(law)

    def is_enough(picks: int) -> bool:
        return bool(1 - chndtr(critical, law.size - 1, picks * effect) >= power)

    if effect < _LEAST_EFFECT:
        raise ModelError(f"shares are equal, or too nearly so to be told from equal: {shown(law.tolist())}")
    enough = 1
    while not is_enough(enough):
        enough *= 2
    too_few = enough // 2
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        if is_enough(middle):
            enough = middle
        else:
            too_few = middle
    return enough


def smallest_imbalance(size: int) -> NDArray[np.float64]:
    """Return the mildest unfairness that a verdict of "fair" should exclude, as shares.

    One key has 4/3 of its fair share, the others bear the loss equally.

    Raises
    ------
    ModelError
        When `size` is below 2: a pool of one key cannot be unfair.

    Examples
    --------
    >>> smallest_imbalance(4).round(3).tolist()
    [0.333, 0.222, 0.222, 0.222]
    """
    if size < 2:
        raise ModelError(f"a pool of {shown(size)} cannot be unfair; at least 2 keys are needed")
    shares = np.full(size, (1 - 4 / (3 * size)) / (size - 1))
    shares[0] = 4 / (3 * size)
    return shares


def picks_needed_to_judge(size: int, *, alpha: float, power: float = 0.9) -> int:
    """Return the independent picks below which "fair" cannot be said of a pool of `size` keys.

    Raises
    ------
    ModelError
        As `picks_needed` and `smallest_imbalance`.

    Examples
    --------
    >>> [picks_needed_to_judge(size, alpha=0.05) for size in (2, 4, 10)]
    [95, 383, 1607]
    """
    return picks_needed(smallest_imbalance(size), alpha=alpha, power=power)


def picks_needed_by_key(size: int, *, alpha: float, power: float = 0.9) -> int:
    """Return the independent picks at which a test of each key finds `smallest_imbalance` with this power.

    Each key's count is binomial and has its part of the level, one to twice the keys. The power is that of
    the key that is picked too often, exact at the number that is returned, which is found to a thousandth.
    For many keys far fewer picks do than by the chi-square test, in which all keys add to the noise.

    Raises
    ------
    ModelError
        When `size` is below 2, or `alpha` or `power` not inside (0, 1).

    Examples
    --------
    >>> [picks_needed_by_key(size, alpha=1e-3) for size in (1_000, 10_000)]
    [389120, 4460544]
    """
    if size < 2:
        raise ModelError(f"a pool of {shown(size)} cannot be unfair; at least 2 keys are needed")
    check_probability(alpha, "alpha")
    check_probability(power, "power")

    def is_enough(picks: int) -> bool:
        # The fewest picks of a key that are significant, between its expectation and all.
        too_few, least = picks // size, picks + 1
        while least - too_few > 1:
            middle = (least + too_few) // 2
            is_significant = bdtrc(middle - 1, picks, 1 / size) <= alpha / (2 * size)
            too_few, least = (too_few, middle) if is_significant else (middle, least)
        return bool(bdtrc(least - 1, picks, 4 / (3 * size)) >= power)

    enough = 1
    while not is_enough(enough):
        enough *= 2
    too_few = enough // 2
    while enough - too_few > max(1, enough // 1000):
        middle = (enough + too_few) // 2
        enough, too_few = (middle, too_few) if is_enough(middle) else (enough, middle)
    return enough


def picks_to_miss_none(size: int, *, alpha: float, part: float = 1.0) -> int:
    """Return the independent picks from which a key that is never picked is significant.

    A given key is idle in n picks with probability ``(1 - 1/K)**n``, any of them with K times that at most.

    Parameters
    ----------
    size
        Number of keys, at least 2.
    alpha
        Level, in (0, 1).
    part
        Part of the level that the test has.

    Examples
    --------
    >>> [picks_to_miss_none(size, alpha=1e-6) for size in (2, 4, 10)]
    [21, 53, 153]
    """
    if size < 2:
        raise ModelError(f"a pool of {shown(size)} cannot be unfair; at least 2 keys are needed")
    check_probability(alpha, "alpha")
    return math.floor(math.log(alpha * part / size) / math.log1p(-1 / size)) + 1


def dispersion(size: int) -> float:
    """Return by how much the least favourable run length inflates the spread of the shares, at least 1.

    The counts of runs of length l have circulant covariance; its largest eigenvalue, relative to that of
    independent picks, is ``(sin(pi l / K) / sin(pi / K))**2 / l``.

    Examples
    --------
    >>> round(dispersion(2), 3), round(dispersion(4), 3), round(dispersion(10), 3)
    (1.0, 1.0, 2.368)
    """
    if size < 3:
        return 1.0
    angle = math.pi / size
    largest = max((math.sin(n * angle) / math.sin(angle)) ** 2 / n for n in range(1, min(size, MOST_KEYS)))
    return max(1.0, round(largest, 12))


def _effect(law: NDArray[np.float64]) -> float:
    """Return the noncentrality that one pick adds."""
    return float(law.size * np.square(law - 1 / law.size).sum())


def _checked_shares(shares: ArrayLike) -> NDArray[np.float64]:
    law = np.asarray(shares, dtype=np.float64)
    if law.ndim != 1 or law.size < 2:
        raise ModelError(f"shares must be a row of at least two fractions, not {shown(shares)}")
    if not np.all((law >= 0) & (law <= 1)):  # NaN fails as well
        raise ModelError(f"shares are fractions between 0 and 1; got {shown(law.tolist())}")
    if not math.isclose(law.sum(), 1.0, abs_tol=1e-9):
        raise ModelError(f"shares must sum to 1; they sum to {shown(float(law.sum()))}")
    return law


def check_probability(value: float, name: str) -> None:
    """Check a probability, 0 and 1 excluded.

    Raises
    ------
    ModelError
        If it is none.
    """
    if not 0 < value < 1:
        raise ModelError(f"{name} must lie between 0 and 1, both excluded, not {shown(value)}")
