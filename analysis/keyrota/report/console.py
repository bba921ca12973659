"""Lines and tables on Rich, for text that people read; no markup is ever read from it."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from keyrota.display import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

UNBROKEN: Final = "\ue000"
"""Stands for a blank at which no line breaks until lines are drawn (Rich breaks at every kind of blank)."""

NO_LIMIT: Final = 400
WIDTH: Final = 100
"""Columns of text that does not go to a terminal."""


@dataclass(frozen=True)
class Line:
    """A line, in one style; `rest` follows in none."""

    text: str
    style: str = ""
    rest: str = ""


@dataclass
class Table:
    """A table without rules: headings, and rows of as many cells.

    Numbers stand to the right, names and a chart (the column without a heading) to the left.
    """

    headings: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def __init__(self, *headings: str) -> None:
        self.headings, self.rows = headings, []

    def row(self, *cells: str) -> None:
        """Add a row."""
        self.rows.append(cells)


def printed(parts: Iterable[Line | Table], *, color: bool, width: int, unicode: bool = True) -> str:
    """Return lines and tables as text, with a newline at the end.

    What a blank that does not break holds together stays on one line, and is printed with a plain one. A
    table is as wide as it is: a number that is cut would be worse than a line that a terminal wraps.
    """
    drawn = []
    for part in parts:
        if isinstance(part, Table):
            drawn.append(rendered([_rich_table(part)], color=color, width=NO_LIMIT))
        else:
            drawn.append(rendered([_rich_line(part)], color=color, width=width))
    text = "".join(drawn).replace(UNBROKEN, " ")
    return text if unicode else text.replace("±", "+-")


def rendered(parts: Iterable[RenderableType], *, color: bool, width: int) -> str:
    """Return what Rich draws as text, without blanks at the ends of lines."""
    from rich.console import Console

    buffer = io.StringIO()
    console = Console(
        file=buffer, width=width, force_terminal=color, no_color=not color, legacy_windows=False,
        highlight=False, emoji=False, markup=False, color_system="standard" if color else None,
    )  # fmt: skip
    for part in parts:
        console.print(part)
    return "\n".join(line.rstrip() for line in buffer.getvalue().split("\n"))


def _rich_line(line: Line) -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    indent = len(line.text) - len(line.text.lstrip())
    text = Text(visible(line.text.lstrip()), line.style)
    text.append(visible(line.rest), "not bold")
    return Padding(text, (0, 0, 0, indent)) if indent else text


def _rich_table(table: Table) -> RenderableType:
    from rich import table as rich_table
    from rich.text import Text

    drawn = rich_table.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for number, heading in enumerate(table.headings):
        is_right = heading and not (number == 0 and _is_words(table))
        drawn.add_column(Text(visible(heading)), justify="right" if is_right else "left", no_wrap=not heading)
    for cells in table.rows:
        drawn.add_row(*(Text(visible(cell)) for cell in cells))
    return drawn


def _is_words(table: Table) -> bool:
    return any(row[0][:1].isalpha() for row in table.rows)
