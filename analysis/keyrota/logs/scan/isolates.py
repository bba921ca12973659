"""What the runtime says of an isolate, compiled: its boot, its server, its end."""

from __future__ import annotations

from typing import Any, Final

from keyrota.logs.scan.alphabet import (
    ADDRESS,
    BACKSLASH,
    HEXADECIMAL,
    LETTERS,
    NOTHING,
    QUOTE,
    SLUG,
    UNSURE,
    WHITE,
    table,
)
from keyrota.logs.scan.found import (
    BOOT,
    DURATION_MS,
    INVOCATION,
    LISTENING,
    NAME_END,
    NAME_START,
    SHUTDOWN,
    is_end,
    is_over,
    number,
)
from keyrota.logs.scan.libc import is_at, letters

_BOOTED: Final = letters("booted (time: ")
_MS_CLOSE: Final = letters("ms)")
_SHUTDOWN: Final = letters("shutdown")
_REASON: Final = letters(" (reason: ")
_SERVING: Final = letters("serving the request with ")
_FUNCTIONS: Final = letters("functions/")
_LISTENING: Final = letters("Listening on http")
_ADDRESS: Final = letters("://")
_SUPERVISOR: Final = tuple(
    letters(text)
    for text in (
        "wall clock duration reached", "wall clock duraiton reached", "early termination has been triggered",
        "CPU time hard limit reached", "memory limit reached for the worker",
    )
)  # fmt: skip
_ISOLATE: Final = letters(" isolate: ")
_REASON_CHARACTERS: Final = table(LETTERS + " ")
_CLOSE, _SLASH, _COLON, _S = 41, 47, 58, 115
_ADDRESS_LENGTH: Final = 80
_POOL_LENGTH: Final = 64
_REASON_LENGTH: Final = 40
_UUID_LENGTH: Final = 36
_DOT, _DASH = 46, 45


def boot(buffer: Any, at: int, end: int, mode: int, found: Any) -> int:
    """Read ``booted (time: 31ms)``."""
    if not is_at(buffer, _BOOTED, at, end):
        return NOTHING
    duration, at = number(buffer, at + len(_BOOTED), end, 9)
    if duration < 0 or not is_at(buffer, _MS_CLOSE, at, end):
        return NOTHING
    over = is_over(buffer, at + len(_MS_CLOSE), end, mode)
    if over != 1:
        return NOTHING if over == 0 else UNSURE
    found[DURATION_MS] = duration
    return BOOT


def shutdown_or_serving(buffer: Any, at: int, end: int, mode: int, found: Any) -> int:
    """Read ``shutdown``, or ``serving the request with`` and a path."""
    if is_at(buffer, _SERVING, at, end):
        return _serving(buffer, at + len(_SERVING), end, mode, found)
    if not is_at(buffer, _SHUTDOWN, at, end):
        return NOTHING
    at += len(_SHUTDOWN)
    if is_at(buffer, _REASON, at, end):
        start = to = at + len(_REASON)
        stop = min(end, to + _REASON_LENGTH)
        while to < stop and _REASON_CHARACTERS[buffer[to]]:
            to += 1
        if to == start or to >= end or buffer[to] != _CLOSE:
            return NOTHING
        at = to + 1
    over = is_over(buffer, at, end, mode)
    return SHUTDOWN if over == 1 else NOTHING if over == 0 else UNSURE


def _serving(buffer: Any, at: int, end: int, mode: int, found: Any) -> int:
    """Read the path of a function that a local runtime serves; its last part is the slug."""
    to = start = at
    while to < end and not WHITE[buffer[to]]:
        byte = buffer[to]
        if byte >= 128 or byte == BACKSLASH or byte == QUOTE:
            if byte == QUOTE and is_end(buffer, to, end, mode):
                break
            return UNSURE
        to += 1
    slug = to
    while slug > start and SLUG[buffer[slug - 1]]:
        slug -= 1
    before = slug - len(_FUNCTIONS)
    if slug == to or before < start or not is_at(buffer, _FUNCTIONS, before, end):
        return UNSURE
    if (before > start and buffer[before - 1] != _SLASH) or to - slug > _POOL_LENGTH or before - start > 81:
        return UNSURE
    found[NAME_START], found[NAME_END] = slug, to
    return INVOCATION


def listening(buffer: Any, at: int, end: int, mode: int) -> int:
    """Read ``Listening on http://localhost:9999/``."""
    if not is_at(buffer, _LISTENING, at, end):
        return NOTHING
    at += len(_LISTENING)
    if at < end and buffer[at] == _S:
        at += 1
    if not is_at(buffer, _ADDRESS, at, end):
        return NOTHING
    start = to = at + len(_ADDRESS)
    while to < end and ADDRESS[buffer[to]]:
        to += 1
    if to == start or to - start > _ADDRESS_LENGTH:
        return UNSURE
    if to < end and buffer[to] == _SLASH:
        to += 1
    over = is_over(buffer, to, end, mode)
    return LISTENING if over == 1 else NOTHING if over == 0 else UNSURE


def supervised(buffer: Any, at: int, end: int, found: Any) -> int:
    """Read what the supervisor says when it ends an isolate, and which."""
    for text in _SUPERVISOR:
        if is_at(buffer, text, at, end):
            at += len(text)
            if at >= end or not (buffer[at] == _COLON or buffer[at] == _DOT):
                return NOTHING
            at += 1
            if not is_at(buffer, _ISOLATE, at, end):
                return NOTHING
            at += len(_ISOLATE)
            for offset in range(_UUID_LENGTH):
                is_dash = offset == 8 or offset == 13 or offset == 18 or offset == 23
                if at + offset >= end:
                    return NOTHING
                byte = buffer[at + offset]
                if not (byte == _DASH if is_dash else HEXADECIMAL[byte]):
                    return NOTHING
            found[NAME_START], found[NAME_END] = at, at + _UUID_LENGTH
            return SHUTDOWN
    return NOTHING
