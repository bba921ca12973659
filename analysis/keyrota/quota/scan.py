"""Whether counts changed at some moment: a scan over the moments, held against what chance makes of them.

The statistic is the likelihood ratio G of the table (before, after) x (categories), at every split; each
split's G is standardised over the draws and the data together, so that none has an advantage, and the largest
counts. The data are one more draw: the p-value is (b + 1) / (m + 1) [1]_.

References
----------
.. [1] B. Phipson, G. K. Smyth, "Permutation P-values should never be zero", Statistical Applications in
   Genetics and Molecular Biology 9(1), 2010, article 39.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

MOST_DRAWS: Final = 9_999
LEAST_DRAWS: Final = 199

EXACT_CELLS: Final = 40_000_000
"""Draws x runs x keys up to which starts are permuted one by one; above, their sums are drawn as normal."""

FEW_RUNS: Final = 200
"""So few runs on one side of a single split are always drawn one by one."""

_CELLS_AT_ONCE: Final = 1 << 21
_CELLS_IN_CACHE: Final = 1 << 15
_TINY: Final = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Scan:
    """The split with the largest change, a place among the splits, and the probability of one by chance."""

    split: int
    p_value: float
    draws: int


def draws_for(alpha: float, tests: int = 1) -> int:
    """Return how many draws let a p-value reach half of `alpha`, shared by so many tests.

    Examples
    --------
    >>> draws_for(1e-3), draws_for(0.05), draws_for(1e-9)
    (1999, 199, 9999)
    """
    return min(MOST_DRAWS, max(LEAST_DRAWS, math.ceil(min(1e9, 2 * tests / alpha)) - 1))


def scan_runs(
    starts: NDArray[np.int64],
    shapes: NDArray[np.int64],
    splits: NDArray[np.int64],
    *,
    rng: np.random.Generator,
    draws: int,
) -> Scan:
    """Scan the shares of the keys for a change, by permuting the starts of the runs.

    The null: starts have one law all the time, whatever the length of the run. What a run does after its
    start, and when, stays as it was: busy hours with longer runs vary less, which permuting whole runs would
    not respect. A change of the lengths alone is therefore no change here, though under uneven starts it
    moves the shares. With many runs the sums over the stretches between splits are drawn from the normal law
    that has their exact covariance.

    Parameters
    ----------
    starts
        First position of each run, 0-based, in the order of time, shape (runs,).
    shapes
        Picks of each run by their distance from its start around the circle, shape (runs, keys).
    splits
        Numbers of runs before each split, ascending, each inside (0, runs).
    rng, draws
        Of the permutations.
    """
    cuts = np.concatenate(([0], splits))
    index = np.arange(len(starts)) * shapes.shape[1]
    observed = _placed(shapes, index + starts)[None]
    if is_drawn(shapes, draws):
        drawn = _normal(starts, shapes, cuts, rng, draws)
    else:
        drawn = _permuted(starts, shapes, cuts, rng, draws)
    first = np.add.reduceat(observed, cuts, axis=1).astype(np.float64)
    return _held_against(first, drawn, draws)


def is_drawn(shapes: NDArray[np.int64], draws: int) -> bool:
    """Say whether there are too many runs to permute their starts: their sums are drawn from a normal law."""
    return draws * shapes.size > EXACT_CELLS


def scan_units(
    units: NDArray[np.float64], splits: NDArray[np.int64], *, rng: np.random.Generator, draws: int
) -> Scan:
    """Scan counts for a change by permuting the units, which the null takes for exchangeable.

    Parameters
    ----------
    units
        Counts of each unit in the order of time, shape (units, categories).
    splits, rng, draws
        As in `scan_runs`.
    """
    cuts = np.concatenate(([0], splits))

    def drawn() -> Iterator[NDArray[np.float64]]:
        for rows in _rows(draws, units.size):
            order = rng.permuted(np.tile(np.arange(len(units)), (rows, 1)), axis=1)
            yield np.add.reduceat(units[order], cuts, axis=1)

    return _held_against(np.add.reduceat(units, cuts, axis=0)[None], drawn(), draws)


def likelihood_ratio(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return G of tables of two rows, categories along the last axis.

    Examples
    --------
    >>> round(float(likelihood_ratio(np.array([10.0, 0.0]), np.array([0.0, 10.0]))), 3)
    27.726
    """
    total = before + after
    g = xlogy(before, before).sum(axis=-1) + xlogy(after, after).sum(axis=-1)
    g -= xlogy(total, total).sum(axis=-1)
    for part, sign in ((before, -1), (after, -1), (total, 1)):
        sums = part.sum(axis=-1)
        g += sign * xlogy(sums, sums)
    return np.asarray(np.maximum(0.0, 2 * g), dtype=np.float64)


