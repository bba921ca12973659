"""Picks of one moment: the order that fits, never a false step, and a real fault stays."""

from itertools import pairwise

import numpy as np
import pytest

from keyrota.rotation.policies import following
from keyrota.rotation.ties import MOST_STARTS, untangle


def succession(start, length, size):
    positions = [start]
    while len(positions) < length:
        positions.append(following(positions[-1], size))
    return positions


def untangled(positions, moments, size):
    order, is_start_certain = untangle(np.array(positions), np.array(moments), size)
    assert sorted(order.tolist()) == list(range(len(positions)))
    return [positions[i] for i in order], is_start_certain


def broken(positions, size):
    return sum(following(a, size) != b for a, b in pairwise(positions))


def test_without_ties_nothing_moves():
    """Each moment of one pick keeps its place, faults included."""
    assert untangled([3, 1, 1, 2], [1, 2, 3, 4], 4) == ([3, 1, 1, 2], True)


@pytest.mark.parametrize("size", [2, 3, 4, 10])
@pytest.mark.parametrize("length", [2, 3, 7, 25])
def test_scrambled_moments_of_a_healthy_run_give_the_succession_back(size, length):
    """Whatever the moments and however their rows are scrambled, no step is broken."""
    rng = np.random.default_rng([size, length])
    for _ in range(60):
        positions = succession(int(rng.integers(1, size + 1)), length, size)
        moments = np.sort(rng.integers(0, max(2, length // 3), size=length))
        shuffled = np.concatenate([rng.permutation(np.flatnonzero(moments == m)) for m in np.unique(moments)])
        found, is_start_certain = untangled(
            [positions[i] for i in shuffled], moments[shuffled].tolist(), size
        )
        assert broken(found, size) == 0
        if is_start_certain:
            assert found == positions


@pytest.mark.parametrize(
    ("positions", "moments", "size", "expected"),
    [
        ([2, 1], [5, 5], 2, False),  # either order is a succession
        ([2, 1, 1], [5, 5, 6], 2, True),  # 1, 2, 1: the pick after the moment tells
        ([1, 2, 2, 1], [5, 5, 6, 6], 2, False),
        ([4, 1], [5, 5], 4, True),
        ([3, 4, 1, 2], [5, 5, 5, 5], 4, False),
        ([3, 4, 1, 2, 2], [5, 5, 5, 5, 6], 4, True),
    ],
)
def test_the_start_is_certain_where_one_order_alone_fits(positions, moments, size, expected):
    """A full cycle in the first moment has no known start unless what follows tells it."""
    found, is_start_certain = untangled(positions, moments, size)
    assert is_start_certain is expected
    assert broken(found, size) == 0


@pytest.mark.parametrize(
    ("positions", "moments", "size", "faults"),
    [
        ([2, 2], [5, 5], 4, 1),  # the same key twice
        ([1, 3], [5, 5], 4, 1),  # a key is passed over, in either order
        ([1, 2, 2, 3], [5, 5, 5, 5], 4, 1),
        ([4, 2, 2, 2], [4, 5, 5, 5], 4, 3),
        ([1, 1, 2], [4, 5, 5], 4, 1),  # the fault lies between the moments
    ],
)
def test_a_fault_inside_a_moment_stays(positions, moments, size, faults):
    """What no order can make fit is a broken step, and no more than the fewest possible."""
    assert broken(untangled(positions, moments, size)[0], size) == faults


def test_the_first_moment_is_ordered_by_what_follows():
    """With an order chosen in the first moment alone, the next pick would look like a fault."""
    assert untangled([2, 1, 1, 2], [5, 5, 6, 7], 2) == ([1, 2, 1, 2], True)


def test_many_rows_of_one_moment():
    """Coarse times are no trouble: 20,000 picks of one second, in random order."""
    rng = np.random.default_rng(6)
    positions = rng.permutation(succession(3, 20_000, 4)).tolist()
    found, is_start_certain = untangled(positions, [0] * 20_000, 4)
    assert broken(found, 4) == 0
    assert not is_start_certain


def test_more_starts_than_are_tried():
    """Beyond MOST_STARTS different positions in the first moment the start is not known."""
    size = MOST_STARTS + 1
    found, is_start_certain = untangled(list(range(size, 0, -1)), [0] * size, size)
    assert broken(found, size) == 0
    assert not is_start_certain
