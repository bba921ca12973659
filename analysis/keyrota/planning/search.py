"""The largest rate whose share of 429s stays within a target, found by simulation.

A stochastic root search: every rate that is tried sees the same random numbers, its traffic is the same
unit process run faster or slower, so that the share of 429s rises with the rate but for small steps, and
a bracketing root finder needs few trials [1]_. How far its root may be off follows from the
standard error of the share there and from its slope (the delta method).

References
----------
.. [1] A. Shapiro, D. Dentcheva, A. Ruszczynski, "Lectures on Stochastic Programming", SIAM, 2009,
   chapter 5 (sample average approximation).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from keyrota.errors import ModelError
from keyrota.simulation.estimates import Quantity, interval
from keyrota.simulation.experiment import rejected_share
from keyrota.simulation.tally import Tally

Trial = Callable[[float, int], Tally]
"""Simulates a rate in so many replications: the same ones first, whatever the rate."""

FIRST_REPLICATIONS: Final = 12
MOST_REPLICATIONS: Final = 2_000
MOST_OVERLOAD: Final = 8
LOWEST: Final = 1e-4
"""Rates below this part of the nominal one are not searched."""

_SLOPE_STEP: Final = 0.04


@dataclass
class UsableRateSearch:
    """The search for one usable rate.

    Parameters
    ----------
    trial
        The simulation.
    target
        Share of 429s, in (0, 1).
    nominal
        Rate that no admission exceeds: without anything else that turns requests away the share is above
        the target from ``nominal / (1 - target)`` on.
    precision
        Half of the 95 % interval is at most this fraction of the estimate.
    """

    trial: Trial
    target: float
    nominal: float
    precision: float
    replications: int = FIRST_REPLICATIONS
    _shares: dict[float, Quantity] = field(default_factory=dict)

    def run(self, guess: float) -> Quantity:
        """Return the usable rate, searched from a guess."""
        while True:
            self._shares.clear()
            root = self._root(guess)
            if root is None:
                # No rate that is searched stays within the target: sessions that meet the limit alone.
                return Quantity(
                    estimate=0.0, standard_error=None, ci_low=0.0, ci_high=self.nominal * LOWEST,
                    replications=self.replications,
                )  # fmt: skip
            found = self._with_interval(root)
            reached = found.relative_half_width
            if reached <= self.precision or self.replications >= MOST_REPLICATIONS:
                return found
            grown = math.ceil(1.2 * self.replications * (reached / self.precision) ** 2)
            least, most = self.replications + 4, min(8 * self.replications, MOST_REPLICATIONS)
            self.replications = min(max(grown, least), most)
            guess = root

    def _share(self, rate: float) -> Quantity:
        if rate not in self._shares:
            self._shares[rate] = rejected_share(self.trial(rate, self.replications))
        return self._shares[rate]

    def _excess(self, log_rate: float) -> float:
        """Return the log of share over target: nearly a straight line in the log of the rate."""
        share = self._share(math.exp(log_rate)).estimate or 0.0
        return math.log(max(share, self.target / 1000) / self.target)

    def _root(self, guess: float) -> float | None:
        from scipy.optimize import brentq

        low = high = math.log(guess)
        step = 0.1
        if self._excess(low) > 0:
            lowest = math.log(self.nominal * LOWEST)
            while self._excess(low) > 0:
                if low <= lowest:
                    return None
                high = low
                low = max(low - step, lowest)
                step *= 2
        else:
            while self._excess(high) <= 0:
                if high > math.log(MOST_OVERLOAD * self.nominal / (1 - self.target)):
                    raise ModelError(
                        f"at {MOST_OVERLOAD} times the nominal rate the share of 429s is still below "
                        f"{100 * self.target:g} %: something else turns the requests away first, such as a "
                        "cap on instances, so that there is no usable rate; raise the cap, or lower --target"
                    )
                low = high
                high += step
                step *= 2
        return math.exp(brentq(self._excess, low, high, xtol=self.precision / 40))

    def _with_interval(self, root: float) -> Quantity:
        at_root = self._share(root)
        slower, faster = (
            self._excess(math.log(root) - _SLOPE_STEP),
            self._excess(math.log(root) + _SLOPE_STEP),
        )
        slope = (faster - slower) / (2 * _SLOPE_STEP)
        if not at_root.estimate or at_root.standard_error is None or slope <= 0:
            # A share that jumps or stays: the search saw too little, and says so by a wide interval.
            return interval(root, root, self.replications, least=0.0)
        error = root * at_root.standard_error / at_root.estimate / slope
        return interval(root, error, self.replications, least=0.0)


def trial_of(tallies: Callable[[float, int, int], list[Tally]]) -> Trial:
    """Return a trial that keeps what it has simulated, and adds replications where more are wanted."""
    kept: dict[float, list[Tally]] = {}

    def trial(rate: float, replications: int) -> Tally:
        have = kept.setdefault(rate, [])
        if len(have) < replications:
            have += tallies(rate, len(have), replications)
        return Tally(*(np.stack(tables) for tables in zip(*have[:replications], strict=True)))

    return trial
