"""The layout of a JSON record, remembered: most records of a log differ in a few texts and the time only.

A record that was walked over leaves its bytes, and which of them may differ. The next one of the same size
is held against it in wide steps: if all that must be equal is, and no text holds a quote, its fields stand
where they stood. A message may be of any length: what is behind it moves with it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

LAYOUT_BYTES: Final = 1536
"""Bytes of a record, without its message, up to which its layout is remembered."""

WALKED_BYTES: Final = 1 << 20
"""Bytes of the longest record that is walked over."""

_SLOTS: Final = 61
_PLACES: Final = 32


class Layouts(NamedTuple):
    """Remembered layouts, each in the slot that its size tells.

    Attributes
    ----------
    sizes, messages
        Bytes without the message, 0 if the slot is free; where the message begins.
    fixed, content
        Flags (255 for what must be equal) and bytes: of what stands before the message, and behind it.
    places
        Where the fields stand, if the message were empty.
    walked
        Flags of the record that is walked over.
    """

    sizes: Any
    messages: Any
    fixed: Any
    content: Any
    places: Any
    walked: Any


def new_layouts() -> Layouts:
    """Return room for layouts, with none in it."""
    return Layouts(
        sizes=np.zeros(_SLOTS, dtype=np.int64),
        messages=np.zeros(_SLOTS, dtype=np.int64),
        fixed=np.empty(_SLOTS * LAYOUT_BYTES, dtype=np.uint8),
        content=np.empty(_SLOTS * LAYOUT_BYTES, dtype=np.uint8),
        places=np.empty((_SLOTS, _PLACES), dtype=np.int64),
        walked=np.empty(WALKED_BYTES, dtype=np.uint8),
    )


def loosen(fixed: Any, start: int, end: int) -> None:
    """Note that bytes may differ."""
    for index in range(start, end):
        fixed[index] = 0


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
    first = slot * LAYOUT_BYTES
    for index in range(before):
        layouts.content[first + index] = buffer[at + index]
        layouts.fixed[first + index] = layouts.walked[index]
    behind = message_end - at
    for index in range(to - message_end):
        layouts.content[first + before + index] = buffer[message_end + index]
        layouts.fixed[first + before + index] = layouts.walked[behind + index]
    for place in range(places):
        value = fields[place]
        if value >= message_end:
            value -= message_end - message
        layouts.places[slot, place] = value - at if value >= 0 else -1
    for place in range(places, len(fields)):
        layouts.places[slot, place] = fields[place]
    layouts.sizes[slot] = before + to - message_end
    layouts.messages[slot] = before


def has_layout(
    buffer: Any, at: int, to: int, message: int, message_end: int, layouts: Any, slot: int
) -> bool:
    """Say whether a record of the right size has a layout, and nothing odd in its texts or its message."""
    # Unsigned indices: the compiler then knows that none counts from the end, and takes wide steps.
    record, rest, text = np.uintp(at), np.uintp(message_end), np.uintp(message)
    before = np.uintp(message - at)
    first = np.uintp(slot * LAYOUT_BYTES)
    odd = np.uint8(0)
    for index in range(before):
        place = np.uintp(index)
        odd |= _oddness(buffer[record + place], layouts.content[first + place], layouts.fixed[first + place])
    first += before
    for index in range(to - message_end):
        place = np.uintp(index)
        odd |= _oddness(buffer[rest + place], layouts.content[first + place], layouts.fixed[first + place])
    for index in range(message_end - message):
        odd |= np.uint8(buffer[text + np.uintp(index)] < 32)
    return odd == 0


def _oddness(byte: Any, content: Any, fixed: Any) -> Any:
    """Return 0 for a byte that is as it must be: equal, or no quote, backslash or control in a text."""
    special = np.uint8(byte == 34) | np.uint8(byte == 92) | np.uint8(byte < 32)
    return ((byte ^ content) & fixed) | (special & (np.uint8(255) ^ fixed))


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
