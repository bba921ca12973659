"""A store as a Parquet dataset by day, which keyrota, pandas, DuckDB and Polars read."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from keyrota.display import reason_of
from keyrota.errors import InputError, OutputError
from keyrota.events import write_events
from keyrota.history.accounts import Exported
from keyrota.history.loading import Bounds, load_events, load_timeless, within
from keyrota.history.naming import plain_name, with_plain_names
from keyrota.history.places import with_places
from keyrota.history.times import DAY_NS, day_name, day_sql
from keyrota.report.atomic_folder import written_whole_folder

if TYPE_CHECKING:
    import pandas as pd

    from keyrota.history.database import Connection

FILE_NAME: Final = "events.parquet"

NO_DAY: Final = "__HIVE_DEFAULT_PARTITION__"
"""What Hive and all that read its layout write for a missing value."""

_LEVELS: Final = (
    re.compile(rf"day=([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|{NO_DAY})"),
    re.compile(re.escape(FILE_NAME)),
)
"""What an export makes, and all that it replaces: folders of days, and a file in each."""


def export(
    connection: Connection, store: Path, folder: Path, bounds: Bounds, *, overwrite: bool,
    on_progress: Callable[[float, float], None] | None,
) -> Exported:  # fmt: skip
    """Write the days, all of them or none: see `written_whole_folder`."""
    _refuse_around(store, folder)
    rows = size = 0
    with written_whole_folder(folder, _LEVELS, overwrite=overwrite) as fresh:
        days = _days(connection, bounds)
        if not days:
            raise InputError("no event lies in the span that is asked for; nothing was written")
        orders = _orders(connection, bounds)
        for done, day in enumerate(days, start=1):
            if day is None:
                events, _ = load_timeless(connection)
            else:
                since, until = day * DAY_NS, (day + 1) * DAY_NS
                events, _ = load_events(connection, (_later(since, bounds[0]), _earlier(until, bounds[1])))
            place = fresh / f"day={NO_DAY if day is None else day_name(day * DAY_NS)}"
            place.mkdir()
            write_events(_whole(events, orders), place / FILE_NAME, "parquet")
            rows, size = rows + len(events), size + (place / FILE_NAME).stat().st_size
            if on_progress is not None:
                on_progress(done, len(days))
    return Exported(files=len(days), rows=rows, bytes=size)


def _refuse_around(store: Path, folder: Path) -> None:
    above = Path(os.path.realpath(store)).parents
    try:
        # By what they are, not by their names: a system may have several for a folder.
        is_around = folder.exists() and any(folder.samefile(own) for own in above)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({reason_of(error)})") from error
    if is_around:
        raise OutputError(f"{folder}: the history itself is in there, {store}; name another folder")


def _later(time: int, bound: int | None) -> int:
    return time if bound is None else max(time, bound)


def _earlier(time: int, bound: int | None) -> int:
    return time if bound is None else min(time, bound)


def _whole(events: pd.DataFrame, orders: dict[str | None, list[int]]) -> pd.DataFrame:
    """Return events with the places that the whole of the export gives them, and pools by plain names."""
    events = events.assign(pool=with_plain_names(events["pool"]))
    pools = events["pool"].cat
    known = {code: orders[name] for code, name in enumerate(pools.categories) if name in orders}
    return with_places(events, np.asarray(pools.codes), {**known, -1: orders.get(None, [])})


def _days(connection: Connection, bounds: Bounds) -> list[int | None]:
    """Return the numbers of the days that have events, ``None`` for events without a time."""
    condition, values = within(bounds)
    rows = connection.execute(
        f"SELECT DISTINCT {day_sql('time_ns')} AS day FROM rows {'WHERE ' + condition if condition else ''} "
        "ORDER BY day NULLS LAST",
        values,
    ).fetchall()
    return [day for (day,) in rows]


def _orders(connection: Connection, bounds: Bounds) -> dict[str | None, list[int]]:
    """Return the keys of each pool whose lines name the key alone: a day may have seen fewer of them."""
    condition, values = within(bounds)
    inside = f"AND {condition}" if condition else ""
    rows = connection.execute(
        f"""
        SELECT pools.name, list(DISTINCT key ORDER BY key) FROM rows
        JOIN names AS kinds ON kinds.code = kind LEFT JOIN names AS pools ON pools.code = pool
        WHERE kinds.name = 'pick' AND position IS NULL AND key IS NOT NULL {inside}
        GROUP BY ALL
        """,
        values,
    ).fetchall()
    keys: defaultdict[str | None, set[int]] = defaultdict(set)
    for name, own in rows:
        keys[name and plain_name(name)].update(own)
    return {name: sorted(own) for name, own in keys.items()}
