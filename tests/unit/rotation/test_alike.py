"""Rows that are alike are counted as NumPy counts them."""

import numpy as np
import pytest

from keyrota.rotation.alike import order_of, places_in, unique_numbers, unique_rows


@pytest.mark.parametrize("most", [3, 1_000, 2**31, 2**62])
def test_rows_are_those_of_numpy(most):
    """Whether the numbers span little, much, or more than one number can hold; negative ones too."""
    rng = np.random.default_rng(1)
    rows = rng.integers(-1, most, size=(200, 3)) // max(1, most // 4)
    rows[0] = most
    found, number = unique_rows(rows)
    expected, expected_number = np.unique(rows, axis=0, return_counts=True)
    assert found.tolist() == expected.tolist()
    assert number.tolist() == expected_number.tolist()


def test_no_rows_are_none():
    """An empty table."""
    found, number = unique_rows(np.zeros((0, 3), dtype=np.int64))
    assert (len(found), len(number)) == (0, 0)


@pytest.mark.parametrize("most", [5, 2**16, 2**20, 2**31, 2**40])
def test_the_order_is_stable(most):
    """Of numbers of any span, negative ones too: that of NumPy's stable sort."""
    numbers = np.random.default_rng(2).integers(-most // 2, most // 2, 3_000) // max(1, most // 64)
    numbers[0] = most
    assert order_of(numbers).tolist() == np.argsort(numbers, kind="stable").tolist()


@pytest.mark.parametrize("gap", [1, 3, 1_000])
def test_places_are_found_in_dense_and_thin_indexes(gap):
    """Where the rows of an index stand, in any order."""
    index = np.arange(0, 300 * gap, gap) + 7
    place = np.random.default_rng(3).permutation(300)[:100]
    assert places_in(index, index[place]).tolist() == place.tolist()


@pytest.mark.parametrize("span", [1, 50, 10**6, 2**62])
@pytest.mark.parametrize("number", [0, 1, 300])
def test_numbers_are_counted_as_by_numpy(span, number):
    """Dense ones by a table, others by sorting; negative ones too."""
    numbers = np.random.default_rng(4).integers(-span, span, number)
    found, times = unique_numbers(numbers)
    expected, expected_times = np.unique(numbers, return_counts=True)
    assert (found.tolist(), times.tolist()) == (expected.tolist(), expected_times.tolist())
