"""What every command does that takes logs: read them, with notes and progress on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import click

from keyrota.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from keyrota.logs.read import Reading

PATIENCE_S: Final = 1.0
"""Progress is shown for work that takes longer than this."""


@dataclass(frozen=True)
class LogArguments:
    """The options that say what is read."""

    logs: tuple[str, ...]
    pools: str | None
    since: str | None
    until: str | None
    quiet: bool


def read_arguments(arguments: LogArguments) -> Reading:
    """Read the logs that the arguments name, within their span of time.

    Raises
    ------
    KeyrotaError
        As `keyrota.logs.read.read`, and if --since or --until is no time or leaves nothing.
    """
    from keyrota.cli.options import time_bound
    from keyrota.logs.read import quality_messages, read

    with _progress(arguments) as on_read:
        reading = read(arguments.logs, pools=arguments.pools, on_read=on_read)
    if not arguments.quiet:
        from keyrota.display import visible

        for message in quality_messages(reading.input):
            click.echo(f"keyrota: note: {visible(message)}", err=True)
    if arguments.since is None and arguments.until is None:
        return reading
    from keyrota.events import between

    last = reading.events["time"].max()
    since, until = time_bound(arguments.since, "--since", last), time_bound(arguments.until, "--until", last)
    events = between(reading.events, since, until)
    if events.empty:
        first = reading.events["time"].min()
        raise InputError(
            f"no event lies in the span of --since and --until; the log has events from {first} to {last}"
        )
    return replace(reading, events=events)


@contextmanager
def _progress(arguments: LogArguments) -> Iterator[Callable[[int], None] | None]:
    """Show a bar of the bytes read, once the work has taken a while, if a person is watching."""
    if arguments.quiet or not sys.stderr.isatty():
        yield None
        return
    began = time.monotonic()
    done = 0
    shown: list[Any] = []

    def on_read(number: int) -> None:
        nonlocal done
        done += number
        if not shown and time.monotonic() - began > PATIENCE_S:
            shown.extend(_bar(arguments.logs))
        if shown:
            shown[0].update(shown[1], completed=done)

    try:
        yield on_read
    finally:
        if shown:
            shown[0].stop()


def _bar(logs: tuple[str, ...]) -> tuple[Any, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from keyrota.logs.sources import find_sources

    sizes = [source.size for source in find_sources(logs)]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    bar = Progress(
        "reading", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    bar.start()
    return bar, bar.add_task("reading", total=total)


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


def emit(text: str, output: Path | None, force: bool, reading: Reading | None = None) -> None:
    """Print a result, or write it to the file of --output; never over a log of the reading."""
    if output is None:
        click.echo(text, nl=False)
        return
    if reading is not None:
        refuse_input(output, reading)
    from keyrota.report.atomic import write_text

    write_text(output, text, overwrite=force)


def wants_color() -> bool:
    """Whether standard output is a terminal that should get colours."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def writes_unicode() -> bool:
    """Whether standard output can hold block characters."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
