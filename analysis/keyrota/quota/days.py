"""The day of a daily limit: midnight to midnight in Los Angeles, 23 or 25 hours on switch days."""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

PACIFIC: Final = ZoneInfo("America/Los_Angeles")
"""Where the provider's day begins [1]_.

.. [1] ai.google.dev/gemini-api/docs/rate-limits: requests per day reset at midnight Pacific time.
"""

SECOND_NS: Final = 1_000_000_000


def pacific_midnights(first_ns: int, last_ns: int) -> NDArray[np.int64]:
    """Return the starts of all Pacific days that touch a span, and of the one after.

    Parameters
    ----------
    first_ns, last_ns
        Nanoseconds since 1970 UTC.

    Returns
    -------
    numpy.ndarray
        Ascending int64 nanoseconds; the first is not after `first_ns`, the last is after `last_ns`.

    Examples
    --------
    >>> import datetime as dt
    >>> noon = int(dt.datetime(2025, 11, 2, 12, tzinfo=dt.UTC).timestamp()) * SECOND_NS
    >>> [int(hours) for hours in np.diff(pacific_midnights(noon, noon)) // (3600 * SECOND_NS)]
    [25]
    """
    day = _moment(first_ns).date()
    midnights = [_midnight_ns(day)]
    while midnights[-1] <= last_ns:
        day += dt.timedelta(days=1)
        midnights.append(_midnight_ns(day))
    return np.array(midnights, dtype=np.int64)


def pacific_date(time_ns: int) -> dt.date:
    """Return the Pacific date of a moment."""
    return _moment(time_ns).date()


def _moment(time_ns: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(time_ns // SECOND_NS, PACIFIC)


def _midnight_ns(day: dt.date) -> int:
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=PACIFIC).timestamp()) * SECOND_NS
