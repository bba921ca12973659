"""Run charts: the positions that a few isolates picked, one after the other."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from keyrota.display import count
from keyrota.report.figures.figure import WIDTH_IN, ReportFigure
from keyrota.report.figures.marks import clean, count_axis, legend_above
from keyrota.report.figures.periods import minute_in_words
from keyrota.report.figures.style import BLUE, GREY, SMALL, VERMILLION, in_style
from keyrota.report.schema import PoolReport, RunReport
from keyrota.rotation.policies import step

LEAST_PICKS: Final = 8
"""Of the x axis: two picks are not drawn out over all of it."""

_BAND: Final = 0.62
"""Height of the positions of one isolate, of the distance to the next."""


@in_style
def draw_positions(ax: Axes, pool: PoolReport) -> None:
    """Draw the positions that some isolates picked, pick after pick, each isolate in a band of its own.

    Under round robin a band is a saw-tooth. A pick that is not one step after the one before it is a
    diamond.

    Parameters
    ----------
    ax
        Where to draw.
    pool
        The pool, of a report.
    """
    runs = _drawn(pool)
    if not runs:
        ax.set_axis_off()
        return
    longest = max([LEAST_PICKS, *(len(run.positions) for run in runs)])
    for place, run in enumerate(runs):
        _draw_band(ax, place, run)
    ax.set_yticks(range(len(runs)), [_name(number, run) for number, run in enumerate(runs, 1)])
    ax.tick_params(axis="y", length=0, labelsize=SMALL)
    ax.set_ylim(len(runs) - 0.5, -0.5)
    ax.set_xlim(0.5 - 0.01 * longest, longest + 0.5 + 0.01 * longest)
    count_axis(ax.xaxis, nbins=6)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("pick of the isolate")
    ax.annotate(
        "position", (1.0, 1.0), xycoords="axes fraction", xytext=(12, 3), textcoords="offset points",
        ha="right", fontsize=SMALL, color=GREY,
    )  # fmt: skip
    if any(_broken(run).any() for run in runs):
        marks = [
            Line2D([], [], color=BLUE, marker="o", linewidth=0.9, markersize=3.6, label="one step on"),
            Line2D([], [], color=VERMILLION, marker="D", linestyle="none", label="other step"),
        ]
        legend_above(ax, marks)


def _draw_band(ax: Axes, place: int, run: RunReport) -> None:
    """Draw one isolate between two lines: position 1 on the lower, the last position on the upper."""
    positions, is_broken = np.asarray(run.positions), _broken(run)
    picks = np.arange(1, len(positions) + 1)
    lower, upper = place + _BAND / 2, place - _BAND / 2
    heights = lower - _BAND * (positions - 1) / max(1, run.size - 1)
    for edge, position in [(lower, 1), (upper, run.size)][: 2 if run.size > 1 else 1]:
        ax.axhline(edge, color="#dddddd", linewidth=0.7, zorder=0)
        ax.annotate(
            f"{position}", (1.0, edge), xycoords=ax.get_yaxis_transform(), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=7.5, color=GREY,
        )  # fmt: skip
    ax.plot(picks, heights, color=BLUE, linewidth=0.9, alpha=0.6)
    ax.plot(picks[~is_broken], heights[~is_broken], "o", color=BLUE, markersize=3.6)
    ax.plot(picks[is_broken], heights[is_broken], "D", color=VERMILLION, markersize=4.6)


def _name(number: int, run: RunReport) -> str:
    return f"isolate {number}" + (f"\n{minute_in_words(run.first)}" if run.first is not None else "")


def positions_figure(pool: PoolReport) -> ReportFigure | None:
    """Return the run charts; ``None`` if the log shows no isolate with two picks."""
    runs = _drawn(pool)
    if not runs:
        return None
    broken = sum(int(_broken(run).sum()) for run in runs)
    steps = sum(len(run.positions) - 1 for run in runs)
    begins = ", ".join(" ".join(map(str, run.positions[:4])) for run in runs[:3])
    return ReportFigure(
        name="positions",
        pool=pool.name,
        title="Positions that a few isolates picked, one after the other",
        alt=(
            f"The longest runs of pool {clean(pool.name)}, of {count(len(runs), 'isolate')}: they "
            f"begin {begins}. {broken:,} of {count(steps, 'step')} shown go elsewhere than "
            "to the next position."
        ),
        columns=("isolate", "first pick (UTC)", "picks", "positions"),
        rows=tuple(
            (
                str(number),
                "-" if run.first is None else run.first[:19].replace("T", " "),
                f"{run.picks:,}",
                " ".join(map(str, run.positions)) + (" …" if run.picks > len(run.positions) else ""),
            )
            for number, run in enumerate(runs, 1)
        ),
        draw=lambda ax: draw_positions(ax, pool),
        size=(WIDTH_IN, 0.75 + 0.58 * len(runs)),
    )


def _drawn(pool: PoolReport) -> list[RunReport]:
    """Return the isolates that show a step."""
    return [run for run in pool.runs if len(run.positions) > 1]


def _broken(run: RunReport) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    positions = np.asarray(run.positions, dtype=np.int64)
    broken = np.zeros(len(positions), dtype=bool)
    if len(positions) > 1 and run.size > 1:
        broken[1:] = step(positions[:-1], positions[1:], run.size) != 1 % run.size
    return broken
