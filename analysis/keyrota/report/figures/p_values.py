"""How often tests call logs unfair, level by level: false alarms where the logs are fair, power where not."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from keyrota.display import count
from keyrota.report.figures.figure import WIDTH_IN, ReportFigure
from keyrota.report.figures.marks import legend_above, percent, percent_axis
from keyrota.report.figures.style import BLUE, GREEN, INK, VERMILLION, in_style
from keyrota.rotation.textbook import LogTests

LEVELS: Final = np.geomspace(1e-3, 1.0, 121)
TOLD: Final = (0.05, 0.01, 0.001)

_LINES: Final = {
    "chi-square": ("chi-square on the shares", VERMILLION, "-"),
    "shares": ("keyrota: shares, runs known", BLUE, "-"),
    "starts": ("keyrota: starts", GREEN, (0, (4, 1.5))),
}


@in_style
def draw_p_values(ax: Axes, tests: LogTests) -> None:
    """Draw the share of logs that each test calls unfair against the level.

    Of fair logs a sound test calls so many unfair as the level says: the dashed line.

    Parameters
    ----------
    ax
        Where to draw.
    tests
        The tests of many logs.
    """
    marks = []
    for name, (words, color, dashes) in _LINES.items():
        p_values = np.sort(tests.p_values[name])
        shares = np.searchsorted(p_values, LEVELS, side="right") / len(p_values)
        drawn = np.where(shares > 0, shares, np.nan) if tests.is_fair else shares
        marks += ax.plot(LEVELS, drawn, color=color, linestyle=dashes, label=words)
    ax.set_xscale("log")
    ax.set_xlim(LEVELS[0], LEVELS[-1])
    if tests.is_fair:
        marks += ax.plot(
            LEVELS, LEVELS, color=INK, linewidth=1.1, linestyle=(0, (1, 2)), label="as it should be"
        )
        ax.set_yscale("log")
        ax.set_ylim(2e-4, 1.2)
        _decades(ax.yaxis)
    else:
        ax.set_ylim(0, 1.02)
        percent_axis(ax.yaxis)
    _decades(ax.xaxis)
    ax.grid(axis="y")
    ax.set_xlabel("level of the test")
    ax.set_ylabel("fair logs called unfair" if tests.is_fair else "faulty logs found")
    legend_above(ax, marks, ncols=1)


def p_values_figure(tests: LogTests) -> ReportFigure:
    """Return the figure of the tests of many logs."""
    found = {level: tests.called_unfair(level) for level in TOLD}
    logs = count(len(tests.chi_square), "fair log" if tests.is_fair else "faulty log")
    case = f"{count(tests.size, 'key')}, {count(tests.run_length, 'pick')} a run"
    bias = "" if tests.is_fair else f", {percent(tests.first_share, 0)} start at key 1"
    told = "; ".join(
        f"at {percent(level)} {', '.join(f'{name} {percent(share)}' for name, share in found[level].items())}"
        for level in TOLD
    )
    return ReportFigure(
        name="p-values",
        pool=None,
        title=f"{'Fair' if tests.is_fair else 'Faulty'}: {case}{bias}",
        alt=f"Share of {logs} of {count(tests.runs, 'run')} that each test calls unfair: {told}.",
        columns=("level", *(words for words, _, _ in _LINES.values())),
        rows=tuple((percent(level), *(percent(found[level][name], 2) for name in _LINES)) for level in TOLD),
        draw=lambda ax: draw_p_values(ax, tests),
        size=(WIDTH_IN, 3.3),
    )


def _decades(axis: Axis) -> None:
    axis.set_major_locator(LogLocator(base=10, numticks=5))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:,.4g} %"))
