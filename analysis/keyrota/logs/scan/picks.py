"""Picks of a key and the line that names a pool, compiled."""

from __future__ import annotations

from typing import Any, Final

from keyrota.logs.scan.alphabet import BACKSLASH, BLANK, ESCAPE, NOTHING, POOL, QUOTE, RAW, UNSURE
from keyrota.logs.scan.found import KEY, NAME_END, NAME_START, PICK, POOL_LINE, POSITION, SIZE, is_end, number
from keyrota.logs.scan.libc import is_at, letters
from keyrota.logs.scan.prefix import after_white

_USING: Final = letters("Using ")
_GOOGLE_KEY: Final = letters("GOOGLE_KEY_")
_POSITION: Final = letters(" (position ")
_KEY_OF: Final = letters(" (key ")
_OF: Final = letters(" of ")
_IN_POOL: Final = letters(" in pool)")
_STUDIO_KEY: Final = letters("GOOGLE_AI_STUDIO_KEY")
_KEY_POOL: Final = letters("key pool: ")
_AVAILABLE: Final = letters(" keys available)")
_OPEN, _SLASH, _HASH = 40, 47, 35
_POOL_LENGTH: Final = 64


def _pick_is_over(buffer: Any, at: int, end: int, mode: int) -> int:
    """Say whether a pick ends here, or a remark follows: 1, 0, or `UNSURE`."""
    at = after_white(buffer, at, end, mode)
    if at < 0:
        return UNSURE
    if is_end(buffer, at, end, mode):
        return 1
    if at >= end:
        return UNSURE
    byte = buffer[at]
    if byte == ESCAPE and mode == RAW and at + 1 < end and buffer[at + 1] == 91:
        return 1
    is_odd = byte == ESCAPE or byte == _HASH or byte == _SLASH or byte == BACKSLASH or byte == QUOTE
    return UNSURE if is_odd or byte >= 128 else 0


def _pick(buffer: Any, at: int, end: int, mode: int, found: Any) -> int:
    """Read what follows ``Using GOOGLE_KEY_``."""
    key, at = number(buffer, at, end, 6)
    if key < 0:
        return NOTHING
    position = size = -1
    if is_at(buffer, _POSITION, at, end):
        position, at = number(buffer, at + len(_POSITION), end, 6)
        if position < 0 or at >= end or buffer[at] != _SLASH:
            return NOTHING
        size, at = number(buffer, at + 1, end, 6)
    elif is_at(buffer, _KEY_OF, at, end):
        position, at = number(buffer, at + len(_KEY_OF), end, 6)
        if position < 0 or not is_at(buffer, _OF, at, end):
            return NOTHING
        size, at = number(buffer, at + len(_OF), end, 6)
    if size < 0 or not is_at(buffer, _IN_POOL, at, end):
        return NOTHING
    over = _pick_is_over(buffer, at + len(_IN_POOL), end, mode)
    if over != 1:
        return NOTHING if over == 0 else UNSURE
    if key < 1 or size < 1 or position < 1 or position > size:
        return UNSURE  # malformed: the general decoder has the words for it
    found[KEY], found[POSITION], found[SIZE] = key, position, size
    return PICK


def _pool_line(buffer: Any, at: int, end: int, found: Any) -> int:
    """Read what follows ``Using key pool: ``."""
    start = at
    stop = min(end, at + _POOL_LENGTH + 2)
    while at < stop and POOL[buffer[at]]:
        at += 1
    if at >= end or buffer[at] != _OPEN or at - start < 2 or buffer[at - 1] != BLANK:
        return NOTHING if at < stop else UNSURE
    name_end = at - 1
    if buffer[start] == BLANK or buffer[name_end - 1] == BLANK:
        return NOTHING
    size, at = number(buffer, at + 1, end, 6)
    if size < 0 or not is_at(buffer, _AVAILABLE, at, end):
        return NOTHING
    if size < 1 or name_end - start > _POOL_LENGTH:
        return UNSURE
    found[SIZE], found[NAME_START], found[NAME_END] = size, start, name_end
    return POOL_LINE


def using(buffer: Any, at: int, end: int, mode: int, found: Any) -> int:
    """Read what begins with ``Using ``: a pick, or the line that names a pool."""
    if not is_at(buffer, _USING, at, end):
        return NOTHING
    at += len(_USING)
    if is_at(buffer, _GOOGLE_KEY, at, end):
        return _pick(buffer, at + len(_GOOGLE_KEY), end, mode, found)
    if is_at(buffer, _KEY_POOL, at, end):
        return _pool_line(buffer, at + len(_KEY_POOL), end, found)
    return UNSURE if is_at(buffer, _STUDIO_KEY, at, end) else NOTHING
