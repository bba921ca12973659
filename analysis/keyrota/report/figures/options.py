"""The options of a plan: the keys that each takes, beside those of today."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from keyrota.display import count
from keyrota.report.figures.figure import MOST_ROWS, WIDTH_IN, ReportFigure
from keyrota.report.figures.marks import clean, count_axis, legend_above, percent, rows_axis, wrapped
from keyrota.report.figures.style import BLUE, GREEN, GREY, INK, ORANGE, PALE, SMALL, in_style

if TYPE_CHECKING:
    from keyrota.report.plan import OptionReport, PoolPlanReport

_MARKS: Final = {"fixed": ("o", BLUE), "sliding": ("s", ORANGE), "token-bucket": ("^", GREEN)}
_WORDS: Final = {"fixed": "calendar minutes", "sliding": "last 60 s", "token-bucket": "token bucket"}


@in_style
def draw_options(ax: Axes, plan: PoolPlanReport) -> None:
    """Draw the keys that each option of a plan takes, a mark for each way in which the minute may count.

    The line is the number of today's keys; at the right stands the share of 429s with these.

    Parameters
    ----------
    ax
        Where to draw.
    plan
        The plan of one pool.
    """
    rows = _rows(plan)
    most = max([plan.present_keys, *(option.keys or 0 for option in plan.options)])
    today = ax.axvline(
        plan.present_keys, color=INK, linewidth=1.1, linestyle=(0, (4, 2)), zorder=1,
        label=f"today: {plan.present_keys:,}",
    )  # fmt: skip
    for place, options in enumerate(rows.values()):
        _draw_row(ax, place, options, plan.present_keys)
    ax.annotate(
        "429s now", (1.0, 1.0), xycoords="axes fraction", xytext=(6, 0), textcoords="offset points",
        va="bottom", fontsize=SMALL, color=GREY,
    )  # fmt: skip
    rows_axis(ax, [wrapped(words, 17) for words in rows])
    ax.set_xlim(0, 1.08 * max(1, most))
    count_axis(ax.xaxis, nbins=6)
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("keys needed")
    windows = dict.fromkeys(option.window for option in plan.options)
    legend_above(ax, [*(_mark(window) for window in windows), today])


def _draw_row(ax: Axes, place: int, options: Sequence[OptionReport], present_keys: int) -> None:
    """Draw one option: a mark for each window, and the share of 429s with today's keys."""
    keys = [option.keys for option in options if option.keys is not None]
    if keys:
        ax.plot([0, max(keys)], [place, place], color=PALE, linewidth=1.2, zorder=0)
    else:
        ax.annotate(
            "none suffices", (present_keys, place), xytext=(6, 0), textcoords="offset points", va="center",
            fontsize=SMALL,
        )  # fmt: skip
    for nth, option in enumerate(options):
        if option.keys is not None:
            mark = _mark(option.window)
            mark.set_data([option.keys], [place + 0.3 * (nth - (len(options) - 1) / 2)])
            mark.set_zorder(3)
            ax.add_line(mark)
    ax.annotate(
        _now(options[0]), (1.0, place), xycoords=ax.get_yaxis_transform(), xytext=(6, 0),
        textcoords="offset points", va="center", fontsize=SMALL,
    )  # fmt: skip


def _mark(window: str) -> Line2D:
    marker, color = _MARKS.get(window, ("o", BLUE))
    return Line2D([], [], color=color, marker=marker, markersize=5.5, linestyle="none", label=_words(window))


def _words(window: str) -> str:
    return _WORDS.get(window, clean(window))


def options_figure(plan: PoolPlanReport) -> ReportFigure | None:
    """Return the options of a plan; ``None`` if it compares none."""
    if not plan.options:
        return None
    rows = _rows(plan)
    told = [
        f"{clean(words)} takes {' or '.join(_keys(option) for option in options)}"
        for words, options in rows.items()
    ]
    return ReportFigure(
        name="options",
        pool=plan.pool,
        title="Keys that each option takes",
        alt=(
            f"Keys that pool {clean(plan.pool)} needs, today {plan.present_keys:,}: {'; '.join(told)}. "
            f"As it rotates today {_now(plan.options[0])} of requests end in a 429."
        ),
        columns=(
            "option",
            "minute counts",
            "keys",
            "429s with them",
            f"429s with {count(plan.present_keys, 'key')}",
        ),
        rows=tuple(
            (
                clean(option.words, 60),
                _words(option.window),
                "none suffices" if option.keys is None else f"{option.keys:,}",
                "-"
                if option.rejected_share is None or option.rejected_share.estimate is None
                else percent(option.rejected_share.estimate, 2),
                _now(option),
            )
            for option in plan.options[:MOST_ROWS]
        ),
        draw=lambda ax: draw_options(ax, plan),
        size=(WIDTH_IN, 1.0 + 0.42 * len(rows)),
    )


def _rows(plan: PoolPlanReport) -> dict[str, list[OptionReport]]:
    """Return the results of each option, by its words, window after window."""
    rows: dict[str, list[OptionReport]] = {}
    for option in plan.options:
        rows.setdefault(option.words, []).append(option)
    return rows


def _keys(option: OptionReport) -> str:
    window = _words(option.window)
    keys = "no number of keys" if option.keys is None else count(option.keys, "key")
    return f"{keys} ({window})"


def _now(option: OptionReport) -> str:
    share = option.present_rejected_share.estimate
    return "unknown" if share is None else "none" if share == 0 else percent(share)
