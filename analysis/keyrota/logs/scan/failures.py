"""Calls that failed, compiled: retries, a provider's error, the lines of its body."""

from __future__ import annotations

from typing import Any, Final

from keyrota.logs.scan.alphabet import BACKSLASH, CR, NOTHING, QUOTED, UNSURE, WHITE
from keyrota.logs.scan.found import (
    CAUSE,
    DELAY_MS,
    FAILED_CALL,
    FRAGMENT,
    OVERLOADED,
    REJECTION,
    RETRY,
    STATUS,
    WARNING,
    after_blanks,
    number,
    status_at,
)
from keyrota.logs.scan.libc import is_at, letters
from keyrota.logs.scan.prefix import after_one_colour, escaped_value

_STUDIO_KEY: Final = letters("GOOGLE_AI_STUDIO_KEY")
_RETRY: Final = letters("). Retry ")
_AFTER: Final = letters(" after ")
_MS: Final = letters("ms")
_MAX_RETRIES: Final = letters("Max retries exceeded (status: ")
_GOOGLE_ERROR: Final = letters("Google AI Studio error:")
_QUOTED_NAMES: Final = (
    letters('"quotaId"'), letters('"quotaValue"'), letters('"retryDelay"'), letters('"quotaDimensions"'),
    letters('"model"'),
)  # fmt: skip
_QUOTED_MESSAGE: Final = letters('"message"')
_EXCEEDED: Final = letters('"You exceeded')
_EXHAUSTED: Final = letters('"Resource has been exhausted')
_0, _9, _CLOSE, _SLASH, _COLON = 48, 57, 41, 47, 58


def retry(buffer: Any, at: int, end: int, opening: Any, found: Any) -> int:
    """Read ``Rate limited (429). Retry 1/3 after 1000ms``."""
    if not is_at(buffer, opening, at, end):
        return NOTHING
    at += len(opening)
    status = status_at(buffer, at, end)
    if status < 0 or not is_at(buffer, _RETRY, at + 3, end):
        return NOTHING
    tried, at = number(buffer, at + 3 + len(_RETRY), end, 6)
    if tried < 0 or at >= end or buffer[at] != _SLASH:
        return NOTHING
    tries, at = number(buffer, at + 1, end, 6)
    if tries < 0 or not is_at(buffer, _AFTER, at, end):
        return NOTHING
    delay, at = number(buffer, at + len(_AFTER), end, 9)
    if delay < 0 or not is_at(buffer, _MS, at, end):
        return NOTHING
    found[STATUS], found[DELAY_MS] = status, delay
    return RETRY


def given_up(buffer: Any, at: int, end: int, found: Any) -> int:
    """Read ``Max retries exceeded (status: 429)``."""
    if not is_at(buffer, _MAX_RETRIES, at, end):
        return NOTHING
    at += len(_MAX_RETRIES)
    status = status_at(buffer, at, end)
    if status < 0 or at + 3 >= end or buffer[at + 3] != _CLOSE:
        return NOTHING
    found[STATUS] = status
    return RETRY


def provider_error(buffer: Any, at: int, end: int, mode: int, found: Any) -> int:
    """Read the status of an error; its body is the general decoder's to read."""
    if not is_at(buffer, _GOOGLE_ERROR, at, end):
        return UNSURE if is_at(buffer, _STUDIO_KEY, at, end) else NOTHING
    at += len(_GOOGLE_ERROR)
    if at < end and buffer[at] == CR and mode == QUOTED:
        return UNSURE  # one that ends a line is no part of the message
    if at < end and WHITE[buffer[at]]:
        at += 1
    at = after_one_colour(buffer, at, end, mode)
    if at < end and (buffer[at] == BACKSLASH or buffer[at] >= 128):
        return UNSURE
    status = status_at(buffer, at, end)
    if status < 0 or (at + 3 < end and _0 <= buffer[at + 3] <= _9):
        return NOTHING
    if at + 3 < end and buffer[at + 3] == BACKSLASH and _0 <= escaped_value(buffer, at + 3, end) <= _9:
        return UNSURE
    found[STATUS] = status
    if status == 429:
        return REJECTION
    found[CAUSE] = OVERLOADED if status == 503 else FAILED_CALL
    return WARNING


def fragment(buffer: Any, at: int, end: int) -> int:
    """Tell a line of an error's body, which begins with a quote."""
    for name in _QUOTED_NAMES:
        if is_at(buffer, name, at, end):
            to = after_blanks(buffer, at + len(name), end)
            if to < end and buffer[to] == _COLON:
                return FRAGMENT
            return UNSURE if to < end and buffer[to] >= 128 else NOTHING
    return _message_of_error(buffer, at, end)


def _message_of_error(buffer: Any, at: int, end: int) -> int:
    """Tell the message in an error's body, which begins as one of Google's."""
    if not is_at(buffer, _QUOTED_MESSAGE, at, end):
        return NOTHING
    at = after_blanks(buffer, at + len(_QUOTED_MESSAGE), end)
    if at >= end or buffer[at] != _COLON:
        return UNSURE if at < end and buffer[at] >= 128 else NOTHING
    at = after_blanks(buffer, at + 1, end)
    if is_at(buffer, _EXCEEDED, at, end) or is_at(buffer, _EXHAUSTED, at, end):
        return FRAGMENT
    return UNSURE if at < end and buffer[at] >= 128 else NOTHING


def quoted(buffer: Any, at: int, end: int) -> int:
    """Say whether a line of an error's body may begin here, behind an escaped quote."""
    if at >= end or buffer[at] >= 128 or buffer[at] == BACKSLASH:
        return UNSURE
    return UNSURE if buffer[at] == 113 or buffer[at] == 114 or buffer[at] == 109 else NOTHING  # qrm
