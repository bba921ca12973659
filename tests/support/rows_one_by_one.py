"""What follows from the rows of a log, told row by row in plain Python: the oracle of the columns.

Used by tests/property/test_columns.py and by the unit tests of the reader, which load it by its path.

These are the rules as the reader had them when every event was an object. They are slow and short: what
each says can be checked by reading it. A row is an `EventRow`; what is put in its place is a new one.
"""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, replace
from itertools import islice, pairwise

import numpy as np
import pandas as pd

from keyrota.display import redact
from keyrota.events import CAUSES, check_events, make_events
from keyrota.logs.gemini import parse_quota_error
from keyrota.logs.rows import MISSING, NAME_COLUMNS, NO_TIME, ROW_KINDS, EventRow, Rows
from keyrota.pools.infer import infer_pools


@dataclass
class PlainRow:
    """A row; `carried` is the pool that its line names, `pool` the one that it belongs to."""

    kind: str
    line: int = 1
    time_ns: int | None = None
    key: int | None = None
    position: int | None = None
    size: int | None = None
    carried: str | None = None
    function: str | None = None
    function_id: str | None = None
    isolate: str | None = None
    model: str | None = None
    status: int | None = None
    cause: str | None = None
    limit: int | None = None
    retry_after_s: float | None = None
    duration_ms: float | None = None
    row_id: object = None
    text: str | None = None
    pool: str | None = None


def as_columns(rows):
    """Plain rows as columns; their ids must be texts."""
    told = []
    for row in rows:
        fields = {name: getattr(row, name) for name in EventRow._fields if name not in ("pool", "key_label")}
        told.append(EventRow(**fields, pool=row.carried))
    return Rows.of(told)


def as_plain(rows):
    """Columns as plain rows; an id is known by its hash alone."""
    names = [*rows.names, None]
    fillers = {"time": NO_TIME, "line": None, "row_id": 0}
    columns = {}
    for name in Rows.__dataclass_fields__:
        if name in ("names", "texts"):
            continue
        values = getattr(rows, name).tolist()
        if name in NAME_COLUMNS:
            columns[name] = [names[code] for code in values]
        elif name in ("retry_after_s", "duration_ms"):
            columns[name] = [None if value != value else value for value in values]
        else:
            filler = fillers.get(name, MISSING)
            columns[name] = [None if value == filler else value for value in values]
    columns["kind"] = [ROW_KINDS[code] for code in columns["kind"]]
    columns["cause"] = [None if code is None else CAUSES[code] for code in columns["cause"]]
    columns["time_ns"], columns["carried"] = columns.pop("time"), columns.pop("pool")
    columns["text"] = [rows.texts.get(place) for place in range(len(rows))]
    return [PlainRow(*[columns[name][place] for name in list(PlainRow.__dataclass_fields__)[:-1]])
            for place in range(len(rows))]  # fmt: skip


# The sequence of one source.


def in_time_order(rows):
    rows = list(rows)
    times = [row.time_ns for row in rows if row.time_ns is not None]
    backward = sum(a > b for a, b in pairwise(times))
    forward = sum(a < b for a, b in pairwise(times))
    if backward > forward:
        rows.reverse()
    if backward and forward:
        last = next(row.time_ns for row in rows if row.time_ns is not None)
        keyed = []
        for row in rows:
            last = row.time_ns if row.time_ns is not None else last
            keyed.append((last, row))
        keyed.sort(key=lambda pair: pair[0])
        rows = [row for _, row in keyed]
    return rows


def with_functions_in_flight(rows, config):
    served = deque(maxlen=8)
    result = []
    for row in rows:
        function = row.function
        if row.kind == "invocation" and row.status is None and row.function is not None:
            served.append(row.function)
        elif served and row.function is None and row.function_id is None:
            pool = config.of_key(row.key) if row.key is not None else None
            declared = pool.functions if pool is not None else ()
            function = next((name for name in reversed(served) if name in declared), served[-1])
        result.append(replace(row, function=function))
    return result


def with_bodies(rows):
    """The rows without fragments, and how many of these belong to no rejection."""
    rows = [replace(row) for row in rows]
    bodies = {id(row): [row.text] for row in rows if row.kind == "rejection" and row.text is not None}
    of_moment = {
        (row.isolate, row.time_ns): row
        for row in reversed(rows)
        if row.kind == "rejection" and row.time_ns is not None
    }
    last = {}
    orphans = 0
    for row in rows:
        if row.kind == "rejection":
            last[row.isolate] = row
        elif row.kind == "fragment":
            rejection = last.get(row.isolate)
            if rejection is None or rejection.time_ns != row.time_ns:
                rejection = of_moment.get((row.isolate, row.time_ns)) or rejection
            if rejection is None or id(rejection) not in bodies or not belongs(row, rejection):
                orphans += 1
            else:
                bodies[id(rejection)].append(row.text)
    for row in rows:
        if len(bodies.get(id(row), ())) > 1:
            for name, value in parse_quota_error("\n".join(bodies[id(row)]))._asdict().items():
                setattr(row, name, value)
        row.text = None
    return [row for row in rows if row.kind != "fragment"], orphans


