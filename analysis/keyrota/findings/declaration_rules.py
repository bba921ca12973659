"""C2xx: the log against the declaration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pandas as pd

from keyrota.display import count, listed
from keyrota.events import of_kind
from keyrota.findings.facts import LogFacts, PoolFacts
from keyrota.findings.rule import Finding, Rule

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _pool_size_mismatch(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool in facts.pools:
        if pool.declared is None:
            continue
        odd = {size: number for size, number in pool.sizes.items() if size != pool.declared.size}
        if not odd:
            continue
        rows = pool.picks[pool.picks["size"].isin(list(odd))]
        sizes = listed([str(size) for size in sorted(odd)])
        smaller = min(odd) < pool.declared.size
        cause = (
            "a secret is missing, so the keys after it carry the labels of the keys before them"
            if smaller
            else "the deployed mapping has more keys than the declaration"
        )
        yield rule.finding(
            f"{count(len(rows), 'pick')} name a pool of {sizes} keys where {pool.declared.size} are declared: {cause}",
            _secrets_to_check(pool) if smaller else "Add the new keys to the pools file.",
            pool=pool.name,
            evidence={
                "declared_size": pool.declared.size,
                "logged_sizes": {str(size): number for size, number in pool.sizes.items()},
                "places": pool.places(rows),
            },
        )


def _secrets_to_check(pool: PoolFacts) -> str:
    keys = pool.declared.keys if pool.declared else ()
    names = listed([f"GOOGLE_KEY_{key}" for key in keys])
    return (
        f"Check with `supabase secrets list` that {names} are all set; until then do not trust which key a "
        "line of this pool names. If the declaration is out of date, correct it (--pools FILE)."
    )


def _undeclared_key(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    declared = {key for pool in facts.config for key in pool.keys}
    picks = of_kind(facts.events, "pick")
    rows = picks[picks["key"].notna() & ~picks["key"].isin(list(declared))]
    for name, group in rows.groupby(rows["pool"].astype(object), dropna=False):
        keys = sorted(int(key) for key in group["key"].unique())
        names = listed([f"GOOGLE_KEY_{key}" for key in keys])
        verb = "is" if len(keys) == 1 else "are"
        yield rule.finding(
            f"{names} {verb} picked ({count(len(group), 'time')}) but no pool declares {'it' if len(keys) == 1 else 'them'}",
            "Declare your pools in a TOML file and give it with --pools FILE (`keyrota pools --format toml` prints "
            "one to start from), or let the log tell them with --pools infer.",
            pool=None if pd.isna(name) else str(name),
            keys=tuple(keys),
            evidence={"picks": len(group), "places": _places(group)},
        )


def _position_mismatch(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool in facts.pools:
        declared = pool.declared
        if declared is None:
            continue
        picks = pool.picks
        same_size = picks[
            (picks["size"] == declared.size)
            & picks["key"].isin(list(declared.keys))
            & picks["position"].notna()
        ]
        place_of_key = {key: position for position, key in enumerate(declared.keys, start=1)}
        rows = same_size[same_size["key"].map(place_of_key).ne(same_size["position"]).astype(bool)]
        if rows.empty:
            continue
        first = rows.iloc[0]
        yield rule.finding(
            f"{count(len(rows), 'pick')} name a key at another place than declared: GOOGLE_KEY_{first['key']} at position "
            f"{first['position']}, declared at {place_of_key[int(first['key'])]}",
            "The deployed mapping lists the keys in another order; bring the two into line.",
            pool=pool.name,
            keys=tuple(sorted(int(key) for key in rows["key"].unique())),
            evidence={"picks": len(rows), "places": _places(rows)},
        )


def _wrong_pool(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool in facts.pools:
        if pool.declared is None or not pool.declared.functions:
            continue
        for function, rows in pool.picks.groupby("function", observed=True):
            name = str(function)
            if name in pool.declared.functions or _UUID.fullmatch(name):
                continue
            own = facts.config.of_function(name)
            whose = f"its own pool is {own.name}" if own else "no pool declares it"
            yield rule.finding(
                f"{name} picks from {pool.name} ({count(len(rows), 'time')}); {whose}",
                "Let the function ask for its own pool, or declare it here: its calls use this pool's quota.",
                pool=pool.name,
                keys=tuple(sorted(int(key) for key in rows["key"].dropna().unique())),
                evidence={"function": name, "picks": len(rows), "places": _places(rows)},
            )


def _invalid_key_format(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    warned = of_kind(facts.events, "warning")
    warned = warned[warned["cause"] == "invalid-key-format"]
    for name, rows in warned.groupby(warned["pool"].astype(object), dropna=False):
        yield rule.finding(
            f"the application warned {count(len(rows), 'time')} that a key does not look like an API key",
            "Set the secret again: a Google API key is AIza and 35 more characters, without quotes, blanks or a "
            "line break.",
            pool=None if pd.isna(name) else str(name),
            evidence={"warnings": len(rows), "places": _places(rows)},
        )


def _places(rows: pd.DataFrame, limit: int = 3) -> list[str]:
    return [f"{row.source}:{row.line}" for row in rows.head(limit).itertuples()]


RULES: Final = (
    Rule("C201", "pool-size-mismatch", "error", _pool_size_mismatch),
    Rule("C202", "undeclared-key", "error", _undeclared_key),
    Rule("C203", "position-mismatch", "error", _position_mismatch),
    Rule("C204", "wrong-pool", "warning", _wrong_pool),
    Rule("C205", "invalid-key-format", "warning", _invalid_key_format),
)
