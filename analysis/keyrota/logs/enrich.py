"""What a row does not say itself but other rows or the declaration do: its function and its pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from keyrota.logs.columns import is_constant
from keyrota.logs.declared_names import DeclaredNames
from keyrota.logs.recent_picks import pools_of_recent_picks
from keyrota.logs.rows import KIND_CODES, MISSING, Rows
from keyrota.pools.declared import PoolConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.int32]

POOL_LINE_REACH: Final = 4
"""How many events after a pick the line may come that names its pool (they share a millisecond)."""

PICK: Final = KIND_CODES["pick"]
_POOL_LINE: Final = KIND_CODES["pool"]
_CALLS: Final = tuple(KIND_CODES[kind] for kind in ("rejection", "retry", "warning"))


def name_functions(rows: Rows) -> Rows:
    """Put the slug in place of the function's id, wherever an invocation row tells both.

    The two may stand in one row, or in rows of one isolate. A row that has neither takes the function
    of its isolate.
    """
    function = rows.function
    if _is_missing(function) and _is_missing(rows.function_id):
        return rows
    count = len(rows.names)
    if not _is_missing(rows.function_id):
        slug = np.where(function == MISSING, _last_of(rows.isolate, function, count)[rows.isolate], function)
        slug_of_id = _last_of(rows.function_id, slug, count)
        function = np.where(function == MISSING, slug_of_id[rows.function_id], function)
        function = np.where(function == MISSING, rows.function_id, function)
    if not _is_missing(rows.isolate) and (function == MISSING).any():
        of_isolate = _last_of(rows.isolate, function, count)
        function = np.where(function == MISSING, of_isolate[rows.isolate], function)
    return replace(rows, function=function)


def name_pools(rows: Rows, names: DeclaredNames) -> tuple[Codes, Codes]:
    """Tell for every row of one source its pool, where it can be told, and its key.

    A pick: the pool that declares its key; else the name on its own line or on the line after it;
    else the pool that its function is declared to pick from; else the one pool that its isolate or its
    function picks from. Any other row: the name that it
    carries, or its function's pool, or the one pool that its isolate or its function picks from, or
    its model's. What happened to a call, in a text that names neither isolate nor function: the pool
    of the picks just before it, if it is one.

    Returns
    -------
    pool, key : numpy.ndarray
        Of each row; a key is added where the place in a declared pool tells it.
    """
    is_pick = rows.kind == PICK
    picks = np.flatnonzero(is_pick)
    pool = np.full(len(rows), MISSING, dtype=np.int32)
    pool[picks] = _pools_of_picks(rows, picks, names)
    key = _keys_by_position(rows, picks, pool, names)
    with names.one_pool.learnt(rows, picks, pool) as one_pool:
        nameless = picks[pool[picks] == MISSING]
        pool[nameless] = one_pool.of(rows, nameless)
        others = np.flatnonzero(~is_pick)
        if len(others):
            pool[others] = _pools_of_others(rows, others, names)
            nameless = others[pool[others] == MISSING]
            pool[nameless] = one_pool.of(rows, nameless)
            nameless = nameless[pool[nameless] == MISSING]
            pool[nameless] = names.pool_of_model[rows.model[nameless]]
    calls = np.flatnonzero(
        (pool == MISSING)
        & np.isin(rows.kind, _CALLS)
        & (rows.isolate == MISSING)
        & (rows.function == MISSING)
    )
    if len(calls):
        pool[calls] = pools_of_recent_picks(rows, picks, pool[picks], calls)
    return pool, key


def name_undeclared(
    rows: Rows, picks: NDArray[np.intp], pool: Codes, inferred: DeclaredNames, *, with_keys: bool = False
) -> tuple[Codes, Codes]:
    """Name the pool of picks by what was inferred from them: by key, else by the carried name or size.

    `with_keys` also gives picks that name a position alone the key that was inferred for it.

    Returns
    -------
    pool, key : numpy.ndarray
        Of each row.
    """
    keys = rows.key[picks]
    place = inferred.places_of_keys(keys)
    by_name = np.flatnonzero((place == MISSING) & (keys == MISSING))
    own = picks[by_name]
    carried = np.where(pool[own] == MISSING, rows.pool[own], pool[own])
    told = inferred.place_of_name[carried]
    for size in np.unique(rows.size[own][told == MISSING]).tolist():
        of_size = next((place for place, p in enumerate(inferred.config) if p.size == size), MISSING)
        told[(told == MISSING) & (rows.size[own] == size)] = of_size
    place[by_name] = told
    key = rows.key
    if with_keys:
        own, told = own[told != MISSING], told[told != MISSING]
        has_position = rows.position[own] != MISSING
        own, told = own[has_position], told[has_position]
        key = key.copy()
        key[own] = inferred.keys_at(told, rows.position[own])
    pool = pool.copy()
    is_told = place != MISSING
    pool[picks[is_told]] = inferred.codes[place[is_told]]
    return pool, key


def complete_positions(rows: Rows, pool: Codes, config: PoolConfig) -> Rows:
    """Give a place in the rotation to picks of logs that name the key alone.

    The declared order counts; without a declaration the keys seen are taken in order of their numbers.
    """
    lacking = np.flatnonzero((rows.kind == PICK) & (rows.position == MISSING) & (rows.key != MISSING))
    if not len(lacking):
        return rows
    position, size = rows.position.copy(), rows.size.copy()
    lacking = lacking[np.argsort(pool[lacking], kind="stable")]
    starts = np.flatnonzero(np.diff(pool[lacking], prepend=-2))
    declared = {declared_pool.name: declared_pool for declared_pool in config}
    for own in np.split(lacking, starts[1:]):
        code = int(pool[own[0]])
        known = declared.get(rows.names[code]) if code != MISSING else None
        position[own], size[own] = places_of(rows.key[own], known.keys if known is not None else ())
    return replace(rows, position=position, size=size)


def places_of(keys: NDArray[Any], order: Sequence[int]) -> tuple[NDArray[np.int64], int]:
    """Return the place of each key, 1-based, and of how many, where a log names the key alone.

    The order of the pool counts, if it holds the keys that were seen; else these, in order of their
    numbers.
    """
    seen, number = np.unique(keys, return_inverse=True)
    places = {key: place for place, key in enumerate(order, start=1)}
    if not places.keys() >= set(seen.tolist()):
        places = {key: place for place, key in enumerate(seen.tolist(), start=1)}
    return np.array([places[key] for key in seen.tolist()], dtype=np.int64)[number], len(places)


def _is_missing(column: NDArray[Any]) -> bool:
    return is_constant(column) and bool((column[:1] == MISSING).all())


def _last_of(places: Codes, values: Codes, count: int) -> Codes:
    """Return for each code the value of the last row that has both; `MISSING` for a code without one."""
    result = np.full(count + 1, MISSING, dtype=np.int32)
    told = np.flatnonzero((places != MISSING) & (values != MISSING))
    places, values = places[told], values[told]
    # Mostly all rows of a code agree, and any of them will do.
    result[places] = values
    odd = np.unique(places[result[places] != values])
    if len(odd):
        is_odd = np.zeros(count, dtype=bool)
        is_odd[odd] = True
        rows = np.flatnonzero(is_odd[places])
        last = np.zeros(count, dtype=np.int64)
        np.maximum.at(last, places[rows], rows)
        result[odd] = values[last[odd]]
    return result


def _pools_of_picks(rows: Rows, picks: NDArray[np.intp], names: DeclaredNames) -> Codes:
    pool = names.codes[names.places_of_keys(rows.key[picks])]
    open_picks = np.flatnonzero(pool == MISSING)
    carried = rows.pool[picks[open_picks]]
    pool[open_picks] = names.declared_name[carried]
    open_picks = open_picks[carried == MISSING]
    is_named = np.zeros(len(open_picks), dtype=bool)
    waiting = np.arange(len(open_picks))
    for step in range(1, POOL_LINE_REACH + 1):
        pick = picks[open_picks[waiting]]
        is_within = pick + step < len(rows)
        waiting, pick = waiting[is_within], pick[is_within]
        is_open = rows.kind[pick + step] != PICK
        waiting, pick = waiting[is_open], pick[is_open]
        line = pick + step
        fits = (
            (rows.kind[line] == _POOL_LINE)
            & (rows.isolate[line] == rows.isolate[pick])
            & (rows.time[line] == rows.time[pick])
        )
        pool[open_picks[waiting[fits]]] = names.declared_name[rows.pool[line[fits]]]
        is_named[waiting[fits]] = True
        waiting = waiting[~fits]
    open_picks = open_picks[~is_named]
    pool[open_picks] = names.pool_of_function[rows.function[picks[open_picks]]]
    return pool


def _keys_by_position(rows: Rows, picks: NDArray[np.intp], pool: Codes, names: DeclaredNames) -> Codes:
    """Older lines number keys within the pool; the declaration says which key that is."""
    open_picks = picks[rows.key[picks] == MISSING]
    open_picks = open_picks[(pool[open_picks] != MISSING) & (rows.position[open_picks] != MISSING)]
    if not len(open_picks):
        return rows.key
    place = names.place_of_name[pool[open_picks]]
    fits = (place != MISSING) & (names.sizes[place] == rows.size[open_picks])
    open_picks, place = open_picks[fits], place[fits]
    key = rows.key.copy()
    key[open_picks] = names.keys_at(place, rows.position[open_picks])
    return key


def _pools_of_others(rows: Rows, others: NDArray[np.intp], names: DeclaredNames) -> Codes:
    pool = names.declared_name[rows.pool[others]]
    return np.where(pool == MISSING, names.pool_of_function[rows.function[others]], pool)
