"""A span of a store as events: columns as they are, names for codes, the account of its sources."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from keyrota.events import NO_TIME, time_order, typed_events
from keyrota.history.database import one_row, registered
from keyrota.history.schema import NAMED
from keyrota.logs.duplicates import Marks
from keyrota.logs.read import LogInput, SourceInput
from keyrota.logs.rows import KIND_CODES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from keyrota.history.database import Connection
    from keyrota.name_columns import Names

Bounds = tuple[int | None, int | None]
"""Since and until, in nanoseconds."""

BATCH: Final = 122_880
"""Rows that are taken at a time: as many as DuckDB keeps together."""

_FILLS: Final = {"time_ns": NO_TIME, "retry_after_s": np.nan, "duration_ms": np.nan}


def load_events(connection: Connection, bounds: Bounds) -> tuple[pd.DataFrame, Marks]:
    """Return the events of a span in time order, and their marks.

    Those without a time are there if neither bound is given. Picks whose place was told from the keys alone
    have none.
    """
    condition, values = within(bounds)
    return _loaded(connection, f"WHERE {condition}" if condition else "", values)


def load_timeless(connection: Connection) -> tuple[pd.DataFrame, Marks]:
    """Return the events without a time."""
    return _loaded(connection, "WHERE time_ns IS NULL", [])


def load_source(connection: Connection, number: int) -> tuple[pd.DataFrame, Marks]:
    """Return the events that one source added."""
    return _loaded(connection, "WHERE source = ?", [number])


def within(bounds: Bounds) -> tuple[str, list[int]]:
    """Return the condition of a span, and what stands for its question marks."""
    signs = [(">=", bounds[0]), ("<", bounds[1])]
    conditions = [f"time_ns {sign} ?" for sign, bound in signs if bound is not None]
    return " AND ".join(conditions), [bound for bound in bounds if bound is not None]


def load_input(connection: Connection, bounds: Bounds) -> LogInput:
    """Return the account of the sources that have events in a span."""
    since, until = bounds
    accounts = []
    kinds: Counter[str] = Counter()
    for account, found, first, last in connection.execute(
        "SELECT account, found, first_ns, last_ns FROM sources ORDER BY id"
    ).fetchall():
        if since is not None and (last is None or last < since):
            continue
        if until is not None and (first is None or first >= until):
            continue
        accounts.append(msgspec.json.decode(account, type=SourceInput))
        kinds.update(dict(json.loads(found)))
    labels = connection.execute("SELECT number, label FROM key_labels ORDER BY number").fetchall()
    return LogInput(tuple(accounts), (), tuple(sorted(kinds.items())), tuple(labels))


def _loaded(connection: Connection, where: str, values: list[int]) -> tuple[pd.DataFrame, Marks]:
    names = _listed(connection.execute("SELECT code, name FROM names").fetchall())
    sources = _listed(connection.execute("SELECT id, label FROM sources").fetchall())
    code_types = {name: np.min_scalar_type(-len(names)) for name in NAMED}
    code_types["source"] = np.min_scalar_type(-len(sources))
    columns = _columns(connection, f"FROM rows {where}", values, code_types)
    order = time_order(columns["time_ns"], columns["source"])
    if order is not None:
        columns = {name: column[order] for name, column in columns.items()}
    kinds = np.array([KIND_CODES.get(str(name), 0) for name in names], dtype=np.int8)
    marks = Marks(columns["time_ns"], kinds[columns["kind"]], columns.pop("row_id"), columns.pop("content"))
    isolates, columns["isolate"] = _isolates(connection, columns["isolate"])
    columns["time"] = columns.pop("time_ns")
    categories: dict[str, Names] = dict.fromkeys(NAMED, names)
    return typed_events(columns, {**categories, "source": sources, "isolate": isolates}), marks


def _columns(
    connection: Connection, rows: str, values: list[int], types: dict[str, np.dtype[Any]]
) -> dict[str, NDArray[Any]]:
    """Return the columns of some rows, each written once in the type that it has in the end.

    A table of Arrow's beside them would be as large again: memory that is touched for the first time is most
    of the cost of a long span.
    """
    (number,) = one_row(connection, f"SELECT count(*) {rows}", values)
    found = connection.sql(f"SELECT * {rows}", params=values)
    # DuckDB has renamed its reader.
    reader = (found.to_arrow_reader if hasattr(found, "to_arrow_reader") else found.fetch_arrow_reader)(BATCH)
    columns = {
        field.name: np.empty(number, types.get(field.name) or field.type.to_pandas_dtype())
        for field in reader.schema
    }
    first = 0
    for batch in reader:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            missing = _FILLS.get(name, -1)
            own = columns[name][first : first + len(column)]
            if column.null_count == len(column):
                own[:] = missing
            else:
                filled = column.fill_null(missing) if column.null_count else column
                own[:] = filled.to_numpy()
        first += batch.num_rows
    return columns


def _listed(pairs: list[tuple[int, str]]) -> list[str | None]:
    """Return names by their codes."""
    names: list[str | None] = [None] * (1 + max((code for code, _ in pairs), default=0))
    for code, name in pairs:
        names[code] = name
    return names


def _isolates(connection: Connection, codes: NDArray[np.int64]) -> tuple[Names, NDArray[np.int32]]:
    """Return the names of isolates in order, and the column as codes of them."""
    known = codes >= 0
    if not known.any():
        return [], np.full(len(codes), -1, dtype=np.int32)
    low = int(codes[known].min())
    is_used = np.zeros(int(codes.max()) - low + 1, dtype=bool)
    is_used[codes[known] - low] = True
    wanted = pa.table({"code": np.flatnonzero(is_used) + low})
    with registered(connection, "wanted", wanted):
        named = connection.sql(
            "SELECT code, name FROM isolates SEMI JOIN wanted USING (code) ORDER BY name"
        ).to_arrow_table()
    names = named["name"].combine_chunks()
    is_new = np.ones(len(names), dtype=bool)  # one name may stand there twice
    is_new[1:] = pc.not_equal(names[1:], names[:-1]).to_numpy(zero_copy_only=False)
    place = np.full(len(is_used) + 1, -1, dtype=np.int32)
    place[named["code"].to_numpy() - low] = np.cumsum(is_new) - 1
    return pd.Index(names.filter(pa.array(is_new)).to_pandas()), place[np.where(known, codes - low, -1)]
