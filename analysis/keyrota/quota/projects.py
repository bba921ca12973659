"""Who shares a quota: limits count per Google Cloud project and model, not per key."""

from __future__ import annotations

from collections.abc import Iterable

from keyrota.display import shown
from keyrota.errors import ConfigurationError
from keyrota.pools.declared import Pool
from keyrota.quota.windows import UNLIMITED


def quotas(pools: Iterable[Pool]) -> tuple[dict[int, int], list[tuple[int, int]]]:
    """Return the quota that each key draws on, by number, and the limits of a minute and a day of each.

    Limits count per project and model; a key whose project is not declared counts as its own.

    Raises
    ------
    ConfigurationError
        If keys that share a quota are declared with different limits.

    Examples
    --------
    >>> from keyrota.pools.declared import Quota
    >>> quotas([Pool(name="CHAT", keys=(1, 2), projects=("p", "p"), quota=Quota(per_minute=2))])
    ({1: 0, 2: 0}, [(2, -1)])
    """
    places: dict[tuple[object, ...], int] = {}
    of_key: dict[int, int] = {}
    limits: list[tuple[int, int]] = []
    for pool in pools:
        minute, day = pool.quota.per_minute, pool.quota.per_day
        own = (UNLIMITED if minute is None else minute, UNLIMITED if day is None else day)
        for place, key in enumerate(pool.keys):
            project = ("project", pool.projects[place]) if pool.projects else ("key", key)
            index = places.setdefault((*project, pool.model), len(places))
            if index == len(limits):
                limits.append(own)
            elif limits[index] != own:
                raise ConfigurationError(
                    f"pool {shown(pool.name)}: key {key} shares the quota of project {shown(project[1])} "
                    "with keys of other limits; declare one quota for one project and model"
                )
            of_key[key] = index
    return of_key, limits
