"""Rows of several sources to the event table: what they do not say themselves, then the columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from keyrota.display import redact_all
from keyrota.events import CAUSES, time_order, typed_events
from keyrota.logs.declared_names import DeclaredNames, with_names_of
from keyrota.logs.duplicates import Marks
from keyrota.logs.enrich import PICK, complete_positions, name_functions, name_pools, name_undeclared
from keyrota.logs.joined_rows import joined
from keyrota.logs.rows import MISSING, ROW_KINDS, Rows
from keyrota.pools.declared import PoolConfig

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Assembled:
    """The event table of rows, and the pools: as declared, or inferred where none are.

    `order` says which row each event is, counted through all sources; ``None`` if they are in order.
    """

    events: pd.DataFrame
    pools: PoolConfig
    order: NDArray[np.intp] | None

    def marks_in_order(self, marks: Marks) -> Marks:
        """Return the marks of the rows in the order of the events."""
        return marks if self.order is None else marks.take(self.order)


def assembled(sources: Sequence[tuple[str, Rows]], config: PoolConfig) -> Assembled:
    """Return the event table of the rows of each source, by its name.

    Parameters
    ----------
    sources
        The rows of each source, by its name.
    config
        The declared pools.
    """
    rows = with_names_of(joined([own for _, own in sources]), config)
    ends = np.cumsum([0, *(len(own) for _, own in sources)]).tolist()
    rows = name_functions(rows)
    rows, pool = _with_pools(rows, ends, config)
    rows = complete_positions(rows, pool, config)
    number = np.repeat(np.arange(len(sources), dtype=np.int32), np.diff(ends))
    # Two sources may have one name; the order of the table goes by names.
    labels = {name: code for code, name in enumerate(dict.fromkeys(name for name, _ in sources))}
    source = np.array([labels[name] for name, _ in sources], dtype=np.int32)[number]
    rows, pool, config = _with_inferred(rows, pool, source, list(labels), ends, config)
    order = time_order(rows.time, source)
    return Assembled(_table(rows, pool, source, list(labels), order), config, order)


def _with_pools(rows: Rows, ends: Sequence[int], config: PoolConfig) -> tuple[Rows, Codes]:
    """Name the pools of each source for itself."""
    names = DeclaredNames(config, rows)
    parts = [name_pools(rows.between(start, end), names) for start, end in pairwise(ends)]
    if len(parts) == 1:
        ((pool, key),) = parts
    else:
        pool, key = (np.concatenate(column) for column in zip(*parts, strict=True))
    return replace(rows, key=key), pool


def _with_inferred(
    rows: Rows, pool: Codes, source: Codes, labels: Sequence[str], ends: Sequence[int], config: PoolConfig
) -> tuple[Rows, Codes, PoolConfig]:
    """Name the pools of picks that no declaration covers; without a declaration, return what was inferred.

    A file of rules alone declares no pool.
    """
    is_declared = bool(config.pools)
    nameless = np.flatnonzero((rows.kind == PICK) & ((pool == MISSING) | (not is_declared)))
    if not len(nameless):
        return rows, pool, config
    from keyrota.pools.infer import infer_pools

    order = time_order(rows.time[nameless], source[nameless])
    own = nameless if order is None else nameless[order]
    inferred = infer_pools(_table(rows, pool, source, labels, own))
    rows = with_names_of(rows, inferred)
    names = DeclaredNames(inferred, rows)
    if is_declared:
        pool, _ = name_undeclared(rows, nameless, pool, names)
        return rows, pool, config
    _, key = name_undeclared(rows, nameless, pool, names, with_keys=True)
    rows, pool = _with_pools(replace(rows, key=key), ends, inferred)
    return rows, pool, inferred


def _table(
    rows: Rows, pool: Codes, source: Codes, labels: Sequence[str], order: NDArray[np.intp] | None
) -> pd.DataFrame:
    """Return the event table of the rows at some places, in that order; of all rows, if none are given."""
    columns: dict[str, NDArray[Any]] = {
        name: getattr(rows, name)
        for name in (
            "time", "kind", "key", "position", "size", "function", "isolate", "model", "status", "cause",
            "limit", "retry_after_s", "duration_ms", "line",
        )
    }  # fmt: skip
    columns |= {"pool": pool, "source": source}
    if order is not None:
        columns = {name: column[order] for name, column in columns.items()}
    # Whatever looks like a key is masked: an id may be one that somebody put there.
    safe = redact_all(rows.names)
    names = dict.fromkeys(("pool", "function", "isolate", "model"), safe)
    return typed_events(columns, {**names, "kind": ROW_KINDS, "cause": CAUSES, "source": labels})
