"""Rows of whole numbers that are alike, counted: picks by size, position and key."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def unique_rows(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows that differ, in order, and how often each occurs.

    Examples
    --------
    >>> unique_rows(np.array([[2, 1], [1, 5], [2, 1]]))
    (array([[1, 5],
           [2, 1]]), array([1, 2]))
    """
    if not len(rows):
        return rows, np.zeros(0, dtype=np.int64)
    columns = rows.T
    low = np.array([column.min() for column in columns])
    width = [int(column.max()) - least + 1 for column, least in zip(columns, low.tolist(), strict=True)]
    if math.prod(width) >= 2**62:
        found, number = np.unique(rows, axis=0, return_counts=True)
        return found, number.astype(np.int64)
    # One number for a row sorts many times faster than the row.
    coded = np.zeros(len(rows), dtype=np.int64)
    for column, least, span in zip(columns, low.tolist(), width, strict=True):
        coded *= span
        coded += column
        coded -= least
    found, number = unique_numbers(coded)
    return np.stack(np.unravel_index(found, width), axis=1) + low, number


def unique_numbers(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers that differ, in order, and how often each occurs: by a table, where they are dense.

    Examples
    --------
    >>> unique_numbers(np.array([7, -1, 7]))
    (array([-1,  7]), array([1, 2]))
    """
    low = int(numbers.min(initial=np.iinfo(np.int64).max))
    if not len(numbers) or int(numbers.max()) - low > 4 * len(numbers):
        found, number = np.unique(numbers, return_counts=True)
        return found.astype(np.int64), number.astype(np.int64)
    table = np.bincount(numbers - low)
    found = np.flatnonzero(table)
    return found + low, table[found]


def order_of(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the stable order of whole numbers, in linear time where they span less than 2**32.

    Sixteen bits at a time, for which NumPy has a radix sort.

    Examples
    --------
    >>> order_of(np.array([70_000, -1, 70_000, 5]))
    array([1, 3, 0, 2])
    """
    if not len(numbers):
        return np.zeros(0, dtype=np.int64)
    low = int(numbers.min())
    span = int(numbers.max()) - low
    if span >= 2**32:
        return np.argsort(numbers, kind="stable")
    since = (numbers - low).astype(np.uint32)
    order = np.argsort(since.astype(np.uint16), kind="stable")
    if span >= 2**16:
        order = order[np.argsort((since >> 16).astype(np.uint16)[order], kind="stable")]
    return order


def places_in(index: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of each row in an ascending index that holds it: by a table, where the index is dense.

    The index names each row once.

    Examples
    --------
    >>> places_in(np.array([3, 4, 7]), np.array([7, 3]))
    array([2, 0])
    """
    if len(index) and int(index[-1]) - int(index[0]) == len(index) - 1:
        return np.asarray(rows - index[0])
    if not len(index) or int(index[-1]) - int(index[0]) > 8 * len(index) + len(rows):
        return np.asarray(np.searchsorted(index, rows), dtype=np.int64)
    table = np.empty(int(index[-1]) - int(index[0]) + 1, dtype=np.int64)
    table[index - index[0]] = np.arange(len(index))
    return np.asarray(table[rows - index[0]])
