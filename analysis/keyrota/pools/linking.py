"""Which keys form a pool: pure, from what each key was seen to claim.

A pool of y keys gives each position 1..y one key. Several pools may have the same size, so that the
keys of one size are told apart by three kinds of evidence, in this order: every position is claimed
once (one pool), the functions that pick (a function draws from one pool), and the offset ``key -
position`` (keys numbered in succession have one). It fails where pools of one size share functions
and number their keys out of succession: no log without pool names holds what would tell them apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from keyrota.pools.fields import MAX_KEY

MAX_FILLED: Final = 1000
"""The largest pool whose unseen keys are filled in: a line can claim any size."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One key at the position where it was picked most.

    Parameters
    ----------
    key, position
        Both 1-based.
    labels
        Functions that picked it, or, if none is known, models.
    picks
        How often it was picked.
    """

    key: int
    position: int
    labels: frozenset[str] = frozenset()
    picks: int = 1

    @property
    def offset(self) -> int:
        """What the key's number is ahead of its position."""
        return self.key - self.position


def split(claims: Sequence[Claim], size: int, seen: Set[int]) -> list[list[Claim]]:
    """Return the claims on pools of one size, one list for each pool.

    Parameters
    ----------
    claims
        One for each key.
    size
        The size that the lines of these keys state.
    seen
        Every key of the log: one that was seen elsewhere is no unseen key of these pools.

    Examples
    --------
    >>> claims = [Claim(key=key, position=(key - 3) % 4 + 1) for key in range(3, 11)]
    >>> [[claim.key for claim in pool] for pool in split(claims, 4, frozenset(range(3, 11)))]
    [[3, 4, 5, 6], [7, 8, 9, 10]]
    """
    once = len({claim.position for claim in claims}) == len(claims)
    runs = _by_offset(claims)
    if (once and len(claims) == size) or len(runs) < 2:
        return runs and [list(claims)]
    parts = by_label(claims)
    if len(parts) > 1:
        return [pool for part in parts for pool in split(part, size, seen)]
    if once:
        # One function, or none known. Unlabelled runs are pools of their own if they can be.
        labelled = any(claim.labels for claim in claims)
        return [list(claims)] if labelled or not _fit(runs, size, seen) else runs
    whole = [run for run in runs if len(run) == size]
    rest = [claim for run in runs if len(run) != size for claim in run]
    if not whole or not rest:
        return runs
    return whole + split(rest, size, seen)


def by_label(claims: Sequence[Claim]) -> list[list[Claim]]:
    """Return the claims in parts that share no label, in order of their first claim.

    A claim without labels goes to the part that has its offset and leaves its position free; what
    goes nowhere is a part of its own.

    Examples
    --------
    >>> pickers = {1: "a", 2: "b", 3: "ab", 4: "c"}
    >>> claims = [Claim(key=key, position=1, labels=frozenset(by)) for key, by in pickers.items()]
    >>> [[claim.key for claim in part] for part in by_label(claims)]
    [[1, 2, 3], [4]]
    """
    root: dict[str, str] = {}

    def find(label: str) -> str:
        while root.setdefault(label, label) != label:
            root[label] = root[root[label]]
            label = root[label]
        return label

    for claim in claims:
        for one, other in pairwise(sorted(claim.labels)):
            root[find(one)] = find(other)
    parts: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        if claim.labels:
            parts[find(min(claim.labels))].append(claim)
    at = {(claim.offset, label): label for label, part in parts.items() for claim in part}
    homes: dict[int, list[str]] = defaultdict(list)
    for offset, label in at:
        homes[offset].append(label)
    taken = {(label, claim.position) for label, part in parts.items() for claim in part}
    rest = []
    for claim in claims:
        if claim.labels:
            continue
        free = [label for label in homes[claim.offset] if (label, claim.position) not in taken]
        if free:
            parts[free[0]].append(claim)
            taken.add((free[0], claim.position))
        else:
            rest.append(claim)
    return [*parts.values(), rest] if rest else list(parts.values())


def filled(places: dict[int, int], size: int, taken: Set[int]) -> dict[int, int]:
    """Return a pool's keys by position, with unseen ones where the numbering leaves no doubt.

    An unseen position takes the key that continues the numbering of its seen neighbours, if they
    agree, and at either end if the whole pool has one offset. It is left out if they do not, if the
    key was seen elsewhere, or beyond `MAX_FILLED` keys; later positions then move up by one.

    Examples
    --------
    >>> filled({1: 3, 4: 6}, 4, frozenset())
    {1: 3, 2: 4, 3: 5, 4: 6}
    >>> filled({1: 9, 3: 4}, 4, frozenset())
    {1: 9, 3: 4}
    """
    result = dict(sorted(places.items()))
    if size > MAX_FILLED or not places:
        return result
    offsets = {key - position for position, key in places.items()}
    constant = next(iter(offsets)) if len(offsets) == 1 else None
    ends = [0, *result, size + 1]
    for before, after in pairwise(ends):
        inner = before in places and after in places
        agreed = inner and places[before] - before == places[after] - after
        offset = places[before] - before if agreed else constant
        for position in range(before + 1, after):
            if offset is not None and 1 <= position + offset <= MAX_KEY and position + offset not in taken:
                result[position] = position + offset
    return dict(sorted(result.items()))


def free_blocks(sizes: Iterable[int], taken: Iterable[int]) -> list[int]:
    """Return the first number of a block of successive key numbers for each size, lowest first.

    Examples
    --------
    >>> free_blocks([3], []), free_blocks([3, 2], [1, 2, 6])
    ([1], [3, 7])
    """
    start, starts = 1, []
    keys = iter(sorted(taken))
    key = next(keys, None)
    for size in sizes:
        while key is not None and key - start < size:
            start, key = max(start, key + 1), next(keys, None)
        starts.append(start)
        start += size
    return starts


def _by_offset(claims: Iterable[Claim]) -> list[list[Claim]]:
    runs: dict[int, list[Claim]] = defaultdict(list)
    for claim in claims:
        runs[claim.offset].append(claim)
    return list(runs.values())


def _fit(runs: Sequence[Sequence[Claim]], size: int, seen: Set[int]) -> bool:
    # Whether every run, continued over all positions, meets no other run and no key seen elsewhere.
    starts = sorted(run[0].offset for run in runs)
    if size > MAX_FILLED or starts[0] < 0 or any(b - a < size for a, b in pairwise(starts)):
        return False
    own = {claim.key for run in runs for claim in run}
    return not any(
        key in seen and key not in own for start in starts for key in range(start + 1, start + size + 1)
    )
