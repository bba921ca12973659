"""The content of the report page: the report, and beside it the fitted model, its check, and the plan."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from keyrota.errors import KeyrotaError
from keyrota.logs.read import Reading
from keyrota.planning.log_model import model_of
from keyrota.planning.plan import Plan
from keyrota.planning.questions import answers_to, questions_of
from keyrota.report.model import PoolModel, describe_model
from keyrota.report.schema import PoolReport, Report, UseReport
from keyrota.workers import Jobs

SPARK_BINS: Final = 60
"""Points of a sparkline at most."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Page:
    """Everything that the page shows.

    Parameters
    ----------
    report
        Verdicts, shares, 429s, findings; with a comparison, if one was asked for.
    models
        The pools that tell a rate, fitted, each with its prediction.
    plans
        What their traffic takes; empty where that was not asked for, or has no answer.
    reading
        The logs, and the declared pools.
    seed, target
        Of all that is random; the share of requests that may end in a 429.
    left_out
        Why a pool has no model or no plan, a sentence each.
    """

    report: Report
    models: tuple[PoolModel, ...]
    plans: tuple[Plan, ...]
    reading: Reading
    seed: int
    target: float
    left_out: tuple[str, ...] = ()

    def model_of(self, pool: PoolReport) -> PoolModel | None:
        """Return the model of a pool."""
        return next((model for model in self.models if model.pool == pool.name), None)


def page_of(
    report: Report,
    reading: Reading,
    *,
    target: float,
    seed: int = 0,
    jobs: Jobs = 1,
    with_plan: bool = True,
    on_progress: Progress | None = None,
) -> Page:
    """Return the content of the page.

    Parameters
    ----------
    report
        What `keyrota.judge` says of the reading.
    reading
        The logs.
    target
        Share of requests that may end in a 429, in (0, 1).
    seed, jobs
        As for `keyrota.simulate`.
    with_plan
        Whether the pools are planned for, which takes seconds.
    on_progress
        Called with the searches that are done, and how many there are.
    """
    try:
        model = model_of(reading)
    except KeyrotaError as error:
        return Page(report, (), (), reading, seed, target, (str(error),))
    left_out = list(model.too_thin)
    checks = model.checks(seed=seed, jobs=jobs)
    models = tuple(map(describe_model, model.fitted, checks))
    plans: list[Plan] = []
    if with_plan:
        try:
            questions, silent = questions_of(model, checks=checks, seed=seed)
            left_out += silent
            plans = answers_to(questions, target=target, seed=seed, jobs=jobs, on_progress=on_progress)
        except KeyrotaError as error:
            left_out.append(str(error))
    return Page(report, models, tuple(plans), reading, seed, target, tuple(left_out))


def spark(pool: PoolReport, *, bins: int = SPARK_BINS) -> list[int]:
    """Return the picks of a pool over time, in at most `bins` equal spans of whole hours.

    Examples
    --------
    >>> from keyrota.report.schema import OverTimeReport, UseReport
    >>> hours = [UseReport(f"2025-11-10T{hour:02}:00:00.000000000Z", picks, {}, 0, 0.0)
    ...     for hour, picks in ((8, 3), (9, 1), (12, 5))]
    >>> spark_of(hours, bins=3)
    [4, 0, 5]
    """
    return spark_of(pool.over_time.hours if pool.over_time is not None else [], bins=bins)


def spark_of(hours: Sequence[UseReport], *, bins: int) -> list[int]:
    """Return picks over time; see `spark`."""
    if not hours:
        return []
    at = [_hour(use.start) for use in hours]
    width = math.ceil((at[-1] - at[0] + 1) / bins)
    counts = [0] * ((at[-1] - at[0]) // width + 1)
    for hour, use in zip(at, hours, strict=True):
        counts[(hour - at[0]) // width] += use.picks
    return counts


def _hour(iso: str) -> int:
    return int(dt.datetime.fromisoformat(f"{iso[:19]}+00:00").timestamp()) // 3600