def belongs(fragment, rejection):
    if fragment.time_ns is not None and rejection.time_ns is not None:
        return 0 <= fragment.time_ns - rejection.time_ns <= 2_000_000_000
    return abs(fragment.line - rejection.line) <= 200


# Repeats in overlapping sources.


class Duplicates:
    def __init__(self):
        self.ids = set()
        self.seen = Counter()
        self.seen_without_id = Counter()

    def drop_from(self, rows):
        fresh = []
        for row in rows:
            if row.row_id is not None and row.time_ns is not None:
                identity = (row.row_id, content(row))
                if identity in self.ids:
                    continue
                self.ids.add(identity)
            fresh.append(row)
        repeats = self.repeats(fresh)
        fresh = [row for index, row in enumerate(fresh) if index not in repeats]
        timed = [row for row in fresh if row.time_ns is not None]
        self.seen.update(content(row) for row in timed)
        self.seen_without_id.update(content(row) for row in timed if row.row_id is None)
        return fresh

    def repeats(self, rows):
        here = Counter()
        known = defaultdict(list)
        repeats = set()
        for index, row in enumerate(rows):
            if row.time_ns is None:
                continue
            said = content(row)
            before = (self.seen if row.row_id is None else self.seen_without_id)[said]
            if before:
                known[row.kind].append(row.time_ns)
            here[said] += 1
            if here[said] <= before:
                repeats.add(index)
        overlapping = {kind for kind, times in known.items() if overlaps(rows, kind, times)}
        return {index for index in repeats if rows[index].kind in overlapping}


def overlaps(rows, kind, known):
    stretch = sum(
        row.kind == kind and row.time_ns is not None and min(known) <= row.time_ns <= max(known)
        for row in rows
    )
    return len(known) >= 0.5 * stretch


def content(row):
    return (row.time_ns, row.kind, row.key, row.position, row.size, row.status)


# Functions and pools that rows do not name; rows are changed in place.


def name_functions(rows):
    of_isolate = functions_by_isolate(rows)
    slug_of_id = {
        row.function_id: slug
        for row in rows
        if row.function_id and (slug := row.function or of_isolate.get(row.isolate))
    }
    for row in rows:
        row.function = row.function or slug_of_id.get(row.function_id) or row.function_id
    of_isolate = functions_by_isolate(rows)
    for row in rows:
        if row.function is None and row.isolate is not None:
            row.function = of_isolate.get(row.isolate)


def functions_by_isolate(rows):
    return {row.isolate: row.function for row in rows if row.isolate and row.function}


def name_pools(rows, config):
    names = {pool.name.casefold(): pool for pool in config}
    for index, row in enumerate(rows):
        if row.kind == "pick":
            row.pool = pool_of_pick(row, islice(rows, index + 1, index + 5), config, names)
            row.key = key_by_position(row, names)
    picked = defaultdict(set)
    for row in rows:
        if row.kind == "pick" and row.pool is not None:
            picked[row.isolate].add(row.pool)
            picked[row.function].add(row.pool)
    picked[None] = set()
    for row in rows:
        if row.kind == "pick" and row.pool is None:
            row.pool = only(picked[row.isolate]) or only(picked[row.function])
    recent = deque()
    for row in rows:
        if row.kind == "pick":
            recent.append(row)
            continue
        row.pool = pool_of_other(row, picked, config, names)
        is_call = row.kind in ("rejection", "retry", "warning")
        if row.pool is None and is_call and row.isolate is None and row.function is None:
            while recent and not is_recent(recent[0], row):
                recent.popleft()
            row.pool = only({pick.pool for pick in recent})


def only(pools):
    return next(iter(pools)) if len(pools) == 1 else None


def is_recent(pick, row):
    if pick.time_ns is not None and row.time_ns is not None:
        return row.time_ns - pick.time_ns <= 60_000_000_000
    return abs(row.line - pick.line) <= 50


def declared_name(carried, names):
    if carried is None:
        return None
    pool = names.get(carried.casefold())
    return pool.name if pool else carried


def pool_of_pick(row, following, config, names):
    declared = config.of_key(row.key) if row.key is not None else None
    if declared is not None:
        return declared.name
    if row.carried is not None:
        return declared_name(row.carried, names)
    for other in following:
        if other.kind == "pick":
            break
        if other.kind == "pool" and other.isolate == row.isolate and other.time_ns == row.time_ns:
            return declared_name(other.carried, names)
    by_function = config.of_function(row.function) if row.function else None
    return by_function.name if by_function else None


