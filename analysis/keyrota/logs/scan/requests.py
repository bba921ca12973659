"""Rows of a request, compiled."""

from __future__ import annotations

from typing import Any, Final

from keyrota.logs.scan.alphabet import BACKSLASH, NOTHING, QUOTE, SLUG, UNSURE, WHITE
from keyrota.logs.scan.found import INVOCATION, NAME_END, NAME_START, REQUEST, STATUS, status_at
from keyrota.logs.scan.libc import is_at, letters

_ADDRESS: Final = letters("://")
_METHODS: Final = tuple(
    letters(method + " | ") for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
)
_TO_HTTP: Final = letters(" | http")
_EDGE: Final = letters("/functions/v1/")
_SLASH, _S = 47, 115
_POOL_LENGTH: Final = 64
_HOST_LENGTH: Final = 200


def request(buffer: Any, at: int, end: int, found: Any) -> int:
    """Read ``POST | 200 | https://host/functions/v1/slug``; `REQUEST` for one of something else."""
    for method in _METHODS:
        if is_at(buffer, method, at, end):
            at += len(method)
            status = status_at(buffer, at, end)
            if status < 0 or at + 10 > end:
                return REQUEST
            return _edge(buffer, at + 3, end, status, found)
    return NOTHING


def _edge(buffer: Any, at: int, end: int, status: int, found: Any) -> int:
    if not is_at(buffer, _TO_HTTP, at, end):
        return REQUEST
    at += len(_TO_HTTP)
    if at < end and buffer[at] == _S:
        at += 1
    if not is_at(buffer, _ADDRESS, at, end):
        return REQUEST
    at += len(_ADDRESS)
    start = at
    stop = min(end, at + _HOST_LENGTH)
    while at < stop and buffer[at] != _SLASH and not WHITE[buffer[at]]:
        if buffer[at] == BACKSLASH or buffer[at] == QUOTE or buffer[at] >= 128:
            return UNSURE
        at += 1
    if at == start or not is_at(buffer, _EDGE, at, end):
        return REQUEST
    slug = to = at + len(_EDGE)
    while to < end and SLUG[buffer[to]]:
        to += 1
    if to == slug or to - slug > _POOL_LENGTH or (to < end and buffer[to] == BACKSLASH):
        return UNSURE  # an escape may go on with the name
    found[STATUS], found[NAME_START], found[NAME_END] = status, slug, to
    return INVOCATION
