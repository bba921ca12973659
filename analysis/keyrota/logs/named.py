"""The files that a path, a folder or a glob names at a moment."""

from __future__ import annotations

import glob
import os


def names_of(given: str) -> list[str]:
    """Return the files that a path, a folder or a glob names now; a path that is no file yet names itself."""
    if glob.has_magic(given) and not os.path.lexists(given):
        return sorted(name for name in glob.glob(given, recursive=True) if os.path.isfile(name))
    return _files_below(given) if os.path.isdir(given) else [given]


def _files_below(folder: str) -> list[str]:
    names: list[str] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        names += [os.path.join(place, name) for name in sorted(files) if not name.startswith(".")]
    return [name for name in names if os.path.isfile(name)]
