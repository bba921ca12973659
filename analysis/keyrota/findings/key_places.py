"""Which key stands at which place of a pool, and how a place is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property


def keys_by_place(shown: Mapping[int, int], declared: Sequence[int]) -> dict[int, int]:
    """Return the key at each place of a pool, as far as it is known.

    Where the log shows a key, that one stands. Any other place was never picked, and of its key no more
    can be said than that it was not picked either: it has the declared one, if the log shows that at no
    other place and has at least one place as declared. If the declared keys stand in another order, the
    places that are left have the keys that are left, though not known which of them has which: since none of
    them was picked, what is said of one holds for all.

    Parameters
    ----------
    shown
        The key that the log has at each 1-based place.
    declared
        The declared keys in their order; empty where the pool is not declared, or with another size.

    Returns
    -------
    dict
        The key at each place that has one, in the order of the places.

    Examples
    --------
    >>> keys_by_place({1: 4, 2: 5}, (3, 4, 5, 6))  # deployed as 4, 5, ...
    {1: 4, 2: 5, 3: 3, 4: 6}
    >>> keys_by_place({1: 13, 2: 14}, (3, 4, 5, 6))
    {1: 13, 2: 14}
    """
    found, taken = dict(shown), set(shown.values())
    unseen = {place: key for place, key in enumerate(declared, start=1) if place not in shown}
    if not shown or any(
        1 <= place <= len(declared) and declared[place - 1] == shown[place] for place in shown
    ):
        found |= {place: key for place, key in unseen.items() if key not in taken}
    named = set(found.values())
    left = [key for key in declared if key not in named]
    places_left = [place for place in unseen if place not in found]
    if taken.issubset(declared) and len(left) == len(places_left):
        found |= dict(zip(places_left, left, strict=True))
    return {place: found[place] for place in sorted(found)}


@dataclass(frozen=True)
class Places:
    """How the places of a pool are called: no two alike.

    By the key; by the number where no key is known, and by both where a key stands at several places.

    Parameters
    ----------
    keys
        The key at each 1-based place that has one.

    Examples
    --------
    >>> places = Places({1: 1, 2: 1, 3: 7})
    >>> [places.name(place) for place in (1, 2, 3, 4)]
    ['key 1 at position 1', 'key 1 at position 2', 'key 7', 'position 4']
    """

    keys: Mapping[int, int]

    def name(self, place: int) -> str:
        """Return what a place is called."""
        if place not in self.keys:
            return f"position {place}"
        key = self.keys[place]
        return f"key {key}" + (f" at position {place}" if self._number[key] > 1 else "")

    @cached_property
    def _number(self) -> Counter[int]:
        return Counter(self.keys.values())
