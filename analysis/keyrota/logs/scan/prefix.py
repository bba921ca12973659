"""What stands before the words of a message, compiled: `keyrota.logs.rules.skip_decoration`.

Every function takes a position and returns the one behind what it skipped, or `UNSURE`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.logs.scan.alphabet import (
    BACKSLASH,
    BLANK,
    BRACKETED,
    DECORATION,
    DIGITS,
    ESCAPE,
    HEXADECIMAL,
    JSON,
    LETTERS,
    QUOTE,
    UNSURE,
    WHITE,
    WORD,
    table,
)
from keyrota.logs.scan.libc import find, is_at, letters

_DECORATION_LENGTH: Final = 40
_PREFIXES: Final = 4
_NAME_LENGTH: Final = 80

_LETTER: Final = table(LETTERS)
_COLOUR: Final = table(DIGITS + ";")
_STAMP: Final = table(DIGITS + "TZ:.+ -")
_LEVEL_NAMES: Final = (
    "TRACE", "DEBUG", "INFO", "LOG", "NOTICE", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL",
)  # fmt: skip
_LEVEL_INITIAL: Final = table("".join({name[0] + name[0].lower() for name in _LEVEL_NAMES}))
_LEVELS: Final = np.array([list(name.ljust(8).encode()) for name in _LEVEL_NAMES], dtype=np.uint8)
_LEVEL_LENGTHS: Final = np.array([len(name) for name in _LEVEL_NAMES], dtype=np.intp)

_ERROR: Final = letters("Error")
_EXCEPTION: Final = letters("Exception")
_EXHAUSTED: Final = letters("Exhausted")
_REQUESTS: Final = letters("Requests")
_LOWER_ERROR: Final = letters("error")
_LIMITED: Final = letters("429 ")
_UNAVAILABLE: Final = letters("503 ")
_GOT_STATUS: Final = letters("got status: ")
_FETCHING: Final = letters("Error fetching from http")

_OPEN, _CLOSE, _BAR, _COLON, _BRACE = 91, 93, 124, 58, 123
_N, _T, _R, _B, _F, _U = 110, 116, 114, 98, 102, 117
_G, _BIG_G, _BIG_E, _4, _5, _SINGLE, _LAST_LETTER = 103, 71, 69, 52, 53, 39, 109


def after_colour(buffer: Any, at: int, end: int, only_colour: bool) -> int:
    """Skip what follows an escape character in a terminal's sequence; -1 if it is none."""
    if at >= end or buffer[at] != _OPEN:
        return -1
    at += 1
    stop = min(end, at + 16)
    while at < stop and _COLOUR[buffer[at]]:
        at += 1
    if at < end and _LETTER[buffer[at]] and (not only_colour or buffer[at] == _LAST_LETTER):
        return at + 1
    return -1


def escaped_value(buffer: Any, at: int, end: int) -> int:
    r"""Return the number of a JSON escape ``\uXXXX`` whose backslash stands at `at`, -1 if it is none."""
    if at + 6 > end or buffer[at + 1] != _U:
        return -1
    value: Any = 0
    for index in range(at + 2, at + 6):
        byte: Any = np.intp(buffer[index])
        if not HEXADECIMAL[byte]:
            return -1
        value = value * 16 + (byte - 48 if byte < 58 else (byte | 32) - 87)
    return value


def after_decoration(buffer: Any, at: int, end: int, mode: int) -> int:
    """Skip emoji in any state, colours, blanks and controls."""
    left = _DECORATION_LENGTH
    while at < end:
        byte = buffer[at]
        if byte == BACKSLASH:
            following = buffer[at + 1] if at + 1 < end else 0
            if mode == JSON and following == BACKSLASH:
                # Escaped twice: the text of an escape.
                if at + 2 >= end or buffer[at + 2] != _U or escaped_value(buffer, at + 1, end) < 0:
                    return at
                at += 7
            elif following == _U:
                value = escaped_value(buffer, at, end)
                if mode != JSON:
                    if value < 0:
                        return at
                    at += 6
                elif value == ESCAPE:
                    to = after_colour(buffer, at + 6, end, False)
                    at = to if to > 0 else at + 6
                elif 0 <= value <= BLANK or value == 63 or value >= 127:
                    at += 6
                else:
                    return UNSURE
            elif mode == JSON and (
                following == _N or following == _T or following == _R or following == _B or following == _F
            ):
                at += 2
            else:
                return at
        elif byte == ESCAPE:
            to = after_colour(buffer, at + 1, end, False)
            at = to if to > 0 else at + 1
        elif DECORATION[byte]:
            at += 1
        else:
            return at
        left -= 1
        if left < 0:
            return UNSURE
    return at


