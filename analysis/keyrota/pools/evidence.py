"""What a log says about pools: its picks, counted by all that bears on who belongs where."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from keyrota.pools.fields import MAX_KEY
from keyrota.pools.linking import Claim
from keyrota.pools.validate import is_pool_name

if TYPE_CHECKING:
    import pandas as pd

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Picks that are alike in all that matters here; ``None`` where the lines do not say.

    `key`, `position` and `size` are 1-based and in range; `pool` is a name that a pool may have.
    """

    pool: str | None
    size: int | None
    key: int | None
    position: int | None
    function: str | None
    model: str | None
    picks: int


def rows_of(events: pd.DataFrame) -> list[Row]:
    """Return the picks of an event table as rows, in an order that does not depend on the log's.

    Left out are picks whose key number no key can have, and picks that name neither a key nor a
    position.
    """
    import pandas as pd

    from keyrota.events import check_events, of_kind

    picks = of_kind(check_events(events), "pick")
    # Plain codes, -1 where missing: grouping drops missing categories in some releases of pandas.
    names = {name: picks[name].cat.categories for name in ("pool", "function", "model")}
    codes = {name: picks[name].cat.codes.astype("int64") for name in names}
    numbers = {name: picks[name].fillna(-1).astype("int64") for name in ("size", "key", "position")}
    rows = []
    for values, alike in pd.DataFrame({**codes, **numbers}).value_counts(sort=False).items():
        cell: dict[str, int] = dict(zip([*codes, *numbers], values, strict=True))  # type: ignore[call-overload]
        text = {name: str(names[name][cell[name]]) if cell[name] >= 0 else None for name in names}
        size = cell["size"] if cell["size"] >= 1 else None
        position = cell["position"] if 1 <= cell["position"] <= (size or MAX_KEY) else None
        key = cell["key"] if 1 <= cell["key"] <= MAX_KEY else None
        if key is None and (position is None or cell["key"] != -1):
            continue
        pool = text["pool"] if text["pool"] is not None and is_pool_name(text["pool"]) else None
        rows.append(
            Row(
                pool=pool,
                size=size,
                key=key,
                position=position,
                function=text["function"],
                model=text["model"],
                picks=int(alike),
            )
        )
    return sorted(rows, key=repr)


def grouped(rows: Iterable[Row], by: Callable[[Row], Name | None]) -> dict[Name, list[Row]]:
    """Return the rows by what `by` says of them, without those of which it says nothing."""
    groups: dict[Name, list[Row]] = defaultdict(list)
    for row in rows:
        name = by(row)
        if name is not None:
            groups[name].append(row)
    return groups


def most_picked(rows: Iterable[Row], by: Callable[[Row], Name]) -> Name:
    """Return what most picks of the rows say, of equals the first in order of text."""
    votes: Counter[Name] = Counter()
    for row in rows:
        votes[by(row)] += row.picks
    return min(votes, key=lambda name: (-votes[name], repr(name)))


def claims_of(rows: Iterable[Row]) -> list[Claim]:
    """Return for each key with a position the claim that most of its picks make, in order of keys."""
    placed = [row for row in rows if row.position is not None]
    return [
        Claim(
            key=key,
            position=most_picked(own, lambda row: row.position or 1),
            labels=labels_of(own),
            picks=sum(row.picks for row in own),
        )
        for key, own in sorted(grouped(placed, lambda row: row.key).items())
    ]


def labels_of(rows: Iterable[Row]) -> frozenset[str]:
    """Return the functions of the rows or, if no function is known, their models."""
    rows = list(rows)
    functions = frozenset(row.function for row in rows if row.function is not None)
    return functions or frozenset(row.model for row in rows if row.model is not None)
