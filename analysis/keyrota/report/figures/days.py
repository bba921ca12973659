"""The use of each Pacific day against the limit of a day."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from keyrota.display import count
from keyrota.report.figures.figure import MOST_ROWS, WIDTH_IN, ReportFigure
from keyrota.report.figures.marks import FAR, clean, count_axis, legend_above, percent
from keyrota.report.figures.periods import draw_days_axis
from keyrota.report.figures.style import AREA, INK, RUST, SMALL, in_style
from keyrota.report.schema import DayReport, PoolReport

MOST_DAYS: Final = 366
"""The latest; a bar would be narrower than a hair."""

FEW_DAYS: Final = 10
"""So many have words on their bars."""

_PART: Final = "////"
"""Hatching of a day that the log covers in part."""


@in_style
def draw_days(ax: Axes, pool: PoolReport) -> None:
    """Draw the calls of each Pacific day against the pool's limit, and the days on which keys were exhausted.

    Days that the log covers only in part are hatched. Of more than 366 days the latest are drawn.

    Parameters
    ----------
    ax
        Where to draw.
    pool
        The pool, of a report.
    """
    days = pool.usage.days[-MOST_DAYS:]
    if not days:
        ax.set_axis_off()
        return
    at = np.array([_ordinal(day) for day in days], dtype=float)
    picks = np.array([day.picks for day in days], dtype=float)
    width = 0.8 if _span(days) < 40 else 1.0
    for is_whole in (True, False):
        chosen = [place for place, day in enumerate(days) if day.is_whole == is_whole]
        _bars(ax, at[chosen], picks[chosen], width, is_whole=is_whole)
    highest, marks = _draw_limits(ax, days, at, float(picks.max()))
    spent = [place for place, day in enumerate(days) if day.exhausted_at is not None]
    row = ax.get_xaxis_transform()
    ax.plot(at[spent] + 0.5, [0.94] * len(spent), "v", color=RUST, markersize=5.0, transform=row)
    if _span(days) < FEW_DAYS:
        for place in spent:
            ax.annotate(
                f"{len(days[place].exhausted) or 1}", (at[place] + 0.5, 0.94), xycoords=row,
                xytext=(6, 0), textcoords="offset points", va="center", fontsize=SMALL,
            )  # fmt: skip
    pad = 0.3 if _span(days) < 40 else 0.0
    draw_days_axis(ax, at[0], at[-1] + 1)
    ax.set_xlim(at[0] - pad, at[-1] + 1 + pad)
    ax.set_ylim(0, (1.2 if spent else 1.08) * highest)
    count_axis(ax.yaxis)
    ax.set_ylabel("calls per day")
    legend_above(ax, [*_legend(days), *marks])


def _bars(
    ax: Axes, at: NDArray[np.float64], heights: NDArray[np.float64], width: float, *, is_whole: bool
) -> None:
    """Draw bars as one shape: each from its day's begin, with the day's margin around it."""
    if not len(at):
        return
    margin = (1 - width) / 2
    edges = np.unique(np.concatenate([at + margin, at + 1 - margin]))
    values = np.zeros(len(edges) - 1)
    values[np.searchsorted(edges, at + margin)] = heights
    look: dict[str, Any] = {"facecolor": AREA} if is_whole else {"facecolor": "none", "hatch": _PART}
    ax.stairs(values, edges, fill=True, edgecolor=AREA, linewidth=0.0 if is_whole else 0.8, **look)


def _draw_limits(
    ax: Axes, days: list[DayReport], at: NDArray[np.float64], top: float
) -> tuple[float, list[Line2D]]:
    """Draw the limit of each day that has one; return the highest drawn, and what the legend says."""
    known = sorted({day.limit for day in days if day.limit is not None})
    if not known:
        return max(1.0, top), []
    dashes = (0, (4, 2))
    is_far = known[-1] > FAR * max(top, 1.0)
    words = f"limit {known[0]:,}" + (f" to {known[-1]:,}" if len(known) > 1 else "")
    mark = Line2D([], [], color=INK, linewidth=1.2, linestyle=dashes,
                  label=words + (" (far above)" if is_far else ""))  # fmt: skip
    if is_far:
        return max(1.0, top), [mark]
    place = 0
    while place < len(days):
        last = place
        while last + 1 < len(days) and days[last + 1].limit == days[place].limit:
            last += 1
        if (limit := days[place].limit) is not None:
            ax.plot([at[place] - 0.3, at[last] + 1.3], [limit] * 2, color=INK, linewidth=1.2,
                    linestyle=dashes, zorder=3)  # fmt: skip
        place = last + 1
    return max(1.0, top, float(known[-1])), [mark]


def _legend(days: list[DayReport]) -> list[Line2D | Patch]:
    marks: list[Line2D | Patch] = []
    if any(not day.is_whole for day in days):
        marks += (
            [Patch(facecolor=AREA, label="log from midnight on")] if any(day.is_whole for day in days) else []
        )
        marks.append(Patch(facecolor="none", edgecolor=AREA, hatch=_PART, label="log begins later"))
    if any(day.exhausted_at is not None for day in days):
        words = "a key exhausted" if _span(days) >= FEW_DAYS else "number of keys exhausted"
        marks.append(Line2D([], [], color=RUST, marker="v", linestyle="none", label=words))
    return marks


def days_figure(pool: PoolReport) -> ReportFigure | None:
    """Return the use of the Pacific days; ``None`` if no call has a time."""
    days = pool.usage.days
    if not days:
        return None
    most = max(days, key=lambda day: day.picks)
    spent = [day for day in days if day.exhausted_at is not None]
    limit = (
        f" of {most.limit:,} that its limit lets pass"
        if most.limit is not None
        else ", without a known limit"
    )
    alt = (
        f"Calls of pool {clean(pool.name)} on {count(len(days), 'Pacific day')}: the most, "
        f"{most.picks:,}{limit}, on {most.date}. "
    )
    alt += (
        f"A key was exhausted on {count(len(spent), 'day')}, first on {spent[0].date} at "
        f"{(spent[0].exhausted_at or '')[11:16]} UTC."
        if spent
        else "No key was exhausted."
    )
    return ReportFigure(
        name="days",
        pool=pool.name,
        title="Use of the Pacific days against the limit of a day",
        alt=alt,
        columns=(
            "Pacific day",
            "calls",
            "limit",
            "used",
            "first key exhausted (UTC)",
            "keys exhausted",
            "covered",
        ),
        rows=tuple(_row(day) for day in days[-MOST_ROWS:]),
        draw=lambda ax: draw_days(ax, pool),
        size=(WIDTH_IN, 2.5),
    )


def _row(day: DayReport) -> tuple[str, ...]:
    return (
        day.date,
        f"{day.picks:,}",
        "-" if day.limit is None else f"{day.limit:,}",
        percent(day.picks / day.limit) if day.limit else "-",
        "-" if day.exhausted_at is None else day.exhausted_at[:19].replace("T", " "),
        f"{len(day.exhausted):,}",
        "from midnight" if day.is_whole else "from later on",
    )


def _span(days: list[DayReport]) -> int:
    return _ordinal(days[-1]) - _ordinal(days[0])


def _ordinal(day: DayReport) -> int:
    return dt.date.fromisoformat(day.date).toordinal()
