"""Logs that grow, followed together: files, folders, globs, standard input.

What is behind in time is read first, so that several logs are met about in the order of their times. Nothing
is waited for here: the caller asks again after a while. What is kept, in memory and of descriptors, is that
of the files that are there, whatever number was there before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from heapq import heapify, heappop, heapreplace
from pathlib import Path
from typing import Final

from keyrota.display import MASKED, masked_name
from keyrota.errors import InputError
from keyrota.logs.finished import DONE_KEPT, Finished
from keyrota.logs.formats import NotALogError
from keyrota.logs.growing import GrowingFile
from keyrota.logs.lines import LineDecoder, at_line
from keyrota.logs.named import names_of
from keyrota.logs.piped import PIECE_BYTES, Piece, Pipe
from keyrota.logs.positions import Position, has_same_start, is_shortage
from keyrota.logs.remote import is_address
from keyrota.logs.rules import RuleTable
from keyrota.logs.sources import STDIN

OPEN_KEPT: Final = 32
"""So many files stay open, those that grew last: what an open file holds cannot be moved out of reach."""


@dataclass(frozen=True, slots=True)
class Places:
    """How far logs were read.

    Parameters
    ----------
    logs
        By path, as `keyrota.display.masked_name` gives it: the position, and the shape if it is known.
    done
        Where files ended that are not followed any more.
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
    dropped
        Logs that are not followed any more, since this was last emptied: their files are gone, or no logs.
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
        self._opened: dict[str, _Log] = {}
        self._refused: set[str] = set()
        self._waited: set[str] = set()
        self._is_short = self._is_short_told = False
        self._pipe = Pipe(rules) if STDIN in paths else None
        self.notes: list[str] = []
        self.dropped: list[str] = []
        self._finished = Finished(places.done if places is not None else ())
        self._elsewhere = {} if places is None else dict(places.logs)
        self._go_on()
        self._look()

    @property
    def is_over(self) -> bool:
        """Whether nothing will come any more: standard input has ended."""
        return self._pipe is not None and self._pipe.is_over

    @property
    def places(self) -> Places:
        """How far everything was read."""
        logs = {
            masked_name(name): (position, log.decoder.shape)
            for name, log in self._logs.items()
            if (position := log.file.position) is not None
        }
        return Places({**self._elsewhere, **logs}, self._finished.positions)

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
        self._is_short = False
        self._look()
        logs = list(self._logs.values())
        waiting = [(log.reached_ns, number) for number, log in enumerate(logs)]
        heapify(waiting)
        while waiting:
            log = logs[waiting[0][1]]
            data = self._read(log)
            piece = self._piece(log, data) if data else None
            if piece is not None:
                log.reached_ns = max(log.reached_ns, *piece.gathered.rows.time[-1:].tolist(), 0)
                yield piece
            if piece is None and data != b"":
                heappop(waiting)
            else:
                heapreplace(waiting, (log.reached_ns, waiting[0][1]))
        self._tell_of_shortage()

    def close(self) -> None:
        """Close all files."""
        for log in self._logs.values():
            log.file.close()

    def _read(self, log: _Log) -> bytes | None:
        """Return what has come; ``None`` if nothing has, or it has to be tried again later."""
        file = log.file
        try:
            try:
                data = file.read(PIECE_BYTES)
            except OSError:
                # Too many open files. One is enough to go on.
                self._rest_but(0)
                data = file.read(PIECE_BYTES)
        except InputError as error:
            if log.is_named:
                raise
            self._refuse(log, str(error))
            return None
        except OSError:
            self._is_short = True
            return None
        for position in file.done:
            self._finished.add(log.name, position)
        file.done.clear()
        self._tell_of_loss(log)
        if file.is_gone and data is None and not log.is_named:
            if file.position is not None:
                self._finished.gone(log.name, file.position, log.decoder.shape)
            self._drop(log)
        elif not file.is_open or data is not None or log.name not in self._opened:
            self._opened.pop(log.name, None)
            if file.is_open:
                self._opened[log.name] = log
                self._rest_but(OPEN_KEPT)
        return data

    def _rest_but(self, number: int) -> None:
        """Close files but the few that have grown last; the others are opened again when they grow."""
        for log in list(self._opened.values())[: max(0, len(self._opened) - number)]:
            log.file.rest()
            del self._opened[log.name]

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
        self._drop(log)
        self.notes.append(reason)

    def _drop(self, log: _Log) -> None:
        log.file.close()
        self._opened.pop(log.name, None)
        del self._logs[log.name]
        self.dropped.append(log.name)

    def _tell_of_loss(self, log: _Log) -> None:
        if log.file.lost:
            self.notes.append(log.file.lost)
            log.file.lost = None

    def _tell_of_shortage(self) -> None:
        if self._is_short and not self._is_short_told:
            self._is_short_told = True
            self.notes.append(
                "too many files are open; what cannot be opened now is tried again, and a higher limit "
                "(ulimit -n) helps"
            )

    def _go_on(self) -> None:
        """Go on with the logs of an earlier run that are among those that are followed now."""
        names = {masked_name(name): name for given in self._paths for name in names_of(given)}
        for kept, (position, shape) in list(self._elsewhere.items()):
            path = names.get(kept, kept)
            is_hidden = kept not in names and kept.startswith(MASKED)  # nobody can tell where it was
            if is_hidden or not self._is_given(path):
                continue
            del self._elsewhere[kept]
            log = self._add(path, is_named=path in self._paths, position=position, shape=shape)
            self._tell_of_loss(log)
            if log.file.position is None and not log.is_named:
                self._finished.gone(path, position, shape)
                del self._logs[path]
        away = [name for name in self._elsewhere if not os.path.lexists(name)]
        for name in away[: max(0, len(away) - DONE_KEPT)]:
            del self._elsewhere[name]

    def _add(
        self, path: str, *, is_named: bool, position: Position | None = None, shape: str | None = None
    ) -> _Log:
        file = GrowingFile(
            Path(path),
            position,
            from_end=self._from_end,
            is_known=lambda place: self._is_known(place, self._live(but=path), but=path),
        )
        log = _Log(path, file, LineDecoder(self._rules, shape), is_named)
        self._logs[path] = log
        return log

    def _look(self) -> None:
        """Look for files that are new; renamed ones and copies of followed ones are not."""
        if self._pipe is not None:
            return
        if not _can_open():
            self._is_short = True  # folders would look empty
            return
        live, there = self._live(), set[str]()
        for given in self._paths:
            names = names_of(given)
            there.update(names)
            if given in self._logs and os.path.isdir(given):
                self._drop(self._logs[given])  # what was waited for is a folder
            for name in names:
                if name not in self._logs and name not in self._refused:
                    try:
                        self._look_at(name, live, is_named=name == given)
                    except OSError:
                        self._is_short = True
            self._tell_of_waiting(given, is_missing=not names or not os.path.lexists(names[0]))
        self._refused &= there
        self._finished.looked()
        self._from_end = False  # what appears later is read from its start

    def _look_at(self, name: str, live: list[tuple[str, Position]], *, is_named: bool) -> None:
        gone = self._finished.back(name)
        if gone is not None:
            self._add(name, is_named=is_named, position=gone.position, shape=gone.shape)
        elif is_named or not self._is_known(Path(name), live):
            self._add(name, is_named=is_named)

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

    def _live(self, but: str = "") -> list[tuple[str, Position]]:
        logs = [log for log in self._logs.values() if log.name != but]
        return [(log.name, position) for log in logs if (position := log.file.position) is not None]

    def _is_known(self, place: Path, live: list[tuple[str, Position]], *, but: str = "") -> bool:
        """Say whether a file is one that is followed, or was, under another name; or a copy of one."""
        try:
            status = os.stat(place)
        except OSError:
            return True
        for name, position in live:
            if position.is_of(status) and has_same_start(place, position):
                self._logs[name].file.place = place
                return True
        done = self._finished
        return done.has(place, status, but=but) or done.has_copy(place, status, live, but=but)


def _can_open() -> bool:
    """Say whether this process may open a file more."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return not is_shortage(error)
    return True
