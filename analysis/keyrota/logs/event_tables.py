"""Event tables in place of logs: what `keyrota parse` wrote is read again in a fraction of the time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from keyrota.errors import InputError
from keyrota.events import COLUMNS, check_events, read_events
from keyrota.logs.duplicates import Marks
from keyrota.logs.hashing import hashed
from keyrota.logs.rows import KIND_CODES, MISSING, constant
from keyrota.logs.seen_rows import is_again, is_new
from keyrota.logs.sources import STDIN, Source
from keyrota.name_columns import name_column

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MAGIC: Final = b"PAR1"
FORMAT: Final = "event table"
_HEADER: Final = ",".join(COLUMNS).encode()
_FIRST_ROW: Final = b'{"time":'
_ROW_BYTES: Final = 1 << 16
"""How much of a file is looked at for its first row: names are short, however long a hostile one is."""


def is_event_table(source: Source) -> bool:
    """Say whether a source is a Parquet file, or what ``keyrota parse`` wrote as CSV or NDJSON.

    CSV by its header, NDJSON by the names in its first row: all columns, in order, and no other. What cannot
    be looked at twice is no table.
    """
    if source.name == STDIN or source.size is None:
        return False
    try:
        with Path(source.name).open("rb") as stream:
            head = stream.read(len(_HEADER) + 2)
            if head.startswith(_FIRST_ROW):
                return _is_row(head + stream.read(_ROW_BYTES))
            return head.startswith(MAGIC) or head.split(b"\n")[0].removesuffix(b"\r") == _HEADER
    except OSError:
        return False


def _is_row(head: bytes) -> bool:
    try:
        row = json.loads(head.split(b"\n")[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and list(row) == list(COLUMNS)


def read_event_tables(
    sources: Sequence[Source], on_read: Callable[[int], None] | None
) -> tuple[pd.DataFrame, list[tuple[Source, int, int]]]:
    """Read event tables as one, rows that several of them hold counted once.

    Returns
    -------
    events : pandas.DataFrame
        The table in time order.
    accounts : list
        For each source its rows, and how many of them an earlier one had too.

    Raises
    ------
    InputError
        If a file is no event table.
    """
    import pandas as pd

    frames = []
    for source in sources:
        try:
            frames.append(read_events(source.name))
        except InputError as error:
            raise InputError(
                f"{error}; give what keyrota parse LOG -o events.parquet writes, or the log itself"
            ) from None
        if on_read is not None:
            on_read(source.size or 0)
    if len(frames) == 1:
        return frames[0], [(sources[0], len(frames[0]), 0)]
    names: dict[str, dict[Any, int]] = {name: {} for name, dtype in COLUMNS.items() if dtype == "category"}
    codes = [_codes(frame, names) for frame in frames]
    # Rows of one table are kept as they are: two events may agree in all that is known of them.
    repeated = is_again(np.concatenate([_told(frame, own) for frame, own in zip(frames, codes, strict=True)]))
    whole = {}
    for name in COLUMNS:
        if name in names:
            own = np.concatenate([column[name] for column in codes])[~repeated]
            whole[name] = pd.Series(name_column(own, list(names[name])))
        else:
            column = pd.concat([frame[name] for frame in frames], ignore_index=True)
            whole[name] = column[~repeated].reset_index(drop=True)
    ends = np.cumsum([len(frame) for frame in frames]).tolist()
    accounts = [
        (source, len(frame), int(repeated[end - len(frame) : end].sum()))
        for source, frame, end in zip(sources, frames, ends, strict=True)
    ]
    return check_events(pd.DataFrame(whole)), accounts


def _codes(frame: pd.DataFrame, names: dict[str, dict[Any, int]]) -> dict[str, NDArray[np.int64]]:
    """Return the columns of names by codes that mean the same in every table; names are added to."""
    codes = {}
    for name, index in names.items():
        column = frame[name].cat
        own = np.array([*(index.setdefault(text, len(index)) for text in column.categories), MISSING])
        codes[name] = own[column.codes.to_numpy()]
    return codes


def _told(frame: pd.DataFrame, codes: dict[str, NDArray[np.int64]]) -> NDArray[np.uint64]:
    """Return a hash of each row of one table and of how many rows before it are equal to it."""
    columns: list[NDArray[Any]] = list(codes.values())
    for name, dtype in COLUMNS.items():
        values = frame[name]
        if dtype.startswith("datetime"):
            columns.append(values.to_numpy(dtype="datetime64[ns]").view("int64"))
        elif dtype == "float64":
            numbers = values.to_numpy() + 0.0  # -0.0 is 0.0
            columns.append(np.where(np.isnan(numbers), np.nan, numbers).view("int64"))
        elif dtype != "category":
            columns += [values.to_numpy("int64", na_value=0), values.isna().to_numpy()]
    rows = hashed(*columns)
    order = np.argsort(rows, kind="stable")
    firsts = np.flatnonzero(is_new(rows[order]))
    rank = np.empty(len(rows), dtype=np.int64)
    rank[order] = np.arange(len(rows)) - np.repeat(firsts, np.diff(firsts, append=len(rows)))
    return hashed(rows, rank)


def marks_of(events: pd.DataFrame) -> Marks:
    """Return the marks of an event table's rows: no ids, and the content that the columns tell."""
    kinds = [KIND_CODES[kind] for kind in events["kind"].cat.categories]
    code = np.array([*kinds, MISSING], dtype=np.int8)
    return Marks.made(
        events["time"].to_numpy(dtype="datetime64[ns]").view("int64"),
        code[events["kind"].cat.codes.to_numpy()],
        constant("row_id", len(events)),
        *(events[name].to_numpy("int64", na_value=MISSING) for name in ("key", "position", "size", "status")),
    )
