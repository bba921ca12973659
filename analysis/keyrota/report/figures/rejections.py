"""429s over time by cause, and beside them the busiest minute and day of one key against its limits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from numpy.typing import NDArray

from keyrota.display import listed
from keyrota.quota.days import PACIFIC
from keyrota.report.figures.figure import MOST_ROWS, WIDTH_IN, ReportFigure
from keyrota.report.figures.marks import clean, count_axis, draw_limits, legend_above, limits_in_words, stairs
from keyrota.report.figures.periods import Columns, columns_of
from keyrota.report.figures.style import AREA, CAUSES, PALE, in_style
from keyrota.report.figures.use import time_heading
from keyrota.report.schema import PoolReport

_PANEL_IN: Final = 1.05
_BETWEEN_IN: Final = 0.5


@in_style
def draw_rejections(ax: Axes, pool: PoolReport) -> None:
    """Draw the 429s of each hour, or Pacific day of a long log, stacked by their cause.

    The cause is what the error states, else what the replay of the calls tells.

    Parameters
    ----------
    ax
        Where to draw.
    pool
        The pool, of a report.
    """
    columns = _columns(pool)
    if columns is None:
        ax.set_axis_off()
        return
    base = np.zeros(len(columns.uses))
    for cause, numbers in _by_cause(columns).items():
        stairs(ax, columns.edges.tolist(), (base + numbers).tolist(), CAUSES.get(cause, PALE), baseline=base)
        base = base + numbers
    columns.draw_axis(ax)
    ax.set_ylim(0, max(1.0, 1.08 * float(base.max())))
    count_axis(ax.yaxis)
    ax.grid(axis="y")
    ax.set_ylabel(f"429s per {columns.unit}")
    legend_above(
        ax,
        [Patch(facecolor=CAUSES.get(cause, PALE), label=clean(cause)) for cause in _by_cause(columns)],
    )


@in_style
def draw_peaks(ax: Axes, pool: PoolReport) -> None:
    """Draw the busiest calendar minute of one key in each hour or day, and the limit of a minute.

    Parameters
    ----------
    ax
        Where to draw.
    pool
        The pool, of a report.
    """
    columns = _columns(pool)
    if columns is None:
        ax.set_axis_off()
        return
    limits = limits_in_words(pool.limits.per_minute) if pool.limits is not None else []
    peaks = columns.largest(lambda use: use.peak_key_per_minute)
    _draw_use(ax, columns, peaks, limits, ("calls per minute", "busiest key"))


@in_style
def draw_day_so_far(ax: Axes, pool: PoolReport) -> None:
    """Draw the calls of the busiest key since Pacific midnight, and the limit of a day.

    Parameters
    ----------
    ax
        Where to draw.
    pool
        The pool, of a report.
    """
    columns = _columns(pool)
    if columns is None:
        ax.set_axis_off()
        return
    limits = limits_in_words(pool.limits.per_day) if pool.limits is not None else []
    words = "busiest key" if columns.is_days else "busiest key so far"
    _draw_use(ax, columns, _day_so_far(columns), limits, ("calls per day", words))


def _draw_use(
    ax: Axes,
    columns: Columns,
    numbers: NDArray[np.float64],
    limits: list[tuple[int, str]],
    words: tuple[str, str],
) -> None:
    stairs(ax, columns.edges.tolist(), numbers.tolist(), AREA)
    highest, marks = draw_limits(ax, limits, float(numbers.max()))
    columns.draw_axis(ax)
    ax.set_ylim(0, 1.1 * highest)
    count_axis(ax.yaxis)
    label, what = words
    ax.set_ylabel(label)
    legend_above(ax, [Patch(facecolor=AREA, label=what), *marks])


def rejections_figure(pool: PoolReport) -> ReportFigure | None:
    """Return 429s over time with the peaks and limits below; ``None`` without a 429 that has a time."""
    columns = _columns(pool)
    if columns is None or not columns.total(lambda use: use.rejections).any():
        return None
    panels = _panels(pool)
    by_cause = _by_cause(columns)
    head = (time_heading(columns), "picks", "429s", *map(clean, by_cause), "busiest minute of a key",
            "busiest key of the day")  # fmt: skip
    numbers = [
        columns.total(lambda use: use.picks), columns.total(lambda use: use.rejections), *by_cause.values(),
        columns.largest(lambda use: use.peak_key_per_minute), _day_so_far(columns),
    ]  # fmt: skip
    names = columns.names()
    return ReportFigure(
        name="rejections",
        pool=pool.name,
        title="429s over time by cause, and the use of the limits of a key",
        alt=_alt(pool, columns),
        columns=head,
        rows=tuple(
            (names[place], *(f"{values[place]:,.0f}" for values in numbers))
            for place in range(max(0, len(names) - MOST_ROWS), len(names))
        ),
        draw=lambda ax: _draw_panels(ax, pool),
        size=(WIDTH_IN, 0.85 + len(panels) * _PANEL_IN + (len(panels) - 1) * _BETWEEN_IN),
    )


def _panels(pool: PoolReport) -> list[Callable[[Axes, PoolReport], None]]:
    panels: list[Callable[[Axes, PoolReport], None]] = [draw_rejections, draw_peaks]
    if pool.limits is not None and limits_in_words(pool.limits.per_day):
        panels.append(draw_day_so_far)
    return panels


@in_style
def _draw_panels(ax: Axes, pool: PoolReport) -> None:
    """Draw the panels one above the other, with one axis of time."""
    panels = _panels(pool)
    ax.set_axis_off()
    between = _BETWEEN_IN / (len(panels) * _PANEL_IN + (len(panels) - 1) * _BETWEEN_IN)
    height = (1 - (len(panels) - 1) * between) / len(panels)
    for place, draw in enumerate(panels):
        panel = ax.inset_axes((0, 1 - height - place * (height + between), 1, height))
        draw(panel, pool)
        if place < len(panels) - 1:
            panel.tick_params(axis="x", labelbottom=False)
            panel.set_xlabel("")


def _columns(pool: PoolReport) -> Columns | None:
    return columns_of(pool.over_time) if pool.over_time is not None else None


def _by_cause(columns: Columns) -> dict[str, NDArray[np.float64]]:
    """Return the 429s of each cause, those of `CAUSES` first, in their order."""
    named = {cause for uses in columns.uses for use in uses for cause in use.by_cause}
    order = [cause for cause in CAUSES if cause in named] + sorted(named.difference(CAUSES))
    found = {
        cause: columns.total(lambda use, cause=cause: use.by_cause.get(cause, 0))  # type: ignore[misc]
        for cause in order
    }
    rest = columns.total(lambda use: max(0, use.rejections - sum(use.by_cause.values())))
    if rest.any():
        found["unknown"] = found.get("unknown", 0) + rest
    return found


def _day_so_far(columns: Columns) -> NDArray[np.float64]:
    """Return the calls of the key with the most on the Pacific day, up to and with each column."""
    numbers = columns.largest(lambda use: use.peak_key_per_day)
    for place in range(1, len(numbers) if not columns.is_days else 0):
        if _pacific_day(columns, place) == _pacific_day(columns, place - 1):
            numbers[place] = max(numbers[place - 1 : place + 1])  # an hour in which nothing happened
    return numbers


def _pacific_day(columns: Columns, place: int) -> int:
    time = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=columns.first + place)
    return time.astimezone(PACIFIC).toordinal()


def _alt(pool: PoolReport, columns: Columns) -> str:
    totals = {cause: int(numbers.sum()) for cause, numbers in _by_cause(columns).items()}
    told = listed([f"{number:,} {clean(cause)}" for cause, number in totals.items() if number])
    numbers = columns.total(lambda use: use.rejections)
    worst = int(numbers.argmax())
    text = (
        f"429s of pool {clean(pool.name)} over time: {told}; the most, {int(numbers[worst]):,}, in the "
        f"{columns.unit} from {columns.names()[worst]}{'' if columns.is_days else ' UTC'}."
    )
    per_minute, per_day = (pool.limits.per_minute, pool.limits.per_day) if pool.limits else (None, None)
    peaks = columns.largest(lambda use: use.peak_key_per_minute)
    for numbers, what, limit in ((peaks, "minute", per_minute), (_day_so_far(columns), "day", per_day)):
        limits = limits_in_words(limit)
        if limits:
            limits_told = " and ".join(f"{value:,} ({word})" for value, word in limits)
            most = int(numbers.max())
            text += f" The busiest {what} of one key has {most:,}; the limit is {limits_told}."
    return text
