"""Picks by key and time, as a heat map."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from keyrota.display import count
from keyrota.report.figures.figure import MOST_ROWS, WIDTH_IN, ReportFigure
from keyrota.report.figures.marks import clean, count_axis, rows_axis
from keyrota.report.figures.periods import Columns, columns_of, keys_in
from keyrota.report.figures.style import HEAT, SMALL, in_style
from keyrota.report.schema import PoolReport, UseReport

MOST_KEYS = 60
"""Rows; the picks of keys with fewer are put together."""

OTHERS = "others"
"""All further keys of a large pool together: no row of their own, it would outshine each key."""

FEW_KEYS = 12
"""So many have a column of their own in the table."""


@in_style
def draw_use(ax: Axes, pool: PoolReport) -> None:
    """Draw the picks of each key in each hour, or Pacific day of a long log; nothing where there is none.

    A colour bar is drawn beside the Axes.

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
    keys, picks = _picks(columns)
    edges = columns.edges
    image = ax.imshow(
        np.ma.masked_equal(picks, 0),
        aspect="auto",
        cmap=HEAT,
        vmin=0,
        vmax=max(1.0, float(picks.max())),
        extent=(float(edges[0]), float(edges[-1]), len(keys) - 0.5, -0.5),
        interpolation="none",
    )
    columns.draw_axis(ax)
    rows_axis(ax, [_name(key) for key in keys])
    ax.set_ylim(len(keys) - 0.5, -0.5)
    for edge in range(1, len(keys)) if len(keys) <= FEW_KEYS else ():
        ax.axhline(edge - 0.5, color="white", linewidth=1.0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    bar = ax.figure.colorbar(
        image, ax=ax, location="top", shrink=0.55, aspect=18, anchor=(0.0, 0.0), pad=0.03
    )
    bar.outline.set_visible(False)
    count_axis(bar.ax.xaxis)
    bar.ax.tick_params(length=2)
    bar.ax.annotate(
        f"picks per {columns.unit}\n(blank: none)", (1.0, 0.5), xycoords="axes fraction", xytext=(12, 0),
        textcoords="offset points", va="center", fontsize=SMALL,
    )  # fmt: skip


def use_figure(pool: PoolReport) -> ReportFigure | None:
    """Return the heat map; ``None`` if no pick has a time."""
    columns = _columns(pool)
    if columns is None:
        return None
    keys, picks = _picks(columns)
    busiest = int(picks.sum(axis=0).argmax())
    at = np.unravel_index(int(picks.argmax()), picks.shape)
    unit = columns.unit if columns.width == 1 else "column"
    alt = (
        f"Picks of {count(len(keys), 'key')} of pool {clean(pool.name)} in "
        f"{count(len(columns.uses), unit)}. "
        f"The busiest is {columns.names()[busiest]} with {count(int(picks[:, busiest].sum()), 'pick')}; the "
        f"most of one key are {int(picks[at]):,}, of {_name(keys[at[0]])} at {columns.names()[int(at[1])]}."
    )
    head, rows = _table(columns, keys, picks)
    busiest_keys = f", the {len(keys)} busiest keys" if _has_others(columns, keys) else ""
    height = 1.25 + (0.22 if len(keys) <= FEW_KEYS else 0.14 if len(keys) <= 30 else 0.08) * len(keys)
    return ReportFigure(
        name="use",
        pool=pool.name,
        title=f"Picks by key and {'Pacific day' if columns.is_days else 'hour'}{busiest_keys}",
        alt=alt,
        columns=head,
        rows=rows,
        draw=lambda ax: draw_use(ax, pool),
        size=(WIDTH_IN, height),
    )


def time_heading(columns: Columns) -> str:
    """Return the heading of the column of times of a table."""
    if columns.is_days:
        return "Pacific day" if columns.width == 1 else f"{columns.unit} from"
    return "hour (UTC)"


def _columns(pool: PoolReport) -> Columns | None:
    columns = columns_of(pool.over_time) if pool.over_time is not None else None
    is_used = columns is not None and any(use.picks_per_key for uses in columns.uses for use in uses)
    return columns if is_used else None


def _picks(columns: Columns) -> tuple[list[str], NDArray[np.float64]]:
    """Return the keys, of many the busiest, and their picks of shape (keys, columns)."""
    keys = [key for key in keys_in([use for uses in columns.uses for use in uses]) if key != OTHERS]
    picks = np.stack([columns.total(_picks_of(key)) for key in keys])
    if len(keys) <= MOST_KEYS:
        return keys, picks
    chosen = np.sort(np.argsort(-picks.sum(axis=1), kind="stable")[:MOST_KEYS])
    return [keys[place] for place in chosen], picks[chosen]


def _has_others(columns: Columns, keys: list[str]) -> bool:
    return len(keys_in([use for uses in columns.uses for use in uses])) > len(keys)


def _picks_of(key: str) -> Callable[[UseReport], int]:
    return lambda use: use.picks_per_key.get(key, 0)


def _name(key: str) -> str:
    return f"key {key}" if key.isdigit() else clean(key, 12)


def _table(
    columns: Columns, keys: list[str], picks: NDArray[np.float64]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    names, totals = columns.names()[-MOST_ROWS:], columns.total(lambda use: use.picks)
    places = range(len(columns.uses) - len(names), len(columns.uses))
    if len(keys) <= FEW_KEYS:
        head = (time_heading(columns), "picks", *map(_name, keys))
        return head, tuple(
            (name, f"{totals[place]:,.0f}", *(f"{number:,.0f}" for number in picks[:, place]))
            for name, place in zip(names, places, strict=True)
        )
    head = (time_heading(columns), "picks", "most of one key", "least of one key")
    return head, tuple(
        (
            name,
            f"{totals[place]:,.0f}",
            f"{picks[:, place].max():,.0f} ({_name(keys[int(picks[:, place].argmax())])})",
            f"{picks[:, place].min():,.0f} ({_name(keys[int(picks[:, place].argmin())])})",
        )
        for name, place in zip(names, places, strict=True)
    )
