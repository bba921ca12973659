"""Functions, pools and places that rows do not name themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import rows_one_by_one as plain
from keyrota.logs import enrich
from keyrota.logs.declared_names import DeclaredNames, with_names_of
from keyrota.logs.recent_picks import RECENT_LINES, RECENT_NS
from keyrota.logs.rows import EventRow, Rows
from keyrota.pools.declared import PoolConfig
from keyrota.pools.load import load_pools, parse_pools

NS = 1_762_917_393_000_000_000
POOLS = load_pools()


def row(kind: str = "pick", line: int = 1, **fields: Any) -> EventRow:
    return EventRow(kind, line, **fields)


def name_functions(rows: list[EventRow]) -> list[Any]:
    return plain.as_plain(enrich.name_functions(Rows.of(rows)))


def name_pools(rows: list[EventRow], config: PoolConfig, *, complete: bool = False) -> list[Any]:
    """Rows of one source with their pools and keys, and with places if wanted."""
    columns = with_names_of(Rows.of(rows), config)
    pool, key = enrich.name_pools(columns, DeclaredNames(config, columns))
    columns = replace(columns, key=key)
    if complete:
        columns = enrich.complete_positions(columns, pool, config)
    result = plain.as_plain(columns)
    for named, code in zip(result, pool.tolist(), strict=True):
        named.pool = columns.names[code] if code >= 0 else None
    return result


def test_functions_by_id_by_isolate_and_by_both() -> None:
    """An invocation row names the function of its id; through its isolate, that of other rows' ids."""
    rows = [
        row(function_id="f-1", isolate="i-1"),
        row("invocation", function="chat", isolate="i-1"),
        row(function_id="f-1", isolate="i-2"),
        row(isolate="i-2"),
        row(function_id="f-9"),
        row(isolate="i-9"),
    ]
    rows = name_functions(rows)
    assert [r.function for r in rows] == ["chat", "chat", "chat", "chat", "f-9", None]


def test_pool_of_a_pick() -> None:
    """By its key, by the name it carries, by the line after it, by its function."""
    rows = [
        row(key=3),
        row(key=99, time_ns=NS),
        row("pool", pool="image", time_ns=NS),
        row(position=2, size=2, pool="chat"),
        row(key=98, function="generate-image"),
        row(key=97),
        row(key=96, pool="OTHER"),
    ]
    rows = name_pools(rows, POOLS)
    assert [r.pool for r in rows] == ["ARTIFACT", "IMAGE", "IMAGE", "CHAT", "IMAGE", None, "OTHER"]
    assert rows[3].key == 2


def test_pool_of_another_row() -> None:
    """By its function, by what its isolate or its function picks from, by its model."""
    rows = [
        row(key=1, isolate="i-1", function="f-1"),
        row(key=7, isolate="i-2", function="f-2"),
        row(key=3, isolate="i-2", function="f-3"),
        row("rejection", isolate="i-1"),
        row("rejection", isolate="i-2"),
        row("rejection", isolate="i-2", function="f-2"),
        row("rejection", function="generate-artifact"),
        row("rejection", isolate="i-3", model="gemini-2.5-pro"),
        row("retry", isolate="i-3"),
    ]
    rows = name_pools(rows, POOLS)
    assert [r.pool for r in rows[3:]] == ["CHAT", None, "IMAGE", "ARTIFACT", "ARTIFACT", None]


def test_pool_of_a_429_in_a_text_without_names() -> None:
    """The pool of the picks in the minute before, or in the fifty lines, if they are of one."""
    timed = [
        row(key=1, time_ns=NS),
        row("rejection", time_ns=NS + RECENT_NS),
        row("retry", time_ns=NS + RECENT_NS + 1),
    ]
    timed = name_pools(timed, POOLS)
    assert [r.pool for r in timed] == ["CHAT", "CHAT", None]
    lines = [
        row(key=1, line=1),
        row("rejection", line=1 + RECENT_LINES),
        row("warning", line=2 + RECENT_LINES),
    ]
    lines = name_pools(lines, POOLS)
    assert [r.pool for r in lines] == ["CHAT", "CHAT", None]


def test_picks_of_two_pools_tell_nothing() -> None:
    """Until those of one are a minute old; nor does a pick of an unknown pool."""
    rows = [
        row(key=1, time_ns=NS),
        row(key=7, time_ns=NS + RECENT_NS // 2),
        row("rejection", time_ns=NS + RECENT_NS),
        row("rejection", time_ns=NS + RECENT_NS + 1),
        row(key=99, time_ns=NS + RECENT_NS + 2),
        row("rejection", time_ns=NS + RECENT_NS + 3),
        row("boot", time_ns=NS + RECENT_NS + 3),
    ]
    rows = name_pools(rows, POOLS)
    assert [r.pool for r in rows if r.kind != "pick"] == [None, "IMAGE", None, None]


def test_rows_that_name_an_isolate_do_not_guess() -> None:
    """There the isolate would tell."""
    rows = [row(key=1, isolate="i-1", time_ns=NS), row("rejection", isolate="i-2", time_ns=NS)]
    rows = name_pools(rows, POOLS)
    assert rows[1].pool is None


def test_places_of_keys_that_come_without() -> None:
    """In the declared order, else in the order of the keys seen."""
    rows = [row(key=key) for key in (6, 4, 20, 30)]
    rows = name_pools(rows, POOLS, complete=True)
    assert [(r.position, r.size) for r in rows] == [(4, 4), (2, 4), (1, 2), (2, 2)]
    own = parse_pools('[[pool]]\nname = "A"\nkeys = [6, 4]')
    rows = [row(key=4), row(key=6), row(key=6, position=1, size=2)]
    rows = name_pools(rows, own, complete=True)
    assert [r.position for r in rows] == [2, 1, 1]
