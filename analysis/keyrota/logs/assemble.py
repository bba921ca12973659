"""Rows of several sources to the event table: what they do not say themselves, then the columns."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from keyrota.display import redact
from keyrota.logs.collect import EventRow
from keyrota.logs.enrich import complete_positions, name_functions, name_pools, name_undeclared
from keyrota.pools.declared import PoolConfig

if TYPE_CHECKING:
    import pandas as pd


def assembled(rows: list[tuple[str, list[EventRow]]], config: PoolConfig) -> tuple[pd.DataFrame, PoolConfig]:
    """Return the event table of rows, and the pools: as declared, or inferred where none are.

    Parameters
    ----------
    rows
        The rows of each source, by its name.
    config
        The declared pools.
    """
    every = [row for _, source_rows in rows for row in source_rows]
    name_functions(every)
    for _, source_rows in rows:
        name_pools(source_rows, config)
    complete_positions(every, config)
    config = _with_inferred(rows, config, is_declared=bool(config.pools))
    return _table(rows), config


def _with_inferred(
    rows: list[tuple[str, list[EventRow]]], config: PoolConfig, *, is_declared: bool
) -> PoolConfig:
    """Name the pools of picks that no declaration covers; without a declaration, return what was inferred.

    A file of rules alone declares no pool.
    """
    nameless = [
        (name, [row for row in source_rows if row.kind == "pick" and (row.pool is None or not is_declared)])
        for name, source_rows in rows
    ]
    if not any(source_rows for _, source_rows in nameless):
        return config
    from keyrota.pools.infer import infer_pools

    inferred = infer_pools(_table(nameless))
    if is_declared:
        for _, source_rows in nameless:
            name_undeclared(source_rows, inferred)
        return config
    for _, source_rows in rows:
        name_undeclared([row for row in source_rows if row.kind == "pick"], inferred, with_keys=True)
        name_pools(source_rows, inferred)
    return inferred


def _table(rows: list[tuple[str, list[EventRow]]]) -> pd.DataFrame:
    from keyrota.events import make_events

    flat = [row for _, source_rows in rows for row in source_rows]
    parsed = [row.parsed for row in flat]
    columns: dict[str, list[object]] = {
        "time": [row.time_ns for row in flat],
        "source": [name for name, source_rows in rows for _ in source_rows],
    }
    for name in ("kind", "key", "cause", "line"):
        columns[name] = list(map(attrgetter(name), flat))
    for name in ("position", "size", "status", "limit", "retry_after_s", "duration_ms"):
        columns[name] = list(map(attrgetter(name), parsed))
    for name in ("pool", "function", "isolate"):
        columns[name] = _safe(list(map(attrgetter(name), flat)))
    columns["model"] = _safe([said.model for said in parsed])
    return make_events(columns)


def _safe(names: list[str | None]) -> list[object]:
    """Return names with whatever looks like a key masked: an id may be one that somebody put there."""
    masked = {name: name and redact(name) for name in set(names)}
    return [masked[name] for name in names]
