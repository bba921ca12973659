"""One file that grows: its complete lines, whatever is done to it meanwhile.

Rotation by rename: what is left of the old file is read, then the new one from its start. Rotation by
truncation: the file became shorter, or begins with other bytes; what was not read yet is looked for in the
copy that lies in the same folder. The last line of a file waits for its end, until the file is replaced.

A file need not be open to be followed: `GrowingFile.rest` closes it until its size or its times change.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from keyrota.display import reason_of
from keyrota.errors import InputError
from keyrota.logs.positions import (
    FINGERPRINT_BYTES,
    Position,
    copy_of,
    has_same_start,
    head_of,
    is_shortage,
    own_place_of,
    place_of,
    status_of,
)

KEPT_BYTES: Final = 1 << 22
"""How much of a line is kept that has no end yet; readers keep 1,048,576 characters of it."""

GONE_READS: Final = 20
"""A file is gone if so many times in a row nothing was to be read and nothing was at its path."""


class GrowingFile:
    """Reads a file from a position on, a piece at a time.

    Parameters
    ----------
    path
        The file, which need not exist yet.
    position
        Where to go on; the start of the file that is there if not given.
    from_end
        Begin behind what the file holds now.
    is_known
        Says whether the file at a path is read already, under another name: it is no next one then.

    Attributes
    ----------
    before
        Number of lines before those that `read` returned last.
    done
        Where the files ended that others have taken the place of; for the caller to take away.
    lost
        What became of the file of the position, or of one that was closed, if it was not found.
    place
        Where the file was seen last, if not at its path.
    """

    def __init__(
        self,
        path: Path,
        position: Position | None = None,
        *,
        from_end: bool = False,
        is_known: Callable[[Path], bool] | None = None,
    ) -> None:
        self.path = path
        self.before = 0
        self.done: list[Position] = []
        self.lost: str | None = None
        self._lines = 0
        self._from_end = from_end
        self._is_known = is_known or (lambda _path: False)
        self.place: Path | None = None
        self._stream: BinaryIO | None = None
        self._own: tuple[int, int] | None = None
        self._left_as: tuple[int, int, int] | None = None
        self._missed = 0
        self._is_copy = False
        self._is_over = False
        self._rest = b""
        self._dropped = 0
        self._start = 0
        self._head = (0, "")
        if position is not None:
            self._resume(position)

    @property
    def position(self) -> Position | None:
        """How far it was read; ``None`` without a file."""
        return None if self._own is None else Position(*self._own, *self._head, self._start, self._lines)

    @property
    def is_open(self) -> bool:
        """Whether it takes a file descriptor."""
        return self._stream is not None

    @property
    def is_gone(self) -> bool:
        """Whether the file was deleted, or moved away, a while ago, and nothing took its place."""
        return self._missed >= GONE_READS

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def rest(self) -> None:
        """Close the file until something is done to it."""
        if self._stream is not None:
            status = os.fstat(self._stream.fileno())
            # What came since the last read is found at the next one.
            self._left_as = _looks_of(status) if status.st_size == self._reached else None
            self.close()

    def read(self, limit: int) -> bytes | None:
        """Return the complete lines among the next bytes, which may be none; ``None`` if nothing has come.

        Parameters
        ----------
        limit
            Bytes to read at most.

        Raises
        ------
        InputError
            If the file cannot be read.
        OSError
            If too many files are open; nothing is lost then, and it can be tried again.
        """
        try:
            if self._own is None and not self._open():
                return self._at_nothing()
            if self._stream is None:
                if self._is_as_left():
                    return None
                self._wake()
            self.before = self._lines
            if self._was_truncated():
                return self._after_truncation()
            chunk = self._stream.read(limit) if self._stream is not None else b""
            if chunk:
                self._is_over, self._missed = False, 0
                return self._complete(chunk)
            return self._at_end()
        except OSError as error:
            if is_shortage(error):
                raise
            raise InputError(f"{self.path}: {reason_of(error)}") from error

    def _open(self) -> bool:
        """Open the file that is at the path now, at its start."""
        try:
            # Looked at before it is opened: the opening of a pipe waits for a writer.
            if not stat.S_ISREG(os.stat(self.path).st_mode):
                raise InputError(f"{self.path}: no plain file; pipe it in and give - instead")
            stream = self.path.open("rb", buffering=0)
        except FileNotFoundError:
            return False
        self._take(stream, 0, 0)
        if self._from_end:
            self._from_end = False
            self._to_end(os.fstat(stream.fileno()).st_size)
        return True

    def _take(self, stream: BinaryIO, offset: int, line: int) -> None:
        self.close()
        stream.seek(offset)
        status = os.fstat(stream.fileno())
        self._stream, self._own = stream, (status.st_dev, status.st_ino)
        self._start, self._lines, self._missed = offset, line, 0
        self._rest, self._dropped, self._is_over, self._is_copy = b"", 0, False, False
        self._head = head_of(stream, FINGERPRINT_BYTES)

    def _is_as_left(self) -> bool:
        """Say whether the file, closed at its end, is as it was; one that took its path is a change."""
        status = status_of(self.path)
        if status is None and self.place is not None:
            status = status_of(self.place)
        return (
            status is not None
            and (status.st_dev, status.st_ino) == self._own
            and _looks_of(status) == self._left_as
        )

    def _wake(self) -> None:
        """Open the file where it was left, or what there is to read in its copy; nothing if it is gone."""
        position, status = self.position, status_of(self.path)
        assert position is not None
        place = self.path if status is not None and position.is_of(status) else self._found()
        with suppress(FileNotFoundError):
            if place is not None:
                stream = place.open("rb", buffering=0)
                if not position.is_of(os.fstat(stream.fileno())):
                    stream.close()  # the path was taken a moment ago
                    return
                stream.seek(self._reached)
                self._stream = stream
            elif (copy := copy_of(self.path, position)) is not None:
                if os.stat(copy).st_size > position.offset:
                    self._take_copy(copy, position)
            elif status is not None and not (self._is_over or self.is_gone):
                self.lost = _lost(self.path)

    def _take_copy(self, copy: Path, position: Position) -> None:
        self._take(copy.open("rb", buffering=0), position.offset, position.line)
        self._is_copy = True

    def _found(self) -> Path | None:
        """Return where the file is that is not at its path any more."""
        position = self.position
        if position is None:
            return None
        with suppress(FileNotFoundError):
            place = self.place
            if place is not None and position.is_of(os.stat(place)) and has_same_start(place, position):
                return place
        self.place = own_place_of(self.path, position)
        return self.place

    def _to_end(self, size: int) -> None:
        """Go behind the last line that is complete."""
        assert self._stream is not None
        lines, at, last = 0, 0, 0
        while at < size and (chunk := self._stream.read(min(1 << 20, size - at))):
            newlines = chunk.count(b"\n")
            if newlines:
                lines, last = lines + newlines, at + chunk.rfind(b"\n") + 1
            at += len(chunk)
        self._stream.seek(last)
        self._start, self._lines = last, lines

    @property
    def _reached(self) -> int:
        """How many bytes were read, those of a line without an end too."""
        return self._start + len(self._rest) + self._dropped

    def _complete(self, chunk: bytes) -> bytes:
        """Return the lines that are complete now; the rest waits."""
        if self._head[0] < FINGERPRINT_BYTES and self._stream is not None:
            self._head = head_of(self._stream, FINGERPRINT_BYTES)
        end = chunk.rfind(b"\n") + 1
        if not end:
            room = KEPT_BYTES - len(self._rest)
            self._rest += chunk[:room]
            self._dropped += max(0, len(chunk) - room)
            return b""
        first = chunk.find(b"\n")
        # Of a line that is too long its first bytes are kept, and its end.
        data = self._rest + (chunk[first:end] if self._dropped else chunk[:end])
        self._start += len(self._rest) + self._dropped + end
        self._lines += chunk.count(b"\n", 0, end)
        self._rest, self._dropped = chunk[end:], 0
        return data

    def _leftover(self) -> bytes:
        """Return a last line that will get no end, as a line."""
        if not self._rest:
            return b""
        data, self._rest = self._rest + b"\n", b""
        self._start += len(data) - 1 + self._dropped
        self._dropped = 0
        self._lines += 1
        return data

    def _was_truncated(self) -> bool:
        """Say whether the file that is open holds no longer what was read of it."""
        if self._stream is None or self._is_copy:
            return False
        size = os.fstat(self._stream.fileno()).st_size
        if size < self._reached:
            return True
        length, fingerprint = self._head
        return length > 0 and head_of(self._stream, length) != (length, fingerprint)

    def _after_truncation(self) -> bytes:
        """Read what is left in the copy, if there is one, then the file from its start."""
        position = self.position
        assert self._stream is not None
        assert position is not None
        copy = copy_of(self.path, position)
        if copy is not None:
            self._take_copy(copy, position)
            return b""
        return self._end()

    def _at_end(self) -> bytes | None:
        """Look whether another file has taken the path; the old one's writer may have a last word."""
        status = status_of(self.path)
        if status is None:
            return self._at_nothing()
        self._missed = 0
        if (status.st_dev, status.st_ino) == self._own and not self._is_copy:
            return None
        if not self._is_over and not self._is_copy:
            self._is_over = True
            return None
        return None if self._is_known(self.path) else self._end()

    def _at_nothing(self) -> bytes | None:
        """Count how often nothing was at the path; a file that was renamed is there all the same.

        Of one that is gone a last line that got no end is returned.
        """
        self._missed += 1
        if self.is_gone and self._found() is not None:
            self._missed = 0
            self.rest()
        if self.is_gone and self._stream is not None and not os.fstat(self._stream.fileno()).st_nlink:
            self.rest()  # it keeps its room on the disk as long as it is open
        return (self._leftover() or None) if self.is_gone else None

    def _end(self) -> bytes:
        """Leave the file for the one that is at the path now; return a last line that got no end."""
        data, position = self._leftover(), self.position
        if position is not None:
            self.done.append(position)
        self.close()
        self._own = self.place = None
        return data

    def _resume(self, position: Position) -> None:
        """Go on where another run stopped, in the file that was read then, wherever it is now."""
        self._own, self._head = (position.device, position.inode), (position.length, position.fingerprint)
        self._start, self._lines = position.offset, position.line
        with suppress(OSError):  # too many open files: it is looked for when it is read
            if place_of(self.path, position) is None:
                self.lost, self._own = _lost(self.path), None
                return
        self._from_end = False  # what takes its place is new


def _looks_of(status: os.stat_result) -> tuple[int, int, int]:
    """Return what changes when a file does."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _lost(path: Path) -> str:
    return (
        f"{path}: the file that was read before is gone; lines that were written to it after that are not "
        "counted"
    )
