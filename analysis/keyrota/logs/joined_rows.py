"""Rows that come in parts, put together as they come: of a part nothing is needed once it was added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from keyrota.logs.columns import Growing
from keyrota.logs.rows import DTYPES, NAME_COLUMNS, Rows, looked_up, names_of, new_index, renumbered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class JoinedRows:
    """The rows of several parts, in their order. Parts may share a list of names, or have one each."""

    def __init__(self) -> None:
        self._columns = {name: Growing(dtype) for name, dtype in DTYPES.items()}
        self._texts: dict[int, str] = {}
        self._index = new_index()
        self._first: list[str] | None = None  # its codes stay as they are
        self._last: tuple[list[str], NDArray[np.int32] | None] | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, part: Rows, expected: int = 0) -> None:
        """Take the next rows, of about so many in all."""
        lookup = self._lookup(part.names)
        if not len(part):
            return
        for name, column in self._columns.items():
            values = getattr(part, name)
            if name in NAME_COLUMNS and lookup is not None:
                values = looked_up(values, lookup)
            column.add(values, expected)
        self._texts.update({self._length + place: text for place, text in part.texts.items()})
        self._length += len(part)

    def done(self) -> Rows:
        """Return the rows; nothing is left here."""
        columns = {name: column.done() for name, column in self._columns.items()}
        names = names_of(self._index) if len(self._index) > 1 else self._first
        return Rows(names or [], **columns, texts=self._texts)

    def _lookup(self, names: list[str]) -> NDArray[np.int32] | None:
        """Return what the codes of some names become, nothing if they stay."""
        if self._first is None:
            self._first = names
        if names is self._first:
            return None
        if self._last is None:
            renumbered(self._first, self._index)
        if self._last is None or self._last[0] is not names:
            self._last = names, renumbered(names, self._index)
        return self._last[1]


def joined(parts: Sequence[Rows]) -> Rows:
    """Return the rows of several parts, in their order."""
    if len(parts) == 1:
        return parts[0]
    whole, expected = JoinedRows(), sum(map(len, parts))
    for part in parts:
        whole.add(part, expected)
    return whole.done()
