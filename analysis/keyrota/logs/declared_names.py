"""What the declaration says of the names in a log, as tables that many rows are looked up in at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from keyrota.logs.rows import MISSING, Rows
from keyrota.logs.sequence import pools_of_keys
from keyrota.pools.declared import PoolConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.int32]


def with_names_of(rows: Rows, config: PoolConfig) -> Rows:
    """Return rows whose list of names has those of the declared pools too."""
    index: dict[str, int] = {name: code for code, name in enumerate(rows.names)}
    for pool in config:
        index.setdefault(pool.name, len(index))
    return replace(rows, names=list(index))


class DeclaredNames:
    """A declaration, looked up by the codes of a log's names.

    A table has one place more than there are names, so that a missing code finds nothing.

    Parameters
    ----------
    config
        The pools. A place is the index of one of them.
    rows
        Rows that have the names of the pools: see `with_names_of`.

    Attributes
    ----------
    codes
        The code of the name of the pool at each place.
    sizes
        The number of keys of the pool at each place.
    place_of_name
        By a name that a line carries: the place of the pool of that name, large or small letters alike.
    declared_name
        By a name that a line carries: the name as declared, or itself.
    pool_of_function, pool_of_model
        By function and by model: the name of the one pool that declares it.
    """

    def __init__(self, config: PoolConfig, rows: Rows) -> None:
        self.config = config
        names = rows.names
        index = {name: code for code, name in enumerate(names)}
        pools = config.pools
        self.codes = np.array([*(index[pool.name] for pool in pools), MISSING], dtype=np.int32)
        self.sizes = np.array([*(pool.size for pool in pools), MISSING], dtype=np.int32)
        self._keys = np.array([key for pool in pools for key in pool.keys], dtype=np.int32)
        self._starts = np.cumsum(self.sizes) - self.sizes
        self.place_of_name = _nothing(names)
        self.pool_of_function = _nothing(names)
        self.pool_of_model = _nothing(names)
        by_name = {pool.name.casefold(): place for place, pool in enumerate(pools)}
        for code in {*self.codes[:-1].tolist(), *_distinct(rows.pool, len(names))}:
            self.place_of_name[code] = by_name.get(names[code].casefold(), MISSING)
        is_declared = self.place_of_name != MISSING
        self.declared_name = np.append(np.arange(len(names), dtype=np.int32), np.int32(MISSING))
        self.declared_name[is_declared] = self.codes[self.place_of_name[is_declared]]
        models: dict[str | None, list[int]] = {}
        for place, pool in enumerate(pools):
            models.setdefault(pool.model, []).append(place)
            for function in pool.functions:
                self.pool_of_function[index.get(function, MISSING)] = self.codes[place]
        for model, places in models.items():
            if model is not None and len(places) == 1:
                self.pool_of_model[index.get(model, MISSING)] = self.codes[places[0]]
        self.pool_of_function[MISSING] = self.pool_of_model[MISSING] = MISSING
        self.one_pool = _OnePool(names)

    def places_of_keys(self, keys: NDArray[Any]) -> Codes:
        """Return the place of the pool that declares each key."""
        return pools_of_keys(self.config, keys)

    def keys_at(self, places: Codes, positions: Codes) -> Codes:
        """Return the key declared at a 1-based position of the pool at each place, `MISSING` outside it."""
        result = np.full(len(places), MISSING, dtype=np.int32)
        inside = np.flatnonzero((positions >= 1) & (positions <= self.sizes[places]))
        result[inside] = self._keys[self._starts[places[inside]] + positions[inside] - 1]
        return result


class _OnePool:
    """The one pool that an isolate or a function picks from, if it is one."""

    def __init__(self, names: list[str]) -> None:
        self._pool = _nothing(names)
        self._has_many = np.zeros(len(names) + 1, dtype=bool)

    @contextmanager
    def learnt(self, rows: Rows, picks: NDArray[np.intp], pool: Codes) -> Iterator[_OnePool]:
        """Know of the picks of one source; the next one's are not known of."""
        told = picks[pool[picks] != MISSING]
        places = [column[told] for column in (rows.isolate, rows.function)]
        for place in places:
            self._learn(place, pool[told])
        self._pool[MISSING] = MISSING
        try:
            yield self
        finally:
            for place in places:
                self._pool[place] = MISSING
                self._has_many[place] = False

    def _learn(self, place: Codes, pool: Codes) -> None:
        before = self._pool[place]
        self._has_many[place[(before != MISSING) & (before != pool)]] = True
        # Whichever row comes last, the others differ from it or do not.
        self._pool[place] = pool
        self._has_many[place[self._pool[place] != pool]] = True

    def of(self, rows: Rows, index: NDArray[np.intp]) -> Codes:
        """Return the one pool of the isolate of rows, else of their function."""
        by_isolate, by_function = (
            np.where(self._has_many[place], MISSING, self._pool[place])
            for place in (rows.isolate[index], rows.function[index])
        )
        return np.where(by_isolate == MISSING, by_function, by_isolate).astype(np.int32)


def _nothing(names: list[str]) -> Codes:
    return np.full(len(names) + 1, MISSING, dtype=np.int32)


def _distinct(codes: Codes, count: int) -> list[int]:
    is_told = np.zeros(count + 1, dtype=bool)
    is_told[codes] = True
    told: list[int] = np.flatnonzero(is_told[:-1]).tolist()
    return told
