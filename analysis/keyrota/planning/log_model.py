"""The model of a log: its pools, each fitted, for plans, predictions and the report page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keyrota.display import listed, visible
from keyrota.errors import InputError
from keyrota.logs.read import Reading
from keyrota.planning.fitted import FittedPool, fit_pool, scenario_of
from keyrota.planning.logged import LoggedPool, chosen, logged_pools, span_of_log
from keyrota.planning.model_check import ModelCheck, Observed
from keyrota.planning.uneven import most_loaded
from keyrota.workers import Jobs


@dataclass(frozen=True)
class LogModel:
    """Pools of logs with what was fitted to them.

    Parameters
    ----------
    reading
        The logs.
    logged, fitted
        The pools, in the same order; those that tell no rate are left out.
    span_ns
        Times of the first and the last event.
    too_thin
        Why pools were left out.
    """

    reading: Reading
    logged: list[LoggedPool]
    fitted: list[FittedPool]
    span_ns: tuple[int, int]
    too_thin: list[str]

    @property
    def sources(self) -> str:
        """The names of the logs, for a sentence."""
        return listed([visible(source.name) for source in self.reading.input.sources], limit=2)

    def observed(self, *, seed: int = 0) -> dict[str, Observed]:
        """Return what the log shows of each pool, by name, for its model to be held against."""
        pools = len(self.logged) + len(self.too_thin)
        return {
            fitted.pool.name: Observed(
                fitted.requests,
                fitted.rejected,
                fitted.relative_error,
                most_loaded(logged, pools=pools, seed=seed),
            )
            for logged, fitted in zip(self.logged, self.fitted, strict=True)
        }

    def checks(self, *, seed: int = 0, engine: str = "auto", jobs: Jobs = 1) -> list[ModelCheck]:
        """Return whether the model explains the log, pool by pool."""
        observed = self.observed(seed=seed)
        return [
            observed[fitted.pool.name].check(
                scenario_of([fitted], self.span_ns), fitted.pool.name, seed=seed, engine=engine, jobs=jobs
            )
            for fitted in self.fitted
        ]


def model_of(reading: Reading, names: Sequence[str] = ()) -> LogModel:
    """Fit the pools of a reading.

    Parameters
    ----------
    reading
        What was read.
    names
        The pools in question; all of the log, if there are none.

    Raises
    ------
    InputError
        If no pool in question tells a rate, or the log has no pick of a pool that is named.
    """
    pools = chosen(logged_pools(reading.events, reading.pools), names)
    span = span_of_log(reading.events)
    logged, fitted, too_thin = [], [], []
    for pool in pools:
        try:
            fitted.append(fit_pool(pool, span))
        except InputError as error:
            if pool.name in names:
                raise
            too_thin.append(str(error))
        else:
            logged.append(pool)
    if not fitted:
        raise InputError(too_thin[0])
    return LogModel(reading, logged, fitted, span, too_thin)
