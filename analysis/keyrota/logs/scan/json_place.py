"""Where the message of a JSON record stands: most probably where it stood in the record before."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from keyrota.logs.scan.alphabet import CR, QUOTE
from keyrota.logs.scan.json_syntax import COLON, END_OBJECT, OBJECT, after_space
from keyrota.logs.scan.libc import find, find_text, is_at, letters
from keyrota.logs.scan.refused import is_refused
from keyrota.logs.scan.wide import WIDE, all_lines, below, equal
from keyrota.logs.scan.words import WORD_BYTES, packed, word

_NAME: Final = '"event_message"'
_TEXT: Final = _NAME + ':"'
_EVENT_MESSAGE: Final = letters(_NAME)
_EVENT_TEXT: Final = letters(_TEXT)
_TEXT_BYTES: Final = len(_TEXT)
_FIRST, _SECOND = packed(_TEXT[:WORD_BYTES]), packed(_TEXT[WORD_BYTES : 2 * WORD_BYTES])
assert len(_TEXT) == 2 * WORD_BYTES + 1, "it ends with a quote behind two words"

# What a scan knows of its log: whether two records may share a line, and how far behind the start of a
# record the text of its message stands, 0 if that is not known.
GLUED, PLACE, PLAN = range(3)


def new_plan() -> Any:
    """Return a plan in which nothing is known."""
    return np.zeros(PLAN, dtype=np.int64)


def message_start(buffer: Any, at: int, end: int, plan: Any) -> int:
    """Return where the text of ``event_message`` begins in a record, -1 if that is not sure."""
    message = _message_start(buffer, at, end, plan[PLACE])
    if message >= 0:
        plan[PLACE] = message - at
    return message


def _message_start(buffer: Any, at: int, end: int, place: int) -> int:
    name = at + place - _TEXT_BYTES
    if name > at and is_at(buffer, _EVENT_TEXT, name, end):
        return at + place if find(buffer, OBJECT, at + 1, name) == name else -1
    name = find_text(buffer, _EVENT_MESSAGE, at, end)
    # It is a name of the record itself if no object was opened before it.
    if name >= end or find(buffer, OBJECT, at + 1, name) < name:
        return -1
    to = after_space(buffer, name + len(_EVENT_MESSAGE), end)
    if to >= end or buffer[to] != COLON:
        return -1
    to = after_space(buffer, to + 1, end)
    return to + 1 if to < end and buffer[to] == QUOTE else -1


def doubtful_records(buffer: Any, ends: Any, number: int, plan: Any, doubtful: Any) -> int:
    """Write into `doubtful` which of the lines between `ends` may be events, and return how many.

    The others are records whose message stands where it did before, and is refused. As
    `keyrota.logs.scan.usual.doubtful_lines`, without a branch for each line.
    """
    place = np.intp(plan[PLACE])
    before: Any = place - _TEXT_BYTES - 1  # bytes between the brace and the name
    if plan[GLUED] != 0 or before < 0:
        return all_lines(number, doubtful)
    left = np.intp(0)
    for index in range(number):
        doubtful[left] = index
        at, stop = ends[index] + 1, ends[index + 1]
        is_long = stop - at > place
        message = min(at + place, stop)
        name = max(message - _TEXT_BYTES, 0)
        last, last_but_one = buffer[np.uintp(max(stop - 1, 0))], buffer[np.uintp(max(stop - 2, 0))]
        is_object = (buffer[np.uintp(at)] == OBJECT) & (
            (last == END_OBJECT) | ((last == CR) & (last_but_one == END_OBJECT))
        )
        odd = (word(buffer, name) ^ _FIRST) | (word(buffer, name + WORD_BYTES) ^ _SECOND)
        for offset in range(0, before, WIDE):
            opened = equal(buffer, min(at + 1 + offset, stop), OBJECT)
            odd |= opened & below(min(WIDE, before - offset))
        is_there = is_long & is_object & (odd == 0) & (buffer[np.uintp(message - 1)] == QUOTE)
        left += 1 - np.intp(is_there & is_refused(buffer, message, stop))
    return int(left)
