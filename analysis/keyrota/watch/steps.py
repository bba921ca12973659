"""Evidence, at any time, that steps inside isolates are broken more often than lost lines explain.

Under the null each step is broken with a probability of at most p0, whatever went before. Against it stand
two alternatives, each from an unknown step on: with the weight 1 / (j (j + 1)) the fault begins at step j
[1]_. The sum is a non-negative supermartingale that begins at 1, so that it ever reaches 1 / alpha with a
probability of at most alpha (Ville). A fault after 10^5 whole steps is seen within ten broken ones.

References
----------
.. [1] J. Shin, A. Ramdas, A. Rinaldo, "E-detectors: a nonparametric framework for sequential change
   detection", New England Journal of Statistics in Data Science 2, 2024.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from keyrota.rotation.fairness import LOST_SHARE

BROKEN_SHARES: Final = (0.5, 0.1)
"""Shares of broken steps that the alternatives claim."""

_GAINS: Final = tuple(((1 - q) / (1 - LOST_SHARE), q / LOST_SHARE) for q in BROKEN_SHARES)


class StepStream(msgspec.Struct):
    """Running e-value of one kind of broken steps.

    Parameters
    ----------
    seen
        Number of steps.
    wealth
        Of each alternative, over the moments at which it may have begun.
    best, since
        Of each alternative, the most that one moment has won, and which: the number of its first step.
    """

    seen: int = 0
    wealth: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(BROKEN_SHARES))
    best: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(BROKEN_SHARES))
    since: list[int] = msgspec.field(default_factory=lambda: [0] * len(BROKEN_SHARES))

    @property
    def log_e(self) -> float:
        """Natural logarithm of E now."""
        return math.log(sum(self.wealth) / len(self.wealth) + 1 / (self.seen + 1))

    def suspected_since(self) -> int:
        """Return the 0-based number of the step from which on the evidence is strongest."""
        return self.since[self.best.index(max(self.best))]

    def add(self, is_broken: Sequence[bool], level: float) -> int | None:
        """Take the next steps up to the one at which ln E reaches a level, and return its index."""
        enough = math.exp(level)
        for index, broken in enumerate(is_broken):
            self.seen += 1
            weight = 1 / (self.seen * (self.seen + 1))
            for number, gains in enumerate(_GAINS):
                if self.best[number] <= weight:
                    self.best[number], self.since[number] = weight, self.seen - 1
                self.best[number] *= gains[broken]
                self.wealth[number] = (self.wealth[number] + weight) * gains[broken]
            if broken and sum(self.wealth) / len(_GAINS) + 1 / (self.seen + 1) >= enough:
                return index
        return None
