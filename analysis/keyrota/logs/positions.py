"""How far a file was read, and where that file is now: at its path, renamed, or copied.

A process that has run out of file descriptors cannot tell whether a file is there: what needs one to answer
raises then, and is asked again later. A wrong answer would have lines counted twice.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final

FINGERPRINT_BYTES: Final = 256
"""How many first bytes tell a file from another one."""

TELLING_BYTES: Final = 32
"""With fewer first bytes than these, files are not told to be copies of each other."""


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

    def is_of(self, status: os.stat_result) -> bool:
        """Say whether a file has this device and inode; another one may, when this one is deleted."""
        return (status.st_dev, status.st_ino) == (self.device, self.inode)


def is_shortage(error: OSError) -> bool:
    """Say whether this process, or the machine, has as many files open as it may."""
    return error.errno in (errno.EMFILE, errno.ENFILE)


@contextmanager
def _if_it_can_be() -> Iterator[None]:
    """Pass over what cannot be looked at; a shortage of descriptors says nothing of it."""
    try:
        yield
    except OSError as error:
        if is_shortage(error):
            raise


def status_of(path: Path) -> os.stat_result | None:
    """Return what is at a path, ``None`` if nothing is."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def head_of(stream: BinaryIO, length: int) -> tuple[int, str]:
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
            return size >= position.offset and head_of(stream, position.length) == told
    except OSError as error:
        if is_shortage(error):
            raise
        return False


def place_of(path: Path, position: Position) -> Path | None:
    """Return where the file is that was read up to a position: at its path, or renamed or copied."""
    return own_place_of(path, position) or copy_of(path, position)


def own_place_of(path: Path, position: Position) -> Path | None:
    """Return where the file itself is: at its path, or renamed."""
    for place in (path, *_neighbours(path)):
        with _if_it_can_be():
            if position.is_of(os.stat(place)) and has_same_start(place, position):
                return place
    return None


def copy_of(path: Path, position: Position) -> Path | None:
    """Return the newest other file in the folder that begins with the same bytes and is long enough."""
    if position.length < TELLING_BYTES:
        return None
    return next((place for place in _neighbours(path) if has_same_start(place, position)), None)


def _neighbours(path: Path) -> list[Path]:
    """Return the other plain files of the folder whose names begin with the file's stem, newest first."""
    found = []
    with _if_it_can_be(), os.scandir(path.parent) as entries:
        for entry in entries:
            with _if_it_can_be():
                is_other = entry.name != path.name and entry.name.startswith(path.stem)
                if is_other and entry.is_file():
                    found.append((entry.stat().st_mtime_ns, entry.path))
    return [Path(name) for _, name in sorted(found, reverse=True)]
