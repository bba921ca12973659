"""Times as logs write them, to nanoseconds since 1970 UTC."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import Any, Final

ISO: Final = (
    r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
    r"(?:Z|[ ]?UTC|[+-][0-9]{2}:?[0-9]{2})?"
)
"""The pattern of an ISO 8601 time, with Go's slashes too; without a zone it is read as UTC."""

_ISO = re.compile(
    r"([0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ][0-9]{2}:[0-9]{2}):([0-9]{2})(?:[.,]([0-9]{1,9}))?"
    r"(?:Z|[ ]?UTC|([+-])([0-9]{2}):?([0-9]{2}))?"
)
_DIGITS = re.compile(r"[0-9]{10,19}")
_DECIMAL = re.compile(r"[0-9]{10}\.[0-9]{1,9}")
_SPREADSHEET = re.compile(r"[0-9][.,][0-9]{1,14}E\+1[0-9]")
_SECOND: Final = 1_000_000_000
_EPOCH_ORDINAL: Final = dt.date(1970, 1, 1).toordinal()
# 1990 to 2262: before, a number is no time of a log; after, it does not fit 64 bits of nanoseconds.
EARLIEST_NS: Final = 631_152_000 * _SECOND
LATEST_NS: Final = 2**63 - 1


def time_ns(value: Any) -> int | None:
    """Return nanoseconds since 1970 UTC, ``None`` if `value` is no time.

    Whole numbers are seconds, milli-, micro- or nanoseconds by their size; text is ISO 8601 (a
    blank or ``T``, ``.`` or ``,``, up to nine digits; UTC without a zone) or such a number.

    Examples
    --------
    >>> time_ns(1762917393993000) == time_ns("2025-11-12T03:16:33.993Z") == 1762917393993000000
    True
    >>> time_ns("later") is None
    True
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        match = _ISO.fullmatch(text)
        if match:
            return _from_iso(match)
        if _DIGITS.fullmatch(text):
            return _from_number(int(text))
        return (
            _from_number(int(text.replace(".", "").ljust(19, "0")[:19])) if _DECIMAL.fullmatch(text) else None
        )
    if isinstance(value, int):
        return _from_number(value)
    if isinstance(value, float) and value == value and abs(value) < 1e19:
        # JSON writers without integers: 1.762917393993e15; seconds may carry a fraction.
        return _from_number(int(value)) if value >= 1e11 else _from_number(int(value * 1000))
    return None


def damaged_by_spreadsheet(value: Any) -> bool:
    """Say whether a time was rewritten by a spreadsheet (``1.76292E+15``): its digits are gone.

    Examples
    --------
    >>> damaged_by_spreadsheet("1.76292E+15"), damaged_by_spreadsheet("1762917393993000")
    (True, False)
    """
    return isinstance(value, str) and _SPREADSHEET.fullmatch(value.strip()) is not None


def _from_number(number: int) -> int | None:
    for unit in (1, 1_000, 1_000_000, _SECOND):
        # The largest unit first would take seconds for nanoseconds: sizes differ by a thousand.
        if number * unit >= EARLIEST_NS:
            nanoseconds = number * unit
            return nanoseconds if nanoseconds <= LATEST_NS else None
    return None


def _from_iso(match: re.Match[str]) -> int | None:
    to_minute, second, fraction, sign, offset_hour, offset_minute = match.groups()
    minute = _minute_s(to_minute)
    if minute is None or int(second) > 60:
        return None
    seconds = minute + int(second)
    if sign:
        offset = int(offset_hour) * 3600 + int(offset_minute) * 60
        seconds += offset if sign == "-" else -offset
    nanoseconds = seconds * _SECOND + (int(fraction.ljust(9, "0")) if fraction else 0)
    return nanoseconds if 0 <= nanoseconds <= LATEST_NS else None


@lru_cache(maxsize=4096)
def _minute_s(to_minute: str) -> int | None:
    """Return the seconds since 1970 at which a minute begins; many lines of a log share one."""
    date, hour, minute = to_minute[:10], int(to_minute[11:13]), int(to_minute[14:])
    if hour > 23 or minute > 59:
        return None
    try:
        days = dt.date(int(date[:4]), int(date[5:7]), int(date[8:])).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        return None
    return days * 86_400 + hour * 3600 + minute * 60
