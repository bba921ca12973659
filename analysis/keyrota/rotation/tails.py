"""Shares of the keys where drawing does not do: an exact test, key by key, and a bound for many keys.

Monte-Carlo p-values are at least one over the draws, so that a level of one in a million cannot be reached
by drawing; and a draw costs as much as the pool has keys, times the lengths that its runs have. Under the
declared rotation the picks of one key are a sum of independent chances, a run covers it with its residual
arc or does not, whose law is computed; the keys together by Bonferroni. Where draws suffice, the test by the
sum of squares says more of small pools; the more keys, the less it notices of one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, bdtrc

from keyrota.rotation.exact import checked_counts, checked_lengths
from keyrota.rotation.shares import ShareTest

MOST_CHANCES: Final = 1 << 18
"""Runs of unequal cover up to which the law is computed: 50 MiB for a moment."""

MOST_TERMS: Final = 1 << 24
"""Runs times different covers up to which the law is computed; beyond, it is bounded."""

ROUNDING: Final = 1e-10
"""Most that rounding adds to a tail of so many; it is never taken away."""


def key_test(counts: ArrayLike, lengths: ArrayLike, size: int) -> ShareTest:
    """Test the picks of each key against the declared rotation with these run lengths.

    The p-value is 2 K times the smallest of the one-sided tail probabilities of the keys' counts, from
    `least_p_value` to 1: each tail is exact but for rounding, the whole never too small. Independent
    picks are runs of length 1, and where runs are unknown that is the least favourable length [1]_.
    Lengths must not depend on the starts: of a client that goes on to the next key on a 429 they do, if a
    key is rejected more often than the others.

    Parameters
    ----------
    counts : array_like of int, shape (K,)
        Picks of each position.
    lengths : array_like of int, shape (R,)
        Picks of each run, at least 1.
    size : int
        Positions K of the pool.

    Raises
    ------
    ModelError
        When the counts do not fit the pool, or a length is below 1.

    References
    ----------
    .. [1] W. Hoeffding, "On the distribution of the number of successes in independent trials", Annals of
       Mathematical Statistics 27, 1956, pp. 713-721: of all chances with one mean, equal ones spread most.

    Examples
    --------
    >>> round(key_test([6, 0], [1] * 6, 2).p_value, 6)  # 2 x 2 x 1/64
    0.0625
    """
    observed, runs = checked_counts(counts, size), checked_lengths(lengths, size)
    arcs = np.bincount(runs % size, minlength=size)[1:]
    law = sum_of_binomials(arcs, np.arange(1, size) / size)
    beyond = observed - int((runs // size).sum())
    place = np.clip(beyond, -1, len(law))
    below, above = np.cumsum(law), np.cumsum(law[::-1])[::-1]
    low = np.where(beyond < 0, 0.0, below[np.clip(place, 0, len(law) - 1)])
    high = np.where(beyond > len(law) - 1, 0.0, above[np.clip(place, 0, len(law) - 1)])
    p_value = float(np.clip(2 * size * min(low.min(), high.min()), least_p_value(size), 1.0))
    return ShareTest(
        p_value, int(np.square(observed).sum()), "declared rotation, key by key (exact)", None, None
    )


def key_bound(counts: ArrayLike, lengths: ArrayLike, size: int) -> ShareTest:
    """Test as `key_test` does, by a bound of its tails that costs no more than a look at each run and key.

    Of all independent chances with one mean, equal ones spread most: at one or more beyond the mean a tail is
    at most that of the binomial law with as many trials and the same mean [1]_, and nearer to the mean it is
    taken for 1. The bound is exact where all runs have one cover, as starts have, and close where covers are
    small.

    Parameters
    ----------
    counts, lengths, size
        As in `key_test`.

    Raises
    ------
    ModelError
        As `key_test`.

    References
    ----------
    .. [1] W. Hoeffding, "On the distribution of the number of successes in independent trials", Annals of
       Mathematical Statistics 27, 1956, pp. 713-721, theorem 4.

    Examples
    --------
    >>> round(key_bound([6, 0], [1] * 6, 2).p_value, 6)  # as exact as `key_test`
    0.0625
    >>> key_test([9, 1, 2], [1, 1, 2, 2, 2, 2, 2], 3).p_value <= key_bound(
    ...     [9, 1, 2], [1, 1, 2, 2, 2, 2, 2], 3
    ... ).p_value
    True
    """
    observed, runs = checked_counts(counts, size), checked_lengths(lengths, size)
    arcs = runs % size
    trials, mean = int(np.count_nonzero(arcs)), int(arcs.sum()) / size
    beyond = observed - int((runs // size).sum())
    chance = mean / trials if trials else 0.0
    low, high = bdtr(beyond, trials, chance), bdtrc(beyond - 1, trials, chance)
    low, high = np.where(beyond >= trials, 1.0, low), np.where(beyond <= 0, 1.0, high)
    low, high = np.where(beyond < 0, 0.0, low), np.where(beyond > trials, 0.0, high)
    if len(np.unique(arcs[arcs > 0])) > 1:
        low, high = np.where(beyond > mean - 1, 1.0, low), np.where(beyond < mean + 1, 1.0, high)
    p_value = float(np.clip(2 * size * min(low.min(), high.min()), least_p_value(size), 1.0))
    return ShareTest(
        p_value, int(np.square(observed).sum()), "declared rotation, key by key (bound)", None, None
    )


def by_key_test(counts: ArrayLike, lengths: NDArray[np.int64], size: int) -> ShareTest:
    """Test key by key: exactly where the law costs little, else by the bound."""
    arcs = lengths % size
    covers = len(np.unique(arcs[arcs > 0]))
    is_cheap = covers * int(np.count_nonzero(arcs)) <= MOST_TERMS and can_be_computed(lengths, size)
    return key_test(counts, lengths, size) if is_cheap else key_bound(counts, lengths, size)


def least_p_value(size: int) -> float:
    """Return the least p-value that `key_test` gives for a pool of so many keys."""
    return 2 * size * ROUNDING


def can_be_computed(lengths: NDArray[np.int64], size: int) -> bool:
    """Whether there are few enough runs for `key_test`."""
    return int(np.count_nonzero(lengths % size)) <= MOST_CHANCES


def sum_of_binomials(numbers: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return the law of a sum of independent binomial counts.

    By the characteristic function at the roots of unity [1]_; the error of each is at most about 1e-13.

    Parameters
    ----------
    numbers : array_like of int, shape (M,)
        Trials of each.
    probabilities : array_like of float, shape (M,)
        Of success in each, in [0, 1].

    Returns
    -------
    ndarray of float, shape (N + 1,)
        Probabilities of 0..N, N the sum of `numbers`.

    References
    ----------
    .. [1] Y. Hong, "On computing the distribution function for the Poisson binomial distribution",
       Computational Statistics and Data Analysis 59, 2013, pp. 41-51.

    Examples
    --------
    >>> sum_of_binomials([2, 1], [0.5, 1.0]).round(12).tolist()
    [0.0, 0.25, 0.5, 0.25]
    """
    trials = np.asarray(numbers, dtype=np.int64)
    total = int(trials.sum())
    turn = np.exp(2j * np.pi * np.arange(total + 1) / (total + 1))
    transform = np.ones(total + 1, dtype=np.complex128)
    for number, probability in zip(trials.tolist(), np.asarray(probabilities).tolist(), strict=True):
        if number:
            transform *= (1 - probability + probability * turn) ** number
    law = np.fft.fft(transform).real / (total + 1)
    return np.asarray(np.clip(law, 0.0, 1.0), dtype=np.float64)
