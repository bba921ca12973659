"""Logs that grow, followed together: files, folders, globs, standard input.

What is behind in time is read first, so that several logs are met about in the order of their times. Nothing
is waited for here: the caller asks again after a while.
"""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING, Final

from keyrota.display import MASKED, masked_name
from keyrota.errors import InputError
from keyrota.logs.formats import NotALogError
from keyrota.logs.growing import DONE_KEPT, TELLING_BYTES, GrowingFile, Position, has_same_start
from keyrota.logs.lines import LineDecoder, at_line
from keyrota.logs.remote import is_address
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


@dataclass(frozen=True, slots=True)
class Places:
    """How far logs were read.

    Parameters
    ----------
    logs
        By path, as `keyrota.display.masked_name` gives it: the position, and the shape if it is known.
    done
        Where files ended that others have taken the place of.
    """

    logs: dict[str, tuple[Position, str | None]] = field(default_factory=dict)
    done: list[Position] = field(default_factory=list)


@dataclass(slots=True)
class _Log:
    name: str
    file: GrowingFile
    decoder: LineDecoder
    is_named: bool
    reached_ns: int = 0


class Follow:
    """Reads logs as they grow.

    Parameters
    ----------
    paths
        Files, folders or globs; or ``-`` alone. A file that does not exist yet is waited for.
    rules
        The grammar.
    from_end
        Begin behind what the files hold now.
    places
        What `places` of an earlier run told.

    Attributes
    ----------
    notes
        What there is to tell about the files since this was last emptied, a sentence each.
    """

    def __init__(
        self,
        paths: Sequence[str],
        rules: RuleTable,
        *,
        from_end: bool = False,
        places: Places | None = None,
    ) -> None:
        for path in paths:
            if is_address(path):
                raise InputError(f"{path}: an address cannot be followed; give a file, or - for a pipe")
        if STDIN in paths and len(paths) > 1:
            raise InputError("- is followed alone: give either - or files")
        self._paths, self._rules, self._from_end = paths, rules, from_end
        self._logs: dict[str, _Log] = {}
        self._refused: set[str] = set()
        self._waited: set[str] = set()
        self._pipe = _Pipe(rules) if STDIN in paths else None
        self.notes: list[str] = []
        self._done = list(places.done) if places is not None else []
        self._elsewhere = {} if places is None else dict(places.logs)
        names = {masked_name(name): name for given in paths for name in _names_of(given)}
        for kept in list(self._elsewhere):
            path = names.get(kept, kept)
            is_gone = kept not in names and kept.startswith(MASKED)  # nobody can tell where it was
            if is_gone or not self._is_given(path):
                continue
            position, shape = self._elsewhere.pop(kept)
            log = self._add(path, is_named=path in paths, position=position, shape=shape)
            if log.file.lost:
                self.notes.append(log.file.lost)
        self._look()
        self._from_end = False  # what appears later is read from its start

    @property
    def is_over(self) -> bool:
        """Whether nothing will come any more: standard input has ended."""
        return self._pipe is not None and self._pipe.is_over

    @property
    def places(self) -> Places:
        """How far everything was read."""
        logs = {
            masked_name(name): (log.file.position, log.decoder.shape)
            for name, log in self._logs.items()
            if log.file.position is not None
        }
        ended = [position for log in self._logs.values() for position in log.file.done]
        return Places({**self._elsewhere, **logs}, (self._done + ended)[-DONE_KEPT:])

    @property
    def waiting_for(self) -> list[str]:
        """The paths at which there is no file."""
        return sorted(self._waited)

    def pieces(self) -> Iterator[Piece]:
        """Yield what has come since, a piece at a time, until all that is there was read.

        Raises
        ------
        InputError
            If a log that was named cannot be read, or not followed.
        """
        if self._pipe is not None:
            yield from self._pipe.pieces()
            return
        self._look()
        waiting = list(self._logs.values())
        while waiting:
            log = min(waiting, key=lambda log: log.reached_ns)
            data = self._read(log)
            if data is None:
                waiting.remove(log)
            elif data and (piece := self._piece(log, data)) is not None:
                log.reached_ns = max(log.reached_ns, *piece.gathered.rows.time[-1:].tolist(), 0)
                yield piece
            elif data:
                waiting.remove(log)

    def close(self) -> None:
        """Close all files."""
        for log in self._logs.values():
            log.file.close()

    def _read(self, log: _Log) -> bytes | None:
        try:
            return log.file.read(PIECE_BYTES)
        except InputError as error:
            if log.is_named:
                raise
            self._refuse(log, str(error))
            return None

    def _piece(self, log: _Log, data: bytes) -> Piece | None:
        """Decode lines; ``None`` if the log cannot be followed."""
        try:
            gathered = log.decoder.read(data)
        except NotALogError as reason:
            if log.is_named:
                raise InputError(f"{log.name}: {reason}") from None
            self._refuse(log, f"{log.name}: left out: {reason}")
            return None
        return Piece(log.name, at_line(gathered, log.file.before))

    def _refuse(self, log: _Log, reason: str) -> None:
        self._refused.add(log.name)
        log.file.close()
        del self._logs[log.name]
        self.notes.append(reason)

    def _add(
        self, path: str, *, is_named: bool, position: Position | None = None, shape: str | None = None
    ) -> _Log:
        file = GrowingFile(
            Path(path),
            position,
            from_end=self._from_end,
            is_known=lambda place: self._is_known(place, but=path),
        )
        log = _Log(path, file, LineDecoder(self._rules, shape), is_named)
        self._logs[path] = log
        return log

    def _look(self) -> None:
        """Look for files that are new; renamed ones and copies of followed ones are not."""
        if self._pipe is not None:
            return
        for given in self._paths:
            names = _names_of(given)
            for name in names:
                if name in self._refused:
                    continue
                is_named = name == given
                if name not in self._logs and (is_named or not self._is_known(Path(name))):
                    self._add(name, is_named=is_named)
            self._tell_of_waiting(given, is_missing=not names or not os.path.lexists(names[0]))

    def _is_given(self, path: str) -> bool:
        """Say whether a file of an earlier run is among those that are followed now."""
        return any(
            path == given or Path(given) in Path(path).parents or fnmatch(path, given)
            for given in self._paths
        )

    def _tell_of_waiting(self, given: str, *, is_missing: bool) -> None:
        if is_missing and given not in self._waited:
            self._waited.add(given)
            self.notes.append(f"{given}: not there yet; it is waited for")
        elif not is_missing:
            self._waited.discard(given)

    def _is_known(self, place: Path, *, but: str = "") -> bool:
        """Say whether a file is one that is followed, or was, under another name; or a copy of one."""
        try:
            status = os.stat(place)
        except OSError:
            return True
        others = [(log.name, log.file) for log in self._logs.values() if log.name != but]
        read = [position for _, file in others for position in (file.position, *file.done) if position]
        for position in (*read, *self._done):
            is_it = (status.st_dev, status.st_ino) == (position.device, position.inode)
            if is_it and has_same_start(place, position):
                return True
        # What logrotate's copytruncate leaves: app.log.1 beside app.log.
        copied = [file for name, file in others if str(place).startswith(name)]
        ended = [position for file in copied for position in (file.position, *file.done) if position]
        return any(p.length >= TELLING_BYTES and p.offset and has_same_start(place, p) for p in ended)


class _Pipe:
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


def _names_of(given: str) -> list[str]:
    """Return the files that a path, a folder or a glob names now."""
    if glob.has_magic(given) and not os.path.lexists(given):
        return sorted(name for name in glob.glob(given, recursive=True) if os.path.isfile(name))
    return _files_below(given) if os.path.isdir(given) else [given]


def _files_below(folder: str) -> list[str]:
    names: list[str] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        names += [os.path.join(place, name) for name in sorted(files) if not name.startswith(".")]
    return [name for name in names if os.path.isfile(name)]
