"""Standard input that is followed: complete lines as they come."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING, Final

from keyrota.errors import InputError
from keyrota.logs.formats import NotALogError
from keyrota.logs.lines import LineDecoder, at_line
from keyrota.logs.rules import RuleTable
from keyrota.logs.sources import STDIN

if TYPE_CHECKING:
    from keyrota.logs.gathered import Gathered

PIECE_BYTES: Final = 1 << 23
"""How much of a file is read at once."""


@dataclass(slots=True)
class Piece:
    """What some complete lines of one log say."""

    name: str
    gathered: Gathered


class Pipe:
    """Standard input, read by a thread: a reader that waits must not keep the screen from being drawn."""

    def __init__(self, rules: RuleTable) -> None:
        if sys.stdin is None:
            raise InputError("standard input is closed; name a file instead")
        self._chunks: Queue[bytes] = Queue(maxsize=16)
        self._decoder = LineDecoder(rules)
        self._rest: list[bytes] = []
        self._lines = 0
        self._has_ended = False
        self.is_over = False
        Thread(target=self._fill, daemon=True, name="standard input").start()

    def _fill(self) -> None:
        read = getattr(sys.stdin.buffer, "read1", sys.stdin.buffer.read)
        try:
            while chunk := read(1 << 20):
                self._chunks.put(chunk)
        except (OSError, ValueError):
            pass  # closed by its writer or by us: it has ended
        self._chunks.put(b"")

    def pieces(self) -> Iterator[Piece]:
        """Yield what has come since."""
        while not self.is_over:
            data = self._complete()
            if data:
                try:
                    gathered = self._decoder.read(data)
                except NotALogError as reason:
                    raise InputError(f"standard input: {reason}") from None
                before, self._lines = self._lines, self._lines + data.count(b"\n")
                yield Piece(STDIN, at_line(gathered, before))
            if self._has_ended and self._chunks.empty():
                self.is_over = True
            elif not data:
                return

    def _complete(self) -> bytes:
        """Return the lines that have come; at the end of input also the last one without an end."""
        taken: list[bytes] = []
        size = 0
        while size < PIECE_BYTES:
            try:
                chunk = self._chunks.get_nowait()
            except Empty:
                break
            if not chunk:
                self._has_ended = True
                break
            taken.append(chunk)
            size += len(chunk)
        data = b"".join([*self._rest, *taken])
        end = len(data) if self._has_ended else data.rfind(b"\n") + 1
        self._rest = [data[end:][: 1 << 22]]
        data = data[:end]
        return data + b"\n" if data and not data.endswith(b"\n") else data
