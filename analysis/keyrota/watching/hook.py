"""A user's command, started for each finding that begins or ends; reading the log never waits for it."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Final

from keyrota.display import reason_of
from keyrota.errors import ConfigurationError

TIMEOUT_S: Final = 30.0
"""A command that runs longer is ended."""

WAITING: Final = 100
"""So many findings wait for the command at most; more are left out, and that is told."""


class Hook:
    """Runs a command with a finding as JSON on its standard input, one at a time, without a shell.

    Parameters
    ----------
    command
        The command and its arguments, split as a shell does.
    on_note
        Called once if the command fails, and once if it is too slow.
    timeout_s
        How long it may run, in seconds; and how long `close` waits for all that are still to run.

    Raises
    ------
    ConfigurationError
        If there is no command in it, or no such program.
    """

    def __init__(self, command: str, *, on_note: Callable[[str], None], timeout_s: float = TIMEOUT_S) -> None:
        from shutil import which

        try:
            self._command = shlex.split(command, posix=os.name == "posix")
        except ValueError as error:
            raise ConfigurationError(f"--on-finding: {error}; quote the command as for a shell") from None
        if not self._command or which(self._command[0]) is None:
            name = self._command[0] if self._command else "it is empty"
            raise ConfigurationError(
                f"--on-finding: {name}: no such program; name one by its path, with its arguments"
            )
        self._on_note, self._timeout_s = on_note, timeout_s
        self._told: set[str] = set()
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._lock = Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._is_over = False
        self._left_out = 0
        self._thread = Thread(target=self._work, daemon=True, name="on-finding")
        self._thread.start()

    def run(self, line: str) -> None:
        """Have the command run with a line on its standard input; returns at once."""
        if self._lines.qsize() < WAITING:
            self._lines.put(line.encode())
        else:
            self._note("findings come faster than the command ends; some were left out")

    def close(self) -> None:
        """Wait for the commands that are still to run, all together as long as one of them may take.

        The command that runs then is ended, the others are not started, and their number is told: whoever
        ends a watch does not wait for a hundred commands.
        """
        self._lines.put(None)
        try:
            self._thread.join(self._timeout_s)
        finally:  # also where Ctrl-C ends the waiting
            with self._lock:
                self._is_over = True
                if self._running is not None:
                    self._running.kill()
            self._thread.join()
            if self._left_out:
                number = "1 finding was" if self._left_out == 1 else f"{self._left_out} findings were"
                self._on_note(
                    f"--on-finding: {number} not handed on: the command had not ended {self._timeout_s:g} s "
                    "after the watch"
                )

    def _work(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                with self._lock:
                    if self._is_over:
                        self._left_out += 1
                        continue
                    self._running = subprocess.Popen(
                        self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        start_new_session=os.name == "posix",  # Ctrl-C ends the watch, not the command
                    )  # fmt: skip
                self._hand_on(self._running, line)
            except OSError as error:
                self._note(f"the command could not be started ({reason_of(error)})")
            finally:
                self._running = None

    def _hand_on(self, process: subprocess.Popen[bytes], line: bytes) -> None:
        with process:
            try:
                process.communicate(line, timeout=self._timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                self._note(f"the command took more than {self._timeout_s:g} s and was ended")
                return
        if process.returncode and self._is_over:
            self._left_out += 1
        elif process.returncode:
            self._note(f"the command ended with {process.returncode}")

    def _note(self, problem: str) -> None:
        """Tell of each problem once."""
        if problem not in self._told:
            self._told.add(problem)
            self._on_note(f"--on-finding: {problem}")
