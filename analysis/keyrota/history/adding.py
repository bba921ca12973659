"""Readings into a store: repeats told, names numbered, columns handed over as they are."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from keyrota.display import count
from keyrota.events import NO_TIME
from keyrota.history.accounts import AddedSource
from keyrota.history.database import one_row
from keyrota.history.labels import with_stored_keys
from keyrota.history.naming import kept_apart
from keyrota.history.places import is_filled_in, numbers
from keyrota.history.schema import NAMED
from keyrota.history.spans import Spans
from keyrota.history.times import iso
from keyrota.logs.duplicates import Marks, repeats
from keyrota.logs.event_tables import marks_of
from keyrota.logs.read import Reading, SourceInput
from keyrota.logs.rows import KIND_CODES, MISSING
from keyrota.pools.declared import UNDECLARED
from keyrota.pools.infer import INFERRED_SOURCE

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from keyrota.history.database import Connection

NUMBERS: Final = ("key", "position", "size", "status", "limit", "line")
"""Columns of whole numbers that go as they are."""

BATCH: Final = 61_440
"""Rows that are handed over at a time, half of DuckDB's row group: more leave holes in the file."""

_ORDER: Final = (
    "time_ns", "kind", "pool", "key", "position", "size", "function", "isolate", "model", "status", "cause",
    "limit", "retry_after_s", "duration_ms", "source", "line", "row_id", "content",
)  # fmt: skip


