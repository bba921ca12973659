"""The pools of a log, with what a fit and a plan need of each: runs, picks per request, the account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from keyrota.errors import InputError
from keyrota.pools.declared import Pool, PoolConfig
from keyrota.quota.account import Account, PoolEvents, make_accounts
from keyrota.rotation.requests import picks_per_request
from keyrota.rotation.runs import Runs, find_runs, with_marks


@dataclass(frozen=True)
class LoggedPool:
    """What a pool's scenario is made from.

    Parameters
    ----------
    name, declared
        The pool; `declared` is ``None`` if it is not.
    events
        Its events.
    account
        The account of its quota.
    runs
        Its runs, of the size with the most picks; ``None`` where no pick has a position.
    picks_per_request
        As most requests of the log make them.
    """

    name: str
    declared: Pool | None
    events: pd.DataFrame
    account: Account
    runs: Runs | None
    picks_per_request: int


def logged_pools(events: pd.DataFrame, config: PoolConfig) -> list[LoggedPool]:
    """Return the pools that have picks in a log, the declared ones first.

    Parameters
    ----------
    events
        Event table in which picks name their pool, as a reader of logs makes it.
    config
        The declared pools.
    """
    of_pool = {str(name): rows for name, rows in events.groupby("pool", observed=True, sort=False)}
    declared = {pool.name: pool for pool in config}
    picking = [name for name, rows in of_pool.items() if (rows["kind"] == "pick").any()]
    names = [name for name in declared if name in picking]
    names += sorted(name for name in picking if name not in declared)
    runs: dict[str, Runs | None] = {}
    several: dict[str, int] = {}
    for name in names:
        found = next(iter(find_runs(with_marks(of_pool[name], events)).values()), None)
        runs[name] = found
        several[name] = (found is not None and picks_per_request(events, found).typical) or 1
    accounts = make_accounts(
        {name: PoolEvents(of_pool[name], declared.get(name), several[name]) for name in names},
        begin=events["time"].min(),
    )
    return [
        LoggedPool(name, declared.get(name), of_pool[name], accounts[name], runs[name], several[name])
        for name in names
    ]


def span_of_log(events: pd.DataFrame) -> tuple[int, int]:
    """Return the times of the first and the last event, nanoseconds since 1970 UTC.

    Raises
    ------
    InputError
        If no event has a time.
    """
    times = events["time"].dropna()
    if times.empty:
        raise InputError("the log has no times, so that it tells no rate; export it with timestamps")
    return int(times.min().value), int(times.max().value)


def chosen(pools: Sequence[LoggedPool], names: Sequence[str]) -> list[LoggedPool]:
    """Return the pools of these names; all, if there are no names.

    Raises
    ------
    InputError
        If the log has no pick of one of them, or of any pool.
    """
    from keyrota.display import listed, shown

    if not pools:
        raise InputError("the log has no pick of a key, so that it tells no traffic; see keyrota report")
    for name in names:
        if name not in [pool.name for pool in pools]:
            seen = listed([pool.name for pool in pools])
            raise InputError(f"the log has no pick of pool {shown(name)}; it has picks of {seen}")
    return [pool for pool in pools if not names or pool.name in names]