def key_by_position(row, names):
    if row.key is not None or row.pool is None or row.position is None:
        return row.key
    pool = names.get(row.pool.casefold())
    return pool.key_at(row.position) if pool and pool.size == row.size else None


def pool_of_other(row, picked, config, names):
    if row.carried is not None:
        return declared_name(row.carried, names)
    declared = config.of_function(row.function) if row.function else None
    if declared is not None:
        return declared.name
    for place in (row.isolate, row.function):
        pools = picked.get(place, set())
        if len(pools) == 1:
            return next(iter(pools))
    if row.model is not None:
        of_model = [pool.name for pool in config if pool.model == row.model]
        if len(of_model) == 1:
            return of_model[0]
    return None


def name_undeclared(picks, inferred, *, with_keys=False):
    names = {pool.name.casefold(): pool for pool in inferred}
    for row in picks:
        pool = inferred.of_key(row.key) if row.key is not None else None
        if pool is None and row.key is None:
            carried = row.pool or row.carried
            pool = names.get(carried.casefold()) if carried else None
            pool = pool or next((p for p in inferred if p.size == row.size), None)
            if pool is not None and with_keys and row.position is not None:
                row.key = pool.key_at(row.position)
        row.pool = pool.name if pool is not None else row.pool


def complete_positions(rows, config):
    lacking = [row for row in rows if row.kind == "pick" and row.position is None and row.key is not None]
    seen = defaultdict(set)
    for row in lacking:
        seen[row.pool].add(row.key)
    orders = {name: sorted(keys) for name, keys in seen.items()}
    for pool in config:
        if seen.get(pool.name, set()) <= set(pool.keys) and pool.name in orders:
            orders[pool.name] = list(pool.keys)
    for row in lacking:
        order = orders[row.pool]
        row.position, row.size = order.index(row.key) + 1, len(order)


# The event table.


def assembled(sources, config):
    """The event table and the pools of (name, rows) of each source; the rows are left as they are."""
    sources = [(name, [replace(row) for row in rows]) for name, rows in sources]
    every = [row for _, rows in sources for row in rows]
    name_functions(every)
    for _, rows in sources:
        name_pools(rows, config)
    complete_positions(every, config)
    is_declared = bool(config.pools)
    nameless = [
        (name, [row for row in rows if row.kind == "pick" and (row.pool is None or not is_declared)])
        for name, rows in sources
    ]
    if any(rows for _, rows in nameless):
        inferred = infer_pools(table(nameless))
        for _, rows in nameless:
            name_undeclared(rows, inferred, with_keys=not is_declared)
        if not is_declared:
            for _, rows in sources:
                name_pools(rows, inferred)
            config = inferred
    return table(sources), config


def table(sources):
    flat = [row for _, rows in sources for row in rows]
    columns = {
        name: [getattr(row, name) for row in flat]
        for name in ("kind", "key", "position", "size", "status", "cause", "limit", "retry_after_s",
                     "duration_ms", "line")
    }  # fmt: skip
    columns["time"] = [row.time_ns for row in flat]
    columns["source"] = [name for name, rows in sources for _ in rows]
    for name in ("pool", "function", "isolate", "model"):
        columns[name] = [value and redact(value) for value in (getattr(row, name) for row in flat)]
    return make_events(columns)


def together(frames):
    """Event tables as one, and which rows are repeats: as many as an earlier table held of equal ones."""
    order = pd.concat(
        [
            frame.groupby(list(frame.columns), observed=True, dropna=False, sort=False).cumcount()
            for frame in frames
        ],
        ignore_index=True,
    )
    whole = pd.concat(
        [
            frame.astype({name: object for name in frame.columns if frame[name].dtype == "category"})
            for frame in frames
        ],
        ignore_index=True,
    )
    repeated = whole.assign(order=order).duplicated()
    return check_events(whole[~repeated]), repeated.tolist()


def same_tables(a, b):
    """Whether two event tables are equal in every cell, dtype and category."""
    if list(a.columns) != list(b.columns) or len(a) != len(b) or not a.index.equals(b.index):
        return False
    for name in a.columns:
        if a[name].dtype != b[name].dtype or not a[name].equals(b[name]):
            return False
        if a[name].dtype == "category":
            ours, theirs = a[name].cat, b[name].cat
            if (
                not ours.categories.equals(theirs.categories)
                or ours.categories.dtype != theirs.categories.dtype
            ):
                return False
            if not np.array_equal(ours.codes, theirs.codes):
                return False
    return True
