"""What every command does that takes logs: read them, with notes and progress on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keyrota.cli.output import refuse_logs
from keyrota.cli.progress import error_console, patient_bar
from keyrota.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress

    from keyrota.logs.read import Reading
    from keyrota.workers import Workers


@dataclass(frozen=True)
class LogArguments:
    """The options that say what is read, and where results go, which is never a log that was read."""

    logs: tuple[str, ...]
    pools: str | None
    since: str | None
    until: str | None
    quiet: bool
    store: Path | None = None
    workers: Workers | None = None
    max_inflated: int | None = None
    strict: bool = False
    outputs: tuple[Path | None, ...] = ()

    @property
    def inputs(self) -> list[str | None]:
        """The files that are read, which no output may replace."""
        return [*self.logs, self.pools, None if self.store is None else str(self.store)]


def read_arguments(arguments: LogArguments) -> Reading:
    """Read the logs that the arguments name, or the history, within their span of time.

    What is to be written over one of the logs is refused.

    Raises
    ------
    KeyrotaError
        As `keyrota.logs.read.read`, if --since or --until is no time or leaves nothing, and with --strict
        if something is wrong with the input.
    """
    if arguments.store is not None:
        return _read_store(arguments.store, arguments)
    from keyrota.cli.options import time_bound
    from keyrota.logs.read import quality_messages, read

    with reading_progress(arguments.logs, quiet=arguments.quiet) as on_read:
        reading = read(
            arguments.logs, pools=arguments.pools, on_read=on_read, workers=arguments.workers,
            max_inflated=arguments.max_inflated,
        )  # fmt: skip
    refuse_logs(arguments.outputs, reading)
    messages = quality_messages(reading.input, is_used=not arguments.strict)
    if arguments.strict and messages:
        raise InputError(f"--strict: {'; '.join(messages)}")
    if not arguments.quiet:
        from keyrota.display import visible

        for message in messages:
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
    return replace(reading, events=events, marks=None)


def _read_store(path: Path, arguments: LogArguments) -> Reading:
    from keyrota.cli.options import time_bound
    from keyrota.history import open_store

    if arguments.logs:
        raise ConfigurationError(
            "--store reads the history, and LOG... reads logs: give one of them. To have both, add the logs "
            "first: keyrota history add LOG..."
        )
    if arguments.strict or arguments.max_inflated is not None:
        raise ConfigurationError(
            "--strict and --max-inflated have no effect with --store: they are about logs that are read"
        )
    store = open_store(path)
    last = store.last()
    since, until = time_bound(arguments.since, "--since", last), time_bound(arguments.until, "--until", last)
    return store.read(since=since, until=until, pools=arguments.pools)


@contextmanager
def reading_progress(logs: tuple[str, ...], *, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """Show a bar of the bytes read."""
    done = 0
    with patient_bar(partial(_bar, logs), "reading", quiet=quiet) as update:

        def on_read(number: int) -> None:
            nonlocal done
            done += number
            if update is not None:
                update(done)

        yield on_read if update is not None else None


def _bar(logs: tuple[str, ...]) -> tuple[Progress, int | None]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from keyrota.logs.sources import find_sources

    sizes = [source.size for source in find_sources(logs)]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    columns = ("reading", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=error_console(), transient=True), total
