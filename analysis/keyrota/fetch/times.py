"""Times as whole microseconds since 1970 UTC: what the platform prints, sorts by and is asked with."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final

from keyrota.logs.times import time_ns

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NAMED = re.compile(r"([0-9]{8})T([0-9]{6})(?:\.([0-9]{6}))?Z")


def micros(value: Any) -> int | None:
    """Return the time of a row, ``None`` if it is none.

    Examples
    --------
    >>> micros("2026-06-22T09:34:06.215000") == micros(1782120846215000) == 1782120846215000
    True
    >>> micros("soon") is None
    True
    """
    nanoseconds = time_ns(value)
    return None if nanoseconds is None else nanoseconds // 1000


def micros_of(moment: dt.datetime) -> int:
    """Return a moment with a zone as microseconds since 1970 UTC.

    Examples
    --------
    >>> micros_of(dt.datetime(1970, 1, 1, 1, tzinfo=dt.UTC))
    3600000000
    """
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)


def iso(time_us: int) -> str:
    """Return a time as a query's parameter, a file of state and a message show it.

    Examples
    --------
    >>> iso(1782120846215000), iso(1782120840000000)
    ('2026-06-22T09:34:06.215000Z', '2026-06-22T09:34:00Z')
    """
    return _moment(time_us).isoformat().replace("+00:00", "Z")


def sql_time(time_us: int) -> str:
    """Return a time as a value of ClickHouse's SQL.

    Examples
    --------
    >>> sql_time(1782120846215000)
    "toDateTime64('2026-06-22 09:34:06.215000', 6, 'UTC')"
    """
    return f"toDateTime64('{_moment(time_us):%Y-%m-%d %H:%M:%S.%f}', 6, 'UTC')"


def name_of(time_us: int) -> str:
    """Return a time as it stands in a file's name: without colons, and in the order of time.

    Examples
    --------
    >>> name_of(1782120846215000), name_of(1782120840000000)
    ('20260622T093406.215000Z', '20260622T093400Z')
    """
    moment = _moment(time_us)
    return f"{moment:%Y%m%dT%H%M%S}{f'.{moment:%f}' if moment.microsecond else ''}Z"


def from_name(text: str) -> int | None:
    """Return the time of a part of a file's name, ``None`` if it is none.

    Examples
    --------
    >>> from_name(name_of(1782120846215000))
    1782120846215000
    """
    found = _NAMED.fullmatch(text)
    if found is None:
        return None
    day, clock, fraction = found.groups("000000")
    return micros(f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}.{fraction}")


def _moment(time_us: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=time_us)
