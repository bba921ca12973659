"""C2xx: the log against the declaration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pandas as pd

from keyrota.display import count, listed
from keyrota.events import of_kind
from keyrota.findings.facts import LogFacts, PoolFacts
from keyrota.findings.rule import Finding, Rule
from keyrota.findings.wording import agree, places
from keyrota.pools.declared import is_function_id
from keyrota.pools.infer import INFERRED_SOURCE

_OTHER_POOLS: Final = (
    "If the declaration is not that of this application, give its own (--pools FILE or --pools infer)."
)

_OWN_POOL: Final = (
    "Let the function ask for its own pool, or declare it here: its calls use this pool's quota."
)

_TIMES: Final = {2: "twice"}
_WORK: Final = {2: "two", 3: "three"}

_MOST_TWICE: Final = 10
"""So many keys that are listed twice are told one by one."""

_MOST_FUNCTIONS: Final = 10
"""So many functions in the wrong pool are told one by one, those with the most picks."""


def _pool_size_mismatch(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool in facts.pools:
        if pool.declared is None or (pool.unread and facts.config.source == INFERRED_SOURCE):
            continue  # inferred of what could be read, it lacks what could not
        declared = pool.declared.size
        smaller = [size for size in sorted(pool.sizes) if size < declared]
        larger = [size for size in sorted(pool.sizes) if size > declared]
        for sizes in filter(None, (smaller, larger)):
            rows = pool.picks[pool.picks["size"].isin(sizes)]
            cause, remedy = _missing(pool, rows) if sizes is smaller else _added()
            yield rule.finding(
                f"{count(len(rows), 'pick')} {agree(len(rows), 'names', 'name')} a pool of "
                f"{listed([str(size) for size in sizes])} {agree(sizes[-1], 'key', 'keys')} where "
                f"{declared} {agree(declared, 'is', 'are')} declared: {cause}",
                f"{remedy} {_OTHER_POOLS}",
                pool=pool.name,
                evidence={
                    "declared_size": declared,
                    "logged_sizes": {str(size): number for size, number in pool.sizes.items()},
                    "places": places(rows),
                },
            )


def _missing(pool: PoolFacts, rows: pd.DataFrame) -> tuple[str, str]:
    keys = pool.declared.keys if pool.declared else ()
    whole = pool.picks.loc[pool.picks["size"] == len(keys), "time"]
    when = ""
    if len(whole) and rows["time"].max() < whole.min():
        when = f" until {_minute(rows['time'].max())}"
    elif len(whole) and rows["time"].min() > whole.max():
        when = f" since {_minute(rows['time'].min())}"
    return (
        f"a secret is missing{when}, so that the keys after it carry the labels of the keys before them",
        f"Check with `supabase secrets list` that {_names(keys)} {agree(len(keys), 'is', 'are all')} set; "
        "do not trust which key such a line names.",
    )


def _added() -> tuple[str, str]:
    return "the deployed mapping has more keys than the declaration", "Add the new keys to the pools file."


def _minute(time: pd.Timestamp) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _undeclared_key(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    declared = {key for pool in facts.config for key in pool.keys}
    if not declared:
        return
    is_odd = (facts.events["kind"] == "pick") & facts.events["key"].notna()
    rows = facts.events[is_odd.to_numpy() & ~facts.events["key"].isin(list(declared)).to_numpy()]
    for name, group in rows.groupby(rows["pool"].astype(object), dropna=False):
        keys = sorted(int(key) for key in group["key"].unique())
        yield rule.finding(
            f"{_names(keys)} {agree(len(keys), 'is', 'are')} picked ({count(len(group), 'time')}) but no "
            f"pool declares {agree(len(keys), 'it', 'them')}",
            "Declare your pools in a TOML file and give it with --pools FILE (`keyrota pools --format "
            "toml` prints one to start from), or let the log tell them with --pools infer.",
            pool=None if pd.isna(name) else str(name),
            keys=tuple(keys),
            evidence={"picks": len(group), "places": places(group)},
        )


def _position_mismatch(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool in facts.pools:
        declared = pool.declared
        if declared is None:
            continue
        place_of_key = {key: position for position, key in enumerate(declared.keys, start=1)}
        size, key, position = (
            pool.picks[name].fillna(-1).to_numpy(dtype=np.int64) for name in ("size", "key", "position")
        )
        known = np.sort(np.array(declared.keys, dtype=np.int64))
        place = np.minimum(np.searchsorted(known, key), len(known) - 1)
        expected = np.array([place_of_key[own] for own in known.tolist()])[place]
        is_whole = (size == declared.size) & (known[place] == key) & pool.picks["position"].notna().to_numpy()
        for twice in (own.twice for own in (pool, *pool.others) if own.size == declared.size):
            for several, places_of_it in twice.items():
                is_whole &= (key != several) | ~np.isin(position, places_of_it)
        rows = pool.picks[is_whole & (position != expected)]
        if rows.empty:
            continue
        first = rows.iloc[0]
        yield rule.finding(
            f"{count(len(rows), 'pick')} {agree(len(rows), 'names', 'name')} a key at another place than "
            f"declared: GOOGLE_KEY_{first['key']} at position {first['position']}, declared at "
            f"{place_of_key[int(first['key'])]}",
            f"The deployed mapping lists the keys in another order: bring the two into line. {_OTHER_POOLS}",
            pool=pool.name,
            keys=tuple(sorted(int(key) for key in rows["key"].unique())),
            evidence={"picks": len(rows), "places": places(rows)},
        )


def _listed_twice(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool in facts.pools:
        for of_size in (pool, *pool.others):
            if of_size.twice:
                yield _told_twice(rule, of_size)


def _told_twice(rule: Rule, pool: PoolFacts) -> Finding:
    is_own = np.zeros(len(pool.picks), dtype=bool)
    size, key, position = (
        pool.picks[name].fillna(-1).to_numpy(dtype=np.int64) for name in ("size", "key", "position")
    )
    for several, at in pool.twice.items():
        is_own |= (size == pool.size) & (key == several) & np.isin(position, at)
    rows = pool.picks[is_own]
    told = [
        f"key {several} {_TIMES.get(len(at), f'{len(at)} times')} (positions {listed([str(n) for n in at])})"
        for several, at in list(pool.twice.items())[:_MOST_TWICE]
    ]
    rest = len(pool.twice) - len(told)
    told += [count(rest, "more key")] if rest else []
    most = max(len(at) for at in pool.twice.values())
    work = _WORK.get(most, str(most)) if len(pool.twice) == 1 else "several"
    missing = _displaced(pool)
    put_in = f"put {listed([f'key {key}' for key in missing])} in" if missing else "put another key in"
    return rule.finding(
        f"the mapping lists {listed(told)}: {count(len(rows), 'pick')}, and one secret does the work of "
        f"{work}",
        f"List each key once: {put_in}, and check that its secret is set.",
        pool=pool.name,
        keys=tuple(pool.twice),
        evidence={
            "picks": len(rows),
            "positions": {f"key {several}": list(at) for several, at in pool.twice.items()},
            "places": places(rows),
        },
    )


def _displaced(pool: PoolFacts) -> list[int]:
    """Return the keys whose places others took: those never picked, else those declared at these places."""
    if pool.declared is None or pool.declared.size != pool.size:
        return []
    picked = set(pool.picks["key"].dropna().astype(int).tolist())
    taken = {place for places_of_it in pool.twice.values() for place in places_of_it}
    declared = list(enumerate(pool.declared.keys, start=1))
    return [key for _, key in declared if key not in picked] or [
        key for place, key in declared if place in taken and key not in pool.twice
    ]


def _announced_pool(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    """Find picks whose own pool line names another pool than the one that declares the key.

    A pick and its pool line share isolate and millisecond, in either order; where several picks do, none
    is judged.
    """
    declared = [pool.name for pool in facts.config]
    moment = ["source", "isolate", "time"]
    lines = of_kind(facts.events, "pool")
    lines = lines[lines["time"].notna() & lines["isolate"].notna() & lines["pool"].isin(declared)]
    if lines.empty:
        return
    # Picks at other moments than those of pool lines match none, nor each other's.
    picks = of_kind(facts.events, "pick")
    picks = picks[picks["time"].isin(lines["time"]) & picks["isolate"].notna() & picks["pool"].isin(declared)]
    lines = pd.concat([picks, lines]).sort_index()
    plain = lines.astype({"source": object, "isolate": object, "pool": object})
    picks = plain[plain["kind"] == "pick"].drop_duplicates(moment, keep=False)
    told = plain[plain["kind"] == "pool"].drop_duplicates(moment, keep=False)
    both = picks.merge(told[[*moment, "pool"]], on=moment, suffixes=("", "_told"))
    for (own, asked), group in both[both["pool"] != both["pool_told"]].groupby(["pool", "pool_told"]):
        keys = sorted(int(key) for key in group["key"].dropna().unique())
        names = listed([f"GOOGLE_KEY_{key}" for key in keys])
        yield rule.finding(
            f"{count(len(group), 'pick')} for pool {asked} {agree(len(group), 'takes', 'take')} {names}, "
            f"declared in {own}",
            "The deployed mapping gives the pool other keys than the declaration; bring the two into line. "
            "Its calls use the other pool's quota.",
            pool=str(asked),
            keys=tuple(keys),
            evidence={"picks": len(group), "declared_in": str(own), "places": places(group)},
        )


def _wrong_pool(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool in facts.pools:
        if pool.declared is None or not pool.declared.functions:
            continue
        # An id is a function whose name the log does not tell.
        picks = pool.picks["function"].value_counts()
        odd = [name for name in picks.index[picks > 0] if not _may_pick(str(name), pool.declared.functions)]
        for name in odd[:_MOST_FUNCTIONS]:
            rows = pool.picks[pool.picks["function"] == name]
            own = facts.config.of_function(str(name))
            whose = f"its own pool is {own.name}" if own else "no pool declares it"
            yield rule.finding(
                f"{name} picks from {pool.name} ({count(len(rows), 'time')}); {whose}",
                _OWN_POOL,
                pool=pool.name,
                keys=tuple(sorted(int(key) for key in rows["key"].dropna().unique())),
                evidence={"function": str(name), "picks": len(rows), "places": places(rows)},
            )
        rest = odd[_MOST_FUNCTIONS:]
        if rest:
            rows = pool.picks[pool.picks["function"].isin(rest)]
            yield rule.finding(
                f"{count(len(rest), 'more function')} {agree(len(rest), 'picks', 'pick')} from {pool.name} "
                f"({count(len(rows), 'time')})",
                _OWN_POOL,
                pool=pool.name,
                evidence={"functions": len(rest), "picks": len(rows), "places": places(rows)},
            )


def _may_pick(function: str, declared: Sequence[str]) -> bool:
    return function in declared or is_function_id(function)


def _invalid_key_format(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    warned = of_kind(facts.events, "warning")
    warned = warned[warned["cause"] == "invalid-key-format"]
    for name, rows in warned.groupby(warned["pool"].astype(object), dropna=False):
        keys = _warned_keys(facts, rows)
        beside = f" ({_names(keys)})" if keys else ""
        yield rule.finding(
            f"the application warned {count(len(rows), 'time')} that a key{beside} does not look like an "
            "API key",
            "Set the secret again: a Google API key is AIza and 35 more characters, without quotes, blanks "
            "or a line break.",
            pool=None if pd.isna(name) else str(name),
            keys=tuple(keys),
            evidence={"warnings": len(rows), "places": places(rows)},
        )


def _warned_keys(facts: LogFacts, warned: pd.DataFrame) -> list[int]:
    """Return the keys picked with the warnings: same pool, isolate and millisecond, and no other pick."""
    beside = ["source", "pool", "isolate", "moment"]

    def at_moment(rows: pd.DataFrame) -> pd.DataFrame:
        timed = rows[rows["time"].notna() & rows["isolate"].notna()]
        return timed.assign(moment=timed["time"].dt.floor("ms"))[[*beside, "key"]].astype({"key": "Int64"})

    picks = at_moment(of_kind(facts.events, "pick")).dropna(subset="key").drop_duplicates(beside, keep=False)
    both = at_moment(warned)[beside].merge(picks, on=beside)
    return sorted(int(key) for key in both["key"].unique())


def _names(keys: Sequence[int]) -> str:
    return listed([f"GOOGLE_KEY_{key}" for key in keys])


def _misplaced(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    yield from _listed_twice(rule, facts)
    yield from _position_mismatch(rule, facts)
    yield from _announced_pool(rule, facts)


RULES: Final = (
    Rule("C201", "pool-size-mismatch", "error", _pool_size_mismatch),
    Rule("C202", "undeclared-key", "error", _undeclared_key),
    Rule("C203", "position-mismatch", "error", _misplaced),
    Rule("C204", "wrong-pool", "warning", _wrong_pool),
    Rule("C205", "invalid-key-format", "warning", _invalid_key_format),
)
