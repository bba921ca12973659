"""What a test has in hand, picks in some form, to an event table and the pools it is held against."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

    from keyrota.logs.read import LogInput
    from keyrota.pools.declared import Pool, PoolConfig

    PoolLike = Pool | str | int | None
    PoolsLike = PoolConfig | str | os.PathLike[str] | None

NAMELESS: Final = "POOL"
"""What a pool is called that was given as a number of keys."""


@dataclass(frozen=True)
class Evidence:
    """Events, the pools, and which of them are in question: all, if `pool` is ``None``."""

    events: pd.DataFrame
    config: PoolConfig
    pool: str | None
    log_input: LogInput | None = None


def evidence_of(picks: Any, pool: PoolLike, pools: PoolsLike) -> Evidence:
    """Return the events behind what a test has in hand; see `keyrota.testing.assert_fair_rotation`.

    Raises
    ------
    ConfigurationError
        If the picks are in none of the forms, or the pool is not declared.
    InputError
        If a log cannot be read.
    """
    import pandas as pd

    from keyrota.logs.read import Reading, read

    if isinstance(picks, str | os.PathLike):
        picks = read(picks, pools=pools if pools is not None else _config(pool, None))
    reading = picks if isinstance(picks, Reading) else getattr(picks, "reading", None)
    if isinstance(reading, Reading):
        is_known = pools == "infer" or (pools is None and not _declares(pool))
        config = reading.pools if is_known else _config(pool, pools)
        return Evidence(reading.events, config, _name(pool, config), reading.input)
    if isinstance(picks, pd.DataFrame):
        from keyrota.pools.infer import infer_pools

        config = infer_pools(picks) if pools == "infer" else _config(pool, pools)
        return Evidence(picks, config, _name(pool, config))
    return _of_sequence(picks, pool, pools)


def _declares(pool: PoolLike) -> bool:
    return pool is not None and not isinstance(pool, str)


def _config(pool: PoolLike, pools: PoolsLike) -> PoolConfig:
    """Return the pools that are declared: those of a file, or the one that was given itself."""
    from keyrota.pools.declared import Pool, PoolConfig
    from keyrota.pools.load import configured

    if pools is not None:
        return configured(pools)
    if isinstance(pool, Pool):
        return PoolConfig(pools=(pool,), source="the pool of the test")
    if isinstance(pool, int) and not isinstance(pool, bool):
        if pool < 1:
            raise ConfigurationError(f"pool is {pool} keys; a pool has at least one")
        own = Pool(name=NAMELESS, keys=tuple(range(1, pool + 1)))
        return PoolConfig(pools=(own,), source="the pool of the test")
    return configured(None)


def _name(pool: PoolLike, config: PoolConfig) -> str | None:
    from keyrota.pools.declared import Pool

    if pool is None:
        return None
    if isinstance(pool, Pool):
        return pool.name
    names = [own.name for own in config]
    if isinstance(pool, str):
        if pool not in names:
            raise ConfigurationError(f"pool {shown(pool)} is not declared; declared are {listed(names)}")
        return pool
    if len(names) != 1:
        raise ConfigurationError(
            f"pool is {shown(pool)}, but {listed(names)} are declared; name one of them, or give no pools"
        )
    return names[0]


def _of_sequence(picks: Any, pool: PoolLike, pools: PoolsLike) -> Evidence:
    from keyrota.events import make_events

    if pool is None or pools == "infer":
        raise ConfigurationError("a sequence of picks names no pool; give the pool, or its number of keys")
    config = _config(pool, pools)
    name = _name(pool, config)
    assert name is not None
    keys = config[name].keys
    place = {key: position for position, key in enumerate(keys, start=1)}
    runs, is_known = _runs(picks)
    flat = [key for run in runs for key in run]
    strange = sorted({key for key in flat if key not in place})
    if strange:
        raise AssertionError(
            f"{name}: {listed([str(key) for key in strange])} was picked, but its keys are "
            f"{listed([str(key) for key in keys])}"
        )
    events = make_events({
        "kind": ["pick"] * len(flat),
        "pool": [name] * len(flat),
        "key": flat,
        "position": [place[key] for key in flat],
        "size": [len(keys)] * len(flat),
        "isolate": [f"run-{number}" if is_known else None for number, run in enumerate(runs) for _ in run],
    }, rows=0)  # fmt: skip
    return Evidence(events, config, name)


def _runs(picks: Any) -> tuple[list[list[int]], bool]:
    """Return the runs of picks, and whether they are known; a flat sequence is one of unknown isolates."""
    items = list(picks) if isinstance(picks, Iterable) and not isinstance(picks, bytes | dict) else None
    if items is None:
        raise ConfigurationError(
            f"picks are {shown(type(picks).__name__)}; give key numbers, a list of them for each isolate, "
            "an event table, or the path of a log"
        )
    is_nested = bool(items) and all(
        isinstance(item, Iterable) and not isinstance(item, str) for item in items
    )
    return [[_number(key) for key in run] for run in (items if is_nested else [items])], is_nested


def _number(key: Any) -> int:
    import operator

    try:
        return operator.index(key if not isinstance(key, bool) else None)  # type: ignore[arg-type]
    except TypeError:
        raise ConfigurationError(
            f"a pick is {shown(key)}; it is the number of a key: n of GOOGLE_KEY_n, or its place from 1 on"
        ) from None
