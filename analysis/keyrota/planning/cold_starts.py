"""When random start plus round robin becomes plain random: a sweep over slots and lives of isolates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from keyrota import theory
from keyrota.planning.resize import at_total_rate
from keyrota.planning.spans import span_of, wanted_s
from keyrota.planning.usable import usable_rate
from keyrota.simulation.estimates import Quantity, mean, ratio
from keyrota.simulation.experiment import Experiment, simulate
from keyrota.simulation.scenario import Hosted, Scenario
from keyrota.simulation.simple import simple_scenario
from keyrota.simulation.tally import OfFunction, OfKey


@dataclass(frozen=True)
class IsolatePoint:
    """A pool behind so many slots of isolates with such a life, at its usable rate.

    Parameters
    ----------
    slots, life_s
        Of the isolates.
    usable_per_min
        Largest rate whose share of 429s stays within the target.
    cold_share
        Share of requests that start an isolate at that rate, simulated.
    theory_cold_share
        The same by theory.
    unevenness
        Variance of the keys' counts over a span relative to that of independent random picks: 1 where
        picks are random, 0 where they are even. Mean over spans of the same length.
    """

    slots: int
    life_s: float
    usable_per_min: Quantity
    cold_share: Quantity
    theory_cold_share: float
    unevenness: Quantity

    @property
    def mean_run(self) -> float:
        """Picks of an isolate on average."""
        return 1 / self.cold_share.estimate if self.cold_share.estimate else np.inf


@dataclass(frozen=True)
class ColdStarts:
    """How a pool does behind isolates that are shared by more or fewer requests.

    Parameters
    ----------
    keys, per_minute, target
        The pool and the share of requests that may end in a 429.
    random_per_min, shared_per_min
        The usable rates by theory of a plain random choice, and of one counter for all isolates.
    points
        Case by case.
    """

    keys: int
    per_minute: int
    target: float
    random_per_min: float
    shared_per_min: float
    points: tuple[IsolatePoint, ...]

    @property
    def nominal_per_min(self) -> float:
        """Keys times limit, requests a minute."""
        return float(self.keys * self.per_minute)

    def of_slots(self, slots: int) -> tuple[IsolatePoint, ...]:
        """Return the cases with so many slots."""
        return tuple(point for point in self.points if point.slots == slots)


def cold_starts(
    *,
    keys: int,
    per_minute: int,
    slots: Sequence[int],
    lives_s: Sequence[float],
    target: float = 0.01,
    precision: float = 0.05,
    replications: int = 150,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> ColdStarts:
    """Find usable rate, cold starts and evenness of the declared rotation for each number of slots and life.

    Poisson traffic, calendar minutes, a 429 goes to the caller. Each case is looked at where it is full:
    at its own usable rate.

    Parameters
    ----------
    keys, per_minute
        The pool, each key in a project of its own.
    slots, lives_s
        Every pair of them is a case; lives in seconds.
    target
        Share of requests that may end in a 429, in (0, 1).
    precision
        Half of the 95 % interval of a usable rate, as a fraction of it.
    replications
        Spans of about 8,000 requests over which cold starts and counts are taken.
    seed
        The seed.
    on_progress
        Called with the cases that are done, and how many there are.

    Raises
    ------
    ConfigurationError, ModelError
        If an argument is not allowed.
    """
    bounds = {
        choice: theory.usable_rate(keys=keys, per_minute=per_minute, target=target, choice=choice)
        for choice in ("random", "shared-round-robin")
    }
    cases = [(number, life_s) for number in slots for life_s in lives_s]
    points = []
    for number, life_s in cases:
        scenario = simple_scenario(
            keys=keys, per_minute=per_minute, rate_per_min=bounds["random"],
            isolates=Hosted(slots=number, life_s=life_s),
        )  # fmt: skip
        found = usable_rate(
            scenario, nominal=float(keys * per_minute), guess=bounds["random"], target=target,
            precision=precision, seed=seed, engine="compiled",
        )  # fmt: skip
        points.append(_point(scenario, found, replications, seed))
        if on_progress is not None:
            on_progress(len(points), len(cases))
    return ColdStarts(keys, per_minute, target, bounds["random"], bounds["shared-round-robin"], tuple(points))


def _point(scenario: Scenario, usable: Quantity, replications: int, seed: int) -> IsolatePoint:
    from msgspec.structs import replace

    isolates, rate = scenario.functions[0].isolates, usable.estimate or 0.0
    assert isinstance(isolates, Hosted)
    timed = replace(at_total_rate(scenario, rate), **span_of(scenario, wanted_s(scenario, rate)))
    experiment = simulate(timed, replications=replications, seed=seed, engine="compiled")
    functions = experiment.tallies.functions.sum(axis=1)
    return IsolatePoint(
        isolates.slots,
        isolates.life_s,
        usable,
        ratio(functions[:, OfFunction.COLD], functions[:, OfFunction.REQUESTS]),
        theory.cold_share(rate, slots=isolates.slots, life_s=isolates.life_s),
        unevenness(experiment),
    )


def unevenness(experiment: Experiment) -> Quantity:
    """Return the variance of the keys' picks relative to that of independent random picks.

    Over the keys K of the only pool, sum((n - N / K)**2) / (N / K) / (K - 1), the mean over replications:
    1 for random picks, whatever their number.

    Examples
    --------
    >>> scenario = simple_scenario(keys=4, per_minute=2, rate_per_min=4.0, policy="random")
    >>> 0.7 < unevenness(simulate(scenario, replications=100, seed=1, engine="compiled")).estimate < 1.3
    True
    """
    picks = experiment.tallies.keys[:, :, OfKey.PICKS].astype(np.float64)
    expected = picks.mean(axis=1, keepdims=True)
    return mean((np.square(picks - expected) / expected).sum(axis=1) / (picks.shape[1] - 1), least=0.0)
