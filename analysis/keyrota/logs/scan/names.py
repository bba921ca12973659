"""Names that many rows share, told once: a hash table that compiled code fills and Python reads.

A row holds a number, and the table the bytes that it stands for: a log of 10^8 rows has some thousand
isolates, and 36 bytes a row would be most of the table.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from keyrota.logs.hashing import FACTORS, SHIFTS, STEP
from keyrota.logs.scan.alphabet import IDENTIFIER, POOL
from keyrota.logs.scan.wide import WIDE, below, identifiers
from keyrota.logs.scan.words import WORD_BYTES, is_same, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAME_LENGTH: Final = 80
"""Bytes of the longest name that is kept; a longer one is none."""

NO_ROOM: Final = -3
"""The table is full: it is to be made larger, and the record read again."""

_SLOTS: Final = 1 << 12
_BLOCK: Final = 1 << 12
_RECENT: Final = 1 << 6
_RECENT_SHIFT: Final = np.uint64(64 - 6)
_ALL: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
_STEP: Final = np.uint64(STEP)
_FACTOR, _OTHER_FACTOR = (np.uint64(factor) for factor in FACTORS)
_FIRST, _SECOND, _THIRD = (np.uint64(shift) for shift in SHIFTS)


class Names(NamedTuple):
    """The arrays of a table: `slots` hold a name's number plus one, 0 where they are free.

    `are_ids` says which names are of the alphabet of ids; a pool may be called something else. `recent` holds
    numbers as `slots` do, by the first bytes of names: the next row most often has the same isolate.
    """

    slots: Any
    hashes: Any
    are_ids: Any
    ends: Any
    text: Any
    used: Any
    recent: Any


def new_names(slots: int = _SLOTS) -> Names:
    """Return an empty table for half as many names as it has slots (a power of two)."""
    return Names(
        slots=np.zeros(slots, dtype=np.int32),
        hashes=np.zeros(slots // 2, dtype=np.uint64),
        are_ids=np.zeros(slots // 2, dtype=np.bool_),
        ends=np.zeros(slots // 2 + 1, dtype=np.int64),
        text=np.empty(slots // 2 * 40, dtype=np.uint8),
        used=np.zeros(1, dtype=np.int64),
        recent=np.zeros(_RECENT, dtype=np.int32),
    )


def enlarged(names: Names) -> Names:
    """Return the table with four times the room, names and numbers as they are."""
    larger = new_names(4 * len(names.slots))
    count = int(names.used[0])
    larger.hashes[:count] = names.hashes[:count]
    larger.are_ids[:count] = names.are_ids[:count]
    larger.ends[: count + 1] = names.ends[: count + 1]
    size = int(names.ends[count])
    text = larger.text if len(larger.text) >= 2 * size else np.empty(4 * size, dtype=np.uint8)
    text[:size] = names.text[:size]
    larger.used[0] = count
    _fill_slots(larger.slots, larger.hashes[:count])
    return larger._replace(text=text)


def _fill_slots(slots: NDArray[np.int32], hashes: NDArray[np.uint64]) -> None:
    """Put the numbers of all names into their slots: of those that meet in one, all but one go on."""
    last = len(slots) - 1
    numbers = np.arange(1, len(hashes) + 1)
    places = (hashes & np.uint64(last)).astype(np.intp)
    while len(numbers):
        is_free = slots[places] == 0
        slots[places[is_free]] = numbers[is_free]
        is_left = slots[places] != numbers
        numbers, places = numbers[is_left], (places[is_left] + 1) & last


def is_crowded(names: Names) -> bool:
    """Say whether the table may have no room for one more name."""
    count = int(names.used[0])
    return count + 1 >= len(names.hashes) or int(names.ends[count]) + NAME_LENGTH > len(names.text)


def texts_of(names: Names) -> list[str]:
    """Return the names by their numbers."""
    count = int(names.used[0])
    texts: list[str] = []
    for first in range(0, count, _BLOCK):  # few numbers and one piece of text at a time, in memory that stays
        ends = names.ends[first : min(first + _BLOCK, count) + 1].tolist()
        text = names.text[ends[0] : ends[-1]].tobytes().decode("ascii")
        texts += [text[start - ends[0] : end - ends[0]] for start, end in pairwise(ends)]
    return texts


def id_hash(buffer: Any, start: int, end: int) -> Any:
    """Return the 64 bits of an id, which is not empty: `keyrota.logs.hashing.id_hash`."""
    value = np.uint64(end - start)
    for at in range(start, end, WORD_BYTES):
        left = end - at
        here = word(buffer, at)
        if left < WORD_BYTES:
            here &= _ALL >> np.uint64(8 * (WORD_BYTES - left))
        value = _mixed(value ^ here)
    return value if value != np.uint64(0) else np.uint64(1)


def _mixed(value: Any) -> Any:
    value += _STEP
    value = (value ^ (value >> _FIRST)) * _FACTOR
    value = (value ^ (value >> _SECOND)) * _OTHER_FACTOR
    return value ^ (value >> _THIRD)


def is_identifier(buffer: Any, start: int, end: int) -> bool:
    """Say whether bytes are an id: of its alphabet, neither none nor too many."""
    length = end - start
    if start < 0 or length < 1 or length > NAME_LENGTH:
        return False
    odd = ~identifiers(buffer, start) & below(min(length, WIDE))
    if length > WIDE:
        odd |= ~identifiers(buffer, end - WIDE)
    return bool(odd == 0)


def _hash(buffer: Any, start: int, end: int) -> Any:
    """Return a hash for the table alone: of words at both ends and between, of a short name as a whole."""
    length = end - start
    if length >= WORD_BYTES:
        ends = word(buffer, start) ^ _mixed(word(buffer, end - WORD_BYTES))
        return _mixed(ends ^ np.uint64(length)) ^ word(buffer, start + (length - WORD_BYTES) // 2) * _FACTOR
    return id_hash(buffer, start, end)


def _is_same(buffer: Any, start: int, length: int, names: Any, number: int) -> bool:
    first = names.ends[number]
    if names.ends[number + 1] - first != length:
        return False
    if length >= WORD_BYTES:
        return is_same(names.text, first, buffer, start, length)
    for offset in range(length):
        if names.text[first + offset] != buffer[start + offset]:
            return False
    return True


def number_of(buffer: Any, start: int, end: int, names: Any, is_id: bool) -> int:
    """Return the number of a name, a new one if it was not seen; -1 if it is no name, or `NO_ROOM`.

    A name is what `keyrota.logs.values.identifier` takes (`is_id`), or what a pool may be called.
    """
    length = end - start
    if start < 0 or length < 1 or length > NAME_LENGTH:
        return -1
    place = np.intp(word(buffer, start) * _FACTOR >> _RECENT_SHIFT)
    recent: Any = np.intp(names.recent[place]) - 1
    if recent >= 0 and _is_same(buffer, start, length, names, recent):
        return -1 if is_id and not names.are_ids[recent] else recent
    value = _hash(buffer, start, end)
    last: Any = np.intp(len(names.slots) - 1)
    slot = np.intp(value & np.uint64(last))
    while names.slots[slot] != 0:
        number: Any = np.intp(names.slots[slot] - 1)
        if names.hashes[number] == value and _is_same(buffer, start, length, names, number):
            names.recent[place] = number + 1
            return -1 if is_id and not names.are_ids[number] else number
        slot = (slot + 1) & last
    are_ids = is_identifier(buffer, start, end)
    for index in range(start, end):
        byte = buffer[index]
        if not (IDENTIFIER[byte] or POOL[byte]):
            return -1
    if is_id and not are_ids:
        return -1
    count = names.used[0]
    first = names.ends[count]
    if count + 1 >= len(names.hashes) or first + length > len(names.text):
        return NO_ROOM
    for offset in range(length):
        names.text[first + offset] = buffer[start + offset]
    names.hashes[count] = value
    names.are_ids[count] = are_ids
    names.ends[count + 1] = first + length
    names.slots[slot] = count + 1
    names.used[0] = count + 1
    return count
