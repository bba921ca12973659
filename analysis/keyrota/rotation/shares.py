"""Shares of the keys under the declared rotation: null, tests, intervals.

A run starts anywhere with equal probability and takes successive positions from there: its full cycles
give every key the same, and only its *residual arc*, the length modulo the pool size, moves the shares.
The counts are therefore not multinomial, and Pearson's chi-square does not apply to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

from keyrota.display import shown
from keyrota.errors import ModelError
from keyrota.rotation.exact import (
    blocks,
    checked_counts,
    checked_lengths,
    monte_carlo_p_value,
    whole_numbers,
)


@dataclass(frozen=True, slots=True)
class ShareTest:
    """Result of a share test; `null` names the law that the counts were held against.

    `draws` and `standard_error` are None where nothing was drawn.
    """

    p_value: float
    statistic: int
    null: str
    draws: int | None
    standard_error: float | None


def position_counts(starts: ArrayLike, lengths: ArrayLike, size: int) -> NDArray[np.int64]:
    """Return how often each position is picked by runs in correct succession.

    Parameters
    ----------
    starts : array_like of int, shape (R,)
        First position of each run, in 1..K.
    lengths : array_like of int, shape (R,)
        Picks of each run, at least 1.
    size : int
        Positions K of the pool.

    Returns
    -------
    ndarray of int, shape (K,)
        Picks at positions 1..K.

    Raises
    ------
    ModelError
        When the shapes differ or a value is outside its range.

    Examples
    --------
    >>> position_counts([1, 4], [6, 2], 4)
    array([3, 2, 1, 2])
    """
    runs = checked_lengths(lengths, size)
    first = whole_numbers(starts, "starts", least=1)
    if first.shape != runs.shape:
        raise ModelError(f"{first.size} starts do not fit {runs.size} run lengths")
    if first.size and int(first.max()) > size:
        raise ModelError(f"a start is {shown(int(first.max()))}, outside the positions 1..{size}")
    begun = np.bincount(first - 1, minlength=size)
    ended = np.bincount((first - 1 + runs) % size, minlength=size)
    return _accumulated(begun - ended, int(runs.sum()))


def rotation_null(
    lengths: ArrayLike, size: int, *, rng: np.random.Generator, draws: int
) -> NDArray[np.int64]:
    """Draw the counts of the keys under the declared rotation, given the run lengths.

    The cost does not depend on the number of runs: runs with the same residual are drawn together.

    Parameters
    ----------
    lengths : array_like of int, shape (R,)
        Picks of each run, at least 1.
    size : int
        Positions K of the pool.
    rng : numpy.random.Generator
    draws : int
        Number of independent draws.

    Returns
    -------
    ndarray of int, shape (draws, K)
        Each row sums to the sum of `lengths`.

    Raises
    ------
    ModelError
        When a length, `size` or `draws` is below 1.

    Examples
    --------
    >>> rotation_null([4, 8], 4, rng=np.random.default_rng(1), draws=2)  # full cycles do not vary
    array([[3, 3, 3, 3],
           [3, 3, 3, 3]])
    """
    return np.concatenate(list(_null_blocks(checked_lengths(lengths, size), size, rng, draws)))


def share_test(
    counts: ArrayLike, lengths: ArrayLike, size: int, *, rng: np.random.Generator, draws: int = 19_999
) -> ShareTest:
    """Test the counts of the keys against the declared rotation with these run lengths.

    The statistic is the sum of squared counts. It says how uneven the shares are, not why: a run
    that stays on one key shows here only by its weight, and the starts have a test of their own
    (`keyrota.rotation.exact.uniform_test`).

    Parameters
    ----------
    counts : array_like of int, shape (K,)
        Picks of each position.
    lengths : array_like of int, shape (R,)
        Picks of each run; they sum to the sum of `counts`.
    size, rng
        As in `rotation_null`.
    draws : int
        Monte-Carlo draws m; the p-value is (b + 1) / (m + 1), never 0.

    Returns
    -------
    ShareTest

    Raises
    ------
    ModelError
        When the counts do not fit the pool or the run lengths, or `draws` is below 1.

    Examples
    --------
    >>> share_test([33, 33, 33, 1], [3] * 33 + [1], 4, rng=np.random.default_rng(1)).p_value
    5e-05
    """
    observed, runs = checked_counts(counts, size), checked_lengths(lengths, size)
    if observed.sum() != runs.sum():
        raise ModelError(f"{observed.sum()} picks were counted, but the runs hold {runs.sum()}")
    return _held_against(observed, runs, rng, draws, "declared rotation, given the run lengths")


def share_test_unknown_runs(
    counts: ArrayLike, size: int, *, rng: np.random.Generator, draws: int = 19_999
) -> ShareTest:
    """Test the counts of the keys against the declared rotation when the runs are not known.

    Run lengths are then a nuisance: the p-value is the largest over the homogeneous lengths 1..K-1,
    the last run being shorter where the picks do not divide. Longer runs add full cycles to one of
    these, and full cycles contribute nothing. Why homogeneous lengths: counts are sums of independent
    runs, so the covariance per pick under mixed lengths is the average, weighted by picks, of those
    under each length; all have the same eigenvectors (they are circulant), and the spread of a mixture
    lies between the spreads of its parts.

    That is an argument, not a proof for every tail probability. By enumeration of all run lengths no
    p-value is too small for K <= 4 and 12 picks or fewer, nor for K = 5 to 9 and 10 picks or fewer; in
    the large-sample limit no mixture of two lengths exceeded the maximum (nine pools of 3 to 20 keys,
    levels .05 to .001). It can be too small: for K = 10, runs of 2, 2, 2, 2, 1, 1 reach .0034 where it
    says .0031, and for K = 12, runs of 2, 2, 1, 1 reach .0012 where it says .0009; samples far too
    small for a verdict. With long runs the test is conservative, and blind in small pools.

    Parameters
    ----------
    counts : array_like of int, shape (K,)
        Picks of each position.
    size, rng
        As in `rotation_null`.
    draws : int
        Monte-Carlo draws for each length; each p-value is (b + 1) / (m + 1), never 0.

    Returns
    -------
    ShareTest
        `null` names the length that gave the largest p-value.

    Raises
    ------
    ModelError
        When the counts do not fit the pool, or `draws` is below 1.

    Examples
    --------
    >>> share_test_unknown_runs([120, 80, 100, 100], 4, rng=np.random.default_rng(1)).null
    'declared rotation, run lengths unknown (least favourable: 1)'
    """
    observed = checked_counts(counts, size)
    total = int(observed.sum())
    results = []
    for length in range(1, max(2, size)):
        runs = np.diff(np.append(np.arange(0, total, length), total))
        null = f"declared rotation, run lengths unknown (least favourable: {length})"
        results.append(_held_against(observed, runs, rng, draws, null))
    return max(results, key=lambda result: result.p_value)


def share_intervals(counts: ArrayLike, *, confidence: float = 0.95) -> NDArray[np.float64]:
    """Return simultaneous confidence intervals for the shares of the keys.

    Clopper-Pearson intervals [1]_, each at confidence 1 - (1 - `confidence`) / K (Bonferroni), as if
    picks were independent. Under the declared rotation a count varies less than that, the less the
    longer the runs: the intervals are then wider than they need be (docs/validation.md shows their
    coverage). They are too narrow where an isolate stays on one key.

    Parameters
    ----------
    counts : array_like of int, shape (K,)
        Picks of each position.
    confidence : float
        Probability, in (0, 1), that all K intervals hold at once.

    Returns
    -------
    ndarray of float, shape (K, 2)
        Lower and upper end of each share, fractions; 0 and 1 where nothing was picked.

    Raises
    ------
    ModelError
        When `counts` is no row of counts or `confidence` is outside (0, 1).

    References
    ----------
    .. [1] C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the
       case of the binomial", Biometrika 26, 1934, pp. 404-413.

    Examples
    --------
    >>> share_intervals([50, 50]).round(3).tolist()
    [[0.385, 0.615], [0.385, 0.615]]
    """
    observed = checked_counts(counts, max(1, np.size(counts)))
    if not 0 < confidence < 1:
        raise ModelError(f"confidence must lie between 0 and 1, both excluded, not {shown(confidence)}")
    total, tail = int(observed.sum()), (1 - confidence) / (2 * observed.size)
    low, high = np.zeros(observed.size), np.ones(observed.size)
    some, not_all = observed > 0, observed < total
    low[some] = betaincinv(observed[some], total - observed[some] + 1, tail)  # [1]
    high[not_all] = betaincinv(observed[not_all] + 1, total - observed[not_all], 1 - tail)  # [1]
    return np.column_stack((low, high))


def unused_probability(lengths: ArrayLike, size: int) -> float:
    """Return the probability that a given position is never picked under the declared rotation.

    Parameters
    ----------
    lengths, size
        As in `rotation_null`.

    Returns
    -------
    float
        A probability; 1 without runs, 0 when a run covers the pool.

    Raises
    ------
    ModelError
        When a length or `size` is below 1.

    Examples
    --------
    >>> unused_probability([1, 2], 4), unused_probability([4], 4)
    (0.375, 0.0)
    """
    runs = checked_lengths(lengths, size)
    return float(np.prod(np.maximum(0, size - runs) / size))


def largest_possible_deviation(lengths: ArrayLike, size: int) -> float:
    """Return how far a share can lie from 1/K, whatever the law of the starts, in correct succession.

    Parameters
    ----------
    lengths, size
        As in `rotation_null`.

    Returns
    -------
    float
        A difference of fractions, at most 1 - 1/K; 0 without runs.

    Raises
    ------
    ModelError
        When a length or `size` is below 1.

    Examples
    --------
    >>> largest_possible_deviation([6, 4], 4)  # one arc of 2 among 10 picks
    0.05
    """
    runs = checked_lengths(lengths, size)
    if runs.size == 0:
        return 0.0
    arcs = runs % size
    fair = int(arcs.sum()) / size  # a position is covered by all arcs at most, and by none at least
    return max(int(np.count_nonzero(arcs)) - fair, fair) / int(runs.sum())


def _held_against(
    observed: NDArray[np.int64], runs: NDArray[np.int64], rng: np.random.Generator, draws: int, null: str
) -> ShareTest:
    statistic = int(np.square(observed).sum())
    at_least = 0
    for counts in _null_blocks(runs, observed.size, rng, draws):
        at_least += int(np.count_nonzero(np.square(counts).sum(axis=1) >= statistic))
    p_value, standard_error = monte_carlo_p_value(at_least, draws)
    return ShareTest(p_value, statistic, null, draws, standard_error)


def _null_blocks(
    runs: NDArray[np.int64], size: int, rng: np.random.Generator, draws: int
) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of `rotation_null` in blocks of bounded memory."""
    if draws < 1:
        raise ModelError(f"draws must be at least 1, not {shown(draws)}")
    runs_with, uniform = np.bincount(runs % size, minlength=size), np.full(size, 1 / size)
    for block in blocks(draws, size):
        rows = block.stop - block.start
        change = np.zeros((rows, size), dtype=np.int64)
        for residual in range(1, size):
            if runs_with[residual]:
                starts = rng.multinomial(runs_with[residual], uniform, size=rows)
                # A run adds a pick from its start on and takes it away just past its end.
                change += starts - np.roll(starts, residual, axis=1)
        yield _accumulated(change, int(runs.sum()))


def _accumulated(change: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Return the counts whose differences around the circle are `change` and whose sum is `total`."""
    relative = np.cumsum(change, axis=-1)
    level: NDArray[np.int64] = (total - relative.sum(axis=-1, keepdims=True)) // relative.shape[-1]
    return relative + level
