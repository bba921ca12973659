"""Files that are written whole or not at all.

A temporary file beside the target is filled, synced and renamed, and its folder synced. Whoever writes one
holds a lock on it: without its lock it was left by a process that was killed, and the next writer of the
same target removes it.
"""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from keyrota.display import reason_of
from keyrota.errors import OutputError

_HAS_LOCKS: Final = find_spec("fcntl") is not None
"""Not on Windows, where what was left by a killed process stays."""

_NAME_LENGTH: Final = 40
"""Characters of the target's name that its temporary files have, so that theirs are not too long."""

_CANNOT_SYNC: Final = frozenset((errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EBADF))
"""What file systems without a way to sync answer; everything else means that bytes may be lost."""


@contextmanager
def written_whole(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`; on leaving without an error it takes its place.

    The bytes reach the disk before the name does, so that a crash leaves the old file or the new
    one, never a part. On any error the temporary file is removed and `path` is as it was.

    Parameters
    ----------
    path
        Where the file shall be.
    overwrite
        Whether a file that is there may be replaced.

    Raises
    ------
    OutputError
        If the file exists and may not be replaced, or cannot be written.
    """
    path = Path(os.path.realpath(path))  # a link stays, and what it names is replaced
    refuse_to_replace(path, overwrite=overwrite)
    remove_left_over(path)
    handle, temporary = _temporary(path)
    is_done = False
    try:
        yield temporary
        take_place(temporary, path)
        is_done = True
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({reason_of(error)})") from error
    finally:
        if not is_done:
            with suppress(OSError):
                os.unlink(temporary)
        if handle is not None:
            with suppress(OSError):
                os.close(handle)


def take_place(made: Path, path: Path) -> None:
    """Give a file that was made beside `path` its name, with the mode of the one that it replaces.

    For a library that writes its files itself; others use `written_whole`.

    Raises
    ------
    OSError
        If that cannot be done; `path` is as it was.
    """
    os.chmod(made, os.stat(path).st_mode & 0o777 if path.exists() else _mode_of_new_files())
    sync(made)
    os.replace(made, path)
    _sync_name(path)


def take_free_place(made: Path, path: Path) -> None:
    """Give a file that was made beside `path` its name if nothing has it: what another made meanwhile stays.

    Raises
    ------
    OSError
        If that cannot be done.
    """
    sync(made)
    try:
        os.link(made, path)
    except OSError as error:
        is_taken = isinstance(error, FileExistsError) or path.exists()
        if not is_taken:  # a file system without links
            os.replace(made, path)
    _sync_name(path)


def remove_left_over(path: Path) -> None:
    """Remove the temporary files of this target whose writers were killed; those of others stay."""
    if not _HAS_LOCKS:
        return
    with suppress(OSError):
        for entry in list(os.scandir(path.parent)):
            if _temporary_name(path).fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_unless_locked(Path(entry.path))


def _remove_unless_locked(temporary: Path) -> None:
    import fcntl

    with suppress(OSError):
        handle = os.open(temporary, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(temporary)
        finally:
            os.close(handle)


def _temporary(path: Path) -> tuple[int | None, Path]:
    """Make a temporary file beside the target and lock it; returns what holds the lock, and its path."""
    try:
        while True:
            handle, name = tempfile.mkstemp(prefix=temporary_prefix(path), suffix=".tmp", dir=path.parent)
            if not _HAS_LOCKS:
                os.close(handle)
                return None, Path(name)
            import fcntl

            with suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another writer may have taken it for left over before it was locked.
            if os.path.exists(name):
                return handle, Path(name)
            os.close(handle)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({reason_of(error)})") from error


def temporary_prefix(path: Path) -> str:
    """Return how the names of what is made beside `path` begin: hidden, and by the target's own."""
    return f".{path.name[:_NAME_LENGTH]}."


def _temporary_name(path: Path) -> re.Pattern[str]:
    return re.compile(re.escape(temporary_prefix(path)) + r"[a-z0-9_]{8}\.tmp")


def refuse_to_replace(path: Path, *, overwrite: bool) -> None:
    """Check that a file may be written there: before long work, not only after it.

    Raises
    ------
    OutputError
        If `path` is a folder or a device, or exists and may not be replaced, or its folder does not exist.
    """
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}; make it, or name another file")
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path}: is a device or a pipe; name a file, or - for standard output")
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists; give --force to replace it")


def write_text(path: Path, text: str, *, overwrite: bool = False) -> None:
    """Write a text file whole, in UTF-8 with LF.

    Raises
    ------
    OutputError
        If it cannot be written; what stood there before is unchanged.
    """
    write_bytes(path, text.encode("utf-8"), overwrite=overwrite)


def write_bytes(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Write a file whole.

    Raises
    ------
    OutputError
        If it cannot be written; what stood there before is unchanged.
    """
    with written_whole(path, overwrite=overwrite) as temporary:
        _fill(temporary, data)


def _fill(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]  # a system may take less than it is given
    finally:
        os.close(handle)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk, where the file system has a way to.

    Raises
    ------
    OSError
        If they may be lost.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(handle)


def _sync_name(path: Path) -> None:
    # What has the name is whole in either case; without this a crash may bring the old one back.
    with suppress(OSError):
        sync(path.parent)


def _mode_of_new_files() -> int:
    mask = os.umask(0o077)  # it is asked for by setting it: what other threads make now is theirs alone
    os.umask(mask)
    return 0o666 & ~mask
