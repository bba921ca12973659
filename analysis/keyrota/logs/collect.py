"""Records of one source to rows of events: parsed, put in time order, error bodies put together.

Rows are plain objects here; they become columns once all sources are read. No raw text stays: a
rejection keeps its words only until the lines of its body have been found.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
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

FUNCTIONS_IN_FLIGHT: Final = 8
"""How many requests of a local log are taken to be in flight."""

FIRST_PLACES: Final = 5
"""How many places of malformed rows are kept."""

MESSAGES_REMEMBERED: Final = 4096
"""How many messages are remembered with what they say, while one source is read: a log repeats itself."""

REMEMBERED_LENGTH: Final = 200
"""Characters up to which a message is remembered."""


@dataclass(slots=True)
class EventRow:
    """One event on its way into the table: the table's columns, and what is needed to get there."""

    kind: str
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
    body: list[str] | None = None


@dataclass(slots=True)
class Collected:
    """The rows of one source, and the account of its lines: lines = used + ignored + malformed."""

    rows: list[EventRow] = field(default_factory=list)
    lines: int = 0
    used: int = 0
    malformed: int = 0
    first_malformed: list[tuple[int, str]] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)

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
    remembered = lru_cache(maxsize=MESSAGES_REMEMBERED)(rules.parse)
    for record in records:
        result.lines += 1
        if isinstance(record, BadRow):
            _malformed(result, record.line, record.reason)
            continue
        parse = remembered if len(record.message) <= REMEMBERED_LENGTH else rules.parse
        parsed = parse(record.message) or _from_container(record)
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
        result.rows.append(_row(parsed, record))
    _in_time_order(result.rows)
    _name_functions_in_flight(result.rows, config)
    result.used -= _join_bodies(result.rows)
    result.rows = [row for row in result.rows if row.kind != "fragment"]
    result.found.update(row.kind for row in result.rows)
    return result


def _malformed(result: Collected, line: int, reason: str) -> None:
    result.malformed += 1
    if len(result.first_malformed) < FIRST_PLACES:
        result.first_malformed.append((line, reason))


def _from_container(record: Record) -> Parsed | None:
    """Tell an invocation whose message says nothing by its status."""
    if record.status is not None and (record.function or record.function_id):
        return Parsed("invocation", status=record.status)
    return None


def _row(parsed: Parsed, record: Record) -> EventRow:
    row = EventRow(
        parsed.kind,
        parsed,
        record.line,
        record.time_ns,
        record.isolate or parsed.isolate,
        record.function or parsed.function,
        record.function_id,
        record.row_id,
        parsed.cause,
        key=parsed.key,
    )
    if parsed.kind == "shutdown":
        row.cause = _SHUTDOWN_REASONS.get(record.reason or "")
    elif parsed.kind == "boot" and parsed.duration_ms is None:
        row.parsed = parsed._replace(duration_ms=record.boot_ms)
    elif parsed.kind == "invocation":
        # A duration of 0 is one.
        duration = parsed.duration_ms if record.duration_ms is None else record.duration_ms
        row.parsed = parsed._replace(status=record.status or parsed.status, duration_ms=duration)
    elif parsed.kind == "fragment" or (parsed.kind == "rejection" and parsed.cause in (None, "unknown")):
        # A rejection that says its cause has its body with it.
        row.body = [record.message[:2000]]
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


def _name_functions_in_flight(rows: list[EventRow], config: PoolConfig) -> None:
    """Name the function of rows of local logs, which tell it only when a request arrives.

    Several may be in flight. A pick belongs to the last of them that is declared to pick from the
    key's pool; if none is, to the last one.
    """
    served: deque[str] = deque(maxlen=FUNCTIONS_IN_FLIGHT)
    for row in rows:
        if row.kind == "invocation" and row.parsed.status is None and row.function is not None:
            served.append(row.function)
        elif served and row.function is None and row.function_id is None:
            pool = config.of_key(row.key) if row.key is not None else None
            declared = pool.functions if pool is not None else ()
            row.function = next((name for name in reversed(served) if name in declared), served[-1])


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
    of_moment: dict[tuple[str | None, int | None], EventRow] = {
        (row.isolate, row.time_ns): row
        for row in reversed(rows)
        if row.kind == "rejection" and row.time_ns is not None
    }
    last: dict[str | None, EventRow] = {}
    orphans = 0
    for row in rows:
        if row.kind == "rejection":
            last[row.isolate] = row
        elif row.kind == "fragment":
            rejection = last.get(row.isolate)
            if rejection is None or rejection.time_ns != row.time_ns:
                rejection = of_moment.get((row.isolate, row.time_ns)) or rejection
            if rejection is None or rejection.body is None or not _belongs(row, rejection):
                orphans += 1
            else:
                rejection.body += row.body or ()
    for row in rows:
        if row.body is not None and len(row.body) > 1 and row.kind == "rejection":
            error = parse_quota_error("\n".join(row.body))
            row.parsed = row.parsed._replace(**error._asdict())
            row.cause = error.cause
        row.body = None
    return orphans


def _belongs(fragment: EventRow, rejection: EventRow) -> bool:
    if fragment.time_ns is not None and rejection.time_ns is not None:
        return 0 <= fragment.time_ns - rejection.time_ns <= BODY_SPAN_NS
    return abs(fragment.line - rejection.line) <= BODY_LINES
