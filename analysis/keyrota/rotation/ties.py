"""Picks of one isolate that share a timestamp: their order is lost and must not look like a fault.

The platform exports milliseconds and scrambles rows within one. So among equal times the order is
taken that fits the declared rotation best; what no order can make fit stays a broken step.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.rotation.policies import following

MOST_STARTS: Final = 100
"""So many different positions in the first moment are tried as the start; with more it is not known."""


def untangle(
    positions: NDArray[np.int64], moments: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], bool]:
    """Return the order of a run's picks, and whether its start is certain.

    Parameters
    ----------
    positions
        1-based positions in file order, shape (n,).
    moments
        Numbers that are equal where picks share a time, ascending, shape (n,).
    size
        Number of keys in the pool.

    Returns
    -------
    order : ndarray of int, shape (n,)
        Indices into `positions`. Picks of different moments keep their order.
    is_start_certain : bool
        False if several picks share the first moment and the run fits equally well with another of
        their positions as the first.

    Examples
    --------
    >>> untangle(np.array([2, 1, 3]), np.array([5, 5, 9]), 4)
    (array([1, 0, 2]), True)
    >>> untangle(np.array([2, 1, 1]), np.array([5, 5, 9]), 2)  # what comes later tells the start
    (array([1, 0, 2]), True)
    """
    bounds = np.flatnonzero(np.diff(moments)) + 1
    groups = [group.tolist() for group in np.split(np.arange(len(positions)), bounds)]
    starts = list(dict.fromkeys(positions[groups[0]].tolist()))
    if len(starts) > MOST_STARTS:
        return _ordered(groups, positions, starts[0], size), False
    orders = [_ordered(groups, positions, start, size) for start in starts]
    broken = [_broken(positions[order], size) for order in orders]
    fewest = min(broken)
    return orders[broken.index(fewest)], broken.count(fewest) == 1


def _ordered(
    groups: list[list[int]], positions: NDArray[np.int64], start: int, size: int
) -> NDArray[np.int64]:
    order: list[int] = []
    expected = start
    for group in groups:
        order += _chain(group, positions, expected, size) if len(group) > 1 else group
        expected = following(int(positions[order[-1]]), size)
    return np.array(order, dtype=np.int64)


def _chain(members: list[int], positions: NDArray[np.int64], expected: int, size: int) -> list[int]:
    """Order the members so that each is, wherever possible, the one that the rotation expects."""
    left: defaultdict[int, list[int]] = defaultdict(list)
    for member in reversed(members):
        left[int(positions[member])].append(member)
    places = sorted(left)
    chain: list[int] = []
    while places:
        # The nearest position ahead: the first one not before the expected, else the first of all.
        at = bisect_left(places, expected) % len(places)
        position = places[at]
        chain.append(left[position].pop())
        if not left[position]:
            del places[at]
        expected = following(position, size)
    return chain


def _broken(picked: NDArray[np.int64], size: int) -> int:
    return int(np.count_nonzero(picked[1:] != following(picked[:-1], size)))
