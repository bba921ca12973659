"""Keys that a mapping lists more than once: one secret that does the work of several."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.rotation.alike import unique_numbers

LEAST_PICKS: Final = 6
"""So many picks at each of two places show that one key has both. Where two versions run side by side, whose
orders put the key at one place each, every pick there shows that key with probability 2^-12 at most."""

WHOLE: Final = 0.9
"""Share of the picks at each place, in the time in which the key is picked at both, that name the key."""


def placed(picks: pd.DataFrame, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return key and position of the picks that name a pool of this size, -1 where one is missing."""
    own = picks.loc[(picks["size"] == size).fillna(False).to_numpy(dtype=bool), ["key", "position"]]
    key, position = (own[name].to_numpy(dtype=np.int64, na_value=-1) for name in ("key", "position"))
    return key, position


def keys_listed_twice(
    key: NDArray[np.int64], position: NDArray[np.int64], size: int
) -> dict[int, tuple[int, ...]]:
    """Return the keys that stand at several places of a pool at one time, and those places.

    A mapping that was changed has a key at one place first and at another later, or in two versions beside
    each other: other keys then stand at these places too. Only in one mapping that lists the key twice are
    nearly all picks at both places its own.

    Parameters
    ----------
    key, position
        Of the picks that name a pool of this size, in the order of the log; -1 where it is missing. Shape
        (picks,).
    size
        Number of places.

    Returns
    -------
    dict
        The 1-based places of each such key, ascending; keys ascending.

    Examples
    --------
    >>> position = np.tile([1, 2, 3], 20)
    >>> keys_listed_twice(np.array([7, 7, 9])[position - 1], position, 3)
    {7: (1, 2)}
    """
    is_placed = (key >= 0) & (position >= 1) & (position <= size)
    key, position = key[is_placed], position[is_placed]
    width = int(position.max(initial=0)) + 1  # positions and keys are 32 bits: their product fits
    pairs, number = unique_numbers(key * width + position)
    pairs = pairs[number >= LEAST_PICKS]
    own, places_of = np.unique(pairs // width, return_counts=True)
    own = own[places_of > 1]
    if not len(own):
        return {}
    rows = _Rows(key, position, width)
    found = {}
    for several in own.tolist():
        places = (pairs[pairs // width == several] % width).tolist()
        first = max(places, key=lambda place: len(rows.of_pair(several, place)))
        both = [place for place in places if place == first or rows.share_key(several, first, place)]
        if len(both) > 1:
            found[several] = tuple(both)
    return found


class _Rows:
    """The rows of each place, and of each key at a place, ascending."""

    def __init__(self, key: NDArray[np.int64], position: NDArray[np.int64], width: int) -> None:
        self._width = width
        self._by_place = np.argsort(position, kind="stable")
        self._place = position[self._by_place]
        pair = key * width + position
        self._by_pair = np.argsort(pair, kind="stable")
        self._pair = pair[self._by_pair]

    def of_place(self, place: int) -> NDArray[np.intp]:
        begin, end = np.searchsorted(self._place, [place, place + 1])
        return self._by_place[begin:end]

    def of_pair(self, key: int, place: int) -> NDArray[np.intp]:
        pair = key * self._width + place
        begin, end = np.searchsorted(self._pair, [pair, pair + 1])
        return self._by_pair[begin:end]

    def share_key(self, key: int, first: int, second: int) -> bool:
        """Say whether two places have one key, in the time in which it is picked at both."""
        own = [self.of_pair(key, place) for place in (first, second)]
        begin, end = max(rows[0] for rows in own), min(rows[-1] for rows in own)
        for rows, place in zip(own, (first, second), strict=True):
            inside, among = _between(rows, begin, end), _between(self.of_place(place), begin, end)
            if inside < LEAST_PICKS or inside < WHOLE * among:
                return False
        return True


def _between(rows: NDArray[np.intp], begin: int, end: int) -> int:
    return int(np.searchsorted(rows, end, side="right") - np.searchsorted(rows, begin))
