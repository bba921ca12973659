"""The exact multinomial test of equal probabilities, and its Monte-Carlo stand-in.

The starts of the runs are independent and, under the declared rotation, uniform: this is their test.
The shares of the keys are *not* multinomial; `keyrota.rotation.shares` has their null.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keyrota.display import shown
from keyrota.errors import ModelError

_CELLS_AT_ONCE = 1 << 20
"""Numbers drawn at a time: 8 MiB, whatever the number of draws."""

_SMALLEST = math.ulp(0.0)


@dataclass(frozen=True, slots=True)
class UniformTest:
    """Result of `uniform_test`; the null is independent picks with equal probabilities."""

    p_value: float
    statistic: float
    method: Literal["exact", "monte-carlo", "by key"]
    draws: int | None
    standard_error: float | None


def uniform_test(
    counts: ArrayLike, *, rng: np.random.Generator, draws: int = 19_999, exact_limit: int = 20_000
) -> UniformTest:
    """Test independent counts against equal probabilities.

    Outcomes are ordered by Pearson's X2, which for equal probabilities is a linear function of the
    sum of squared counts: an integer, so that equal outcomes tie exactly. The p-value is the
    probability of a sum of squares at least as large. Not valid for the shares of a rotation, whose
    picks depend on each other.

    Parameters
    ----------
    counts : array_like of int, shape (K,)
        How often each position occurred.
    rng : numpy.random.Generator
        Used by the Monte-Carlo method only.
    draws : int
        Monte-Carlo draws m; the p-value is (b + 1) / (m + 1) with b draws at least as uneven [1]_.
    exact_limit : int
        Largest number of partitions (of the total into at most K parts) that is enumerated.

    Returns
    -------
    UniformTest
        `p_value` in (0, 1]; `statistic` is Pearson's X2; `draws` and `standard_error` (of the
        p-value) are None where the p-value is exact. An exact p-value below the smallest double is
        given as that double: no p-value is 0.

    Raises
    ------
    ModelError
        When `counts` is not a row of whole numbers of at least 0, or `draws` is below 1.

    References
    ----------
    .. [1] B. Phipson, G. K. Smyth, "Permutation P-values should never be zero", Statistical
       Applications in Genetics and Molecular Biology 9(1), 2010, article 39.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> result = uniform_test([6, 0], rng=rng)  # 2 of the 64 sequences are as uneven
    >>> result.p_value, result.statistic, result.method
    (0.03125, 6.0, 'exact')
    >>> uniform_test([600, 400, 500, 500], rng=rng).method
    'monte-carlo'
    """
    observed = whole_numbers(counts, "counts")
    if observed.size == 0:
        raise ModelError("counts is empty: a pool has at least one key")
    total, size = int(observed.sum()), observed.size
    squares = int(np.square(observed).sum())
    statistic = (size * squares - total * total) / total if total else 0.0
    if _is_enumerable(total, size, exact_limit):
        outcomes = _sequences_at_least(squares, total, size)
        # A quotient of Python integers is rounded once, at the end.
        p_value = max(outcomes / size**total, _SMALLEST)
        return UniformTest(p_value, statistic, "exact", None, None)
    at_least = int(np.count_nonzero(uniform_null(total, size, rng=rng, draws=draws) >= squares))
    p_value, standard_error = monte_carlo_p_value(at_least, draws)
    return UniformTest(p_value, statistic, "monte-carlo", draws, standard_error)


def uniform_null(total: int, size: int, *, rng: np.random.Generator, draws: int) -> NDArray[np.int64]:
    """Draw the sum of squared counts of `total` independent picks over `size` equal positions.

    Returns
    -------
    ndarray of int, shape (draws,)

    Raises
    ------
    ModelError
        When `draws` or `size` is below 1, or `total` is below 0.

    Examples
    --------
    >>> uniform_null(1, 4, rng=np.random.default_rng(1), draws=3)
    array([1, 1, 1])
    """
    if draws < 1 or size < 1 or total < 0:
        raise ModelError(
            f"cannot draw {shown(draws)} times {shown(total)} picks over {shown(size)} positions: "
            "draws and positions are at least 1, picks at least 0"
        )
    squares = np.empty(draws, dtype=np.int64)
    for part in blocks(draws, size):
        counts = rng.multinomial(total, np.full(size, 1 / size), size=part.stop - part.start)
        squares[part] = np.square(counts).sum(axis=1)
    return squares


def blocks(draws: int, size: int) -> list[slice]:
    """Cut `draws` rows of `size` numbers into blocks of bounded memory.

    Examples
    --------
    >>> blocks(300_000, 4)
    [slice(0, 262144, None), slice(262144, 300000, None)]
    """
    rows = max(1, _CELLS_AT_ONCE // size)
    return [slice(first, min(first + rows, draws)) for first in range(0, draws, rows)]


def monte_carlo_p_value(at_least: int, draws: int) -> tuple[float, float]:
    """Return the p-value of `at_least` among `draws` draws as extreme as the data, and its standard error.

    Examples
    --------
    >>> monte_carlo_p_value(0, 999)[0]
    0.001
    """
    p_value = (at_least + 1) / (draws + 1)  # [1] of `uniform_test`: the data are one more draw
    return p_value, math.sqrt(p_value * (1 - p_value) / draws)


def whole_numbers(values: ArrayLike, name: str, *, least: int = 0) -> NDArray[np.int64]:
    """Return `values` as a row of 64-bit integers, each at least `least`.

    Raises
    ------
    ModelError
        When they are not, or their sum is so large (2**31) that its square would overflow.

    Examples
    --------
    >>> whole_numbers([3, 1], "counts")
    array([3, 1])
    """
    row = np.asarray(values)
    if row.ndim != 1 or (row.size and row.dtype.kind not in "iu"):
        raise ModelError(f"{name} must be a row of whole numbers, not {shown(values)}")
    if row.size and int(row.min()) < least:
        raise ModelError(f"{name} must be at least {least}; one of them is {shown(int(row.min()))}")
    if row.size and int(row.max()) * row.size >= 2**31 and sum(row.tolist()) >= 2**31:
        raise ModelError(f"{name} add up to 2**31 or more, which is beyond this test")
    return row.astype(np.int64)


def checked_counts(counts: ArrayLike, size: int) -> NDArray[np.int64]:
    """Return the picks of each position, or refuse what is no row of `size` counts (ModelError)."""
    observed = whole_numbers(counts, "counts")
    if observed.size == 0 or observed.size != size:
        raise ModelError(f"{observed.size} counts do not fit a pool of {shown(size)}")
    return observed


def checked_lengths(lengths: ArrayLike, size: int) -> NDArray[np.int64]:
    """Return the lengths of runs, or refuse what is no row of whole numbers from 1 on (ModelError)."""
    if size < 1:
        raise ModelError(f"a pool has at least 1 position, not {shown(size)}")
    return whole_numbers(lengths, "run lengths", least=1)


def _is_enumerable(total: int, size: int, limit: int) -> bool:
    """Say whether `total` has at most `limit` partitions into at most `size` parts."""
    parts = max(1, min(size, total))
    for cells in range(1, parts + 1):
        # At most cells! compositions share a partition: a bound that settles the large cases at once.
        if math.comb(total + cells - 1, cells - 1) > limit * math.factorial(cells):
            return False
    # Partitions into at most k parts are as many as partitions into parts of at most k.
    ways = [1] + [0] * total
    for part in range(1, parts + 1):
        for whole in range(part, total + 1):
            ways[whole] += ways[whole - part]
    return ways[total] <= limit


def _sequences_at_least(threshold: int, total: int, size: int) -> int:
    """Count the sequences of `total` picks over `size` positions with squares of at least `threshold`."""

    def count(left: int, cells: int, largest: int, repeats: int, squares: int, ways: int) -> int:
        if left == 0:
            return ways if squares >= threshold else 0
        if squares + left * largest < threshold:  # even parts as large as allowed fall short
            return 0
        counted = 0
        part = min(left, largest)
        choices = math.comb(left, part)
        while part * cells >= left:
            # The part takes one of the free cells; equal parts are interchangeable.
            equal = repeats + 1 if part == largest else 1
            placed = ways * choices * cells // equal
            counted += count(left - part, cells - 1, part, equal, squares + part * part, placed)
            choices = choices * part // (left - part + 1)
            part -= 1
        return counted

    return count(total, size, total, 0, 0, 1)
