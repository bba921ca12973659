"""Most messages refused by their first sixteen bytes, in a few steps without a loop.

What is refused here `keyrota.logs.scan.message.read_message` would refuse, and tests hold it to that. What is
not may be anything: decorated, quoted, an error's name, or words that an event begins with.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.logs.scan.alphabet import BACKSLASH, BLANK, COLON, DECORATION, ESCAPE, table
from keyrota.logs.scan.wide import NEAR, first_of, near_between, near_equal
from keyrota.logs.scan.words import WORD_BYTES, packed, word

_OPENINGS: Final[dict[str, tuple[str, ...]]] = {
    "Using": ("Using G", "Using k"), "booted": ("booted (",), "shutdown": ("shutdown",),
    "serving": ("serving ", "Service "), "Listening": ("Listenin",), "Google": ("Google",),
    "Rate": ("Rate lim",), "Max retries": ("Max retr",), "Please": ("Please r",), "Invalid": ("Invalid ",),
    "wall": ("wall clo",), "early": ("early te",), "CPU ": ("CPU time",), "memory": ("memory l",),
    "got status": ("got stat",), "Error fetching": (),
    "GET ": ("GET |",), "POST": ("POST |",), "PUT ": ("PUT |",), "PATCH": ("PATCH |",),
    "DELETE": ("DELETE |",), "HEAD": ("HEAD |",), "OPTIONS": ("OPTIONS ",),
    **dict.fromkeys(("TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "CRITICAL", "FATAL"), ()),
}  # fmt: skip
"""What events, and what stands before them, begin with: four letters in any case, and the bytes that are to
follow, where these are sure."""

_LETTERS: Final = 4
_FOUR: Final = np.uint64(0xFFFFFFFF)
_NAMES: Final = np.array([packed(name) for name in ("rror", "tion", "sted", "ests")])
"""The last letters of what errors are called: Error, Exception, Exhausted, Requests."""
_THREE: Final = np.uint64(0xFFFFFF)
_LOWER: Final = np.uint64(0x20202020)
_LOG: Final = packed("log")
_SHIFT: Final = np.uint64(24)
_SLOT: Final = np.uint64((1 << 8) - 1)

_DECORATED: Final = 8
"""Bytes of decoration that are skipped."""

_NAME_BYTES: Final = 16
"""Bytes of the longest name that is told: of one in brackets, of an error."""

_AT_MOST: Final = np.uint64(1 << _DECORATED)
_NO_NAME: Final = np.uint64(1 << _NAME_BYTES)
_FIRST_WORD: Final = np.uint64((1 << WORD_BYTES) - 1)

READ_BYTES: Final = 2 * _DECORATED + (_NAME_BYTES + 2) + NEAR
"""So many bytes are read from the start of a message on, whether it is as long or not."""


def _folded(opening: str) -> int:
    return int(packed(opening[:_LETTERS]) | _LOWER)


def _slots() -> tuple[Any, Any, Any]:
    """Return a factor by which each opening has a slot of its own; the openings; what is to follow.

    That is a mask and two words of which one is to be there; a mask of nothing asks for nothing more.
    """
    folded = {_folded(opening): exact for opening, exact in _OPENINGS.items()}
    factor = 1
    while len({factor * one >> 24 & 255 for one in folded}) < len(folded):
        factor = (factor * 0x5DEECE66D + 11) & 0xFFFFFFFF
    openings = np.zeros(256, dtype=np.uint64)
    exactly = np.zeros((256, 3), dtype=np.uint64)
    for one, exact in folded.items():
        slot = factor * one >> 24 & 255
        openings[slot] = one
        if exact:
            mask = (1 << 8 * len(exact[0])) - 1
            exactly[slot] = mask, packed(exact[0]), packed(exact[-1])
    return np.uint64(factor), openings, exactly


_FACTOR, _KNOWN, _EXACTLY = _slots()

# Of a bracket, a bar, a star, of quotes, of an escape and of a digit an event can be.
_DOUBTFUL: Final = DECORATION | table('[{|*"\\45', ESCAPE)
_IS_ERROR: Final = table("45G").view(np.uint8)
"""Of a byte behind an opening bracket, whether an error may be named there."""

_ALL_BITS_OF_ZERO: Final = np.where(np.arange(256) == 0, -1, 0)
"""All bits for 0, none for any other byte: looked up, because the compiler makes a branch of a comparison."""
_CLOSE: Final = 93
_OPENED, _CLOSED, _SPACED = np.uint8(91), np.uint8(_CLOSE), np.uint8(BLANK)


def is_refused(buffer: Any, at: int, end: int) -> bool:
    """Say whether what begins here is no event for sure; in doubt not.

    `READ_BYTES` are read. Those behind a shorter message only make for doubt: no event begins with them.
    There is no branch in it: which of many a line has cannot be foreseen.
    """
    at = _after_decoration(buffer, _after_name(buffer, _after_decoration(buffer, at)))
    first, byte = word(buffer, at), buffer[np.uintp(at)]
    backslashes = near_equal(buffer, at, BACKSLASH)
    folded = (first & _FOUR) | _LOWER
    slot = (folded * _FACTOR >> _SHIFT) & _SLOT
    mask, one, other = _EXACTLY[slot, 0], _EXACTLY[slot, 1], _EXACTLY[slot, 2]
    is_exact = ((first ^ one) & mask == 0) | ((first ^ other) & mask == 0)
    # Words may be spelled with escapes.
    is_known = (_KNOWN[slot] == folded) & (is_exact | (backslashes & _FIRST_WORD != 0))
    may_be = is_known | (folded & _THREE == _LOG) | _DOUBTFUL[byte] | (at >= end)
    size = first_of(near_equal(buffer, at, BLANK) | near_equal(buffer, at, COLON) | backslashes | _NO_NAME)
    behind = buffer[np.uintp(at + size)]
    is_name = (behind != BLANK) & ((behind != COLON) | _ends_as_errors_do(buffer, at + max(size, _LETTERS)))
    return bool(not (may_be | is_name))


def _after_decoration(buffer: Any, at: int) -> Any:
    """Skip emoji and blanks."""
    return at + first_of(near_between(buffer, at, 33, 126) | near_equal(buffer, at, ESCAPE) | _AT_MOST)


def _ends_as_errors_do(buffer: Any, at: Any) -> Any:
    """Say whether a word that ends at `at` is what errors are called; behind it is a colon."""
    last = word(buffer, at - _LETTERS) & _FOUR
    is_error = last == _NAMES[0]
    for name in range(1, len(_NAMES)):
        is_error |= last == _NAMES[name]
    return is_error


def _after_name(buffer: Any, at: int) -> Any:
    """Skip ``[name]`` and a blank; the same position if that is not what stands there."""
    size = first_of(near_equal(buffer, at, _CLOSE) | _NO_NAME)
    first, close, blank = buffer[np.uintp(at)], buffer[np.uintp(at + size)], buffer[np.uintp(at + size + 1)]
    odd = (first ^ _OPENED) | (close ^ _CLOSED) | (blank ^ _SPACED) | _IS_ERROR[buffer[np.uintp(at + 1)]]
    return at + ((size + 2) & _ALL_BITS_OF_ZERO[odd])
