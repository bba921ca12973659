"""Progress of long work on standard error, once it has taken a while, if a person is watching."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

PATIENCE_S: Final = 1.0
"""Progress is shown for work that takes longer than this."""

Bar = Callable[[], "tuple[Progress, int | None]"]
"""Makes a bar, and tells how much there is to do, ``None`` if nobody knows."""


class Update(Protocol):
    """Shows what is done, and how much there is to do if that has changed."""

    def __call__(self, done: float, total: float | None = None, /) -> None:
        """Show it."""


@contextmanager
def patient_bar(make_bar: Bar, label: str, *, quiet: bool) -> Iterator[Update | None]:
    """Give a function that shows progress, or ``None`` if nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    began = time.monotonic()
    shown: list[tuple[Progress, TaskID]] = []

    def update(done: float, total: float | None = None, /) -> None:
        if not shown and time.monotonic() - began > PATIENCE_S:
            bar, known = make_bar()
            bar.start()
            shown.append((bar, bar.add_task(label, total=known)))
        if shown:
            bar, task = shown[0]
            bar.update(task, completed=done, total=total)

    try:
        yield update
    finally:
        if shown:
            shown[0][0].stop()


def count_bar() -> tuple[Progress, None]:
    """Return a bar of things done, with the time that is left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=error_console(), transient=True), None


def error_console() -> Console:
    """Return standard error as a console."""
    from rich.console import Console

    return Console(stderr=True)
