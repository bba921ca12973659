"""The random numbers of a run, drawn by name and number before any engine asks for them.

Each function has one stream for each quantity. The n-th number of a stream belongs to the n-th
request, isolate, pick or retry of that function, whichever engine runs and whatever the other
functions do. So two engines see the same world, and two scenarios that differ in a limit or in the
size of a pool see the same traffic (common random numbers).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.streams import named_stream
from keyrota.traffic.arrivals import Arrivals
from keyrota.traffic.times import BLOCK, arrival_blocks

SLOT: Final = 0  # of a request, in [0, 1)
PREFLIGHT: Final = 1  # slot of its preflight
BOOT: Final = 2  # boot time of an isolate
START: Final = 3  # first position of an isolate
CHOICE: Final = 4  # position of a pick at random
SERVICE: Final = 5  # of a request, standard exponential
JITTER: Final = 6  # of a retry
TRIGGER: Final = 7  # of a request that may set off another

QUANTITIES: Final = ("slot", "preflight", "boot", "start", "choice", "service", "jitter", "trigger")
"""Names of the streams, in the order of the numbers above."""

FEW: Final = 1_024
"""Numbers that the model draws at a time; the kernel draws `BLOCK`. What is drawn does not depend on it."""


def generator(seed: np.random.SeedSequence, function: str, quantity: str) -> np.random.Generator:
    """Return the stream of one quantity of one function."""
    return named_stream(seed, "simulation", function, quantity)


def draw(rng: np.random.Generator, quantity: int, count: int) -> NDArray[np.float64]:
    """Return the next `count` numbers of a stream."""
    return rng.standard_exponential(count) if quantity == SERVICE else rng.random(count)


def times(
    seed: np.random.SeedSequence, function: str, arrivals: Arrivals, start: int, end: int
) -> Iterator[NDArray[np.int64]]:
    """Yield the arrival times of one function in blocks."""
    return arrival_blocks(
        arrivals, partial(generator, seed, function), start_ns=start, end_ns=end, block=BLOCK
    )


class Draws:
    """The streams of one function, one number at a time."""

    def __init__(self, seed: np.random.SeedSequence, function: str) -> None:
        self._next: list[Callable[[], float]] = [
            _numbers(seed, function, quantity).__next__ for quantity in range(len(QUANTITIES))
        ]

    def next(self, quantity: int) -> float:
        """Return the next number of a stream."""
        return self._next[quantity]()


def _numbers(seed: np.random.SeedSequence, function: str, quantity: int) -> Iterator[float]:
    rng = generator(seed, function, QUANTITIES[quantity])
    while True:
        yield from draw(rng, quantity, FEW).tolist()
