"""A mark at one rate of a share curve: the reader's own."""

from __future__ import annotations

from matplotlib.axes import Axes

from keyrota.report.figures.style import PURPLE, SMALL, in_style


@in_style
def mark_rate(ax: Axes, rate_per_min: float, words: str = "your rate") -> None:
    """Mark a rate with a line, and name it beside.

    Parameters
    ----------
    ax
        With a share curve.
    rate_per_min
        Requests a minute.
    words
        What it is.
    """
    ax.axvline(rate_per_min, color=PURPLE, linewidth=1.4, linestyle=(0, (5, 1.5, 1, 1.5)), zorder=1.5)
    is_left = rate_per_min < 0.75 * ax.get_xlim()[1]
    ax.annotate(
        words, (rate_per_min, 0.98), xycoords=("data", "axes fraction"), xytext=(4 if is_left else -4, 0),
        textcoords="offset points", ha="left" if is_left else "right", va="top", fontsize=SMALL,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
    )  # fmt: skip
