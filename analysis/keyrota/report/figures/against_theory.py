"""The engines against theory: how far each case is off, in standard errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes

from keyrota.display import count
from keyrota.planning.against_theory import Comparison
from keyrota.report.console import UNBROKEN
from keyrota.report.figures.figure import WIDTH_IN, ReportFigure
from keyrota.report.figures.marks import legend_above, number_axis, percent
from keyrota.report.figures.style import BLUE, INK, ORANGE, SMALL, in_style
from keyrota.simulation.estimates import Quantity

MOST_Z: Final = 4.0
"""Beyond it lies one case of 16,000 by chance."""

_MARKS: Final = {"compiled": ("o", BLUE), "simpy": ("s", ORANGE)}


@in_style
def draw_against_theory(ax: Axes, comparisons: Sequence[Comparison]) -> None:
    """Draw how far each case is off from theory, in standard errors of the simulation, engine by engine.

    Parameters
    ----------
    ax
        Where to draw.
    comparisons
        The cases, in any order; those of one case stand in one row.
    """
    names = list(dict.fromkeys(comparison.case.name for comparison in comparisons))
    ax.axvspan(-2, 2, color="#eef2f6", zorder=0, linewidth=0)
    ax.axvline(0, color=INK, linewidth=1.0, zorder=1)
    marks = []
    for nth, engine in enumerate(dict.fromkeys(comparison.engine for comparison in comparisons)):
        marker, color = _MARKS.get(engine, ("o", BLUE))
        own = [(c.z, names.index(c.case.name)) for c in comparisons if c.engine == engine]
        marks += ax.plot(
            [max(-MOST_Z, min(MOST_Z, z)) for z, _ in own], [row + 0.16 * (2 * nth - 1) for _, row in own],
            marker, color=color, markersize=4.5, label=engine,
        )  # fmt: skip
    for edge in (-MOST_Z, MOST_Z):
        ax.axvline(edge, color=INK, linewidth=1.0, linestyle=(0, (4, 2)))
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_yticks(range(len(names)), [str(number + 1) for number in range(len(names))])
    ax.tick_params(axis="y", length=0, labelsize=SMALL - 1)
    ax.set_xlim(-1.08 * MOST_Z, 1.08 * MOST_Z)
    number_axis(ax.xaxis, nbins=9)
    ax.grid(axis="x")
    ax.set_ylabel("case")
    ax.set_xlabel("difference from theory (standard errors)")
    legend_above(ax, marks)


def against_theory_figure(comparisons: Sequence[Comparison]) -> ReportFigure:
    """Return the figure of the comparisons, with theory and simulation case by case."""
    cases = {comparison.case.name: comparison.case for comparison in comparisons}
    engines = list(dict.fromkeys(comparison.engine for comparison in comparisons))
    largest = max(comparisons, key=lambda comparison: abs(comparison.z))
    within = sum(abs(comparison.z) <= 2 for comparison in comparisons)
    found = {(comparison.case.name, comparison.engine): comparison for comparison in comparisons}
    return ReportFigure(
        name="against-theory",
        pool=None,
        title="Simulation against theory",
        alt=(
            f"{count(len(cases), 'case')} on {count(len(engines), 'engine')}: {within} of {len(comparisons)} "
            f"differences lie within 2 standard errors; the largest is {largest.z:+.1f} "
            f"({largest.engine}, {largest.case.name})."
        ),
        columns=("", "case", "quantity", "law", "theory", *(f"{engine} (z)" for engine in engines)),
        rows=tuple(
            (
                str(number),
                case.name,
                case.quantity,
                case.law,
                _value(case.expected, case.quantity),
                *(_cell(found.get((case.name, engine))) for engine in engines),
            )
            for number, case in enumerate(cases.values(), 1)
        ),
        draw=lambda ax: draw_against_theory(ax, comparisons),
        size=(WIDTH_IN, 1.0 + 0.16 * len(cases)),
    )


def _cell(comparison: Comparison | None) -> str:
    if comparison is None:
        return "-"
    found: Quantity = comparison.found
    if found.estimate is None or not math.isfinite(comparison.z):
        return "unknown"
    told = f"{_value(found.estimate, comparison.case.quantity)} ({comparison.z:+.1f})"
    return told.replace(" ", UNBROKEN)


def _value(value: float, quantity: str) -> str:
    is_share = quantity in ("429s", "cold starts")
    return percent(value, 2).replace(" ", UNBROKEN) if is_share else f"{value:,.4g}"
