"""Key choice, pure: what position follows which.

Defined once, and used by the judgement of logs and by every simulation. Positions are 1-based, as
the log prints them; a step is the difference of two successive positions modulo the pool size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, overload

import numpy as np
from numpy.typing import NDArray

ROUND_ROBIN_STEP: Final = 1
"""The step of the declared rotation inside an isolate."""


@overload
def following(position: int, size: int) -> int: ...
@overload
def following(position: NDArray[np.int64], size: int) -> NDArray[np.int64]: ...
def following(position: int | NDArray[np.int64], size: int) -> int | NDArray[np.int64]:
    """Return the 1-based position that round robin takes after `position` in a pool of `size` keys.

    Examples
    --------
    >>> following(1, 4), following(4, 4)
    (2, 1)
    """
    return (position - 1 + ROUND_ROBIN_STEP) % size + 1


@overload
def step(previous: int, current: int, size: int) -> int: ...
@overload
def step(previous: NDArray[np.int64], current: NDArray[np.int64], size: int) -> NDArray[np.int64]: ...
def step(
    previous: int | NDArray[np.int64], current: int | NDArray[np.int64], size: int
) -> int | NDArray[np.int64]:
    """Return ``current - previous`` modulo `size`: 1 under the declared rotation (0 in a pool of one).

    Examples
    --------
    >>> step(4, 1, 4), step(2, 2, 4)
    (1, 0)
    """
    return (current - previous) % size


def declared_step(size: int) -> int:
    """Return the step that the declared rotation makes in a pool of `size` keys."""
    return ROUND_ROBIN_STEP % size


# Who holds the position of the next pick, and how it moves -------------------------------------

POLICIES: Final = (
    "random-start-round-robin",
    "start-at-first",
    "random",
    "shared-round-robin",
    "least-used",
    "sticky",
)
"""Names of the ways to choose a key; the functions below take the place in this list.

random-start-round-robin  each isolate begins at a random key and goes on in order (the declared rotation)
start-at-first            each isolate begins at the first key and goes on in order (its predecessor's bug)
random                    every pick is drawn anew
shared-round-robin        one counter for all isolates
least-used                every isolate knows all counts: the key with the most room in its windows; among
                          equals the one picked least, then the first
sticky                    each isolate begins at a random key and stays there until a 429
"""

RANDOM_START: Final = 0
START_AT_FIRST: Final = 1
RANDOM: Final = 2
SHARED: Final = 3
LEAST_USED: Final = 4
STICKY: Final = 5


def random_position(uniform: float, size: int) -> int:
    """Return a 1-based position from a draw in [0, 1).

    Examples
    --------
    >>> random_position(0.0, 4), random_position(0.999, 4)
    (1, 4)
    """
    return int(uniform * size) + 1


def first_position(policy: int, uniform: float, size: int) -> int:
    """Return the position at which an isolate begins, from its draw in [0, 1)."""
    if policy in (RANDOM_START, STICKY):
        return random_position(uniform, size)
    return 1


def next_position(policy: int, position: int, size: int) -> int:
    """Return where a counter stands after a pick at this position."""
    return position if policy == STICKY else following(position, size)


def roomiest(rooms: Sequence[int] | NDArray[np.int64], picks: Sequence[int] | NDArray[np.int64]) -> int:
    """Return the position of the key with the most room; among equals the least picked, then the first.

    Parameters
    ----------
    rooms
        How many calls each key's windows would let pass now.
    picks
        How often each key was picked so far.

    Examples
    --------
    >>> roomiest([1, 2, 2], [0, 5, 4])
    3
    """
    best = 0
    for index in range(1, len(rooms)):
        if rooms[index] > rooms[best] or (rooms[index] == rooms[best] and picks[index] < picks[best]):
            best = index
    return best + 1
