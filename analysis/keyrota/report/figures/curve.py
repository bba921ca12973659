"""The share of 429s against the arrival rate, with the target and the usable rate."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from keyrota.planning.share_curve import ShareCurve
from keyrota.report.figures.figure import MOST_ROWS, WIDTH_IN, ReportFigure
from keyrota.report.figures.marks import clean, legend_above, number_axis, percent, percent_axis
from keyrota.report.figures.style import BLUE, GREY, INK, ORANGE, VERMILLION, in_style


@in_style
def draw_share_curve(ax: Axes, curve: ShareCurve) -> None:
    """Draw the share of 429s at each arrival rate, the target, and the usable rate.

    Parameters
    ----------
    ax
        Where to draw.
    curve
        The shares, by theory, by simulation with its 95 % interval, or both.
    """
    rates = np.asarray(curve.rate_per_min, dtype=float)
    marks = []
    if curve.theory_share is not None:
        marks += ax.plot(rates, curve.theory_share, color=ORANGE, label="theory")
    if curve.simulated_share is not None:
        shares = np.asarray(curve.simulated_share, dtype=float)
        if curve.simulated_low is not None and curve.simulated_high is not None:
            for rate, low, high in zip(rates, curve.simulated_low, curve.simulated_high, strict=True):
                ax.plot([rate, rate], [low, high], color=BLUE, linewidth=2.4, alpha=0.55)
        marks += ax.plot(rates, shares, "o", color=BLUE, label="simulated, 95 %")
    shown = [
        column
        for column in (curve.theory_share, curve.simulated_share, curve.simulated_high)
        if column is not None
    ]
    highest = float(
        np.nanmax([*map(np.nanmax, (c for c in shown if np.isfinite(c).any())), 2.5 * curve.target])
    )
    top = min(1.02, 1.06 * highest)
    last = float(max([*rates, curve.nominal_per_min or 0.0, curve.usable_per_min or 0.0]))
    ax.set_xlim(0, 1.03 * last or 1.0)
    ax.set_ylim(0, top)
    target = f"target {100 * curve.target:.3g} %"
    marks.append(ax.axhline(curve.target, color=INK, linewidth=1.1, linestyle=(0, (4, 2)), label=target))
    for rate, words, color in (
        (curve.usable_per_min, "usable", VERMILLION),
        (curve.nominal_per_min, "nominal", GREY),
    ):
        if rate is not None:
            marks.append(ax.axvline(rate, color=color, linewidth=1.4 if words == "usable" else 1.0,
                                    linestyle="-" if words == "usable" else (0, (1, 2)),
                                    label=f"{words} {rate:,.3g}/min"))  # fmt: skip
    percent_axis(ax.yaxis)
    number_axis(ax.xaxis)
    ax.grid(axis="y")
    ax.set_xlabel("requests per minute")
    ax.set_ylabel("share of 429s")
    legend_above(ax, marks)


def share_curve_figure(curve: ShareCurve) -> ReportFigure:
    """Return the share of 429s against the rate, with its text and its numbers."""
    usable = "unknown" if curve.usable_per_min is None else f"{curve.usable_per_min:,.3g} requests a minute"
    nominal = "" if curve.nominal_per_min is None else f", nominal {curve.nominal_per_min:,.4g}"
    step = max(1, -(-len(curve.rate_per_min) // MOST_ROWS))
    return ReportFigure(
        name="share-curve",
        pool=None,
        title="Share of 429s by arrival rate",
        alt=(
            f"{clean(curve.label, 80)}: usable rate at {percent(curve.target)} 429s {usable}{nominal}; "
            f"{_at(curve, len(curve.rate_per_min) - 1)}."
        ),
        columns=("requests/min", "theory", "simulated", "95 % interval"),
        rows=tuple(_row(curve, place) for place in range(0, len(curve.rate_per_min), step)),
        draw=lambda ax: draw_share_curve(ax, curve),
        size=(WIDTH_IN, 3.0),
    )


def _at(curve: ShareCurve, place: int) -> str:
    column = curve.theory_share if curve.theory_share is not None else curve.simulated_share
    assert column is not None
    return f"at {curve.rate_per_min[place]:,.3g} a minute the share is {percent(float(column[place]))}"


def _row(curve: ShareCurve, place: int) -> tuple[str, ...]:
    def cell(column: np.ndarray | None) -> str:
        return "-" if column is None or not np.isfinite(column[place]) else percent(float(column[place]), 2)

    low, high = cell(curve.simulated_low), cell(curve.simulated_high)
    return (
        f"{curve.rate_per_min[place]:,.4g}",
        cell(curve.theory_share),
        cell(curve.simulated_share),
        "-" if "-" in (low, high) else f"{low} to {high}",
    )