class Adder:
    """Adds readings to a store inside one transaction."""

    def __init__(self, connection: Connection, *, add_id: int) -> None:
        self._connection, self._add_id = connection, add_id
        self._names: dict[str, int] = {
            name: code for code, name in connection.execute("SELECT code, name FROM names").fetchall()
        }
        self._next_isolate = 1 + _highest(connection, "isolates", "code")
        self._next_source = 1 + _highest(connection, "sources", "id")
        self._declared = UNDECLARED
        self._rows: list[pa.Table] = []
        self._isolate_names: list[pa.Table] = []
        self.notes: list[str] = []
        sources = connection.execute("SELECT label, fingerprint, first_ns, last_ns FROM sources").fetchall()
        self._labels = {label for label, _, _, _ in sources}
        self._fingerprints = {fingerprint for _, fingerprint, _, _ in sources}
        self._spans = Spans()
        for _, _, first, last in sources:
            if first is not None:
                self._spans.add(first, last)

    def add(self, reading: Reading) -> list[AddedSource]:
        """Add what the store does not hold of a reading; return the account of each of its sources.

        The sources of one reading were held against each other when they were read, so that each is held
        against what the store held before.
        """
        marks = reading.marks if reading.marks is not None else marks_of(reading.events)  # of simulated ones
        events, marks = with_stored_keys(self._connection, reading, marks)
        before = self._next_source
        self._declared = UNDECLARED if reading.pools.source == INFERRED_SOURCE else reading.pools
        codes = np.asarray(events["source"].cat.codes, dtype=np.int64)
        names = list(events["source"].cat.categories)
        added = []
        for position, source in enumerate(reading.input.sources):
            found = reading.input.found if position == 0 else ()
            if len(reading.input.sources) == 1:
                own, own_marks = events, marks
            else:
                places = np.flatnonzero(codes == (names.index(source.name) if source.name in names else -2))
                own, own_marks = events.iloc[places], marks.take(places)
            added.append(self._add_source(own, own_marks, source, found, before=before))
        span = _span(marks)
        if span is not None:
            self._spans.add(*span)
        return added

    def _add_source(
        self, events: pd.DataFrame, marks: Marks, source: SourceInput, found: tuple[tuple[str, int], ...],
        *, before: int,
    ) -> AddedSource:  # fmt: skip
        span = _span(marks)
        fingerprint = _fingerprint(marks)
        # Rows without a time cannot be told apart, but a file that was added as a whole can.
        is_known = fingerprint in self._fingerprints and len(events) > 0
        is_new = ~self._repeats(marks, span, before) if not is_known else np.zeros(len(events), dtype=bool)
        kept = int(is_new.sum())
        label = source.name
        while label in self._labels:
            label += f" (add {self._add_id})"
        number, self._next_source = self._next_source, self._next_source + 1
        if kept:
            rows = events if kept == len(events) else events[is_new]
            self._insert(rows, marks if kept == len(events) else marks.take(is_new), number)
        repeated = source.duplicates + len(events) - kept
        account = replace(source, name=label, duplicates=repeated)
        self._connection.execute(
            "INSERT INTO sources VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                number, self._add_id, label, kept, repeated, *(span or (None, None)), fingerprint,
                msgspec.json.encode(account).decode(), json.dumps(found),
            ],
        )  # fmt: skip
        timeless = int(np.count_nonzero(is_new & (marks.time == NO_TIME)))
        if timeless:
            self.notes.append(
                f"{label}: {count(timeless, 'event')} without a time: where another export holds them too, "
                "they are there twice"
            )
        self._labels.add(label)
        self._fingerprints.add(fingerprint)
        first, last = span or (None, None)
        return AddedSource(
            name=label, format=source.format, first=iso(first), last=iso(last), lines=source.lines, rows=kept,
            duplicates=repeated,
        )  # fmt: skip

    def _repeats(self, marks: Marks, span: tuple[int, int] | None, before: int) -> NDArray[np.bool_]:
        """Return which rows the store has, each stretch of time that it covers judged by itself.

        An export that fills a gap overlaps at both ends: taken as one stretch most of it would be no repeat.
        """
        result = np.zeros(len(marks.time), dtype=bool)
        stretches = self._spans.inside(*span) if span is not None else []
        if not stretches:
            return result
        order = np.argsort(marks.time, kind="stable")
        times = marks.time[order]
        for first, last in stretches:
            places = np.sort(
                order[np.searchsorted(times, first) : np.searchsorted(times, last, side="right")]
            )
            if len(places):
                result[places] = repeats(marks.take(places), self._seen((first, last), before))
        return result

    def _seen(self, span: tuple[int, int], before: int) -> Marks:
        """Return the marks that the store holds in a span of time."""
        self.flush()
        found = self._connection.execute(
            "SELECT time_ns, kind, row_id, content FROM rows WHERE time_ns BETWEEN ? AND ? AND source < ?",
            [*span, before],
        ).fetchnumpy()
        kinds = np.zeros(1 + max(self._names.values(), default=0), dtype=np.int8)
        for kind, code in KIND_CODES.items():
            if kind in self._names:
                kinds[self._names[kind]] = code
        return Marks(
            time=np.asarray(found["time_ns"], dtype=np.int64), kind=kinds[np.asarray(found["kind"])],
            row_id=np.asarray(found["row_id"], dtype=np.uint64),
            content=np.asarray(found["content"], dtype=np.uint64),
        )  # fmt: skip

    def _insert(self, events: pd.DataFrame, marks: Marks, source: int) -> None:
        rows = len(events)
        columns: dict[str, Any] = {"time_ns": pa.array(marks.time, mask=marks.time == NO_TIME)}
        for name in NAMED:
            names = list(events[name].cat.categories)
            if name == "pool":
                names = kept_apart(names, self._declared, source)
            columns[name] = self._codes(events[name].cat, names)
        columns["isolate"] = self._isolates(events["isolate"].cat)
        for name in NUMBERS:
            columns[name] = pa.Array.from_pandas(events[name])
        is_open = is_filled_in(events, marks)
        if is_open.any():
            for name in ("position", "size"):
                values = numbers(events[name]).astype(np.int32)
                columns[name] = pa.array(values, mask=is_open | (values == MISSING))
        for name in ("retry_after_s", "duration_ms"):
            columns[name] = pa.array(events[name].to_numpy(), from_pandas=True)
        columns["source"] = np.full(rows, source, dtype=np.int32)
        columns["row_id"], columns["content"] = np.asarray(marks.row_id), np.asarray(marks.content)
        self._rows.append(pa.table({name: columns[name] for name in _ORDER}))
        if sum(table.num_rows for table in self._rows) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Hand over what waits."""
        for name, tables in (("rows", self._rows), ("isolates", self._isolate_names)):
            waiting = pa.concat_tables(tables) if tables else pa.table({})
            for start in range(0, waiting.num_rows, BATCH):
                # As a relation, not as a registered view: DuckDB holds on to those until the end.
                self._connection.from_arrow(waiting.slice(start, BATCH)).insert_into(name)
            tables.clear()

    def _codes(self, column: Any, names: list[str]) -> pa.Array:
        """Return a column of names as codes, those that are new put into the store."""
        codes = np.asarray(column.codes)
        is_used = np.zeros(len(column.categories), dtype=bool)
        is_used[codes[codes >= 0]] = True
        lookup = np.zeros(len(column.categories) + 1, dtype=np.int32)
        for place in np.flatnonzero(is_used).tolist():
            name = str(names[place])
            if name not in self._names:
                self._names[name] = len(self._names)
                self._connection.execute("INSERT INTO names VALUES (?, ?)", [self._names[name], name])
            lookup[place] = self._names[name]
        return pa.array(lookup[codes], mask=codes < 0)

    def _isolates(self, column: Any) -> pa.Array:
        """Return isolates by numbers that nobody else has, in order of appearance."""
        codes = np.asarray(column.codes)
        used = _in_order_of_appearance(codes[codes >= 0])
        lookup = np.zeros(len(column.categories) + 1, dtype=np.int64)
        lookup[used] = np.arange(self._next_isolate, self._next_isolate + len(used))
        if len(used):
            names = pa.array(column.categories.take(used), type=pa.string())
            self._isolate_names.append(pa.table({"code": lookup[used], "name": names}))
            self._next_isolate += len(used)
        return pa.array(lookup[codes], mask=codes < 0)


def _in_order_of_appearance(codes: NDArray[Any]) -> NDArray[Any]:
    import pandas as pd

    return np.asarray(pd.unique(codes))


def _highest(connection: Connection, table: str, column: str) -> int:
    return int(one_row(connection, f"SELECT coalesce(max({column}), 0) FROM {table}")[0])


def _span(marks: Marks) -> tuple[int, int] | None:
    times = marks.time[marks.time != NO_TIME]
    return (int(times.min()), int(times.max())) if len(times) else None


def _fingerprint(marks: Marks) -> str:
    digest = blake2b(digest_size=16)
    for column in (marks.time, marks.kind, marks.row_id, marks.content):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()
