"""What a notebook shows: a table, or a figure with its text alternative and its numbers.

A cell that ends in one of these shows it. Everything is escaped: a log may hold markup, and a notebook
runs what it shows.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from keyrota.display import visible
from keyrota.report.console import UNBROKEN

if TYPE_CHECKING:
    from jinja2 import Template

    from keyrota.report.figures import ReportFigure

# The class names keep a notebook from reading dollar signs as formulas. Pictures are on white, as a
# notebook in dark mode does not invert them.
_TABLE: Final = """\
{%- macro table(columns, rows, title="") -%}
{% if title %}<p style="margin: 0.6em 0 0"><strong>{{ title }}</strong></p>{% endif -%}
<table class="tex2jax_ignore mathjax_ignore" style="margin: 0.4em 0; border-collapse: collapse">
<thead><tr>{% for name in columns %}<th scope="col" style="text-align: left; vertical-align: bottom; \
padding: 0.25em 0.7em">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in rows %}
<tr>{% for cell in row %}<td style="text-align: left; vertical-align: top; \
padding: 0.25em 0.7em; max-width: 34em; white-space: normal">{{ cell }}</td>{% endfor %}</tr>{% endfor %}
</tbody></table>
{%- endmacro -%}
"""
_FIGURE: Final = """\
<figure class="tex2jax_ignore mathjax_ignore" style="display: inline-block; vertical-align: top; \
margin: 0.4em 1.5em 0.8em 0; max-width: 100%">
<figcaption style="max-width: {{ width }}px"><strong>{{ title }}</strong></figcaption>
<img src="data:image/svg+xml;base64,{{ data }}" alt="{{ alt }}" \
style="background: #fff; width: {{ width }}px; max-width: 100%">
{% if rows %}<details style="overflow-x: auto"><summary>The numbers</summary>
{{ table(columns, rows) }}</details>{% endif %}
</figure>
"""
_TEXT: Final = """\
<div class="tex2jax_ignore mathjax_ignore" style="max-width: 46em">
{% for title, sentences in paragraphs %}
{% if title %}<p><strong>{{ title }}</strong></p>{% endif %}
<ul>{% for said in sentences %}<li>{{ said }}</li>{% endfor %}</ul>
{% endfor %}
{% for title, code in pieces %}
<details><summary>{{ title }}</summary><pre style="overflow-x: auto">{{ code }}</pre></details>
{% endfor %}
</div>
"""
PIXELS_PER_INCH: Final = 110
"""Of a figure: letters are about as large as those of the text around."""


@dataclass(frozen=True)
class TableView:
    """A table of text that shows itself in a notebook.

    Parameters
    ----------
    columns
        Headings.
    rows
        Cells, each row as long as the headings; what is not text is written as ``str`` writes it.
    title
        What stands above.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str = ""

    def _repr_html_(self) -> str:
        columns, rows = self._cells()
        return _template(_TABLE + "{{ table(columns, rows, title) }}").render(
            columns=columns, rows=rows, title=_clean(self.title)
        )

    def __repr__(self) -> str:
        columns, rows = self._cells()
        title = [_clean(self.title)] if self.title else []
        return "\n".join([*title, *("  ".join(row) for row in [columns, *rows])])

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        return (
            [_clean(str(name)) for name in self.columns],
            [[_clean(str(cell)) for cell in row] for row in self.rows],
        )


@dataclass(frozen=True)
class TextView:
    """Sentences under headings, and code to paste, folded away.

    Parameters
    ----------
    paragraphs
        Each a heading and its sentences.
    pieces
        Each a heading and its code.
    """

    paragraphs: Sequence[tuple[str, Sequence[str]]]
    pieces: Sequence[tuple[str, str]] = ()

    def _repr_html_(self) -> str:
        return _template(_TEXT).render(
            paragraphs=[(_clean(title), [_clean(said) for said in own]) for title, own in self.paragraphs],
            pieces=[(_clean(title), _visible_lines(code)) for title, code in self.pieces],
        )

    def __repr__(self) -> str:
        told = [_clean(line) for title, own in self.paragraphs for line in (title, *own) if line]
        code = [f"{_clean(title)}:\n{_visible_lines(code)}" for title, code in self.pieces]
        return "\n".join([*told, *code])


@dataclass(frozen=True)
class FigureView:
    """Figures that show themselves in a notebook, each with its text alternative and its numbers."""

    figures: tuple[ReportFigure, ...]

    def _repr_html_(self) -> str:
        return "".join(figure_as_html(figure) for figure in self.figures)

    def __repr__(self) -> str:
        return "\n".join(f"{_clean(figure.title)}: {_clean(figure.alt)}" for figure in self.figures)


@dataclass(frozen=True)
class Together:
    """Several of these, one below the other."""

    views: tuple[TableView | TextView | FigureView, ...]

    def _repr_html_(self) -> str:
        return "".join(view._repr_html_() for view in self.views)

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self.views))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> TableView:
    """Return a table as what a cell of a notebook shows.

    Examples
    --------
    >>> table(["pool", "picks"], [("CHAT", 3)])
    pool  picks
    CHAT  3
    """
    return TableView(tuple(columns), tuple(tuple(row) for row in rows), title)


def say(*sentences: str) -> TextView:
    """Return sentences as what a cell of a notebook shows.

    Examples
    --------
    >>> say("Nothing was left out.")
    Nothing was left out.
    """
    return TextView((("", sentences),))


def show(*figures: ReportFigure | None) -> FigureView:
    """Return figures as what a cell of a notebook shows; what there is no figure of is left out.

    Parameters
    ----------
    *figures
        Of `keyrota.report.figures`.
    """
    return FigureView(tuple(figure for figure in figures if figure is not None))


def figure_as_html(figure: ReportFigure, *, with_numbers: bool = True) -> str:
    """Return a figure as a piece of HTML that asks for no other file.

    Parameters
    ----------
    figure
        What is drawn.
    with_numbers
        Whether its numbers stand below, folded away.
    """
    from keyrota.report.figures import as_svg

    return _template(_TABLE + _FIGURE).render(
        title=_clean(figure.title if figure.pool is None else f"{figure.pool}: {figure.title}"),
        alt=_clean(figure.alt),
        data=base64.b64encode(as_svg(figure).encode("utf-8")).decode("ascii"),
        width=round(PIXELS_PER_INCH * figure.size[0]),
        columns=[_clean(name) for name in figure.columns],
        rows=[[_clean(cell) for cell in row] for row in figure.rows] if with_numbers else [],
    )


def _clean(text: str) -> str:
    return visible(text.replace(UNBROKEN, "\u00a0"))


def _visible_lines(code: str) -> str:
    return "\n".join(_clean(line) for line in code.split("\n"))


@cache
def _template(source: str) -> Template:
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(source)
