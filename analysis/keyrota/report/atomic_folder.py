"""Folders that are written whole or not at all.

A fresh folder is filled in one of its own beside the target, which no other user can look into, and synced.
Then the old one is moved beside, the fresh one into its place, and the old one removed. These are two
renamings: a process that is killed between them leaves both folders, whole, beside a place that is empty.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from keyrota.display import listed, reason_of
from keyrota.errors import OutputError
from keyrota.report.atomic import sync, temporary_prefix


@contextmanager
def written_whole_folder(
    path: Path, levels: Sequence[re.Pattern[str]], *, overwrite: bool = False
) -> Iterator[Path]:
    """Give a fresh folder beside `path`; on leaving without an error it takes its place.

    What is in it reaches the disk before the name does. On any error the fresh folder is removed and `path`
    is as it was.

    Parameters
    ----------
    path
        Where the folder shall be.
    levels
        What the writer makes there: names of folders, of folders in these, and so on; last those of files.
    overwrite
        Whether a folder that is there may be replaced. One that holds anything else never is.

    Raises
    ------
    OutputError
        If the folder may not be replaced, or cannot be written.
    """
    path = Path(os.path.realpath(path))  # a link stays, and what it names is replaced
    try:
        _refuse_to_replace(path, levels, overwrite=overwrite)
        with folder_beside(path) as beside:
            fresh = beside / "new"
            fresh.mkdir()  # which has the mode that the process gives, other than the one around it
            yield fresh
            # Again: the work may have taken long, and others may have put something there.
            _refuse_to_replace(path, levels, overwrite=overwrite)
            if path.exists():
                os.chmod(fresh, stat.S_IMODE(os.stat(path).st_mode))
            _sync_all(fresh)
            _swap(fresh, path, Path(f"{beside}.old"))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({reason_of(error)})") from error


@contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """Give an empty folder beside `path`, for this user alone, and remove it with all that is left in it.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    with TemporaryDirectory(
        prefix=temporary_prefix(path), suffix=".tmp", dir=path.parent, ignore_cleanup_errors=True
    ) as made:
        yield Path(made)


def make_folder(path: Path, *, mode: int = 0o777) -> None:
    """Make a folder, and those above it, unless it is there.

    Parameters
    ----------
    path
        Where.
    mode
        What its users may do at most; the process' mask takes from it.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path}: the folder cannot be made ({reason_of(error)}); name another place"
        ) from error


def _refuse_to_replace(path: Path, levels: Sequence[re.Pattern[str]], *, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}; make it, or name another one")
    if not path.exists():
        return
    if not path.is_dir():
        raise OutputError(f"{path}: is a file; name a folder")
    others = list(_others(path, levels))
    if others:
        raise OutputError(
            f"{path}: holds {listed(others, limit=3)}, which would be lost; name another folder, or remove "
            "that first"
        )
    if not overwrite and any(path.iterdir()):
        raise OutputError(f"{path}: exists; give --force to replace it")
    if _is_around_here(path):  # a shell would stand in a folder that is gone
        raise OutputError(f"{path}: you are in this folder, so that it is not replaced; name another one")


def _is_around_here(path: Path) -> bool:
    try:
        here = Path.cwd()
    except OSError:  # it is gone already
        return False
    return path in (here, *here.parents)


def _others(folder: Path, levels: Sequence[re.Pattern[str]], above: str = "") -> Iterator[str]:
    """Yield what a folder holds besides what belongs there. A link never does: who knows what it is for."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    own, *below = levels
    for entry in found:
        is_kind = entry.is_dir(follow_symlinks=False) if below else entry.is_file(follow_symlinks=False)
        if not (is_kind and own.fullmatch(entry.name)):
            yield above + entry.name
        elif below:
            yield from _others(Path(entry.path), below, f"{above}{entry.name}/")


def _swap(fresh: Path, path: Path, old: Path) -> None:
    """Put a folder in the place of another: after an error, or Ctrl-C, the other one is there again."""
    try:
        if path.exists():
            os.replace(path, old)
        os.replace(fresh, path)
    except BaseException:
        if old.exists() and fresh.exists():
            _put_back(old, path)
        raise
    with suppress(OSError):
        sync(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def _put_back(old: Path, path: Path) -> None:
    try:
        os.replace(old, path)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({reason_of(error)}); what was there is in {old} now: move it back"
        ) from error


def _sync_all(folder: Path) -> None:
    for place, _, names in os.walk(folder):
        for name in names:
            sync(Path(place, name))
        with suppress(OSError):  # as of the folder of a file
            sync(Path(place))