def after_one_colour(buffer: Any, at: int, end: int, mode: int) -> int:
    """Skip a terminal's sequence that sets a colour; the same position if there is none."""
    if at >= end:
        return at
    to = at
    if buffer[at] == ESCAPE:
        to = at + 1
    elif mode == JSON and buffer[at] == BACKSLASH and escaped_value(buffer, at, end) == ESCAPE:
        to = at + 6
    if to == at:
        return at
    to = after_colour(buffer, to, end, True)
    return to if to > 0 else at


def after_white(buffer: Any, at: int, end: int, mode: int) -> int:
    """Skip blanks, in a JSON string those that are escaped."""
    while at < end:
        byte = buffer[at]
        if WHITE[byte]:
            at += 1
        elif byte == BACKSLASH and mode == JSON:
            following = buffer[at + 1] if at + 1 < end else 0
            if following == _N or following == _T or following == _R or following == _F:
                at += 2
            else:
                return UNSURE if following == _U else at
        else:
            return at
    return at


def is_wide_blank(buffer: Any, at: int, end: int) -> bool:
    r"""Say whether a blank of a pattern's ``\s`` that is none in ASCII may begin here."""
    if at + 1 >= end:
        return False
    byte, following = buffer[at], buffer[at + 1]
    if byte == 0xC2:
        return following == 0x85 or following == 0xA0
    if byte == 0xE2 and at + 2 < end:
        # Not the quotes and dashes that share its first two bytes.
        last = buffer[at + 2]
        return (following == 0x80 and (last <= 0x8A or last >= 0xA8)) or (following == 0x81 and last == 0x9F)
    return (byte == 0xE1 and following == 0x9A) or (byte == 0xE3 and following == 0x80)


def _after_blank(buffer: Any, at: int, end: int, mode: int) -> int:
    """Skip ASCII blanks and colours, 40 of them."""
    left = _DECORATION_LENGTH
    while at < end:
        byte = buffer[at]
        if WHITE[byte]:
            at += 1
        elif byte == ESCAPE or (byte == BACKSLASH and mode == JSON):
            to = after_one_colour(buffer, at, end, mode)
            if to == at and byte == BACKSLASH:
                to = after_white(buffer, at, end, mode)
                if to < 0:
                    return UNSURE
            if to == at:
                return at
            at = to
        else:
            return at
        left -= 1
        if left < 0:
            return UNSURE
    return at


def _after_bracket(buffer: Any, at: int, end: int) -> int:
    """Skip ``[name]``; -1 if there is none."""
    to = at + 1
    stop = min(end, to + _NAME_LENGTH)
    while to < stop and BRACKETED[buffer[to]]:
        to += 1
    return to + 1 if to > at + 1 and to < end and buffer[to] == _CLOSE else -1


def _after_level(buffer: Any, at: int, end: int, mode: int) -> int:
    """Skip ``INFO |``, ``error:``, ``INFO:root:``, ``INFO[0001]``; the same position if there is none."""
    to = at
    stop = min(end, at + 9)
    while to < stop and _LETTER[buffer[to]]:
        to += 1
    length = to - at
    if to >= end or length < 3:
        return at
    byte = buffer[to]
    if not (byte == _COLON or byte == _BAR or byte == _OPEN or byte == ESCAPE or WHITE[byte]) and (
        byte < 128 and byte != BACKSLASH
    ):
        return at
    is_level = False
    for level in range(len(_LEVELS)):
        if _LEVEL_LENGTHS[level] == length:
            is_level = True
            for offset in range(length):
                if buffer[at + offset] & 0xDF != _LEVELS[level, offset]:
                    is_level = False
                    break
            if is_level:
                break
    if not is_level:
        return at
    to = _after_blank(buffer, to, end, mode)
    if to < 0 or to >= end:
        return UNSURE if to < 0 else at
    byte = buffer[to]
    if byte == _BAR:
        return to + 1
    if byte == _COLON:
        to += 1
        name = to
        stop = min(end, to + _NAME_LENGTH)
        while name < stop and WORD[buffer[name]]:
            name += 1
        return name + 1 if name > to and name < end and buffer[name] == _COLON else to
    if byte == _OPEN:
        name = to + 1
        stop = min(end, name + _DECORATION_LENGTH)
        while name < stop and _STAMP[buffer[name]]:
            name += 1
        return name + 1 if name > to + 1 and name < end and buffer[name] == _CLOSE else at
    return UNSURE if byte >= 128 else at


