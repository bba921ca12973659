"""What a declaration promises: the nominal rate of each pool, keys x limit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from keyrota.display import count, listed
from keyrota.pools.declared import Pool, PoolConfig


@dataclass(frozen=True, kw_only=True)
class PoolRow:
    """One line of the table of pools.

    Parameters
    ----------
    pool, functions, model
        As declared.
    keys
        The key numbers, spans joined: ``3-6``.
    per_minute, per_day, tokens_per_minute
        The limits of one key; ``None`` where none is declared.
    nominal_per_min, nominal_per_day
        Keys x limit, in requests; ``None`` where the limit is not declared. What the pool carries at
        few 429s is less.
    projects
        What the declaration says about the keys' projects, for people.
    """

    pool: str
    functions: tuple[str, ...]
    model: str | None
    keys: str
    per_minute: int | None
    per_day: int | None
    tokens_per_minute: int | None
    nominal_per_min: int | None
    nominal_per_day: int | None
    projects: str


def table_rows(config: PoolConfig) -> list[PoolRow]:
    """Return the declaration as rows of a table, with nominal rates.

    The nominal rate counts every key once, also where keys share a project and so a quota:
    `PoolRow.projects` says so then.

    Examples
    --------
    >>> from keyrota.pools import load_pools
    >>> [(row.pool, row.keys, row.nominal_per_min) for row in table_rows(load_pools())]
    [('CHAT', '1-2', 4), ('ARTIFACT', '3-6', 8), ('IMAGE', '7-10', 60)]
    """
    return [
        PoolRow(
            pool=pool.name,
            functions=pool.functions,
            model=pool.model,
            keys=spans(pool.keys),
            per_minute=pool.quota.per_minute,
            per_day=pool.quota.per_day,
            tokens_per_minute=pool.quota.tokens_per_minute,
            nominal_per_min=_times(pool.size, pool.quota.per_minute),
            nominal_per_day=_times(pool.size, pool.quota.per_day),
            projects=_projects(pool, config),
        )
        for pool in config.pools
    ]


def spans(keys: tuple[int, ...]) -> str:
    """Return key numbers in their order, successive ones joined.

    Examples
    --------
    >>> spans((3, 4, 5, 6, 11, 12)), spans((2, 1)), spans((8,))
    ('3-6, 11-12', '2, 1', '8')
    """
    starts = [0, *(i for i, (a, b) in enumerate(pairwise(keys), 1) if b != a + 1), len(keys)]
    runs = [keys[a:b] for a, b in pairwise(starts) if a < b]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _times(keys: int, limit: int | None) -> int | None:
    return None if limit is None else keys * limit


def _projects(pool: Pool, config: PoolConfig) -> str:
    if not pool.projects:
        return "not declared"
    # Quotas count per project and model: the same project in a pool of another model is no sharing.
    others = [
        other.name
        for other in config.pools
        if other is not pool
        and (other.model is None or pool.model is None or other.model == pool.model)
        and set(other.projects) & set(pool.projects)
    ]
    shared = [name for name, keys in Counter(pool.projects).items() if keys > 1]
    notes = [f"{count(len(set(pool.projects)), 'project')} for {count(pool.size, 'key')}"]
    if shared:
        notes.append(f"{listed(shared)} counted as one quota each")
    if others:
        notes.append(f"quota shared with {listed(others)}")
    return "; ".join(notes)
