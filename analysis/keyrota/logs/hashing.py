"""By what rows are told from each other in few bytes: 64 bits of their ids and of what they say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

WORD_BYTES: Final = 8
STEP: Final = 0x9E3779B97F4A7C15
FACTORS: Final = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
SHIFTS: Final = (30, 27, 31)
"""The numbers of splitmix64 (Steele, Lea and Flood 2014)."""

_BLOCK: Final = 1 << 15
"""Rows that are hashed at a time: few enough to stay in the processor's cache."""


def hashed(*columns: NDArray[Any]) -> Hashes:
    """Return a hash of each row of some columns of whole numbers, in blocks."""
    result = np.zeros(len(columns[0]), dtype=np.uint64)
    for start in range(0, len(result), _BLOCK):
        block = result[start : start + _BLOCK]
        for column in columns:
            block ^= column[start : start + _BLOCK].astype(np.uint64)
            block[:] = _mixed(block)
    return result


def id_hash(text: str) -> int:
    """Return 64 bits of an id: of its length, then of its UTF-8 bytes by words of eight, each mixed in.

    Never 0, which stands for no id. An id's last word is filled up with zeros; words are little-endian.

    Examples
    --------
    >>> hex(id_hash("a"))
    '0x6232969000262121'
    """
    hashes = id_hashes([text])
    assert hashes is not None, "an id is not empty"
    return int(hashes[0])


def id_hashes(ids: Iterable[str | None]) -> Hashes | None:
    """Return `id_hash` of many ids, 0 where there is none; ``None`` if there are none at all."""
    encoded = [b"" if text is None else text.encode("utf-8", "surrogatepass") for text in ids]
    lengths = np.array([len(text) for text in encoded], dtype=np.uint64)
    if not lengths.any():
        return None
    sizes = -(-lengths.astype(np.int64) // WORD_BYTES)
    # The longest first: those that have a next word are the first so many.
    order = np.argsort(-sizes, kind="stable")
    words = np.zeros((len(order), int(sizes.max())), dtype="<u8")
    for place, number in enumerate(order.tolist()):
        data = encoded[number]
        words[place, : sizes[number]] = np.frombuffer(data + bytes(-len(data) % WORD_BYTES), dtype="<u8")
    values = lengths[order]
    for at in range(words.shape[1]):
        alive = int(np.count_nonzero(sizes > at))
        values[:alive] = _mixed(values[:alive] ^ words[:alive, at])
    values[(values == 0) & (sizes[order] > 0)] = 1
    result = np.empty_like(values)
    result[order] = values
    return result


def _mixed(values: Hashes) -> Hashes:
    """Return 64 bits of which each depends on all 64 of a value (the finaliser of splitmix64)."""
    values = values + np.uint64(STEP)
    values ^= values >> np.uint64(SHIFTS[0])
    values *= np.uint64(FACTORS[0])
    values ^= values >> np.uint64(SHIFTS[1])
    values *= np.uint64(FACTORS[1])
    values ^= values >> np.uint64(SHIFTS[2])
    return values
