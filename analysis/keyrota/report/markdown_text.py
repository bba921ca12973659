"""Markdown from text that may hold anything: escaped words, tables, code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from keyrota.display import visible
from keyrota.report.console import UNBROKEN

_COMMAND: Final = re.compile(r"\\`((?:keyrota|supabase) [A-Za-z -]{1,60})\\`")
"""Our own commands between backquotes stay code."""

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~!&@])")


def escaped(text: str) -> str:
    r"""Return text that Markdown shows as it is.

    Examples
    --------
    >>> escaped("a_b | <img>")
    'a\\_b \\| \\<img\\>'
    """
    return _COMMAND.sub(r"`\1`", _SPECIAL.sub(r"\\\1", visible(text.replace(UNBROKEN, " "))))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """Return a table; the first `words` columns stand to the left, the others, numbers, to the right."""
    rule = [":--"] * words + ["--:"] * (len(headings) - words)
    lines = [_row(headings), f"| {' | '.join(rule)} |", *map(_row, rows)]
    return "\n".join(lines)


def code(text: str, language: str = "") -> str:
    """Return a block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(escaped(cell) for cell in cells)} |"
