"""Usable rates by pool size, beside the nominal rate and theory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from keyrota.display import count
from keyrota.report.figures.figure import MOST_ROWS, WIDTH_IN, ReportFigure
from keyrota.report.figures.marks import clean, count_axis, legend_above, number_axis
from keyrota.report.figures.style import BLUE, INK, ORANGE, in_style

if TYPE_CHECKING:
    from keyrota.report.onset import PoolOnsetReport, SizeReport
    from keyrota.simulation.estimates import Quantity


@in_style
def draw_onset(ax: Axes, pool_onset: PoolOnsetReport) -> None:
    """Draw the usable rate of each pool size with its 95 % interval, beside nominal rate and theory.

    Where a pool has a daily limit as well, that of the minute limit alone is drawn: the rates of a burst,
    not those round the clock.

    Parameters
    ----------
    ax
        Where to draw.
    pool_onset
        The usable rates of one pool.
    """
    sizes = pool_onset.sizes
    keys = [size.keys for size in sizes]
    marks = ax.plot(keys, [_nominal(size) for size in sizes], color=INK, linewidth=1.1, linestyle=(0, (4, 2)),
                    marker="_", label="nominal")  # fmt: skip
    theory = [(size.keys, rate) for size in sizes if (rate := _theory(size)) is not None]
    if theory:
        marks += ax.plot(*zip(*theory, strict=True), color=ORANGE, linewidth=1.4, label="usable, theory")
    told = [(size.keys, usable) for size in sizes if (usable := _usable(size)).estimate is not None]
    for size, usable in told:
        if usable.ci_low is not None and usable.ci_high is not None:
            ax.plot([size, size], [usable.ci_low, usable.ci_high], color=BLUE, linewidth=2.4, alpha=0.55)
    marks += ax.plot([size for size, _ in told], [usable.estimate or 0.0 for _, usable in told], "o",
                     color=BLUE, label="usable, simulated")  # fmt: skip
    highest = max(
        [_nominal(size) for size in sizes] + [usable.ci_high or usable.estimate or 0 for _, usable in told]
    )
    ax.set_ylim(0, 1.06 * highest or 1.0)
    pad = max(0.5, 0.03 * (keys[-1] - keys[0]))
    ax.set_xlim(keys[0] - pad, keys[-1] + pad)
    count_axis(ax.xaxis, nbins=7)
    number_axis(ax.yaxis)
    ax.grid(axis="y")
    ax.set_xlabel("keys in the pool")
    ax.set_ylabel("requests per minute")
    legend_above(ax, marks)


def onset_figure(pool_onset: PoolOnsetReport) -> ReportFigure | None:
    """Return the usable rates of a pool; ``None`` without a size."""
    sizes = pool_onset.sizes
    if not sizes:
        return None
    first, last = sizes[0], sizes[-1]
    alt = f"Usable rate of pool {clean(pool_onset.pool)}, in requests a minute: " + "; ".join(
        f"with {count(size.keys, 'key')} {_told(_usable(size))}, nominal {_nominal(size):,.4g}"
        for size in ([first] if first is last else [first, last])
    )
    return ReportFigure(
        name="onset",
        pool=pool_onset.pool,
        title="Usable rate by pool size",
        alt=alt + ".",
        columns=("keys", "nominal (requests/min)", "usable (requests/min)", "95 % interval", "theory"),
        rows=tuple(_row(size) for size in sizes[:MOST_ROWS]),
        draw=lambda ax: draw_onset(ax, pool_onset),
        size=(WIDTH_IN, 3.0),
    )


def _nominal(size: SizeReport) -> float:
    return size.nominal_per_min if size.minute_nominal_per_min is None else size.minute_nominal_per_min


def _usable(size: SizeReport) -> Quantity:
    return size.usable_per_min if size.minute_usable_per_min is None else size.minute_usable_per_min


def _theory(size: SizeReport) -> float | None:
    return size.theory_per_min if size.minute_usable_per_min is None else size.minute_theory_per_min


def _told(usable: Quantity) -> str:
    return "unknown" if usable.estimate is None else f"{usable.estimate:,.3g}"


def _row(size: SizeReport) -> tuple[str, ...]:
    usable, theory = _usable(size), _theory(size)
    return (
        f"{size.keys:,}",
        f"{_nominal(size):,.4g}",
        "-" if usable.estimate is None else f"{usable.estimate:,.3g}",
        "-"
        if usable.ci_low is None or usable.ci_high is None
        else f"{usable.ci_low:,.3g} to {usable.ci_high:,.3g}",
        "-" if theory is None else f"{theory:,.3g}",
    )
