"""The layout of a JSON record, remembered: most records of a log differ in a few texts and numbers only.

A record that was walked over leaves what each of its bytes may be in another one. The next one of the same
size is held against that in wide steps: if all of them are, its fields stand where they stood. A message may
be of any length: what is behind it moves with it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from keyrota.logs.scan.words import has_controls

LAYOUT_BYTES: Final = 1536
"""Bytes of a record, without its message, up to which its layout is remembered."""

WALKED_BYTES: Final = 1 << 20
"""Bytes of the longest record that is walked over."""

FIXED, TEXT, FIRST_DIGIT, DIGIT = range(4)
"""What a byte may be: the same, anything in a string, a digit but 0, a digit."""

_SLOTS: Final = 61
_PLACES: Final = 32
_STEP: Final = 32
_ROOM: Final = LAYOUT_BYTES + 2 * _STEP
_0, _1, _9, _BLANK, _QUOTE, _BACKSLASH = 48, 49, 57, 32, 34, 92


class Layouts(NamedTuple):
    """Remembered layouts, each in the slot that its size tells.

    Attributes
    ----------
    sizes, messages
        Bytes without the message, 0 if the slot is free; where the message begins.
    low, span
        What each byte is to be: from `low` to so many above it. The part before the message is filled up to
        whole steps with bytes that may be anything, the part behind it follows.
    text
        Flags (255) of bytes that are neither a quote nor a backslash.
    places
        Where the fields stand, if the message were empty.
    walked
        Classes of the bytes of the record that is walked over.
    """

    sizes: Any
    messages: Any
    low: Any
    span: Any
    text: Any
    places: Any
    walked: Any


def new_layouts() -> Layouts:
    """Return room for layouts, with none in it."""
    low, span, text = (np.zeros(_SLOTS * _ROOM, dtype=np.uint8) for _ in range(3))
    return Layouts(
        sizes=np.zeros(_SLOTS, dtype=np.int64),
        messages=np.zeros(_SLOTS, dtype=np.int64),
        low=low,
        span=span,
        text=text,
        places=np.empty((_SLOTS, _PLACES), dtype=np.int64),
        walked=np.empty(WALKED_BYTES, dtype=np.uint8),
    )


def loosen(classes: Any, start: int, end: int) -> None:
    """Note that bytes may be anything in a string."""
    for index in range(start, end):
        classes[index] = TEXT


def loosen_number(buffer: Any, at: int, to: int, classes: Any, start: int) -> None:
    """Note that the digits of a whole number may be others, if that is what stands from `at` to `to`."""
    for index in range(at, to):
        if not _0 <= buffer[index] <= _9:
            return
    for index in range(at, to):
        classes[index - start] = FIRST_DIGIT if index == at and to - at > 1 else DIGIT


def keep_layout(
    buffer: Any,
    at: int,
    to: int,
    message: int,
    message_end: int,
    layouts: Any,
    slot: int,
    fields: Any,
    places: int,
) -> None:
    """Remember the layout of a record that was walked over; its fields from `places` on are no places."""
    before = message - at
    first = slot * _ROOM
    _keep_part(buffer, at, message, layouts, first, 0)
    _keep_part(buffer, message_end, to, layouts, first + _in_steps(before), message_end - at)
    for place in range(places):
        value = fields[place]
        if value >= message_end:
            value -= message_end - message
        layouts.places[slot, place] = value - at if value >= 0 else -1
    for place in range(places, len(fields)):
        layouts.places[slot, place] = fields[place]
    layouts.sizes[slot] = before + to - message_end
    layouts.messages[slot] = before


def _in_steps(size: int) -> int:
    return (size + _STEP - 1) // _STEP * _STEP


def _keep_part(buffer: Any, at: int, to: int, layouts: Any, first: int, walked: int) -> None:
    size = to - at
    for index in range(_in_steps(size)):
        low: Any = 0
        span: Any = 255
        is_text = False
        if index < size:
            what = layouts.walked[walked + index]
            byte = buffer[at + index]
            is_text = what == TEXT
            low = byte if what == FIXED else _BLANK if is_text else _1 if what == FIRST_DIGIT else _0
            span = 0 if what == FIXED else 255 - _BLANK if is_text else _9 - low
        layouts.low[first + index] = low
        layouts.span[first + index] = span
        layouts.text[first + index] = 255 if is_text else 0


def has_layout(
    buffer: Any, at: int, to: int, message: int, message_end: int, layouts: Any, slot: int
) -> bool:
    """Say whether a record of the right size has a layout, and no control in its message.

    Up to 31 bytes behind the record are read.
    """
    before = message - at
    first = slot * _ROOM
    odd = _oddness(buffer, at, before, layouts, first)
    odd |= _oddness(buffer, message_end, to - message_end, layouts, first + _in_steps(before))
    return bool(odd == 0) and not has_controls(buffer, message, message_end)


def _oddness(buffer: Any, at: int, size: int, layouts: Any, first: int) -> Any:
    """Return 0 if all bytes are as they are to be."""
    # Unsigned indices: the compiler then knows that none counts from the end, and takes wide steps.
    record, kept = np.uintp(at), np.uintp(first)
    odd = np.uint8(0)
    for index in range(_in_steps(size)):
        place = np.uintp(index)
        byte = buffer[record + place]
        above = np.uint8(byte - layouts.low[kept + place])
        special = np.uint8(byte == _QUOTE) | np.uint8(byte == _BACKSLASH)
        odd |= np.uint8(above > layouts.span[kept + place]) | (special & layouts.text[kept + place])
    return odd


def place_fields(at: int, length: int, layouts: Any, slot: int, fields: Any, places: int) -> None:
    """Set the fields of a record that has a layout; those from `places` on are no places."""
    message = layouts.messages[slot]
    for place in range(places):
        value = layouts.places[slot, place]
        if value >= 0:
            value += at + (length if value >= message else 0)
        fields[place] = value
    for place in range(places, len(fields)):
        fields[place] = layouts.places[slot, place]
