"""Replications of a scenario: independent runs, as many as a precision needs, on one worker or many.

Replication i runs on the i-th child of the seed, and what is told is taken over the replications in
their order: one worker or four give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import numpy as np

from keyrota.arguments import check_precision, check_seed
from keyrota.display import shown
from keyrota.errors import ConfigurationError
from keyrota.simulation.estimates import Quantity, ratio
from keyrota.simulation.scenario import Scenario
from keyrota.simulation.setting import Setting, setting_of
from keyrota.simulation.tally import OfFunction, Tally
from keyrota.workers import Jobs, check_jobs, workers_of

if TYPE_CHECKING:
    import pandas as pd

    from keyrota.simulation.choice import KeyChoice
    from keyrota.simulation.tally import Run

Result = TypeVar("Result")
ENGINES: Final = ("auto", "compiled", "simpy")

REPLICATIONS: Final = 20
MOST_REPLICATIONS: Final = 10_000
"""A precision that needs more is not reached, and the result says so."""

FRUITLESS: Final = 100
"""After so many replications without any 429 a relative precision is given up."""

Progress = Callable[[int, int], None]
"""Called with the replications that are done, and how many are planned so far."""


@dataclass(frozen=True)
class Experiment:
    """The replications of a scenario.

    Parameters
    ----------
    scenario, setting
        What was simulated, as data and in the engines' integers.
    engine
        ``"compiled"`` or ``"simpy"``: which engine ran.
    refusal
        Why the compiled engine could not run it, if ``"auto"`` took the other one for that.
    seed
        The seed.
    tallies
        The counts of all replications: arrays of shape (replications, functions, counts),
        (replications, keys, counts) and (replications, pools, moments); see `keyrota.simulation.tally`.
    is_precise
        Whether the precision that was asked for is reached; ``True`` if none was.
    """

    scenario: Scenario
    setting: Setting
    engine: Literal["compiled", "simpy"]
    refusal: str | None
    seed: int
    tallies: Tally
    is_precise: bool

    @property
    def replications(self) -> int:
        """How many replications there are."""
        return len(self.tallies.functions)

    def rejected_share(self) -> Quantity:
        """Return the share of requests that end in a 429."""
        return rejected_share(self.tallies)


def simulate(
    scenario: Scenario,
    *,
    replications: int = REPLICATIONS,
    precision: float | None = None,
    seed: int = 0,
    engine: str = "auto",
    jobs: Jobs = 1,
    cluster: str | None = None,
    own_policy: KeyChoice | None = None,
    on_progress: Progress | None = None,
) -> Experiment:
    """Simulate a scenario several times.

    Parameters
    ----------
    scenario
        What is simulated.
    replications
        How many runs; with `precision`, how many at least.
    precision
        Go on until half of the 95 % interval of the share of 429s is at most this fraction of it. An
        interval that decided when to stop holds the truth a little less often than 95 %; many
        replications to begin with make the difference small.
    seed
        Replication i runs on ``SeedSequence(seed).spawn(...)[i]``.
    engine
        ``"compiled"``, ``"simpy"``, or ``"auto"``: the compiled one unless it refuses the scenario.
    jobs
        Workers; -1 for one on each core; or `keyrota.workers.Workers` that several calls share.
    cluster
        Workers on a Dask cluster in their place: ``"local:4"``, ``"tcp://HOST:8786"``.
    own_policy
        A choice of keys in Python, in place of the scenario's policy; runs on SimPy in this process.
    on_progress
        Called after each replication.

    Raises
    ------
    ConfigurationError
        If an argument is not allowed, or the compiled engine is asked for and refuses.

    Examples
    --------
    >>> from keyrota.simulation.simple import simple_scenario
    >>> scenario = simple_scenario(keys=2, per_minute=2, rate_per_min=1.0, duration_s=3600.0)
    >>> simulate(scenario, replications=3, engine="simpy").replications
    3
    """
    _check(replications, precision, jobs)
    check_seed(seed)
    setting = setting_of(scenario)
    chosen, refusal = chosen_engine(scenario, engine, has_own_policy=own_policy is not None)
    run = partial(_replication, setting, np.random.SeedSequence(seed), engine=chosen, own_policy=own_policy)
    tallies: list[Tally] = []
    planned = replications
    # A choice of keys in Python may hold anything: it stays in this process.
    with workers_of(jobs, cluster) if own_policy is None else workers_of(1) as workers:
        while True:
            for tally in map_ordered(run, range(len(tallies), planned), jobs=workers, engine=chosen):
                tallies.append(tally)
                if on_progress is not None:
                    on_progress(len(tallies), planned)
            stacked = Tally(*(np.stack(tables) for tables in zip(*tallies, strict=True)))
            further, is_precise = _plan(stacked, precision)
            if further <= planned:
                return Experiment(scenario, setting, chosen, refusal, seed, stacked, is_precise)
            planned = further


def child_of(seed: np.random.SeedSequence, number: int) -> np.random.SeedSequence:
    """Return the seed of a replication: the child that `spawn` would give at this place."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, number))


