"""Where a result goes: standard output or a file, in the colours and the width that fit."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from keyrota.logs.read import Reading


@dataclass(frozen=True)
class TextStyle:
    """How text for people is drawn."""

    color: bool
    width: int
    unicode: bool


def refuse_input(output: Path | None, reading: Reading) -> None:
    """Refuse to write over a log that was read.

    Raises
    ------
    ConfigurationError
        If --output names one of the logs.
    """
    if output is None:
        return
    target = os.path.realpath(output)
    for source in reading.input.sources:
        if os.path.realpath(source.name) == target:
            raise ConfigurationError(f"{output}: is one of the logs; write the result to another file")


def refuse_to_overwrite(outputs: Iterable[Path | None], inputs: Iterable[str | None]) -> None:
    """Refuse to write over what is read: logs, a pools file, a scenario.

    Raises
    ------
    ConfigurationError
        If an output names one of the inputs.
    """
    read = {os.path.realpath(name) for name in inputs if name not in (None, "", "-")}
    for output in outputs:
        if output is not None and os.path.realpath(output) in read:
            raise ConfigurationError(f"{output}: is one of the inputs; write the result to another file")


def emit(text: str, output: Path | None, force: bool, reading: Reading | None = None) -> None:
    """Print a result, or write it to the file of --output; never over a log of the reading."""
    if output is None:
        click.echo(text, nl=False)
        return
    if reading is not None:
        refuse_input(output, reading)
    from keyrota.report.atomic import write_text

    write_text(output, text, overwrite=force)


def text_style(output: Path | None) -> TextStyle:
    """Return the style of text that goes to a file, a pipe, or the terminal of a person."""
    from keyrota.report.console import WIDTH

    is_watched = output is None and sys.stdout.isatty()
    return TextStyle(
        is_watched and _wants_color(),
        _terminal_width() if is_watched else WIDTH,
        unicode=output is not None or _writes_unicode(),
    )


def _wants_color() -> bool:
    return "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _terminal_width() -> int:
    import shutil

    return max(60, min(120, shutil.get_terminal_size().columns))


def _writes_unicode() -> bool:
    """Whether standard output can hold block characters."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
