"""A key that the mapping lists twice is told from an order that changed."""

import numpy as np
import pytest

from keyrota.rotation.twice import keys_listed_twice


def mapped(mapping, picks=200, seed=1):
    """Return keys and positions of picks at random under a mapping."""
    position = np.random.default_rng(seed).integers(1, len(mapping) + 1, picks)
    return np.array(mapping)[position - 1], position


def twice(*parts, size=4):
    """Return what is found in parts that come one after the other."""
    key, position = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return keys_listed_twice(key, position, size)


@pytest.mark.parametrize(
    ("mapping", "found"),
    [
        ((3, 4, 5, 6), {}),
        ((3, 4, 4, 6), {4: (2, 3)}),
        ((3, 3, 3, 3), {3: (1, 2, 3, 4)}),
        ((3, 4, 3, 4), {3: (1, 3), 4: (2, 4)}),
        ((0, 0, 5, 6), {0: (1, 2)}),
        ((2**31 - 1, 5, 6, 2**31 - 1), {2**31 - 1: (1, 4)}),
    ],
)
def test_one_mapping(mapping, found):
    """Every key at several places is found with its places, whatever its number."""
    assert twice(mapped(mapping)) == found


def test_a_mapping_that_becomes_wrong_and_is_put_right():
    """Only the time in which the key is at both places counts."""
    healthy, wrong = mapped((3, 4, 5, 6)), mapped((3, 4, 4, 6), seed=2)
    assert twice(healthy, wrong) == twice(wrong, healthy) == twice(healthy, wrong, healthy) == {4: (2, 3)}


def test_an_order_that_changes_is_no_key_listed_twice():
    """One after the other, to and fro, or two versions side by side: other keys stand at these places too."""
    one, other = mapped((3, 4, 5, 6), 400), mapped((4, 5, 6, 3), 400, seed=2)
    assert twice(one, other) == twice(one, other, one) == {}
    at = np.random.default_rng(3).permutation(800)
    mixed = tuple(np.concatenate(both)[at] for both in zip(one, other, strict=True))
    assert twice(mixed) == {}


def test_few_or_wrong_picks_show_nothing():
    """Five picks at a place, a stray line, and picks without key or place are no evidence."""
    key, position = np.full(11, 1), np.array([1] * 6 + [2] * 5)
    assert keys_listed_twice(key, position, 2) == {}
    assert keys_listed_twice(np.full(12, 1), np.array([1, 2] * 6), 2) == {}  # 12, but 5 in between at each
    assert keys_listed_twice(np.full(16, 1), np.array([1, 2] * 8), 2) == {1: (1, 2)}
    assert keys_listed_twice(np.full(40, -1), np.array([1, 2] * 20), 2) == {}
    assert keys_listed_twice(np.full(40, 1), np.array([1, 9] * 20), 2) == {}
    healthy = mapped((3, 4, 5, 6))
    assert twice(healthy, (np.array([3]), np.array([2])), healthy) == {}
    assert keys_listed_twice(np.array([], dtype=np.int64), np.array([], dtype=np.int64), 2) == {}