def run_replications(
    setting: Setting, seed: np.random.SeedSequence, numbers: Sequence[int], *, engine: str
) -> list[Tally]:
    """Return the tallies of some replications, run one after the other."""
    return [_replication(setting, seed, number, engine=engine) for number in numbers]


def run_once(
    setting: Setting,
    seed: np.random.SeedSequence,
    *,
    engine: str,
    keep_trace: bool = False,
    own_policy: KeyChoice | None = None,
) -> Run:
    """Run one replication in ``"compiled"`` or ``"simpy"``."""
    if engine == "compiled":
        from keyrota.simulation.compiled import run_compiled

        return run_compiled(setting, seed, keep_trace=keep_trace)
    from keyrota.simulation.model import Model

    return Model(setting, seed, keep_trace=keep_trace, own_policy=own_policy).run()


def simulated_events(scenario: Scenario, *, seed: int = 0, replication: int = 0) -> pd.DataFrame:
    """Return the event table of one replication: what its logs would tell.

    Parameters
    ----------
    scenario
        What is simulated.
    seed, replication
        As in `simulate`: the same run, request for request.

    Returns
    -------
    pandas.DataFrame
        See `keyrota.events`; memory grows with the number of events.
    """
    from keyrota.simulation.table import event_table

    check_seed(seed)
    setting = setting_of(scenario)
    own = child_of(np.random.SeedSequence(seed), replication)
    engine, _ = chosen_engine(scenario, "auto")
    trace = run_once(setting, own, engine=engine, keep_trace=True).trace
    assert trace is not None
    return event_table(setting, trace, own)


def _check(replications: int, precision: float | None, jobs: Jobs) -> None:
    if not isinstance(replications, int) or not 1 <= replications <= MOST_REPLICATIONS:
        raise ConfigurationError(
            f"replications is {shown(replications)}; allowed are 1 to {MOST_REPLICATIONS:,}"
        )
    if precision is not None:
        check_precision(precision)
    check_jobs(jobs)


def chosen_engine(
    scenario: Scenario, engine: str, *, has_own_policy: bool = False
) -> tuple[Literal["compiled", "simpy"], str | None]:
    """Return the engine that runs a scenario, and why it is not the compiled one if that was free to choose.

    Raises
    ------
    ConfigurationError
        If there is no such engine, or the compiled one is asked for and refuses.
    """
    from keyrota.simulation.refusal import refusal, refuse

    if engine not in ENGINES:
        raise ConfigurationError(f"engine {shown(engine)} is unknown; there are {', '.join(ENGINES)}")
    if engine == "simpy":
        return "simpy", None
    reason = refusal(scenario, own_policy=has_own_policy)
    if reason is None:
        return "compiled", None
    if engine == "compiled":
        refuse(reason)
    return "simpy", reason


def map_ordered(
    work: Callable[[int], Result],
    items: Sequence[int],
    *,
    jobs: Jobs,
    cluster: str | None = None,
    engine: str,
) -> Iterator[Result]:
    """Yield ``work(item)`` for each item in order, on so many workers."""
    is_compiled = engine == "compiled"
    with workers_of(jobs, cluster) as workers:
        # Machine code lets go of the interpreter's lock, so that threads do; SimPy needs processes.
        yield from workers.map(
            work, items, prefer="threads" if is_compiled else "processes", is_first_here=is_compiled
        )


def _replication(
    setting: Setting,
    seed: np.random.SeedSequence,
    number: int,
    *,
    engine: str,
    own_policy: KeyChoice | None = None,
) -> Tally:
    return run_once(setting, child_of(seed, number), engine=engine, own_policy=own_policy).tally


def _plan(tallies: Tally, precision: float | None) -> tuple[int, bool]:
    """Return how many replications there shall be, and whether those that are suffice."""
    done = len(tallies.functions)
    if precision is None:
        return done, True
    share = rejected_share(tallies)
    if share.relative_half_width <= precision:
        return done, True
    if done >= MOST_REPLICATIONS or (not share.estimate and done >= FRUITLESS):
        return done, False
    wanted = 4 * done
    if math.isfinite(share.relative_half_width):
        # The half-width falls with the root of the number; a tenth more, as it is itself an estimate.
        wanted = min(wanted, math.ceil(1.1 * done * (share.relative_half_width / precision) ** 2))
    return min(max(wanted, done + 1), MOST_REPLICATIONS), False


def rejected_share(tallies: Tally) -> Quantity:
    """Return the share of requests that end in a 429, over stacked tallies of replications."""
    counts = tallies.functions.sum(axis=1)
    return ratio(counts[:, OfFunction.REJECTED], counts[:, OfFunction.REQUESTS])
