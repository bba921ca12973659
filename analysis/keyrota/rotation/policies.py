"""Key choice, pure: what position follows which.

Defined once, and used by the judgement of logs and by every simulation. Positions are 1-based, as
the log prints them; a step is the difference of two successive positions modulo the pool size.
"""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import NDArray

ROUND_ROBIN_STEP = 1
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
