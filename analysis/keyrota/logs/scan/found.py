"""What a message says, in an array of numbers, and what its readers share."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.events import CAUSES, KINDS
from keyrota.logs.scan.alphabet import JSON, QUOTE, RAW, UNSURE, WHITE
from keyrota.logs.scan.prefix import after_white

_0, _9 = 48, 57
PICK: Final = KINDS.index("pick")
POOL_LINE: Final = KINDS.index("pool")
REJECTION: Final = KINDS.index("rejection")
RETRY: Final = KINDS.index("retry")
BOOT: Final = KINDS.index("boot")
LISTENING: Final = KINDS.index("listening")
SHUTDOWN: Final = KINDS.index("shutdown")
INVOCATION: Final = KINDS.index("invocation")
WARNING: Final = KINDS.index("warning")
FRAGMENT: Final = len(KINDS)
"""The code of a line of an error's body."""


REQUEST: Final = -4
"""The message is a request's, or empty: an event only if its row tells a function and a status."""


OVERLOADED: Final = CAUSES.index("overloaded")
FAILED_CALL: Final = CAUSES.index("failed-call")


# What a message says, in an array: numbers, and where a name stands in the buffer.
KEY, POSITION, SIZE, STATUS, CAUSE, DURATION_MS, DELAY_MS, NAME_START, NAME_END = range(9)
FOUND: Final = 9


def number(buffer: Any, at: int, end: int, digits: int) -> tuple[int, int]:
    """Return a number of up to so many digits and the position behind it; -1 if there is none."""
    value: Any = 0
    stop = min(end, at + digits)
    start = at
    while at < stop:
        byte = buffer[at]
        if byte < _0 or byte > _9:
            break
        value = value * 10 + (np.intp(byte) - _0)
        at += 1
    return (value if at > start else -1), at


def is_end(buffer: Any, at: int, end: int, mode: int) -> bool:
    """Say whether a message ends here."""
    if mode == RAW:
        return at >= end
    if at >= end or buffer[at] != QUOTE:
        return False
    return mode == JSON or at + 1 >= end or buffer[at + 1] != QUOTE


def is_over(buffer: Any, at: int, end: int, mode: int) -> int:
    r"""Say whether nothing but blanks follows (``\s*$``): 1, 0, or `UNSURE`."""
    at = after_white(buffer, at, end, mode)
    if at < 0:
        return UNSURE
    if is_end(buffer, at, end, mode):
        return 1
    return UNSURE if at >= end or buffer[at] >= 128 else 0


def status_at(buffer: Any, at: int, end: int) -> int:
    """Return a number of three digits, -1 if there is none."""
    status, to = number(buffer, at, end, 3)
    return status if to == at + 3 else -1


def after_blanks(buffer: Any, at: int, end: int) -> int:
    """Skip up to eight blanks."""
    stop = min(end, at + 8)
    while at < stop and WHITE[buffer[at]]:
        at += 1
    return at
