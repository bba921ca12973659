"""The pools of stored events, by the declaration of today and by all that is loaded.

A reading invents names for pools that no declaration covers and no line names: ``POOL-A``, ``POOL-B``. Two
readings give the same name to different pools. So the store keeps them apart by their source (``POOL-A
#7``), and they are inferred anew from all that is loaded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from keyrota.history.places import numbers, with_places
from keyrota.logs.rows import MISSING
from keyrota.pools.declared import UNDECLARED
from keyrota.pools.infer import infer_pools
from keyrota.pools.load import configured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from keyrota.logs.read import Pools
    from keyrota.pools.declared import PoolConfig

    Places = NDArray[np.integer[Any]]

_INVENTED: Final = re.compile(r"POOL-[A-Z]+")
_KEPT_APART: Final = re.compile(r"(POOL-[A-Z]+) #[0-9]+")


def kept_apart(names: list[str], declared: PoolConfig, source: int) -> list[str]:
    """Return the names of a source's pools as the store keeps them.

    Examples
    --------
    >>> kept_apart(["CHAT", "POOL-A"], UNDECLARED, 7)
    ['CHAT', 'POOL-A #7']
    """
    own = {pool.name for pool in declared}
    return [f"{name} #{source}" if _INVENTED.fullmatch(name) and name not in own else name for name in names]


def plain_name(name: str) -> str:
    """Return the name of a pool without what keeps invented ones apart.

    Examples
    --------
    >>> plain_name("POOL-A #7")
    'POOL-A'
    """
    return _KEPT_APART.sub(r"\1", name)


def with_plain_names(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of pools by their plain names."""
    plain = {name: plain_name(name) for name in column.cat.categories}
    if all(name == own for own, name in plain.items()):
        return column
    return column.map(plain).astype("category")


def named_anew(events: pd.DataFrame, pools: Pools) -> tuple[pd.DataFrame, PoolConfig]:
    """Return events with the pools that a declaration gives them, and the declaration.

    A pick belongs to the pool that declares its key, or to an inferred one if none does and no line names
    it. Another row keeps its pool if that is declared; else it goes to the pool that its function is declared
    to pick from, or where all picks of its old pool went. What neither covers keeps its name. Picks that name
    their key alone get their place.

    Parameters
    ----------
    events
        Event table, its names as the store keeps them.
    pools
        As of `keyrota.read_logs`.
    """
    config = UNDECLARED if pools == "infer" else configured(pools)
    column = events["pool"].cat
    names = sorted({*column.categories, *(pool.name for pool in config)})
    places = {name: place for place, name in enumerate(names)}
    before = _of_rows(column, [places[name] for name in column.categories])
    has_name = np.array([*(not _KEPT_APART.fullmatch(name) for name in names), False])[before]
    is_pick = (events["kind"] == "pick").to_numpy()
    keys = events["key"].to_numpy(dtype=np.int32, na_value=MISSING)
    picked = _of_keys(keys, config, places)
    after = np.where(is_pick & (picked >= 0), picked, np.where(has_name, before, -1))
    events = with_places(events, after, {places[pool.name]: pool.keys for pool in config})
    is_inferred = not config.pools  # also where a file holds rules alone
    nameless = is_pick & (after < 0)
    if nameless.any() or (is_inferred and is_pick.any()):
        told = is_pick if is_inferred else nameless
        inferred = infer_pools(_with_pools(events[told], after[told], names))
        names += sorted({pool.name for pool in inferred} - set(names))
        places = {name: place for place, name in enumerate(names)}
        of_size = _of_sizes(numbers(events["size"]), inferred, places)
        found = np.where(keys >= 0, _of_keys(keys, inferred, places), of_size)
        after = np.where(nameless, found, after)
        config = inferred if is_inferred else config
    covered = np.zeros(len(names) + 1, dtype=bool)  # the last place is that of rows without a pool
    covered[[places[pool.name] for pool in config]] = True
    is_lost = ~is_pick & ((after < 0) if is_inferred else ~covered[after])
    if is_lost.any():
        functions = events["function"].cat
        of_function = [config.of_function(name) for name in functions.categories]
        served = _of_rows(functions, [places[pool.name] if pool else -1 for pool in of_function])
        moved = _moved(before[is_pick], after[is_pick], len(names))[before]
        moved = np.where(has_name | (moved != before), moved, -1)
        after = np.where(is_lost, np.where(served >= 0, served, moved), after)
    if np.array_equal(before, after):
        return events, config
    return _with_pools(events, after, names), config


def _with_pools(events: pd.DataFrame, codes: Places, names: list[str]) -> pd.DataFrame:
    used = np.unique(codes[codes >= 0])
    used = used[np.argsort([names[place] for place in used.tolist()])] if len(used) else used
    order = np.full(len(names) + 1, -1)
    order[used] = np.arange(len(used))
    categories = pd.Index([names[place] for place in used.tolist()], dtype=None if len(used) else object)
    return events.assign(pool=pd.Categorical.from_codes(order[codes], categories=categories))


def _of_rows(column: Any, of_categories: list[int]) -> Places:
    """Return a value for each row of a column of names, from a value for each name; -1 for none."""
    values = np.array([*of_categories, -1], dtype=np.int32)
    return np.asarray(values[np.asarray(column.codes)])


def _of_keys(keys: Places, config: PoolConfig, places: dict[str, int]) -> Places:
    return _looked_up(keys, {key: places[pool.name] for pool in config for key in pool.keys})


def _of_sizes(sizes: Places, config: PoolConfig, places: dict[str, int]) -> Places:
    return _looked_up(sizes, {pool.size: places[pool.name] for pool in reversed(list(config))})


def _looked_up(keys: Places, table: dict[int, int]) -> Places:
    beyond = 1 + max(table, default=0)
    values = np.full(beyond + 2, -1, dtype=np.int32)  # the last two: beyond all keys, and no key
    values[list(table)] = list(table.values())
    return np.asarray(values[np.minimum(keys, beyond)])


def _moved(before: Places, after: Places, pools: int) -> Places:
    """Return where the picks of each pool went: to one pool, or the pool itself if to several."""
    result: Places = np.append(np.arange(pools, dtype=np.int64), -1)
    known = (before >= 0) & (after >= 0)
    pairs = np.unique(before[known].astype(np.int64) * (pools + 1) + after[known])
    old, new = pairs // (pools + 1), pairs % (pools + 1)
    alone = np.bincount(old, minlength=pools) == 1
    is_alone = alone[old]
    result[old[is_alone]] = new[is_alone]
    return result
