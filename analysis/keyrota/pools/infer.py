"""Pools inferred from a log, for a log whose application declares none."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import count, product
from string import ascii_uppercase
from typing import TYPE_CHECKING, Final

from keyrota.errors import InputError
from keyrota.pools.declared import Pool, PoolConfig, is_function_id
from keyrota.pools.evidence import Row, claims_of, grouped, labels_of, most_picked, rows_of
from keyrota.pools.fields import MAX_KEY
from keyrota.pools.linking import MAX_FILLED, Claim, by_label, filled, free_blocks, split
from keyrota.pools.validate import is_pool_name, is_text

if TYPE_CHECKING:
    import pandas as pd

INFERRED_SOURCE: Final = "pools inferred from the log"


@dataclass(kw_only=True)
class _Draft:
    """A pool in the making: keys by position, keys without a known position, and its picks."""

    name: str | None = None
    size: int = 0
    places: dict[int, int] = field(default_factory=dict)
    others: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def keys(self) -> tuple[int, ...]:
        return (*self.places.values(), *self.others)

    def place(self, claims: Iterable[Claim]) -> None:
        """Give each position the key that was picked there most, unless it has one."""
        placed = set(self.places.values())
        for claim in sorted(claims, key=lambda claim: (-claim.picks, claim.key)):
            if claim.key not in placed:
                self.places.setdefault(claim.position, claim.key)


def infer_pools(events: pd.DataFrame) -> PoolConfig:
    """Infer the pools from the picks of an event table.

    A key belongs to the pool that most of its lines name. Keys whose lines name none are told apart
    as `keyrota.pools.linking` describes; of several sizes (a pool grew, or a secret was missing for
    a while) the largest counts. An unseen key is filled in where the numbering leaves no doubt,
    else left out. Where two keys claim one position of one pool, the one picked less is left out.

    Lines without a key number (``API key #2 of 3``) make one pool for each pool name or, without
    one, for each size. Its keys are its positions if these numbers are free, else the next free
    block of numbers: such numbers are labels of positions, not of secrets.

    A pool is named as its lines name it, else after its only function, else ``POOL-A``, ``POOL-B``
    and so on in the order of the keys. It lists the functions that were seen to pick from it and
    from no other pool; ids are no names. Limits, projects and dates cannot be inferred.

    Parameters
    ----------
    events
        An event table; rows other than picks are ignored.

    Returns
    -------
    PoolConfig
        Pools in the order of their lowest key. The same picks in another order give the same pools.

    Raises
    ------
    InputError
        If no pick names a key or a position.

    Examples
    --------
    >>> from keyrota.events import make_events
    >>> log = {"kind": ["pick"] * 2, "key": [3, 6], "position": [1, 4], "size": [4, 4], "pool": ["PRO"] * 2}
    >>> [(pool.name, pool.keys) for pool in infer_pools(make_events(log))]
    [('PRO', (3, 4, 5, 6))]
    """
    rows = rows_of(events)
    by_key = grouped(rows, lambda row: row.key)
    named = {
        key: most_picked([row for row in own if row.pool is not None], lambda row: row.pool or "")
        for key, own in by_key.items()
        if any(row.pool is not None for row in own)
    }
    drafts = list(_named(rows, named))
    drafts += _unnamed([row for row in rows if row.key not in named], drafts, by_key.keys())
    taken = set(by_key)
    for draft in drafts:
        draft.places = filled(draft.places, draft.size, taken)
        taken.update(draft.places.values())
    _collect(drafts, rows)
    drafts += _unnumbered([row for row in rows if row.key is None], drafts, taken)
    drafts = [draft for draft in drafts if draft.keys]
    if not drafts:
        raise InputError("no pick in this log names a key or a position: no pools can be inferred from it")
    return _config(sorted(drafts, key=lambda draft: min(draft.keys)))


def _named(rows: Sequence[Row], named: dict[int, str]) -> Iterator[_Draft]:
    own = grouped(
        rows, lambda row: row.pool if row.key is not None and named.get(row.key) == row.pool else None
    )
    for name, lines in sorted(own.items()):
        sizes = grouped(lines, lambda row: row.size if row.position is not None else None)
        draft = _Draft(name=name, size=max(sizes, default=0))
        for size in sorted(sizes, reverse=True):
            draft.place(claims_of(sizes[size]))
        claimed = {row.key for alike in sizes.values() for row in alike}
        draft.others = sorted({row.key for row in lines if row.key is not None} - claimed)
        yield draft


def _unnamed(rows: Sequence[Row], named: Sequence[_Draft], seen: Set[int]) -> Iterator[_Draft]:
    homes = {(d.size, key - position): d for d in named for position, key in d.places.items()}
    sizes = grouped(rows, lambda row: row.size if row.position is not None else None)
    placed: set[int] = set()
    for size in sorted(sizes, reverse=True):
        claims = [claim for claim in claims_of(sizes[size]) if claim.key not in placed]
        placed.update(claim.key for claim in claims)
        strays = []
        for claim in claims:
            # A line that lost its pool's name: its key continues the numbering of a named pool.
            home = homes.get((size, claim.offset))
            if home is None or home.places.setdefault(claim.position, claim.key) != claim.key:
                strays.append(claim)
        for part in split(strays, size, seen):
            draft = _Draft(size=size)
            draft.place(part)
            yield draft
    loose = grouped(rows, lambda row: row.key if row.key not in placed else None)
    # Without any position each key is its own place; only functions tell such keys apart.
    unplaced = [Claim(key=key, position=key, labels=labels_of(loose[key])) for key in sorted(loose)]
    for part in by_label(unplaced):
        yield _Draft(others=[claim.key for claim in part])


def _unnumbered(rows: Sequence[Row], drafts: Sequence[_Draft], taken: Set[int]) -> Iterator[_Draft]:
    homes = {draft.name: draft for draft in drafts if draft.name is not None}
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        if row.pool in homes:
            homes[row.pool].rows.append(row)
        else:
            groups[row.pool or "", 0 if row.pool else row.size or 0].append(row)
    groups = dict(sorted(groups.items()))
    lengths = []
    for own in groups.values():
        highest = max(row.position or 1 for row in own)
        stated = max((row.size or 0 for row in own), default=0)
        lengths.append(stated if highest <= stated <= MAX_FILLED else min(highest, MAX_FILLED))
    blocks = free_blocks(lengths, taken)
    for (at, own), length, start in zip(groups.items(), lengths, blocks, strict=True):
        if start + length - 1 <= MAX_KEY:
            places = {position: start + position - 1 for position in range(1, length + 1)}
            yield _Draft(name=at[0] or None, size=length, places=places, rows=own)


def _collect(drafts: Sequence[_Draft], rows: Sequence[Row]) -> None:
    homes = {key: draft for draft in drafts for key in draft.keys}
    for row in rows:
        if row.key in homes:
            homes[row.key].rows.append(row)


def _config(drafts: Sequence[_Draft]) -> PoolConfig:
    pickers: dict[str, set[int]] = defaultdict(set)
    for index, draft in enumerate(drafts):
        for row in draft.rows:
            if row.function is not None and is_text(row.function) and not is_function_id(row.function):
                pickers[row.function].add(index)
    functions: dict[int, list[str]] = defaultdict(list)
    for function, indices in sorted(pickers.items()):
        if len(indices) == 1:
            functions[min(indices)].append(function)
    names = _names(drafts, functions)
    pools = []
    for index, draft in enumerate(drafts):
        models = {row.model for row in draft.rows if row.model is not None and is_text(row.model)}
        pools.append(
            Pool(
                name=names[index],
                keys=draft.keys,
                functions=tuple(functions[index]),
                model=models.pop() if len(models) == 1 else None,
            )
        )
    return PoolConfig(pools=tuple(pools), source=INFERRED_SOURCE)


def _names(drafts: Sequence[_Draft], functions: dict[int, list[str]]) -> list[str]:
    # A carried name comes first, whatever the order: no other pool may take it.
    names: dict[int, str] = {}
    used: set[str] = set()

    def take(index: int, name: str) -> None:
        if index not in names and name not in used and is_pool_name(name):
            names[index] = name
            used.add(name)

    for index, draft in enumerate(drafts):
        take(index, draft.name or "")
    for index in range(len(drafts)):
        if len(functions[index]) == 1:
            take(index, re.sub(r"[^A-Z0-9_.]+", "-", functions[index][0].upper())[:64].strip("-"))
    letters = (f"POOL-{''.join(name)}" for n in count(1) for name in product(ascii_uppercase, repeat=n))
    free = (name for name in letters if name not in used)
    return [names[index] if index in names else next(free) for index in range(len(drafts))]
