"""What cold starts do to a pool: its usable rate, and how even the shares of its keys are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from matplotlib.axes import Axes

from keyrota.display import count, listed
from keyrota.planning.cold_starts import ColdStarts, IsolatePoint
from keyrota.report.figures.figure import WIDTH_IN, ReportFigure
from keyrota.report.figures.marks import legend_above, number_axis, percent, percent_axis
from keyrota.report.figures.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, in_style
from keyrota.report.quantities import number_in_words, share_in_words
from keyrota.simulation.estimates import Quantity

_SERIES: Final = ((BLUE, "o"), (GREEN, "s"), (ORANGE, "^"), (PURPLE, "D"))


@in_style
def draw_usable_by_cold_starts(ax: Axes, found: ColdStarts) -> None:
    """Draw the usable rate against the share of cold starts, a line for each number of isolates at a time.

    Dashed: one counter for all isolates, by theory; dotted: a plain random choice.

    Parameters
    ----------
    ax
        Where to draw.
    found
        The cases.
    """
    marks = _draw_series(ax, found, [point.usable_per_min for point in found.points])
    for rate, words, dashes in (
        (found.shared_per_min, "one shared counter", (0, (4, 2))),
        (found.random_per_min, "plain random", (0, (1, 2))),
    ):
        marks.append(
            ax.axhline(rate, color=INK, linewidth=1.1, linestyle=dashes, label=f"{words} {rate:.3g}/min")
        )
    ax.set_ylim(0, 1.1 * max([found.shared_per_min, *_highs([p.usable_per_min for p in found.points])]))
    ax.set_ylabel("usable requests per minute")
    legend_above(ax, marks)


@in_style
def draw_unevenness(ax: Axes, found: ColdStarts) -> None:
    """Draw how uneven the keys' counts are against the share of cold starts: 1 is random, 0 is even.

    Parameters
    ----------
    ax
        Where to draw.
    found
        The cases.
    """
    marks = _draw_series(ax, found, [point.unevenness for point in found.points])
    marks.append(ax.axhline(1.0, color=INK, linewidth=1.1, linestyle=(0, (1, 2)), label="random picks"))
    ax.set_ylim(0, 1.1 * max([1.0, *_highs([point.unevenness for point in found.points])]))
    ax.set_ylabel("unevenness over 8,000 requests")
    legend_above(ax, marks)


def usable_by_cold_starts_figure(found: ColdStarts) -> ReportFigure:
    """Return the usable rates with their text and their numbers."""
    return _figure(
        found, "usable-by-cold-starts", f"Usable rate at {percent(found.target)} 429s, {_pool(found)}",
        "usable (requests/min)", lambda point: point.usable_per_min, draw_usable_by_cold_starts,
    )  # fmt: skip


def unevenness_figure(found: ColdStarts) -> ReportFigure:
    """Return the unevenness of the keys with its text and its numbers."""
    return _figure(
        found, "unevenness", f"How uneven the keys are, {_pool(found)}",
        "unevenness", lambda point: point.unevenness, draw_unevenness,
    )  # fmt: skip


def _draw_series(ax: Axes, found: ColdStarts, values: Sequence[Quantity]) -> list[Any]:
    marks: list[Any] = []
    slots = dict.fromkeys(point.slots for point in found.points)
    for nth, number in enumerate(slots):
        color, marker = _SERIES[nth % len(_SERIES)]
        own = [
            (point.cold_share.estimate or 0.0, value)
            for point, value in zip(found.points, values, strict=True)
            if point.slots == number
        ]
        for cold, value in own:
            if value.ci_low is not None and value.ci_high is not None:
                ax.plot([cold, cold], [value.ci_low, value.ci_high], color=color, linewidth=2.4, alpha=0.4)
        marks += ax.plot(
            [cold for cold, _ in own], [value.estimate or 0.0 for _, value in own], color=color,
            marker=marker, linewidth=1.0, label=count(number, "slot"),
        )  # fmt: skip
    ax.set_xlim(-0.02, 1.02)
    percent_axis(ax.xaxis)
    number_axis(ax.yaxis)
    ax.grid(axis="y", color="#dddddd")
    ax.spines["left"].set_edgecolor(GREY)
    ax.set_xlabel("share of cold starts")
    return marks


def _figure(found: ColdStarts, name: str, title: str, heading: str, value_of: Any, draw: Any) -> ReportFigure:
    def told(point: IsolatePoint) -> str:
        return f"{value_of(point).estimate:.2g} at {percent(point.cold_share.estimate or 0.0)}"

    series = [
        f"{count(slots, 'slot')}: {listed([told(point) for point in found.of_slots(slots)], limit=12)}"
        for slots in dict.fromkeys(point.slots for point in found.points)
    ]
    return ReportFigure(
        name=name,
        pool=None,
        title=title,
        alt=(
            f"{title}, by the share of cold starts. {'. '.join(series)}. By theory a random choice has "
            f"{found.random_per_min:.3g} usable requests a minute, one shared counter "
            f"{found.shared_per_min:.3g}."
        ),
        columns=("slots", "life (s)", "cold starts", "picks a run", heading),
        rows=tuple(
            (
                f"{point.slots:,}",
                f"{point.life_s:,g}",
                share_in_words(point.cold_share),
                f"{point.mean_run:,.3g}",
                number_in_words(value_of(point)),
            )
            for point in found.points
        ),
        draw=lambda ax: draw(ax, found),
        size=(WIDTH_IN, 3.2),
    )


def _pool(found: ColdStarts) -> str:
    return f"{count(found.keys, 'key')} of {found.per_minute:,}/min"


def _highs(values: Sequence[Quantity]) -> list[float]:
    return [value.ci_high or value.estimate or 0.0 for value in values]
