"""Events on their way into the table, as columns: a big log has ten million of them, and each is small.

What a row does not say is `MISSING` in a column of whole numbers, `NO_TIME` as a time and NaN as a
fraction. A column that says the same in every row is held as one number (an array without stride), so that
what a shape never tells costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from keyrota.events import CAUSES, KINDS
from keyrota.events import NO_TIME as NO_TIME
from keyrota.logs.columns import is_constant, packed
from keyrota.logs.hashing import id_hashes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Column = NDArray[Any]

MISSING: Final = -1
"""What stands in a column of whole numbers where a row says nothing."""

ROW_KINDS: Final = (*KINDS, "fragment")
"""What the codes of `Rows.kind` stand for; a fragment is a line of an error's body."""

KIND_CODES: Final = {kind: code for code, kind in enumerate(ROW_KINDS)}
CAUSE_CODES: Final[Mapping[str | None, int]] = {
    None: MISSING,
    **{cause: code for code, cause in enumerate(CAUSES)},
}

NAME_COLUMNS: Final = ("pool", "function", "function_id", "isolate", "model")
"""The columns that hold codes into `Rows.names`."""

DTYPES: Final[Mapping[str, str]] = {
    "kind": "int8",
    "time": "int64",
    "line": "int64",
    "key": "int32",
    "position": "int32",
    "size": "int32",
    "pool": "int32",
    "function": "int32",
    "function_id": "int32",
    "isolate": "int32",
    "model": "int32",
    "status": "int16",
    "cause": "int8",
    "limit": "int64",
    "retry_after_s": "float64",
    "duration_ms": "float64",
    "row_id": "uint64",
}
"""Every column of `Rows` with the type of its values."""

_FILLS: Final[Mapping[str, float]] = {
    "time": NO_TIME, "line": 0, "retry_after_s": np.nan, "duration_ms": np.nan, "row_id": 0,
}  # fmt: skip


class EventRow(NamedTuple):
    """One event as the general decoder tells it; what it does not say is ``None``."""

    kind: str
    line: int
    time_ns: int | None = None
    key: int | None = None
    key_label: str | None = None
    position: int | None = None
    size: int | None = None
    pool: str | None = None
    function: str | None = None
    function_id: str | None = None
    isolate: str | None = None
    model: str | None = None
    status: int | None = None
    cause: str | None = None
    limit: int | None = None
    retry_after_s: float | None = None
    duration_ms: float | None = None
    row_id: str | None = None
    text: str | None = None


def constant(name: str, count: int, value: float | None = None) -> Column:
    """Return a column that says the same in every row, missing if no value is given; not to be written to."""
    fill = _FILLS.get(name, MISSING) if value is None else value
    return np.broadcast_to(np.array(fill, dtype=DTYPES[name]), (count,))


