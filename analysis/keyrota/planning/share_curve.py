"""The share of 429s of a pool against its arrival rate: what a question asks for, and a figure draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keyrota.errors import ModelError


@dataclass(frozen=True)
class ShareCurve:
    """Shares of 429s at some arrival rates, by theory, by simulation, or by both.

    Parameters
    ----------
    rate_per_min
        Arrival rates, requests per minute, increasing, shape (rates,).
    theory_share
        What the closed form says, fractions in 0..1, shape (rates,); ``None`` where none speaks.
    simulated_share, simulated_low, simulated_high
        What the simulation estimates, with its 95 % interval, fractions in 0..1, each of shape (rates,);
        NaN at rates that were not simulated; ``None`` before it has run.
    target
        Share of requests that may end in a 429, in 0..1.
    usable_per_min
        Largest rate that stays within the target; ``None`` if unknown.
    nominal_per_min
        Keys times limit, requests per minute; ``None`` without a limit.
    label
        What the curve is of, in a few words.

    Raises
    ------
    ModelError
        If a column has another length than the rates, or neither theory nor simulation is given.
    """

    rate_per_min: NDArray[np.float64]
    theory_share: NDArray[np.float64] | None
    simulated_share: NDArray[np.float64] | None
    simulated_low: NDArray[np.float64] | None
    simulated_high: NDArray[np.float64] | None
    target: float
    usable_per_min: float | None
    nominal_per_min: float | None
    label: str

    def __post_init__(self) -> None:
        columns = {
            "theory_share": self.theory_share,
            "simulated_share": self.simulated_share,
            "simulated_low": self.simulated_low,
            "simulated_high": self.simulated_high,
        }
        for name, column in columns.items():
            if column is not None and len(column) != len(self.rate_per_min):
                raise ModelError(
                    f"{name} has {len(column)} values for {len(self.rate_per_min)} rates; give one for each"
                )
        if self.theory_share is None and self.simulated_share is None:
            raise ModelError("a share curve needs theory_share or simulated_share; both are missing")
