"""What a row does not say itself but other rows or the declaration do: its function and its pool."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice

from keyrota.logs.collect import EventRow
from keyrota.pools.declared import Pool, PoolConfig

POOL_LINE_REACH = 4
"""How many events after a pick the line may come that names its pool (they share a millisecond)."""


def name_functions(rows: Iterable[EventRow]) -> None:
    """Put the slug in place of the function's id, wherever an invocation row tells both.

    A row that has neither takes the function of its isolate.
    """
    rows = list(rows)
    slug_of_id = {row.function_id: row.function for row in rows if row.function_id and row.function}
    for row in rows:
        row.function = row.function or slug_of_id.get(row.function_id) or row.function_id
    of_isolate = {row.isolate: row.function for row in rows if row.isolate and row.function}
    for row in rows:
        if row.function is None and row.isolate is not None:
            row.function = of_isolate.get(row.isolate)


def name_pools(rows: list[EventRow], config: PoolConfig) -> None:
    """Give every row of one source its pool, where it can be told.

    A pick: the pool that declares its key; else the name on its own line or on the line after it;
    else the pool that its function is declared to pick from. Any other row: the name that it
    carries, or its function's pool, or the pool that its isolate picks from, or its model's.
    """
    names = {pool.name.casefold(): pool for pool in config}
    for index, row in enumerate(rows):
        if row.kind == "pick":
            row.pool = _pool_of_pick(row, islice(rows, index + 1, index + 1 + POOL_LINE_REACH), config, names)
            row.key = _key_by_position(row, names)
    of_isolate: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.kind == "pick" and row.isolate is not None and row.pool is not None:
            of_isolate[row.isolate].add(row.pool)
    for row in rows:
        if row.kind != "pick":
            row.pool = _pool_of_other(row, of_isolate.get(row.isolate or "", set()), config, names)


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
    row: EventRow, of_isolate: set[str], config: PoolConfig, names: dict[str, Pool]
) -> str | None:
    if row.parsed.pool is not None:
        return _declared_name(row.parsed.pool, names)
    declared = config.of_function(row.function) if row.function else None
    if declared is not None:
        return declared.name
    if len(of_isolate) == 1:
        return next(iter(of_isolate))
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
