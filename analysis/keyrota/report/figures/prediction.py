"""The share of 429s that the fitted model predicts, against what the log shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from keyrota.report.figures.figure import MOST_ROWS, WIDTH_IN, ReportFigure
from keyrota.report.figures.marks import clean, legend_above, percent, percent_axis, rows_axis, wrapped
from keyrota.report.figures.style import BLUE, INK, VERMILLION, in_style

if TYPE_CHECKING:
    from keyrota.report.model import PoolModel

MOST_POOLS = 30


@in_style
def draw_prediction(ax: Axes, models: Sequence[PoolModel]) -> None:
    """Draw the share of requests that end in a 429 of each pool: predicted with its interval, and observed.

    Parameters
    ----------
    ax
        Where to draw.
    models
        What was fitted to the pools of a log, at most 30 of them.
    """
    models = models[:MOST_POOLS]
    highest = 0.0
    for place, model in enumerate(models):
        highest = max(
            highest, model.observed_share, model.predicted_share or 0.0, model.predicted_high or 0.0
        )
        if model.predicted_low is not None and model.predicted_high is not None:
            ax.plot(
                [model.predicted_low, model.predicted_high], [place] * 2, color=BLUE, linewidth=7, alpha=0.35
            )
        if model.predicted_share is not None:
            ax.plot([model.predicted_share] * 2, [place - 0.22, place + 0.22], color=BLUE, linewidth=2.0)
        is_off = model.explains is False
        ax.plot(
            [model.observed_share], [place], "D" if is_off else "o", color=VERMILLION if is_off else INK,
            markersize=6.0, zorder=3,
        )  # fmt: skip
    rows_axis(ax, [wrapped(model.pool, 16) for model in models])
    ax.set_xlim(-0.02 * (highest or 0.01), 1.06 * (highest or 0.01))
    percent_axis(ax.xaxis)
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("share of requests that end in a 429")
    marks = [
        Patch(facecolor=BLUE, alpha=0.35, label="predicted, 95 %"),
        Line2D([], [], color=INK, marker="o", linestyle="none", label="observed"),
        Line2D([], [], color=VERMILLION, marker="D", linestyle="none", label="not explained"),
    ]  # fmt: skip
    has_off = any(model.explains is False for model in models)
    legend_above(ax, marks if has_off else marks[:2])


def prediction_figure(models: Sequence[PoolModel]) -> ReportFigure | None:
    """Return predicted against observed; ``None`` without a fitted pool."""
    if not models:
        return None
    told = [
        f"{clean(model.pool)} {percent(model.observed_share)} observed, {_predicted(model)}"
        for model in models[:6]
    ]
    more = f"; and {len(models) - 6} more pools" if len(models) > 6 else ""
    return ReportFigure(
        name="prediction",
        pool=None,
        title="Share of 429s, predicted and observed",
        alt=f"Share of requests that end in a 429: {'; '.join(told)}{more}.",
        columns=("pool", "requests", "observed", "predicted", "95 % interval", "explained"),
        rows=tuple(
            (
                clean(model.pool, 60),
                f"{model.requests:,}",
                percent(model.observed_share),
                "-" if model.predicted_share is None else percent(model.predicted_share),
                "-"
                if model.predicted_low is None or model.predicted_high is None
                else f"{percent(model.predicted_low)} to {percent(model.predicted_high)}",
                "-" if model.explains is None else "yes" if model.explains else "no",
            )
            for model in models[:MOST_ROWS]
        ),
        draw=lambda ax: draw_prediction(ax, models),
        size=(WIDTH_IN, 0.95 + 0.42 * min(MOST_POOLS, len(models))),
    )


def _predicted(model: PoolModel) -> str:
    if model.predicted_share is None or model.predicted_low is None or model.predicted_high is None:
        return "not predicted"
    return (
        f"{percent(model.predicted_share)} predicted ({percent(model.predicted_low)} to "
        f"{percent(model.predicted_high)})"
    )
