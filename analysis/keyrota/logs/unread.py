"""Pick lines that say which key was used and cannot be true: how many, why, and of which size of pool.

Such a line is left out of the events. How many were left out decides whether the others can be judged,
so that they are counted by what is needed for that.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

MOST_KINDS: Final = 64
"""How many kinds are told apart: a log can name as many sizes as it likes, and kinds are kept in memory."""

KEY_ZERO: Final = "key 0"
POSITION_ZERO: Final = "position 0"
EMPTY_POOL: Final = "a pool of 0 keys"
BEYOND: Final = "a position beyond the pool"
FROM_ZERO: Final = (KEY_ZERO, POSITION_ZERO)
"""What a log shows that counts from zero: of every round the same one pick is left out."""


class UnreadPick(NamedTuple):
    """A kind of pick lines that could not be read: what they name, and the size of the pool, if known."""

    what: str
    size: int | None = None


def unread_pick(key: int | None, position: int | None, size: int | None) -> UnreadPick | None:
    """Return why the numbers of a pick cannot be true, ``None`` if they can."""
    if key is not None and key < 1:
        return UnreadPick(KEY_ZERO, size or None)
    if size is not None and size < 1:
        return UnreadPick(EMPTY_POOL)
    if position is not None and position < 1:
        return UnreadPick(POSITION_ZERO, size)
    if position is not None and size is not None and position > size:
        return UnreadPick(BEYOND, size)
    return None


def add_unread(counts: Counter[UnreadPick], kind: UnreadPick, number: int = 1) -> None:
    """Count lines of a kind; of many kinds the later ones without their size, which may be any then."""
    is_new = kind not in counts and len(counts) >= MOST_KINDS
    counts[UnreadPick(kind.what) if is_new else kind] += number
