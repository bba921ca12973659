"""A history as something to watch: what was added to it since, a source at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keyrota.display import visible
from keyrota.errors import InputError
from keyrota.events import is_of_kind
from keyrota.history import open_store
from keyrota.logs.live_events import Event, Pick, Rejected
from keyrota.pools.declared import PoolConfig
from keyrota.quota.rejections import rejected

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Added:
    """The events of one source, and how many rows it has."""

    events: list[Event]
    rows: int


class StoreFeed:
    """Reads what is added to a history, each source once; the store is open only while it is read.

    Parameters
    ----------
    path
        The store, which need not exist yet.
    config
        The declared pools.
    after
        The last source that was read; 0 is before the first.
    """

    def __init__(self, path: Path, config: PoolConfig, after: int = 0) -> None:
        self._path, self._config = path, config
        self.after = after
        self.notes: list[str] = []
        self._is_told = False
        self._looked_at: tuple[int, int] | None = None

    @property
    def is_missing(self) -> bool:
        """Whether there is no store yet."""
        return not self._path.exists()

    def skip(self) -> None:
        """Leave out what is there."""
        if not self.is_missing:
            self.after = max(open_store(self._path).sources_after(self.after), default=self.after)

    def added(self) -> Iterator[Added]:
        """Yield what was added since, a source at a time; of each what comes later in time comes later.

        Raises
        ------
        InputError
            If the file is no store, or others hold it too long.
        """
        if self.is_missing:
            if not self._is_told:
                self._is_told = True
                self.notes.append(f"{self._path}: not there yet; it is waited for")
            return
        status = self._path.stat()
        looked_at = (status.st_mtime_ns, status.st_size)
        if looked_at == self._looked_at:
            return
        store = open_store(self._path)
        for number in store.sources_after(self.after):
            table = store.read_source(number, pools=self._config)
            self.after = number
            yield Added(events_of(table), len(table))
        self._looked_at = looked_at  # from before: what was added meanwhile is found at the next look


def events_of(table: pd.DataFrame) -> list[Event]:
    """Return the picks and the 429s of an event table, in its order; rows without a time are left out.

    Raises
    ------
    InputError
        If it is no event table.
    """
    if "kind" not in table:
        raise InputError("no event table: it has no column kind")
    marks = is_of_kind(table, "pick")
    marks[table.index.get_indexer(rejected(table).index)] = True
    marks &= table["time"].notna().to_numpy()
    rows = table[marks]
    picks = is_of_kind(rows, "pick").tolist()
    times = rows["time"].to_numpy(dtype="datetime64[ns]").view("int64").tolist()
    numbers = {name: _numbers(rows[name]) for name in ("key", "position", "size", "limit")}
    names = {name: _names(rows[name]) for name in ("pool", "function", "isolate", "cause")}
    events: list[Event] = []
    for at, (is_pick, time) in enumerate(zip(picks, times, strict=True)):
        pool, key = names["pool"][at], numbers["key"][at]
        if is_pick:
            place = numbers["position"][at], numbers["size"][at]
            events.append(Pick(time, pool, key, *place, names["function"][at], names["isolate"][at]))
        else:
            cause = names["cause"][at] or "unknown"
            events.append(Rejected(time, pool, cause, numbers["limit"][at], key))
    return events


def _numbers(column: Any) -> list[int | None]:
    missing = column.isna().tolist()
    values = column.to_numpy("int64", na_value=0).tolist()
    return [None if is_missing else value for value, is_missing in zip(values, missing, strict=True)]


def _names(column: Any) -> list[str | None]:
    known: list[str | None] = [visible(str(name)) for name in column.cat.categories]
    return [[*known, None][code] for code in column.cat.codes.tolist()]
