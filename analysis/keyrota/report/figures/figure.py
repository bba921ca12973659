"""A figure of the report: the drawing, its text alternative, and its numbers as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes

WIDTH_IN: Final = 4.2
"""Inches, of every figure: shrunk to a page of 360 px its letters are still legible."""

MOST_ROWS: Final = 200
"""Of the table beside a figure."""


@dataclass(frozen=True)
class ReportFigure:
    """One figure.

    Parameters
    ----------
    name
        What it shows, of a fixed list: see `keyrota.report.figures.NAMES`.
    pool
        The pool, ``None`` if it is about all of them.
    title
        A heading, plain text.
    alt
        The text alternative: what is to be seen, with the numbers.
    columns, rows
        The numbers as a table of text, at most `MOST_ROWS` rows.
    draw
        Draws it into an empty Axes.
    size
        Width and height, inches.
    """

    name: str
    pool: str | None
    title: str
    alt: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    draw: Callable[[Axes], None]
    size: tuple[float, float]
