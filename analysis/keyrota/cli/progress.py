"""Progress of long work on standard error, once it has taken a while, if a person is watching."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

PATIENCE_S: Final = 1.0
"""Progress is shown for work that takes longer than this."""

ENGINE_STARTS: Final = "starting the engine (compiled at its first use)"
"""What stands there until the first piece of a simulation is done."""

Bar = Callable[[], "tuple[Progress, int | None]"]
"""Makes a bar, and tells how much there is to do, ``None`` if nobody knows."""


class Update(Protocol):
    """Shows what is done, and how much there is to do if that has changed."""

    def __call__(self, done: float, total: float | None = None, /) -> None:
        """Show it."""


class _Patience:
    """A bar that appears when the work has taken a while, also if nothing is done by then."""

    def __init__(self, make_bar: Bar, label: str, waiting: str) -> None:
        self._make_bar, self._label, self._waiting = make_bar, label, waiting
        self._done = 0.0
        self._total: float | None = None
        self._shown: tuple[Progress, TaskID] | None = None
        self._lock, self._is_over = Lock(), False
        self._timer = Timer(PATIENCE_S, self._show)
        self._timer.daemon = True

    def start(self) -> None:
        self._timer.start()

    def update(self, done: float, total: float | None = None, /) -> None:
        with self._lock:
            self._done = done
            self._total = total if total is not None else self._total
            if self._shown is not None:
                bar, task = self._shown
                bar.update(task, completed=done, total=total, description=self._label)

    def stop(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._is_over = True
            if self._shown is not None:
                self._shown[0].stop()

    def _show(self) -> None:
        with self._lock:
            if self._is_over:
                return
            bar, known = self._make_bar()
            label = self._label if self._done else self._waiting
            task = bar.add_task(label, total=self._total or known, completed=int(self._done))
            bar.start()
            self._shown = (bar, task)


@contextmanager
def patient_bar(
    make_bar: Bar, label: str, *, quiet: bool, waiting: str | None = None
) -> Iterator[Update | None]:
    """Give a function that shows progress, or ``None`` if nobody watches.

    Parameters
    ----------
    make_bar
        Makes the bar.
    label
        What is counted.
    quiet
        Whether nothing shall be shown.
    waiting
        What stands there until the first piece is done.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    patience = _Patience(make_bar, label, waiting or label)
    patience.start()
    try:
        yield patience.update
    finally:
        patience.stop()


def count_bar() -> tuple[Progress, None]:
    """Return a bar of things done, with the time that is left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=error_console(), transient=True), None


def error_console() -> Console:
    """Return standard error as a console."""
    from rich.console import Console

    return Console(stderr=True)
