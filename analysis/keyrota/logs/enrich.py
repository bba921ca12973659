"""What a row does not say itself but other rows or the declaration do: its function and its pool."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from keyrota.logs.collect import EventRow
from keyrota.pools.declared import Pool, PoolConfig

POOL_LINE_REACH: Final = 4
"""How many events after a pick the line may come that names its pool (they share a millisecond)."""


RECENT_NS: Final = 60_000_000_000
RECENT_LINES: Final = 50
"""How far before a row the picks lie that tell its pool, if nothing else does: in time, else in lines."""


def name_functions(rows: Iterable[EventRow]) -> None:
    """Put the slug in place of the function's id, wherever an invocation row tells both.

    The two may stand in one row, or in rows of one isolate. A row that has neither takes the function
    of its isolate.
    """
    rows = list(rows)
    of_isolate = _functions_by_isolate(rows)
    slug_of_id: dict[str | None, str] = {
        row.function_id: slug
        for row in rows
        if row.function_id and (slug := row.function or of_isolate.get(row.isolate))
    }
    for row in rows:
        row.function = row.function or slug_of_id.get(row.function_id) or row.function_id
    of_isolate = _functions_by_isolate(rows)
    for row in rows:
        if row.function is None and row.isolate is not None:
            row.function = of_isolate.get(row.isolate)


def _functions_by_isolate(rows: list[EventRow]) -> dict[str | None, str]:
    return {row.isolate: row.function for row in rows if row.isolate and row.function}


def name_pools(rows: list[EventRow], config: PoolConfig) -> None:
    """Give every row of one source its pool, where it can be told.

    A pick: the pool that declares its key; else the name on its own line or on the line after it;
    else the pool that its function is declared to pick from; else the one pool that its isolate or its
    function picks from. Any other row: the name that it
    carries, or its function's pool, or the one pool that its isolate or its function picks from, or
    its model's. What happened to a call, in a text that names neither isolate nor function: the pool
    of the picks just before it, if it is one.
    """
    names = {pool.name.casefold(): pool for pool in config}
    for index, row in enumerate(rows):
        if row.kind == "pick":
            row.pool = _pool_of_pick(row, islice(rows, index + 1, index + 1 + POOL_LINE_REACH), config, names)
            row.key = _key_by_position(row, names)
    picked: defaultdict[str | None, set[str]] = defaultdict(set)
    for row in rows:
        if row.kind == "pick" and row.pool is not None:
            picked[row.isolate].add(row.pool)
            picked[row.function].add(row.pool)
    picked[None] = set()
    for row in rows:
        if row.kind == "pick" and row.pool is None:
            # A key that the declaration lacks: its isolate, or its function, picks from one pool.
            row.pool = _only(picked[row.isolate]) or _only(picked[row.function])
    recent = _RecentPicks()
    for row in rows:
        if row.kind == "pick":
            recent.add(row)
            continue
        row.pool = _pool_of_other(row, picked, config, names)
        is_call = row.kind in ("rejection", "retry", "warning")
        if row.pool is None and is_call and row.isolate is None and row.function is None:
            row.pool = recent.only_pool(row)


def _only(pools: set[str]) -> str | None:
    return next(iter(pools)) if len(pools) == 1 else None


class _RecentPicks:
    """The picks of the last minute, or of the last lines, and the pools that they belong to."""

    def __init__(self) -> None:
        self._picks: deque[EventRow] = deque()
        self._pools: Counter[str | None] = Counter()

    def add(self, pick: EventRow) -> None:
        self._picks.append(pick)
        self._pools[pick.pool] += 1

    def only_pool(self, row: EventRow) -> str | None:
        while self._picks and not _is_recent(self._picks[0], row):
            pool = self._picks.popleft().pool
            self._pools[pool] -= 1
            if not self._pools[pool]:
                del self._pools[pool]
        return next(iter(self._pools)) if len(self._pools) == 1 else None


def _is_recent(pick: EventRow, row: EventRow) -> bool:
    if pick.time_ns is not None and row.time_ns is not None:
        return row.time_ns - pick.time_ns <= RECENT_NS
    return abs(row.line - pick.line) <= RECENT_LINES


def _declared_name(carried: str | None, names: dict[str, Pool]) -> str | None:
    if carried is None:
        return None
    pool = names.get(carried.casefold())
    return pool.name if pool else carried


def _pool_of_pick(
    row: EventRow, following: Iterable[EventRow], config: PoolConfig, names: dict[str, Pool]
) -> str | None:
    declared = config.of_key(row.key) if row.key is not None else None
    if declared is not None:
        return declared.name
    if row.parsed.pool is not None:
        return _declared_name(row.parsed.pool, names)
    for other in following:
        if other.kind == "pick":
            break
        if other.kind == "pool" and other.isolate == row.isolate and other.time_ns == row.time_ns:
            return _declared_name(other.parsed.pool, names)
    by_function = config.of_function(row.function) if row.function else None
    return by_function.name if by_function else None


def _key_by_position(row: EventRow, names: dict[str, Pool]) -> int | None:
    """Older lines number keys within the pool; the declaration says which key that is."""
    if row.key is not None or row.pool is None or row.parsed.position is None:
        return row.key
    pool = names.get(row.pool.casefold())
    return pool.key_at(row.parsed.position) if pool and pool.size == row.parsed.size else None


def _pool_of_other(
    row: EventRow, picked: Mapping[str | None, set[str]], config: PoolConfig, names: dict[str, Pool]
) -> str | None:
    if row.parsed.pool is not None:
        return _declared_name(row.parsed.pool, names)
    declared = config.of_function(row.function) if row.function else None
    if declared is not None:
        return declared.name
    for place in (row.isolate, row.function):
        pools = picked.get(place, set())
        if len(pools) == 1:
            return next(iter(pools))
    if row.parsed.model is not None:
        of_model = [pool.name for pool in config if pool.model == row.parsed.model]
        if len(of_model) == 1:
            return of_model[0]
    return None


def name_undeclared(picks: list[EventRow], inferred: PoolConfig, *, with_keys: bool = False) -> None:
    """Name the pool of picks by what was inferred from them: by key, else by the carried name or size.

    `with_keys` also gives picks that name a position alone the key that was inferred for it.
    """
    names = {pool.name.casefold(): pool for pool in inferred}
    for row in picks:
        pool = inferred.of_key(row.key) if row.key is not None else None
        if pool is None and row.key is None:
            carried = row.pool or row.parsed.pool
            pool = names.get(carried.casefold()) if carried else None
            pool = pool or next((p for p in inferred if p.size == row.parsed.size), None)
            if pool is not None and with_keys and row.parsed.position is not None:
                row.key = pool.key_at(row.parsed.position)
        row.pool = pool.name if pool is not None else row.pool


def complete_positions(rows: list[EventRow], config: PoolConfig) -> None:
    """Give a place in the rotation to picks of logs that name the key alone.

    The declared order counts; without a declaration the keys seen are taken in order of their numbers.
    """
    lacking = [
        row for row in rows if row.kind == "pick" and row.parsed.position is None and row.key is not None
    ]
    seen: defaultdict[str | None, set[int]] = defaultdict(set)
    for row in lacking:
        seen[row.pool].add(row.key or 0)
    orders = {name: sorted(keys) for name, keys in seen.items()}
    for pool in config:
        if seen.get(pool.name, set()) <= set(pool.keys) and pool.name in orders:
            orders[pool.name] = list(pool.keys)
    for row in lacking:
        order = orders[row.pool]
        row.parsed = row.parsed._replace(position=order.index(row.key or 0) + 1, size=len(order))
