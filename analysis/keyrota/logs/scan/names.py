"""Names that many rows share, told once: a hash table that compiled code fills and Python reads.

A row holds a number, and the table the bytes that it stands for: a log of 10^8 rows has some thousand
isolates, and 36 bytes a row would be most of the table.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np

from keyrota.logs.rows import FNV_OFFSET, FNV_PRIME
from keyrota.logs.scan.alphabet import IDENTIFIER, POOL

NAME_LENGTH: Final = 80
"""Bytes of the longest name that is kept; a longer one is none."""

NO_ROOM: Final = -3
"""The table is full: it is to be made larger, and the record read again."""

_SLOTS: Final = 1 << 12
_HASHED: Final = 12
_FNV_START: Final = np.uint64(FNV_OFFSET)
_FNV_PRIME: Final = np.uint64(FNV_PRIME)


class Names(NamedTuple):
    """The arrays of a table: `slots` hold a name's number plus one, 0 where they are free.

    `are_ids` says which names are of the alphabet of ids; a pool may be called something else.
    """

    slots: Any
    hashes: Any
    are_ids: Any
    ends: Any
    text: Any
    used: Any


def new_names(slots: int = _SLOTS) -> Names:
    """Return an empty table for half as many names as it has slots (a power of two)."""
    return Names(
        slots=np.zeros(slots, dtype=np.int32),
        hashes=np.zeros(slots // 2, dtype=np.uint64),
        are_ids=np.zeros(slots // 2, dtype=np.bool_),
        ends=np.zeros(slots // 2 + 1, dtype=np.int64),
        text=np.empty(slots // 2 * 40, dtype=np.uint8),
        used=np.zeros(1, dtype=np.int64),
    )


def enlarged(names: Names, fill: Callable[[Names], int]) -> Names:
    """Return the table with four times the room, names and numbers as they are; `fill` is `fill_slots`."""
    larger = new_names(4 * len(names.slots))
    count = int(names.used[0])
    larger.hashes[:count] = names.hashes[:count]
    larger.are_ids[:count] = names.are_ids[:count]
    larger.ends[: count + 1] = names.ends[: count + 1]
    size = int(names.ends[count])
    text = larger.text if len(larger.text) >= 2 * size else np.empty(4 * size, dtype=np.uint8)
    text[:size] = names.text[:size]
    larger.used[0] = count
    larger = larger._replace(text=text)
    fill(larger)
    return larger


def texts_of(names: Names) -> list[str]:
    """Return the names by their numbers."""
    count = int(names.used[0])
    ends = names.ends[: count + 1].tolist()
    text = names.text[: ends[-1]].tobytes().decode("ascii")
    return [text[start:end] for start, end in pairwise(ends)]


def id_hash(buffer: Any, start: int, end: int) -> Any:
    """Return the 64 bits of an id (FNV-1a, never 0): `keyrota.logs.rows.id_hash`."""
    value = _FNV_START
    for index in range(start, end):
        value = (value ^ np.uint64(buffer[index])) * _FNV_PRIME
    return value if value != np.uint64(0) else np.uint64(1)


def _hash(buffer: Any, start: int, end: int) -> Any:
    """Return a hash for the table alone: of both ends, in lanes, since each step waits for the one before."""
    one = two = three = four = _FNV_START ^ np.uint64(end - start)
    length = min(end - start, _HASHED)
    for offset in range(0, length - 1, 2):
        one = (one ^ np.uint64(buffer[start + offset])) * _FNV_PRIME
        two = (two ^ np.uint64(buffer[start + offset + 1])) * _FNV_PRIME
        three = (three ^ np.uint64(buffer[end - offset - 1])) * _FNV_PRIME
        four = (four ^ np.uint64(buffer[end - offset - 2])) * _FNV_PRIME
    one = (one ^ np.uint64(buffer[start + length - 1])) * _FNV_PRIME
    mixed = one ^ (two << np.uint64(17)) ^ (three << np.uint64(31)) ^ (four << np.uint64(47))
    mixed ^= (two >> np.uint64(9)) ^ (three >> np.uint64(21))
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _FNV_PRIME
    return mixed ^ (mixed >> np.uint64(32))


def fill_slots(names: Any) -> int:
    """Put the numbers of all names into their slots."""
    last: Any = np.intp(len(names.slots) - 1)
    for number in range(names.used[0]):
        slot = np.intp(names.hashes[number] & np.uint64(last))
        while names.slots[slot] != 0:
            slot = (slot + 1) & last
        names.slots[slot] = number + 1
    return 0


def _is_same(buffer: Any, start: int, length: int, names: Any, number: int) -> bool:
    first = names.ends[number]
    if names.ends[number + 1] - first != length:
        return False
    different = np.uint8(0)
    one, other = np.uintp(first), np.uintp(start)
    for offset in range(length):  # without an early end: in wide steps
        different |= names.text[one + np.uintp(offset)] ^ buffer[other + np.uintp(offset)]
    return different == 0


def number_of(buffer: Any, start: int, end: int, names: Any, is_id: bool) -> int:
    """Return the number of a name, a new one if it was not seen; -1 if it is no name, or `NO_ROOM`.

    A name is what `keyrota.logs.values.identifier` takes (`is_id`), or what a pool may be called.
    """
    length = end - start
    if start < 0 or length < 1 or length > NAME_LENGTH:
        return -1
    value = _hash(buffer, start, end)
    last: Any = np.intp(len(names.slots) - 1)
    slot = np.intp(value & np.uint64(last))
    while names.slots[slot] != 0:
        number: Any = np.intp(names.slots[slot] - 1)
        if names.hashes[number] == value and _is_same(buffer, start, length, names, number):
            return -1 if is_id and not names.are_ids[number] else number
        slot = (slot + 1) & last
    are_ids = True
    for index in range(start, end):
        byte = buffer[index]
        are_ids = are_ids and IDENTIFIER[byte]
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
