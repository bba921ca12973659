"""Logs to readings, one source at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from keyrota.display import listed
from keyrota.errors import InputError
from keyrota.logs.read import LogInput, quality_messages, read
from keyrota.logs.sources import find_sources

if TYPE_CHECKING:
    from keyrota.logs.read import Paths, Pools, Reading
    from keyrota.workers import Workers


def readings_of(
    logs: Paths, pools: Pools, on_read: Callable[[int], None] | None, skipped: list[tuple[str, str]],
    workers: Workers | None = None, max_inflated: int | None = None,
) -> Iterator[Reading]:  # fmt: skip
    """Yield the reading of each source; files of a folder that hold no log go to `skipped`.

    Raises
    ------
    InputError
        If a file that was named is no log, or none is one.
    """
    given = [logs] if isinstance(logs, str | os.PathLike) else logs
    count = 0
    for source in find_sources(given):
        try:
            reading = read(
                [source.address or source.name], pools=pools, on_read=on_read, workers=workers,
                max_inflated=max_inflated,
            )  # fmt: skip
        except InputError as error:
            if source.is_named:
                raise
            skipped.append((source.label, str(error).removeprefix(f"{source.label}: ")))
            continue
        count += 1
        yield reading
    if not count:
        names = listed([f"{name}: {reason}" for name, reason in skipped], limit=3)
        raise InputError(f"no log found; {names}")


def sound(readings: Iterable[Reading], skipped: list[tuple[str, str]]) -> Iterator[Reading]:
    """Yield readings while nothing is wrong with any, nor a file was skipped.

    Raises
    ------
    InputError
        If something is.
    """
    for reading in readings:
        _refuse(quality_messages(reading.input, is_used=False))
        yield reading
    _refuse(quality_messages(LogInput((), tuple(skipped))))


def _refuse(messages: list[str]) -> None:
    if messages:
        raise InputError(f"nothing is added, because only sound logs are to be: {'; '.join(messages)}")
