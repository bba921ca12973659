"""Records of one source to rows of events: parsed, put in time order, error bodies put together.

Rows are plain objects here; they become columns once all sources are read. No raw text stays: a
rejection keeps its words only until the lines of its body have been found.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from keyrota.logs.gemini import parse_quota_error
from keyrota.logs.record import BadRow, Record
from keyrota.logs.rules import Malformed, Parsed, RuleTable
from keyrota.logs.times import time_ns
from keyrota.pools.declared import PoolConfig

BODY_SPAN_NS: Final = 2_000_000_000
"""How long after a rejection a line of its body may come, in nanoseconds."""

BODY_LINES: Final = 200
"""How many lines after a rejection a line of its body may come."""

FIRST_PLACES: Final = 5
"""How many places of malformed rows are kept."""


@dataclass(slots=True)
class EventRow:
    """One event on its way into the table: the table's columns, and what is needed to get there."""

    parsed: Parsed
    line: int
    time_ns: int | None = None
    isolate: str | None = None
    function: str | None = None
    function_id: str | None = None
    row_id: str | None = None
    cause: str | None = None
    pool: str | None = None
    key: int | None = None
    body: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The kind of the event."""
        return self.parsed.kind


@dataclass(slots=True)
class Collected:
    """The rows of one source, and the account of its lines: lines = used + ignored + malformed."""

    rows: list[EventRow] = field(default_factory=list)
    lines: int = 0
    used: int = 0
    malformed: int = 0
    first_malformed: list[tuple[int, str]] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    structured_rows: int = 0

    @property
    def ignored(self) -> int:
        """Lines that say nothing about keys."""
        return self.lines - self.used - self.malformed


def collect(
    records: Iterable[Record | BadRow], rules: RuleTable, config: PoolConfig, key_labels: dict[str, int]
) -> Collected:
    """Parse the records of one source.

    Parameters
    ----------
    records
        The rows, in file order.
    rules
        The grammar, the user's own rules first.
    config
        The declared pools, to tell which of several functions in flight a pick belongs to.
    key_labels
        Numbers for keys that a log tells by a masked id, in order of appearance; added to.
    """
    result = Collected()
    served: deque[str] = deque(maxlen=8)
    for record in records:
        result.lines += 1
        if isinstance(record, BadRow):
            _malformed(result, record.line, record.reason)
            continue
        parsed = rules.parse(record.message) or _from_container(record)
        if parsed is None and record.raw is not None:
            parsed = rules.parse(record.raw)
        if parsed is None:
            continue
        if isinstance(parsed, Malformed):
            _malformed(result, record.line, parsed.reason)
            continue
        result.used += 1
        if parsed.key_label is not None:
            parsed = parsed._replace(key=key_labels.setdefault(parsed.key_label, len(key_labels) + 1))
        if parsed.time is not None:
            record.time_ns = time_ns(parsed.time)
        result.rows.append(_row(parsed, record, served, config))
    _in_time_order(result.rows)
    result.used -= _join_bodies(result.rows)
    result.rows = [row for row in result.rows if row.kind != "fragment"]
    result.found.update(row.kind for row in result.rows)
    return result


def _malformed(result: Collected, line: int, reason: str) -> None:
    result.malformed += 1
    if len(result.first_malformed) < FIRST_PLACES:
        result.first_malformed.append((line, reason))


def _from_container(record: Record) -> Parsed | None:
    """An invocation whose message says nothing is told by its status."""
    if record.status is not None and (record.function or record.function_id):
        return Parsed("invocation", status=record.status)
    return None


def _row(parsed: Parsed, record: Record, served: deque[str], config: PoolConfig) -> EventRow:
    row = EventRow(
        parsed,
        record.line,
        time_ns=record.time_ns,
        isolate=record.isolate or parsed.isolate,
        function=record.function or parsed.function,
        function_id=record.function_id,
        row_id=record.row_id,
        cause=parsed.cause,
        key=parsed.key,
    )
    if parsed.kind == "shutdown":
        row.cause = _SHUTDOWN_REASONS.get(record.reason or "")
    elif parsed.kind == "boot" and parsed.duration_ms is None:
        row.parsed = parsed._replace(duration_ms=record.boot_ms)
    elif parsed.kind == "invocation":
        row.parsed = parsed._replace(
            status=record.status or parsed.status, duration_ms=record.duration_ms or parsed.duration_ms
        )
        if row.parsed.status is None and row.function is not None:
            served.append(row.function)
    elif parsed.kind in ("rejection", "fragment"):
        row.body.append(record.message[:2000])
    if row.function is None and row.function_id is None and served:
        row.function = _function_in_flight(row, served, config)
    return row


_SHUTDOWN_REASONS: Final = {
    name: name
    for name in (
        "EventLoopCompleted",
        "EarlyDrop",
        "WallClockTime",
        "CPUTime",
        "Memory",
        "TerminationRequested",
    )
}


def _function_in_flight(row: EventRow, served: deque[str], config: PoolConfig) -> str:
    """Local logs name the function only when a request arrives, and several may be in flight.

    A pick belongs to the last of them that is declared to pick from the key's pool; if none is, to
    the last one.
    """
    pool = config.of_key(row.key) if row.key is not None else None
    for function in reversed(served):
        if pool is not None and function in pool.functions:
            return function
    return served[-1]


def _in_time_order(rows: list[EventRow]) -> None:
    """Turn an export around that lists the newest first; order within equal times is the file's.

    Rows without a time keep their place behind the row before them.
    """
    times = [row.time_ns for row in rows if row.time_ns is not None]
    backward = sum(a > b for a, b in pairwise(times))
    forward = sum(a < b for a, b in pairwise(times))
    if backward > forward:
        rows.reverse()
    if backward and forward:
        last = next((row.time_ns for row in rows if row.time_ns is not None), 0) or 0
        keyed: list[tuple[int, EventRow]] = []
        for row in rows:
            last = row.time_ns if row.time_ns is not None else last
            keyed.append((last, row))
        keyed.sort(key=lambda pair: pair[0])
        rows[:] = [row for _, row in keyed]


def _join_bodies(rows: list[EventRow]) -> int:
    """Give each line of an error's body to its rejection and read the body again.

    Returns the number of lines that belong to no rejection. Rows of one millisecond may be scrambled,
    so that a line of the body can stand before its rejection.
    """
    open_rejections: dict[str | None, tuple[int, EventRow]] = {}
    waiting: list[tuple[int, EventRow]] = []
    joined: dict[int, EventRow] = {}
    orphans = 0
    for index, row in enumerate(rows):
        if row.kind == "rejection":
            open_rejections[row.isolate] = (index, row)
            for _, fragment in [
                w for w in waiting if w[1].isolate == row.isolate and w[1].time_ns == row.time_ns
            ]:
                row.body += fragment.body
                joined[index] = row
                orphans -= 1
            waiting = [
                w for w in waiting if not (w[1].isolate == row.isolate and w[1].time_ns == row.time_ns)
            ]
        elif row.kind == "fragment":
            at, rejection = open_rejections.get(row.isolate, (None, None))
            if rejection is not None and at is not None and _belongs(row, rejection):
                rejection.body += row.body
                joined[at] = rejection
            else:
                orphans += 1
                waiting = [*waiting[-BODY_LINES:], (index, row)] if row.time_ns is not None else waiting
    for rejection in joined.values():
        error = parse_quota_error("\n".join(rejection.body))
        rejection.parsed = rejection.parsed._replace(**error._asdict())
        rejection.cause = error.cause
    for row in rows:
        row.body = []
    return orphans


def _belongs(fragment: EventRow, rejection: EventRow) -> bool:
    if fragment.time_ns is not None and rejection.time_ns is not None:
        return 0 <= fragment.time_ns - rejection.time_ns <= BODY_SPAN_NS
    return abs(fragment.line - rejection.line) <= BODY_LINES
