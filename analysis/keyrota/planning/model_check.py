"""Does the model explain the log: the predicted share of 429s against the observed one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import stdtrit

from keyrota.planning.resize import at_total_rate, only_pool, total_rate
from keyrota.planning.uneven import MostLoaded
from keyrota.simulation.experiment import simulate
from keyrota.simulation.scenario import Scenario
from keyrota.simulation.tally import OfFunction
from keyrota.workers import Jobs

REPLICATIONS: Final = 200
LEAST_REPLICATIONS: Final = 20
MOST_REQUESTS: Final = 4_000_000
"""Requests of all replications together: those of longer logs are fewer, since their share varies less."""
ENOUGH_FOR_QUANTILES: Final = 100
LEAST_STEP: Final = 0.02
"""Relative change of the rate by which the share's slope is told."""


@dataclass(frozen=True)
class Observed:
    """What a log shows of a pool, for its model to be held against.

    Parameters
    ----------
    requests, rejected
        Requests, and those that ended in a 429.
    relative_error
        Standard error of the fitted rate, as a fraction of it.
    uneven
        The key with more than its share, where the rotation is uneven.
    """

    requests: int
    rejected: int
    relative_error: float = 0.0
    uneven: MostLoaded | None = None

    def check(
        self, scenario: Scenario, pool: str, *, seed: int = 0, engine: str = "auto", jobs: Jobs = 1
    ) -> ModelCheck:
        """Hold a scenario, fitted to the log and as long, against what the log shows; see `check_model`."""
        found = check_model(
            scenario, pool=pool, requests=self.requests, rejected=self.rejected,
            relative_error=self.relative_error, seed=seed, engine=engine, jobs=jobs,
        )  # fmt: skip
        return replace(found, uneven=self.uneven)


@dataclass(frozen=True)
class ModelCheck:
    """The share of requests that end in a 429, as the model predicts it for a log and as it was.

    Parameters
    ----------
    pool
        Its name.
    requests, rejected
        Of the log.
    predicted
        Mean over replications as long as the log.
    low, high
        Where the share of such a log lies with probability 95 %, if the model holds: chance, and the
        uncertainty of the fitted rate.
    replications
        How many.
    uneven
        The key with more than its share, where the rotation is uneven.
    """

    pool: str
    requests: int
    rejected: int
    predicted: float
    low: float
    high: float
    replications: int
    uneven: MostLoaded | None = None

    @property
    def observed(self) -> float:
        """The share in the log."""
        return self.rejected / self.requests

    @property
    def explains(self) -> bool:
        """Whether the log's share lies where the model expects it."""
        return self.low <= self.observed <= self.high


def check_model(
    scenario: Scenario,
    *,
    pool: str,
    requests: int,
    rejected: int,
    relative_error: float = 0.0,
    replications: int | None = None,
    seed: int = 0,
    engine: str = "auto",
    jobs: Jobs = 1,
) -> ModelCheck:
    """Predict the share of 429s of a log, and hold it against the observed one.

    Each replication is a log as long as the real one. Its share lies between the 2.5 % and 97.5 % quantiles
    of the replications, widened on both sides by what the standard error of the fitted rate does to the
    share: in quadrature with the reach of the quantiles, slope by a second run at a higher rate. Of fewer
    than 100 replications the share is taken to be normal, as that of a long log nearly is (Student's t).

    Parameters
    ----------
    scenario
        Fitted to the log, with its span as duration, warm-up included.
    pool
        The pool in question.
    requests, rejected
        Of the log, within the counted span.
    relative_error
        Standard error of the fitted rate, as a fraction of it.
    replications
        How many; by default 200, of logs of more than 20,000 requests fewer, 20 at least.
    seed, engine, jobs
        As for `keyrota.simulation.experiment.simulate`.

    Raises
    ------
    ConfigurationError, ModelError
        If the scenario cannot be simulated.
    """
    if replications is None:
        replications = min(REPLICATIONS, max(LEAST_REPLICATIONS, MOST_REQUESTS // max(1, requests)))
    own = only_pool(scenario, pool)
    shares = _shares(own, replications, seed, engine, jobs)
    centre = float(shares.mean())
    low, high = _bounds(shares)
    if relative_error > 0:
        step = max(LEAST_STEP, relative_error)
        faster = _shares(at_total_rate(own, total_rate(own) * (1 + step)), replications, seed, engine, jobs)
        reach = 1.96 * relative_error * abs(float(faster.mean()) - centre) / step
        low = centre - float(np.hypot(centre - low, reach))
        high = centre + float(np.hypot(high - centre, reach))
    return ModelCheck(pool, requests, rejected, centre, max(0.0, low), min(1.0, high), replications)


def _bounds(shares: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float]:
    """Return between what one more share lies with probability 95 %."""
    number = len(shares)
    if number >= ENOUGH_FOR_QUANTILES or number < 2:
        low, high = np.quantile(shares, [0.025, 0.975])
        return float(low), float(high)
    reach = float(stdtrit(number - 1, 0.975) * shares.std(ddof=1) * np.sqrt(1 + 1 / number))
    return float(shares.mean()) - reach, float(shares.mean()) + reach


def _shares(
    scenario: Scenario, replications: int, seed: int, engine: str, jobs: Jobs
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    tallies = simulate(scenario, replications=replications, seed=seed, engine=engine, jobs=jobs).tallies
    counts = tallies.functions.sum(axis=1)
    wholes = np.maximum(1, counts[:, OfFunction.REQUESTS])
    return np.asarray(counts[:, OfFunction.REJECTED] / wholes, dtype=np.float64)
