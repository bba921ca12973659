"""The history of a pool: `open_store` and what can be done with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING

from keyrota.display import shown
from keyrota.errors import ConfigurationError, InputError, OutputError
from keyrota.history.accounts import Add, AddedSource, Exported, Listing, Pruned
from keyrota.history.database import WAIT_S, connected, is_there, one_row, transaction
from keyrota.history.place import default_store

if TYPE_CHECKING:
    import pandas as pd

    from keyrota.history.database import Connection
    from keyrota.logs.read import Paths, Pools, Reading
    from keyrota.workers import Workers


def open_store(path: str | os.PathLike[str] | None = None, *, wait_s: float = WAIT_S) -> History:
    """Return the history that a file keeps.

    Parameters
    ----------
    path
        The store; the one in the user's data folder if not given. A missing one is made by the first
        `History.add`.
    wait_s
        How long to wait while another process writes, in seconds, 0 or more.

    Raises
    ------
    ConfigurationError
        If `wait_s` is negative, or the user has no data folder.

    Examples
    --------
    >>> open_store("history.duckdb").path.name
    'history.duckdb'
    """
    if not wait_s >= 0:
        raise ConfigurationError(f"wait_s is {shown(wait_s)}; it is a number of seconds, 0 or more")
    return History(Path(path) if path is not None else default_store(), wait_s)


@dataclass(frozen=True)
class History:
    """Events of many days in one file: a DuckDB database, opened for each call and closed after it.

    Several processes may read it at a time. While one adds to it or prunes it, others wait up to `wait_s`
    seconds and fail then.

    Parameters
    ----------
    path
        The store.
    wait_s
        How long to wait for others, in seconds.
    """

    path: Path
    wait_s: float = WAIT_S

    def add(
        self, logs: Paths, *, pools: Pools = None, on_read: Callable[[int], None] | None = None,
        workers: Workers | None = None, max_inflated: int | None = None, strict: bool = False,
    ) -> Add:  # fmt: skip
        """Read logs and add the rows that the store does not hold: all of them, or none on an error.

        Each source is read by itself, so that no more than one is in memory at a time. Rows are told by the
        rules by which overlapping exports are: by their ids, or by content and time. Rows without a time
        cannot be told apart: they are left out if the same file was added before, else kept.

        Parameters
        ----------
        logs
            As of `keyrota.read_logs`.
        pools
            The declared pools, a pools file, or ``"infer"``; the packaged ten-key configuration if not given.
        on_read
            Called with each number of bytes read.
        workers
            Who reads; threads for each core of this machine if not given.
        max_inflated
            Of a compressed log at most so many bytes are read, as by `keyrota.logs.read.read`.
        strict
            Add nothing if anything is wrong with the input.

        Raises
        ------
        InputError
            If nothing in the input is a log, or the store is none; if `strict`, also if a log is cut or
            damaged, holds malformed lines, or is none.
        OutputError
            If the store cannot be written, or another process holds it too long.
        ConfigurationError
            If the pools file is wrong, or DuckDB is not installed.
        """
        from keyrota.history.sources import readings_of, sound

        if is_there(self.path, OutputError):
            with connected(self.path, writes=False, wait_s=self.wait_s):
                pass  # refused before the logs are read, not after it
        skipped: list[tuple[str, str]] = []
        readings = readings_of(logs, pools, on_read, skipped, workers, max_inflated)
        return self.add_readings(sound(readings, skipped) if strict else readings, skipped=skipped)

    def add_readings(self, readings: Iterable[Reading], *, skipped: Iterable[tuple[str, str]] = ()) -> Add:
        """Add what was read already, or simulated; see `add`.

        Parameters
        ----------
        readings
            Taken one after the other: a generator keeps the memory small.
        skipped
            Files that hold no log, with the reason.
        """
        from keyrota.history.adding import Adder
        from keyrota.history.times import iso
        from keyrota.logs.read import LogInput, quality_messages

        # The first is read before the store is taken from the others.
        pending = iter(readings)
        first = next(pending, None)
        if first is None:
            raise InputError("there is nothing to add: no reading was given")
        self._make_folder()
        now = time_ns()
        with (
            connected(self.path, writes=True, wait_s=self.wait_s, creates=True) as connection,
            transaction(connection),
        ):
            number = int(one_row(connection, "SELECT coalesce(max(id), 0) + 1 FROM adds")[0])
            adder = Adder(connection, add_id=number)
            sources: list[AddedSource] = []
            notes: list[str] = []
            for reading in chain([first], pending):
                notes += quality_messages(reading.input)
                sources += adder.add(reading)
            adder.flush()
            connection.execute("INSERT INTO adds VALUES (?, ?, ?)", [number, now, first.pools.source])
        return Add(
            number=number, at=iso(now) or "", pools=first.pools.source, sources=tuple(sources),
            notes=(*quality_messages(LogInput((), tuple(skipped))), *notes, *adder.notes),
        )  # fmt: skip

    def read(
        self, *, since: pd.Timestamp | str | None = None, until: pd.Timestamp | str | None = None,
        pools: Pools = None,
    ) -> Reading:  # fmt: skip
        """Return the events with ``since <= time < until`` as a reading; only these are loaded.

        Parameters
        ----------
        since, until
            Times, UTC where they name no zone; without both, everything, also rows without a time.
        pools
            The declared pools, a pools file, or ``"infer"``; the packaged ten-key configuration if not given.
            Events are named by it anew: a pick by its key, what belongs to it alike.

        Raises
        ------
        InputError
            If there is no store, or it has no event in the span.
        """
        from keyrota.history.loading import load_events, load_input
        from keyrota.history.naming import named_anew
        from keyrota.logs.read import Reading

        bounds = _nanoseconds(since, "since"), _nanoseconds(until, "until")
        with connected(self.path, writes=False, wait_s=self.wait_s) as connection:
            events, marks = load_events(connection, bounds)
            log_input = load_input(connection, bounds)
            if events.empty:
                raise InputError(f"{self.path}: {_nothing(connection)}")
        events, config = named_anew(events, pools)
        return Reading(events, log_input, config, marks)

    def sources_after(self, number: int) -> list[int]:
        """Return the numbers of the sources that were added after one, ascending; 0 is before the first.

        Raises
        ------
        InputError
            If there is no store.
        """
        with connected(self.path, writes=False, wait_s=self.wait_s) as connection:
            found = connection.execute("SELECT id FROM sources WHERE id > ? ORDER BY id", [number]).fetchall()
        return [own for (own,) in found]

    def read_source(self, number: int, *, pools: Pools = None) -> pd.DataFrame:
        """Return the events that one source added, named by the pools; no rows if it was pruned.

        Parameters
        ----------
        number
            One of `sources_after`.
        pools
            As of `read`.
        """
        from keyrota.history.loading import load_source
        from keyrota.history.naming import named_anew

        with connected(self.path, writes=False, wait_s=self.wait_s) as connection:
            events, _ = load_source(connection, number)
        return events if events.empty else named_anew(events, pools)[0]

    def last(self) -> pd.Timestamp | None:
        """Return the time of the last event, ``None`` if no event has one."""
        import pandas as pd

        with connected(self.path, writes=False, wait_s=self.wait_s) as connection:
            (last,) = one_row(connection, "SELECT max(last_ns) FROM sources")
        return None if last is None else pd.Timestamp(last, tz="UTC")

    def list(self) -> Listing:
        """Return what was added when, and the totals of each day and pool.

        Raises
        ------
        InputError
            If there is no store.
        """
        from keyrota.history.listing import listing_of

        with connected(self.path, writes=False, wait_s=self.wait_s) as connection:
            return listing_of(connection, self.path)

    def prune(
        self, *, before: pd.Timestamp | str | None = None, keep_s: float | None = None, dry_run: bool = False
    ) -> Pruned:
        """Remove the events before a time, and give back the room that they took.

        Rows without a time go with the last event of their source.

        Parameters
        ----------
        before
            The time, UTC where it names no zone.
        keep_s
            Instead of it: how much to keep before the last event, in seconds.
        dry_run
            Whether only to count.

        Raises
        ------
        ConfigurationError
            If neither or both are given, or `before` is no time.
        InputError
            If there is no store.
        """
        from keyrota.history.pruning import prune

        if (before is None) == (keep_s is None):
            raise ConfigurationError(
                "prune takes a time (before), or how much to keep (keep_s), and not both"
            )
        bound = _nanoseconds(before, "before")
        return prune(self.path, bound, keep_s, wait_s=self.wait_s, dry_run=dry_run)

    def export(
        self, folder: str | os.PathLike[str], *, since: pd.Timestamp | str | None = None,
        until: pd.Timestamp | str | None = None, overwrite: bool = False,
        on_progress: Callable[[float, float], None] | None = None,
    ) -> Exported:  # fmt: skip
        """Write the events as a Parquet dataset by UTC day: ``FOLDER/day=2025-11-10/events.parquet``.

        Each file is an event table, as `keyrota.write_events` writes it. The folder is there when all of
        them are, or not at all; one that is replaced is the old one or the new one.

        Parameters
        ----------
        folder
            Where to.
        since, until
            As of `read`.
        overwrite
            Whether a folder that is there may be replaced, if it holds nothing but an export.
        on_progress
            Called with the days that are written, and how many there are.

        Raises
        ------
        OutputError
            If the folder exists and may not be replaced, holds anything but an export, or the store, or
            cannot be written.
        InputError
            If there is no store, or it has no event in the span.
        """
        from keyrota.history.exporting import export

        bounds = _nanoseconds(since, "since"), _nanoseconds(until, "until")
        with connected(self.path, writes=False, wait_s=self.wait_s) as connection:
            return export(
                connection, self.path, Path(folder), bounds, overwrite=overwrite, on_progress=on_progress
            )

    def _make_folder(self) -> None:
        from keyrota.report.atomic_folder import make_folder

        if self.path == default_store():
            make_folder(self.path.parent)


def _nothing(connection: Connection) -> str:
    from keyrota.history.times import iso

    first, last = one_row(connection, "SELECT min(time_ns), max(time_ns) FROM rows")
    if last is None:
        return "the history has no event with a time; add logs: keyrota history add LOG..."
    return f"no event lies in the span that is asked for; it has events from {iso(first)} to {iso(last)}"


def _nanoseconds(time: pd.Timestamp | str | None, name: str) -> int | None:
    if time is None:
        return None
    import pandas as pd

    try:
        moment = pd.Timestamp(time)
        moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
        return int(moment.as_unit("ns").value)
    except (ValueError, TypeError, OverflowError, AttributeError):
        raise ConfigurationError(
            f"{name}: {shown(time)} is no time; give a timestamp, or text such as 2025-11-10T08:00Z"
        ) from None
