"""Key choice, pure."""

import pytest

from keyrota.rotation.policies import (
    LEAST_USED,
    POLICIES,
    RANDOM,
    RANDOM_START,
    SHARED,
    START_AT_FIRST,
    STICKY,
    declared_step,
    first_position,
    following,
    next_position,
    random_position,
    roomiest,
    step,
)


def test_names_and_numbers_agree():
    """The numbers are places in the list of names."""
    assert [POLICIES[n] for n in (RANDOM_START, START_AT_FIRST, RANDOM, SHARED, LEAST_USED, STICKY)] == [
        *POLICIES
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 10])
def test_random_positions_cover_the_pool_evenly(size):
    """Equal parts of [0, 1) go to the positions in order; the largest float below 1 to the last."""
    positions = [random_position((i + 0.5) / (60 * size), size) for i in range(60 * size)]
    assert positions == [place for place in range(1, size + 1) for _ in range(60)]
    assert random_position(1 - 2**-53, size) == size


def test_where_isolates_begin():
    """At a drawn key under the declared rotation and when sticking, else at the first."""
    begins = {name: first_position(number, 0.99, 4) for number, name in enumerate(POLICIES)}
    assert begins["random-start-round-robin"] == begins["sticky"] == 4
    assert begins["start-at-first"] == begins["shared-round-robin"] == 1


def test_how_counters_move():
    """Sticky stays; all others go to the next key, and from the last to the first."""
    for number, name in enumerate(POLICIES):
        moved = [next_position(number, position, 3) for position in (1, 2, 3)]
        assert moved == ([1, 2, 3] if name == "sticky" else [2, 3, 1])
    assert following(3, 3) == 1


@pytest.mark.parametrize(
    ("rooms", "picks", "position"),
    [([2, 2], [0, 0], 1), ([1, 2], [0, 9], 2), ([2, 2], [5, 4], 2), ([0, 0, 0], [2, 1, 1], 2), ([3], [9], 1)],
)
def test_least_used_takes_the_key_with_the_most_room(rooms, picks, position):
    """Then the one that was picked least, then the first."""
    assert roomiest(rooms, picks) == position


@pytest.mark.parametrize(
    ("rooms", "picks", "position"),
    [([1, 3, 2], [0, 5, 0], 2), ([2, 2, 2], [3, 1, 2], 2), ([2, 2, 2], [3, 2, 1], 3), ([2, 1], [9, 0], 1)],
)
def test_fewer_picks_count_among_equals_only(rooms, picks, position):
    """A key with less room is not taken, however seldom it was picked; nor is an equal one picked more."""
    assert roomiest(rooms, picks) == position


@pytest.mark.parametrize(
    ("previous", "current", "size", "made"),
    [(1, 2, 4, 1), (4, 1, 4, 1), (2, 2, 4, 0), (1, 4, 4, 3), (3, 1, 4, 2), (2, 1, 2, 1), (1, 1, 1, 0)],
)
def test_steps(previous, current, size, made):
    """From a position to the next, around the pool's end."""
    assert step(previous, current, size) == made
    assert type(made) is type(step(previous, current, size))


@pytest.mark.parametrize(("size", "declared"), [(1, 0), (2, 1), (3, 1), (10, 1)])
def test_the_declared_step(size, declared):
    """One key on; a pool of one key stays."""
    assert declared_step(size) == declared
    for position in range(1, size + 1):
        assert step(position, following(position, size), size) == declared
