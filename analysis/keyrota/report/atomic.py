"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from keyrota.errors import OutputError


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
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({(error.strerror or str(error)).lower()})") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else _mode_of_new_files())
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({(error.strerror or str(error)).lower()})") from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


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
        temporary.write_bytes(data)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems cannot sync a folder
            os.fsync(handle)
    finally:
        os.close(handle)


def _mode_of_new_files() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
