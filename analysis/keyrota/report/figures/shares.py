"""The share of each key with its interval against what is expected."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from keyrota.display import count, listed
from keyrota.report.figures.figure import MOST_ROWS, WIDTH_IN, ReportFigure
from keyrota.report.figures.marks import clean, legend_above, percent, percent_axis, rows_axis
from keyrota.report.figures.style import BLUE, INK, SMALL, VERMILLION, in_style
from keyrota.report.schema import KeyReport, PoolReport

MOST_KEYS = 60
"""Rows; of a larger pool those that are furthest from what is expected."""

MOST_TOLD = 6
"""Keys that the text alternative names one by one."""

FEW_KEYS = 12
"""So many have their share written beside them."""


@in_style
def draw_shares(ax: Axes, pool: PoolReport) -> None:
    """Draw the share of each key as a point with its simultaneous 95 % interval, and what is expected.

    A key whose interval leaves out the expected share is a diamond. Of more than 60 keys those are drawn
    that are furthest from what is expected.

    Parameters
    ----------
    ax
        Where to draw.
    pool
        The pool, of a report.
    """
    keys = _drawn(pool)
    for place, key in enumerate(keys):
        color = VERMILLION if _is_off(key) else BLUE
        ax.plot([key.share_low, key.share_high], [place, place], color=color, linewidth=2.4, alpha=0.55)
        ax.plot([key.share], [place], "D" if _is_off(key) else "o", color=color, markersize=5.0)
        ax.plot([key.expected_share] * 2, [place - 0.36, place + 0.36], color=INK, linewidth=1.4, zorder=3)
        if len(keys) <= FEW_KEYS:
            ax.annotate(
                percent(key.share), (1.0, place), xycoords=ax.get_yaxis_transform(), xytext=(6, 0),
                textcoords="offset points", va="center", fontsize=SMALL,
            )  # fmt: skip
    rows_axis(ax, [name_of_key(key) for key in keys])
    low = min((min(key.share_low, key.expected_share) for key in keys), default=0.0)
    high = max((max(key.share_high, key.expected_share) for key in keys), default=1.0)
    low = 0.0 if low < 0.4 * high else low
    pad = 0.06 * (high - low)
    ax.set_xlim(max(low - pad, -0.02 * high), high + pad)
    percent_axis(ax.xaxis)
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("share of the pool's picks")
    marks = [
        Line2D([], [], color=INK, marker="|", markersize=9, markeredgewidth=1.4, linestyle="none",
               label="expected"),
        Line2D([], [], color=BLUE, marker="o", linewidth=2.4, label="share, 95 % interval"),
        Line2D([], [], color=VERMILLION, marker="D", linewidth=2.4, label="expected left out"),
    ]  # fmt: skip
    legend_above(ax, [mark for mark in marks if mark.get_marker() != "D" or any(map(_is_off, keys))])


def shares_figure(pool: PoolReport) -> ReportFigure | None:
    """Return the figure of the shares; ``None`` without a pick."""
    if not pool.picks or not pool.keys:
        return None
    drawn = _drawn(pool)
    height = 0.95 + (0.25 if len(drawn) <= FEW_KEYS else 0.17 if len(drawn) <= 30 else 0.1) * len(drawn)
    return ReportFigure(
        name="shares",
        pool=pool.name,
        title="Share of each key against what is expected",
        alt=_alt(pool),
        columns=("key", "place", "picks", "share", "expected", "95 % interval"),
        rows=tuple(
            (
                name_of_key(key),
                "-" if key.position is None else str(key.position),
                f"{key.picks:,}",
                percent(key.share),
                percent(key.expected_share),
                f"{percent(key.share_low)} to {percent(key.share_high)}",
            )
            for key in pool.keys[:MOST_ROWS]
        ),
        draw=lambda ax: draw_shares(ax, pool),
        size=(WIDTH_IN, height),
    )


def name_of_key(key: KeyReport) -> str:
    """Return how a figure calls a key: by its number, else by its place.

    Examples
    --------
    >>> name_of_key(KeyReport(7, 1, 10, 0.5, 0.5, 0.4, 0.6))
    'key 7'
    """
    if key.key is not None:
        return f"key {key.key}"
    return "unknown" if key.position is None else f"place {key.position}"


def _drawn(pool: PoolReport) -> list[KeyReport]:
    keys = list(pool.keys)
    if len(keys) <= MOST_KEYS:
        return keys
    off = sorted(range(len(keys)), key=lambda place: -abs(keys[place].share - keys[place].expected_share))
    return [keys[place] for place in sorted(off[:MOST_KEYS])]


def _is_off(key: KeyReport) -> bool:
    return not key.share_low <= key.expected_share <= key.share_high


def _alt(pool: PoolReport) -> str:
    expected = {percent(key.expected_share) for key in pool.keys}
    each = f", each expected {expected.pop()}" if len(expected) == 1 else ""
    told = [
        f"{name_of_key(key)} {percent(key.share)}"
        + ("" if each else f" (expected {percent(key.expected_share)})")
        for key in pool.keys
    ]
    low, high = (choose(pool.keys, key=lambda key: key.share) for choose in (min, max))
    if len(pool.keys) > MOST_TOLD:
        told = [
            f"from {percent(low.share)} of {name_of_key(low)} to {percent(high.share)} of {name_of_key(high)}"
        ]
    off = [name_of_key(key) for key in pool.keys if _is_off(key)]
    verdict = (
        f"The 95 % {'interval' if len(off) == 1 else 'intervals'} of {listed(off)} "
        f"{'leaves' if len(off) == 1 else 'leave'} out the expected share."
        if off
        else "Every 95 % interval holds the expected share."
    )
    more = "" if len(pool.keys) <= MOST_KEYS else f" The {MOST_KEYS} keys furthest from it are drawn."
    return (
        f"Shares of {count(pool.picks, 'pick')} of pool {clean(pool.name)} over "
        f"{count(len(pool.keys), 'key')}{each}: {listed(told)}. {verdict}{more}"
    )
