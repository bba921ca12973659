"""All figures of a report, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from keyrota.report.figures.days import days_figure
from keyrota.report.figures.figure import ReportFigure
from keyrota.report.figures.options import options_figure
from keyrota.report.figures.positions import positions_figure
from keyrota.report.figures.prediction import prediction_figure
from keyrota.report.figures.rejections import rejections_figure
from keyrota.report.figures.shares import shares_figure
from keyrota.report.figures.use import use_figure
from keyrota.report.schema import Report

if TYPE_CHECKING:
    from keyrota.report.model import PoolModel
    from keyrota.report.plan import PlanReport

NAMES: Final = (
    "shares",
    "use",
    "positions",
    "rejections",
    "days",
    "prediction",
    "options",
    "onset",
    "share-curve",
)
"""Every name that a figure may have."""

_OF_POOL: Final = (shares_figure, use_figure, positions_figure, rejections_figure, days_figure)


def pool_figures(
    report: Report, models: Sequence[PoolModel] = (), plan: PlanReport | None = None
) -> list[ReportFigure]:
    """Return the figures of a report: those of each pool, the prediction, the options of each plan.

    A figure without data is left out: the shares of a pool without picks; the heat map and the days if no
    pick has a time; the positions if no isolate with two picks is known; the 429s if there is none with
    a time; the prediction without a model; the options of a plan that compares none.

    Parameters
    ----------
    report
        The report on a log.
    models
        What was fitted to its pools.
    plan
        A plan for its pools.
    """
    found = [of_pool(pool) for pool in report.pools for of_pool in _OF_POOL]
    found.append(prediction_figure(models))
    found += [options_figure(pool) for pool in plan.pools] if plan is not None else []
    return [figure for figure in found if figure is not None]
