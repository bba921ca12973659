"""Where logs come from: a file, a folder, a glob, standard input, an address."""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BufferedIOBase, RawIOBase
from pathlib import Path
from typing import BinaryIO, Final

from keyrota.display import reason_of, visible
from keyrota.errors import InputError
from keyrota.logs.compression import CHUNK_BYTES
from keyrota.logs.remote import find, is_address, masked, opened
from keyrota.opening import opened_to_read

STDIN: Final = "-"

Stream = BufferedIOBase | RawIOBase | BinaryIO


@dataclass(frozen=True, slots=True)
class Source:
    """One input: its name for messages, its size if known, and whether it was named by the user.

    A file found in a folder may be something else than a log and is then left out with a note.

    Parameters
    ----------
    name
        What messages call it: the path, or the address without what may be secret in it.
    size
        In bytes, if known.
    is_named
        Whether the user named it.
    address
        The whole address, if that is what it has.
    has_ranges
        Whether a server gives parts of it.
    inflated_limit
        Decompressed bytes at which reading ends; as `keyrota.logs.compression.Inflated` if not given.
    """

    name: str
    size: int | None
    is_named: bool
    address: str | None = field(default=None, repr=False)
    has_ranges: bool = True
    inflated_limit: int | None = None

    @property
    def label(self) -> str:
        """The name as text that every output can hold: no controls, no key, U+FFFD for what is no UTF-8."""
        return visible(os.fsencode(self.name).decode("utf-8", errors="replace"))

    @property
    def is_seekable(self) -> bool:
        """Whether a part can be read without the rest: of a regular file, or of a server with ranges."""
        return self.size is not None and self.has_ranges

    @contextmanager
    def open(self) -> Iterator[Stream]:
        """Open it as a raw binary stream, with `seek` if it `is_seekable`; any number of times if so.

        Raises
        ------
        InputError
            If it cannot be opened, or read within the block; the message is the reason alone, without the
            name.
        """
        try:
            if self.address is not None:
                with opened(self.address, size=self.size, has_ranges=self.has_ranges) as stream:
                    yield stream
            elif self.name == STDIN:
                if sys.stdin is None:
                    raise InputError("standard input is closed; name a file instead")
                yield sys.stdin.buffer
            else:
                with opened_to_read(Path(self.name), buffering=0) as file:
                    yield file
        except OSError as error:
            raise InputError(reason_of(error)) from error

    def chunks(self) -> Iterator[bytes]:
        """Yield the raw bytes, chunk by chunk.

        Raises
        ------
        InputError
            If the file cannot be opened or read; the message is the reason alone, without the name.
        """
        with self.open() as stream:
            yield from _chunks(stream)


def find_sources(paths: Iterable[str | os.PathLike[str]]) -> list[Source]:
    """Return the inputs that the paths name, each once, in order; a folder's files by name.

    Raises
    ------
    InputError
        If a path does not exist, matches nothing, or a folder holds no file.
    """
    found: dict[str, Source] = {}
    for given in paths:
        for source in _expand(os.fspath(given)):
            is_file = source.name != STDIN and source.address is None
            found.setdefault(os.path.realpath(source.name) if is_file else source.address or STDIN, source)
    if not found:
        raise InputError(
            "no log was named; give a file, a folder, a glob, an address, or - for standard input"
        )
    return _told_apart(list(found.values()))


def _expand(path: str) -> Iterator[Source]:
    if path == STDIN:
        yield Source(STDIN, None, is_named=True)
        return
    if is_address(path):
        for file in find(path):
            name, is_named = masked(file.address), not file.is_in_folder
            yield Source(name, file.size, is_named, file.address, file.has_ranges)
        return
    if os.path.isdir(path):
        yield from _folder(path)
        return
    if os.path.lexists(path):
        yield _file(path, is_named=True)
        return
    matches = sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else []
    if not matches:
        kind = "matches no file" if glob.has_magic(path) else "no such file or folder"
        raise InputError(f"{path}: {kind}")
    for match in matches:
        if os.path.isdir(match):
            yield from _folder(match)
        else:
            yield _file(match, is_named=True)


def _told_apart(sources: list[Source]) -> list[Source]:
    """Return the sources, those numbered whose addresses differ in what is not shown of them."""
    times = Counter(source.name for source in sources if source.address is not None)
    seen: Counter[str] = Counter()
    numbered = []
    for source in sources:
        seen[source.name] += 1
        is_alone = source.address is None or times[source.name] == 1
        numbered.append(source if is_alone else replace(source, name=f"{source.name} ({seen[source.name]})"))
    return numbered


def _folder(path: str) -> Iterator[Source]:
    """Every regular file below a folder; hidden files and folders are left out."""
    names: list[str] = []

    def unreadable(error: OSError) -> None:
        raise InputError(f"{error.filename}: {reason_of(error)}") from error

    for folder, folders, files in os.walk(path, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        names += [os.path.join(folder, name) for name in sorted(files) if not name.startswith(".")]
    regular = [name for name in names if os.path.isfile(name)]  # no pipes, no dangling links
    if not regular:
        raise InputError(f"{path}: the folder holds no file")
    for name in regular:
        yield _file(name, is_named=False)


def _file(path: str, *, is_named: bool) -> Source:
    try:
        status = os.stat(path)
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}") from error
    size = status.st_size if stat.S_ISREG(status.st_mode) else None
    return Source(os.fspath(path), size, is_named)


def _chunks(stream: Stream) -> Iterator[bytes]:
    # What a pipe has, at once: a log that is followed comes in small pieces.
    read: Callable[[int], bytes | None] = getattr(stream, "read1", stream.read)
    while chunk := read(CHUNK_BYTES):
        yield chunk
