"""A history as something to watch: what was added to it since, a source at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from keyrota.display import visible
from keyrota.errors import InputError
from keyrota.events import is_of_kind
from keyrota.history import open_store
from keyrota.logs.live_events import Event, Pick, Rejected, sound_times
from keyrota.pools.declared import PoolConfig
from keyrota.quota.rejections import rejected

if TYPE_CHECKING:
    import pandas as pd


BATCH_ROWS: Final = 50_000
"""So many picks and 429s of a source are told at a time: each takes ten times what it takes in the table."""


@dataclass(frozen=True, slots=True)
class Added:
    """Some events of one source.

    Parameters
    ----------
    events
        In the order of their times.
    rows
        Number of rows of the source that were not told of before.
    is_last
        Whether these are its last.
    """

    events: list[Event]
    rows: int
    is_last: bool


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

    def added(self, now_ns: int) -> Iterator[Added]:
        """Yield what was added since, a source after the other, each in the order of time.

        Parameters
        ----------
        now_ns
            The time now, for `keyrota.logs.live_events.sound_times`.

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
            # All rows count with the first piece: most tell nothing that is an event.
            rows = len(table)
            for events, is_last in events_of(table, now_ns):
                yield Added(events, rows, is_last)
                rows = 0
        self._looked_at = looked_at  # from before: what was added meanwhile is found at the next look


def events_of(table: pd.DataFrame, now_ns: int) -> Iterator[tuple[list[Event], bool]]:
    """Yield the picks and the 429s of an event table, in its order; rows without a time are left out.

    Parameters
    ----------
    table
        In the order of time.
    now_ns
        The time now, for `keyrota.logs.live_events.sound_times`.

    Yields
    ------
    tuple
        Up to `BATCH_ROWS` events, and whether they are the last. At least once, perhaps without any.

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
    at = np.flatnonzero(marks)
    times = table["time"].to_numpy(dtype="datetime64[ns]").view("int64")[at]
    times = sound_times(times, now_ns)
    for first in range(0, max(1, len(at)), BATCH_ROWS):
        own = slice(first, first + BATCH_ROWS)
        yield _events(table.iloc[at[own]], times[own].tolist()), own.stop >= len(at)


def _events(rows: pd.DataFrame, times: list[int]) -> list[Event]:
    picks = is_of_kind(rows, "pick").tolist()
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
    column = column.cat.remove_unused_categories()  # of the isolates of a long source a piece has few
    known: list[str | None] = [*(visible(str(name)) for name in column.cat.categories), None]
    return [known[code] for code in column.cat.codes.tolist()]
