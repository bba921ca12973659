"""What a field of a row may hold: an id of a bounded alphabet, a number, a status; anything else is nothing.

Ids that many rows share are kept once: a big log has a million rows and some hundred isolates.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

_ID_LENGTH: Final = 80
_is_id = re.compile(rf"[A-Za-z0-9_.:-]{{1,{_ID_LENGTH}}}").fullmatch
_is_number = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?").fullmatch


def identifier(value: Any) -> str | None:
    """Return an id of a bounded alphabet; anything else is no id, and no text of a log is kept."""
    if isinstance(value, str):
        return value if _is_id(value) else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        return identifier(str(value))
    return None


def shared_identifier(value: Any) -> str | None:
    """Return an id that many rows share, as one object for all of them."""
    is_text = isinstance(value, str) and len(value) <= _ID_LENGTH
    return _told_before(value) if is_text else identifier(value)


_told_before = lru_cache(maxsize=4096)(identifier)


def number_of(value: Any) -> float | None:
    """Return a number from 0 to 1e12, as one or as its digits."""
    if value is None or isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _is_number(value):
        return None
    number = float(value) if not isinstance(value, int) or abs(value) < 10**15 else float("nan")
    return number if 0 <= number < 1e12 else None


def status_of(value: Any) -> int | None:
    """Return an HTTP status."""
    number = number_of(value)
    return int(number) if number is not None and 100 <= number <= 999 else None
