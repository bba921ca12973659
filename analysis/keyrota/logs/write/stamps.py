"""Times as the platforms write them. Every time is an integer of nanoseconds since 1970 UTC."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SECOND_NS = 1_000_000_000


def millisecond_micros(time_ns: int) -> int:
    """Return microseconds that end in ``000``: the store's unit at the store's resolution.

    Examples
    --------
    >>> millisecond_micros(1_762_917_393_993_456_789)
    1762917393993000
    """
    return time_ns // 1_000_000 * 1000


def iso(time_ns: int, digits: int, zone: str = "Z") -> str:
    """Return ISO 8601 with a fixed number of fractional digits, cut, not rounded.

    Examples
    --------
    >>> iso(1_762_917_393_993_456_789, 3), iso(1_762_917_393_993_456_789, 6, zone="")
    ('2025-11-12T03:16:33.993Z', '2025-11-12T03:16:33.993456')
    """
    seconds, nanoseconds = divmod(time_ns, _SECOND_NS)
    text = (_EPOCH + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{f'{nanoseconds:09d}'[:digits]}{zone}"


def rfc3339_nano(time_ns: int) -> str:
    """Return RFC 3339 with up to nine fractional digits, as Go's ``RFC3339Nano`` prints it.

    Examples
    --------
    >>> rfc3339_nano(1_762_917_393_120_000_000), rfc3339_nano(1_762_917_393_000_000_000)
    ('2025-11-12T03:16:33.12Z', '2025-11-12T03:16:33Z')
    """
    return iso(time_ns, 9, zone="").rstrip("0").rstrip(".") + "Z"


def http_date(time_ns: int) -> str:
    """Return the form of HTTP's ``date`` header.

    Examples
    --------
    >>> http_date(1_762_776_002_000_000_000)
    'Mon, 10 Nov 2025 12:00:02 GMT'
    """
    return format_datetime(_EPOCH + dt.timedelta(seconds=time_ns // _SECOND_NS), usegmt=True)
