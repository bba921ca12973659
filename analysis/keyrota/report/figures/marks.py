"""What the figures share: clean text, axes in per cent, in counts and in time, limits, legends."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from keyrota.display import visible
from keyrota.report.figures.style import INK
from keyrota.report.schema import LimitReport

NAME: Final = 28
"""Characters of a name in a figure."""

FAR: Final = 4.0
"""A limit more than this many times above all that happened is written, not drawn to scale."""

# XML 1.0 has no place for these, and a browser shows nothing of a file with one.
_NO_XML: Final = re.compile("[\ufffe\uffff]")


def clean(text: str, limit: int = NAME) -> str:
    """Return text of a log as it may stand in a figure: visible, on one line, shortened in the middle.

    Examples
    --------
    >>> clean("CHAT"), clean("a" * 30, limit=9)
    ('CHAT', 'aaaa…aaaa')
    """
    text = _NO_XML.sub(lambda match: f"\\u{ord(match.group()):04x}", visible(text))
    if len(text) <= limit:
        return text
    head = limit // 2
    return f"{text[:head]}…{text[len(text) - (limit - head - 1) :]}"


def wrapped(text: str, width: int) -> str:
    """Return clean text on at most two lines of at most `width` characters."""
    return "\n".join(textwrap.wrap(clean(text, 2 * width), width, max_lines=2, placeholder="…")) or "-"


def percent(share: float, digits: int = 1) -> str:
    """Return a share as text.

    Examples
    --------
    >>> percent(0.251), percent(0.00012)
    ('25.1 %', '0.012 %')
    """
    value = 100 * share
    if value and abs(value) < 10.0**-digits:
        return f"{value:.2g} %"
    return f"{value:,.{digits}f} %"


def percent_axis(axis: Axis) -> None:
    """Label an axis of shares in per cent."""
    axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(100 * value, 6):,g} %"))


def count_axis(axis: Axis, nbins: int = 5) -> None:
    """Label an axis of whole numbers."""
    axis.set_major_locator(MaxNLocator(nbins=nbins, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def number_axis(axis: Axis, nbins: int = 5) -> None:
    """Label an axis of numbers."""
    axis.set_major_locator(MaxNLocator(nbins=nbins, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(value, 9):,g}"))


def rows_axis(ax: Axes, labels: Sequence[str], *, size: float | None = None) -> None:
    """Name the rows of a chart of rows, the first on top; of many rows only some."""
    every = 1 if len(labels) <= 30 else 5
    places = [place for place in range(len(labels)) if place % every == (every - 1 if every > 1 else 0)]
    if every > 1 and places[0] != 0:
        places = [0, *places]
    ax.set_yticks(places, [labels[place] for place in places], parse_math=False)
    if size is not None:
        ax.tick_params(axis="y", labelsize=size)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(labels) - 0.4, -0.6)


def legend_above(ax: Axes, handles: Sequence[Any], ncols: int = 2) -> None:
    """Put the legend above the axes, where it covers nothing."""
    if handles:
        ax.legend(
            handles=list(handles),
            loc="lower left",
            bbox_to_anchor=(0.0, 1.03),
            ncols=ncols,
            borderaxespad=0.0,
        )


def limits_in_words(limit: LimitReport | None) -> list[tuple[int, str]]:
    """Return the limits to draw: that which is declared and that in force, each with what tells it.

    Examples
    --------
    >>> limits_in_words(LimitReport(2, 2, 2, 2, 2, 2)), limits_in_words(LimitReport(5, 2, 2, 2, 2, 2))
    ([(2, 'declared')], [(2, 'stated'), (5, 'declared')])
    """
    if limit is None:
        return []
    told: dict[int, str] = {}
    for word, value in (
        ("declared", limit.declared),
        ("stated", limit.stated),
        ("estimated", limit.estimated),
        ("in force", limit.in_force),
    ):
        if value is not None and value not in told and value in (limit.declared, limit.in_force):
            told[value] = word
    return sorted(told.items())


def draw_limits(ax: Axes, limits: Sequence[tuple[int, str]], top: float) -> tuple[float, list[Line2D]]:
    """Draw limits as dashed lines; return the top of the axis that shows them, and what the legend says.

    A limit far above all that happened is only told.

    Parameters
    ----------
    limits
        From `limits_in_words`.
    top
        The largest value that is drawn.
    """
    highest, marks = max(top, 1.0), []
    for nth, (value, word) in enumerate(limits):
        dashes = (0, (4, 2)) if nth == 0 else (0, (1, 1.5))
        is_far = value > FAR * max(top, 1.0)
        if not is_far:
            ax.axhline(value, color=INK, linewidth=1.2, linestyle=dashes, zorder=3)
            highest = max(highest, float(value))
        label = f"limit {value:,} (far above)" if is_far else f"limit {value:,}, {word}"
        marks.append(Line2D([], [], color=INK, linewidth=1.2, linestyle=dashes, label=label))
    return highest, marks


def stairs(ax: Axes, edges: Sequence[float], values: Sequence[float], color: str, **more: Any) -> Any:
    """Draw filled steps as one shape: a file stays small however many there are."""
    base = more.pop("baseline", 0.0)
    return ax.stairs(
        np.asarray(values, dtype=float), np.asarray(edges, dtype=float), baseline=base, fill=True,
        facecolor=color, edgecolor=color, linewidth=0.0, **more,
    )  # fmt: skip
