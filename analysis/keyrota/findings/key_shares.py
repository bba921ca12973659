"""How often each key of a pool was picked, and how often it should have been."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from keyrota.findings.key_places import keys_by_place
from keyrota.pools.declared import Pool
from keyrota.rotation.alike import unique_rows
from keyrota.rotation.power import MOST_KEYS
from keyrota.rotation.shares import share_intervals


@dataclass(frozen=True)
class KeyShare:
    """How often one key of a pool was picked.

    `key` is ``None`` where the log tells positions alone; `position` is the 1-based place in the
    rotation, ``None`` where neither the declaration nor the log tells it. Shares are fractions of the
    pool's picks; the interval is simultaneous over the keys, at 95 %.
    """

    key: int | None
    position: int | None
    picks: int
    share: float
    expected_share: float
    share_low: float
    share_high: float


@dataclass
class _Row:
    key: int | None
    position: int | None
    picks: int = 0
    expected: float = 0.0


def shares_of(picks: pd.DataFrame, declared: Pool | None) -> tuple[KeyShare, ...]:
    """Return the share of each key: the declared ones in their order, then others as the log has them.

    A key is itself wherever it stands. Of the picks that name a pool of y keys, each of the keys at its
    y places is expected to have one part in y. The key at a place is the declared one where the pool has
    the declared size, unless the log never shows that key and has there one that is not declared; else the
    one that the log has there most; where none is known, the position names it. A key that stands at
    several places is expected to have the part of one. The unseen places of a pool of more than
    `MOST_KEYS` keys are left out.

    Parameters
    ----------
    picks
        The picks of one pool.
    declared
        Its declaration.
    """
    rows: dict[tuple[str, int | None], _Row] = {}

    def row_of(key: int | None, position: int | None) -> _Row:
        identity = ("key", key) if key is not None else ("position", position)
        return rows.setdefault(identity, _Row(key, position))

    for position, key in enumerate(declared.keys if declared else (), start=1):
        row_of(key, position)
    # -1 for what is missing.
    told = [picks[name].to_numpy(dtype=np.int64, na_value=-1) for name in ("size", "position", "key")]
    kinds, numbers = unique_rows(np.array(told).T)
    for size in np.unique(kinds[:, 0]).tolist():
        own = kinds[:, 0] == size
        of_size = [(*kind, n) for kind, n in zip(kinds[own, 1:].tolist(), numbers[own].tolist(), strict=True)]
        key_at = _keys_by_place(of_size, size, declared)
        placed = sum(n for position, _, n in of_size if position > 0) if size > 0 else 0
        for position in key_at if placed else ():
            row_of(key_at[position], position).expected += placed / size
        for position, key, n in of_size:
            at_place = key if key >= 0 else key_at.get(position)
            row_of(at_place, position if position > 0 else None).picks += n
    counts = np.array([row.picks for row in rows.values()], dtype=np.int64)
    intervals = share_intervals(counts) if len(picks) else np.tile([0.0, 1.0], (len(rows), 1))
    total = max(1, len(picks))
    return tuple(
        KeyShare(
            row.key,
            row.position,
            row.picks,
            row.picks / total,
            row.expected / total,
            round(float(low), 12),
            round(float(high), 12),
        )
        for row, (low, high) in zip(rows.values(), intervals, strict=True)
    )


def _keys_by_place(
    of_size: list[tuple[int, int, int]], size: int, declared: Pool | None
) -> dict[int, int | None]:
    """Return the key at each place of a pool of so many keys; `of_size` holds position, key and picks."""
    told = [
        (position, key)
        for position, key, _ in sorted(of_size, key=lambda kind: -kind[2])
        if position > 0 and key >= 0
    ]
    seen = {key for _, key, _ in of_size if key >= 0}
    if declared is not None and declared.size == size and seen:
        shown: dict[int, int] = {}
        for position, key in told:
            shown.setdefault(position, key)
        return _declared_or_shown(shown, seen, declared)
    found: dict[int, int | None] = {}
    left = dict.fromkeys(key for _, key in told)
    for position, key in told:
        if position not in found and key in left:
            found[position] = key
            del left[key]
    # Places whose keys all stand elsewhere too: those of a key listed twice have no part of their own.
    doubled = sorted({position for position, _ in told}.difference(found))
    found |= dict(zip(doubled, left, strict=False))
    places = (
        range(1, size + 1) if size <= MOST_KEYS else sorted({position for position, _, _ in of_size} - {-1})
    )
    for position in places:
        key_there = declared.key_at(position) if declared is not None else None
        if position not in doubled:
            found.setdefault(position, key_there if key_there not in seen else None)
    return {position: found[position] for position in sorted(found)}


def _declared_or_shown(shown: dict[int, int], seen: set[int], declared: Pool) -> dict[int, int | None]:
    """Return the key that each place's part is expected of, in a pool of the declared size.

    All parts are equal, so that the order of the keys does not matter, but which keys they are: the
    declared ones, but for those that the log shows replaced by others.
    """
    known = keys_by_place(shown, declared.keys)
    found: dict[int, int | None] = {}
    for place, key in enumerate(declared.keys, start=1):
        there = shown.get(place)
        if there is None and key not in seen:
            found[place] = key if place in known else None
        elif key in seen or there in declared.keys or there in found.values():
            found[place] = key
        else:
            found[place] = there
    return found
