"""Where a result goes: standard output or a file, in the colours and the width that fit."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from keyrota.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from keyrota.logs.read import Reading


@dataclass(frozen=True)
class TextStyle:
    """How text for people is drawn."""

    color: bool
    width: int
    unicode: bool


def check_outputs(outputs: Iterable[Path | None], inputs: Iterable[str | None], *, force: bool) -> None:
    """Check the files that a command shall write, before its work: nothing that is read is written over.

    Parameters
    ----------
    outputs
        Files; ``None`` is standard output.
    inputs
        Logs (files, folders, globs, addresses), a pools file, a scenario; ``None`` is none.
    force
        Whether a file that exists may be replaced.

    Raises
    ------
    ConfigurationError
        If an output is one of the inputs.
    OutputError
        If an output cannot be written, or exists and may not be replaced.
    """
    written = [output for output in outputs if output is not None]
    if not written:
        return
    from keyrota.report.atomic import refuse_to_replace

    read = {os.path.realpath(name) for name in _files_of(inputs)}
    for output in written:
        if os.path.realpath(output) in read:
            raise ConfigurationError(f"{output}: is one of the inputs; write the result to another file")
        refuse_to_replace(output, overwrite=force)


def refuse_logs(outputs: Iterable[Path | None], reading: Reading) -> None:
    """Refuse to write over what was read: also a log that a folder holds, which nobody named.

    Raises
    ------
    ConfigurationError
        If an output is one of the logs.
    """
    read = {os.path.realpath(source.name) for source in reading.input.sources}
    for output in outputs:
        if output is not None and os.path.realpath(output) in read:
            raise ConfigurationError(f"{output}: is one of the logs; write the result to another file")


def _files_of(inputs: Iterable[str | None]) -> Iterator[str]:
    """Yield the local files that the inputs name, also by a glob."""
    from keyrota.logs.remote import is_address
    from keyrota.logs.sources import STDIN, find_sources

    for name in inputs:
        if not name or name == STDIN or is_address(name):
            continue
        yield name
        # What is not there is told by who reads it; which files of a folder are logs is known then.
        with suppress(InputError):
            yield from (source.name for source in find_sources([name]) if source.is_named)


def emit(text: str, output: Path | None, force: bool) -> None:
    """Print a result, or write it to the file of --output, which `check_outputs` has seen."""
    if output is None:
        click.echo(text, nl=False)
        return
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
