"""The grammar of messages, compiled: what `keyrota.logs.rules.RuleTable.parse` says of the usual lines.

A message is looked at where it begins, after its decoration, so that most are refused by one byte and
a user's text that quotes a log line is never one. What is rare, or written in an unusual way, is not
told here: the general decoder reads that record. It stays the reference, and tests hold both to the same
events.
"""

from __future__ import annotations

from typing import Any, Final

from keyrota.logs.scan.alphabet import BACKSLASH, JSON, NOTHING, QUOTE, RAW, UNSURE, table
from keyrota.logs.scan.failures import fragment, given_up, provider_error, quoted, retry
from keyrota.logs.scan.found import FRAGMENT, REQUEST
from keyrota.logs.scan.isolates import boot, listening, shutdown_or_serving, supervised
from keyrota.logs.scan.libc import is_at, letters
from keyrota.logs.scan.picks import using
from keyrota.logs.scan.prefix import after_prefix, may_be_error
from keyrota.logs.scan.refused import is_refused
from keyrota.logs.scan.requests import request
from keyrota.logs.scan.wide import WIDE, below, between, equal

_RATE_LIMITED: Final = letters("Rate limited (")
_OVERLOADED: Final = letters("Service overloaded (")
_INVALID: Final = letters("Invalid API key format detected in ")
_QUOTA_EXCEEDED: Final = letters("* Quota exceeded for metric: ")
_PLEASE_RETRY: Final = letters("Please retry in ")
_0, _2, _7, _SLASH, _S, _U = 48, 50, 55, 47, 115, 117

_INITIAL: Final = table("UbsLGRSM*PIweCmDHO[g45{" + "TDINLWECFtdinlwecf")
"""What the words of an event, a name or a level begin with."""

_WORDS_LENGTH: Final = 300
_ESCAPE_LENGTH: Final = 4


def read_message(buffer: Any, at: int, end: int, mode: int, found: Any) -> int:
    """Return the kind of a message, `NOTHING`, `REQUEST` or `UNSURE`, and put what it says into `found`.

    Parameters
    ----------
    buffer
        The bytes.
    at, end
        Where the message begins; where it, or its record, ends.
    mode
        `RAW`, `JSON` or `QUOTED`.
    found
        `FOUND` numbers, -1 where a message says nothing of a field.
    """
    if is_refused(buffer, at, end):
        return NOTHING
    return read_doubtful(buffer, at, end, mode, found)


def read_doubtful(buffer: Any, at: int, end: int, mode: int, found: Any) -> int:
    """Return what `read_message` does, of a message that is not refused by its first bytes."""
    at = after_prefix(buffer, at, end, mode)
    if at < 0:
        return UNSURE
    if at >= end:
        return NOTHING if mode == RAW else UNSURE
    byte = buffer[at]
    kind = NOTHING
    if byte == 85:  # U
        kind = using(buffer, at, end, mode, found)
    elif byte == 98:  # b
        kind = boot(buffer, at, end, mode, found)
    elif byte == _S:
        kind = shutdown_or_serving(buffer, at, end, mode, found)
    elif byte == 76:  # L
        kind = listening(buffer, at, end, mode)
    elif byte == 71:  # G
        kind = provider_error(buffer, at, end, mode, found)
    elif byte == 82:  # R
        kind = retry(buffer, at, end, _RATE_LIMITED, found)
    elif byte == 83:  # S
        kind = retry(buffer, at, end, _OVERLOADED, found)
    elif byte == 77:  # M
        kind = given_up(buffer, at, end, found)
    elif byte == 42:  # *
        kind = FRAGMENT if is_at(buffer, _QUOTA_EXCEEDED, at, end) else NOTHING
    elif byte == 80:  # P
        kind = FRAGMENT if is_at(buffer, _PLEASE_RETRY, at, end) else NOTHING
    elif byte == 73:  # I
        kind = UNSURE if is_at(buffer, _INVALID, at, end) else NOTHING
    elif byte == 119 or byte == 101 or byte == 67 or byte == 109:  # weCm
        kind = supervised(buffer, at, end, found)
    elif byte == QUOTE:
        if mode == RAW:
            kind = fragment(buffer, at, end)
        elif mode == JSON:
            return REQUEST
        else:
            return quoted(buffer, at + 2, end)
    elif byte == BACKSLASH:
        if mode == JSON:
            is_quote = at + 1 < end and buffer[at + 1] == QUOTE
            return quoted(buffer, at + 2, end) if is_quote else UNSURE
        return NOTHING
    if kind == NOTHING and (byte == 71 or byte == 80 or byte == 68 or byte == 72 or byte == 79):  # GPDHO
        kind = request(buffer, at, end, found)
    if kind == NOTHING and may_be_error(buffer, at, end):
        return UNSURE
    is_no_event = kind == NOTHING or kind == REQUEST
    if is_no_event and mode == JSON and _INITIAL[byte] and _has_escaped_ascii(buffer, at, end):
        return UNSURE
    return kind


def _has_escaped_ascii(buffer: Any, at: int, end: int) -> bool:
    r"""Say whether words may be spelled with escapes, as in ``position 1\/4``."""
    stop = min(end, at + _WORDS_LENGTH) - _ESCAPE_LENGTH
    for place in range(at, stop, WIDE):
        slashes = equal(buffer, place, BACKSLASH) & below(min(WIDE, stop - place))
        if slashes != 0:
            # Of what is printed, not a colour.
            printed = equal(buffer, place + 1, _U) & equal(buffer, place + 2, _0)
            printed &= equal(buffer, place + 3, _0) & between(buffer, place + 4, _2, _7)
            if slashes & (printed | equal(buffer, place + 1, _SLASH)) != 0:
                return True
    return False
