"""What the rows of a source say only in their sequence: time order, functions in flight, bodies in pieces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from keyrota.logs.columns import is_constant
from keyrota.logs.gemini import parse_quota_errors
from keyrota.logs.rows import CAUSE_CODES, KIND_CODES, MISSING, NO_TIME, Rows
from keyrota.pools.declared import PoolConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

BODY_SPAN_NS: Final = 2_000_000_000
"""How long after a rejection a line of its body may come, in nanoseconds."""

BODY_LINES: Final = 200
"""How many lines after a rejection a line of its body may come."""

FUNCTIONS_IN_FLIGHT: Final = 8
"""How many requests of a local log are taken to be in flight."""

_FRAGMENT: Final = KIND_CODES["fragment"]
_INVOCATION: Final = KIND_CODES["invocation"]
_REJECTION: Final = KIND_CODES["rejection"]


def in_time_order(rows: Rows) -> Rows:
    """Turn an export around that lists the newest first; order within equal times is the file's.

    Rows without a time keep their place behind the row before them.
    """
    if is_constant(rows.time):
        return rows
    is_known = rows.time != NO_TIME
    times = rows.time if is_known.all() else rows.time[is_known]
    backward = int(np.count_nonzero(times[1:] < times[:-1]))
    if not backward:
        return rows
    forward = int(np.count_nonzero(times[1:] > times[:-1]))
    order = np.arange(len(rows))
    if backward > forward:
        order = order[::-1]
    if forward:
        filled = rows.time[order]
        if len(times) < len(rows):
            known = np.flatnonzero(filled != NO_TIME)
            # Before the first known time, that one.
            behind = np.searchsorted(known, np.arange(len(rows)), side="right") - 1
            filled = filled[known[np.maximum(behind, 0)]]
        order = order[np.argsort(filled, kind="stable")]
    return rows.take(order)


def with_functions_in_flight(rows: Rows, config: PoolConfig) -> Rows:
    """Name the function of rows of local logs, which tell it only when a request arrives.

    Several may be in flight. A pick belongs to the last of them that is declared to pick from the
    key's pool; if none is, to the last one.
    """
    served = np.flatnonzero(
        (rows.kind == _INVOCATION) & (rows.status == MISSING) & (rows.function != MISSING)
    )
    if not len(served):
        return rows
    nameless = np.flatnonzero((rows.function == MISSING) & (rows.function_id == MISSING))
    nameless = nameless[nameless > served[0]]
    last = np.searchsorted(served, nameless) - 1
    served_functions = rows.function[served]
    names, short = np.unique(served_functions, return_inverse=True)
    found = served_functions[last]
    is_declared = np.zeros((len(config.pools) + 1, len(names)), dtype=bool)
    for place, pool in enumerate(config.pools):
        is_declared[place] = [rows.names[code] in pool.functions for code in names.tolist()]
    pools = pools_of_keys(config, rows.key[nameless])  # the last line of the table declares nothing
    tells: NDArray[np.bool_] = np.any(is_declared, axis=1)
    open_rows = np.flatnonzero(tells[pools])
    for back in range(FUNCTIONS_IN_FLIGHT):
        place = last[open_rows] - back
        open_rows, place = open_rows[place >= 0], place[place >= 0]
        fits = is_declared[pools[open_rows], short[place]]
        found[open_rows[fits]] = served_functions[place[fits]]
        open_rows = open_rows[~fits]
    function = rows.function.copy()
    function[nameless] = found
    return replace(rows, function=function)


def pools_of_keys(config: PoolConfig, keys: NDArray[Any]) -> NDArray[np.int32]:
    """Return for each key the index of the pool that declares it, `MISSING` if none does."""
    highest = max((key for pool in config for key in pool.keys), default=0)
    # One place more on either side: a key beyond the highest, and a missing one, are in no pool.
    pool_of = np.full(highest + 3, MISSING, dtype=np.int32)
    for place, pool in enumerate(config.pools):
        pool_of[np.array(pool.keys) + 1] = place
    found: NDArray[np.int32] = pool_of[np.clip(keys, -1, highest + 1) + 1]
    return found


def with_bodies(rows: Rows) -> tuple[Rows, int]:
    """Give each line of an error's body to its rejection and read the body again.

    Returns the rows without the lines of bodies, and the number of such lines that belong to no
    rejection. Rows of one millisecond may be scrambled, so that a line of the body can stand before its
    rejection.
    """
    is_fragment = rows.kind == _FRAGMENT
    if not is_fragment.any():
        return replace(rows, texts={}), 0
    orphans, bodies = _bodies(rows)
    changed = sorted(bodies)
    if changed:
        texts = ("\n".join([rows.texts[place], *bodies[place]]) for place in changed)
        errors = list(parse_quota_errors(texts))
        index: dict[str | None, int] = {name: code for code, name in enumerate(rows.names)}
        index[None] = MISSING
        models = [index.setdefault(error.model, len(index) - 1) for error in errors]
        rows = replace(
            rows,
            names=[name for name in index if name is not None],
            cause=_put(rows.cause, changed, [CAUSE_CODES[error.cause] for error in errors]),
            limit=_put(rows.limit, changed, [MISSING if e.limit is None else e.limit for e in errors]),
            model=_put(rows.model, changed, models),
            retry_after_s=_put(
                rows.retry_after_s,
                changed,
                [np.nan if e.retry_after_s is None else e.retry_after_s for e in errors],
            ),
        )
    return replace(rows, texts={}).take(~is_fragment), orphans


def _put(column: NDArray[Any], places: list[int], values: list[Any]) -> NDArray[Any]:
    column = column.copy()
    column[places] = values
    return column


def _bodies(rows: Rows) -> tuple[int, dict[int, list[str]]]:
    """Return how many fragments belong to no rejection, and those of each rejection that takes some."""
    places = np.flatnonzero((rows.kind == _REJECTION) | (rows.kind == _FRAGMENT))
    kinds = rows.kind[places].tolist()
    times, isolates, lines = (column[places].tolist() for column in (rows.time, rows.isolate, rows.line))
    told = list(zip(places.tolist(), kinds, isolates, times, lines, strict=True))
    of_moment = {
        (isolate, time): (place, time, line)
        for place, kind, isolate, time, line in reversed(told)
        if kind == _REJECTION and time != NO_TIME
    }
    last: dict[int, tuple[int, int, int]] = {}
    bodies: dict[int, list[str]] = {}
    orphans = 0
    for place, kind, isolate, time, line in told:
        if kind == _REJECTION:
            last[isolate] = (place, time, line)
            continue
        rejection = last.get(isolate)
        if rejection is None or rejection[1] != time:
            rejection = of_moment.get((isolate, time)) or rejection
        if rejection is None or rejection[0] not in rows.texts or not _belongs(time, line, *rejection[1:]):
            orphans += 1
        else:
            bodies.setdefault(rejection[0], []).append(rows.texts[place])
    return orphans, bodies


def _belongs(time: int, line: int, rejection_time: int, rejection_line: int) -> bool:
    if NO_TIME not in (time, rejection_time):
        return 0 <= time - rejection_time <= BODY_SPAN_NS
    return abs(line - rejection_line) <= BODY_LINES
