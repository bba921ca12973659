"""Most messages refused by their first sixteen bytes, in a few steps without a loop.

What is refused here `keyrota.logs.scan.message.read_message` would refuse, and tests hold it to that. What is
not may be anything: decorated, quoted, an error's name, or words that an event begins with.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.logs.scan.alphabet import BLANK, COLON, DECORATION, ESCAPE, table
from keyrota.logs.scan.words import (
    WORD_BYTES,
    lead,
    packed,
    repeated,
    word,
    words_begin,
    zeros,
)

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
_THREE: Final = np.uint64(0xFFFFFF)
_LOWER: Final = np.uint64(0x20202020)
_LOG: Final = packed("log")
_SHIFT: Final = np.uint64(24)
_SLOT: Final = np.uint64((1 << 8) - 1)
_CLOSE: Final = 93
_BLANKS, _COLONS, _BACKSLASHES, _CLOSES = (repeated(byte) for byte in (32, 58, 92, _CLOSE))

READ_BYTES: Final = 7 * WORD_BYTES
"""So many bytes are read from the start of a message on, whether it is as long or not."""

_ERROR, _EXCEPTION, _EXHAUSTED, _REQUESTS = (
    packed(name[-_LETTERS:]) for name in ("Error", "Exception", "Exhausted", "Requests")
)


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
_ERROR_IN_BRACKETS: Final = table("45G")
_OPEN: Final = 91


def is_refused(buffer: Any, at: int, end: int) -> bool:
    """Say whether what begins here is no event for sure; in doubt not.

    `READ_BYTES` are read. Those behind a shorter message only make for doubt: no event begins with them.
    """
    at += lead(words_begin(word(buffer, at)))  # emoji and blanks
    if buffer[np.uintp(at)] == _OPEN:
        at = _after_name(buffer, at)
    return _look(buffer, at, end)


def _after_name(buffer: Any, at: int) -> Any:
    """Skip ``[name]`` and a blank; the same position if that is not what stands there."""
    first, second = word(buffer, at), word(buffer, at + WORD_BYTES)
    size, behind = lead(zeros(first ^ _CLOSES)), lead(zeros(second ^ _CLOSES))
    size += behind * np.intp(size == WORD_BYTES)
    is_name = (buffer[np.uintp(at + size + 1)] == BLANK) & (buffer[np.uintp(at + size)] == _CLOSE)
    return at + (size + 2) * np.intp(is_name & ~_ERROR_IN_BRACKETS[buffer[np.uintp(at + 1)]])


def _look(buffer: Any, at: int, end: int) -> bool:
    """Say whether words are refused, without a branch: which of many a line has cannot be foreseen."""
    first, second, byte = word(buffer, at), word(buffer, at + WORD_BYTES), buffer[np.uintp(at)]
    folded = (first & _FOUR) | _LOWER
    slot = (folded * _FACTOR >> _SHIFT) & _SLOT
    mask, one, other = _EXACTLY[slot, 0], _EXACTLY[slot, 1], _EXACTLY[slot, 2]
    is_exact = ((first ^ one) & mask == 0) | ((first ^ other) & mask == 0)
    # Words may be spelled with escapes.
    is_known = (_KNOWN[slot] == folded) & (is_exact | (zeros(first ^ _BACKSLASHES) != 0))
    may_be = is_known | (folded & _THREE == _LOG) | _DOUBTFUL[byte] | (at >= end)
    # An error is told by a name and a colon.
    size, behind = lead(_name_ends(first)), lead(_name_ends(second))
    size += behind * np.intp(size == WORD_BYTES)
    ending = buffer[np.uintp(at + size)]
    last = word(buffer, max(at + size - _LETTERS, 0)) & _FOUR
    is_error = (last == _ERROR) | (last == _EXCEPTION) | (last == _EXHAUSTED) | (last == _REQUESTS)
    is_named = (ending == COLON) & (is_error | (size < _LETTERS))
    return bool(not (may_be | is_named | (ending != BLANK) & (ending != COLON)))


def _name_ends(value: Any) -> Any:
    return zeros(value ^ _BLANKS) | zeros(value ^ _COLONS) | zeros(value ^ _BACKSLASHES)
