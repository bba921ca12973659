"""Times of a store: nanoseconds since 1970, UTC."""

from __future__ import annotations

import datetime as dt
from typing import Final

DAY_NS: Final = 86_400 * 10**9

_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001  # UTC, without saying so each time


def iso(time_ns: int | None) -> str | None:
    """Return a time as ISO 8601, with nanoseconds where it has them.

    Examples
    --------
    >>> iso(1_762_917_393_000_000_000), iso(-1)
    ('2025-11-12T03:16:33Z', '1969-12-31T23:59:59.999999999Z')
    """
    if time_ns is None:
        return None
    seconds, fraction = divmod(time_ns, 10**9)
    moment = (_EPOCH + dt.timedelta(seconds=seconds)).isoformat()
    return moment + (f".{fraction:09d}".rstrip("0") if fraction else "") + "Z"


def day_name(time_ns: int) -> str:
    """Return the UTC day of a time.

    Examples
    --------
    >>> day_name(0), day_name(-1)
    ('1970-01-01', '1969-12-31')
    """
    return (_EPOCH + dt.timedelta(days=time_ns // DAY_NS)).date().isoformat()


def day_sql(column: str) -> str:
    """Return SQL for the number of the day since 1970; DuckDB's division rounds towards 1970."""
    return f"({column} // {DAY_NS} - CASE WHEN {column} % {DAY_NS} < 0 THEN 1 ELSE 0 END)"
