"""Files that were read to their end and are not followed any more: what it takes not to read them again."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from keyrota.logs.positions import TELLING_BYTES, Position, has_same_start, status_of

DONE_KEPT: Final = 256
"""How many files are remembered that are not there any more: a folder may be away for a while."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A log whose file is gone: how far it was read, and its shape."""

    position: Position
    shape: str | None


class Finished:
    """Remembers files that were read: all those that are still there, and a few others.

    Parameters
    ----------
    positions
        Those of an earlier run.
    """

    def __init__(self, positions: Iterable[Position] = ()) -> None:
        self._names: dict[Position, str] = dict.fromkeys(positions, "")
        self._of_file: dict[tuple[int, int], list[Position]] | None = None
        self._is_there: set[Position] = set()
        self._gone: dict[str, Gone] = {}

    @property
    def positions(self) -> list[Position]:
        """Where the files ended, those that ended last at the end."""
        return list(self._names)

    def add(self, name: str, position: Position) -> None:
        """Remember a file that ended as the log of a name; one that nothing was read of may be read."""
        if position.offset:
            self._names.pop(position, None)
            self._names[position] = name
            self._of_file = None

    def has(self, place: Path, status: os.stat_result, *, but: str = "") -> bool:
        """Say whether a file is one of these, whatever its name is now; but none of a log of this name."""
        for position in self._of((status.st_dev, status.st_ino)):
            if (not but or self._names[position] != but) and has_same_start(place, position):
                self._is_there.add(position)
                return True
        return False

    def has_copy(
        self, place: Path, status: os.stat_result, live: Iterable[tuple[str, Position]], *, but: str = ""
    ) -> bool:
        """Say whether a file is a copy of one that is followed, or was, beside it; it is remembered then.

        That is what logrotate's copytruncate leaves: app.log.1 beside app.log.
        """
        done = ((name, position) for position, name in self._names.items() if name and name != but)
        named = [*live, *done]
        for name, position in named:
            is_telling = position.length >= TELLING_BYTES and position.offset
            if is_telling and str(place).startswith(name) and has_same_start(place, position):
                copy = replace(position, device=status.st_dev, inode=status.st_ino)
                self.add("", copy)
                self._is_there.add(copy)
                return True
        return False

    def looked(self) -> None:
        """Forget the oldest of those that were not found in a look at all files."""
        others = [position for position in self._names if position not in self._is_there]
        for position in others[: max(0, len(others) - DONE_KEPT)]:
            del self._names[position]
            self._of_file = None
        self._is_there.clear()

    def gone(self, name: str, position: Position, shape: str | None) -> None:
        """Remember a log whose file is gone, in case that it comes back."""
        self._gone[name] = Gone(position, shape)
        for oldest in list(self._gone)[:-DONE_KEPT]:
            del self._gone[oldest]

    def back(self, name: str) -> Gone | None:
        """Return what is known of the file that is at a path again; ``None`` if it is another one."""
        gone = self._gone.get(name)
        if gone is None:
            return None
        status = status_of(Path(name))
        if status is None:
            return None
        is_it = gone.position.is_of(status) and has_same_start(Path(name), gone.position)
        del self._gone[name]
        return gone if is_it else None

    def _of(self, file: tuple[int, int]) -> list[Position]:
        if self._of_file is None:
            self._of_file = {}
            for position in self._names:
                self._of_file.setdefault((position.device, position.inode), []).append(position)
        return self._of_file.get(file, [])