def _held_against(observed: NDArray[np.float64], drawn: Iterator[NDArray[np.float64]], draws: int) -> Scan:
    """Hold the sums between cuts, shape (1, stretches, categories), against drawn ones."""
    ratios = np.empty((draws + 1, observed.shape[1] - 1), dtype=np.float64)
    ratios[0] = _ratios(observed)
    done = 1
    for sums in drawn:
        # In pieces that stay in the cache.
        step = max(1, _CELLS_IN_CACHE // max(1, sums[0].size))
        for begin in range(0, len(sums), step):
            piece = sums[begin : begin + step]
            ratios[done : done + len(piece)] = _ratios(piece)
            done += len(piece)
    ratios -= ratios.mean(axis=0)
    spread = ratios.std(axis=0)
    # G is a difference of large numbers: what lies within their rounding does not vary.
    ratios /= np.where(spread > 1e-6, spread, np.inf)
    largest = ratios.max(axis=1)
    at_least = int(np.count_nonzero(largest[1:] >= largest[0] - 1e-9))
    return Scan(int(ratios[0].argmax()), (at_least + 1) / (draws + 1), draws)


def _ratios(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `likelihood_ratio` at every cut between stretches; what a cut does not change is taken once."""
    before = np.cumsum(sums, axis=1)
    total = before[:, -1:]
    before = before[:, :-1]
    after = np.maximum(0.0, total - before)
    ones = np.ones(sums.shape[-1])  # a product with them is the fastest sum of short rows
    g = (_x_log_x(before) + _x_log_x(after)) @ ones - _x_log_x(total) @ ones
    g -= _x_log_x(before @ ones) + _x_log_x(after @ ones) - _x_log_x(total @ ones)
    return np.asarray(np.maximum(0.0, 2 * g), dtype=np.float64)


def _x_log_x(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(x * np.log(np.maximum(x, _TINY)))


def _placed(shapes: NDArray[np.int64], index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the counts of runs whose starts are given by `index`: run x keys + start."""
    runs, start = np.divmod(index, shapes.shape[1])
    at = (np.arange(shapes.shape[1]) - start[..., None]) % shapes.shape[1]
    return np.asarray(shapes[runs[..., None], at], dtype=np.int64)


def _permuted(
    starts: NDArray[np.int64],
    shapes: NDArray[np.int64],
    cuts: NDArray[np.int64],
    rng: np.random.Generator,
    draws: int,
) -> Iterator[NDArray[np.float64]]:
    runs, keys = shapes.shape
    index = np.arange(runs) * keys
    every = _placed(shapes, (index[:, None] + np.arange(keys)).ravel()).astype(np.int32)
    for rows in _rows(draws, shapes.size):
        shuffled = rng.permuted(np.tile(starts, (rows, 1)), axis=1)
        yield np.add.reduceat(every[shuffled + index], cuts, axis=1).astype(np.float64)


def _normal(
    starts: NDArray[np.int64],
    shapes: NDArray[np.int64],
    cuts: NDArray[np.int64],
    rng: np.random.Generator,
    draws: int,
) -> Iterator[NDArray[np.float64]]:
    runs, keys = shapes.shape
    law = np.bincount(starts, minlength=keys) / runs
    circle = (np.arange(keys)[:, None] - np.arange(keys)) % keys
    means = np.add.reduceat(shapes, cuts, axis=0) @ law[circle].T
    stretches = [shapes[a:b] for a, b in zip(cuts, [*cuts[1:], runs], strict=True)]
    products = np.stack([part.T.astype(np.float64) @ part for part in stretches])
    # The sum over runs of E[c c'] - E[c] E[c]', where c is the shape turned to a start.
    spread = sum(law[s] * np.roll(products, (s, s), axis=(1, 2)) for s in range(keys))
    spread = spread - law[circle] @ products @ law[circle].T
    values, vectors = np.linalg.eigh(spread)
    roots = (vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]).transpose(0, 2, 1)
    few = [part for part in range(2) if len(cuts) == 2 and len(stretches[part]) <= FEW_RUNS]
    for rows in _rows(draws, max(roots[..., 0].size, *(stretches[part].size for part in few), 1)):
        sums = means + (rng.standard_normal((len(cuts), rows, keys)) @ roots).transpose(1, 0, 2)
        for part in few:
            own = rng.choice(keys, size=(rows, len(stretches[part])), p=law)
            index = np.arange(len(stretches[part])) * keys + own
            sums[:, part] = _placed(stretches[part], index).sum(axis=1)
        yield np.maximum(sums, 0.0)


def _rows(draws: int, cells: int) -> list[int]:
    """Cut the draws into blocks of bounded memory."""
    rows = max(1, min(draws, _CELLS_AT_ONCE // max(1, cells)))
    return [min(rows, draws - first) for first in range(0, draws, rows)]
