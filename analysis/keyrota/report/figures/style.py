"""The look of the figures: one palette, one set of parameters, the same on pages, in files and notebooks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Concatenate, Final, ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

P = ParamSpec("P")

INK: Final = "#1a1a1a"
"""Text and axes. Near black, so that the page's filter for dark mode makes it near white."""

GREY: Final = "#6b6b6b"
PALE: Final = "#b8b8b8"

# Okabe and Ito's palette [1]_: told apart by the colour-blind, and by lightness where it matters.
# .. [1] M. Okabe, K. Ito, "Color Universal Design", jfly.uni-koeln.de/color, 2008.
BLUE: Final = "#0072b2"
ORANGE: Final = "#e69f00"
VERMILLION: Final = "#d55e00"
PURPLE: Final = "#cc79a7"
GREEN: Final = "#009e73"

RUST: Final = "#a84300"
"""Vermillion, darkened: beside orange told by lightness alone."""

AREA: Final = "#4c9bd0"
"""Blue, lightened: of areas that lines are drawn over."""

CAUSES: Final = {
    "per-minute": ORANGE,
    "per-day": RUST,
    "tokens-per-minute": PURPLE,
    "no-quota": INK,
    "unknown": PALE,
}
"""Colour of each cause of a 429, in the order in which they are stacked."""

HEAT: Final = LinearSegmentedColormap.from_list("keyrota", ["#e4eef7", "#7fb3d8", "#2a74ad", "#08306b"])
"""Few to many, in steadily falling lightness."""

SMALL: Final = 8.0
"""Points, of labels in tight places."""

_PARAMETERS: Final[dict[str, Any]] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.facecolor": "none",
    "axes.formatter.use_locale": False,
    "axes.grid": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.0,
    "axes.unicode_minus": True,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.05,
    "figure.dpi": 100.0,
    "figure.facecolor": "none",
    "figure.figsize": (4.2, 2.8),
    "font.family": ["sans-serif"],
    # matplotlib's own, so that text is measured alike on every machine; a reader without it sees the
    # sans-serif of the machine, most of which are narrower.
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.7,
    "hatch.linewidth": 1.0,
    "image.interpolation": "none",
    "legend.borderaxespad": 0.0,
    "legend.borderpad": 0.0,
    "legend.columnspacing": 1.2,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 1.3,
    "legend.handletextpad": 0.45,
    "lines.linewidth": 1.6,
    "lines.markersize": 5.0,
    "lines.solid_capstyle": "butt",
    "path.simplify": True,
    "savefig.dpi": 200.0,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "keyrota",
    "svg.image_inline": True,
    "text.color": INK,
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "xtick.major.size": 3.0,
    "xtick.minor.visible": False,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.5,
    "ytick.major.size": 3.0,
    "ytick.minor.visible": False,
}  # fmt: skip


@contextmanager
def style() -> Iterator[None]:
    """Draw in the look of the house while the context lasts, whatever the user's own settings are.

    The functions ``draw_...`` do so by themselves; with this around, the figure that they draw into does
    too. Text is never read as math: a name out of a log may hold dollar signs.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> with style():
    ...     figure = Figure(layout="constrained")
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        parameters: Any = mpl.rcParams
        parameters.update(_PARAMETERS)
        yield


def in_style(draw: Callable[Concatenate[Axes, P], None]) -> Callable[Concatenate[Axes, P], None]:
    """Make a function draw in the look of the house into Axes that were made in any other."""

    @functools.wraps(draw)
    def styled(ax: Axes, /, *args: P.args, **more: P.kwargs) -> None:
        with style():
            _restyle(ax)
            draw(ax, *args, **more)

    return styled


def _restyle(ax: Axes) -> None:
    """Give what came with the Axes the look of the house."""
    ax.set_facecolor("none")
    for name, spine in ax.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_edgecolor(GREY)
        spine.set_linewidth(mpl.rcParams["axes.linewidth"])
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_fontsize(mpl.rcParams["axes.labelsize"])
        axis.label.set_color(INK)
        axis.label.set_parse_math(False)
    ax.tick_params(
        color=GREY, labelcolor=INK, labelsize=mpl.rcParams["xtick.labelsize"],
        size=mpl.rcParams["xtick.major.size"], labelfontfamily="sans-serif",
    )  # fmt: skip
    ax.grid(visible=False)
