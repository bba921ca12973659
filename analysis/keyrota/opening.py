"""Opening what the user names: a named pipe that nobody writes to is an error, not an endless wait."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import BinaryIO, Final

PATIENCE_S: Final = 4.0
"""How long a pipe may have nobody who writes to it, in seconds."""


def opened_to_read(path: Path, *, buffering: int = -1) -> BinaryIO:
    """Open a file or a pipe in binary.

    Parameters
    ----------
    path
        What the user named.
    buffering
        As of `open`.

    Raises
    ------
    OSError
        If it cannot be opened, or is a pipe that nobody opens for writing within `PATIENCE_S` seconds.
    """
    # Whatever is wrong with the name is told by the opening itself.
    try:
        is_pipe = stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        is_pipe = False
    if is_pipe:
        return os.fdopen(_pipe(path), "rb", buffering=buffering)
    return path.open("rb", buffering=buffering)


def _pipe(path: Path) -> int:
    """Open a pipe as soon as somebody writes to it; the opening itself would wait for ever."""
    done: list[int | OSError] = []

    def wait() -> None:
        try:
            done.append(os.open(path, os.O_RDONLY))
        except OSError as error:
            done.append(error)

    waiting = Thread(target=wait, name="keyrota-pipe", daemon=True)
    waiting.start()
    waiting.join(PATIENCE_S)
    if waiting.is_alive():
        # A writer of our own ends the thread's waiting.
        with suppress(OSError):
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        waiting.join(1)
        for handle in done:
            if isinstance(handle, int):
                os.close(handle)
        raise OSError(errno.EAGAIN, "a pipe that nobody writes to; start what writes to it first")
    (handle,) = done
    if isinstance(handle, OSError):
        raise handle
    return handle