def after_prefix(buffer: Any, at: int, end: int, mode: int) -> int:
    """Skip decoration, and up to four of ``[name]`` and levels with the decoration behind each."""
    at = after_decoration(buffer, at, end, mode)
    for _ in range(_PREFIXES):
        if at < 0 or at >= end:
            return at
        byte = buffer[at]
        if byte == _OPEN:
            to = _after_bracket(buffer, at, end)
            if to < 0:
                return at
            at = _after_blank(buffer, to, end, mode)
            if at < 0:
                return UNSURE
            if at < end and buffer[at] == _BAR:
                at += 1
        elif _LEVEL_INITIAL[byte]:
            to = _after_level(buffer, at, end, mode)
            if to == at:
                return at
            if to < 0:
                return UNSURE
            at = to
        else:
            return UNSURE if byte == _BAR else at
        at = after_decoration(buffer, at, end, mode)
    return at


def _ends_with(buffer: Any, text: Any, start: int, end: int) -> bool:
    return end - start >= len(text) and is_at(buffer, text, end - len(text), end)


def may_be_error(buffer: Any, at: int, end: int) -> bool:
    """Say whether an error of an SDK can begin here: up to two names, then what follows them."""
    is_named = False
    for _ in range(3):
        if at >= end:
            return False
        byte = buffer[at]
        if byte == _OPEN:
            following = buffer[at + 1] if at + 1 < end else 0
            return following == _4 or following == _5 or following == _BIG_G or following == BACKSLASH
        if byte == _BRACE:
            return _opens_error(buffer, at + 1, end)
        if byte == _4 and is_at(buffer, _LIMITED, at, end):
            return True
        if byte == _5 and is_at(buffer, _UNAVAILABLE, at, end):
            return True
        if byte == _G and is_at(buffer, _GOT_STATUS, at, end):
            return True
        if byte == _BIG_E and is_at(buffer, _FETCHING, at, end):
            return True
        to = at
        while to < end and WORD[buffer[to]]:
            to += 1
        if to >= end or buffer[to] != _COLON:
            # What follows may be spelled with escapes.
            stop = min(end, to + 40) if is_named else min(end, to + 1)
            slash = find(buffer, BACKSLASH, to, stop)
            return slash < stop and (is_named or BLANK <= escaped_value(buffer, slash, end) < 127)
        if not (
            _ends_with(buffer, _ERROR, at, to)
            or _ends_with(buffer, _EXCEPTION, at, to)
            or _ends_with(buffer, _EXHAUSTED, at, to)
            or _ends_with(buffer, _REQUESTS, at, to)
        ):
            return False
        is_named = True
        at = to + 1
        if at < end and buffer[at] == BLANK:
            at += 1
    return False


def _opens_error(buffer: Any, at: int, end: int) -> bool:
    stop = min(end, at + 40)
    while at < stop:
        byte = buffer[at]
        if byte == BACKSLASH:
            following = buffer[at + 1] if at + 1 < end else 0
            if following == _U:
                return True
            # In a JSON string blanks are escaped.
            at += 2 if following == _N or following == _T or following == _R else 1
        elif byte == QUOTE or byte == _SINGLE or WHITE[byte]:
            at += 1
        else:
            to = min(end, at + len(_LOWER_ERROR))
            is_escaped = byte == _LOWER_ERROR[0] and find(buffer, BACKSLASH, at, to) < to
            return byte >= 128 or is_escaped or is_at(buffer, _LOWER_ERROR, at, end)
    return False
