"""One file that grows: its complete lines, whatever is done to it meanwhile.

Rotation by rename: what is left of the old file is read, then the new one from its start. Rotation by
truncation: the file became shorter, or begins with other bytes; what was not read yet is looked for in the
copy that lies in the same folder. The last line of a file waits for its end, until the file is replaced.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Final

from keyrota.display import reason_of
from keyrota.errors import InputError

FINGERPRINT_BYTES: Final = 256
"""How many first bytes tell a file from another one."""

TELLING_BYTES: Final = 32
"""With fewer first bytes than these, files are not told to be copies of each other."""

DONE_KEPT: Final = 16
"""How many files are remembered that were read to their end."""

KEPT_BYTES: Final = 1 << 22
"""How much of a line is kept that has no end yet; readers keep 1,048,576 characters of it."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file was read.

    Parameters
    ----------
    device, inode
        Which file it is.
    length, fingerprint
        Its first bytes: how many, and what they hash to.
    offset
        Of the first byte of the first line that was not read.
    line
        Number of lines before it.
    """

    device: int
    inode: int
    length: int
    fingerprint: str
    offset: int
    line: int


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
        Where the files ended that others have taken the place of.
    lost
        What became of the file of the position, if it was not found.
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
        self._stream: BinaryIO | None = None
        self._status: os.stat_result | None = None
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
        if self._status is None:
            return None
        device, inode = self._status.st_dev, self._status.st_ino
        return Position(device, inode, *self._head, self._start, self._lines)

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

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
        """
        try:
            if self._stream is None and not self._open():
                return None
            self.before = self._lines
            if self._was_truncated():
                return self._after_truncation()
            chunk = self._stream.read(limit) if self._stream is not None else b""
            if chunk:
                self._is_over = False
                return self._complete(chunk)
            return self._at_end()
        except OSError as error:
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
        status = os.fstat(stream.fileno())
        self._take(stream, status, 0, 0)
        if self._from_end:
            self._from_end = False
            self._to_end(status.st_size)
        return True

    def _take(self, stream: Any, status: os.stat_result, offset: int, line: int) -> None:
        self.close()
        stream.seek(offset)
        self._stream, self._status = stream, status
        self._start, self._lines = offset, line
        self._rest, self._dropped, self._is_over, self._is_copy = b"", 0, False, False
        self._head = _head_of(stream, FINGERPRINT_BYTES)

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

    def _complete(self, chunk: bytes) -> bytes:
        """Return the lines that are complete now; the rest waits."""
        if self._head[0] < FINGERPRINT_BYTES and self._stream is not None:
            self._head = _head_of(self._stream, FINGERPRINT_BYTES)
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
        if size < self._start + len(self._rest) + self._dropped:
            return True
        length, fingerprint = self._head
        return length > 0 and _head_of(self._stream, length) != (length, fingerprint)

    def _after_truncation(self) -> bytes:
        """Read what is left in the copy, if there is one, then the file from its start."""
        position = self.position
        assert self._stream is not None
        assert position is not None
        copy = _copy_of(self.path, position)
        if copy is not None:
            self._take(copy.open("rb", buffering=0), os.stat(copy), position.offset, position.line)
            self._is_copy = True
            return b""
        data = self._leftover()
        self._end()
        self._open()
        return data

    def _at_end(self) -> bytes | None:
        """Look whether another file has taken the path; the old one's writer may have a last word."""
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return None
        assert self._status is not None
        if os.path.samestat(status, self._status) and not self._is_copy:
            return None
        if not self._is_over and not self._is_copy:
            self._is_over = True
            return None
        if self._is_known(self.path):
            return None
        data = self._leftover()
        self._end()
        self._open()
        return data

    def _end(self) -> None:
        position = self.position
        if position is not None:
            self.done = [*self.done, position][-DONE_KEPT:]
        self.close()
        self._status = None

    def _resume(self, position: Position) -> None:
        """Go on where another run stopped, in the file that was read then, wherever it is now."""
        place = _place_of(self.path, position)
        if place is None:
            self.lost = (
                f"{self.path}: the file that was read before is gone; lines that were written to it after "
                "that are not counted"
            )
            return
        with suppress(FileNotFoundError):
            self._take(place.open("rb", buffering=0), os.stat(place), position.offset, position.line)
            self._is_copy = place != self.path


def _head_of(stream: BinaryIO, length: int) -> tuple[int, str]:
    """Return how many of the first bytes there are, and what they hash to; the place in the file stays."""
    at = stream.tell()
    stream.seek(0)
    head = stream.read(length)
    stream.seek(at)
    return len(head), blake2b(head, digest_size=16).hexdigest()


def has_same_start(path: Path, position: Position) -> bool:
    """Say whether a file begins as another one did, and goes at least as far as that was read."""
    try:
        if not path.is_file():
            return False
        with path.open("rb", buffering=0) as stream:
            size = os.fstat(stream.fileno()).st_size
            told = (position.length, position.fingerprint)
            return size >= position.offset and _head_of(stream, position.length) == told
    except OSError:
        return False


def _place_of(path: Path, position: Position) -> Path | None:
    """Return where the file is that was read up to a position: at its path, or renamed or copied."""
    for place in (path, *_neighbours(path)):
        with suppress(OSError):
            status = os.stat(place)
            is_it = (status.st_dev, status.st_ino) == (position.device, position.inode)
            if is_it and has_same_start(place, position):
                return place
    return _copy_of(path, position)


def _copy_of(path: Path, position: Position) -> Path | None:
    """Return the newest other file in the folder that begins with the same bytes and is long enough."""
    if position.length < TELLING_BYTES:
        return None
    return next((place for place in _neighbours(path) if has_same_start(place, position)), None)


def _neighbours(path: Path) -> list[Path]:
    """Return the other plain files of the folder whose names begin with the file's stem, newest first."""
    found = []
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            with suppress(OSError):
                is_other = entry.name != path.name and entry.name.startswith(path.stem)
                if is_other and entry.is_file():
                    found.append((entry.stat().st_mtime_ns, entry.path))
    return [Path(name) for _, name in sorted(found, reverse=True)]
