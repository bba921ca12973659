"""What a store holds, for people and programs."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from keyrota.history.accounts import Add, AddedSource, DayTotal, Listing
from keyrota.history.database import one_row
from keyrota.history.times import DAY_NS, day_name, day_sql, iso
from keyrota.logs.read import SourceInput

if TYPE_CHECKING:
    from keyrota.history.database import Connection

SCHEMA: Final = "keyrota.history/1"


def listing_of(connection: Connection, path: Path) -> Listing:
    """Return the content of a store."""
    sources: defaultdict[int, list[AddedSource]] = defaultdict(list)
    for add_id, account, rows, first, last in connection.execute(
        "SELECT add_id, account, rows, first_ns, last_ns FROM sources ORDER BY id"
    ).fetchall():
        told = msgspec.json.decode(account, type=SourceInput)
        sources[add_id].append(
            AddedSource(
                name=told.name, format=told.format, first=iso(first), last=iso(last), lines=told.lines,
                rows=rows, duplicates=told.duplicates,
            )
        )  # fmt: skip
    adds = tuple(
        Add(number=number, at=iso(at) or "", pools=pools, sources=tuple(sources[number]))
        for number, at, pools in connection.execute(
            "SELECT id, added_ns, pools FROM adds ORDER BY id"
        ).fetchall()
    )
    days = _days(connection)
    times = one_row(connection, "SELECT min(time_ns), max(time_ns) FROM rows")
    return Listing(
        schema=SCHEMA, store=str(path), bytes=path.stat().st_size, rows=sum(day.events for day in days),
        first=iso(times[0]), last=iso(times[1]), adds=adds, days=days,
    )  # fmt: skip


def _days(connection: Connection) -> tuple[DayTotal, ...]:
    found = connection.execute(
        f"""
        SELECT day, pools.name AS pool, sum(events)::BIGINT,
            coalesce(sum(events) FILTER (kinds.name = 'pick'), 0)::BIGINT,
            coalesce(sum(events) FILTER (kinds.name = 'rejection'), 0)::BIGINT
        FROM (SELECT {day_sql("time_ns")} AS day, pool, kind, count(*) AS events FROM rows GROUP BY ALL)
        JOIN names AS kinds ON kinds.code = kind LEFT JOIN names AS pools ON pools.code = pool
        GROUP BY ALL ORDER BY day NULLS LAST, pools.name NULLS LAST
        """
    ).fetchall()
    return tuple(
        DayTotal(
            day=None if day is None else day_name(day * DAY_NS), pool=pool, events=events, picks=picks,
            rejections=rejections,
        )
        for day, pool, events, picks, rejections in found
    )  # fmt: skip
