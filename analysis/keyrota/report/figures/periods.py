"""Time in the figures: the hours or Pacific days of a pool as columns without gaps, and their axis."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from keyrota.quota.days import PACIFIC
from keyrota.report.schema import OverTimeReport, UseReport

MOST_HOURS: Final = 168
"""A longer log is shown by Pacific days."""

MOST_DAYS: Final = 180
"""Columns; a longer log has several days in each."""

MOST_TICKS: Final = 5

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# Fixed, not those of the reader's locale.
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HOURS: Final = (1, 2, 3, 6, 12, 24, 48)
_DAYS: Final = (1, 2, 7, 14, 28, 91, 182, 364)


def moment(iso: str) -> dt.datetime:
    """Return a time of the report.

    Examples
    --------
    >>> moment("2025-11-10T08:00:03.000000000Z").isoformat()
    '2025-11-10T08:00:03+00:00'
    """
    return dt.datetime.fromisoformat(iso[:19]).replace(tzinfo=dt.UTC)


def minute_in_words(iso: str) -> str:
    """Return a time to the minute, for a label."""
    return f"{day_in_words(moment(iso).date())} {moment(iso):%H:%M}"


def day_in_words(day: dt.date) -> str:
    """Return a day and its month, whatever the locale.

    Examples
    --------
    >>> day_in_words(dt.date(2025, 11, 4))
    '4 Nov'
    """
    return f"{day.day} {_MONTHS[day.month - 1]}"


@dataclass(frozen=True)
class Columns:
    """Hours, Pacific days, or groups of days, one after the other without gaps.

    Parameters
    ----------
    first
        Hours since 1970 UTC, or the ordinal of the first Pacific day.
    width
        Of a column, in hours or days.
    is_days
        Whether the columns are Pacific days.
    uses
        What happened in each; empty where nothing did.
    """

    first: int
    width: int
    is_days: bool
    uses: tuple[tuple[UseReport, ...], ...]

    @property
    def unit(self) -> str:
        """What a column is, such as ``"hour"``."""
        return f"{self.width} days" if self.width > 1 else "day" if self.is_days else "hour"

    @property
    def edges(self) -> NDArray[np.float64]:
        """Where the columns begin, and where the last ends, shape (columns + 1,)."""
        return np.asarray(self.first + self.width * np.arange(len(self.uses) + 1), dtype=np.float64)

    def total(self, number: Callable[[UseReport], float]) -> NDArray[np.float64]:
        """Return the sum of a number over each column, shape (columns,)."""
        return np.array([sum(map(number, uses)) for uses in self.uses], dtype=np.float64)

    def largest(self, number: Callable[[UseReport], float | None]) -> NDArray[np.float64]:
        """Return the largest of a number in each column, 0 where there is none, shape (columns,)."""
        return np.array([max((number(use) or 0.0 for use in uses), default=0.0) for uses in self.uses])

    def names(self) -> list[str]:
        """Return the begin of each column, for a table."""
        return [self._name(self.first + self.width * place) for place in range(len(self.uses))]

    def _name(self, at: int) -> str:
        if self.is_days:
            return dt.date.fromordinal(at).isoformat()
        return f"{_EPOCH + dt.timedelta(hours=at):%Y-%m-%d %H:%M}"

    def draw_axis(self, ax: Axes, *, is_labelled: bool = True) -> None:
        """Set the span and the ticks of the x axis."""
        first, last = float(self.edges[0]), float(self.edges[-1])
        ax.set_xlim(first, last)
        draw_days_axis(ax, first, last) if self.is_days else _draw_hours_axis(ax, first, last)
        if not is_labelled:
            ax.tick_params(axis="x", labelbottom=False)
            ax.set_xlabel("")


def columns_of(over_time: OverTimeReport) -> Columns | None:
    """Return the columns of a pool: hours, Pacific days if they are many; ``None`` without a time."""
    if not over_time.hours:
        return None
    hours = [int((moment(use.start) - _EPOCH).total_seconds()) // 3600 for use in over_time.hours]
    if hours[-1] - hours[0] < MOST_HOURS:
        return _columns(zip(hours, over_time.hours, strict=True), width=1, is_days=False)
    days = [moment(use.start).astimezone(PACIFIC).date().toordinal() for use in over_time.days]
    width = math.ceil((days[-1] - days[0] + 1) / MOST_DAYS)
    return _columns(zip(days, over_time.days, strict=True), width=width, is_days=True)


def _columns(uses: Iterable[tuple[int, UseReport]], *, width: int, is_days: bool) -> Columns:
    placed = list(uses)
    first = placed[0][0]
    columns: list[list[UseReport]] = [[] for _ in range((placed[-1][0] - first) // width + 1)]
    for at, use in placed:
        columns[(at - first) // width].append(use)
    return Columns(first, width, is_days, tuple(map(tuple, columns)))


def draw_days_axis(ax: Axes, first: float, last: float) -> None:
    """Label an axis of ordinals of Pacific days, each day from its ordinal to the next."""
    step = next((step for step in _DAYS if (last - first) / step <= MOST_TICKS), None)
    step = step or 364 * math.ceil((last - first) / 364 / MOST_TICKS)
    ticks = np.arange(math.ceil(first), last, step)
    if len(ticks) > 1 and len(ticks) * step > last - first + step / 2:
        ticks = ticks[:-1]
    labels, year = [], None
    for tick in ticks.tolist():
        day = dt.date.fromordinal(int(tick))
        labels.append(day_in_words(day) + (f"\n{day.year}" if day.year != year else ""))
        year = day.year
    ax.set_xticks((ticks + 0.5).tolist(), labels)
    ax.set_xlabel("Pacific day")


def _draw_hours_axis(ax: Axes, first: float, last: float) -> None:
    step = next(step for step in _HOURS if (last - first) / step <= MOST_TICKS)
    ticks = np.arange(step * math.ceil(first / step), last + 1e-9, step)
    labels, day = [], None
    for tick in ticks.tolist():
        time = _EPOCH + dt.timedelta(hours=tick)
        labels.append(f"{time:%H:%M}" + (f"\n{day_in_words(time.date())}" if time.date() != day else ""))
        day = time.date()
    ax.set_xticks(ticks.tolist(), labels)
    ax.set_xlabel("time (UTC)")


def keys_in(columns: Sequence[UseReport]) -> list[str]:
    """Return the names of the keys in some uses: numbers ascending, then the rest."""
    names = {name for use in columns for name in use.picks_per_key}
    return sorted(names, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name))