@dataclass(slots=True, eq=False)
class Rows:
    """Events of one source as columns, in order, on their way into the table.

    Parameters
    ----------
    names
        What the codes of the name columns stand for, each once.
    kind
        Index into `ROW_KINDS`.
    time
        Nanoseconds since 1970 UTC.
    line
        1-based.
    pool
        The name that the line carries, which may not be the pool that it belongs to.
    cause
        Index into `keyrota.events.CAUSES`.
    row_id
        `keyrota.logs.hashing.id_hash` of the platform's id of the row, 0 without one.
    texts
        By index: the words of rejections that do not say their cause, and of fragments.
    """

    names: list[str]
    kind: NDArray[np.int8]
    time: NDArray[np.int64]
    line: NDArray[np.int64]
    key: NDArray[np.int32]
    position: NDArray[np.int32]
    size: NDArray[np.int32]
    pool: NDArray[np.int32]
    function: NDArray[np.int32]
    function_id: NDArray[np.int32]
    isolate: NDArray[np.int32]
    model: NDArray[np.int32]
    status: NDArray[np.int16]
    cause: NDArray[np.int8]
    limit: NDArray[np.int64]
    retry_after_s: NDArray[np.float64]
    duration_ms: NDArray[np.float64]
    row_id: NDArray[np.uint64]
    texts: dict[int, str] = field(default_factory=dict)

    @classmethod
    def made(
        cls, count: int, names: list[str], columns: Mapping[str, Column], texts: dict[int, str] | None = None
    ) -> Rows:
        """Return rows of the given columns; those that are not given are missing in every row."""
        whole = {
            name: np.asarray(columns[name], dtype=dtype) if name in columns else constant(name, count)
            for name, dtype in DTYPES.items()
        }
        return cls(names, **whole, texts={} if texts is None else texts)

    @classmethod
    def of(cls, event_rows: Sequence[EventRow], index: dict[str | None, int] | None = None) -> Rows:
        """Return the general decoder's rows as columns.

        Parameters
        ----------
        event_rows
            In order.
        index
            The codes of the names so far, to number the names of several parts alike; added to.
        """
        index = new_index() if index is None else index
        told = EventRow._make(zip(*event_rows, strict=True)) if event_rows else EventRow(*[()] * 19)  # type: ignore[arg-type]
        columns: dict[str, Any] = {
            "kind": [KIND_CODES[kind] for kind in told.kind],
            "line": told.line,
            "time": _numbers(told.time_ns, NO_TIME),
            "cause": _codes(told.cause, CAUSE_CODES),
            "row_id": id_hashes(told.row_id),  # type: ignore[arg-type]
        }
        for name in ("key", "position", "size", "status", "limit"):
            columns[name] = _numbers(getattr(told, name), MISSING)
        for name in ("retry_after_s", "duration_ms"):
            columns[name] = _numbers(getattr(told, name), np.nan)
        for name in NAME_COLUMNS:
            columns[name] = _names(getattr(told, name), index)
        texts = {place: text for place, text in enumerate(told.text or ()) if text is not None}
        given = {name: column for name, column in columns.items() if column is not None}
        return cls.made(len(event_rows), names_of(index), given, texts)

    def take(self, index: NDArray[Any]) -> Rows:
        """Return the rows at these places (or under this mask), in this order."""
        if index.dtype == bool:
            index = np.flatnonzero(index)
        columns = {}
        for name in DTYPES:
            column = getattr(self, name)
            columns[name] = (
                np.broadcast_to(column[:1], index.shape)
                if is_constant(column) and len(column)
                else column[index]
            )
        texts: dict[int, str] = {}
        if self.texts:
            places = np.flatnonzero(np.isin(index, list(self.texts)))
            texts = {place: self.texts[int(index[place])] for place in places.tolist()}
        return Rows(self.names, **columns, texts=texts)

    def between(self, start: int, end: int) -> Rows:
        """Return the rows from `start` up to `end` without copying them; their texts are left out."""
        return Rows(self.names, **{name: getattr(self, name)[start:end] for name in DTYPES})

    def __len__(self) -> int:
        return len(self.kind)

    def __eq__(self, other: object) -> bool:
        """Say whether all cells are equal, names compared as such and not by their codes."""
        if not isinstance(other, Rows):
            return NotImplemented
        if len(self) != len(other) or self.texts != other.texts:
            return False
        index = new_index()
        own, others = renumbered(self.names, index), renumbered(other.names, index)
        for name in DTYPES:
            a, b = getattr(self, name), getattr(other, name)
            if name in NAME_COLUMNS:
                a, b = own[a], others[b]
            if not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
                return False
        return True

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle in little space: rows travel between machines."""
        columns = {name: packed(getattr(self, name)) for name in DTYPES}
        return _unpacked, (self.names, len(self), columns, self.texts)


def new_index() -> dict[str | None, int]:
    """Return an index of names without a name: a missing one has the code `MISSING`."""
    return {None: MISSING}


def names_of(index: Mapping[str | None, int]) -> list[str]:
    """Return the names of an index in the order of their codes."""
    return [name for name in index if name is not None]


def _numbers(values: Any, fill: float) -> list[Any] | None:
    """Return numbers with a filler in place of ``None``, nothing if there is none."""
    missing = values.count(None)
    if missing == len(values):
        return None
    return [fill if value is None else value for value in values] if missing else values


def _codes(values: Any, codes: Mapping[str | None, int]) -> list[int] | None:
    return None if values.count(None) == len(values) else [codes[value] for value in values]


def _names(values: Any, index: dict[str | None, int]) -> list[int] | None:
    if values.count(None) == len(values):
        return None
    # The index holds `None` too, so that the next code is one less than its length.
    return [index.setdefault(value, len(index) - 1) for value in values]


def renumbered(names: Sequence[str], index: dict[str | None, int]) -> NDArray[np.int32]:
    """Return what each code becomes under an index that is added to; `MISSING` finds itself at the end."""
    codes = [index.setdefault(name, len(index) - 1) for name in names]
    return np.array([*codes, MISSING], dtype=np.int32)


def looked_up(codes: NDArray[np.int32], lookup: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return what codes become under `renumbered`; a column without any stays one number."""
    return codes if is_constant(codes) and codes[0] == MISSING else lookup[codes]


def _unpacked(names: list[str], count: int, given: Mapping[str, Column], texts: dict[int, str]) -> Rows:
    columns = {}
    for name, column in given.items():
        whole = column.astype(DTYPES[name], copy=False)
        columns[name] = np.broadcast_to(whole, (count,)) if len(whole) == 1 != count else whole
    return Rows(names, **columns, texts=texts)
