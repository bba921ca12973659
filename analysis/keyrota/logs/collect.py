"""Records of one source to rows of events: parsed, put in time order, error bodies put together.

First what each record says (`gather`), which can be done of any range of a source; then what follows from
the rows as a whole (`finished`). No raw text stays: a rejection keeps its words only until the lines of
its body have been found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from keyrota.logs.columns import is_constant
from keyrota.logs.gathered import FIRST_PLACES, Gathered
from keyrota.logs.joined_rows import joined
from keyrota.logs.record import BadRow, Record
from keyrota.logs.rows import MISSING, ROW_KINDS, EventRow, Rows, constant, names_of, new_index
from keyrota.logs.rules import Malformed, Parsed, RuleTable
from keyrota.logs.sequence import in_time_order, with_bodies, with_functions_in_flight
from keyrota.logs.times import time_ns
from keyrota.logs.unread import UnreadPick, add_unread
from keyrota.pools.declared import PoolConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

MESSAGES_REMEMBERED: Final = 4096
"""How many messages are remembered with what they say, while one source is read: a log repeats itself."""

REMEMBERED_LENGTH: Final = 200
"""Characters up to which a message is remembered."""

BLOCK_ROWS: Final = 50_000
"""How many rows wait as objects to become columns: enough to make that cheap, too few to take memory."""

TEXT_LENGTH: Final = 2000
"""Characters of a message that are kept until error bodies are put together."""


@dataclass(slots=True)
class Collected:
    """The rows of one source, and the account of its lines: lines = used + ignored + malformed."""

    rows: Rows
    lines: int = 0
    used: int = 0
    malformed: int = 0
    first_malformed: list[tuple[int, str]] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    unread: Counter[UnreadPick] = field(default_factory=Counter)

    @property
    def ignored(self) -> int:
        """Lines that say nothing about keys."""
        return self.lines - self.used - self.malformed


class Gatherer:
    """Reads the records of one source, or of a range of it, with the general decoder.

    Parameters
    ----------
    rules
        The grammar, the user's own rules first.
    """

    def __init__(self, rules: RuleTable) -> None:
        self._rules = rules
        self._remembered = lru_cache(maxsize=MESSAGES_REMEMBERED)(rules.parse)
        self._waiting: list[EventRow] = []
        self._index = new_index()
        self._labels = new_index()
        self._parts: list[Rows] = []
        self._label_parts: list[NDArray[np.int32]] = []
        self._lines = 0
        self._malformed = 0
        self._first_malformed: list[tuple[int, str]] = []
        self._unread: Counter[UnreadPick] = Counter()

    def add(self, record: Record | BadRow) -> None:
        """Take the next record."""
        self._lines += 1
        if isinstance(record, BadRow):
            self._add_malformed(record.line, record.reason)
            return
        parse = self._remembered if len(record.message) <= REMEMBERED_LENGTH else self._rules.parse
        parsed = parse(record.message) or _from_container(record)
        if parsed is None and record.raw is not None:
            parsed = self._rules.parse(record.raw)
        if parsed is None:
            return
        if isinstance(parsed, Malformed):
            self._add_malformed(record.line, parsed.reason)
            if parsed.pick is not None:
                add_unread(self._unread, parsed.pick)
            return
        self._waiting.append(_row(parsed, record))
        if len(self._waiting) >= BLOCK_ROWS:
            self._settle()

    def done(self) -> Gathered:
        """Return what was gathered; the gatherer is at its end."""
        self._settle()
        names = names_of(self._index)
        for rows in self._parts:
            rows.names = names
        labels = self._label_parts
        return Gathered(
            joined(self._parts),
            self._lines,
            self._malformed,
            self._first_malformed,
            names_of(self._labels),
            constant("key", sum(map(len, labels)))
            if all(map(is_constant, labels))
            else np.concatenate(labels),
            self._unread,
        )

    def _settle(self) -> None:
        if not self._waiting:
            return
        rows, self._waiting = self._waiting, []
        self._parts.append(Rows.of(rows, self._index))
        labels = [row.key_label for row in rows]
        if labels.count(None) == len(labels):
            self._label_parts.append(constant("key", len(rows)))
        else:
            codes = [self._labels.setdefault(label, len(self._labels) - 1) for label in labels]
            self._label_parts.append(np.array(codes, dtype=np.int32))

    def _add_malformed(self, line: int, reason: str) -> None:
        self._malformed += 1
        if len(self._first_malformed) < FIRST_PLACES:
            self._first_malformed.append((line, reason))


def gather(records: Iterable[Record | BadRow], rules: RuleTable) -> Gathered:
    """Parse the records of one source, or of a range of it, in file order.

    Parameters
    ----------
    records
        The rows, in file order.
    rules
        The grammar, the user's own rules first.
    """
    gatherer = Gatherer(rules)
    for record in records:
        gatherer.add(record)
    return gatherer.done()


def finished(gathered: Gathered, config: PoolConfig, key_labels: dict[str, int]) -> Collected:
    """Do what needs all rows of a source: order, functions in flight, bodies.

    Parameters
    ----------
    gathered
        The rows of the whole source, handed over.
    config
        The declared pools, to tell which of several functions in flight a pick belongs to.
    key_labels
        Numbers for keys that a log tells by a masked id, in order of appearance; added to.
    """
    used = gathered.used
    rows = gathered.hand_over()
    if gathered.key_labels:
        numbers = [key_labels.setdefault(label, len(key_labels) + 1) for label in gathered.key_labels]
        key = np.array([*numbers, MISSING], dtype=np.int32)[gathered.label]
        rows = replace(rows, key=np.where(gathered.label == MISSING, rows.key, key))
    rows = in_time_order(rows)
    rows = with_functions_in_flight(rows, config)
    rows, orphans = with_bodies(rows)
    kinds = np.bincount(rows.kind, minlength=len(ROW_KINDS)).tolist()
    return Collected(
        rows,
        gathered.lines,
        used - orphans,
        gathered.malformed,
        gathered.first_malformed,
        Counter({kind: number for kind, number in zip(ROW_KINDS, kinds, strict=True) if number}),
        gathered.unread,
    )


def collect(
    records: Iterable[Record | BadRow], rules: RuleTable, config: PoolConfig, key_labels: dict[str, int]
) -> Collected:
    """Parse the records of one source and finish its rows: `gather`, then `finished`."""
    return finished(gather(records, rules), config, key_labels)


def _from_container(record: Record) -> Parsed | None:
    """Tell an invocation whose message says nothing by its status."""
    if record.status is not None and (record.function or record.function_id):
        return Parsed("invocation", status=record.status)
    return None


def _row(parsed: Parsed, record: Record) -> EventRow:
    kind, status, cause, duration_ms = parsed.kind, parsed.status, parsed.cause, parsed.duration_ms
    text = None
    if kind == "shutdown":
        cause = record.reason if record.reason in _SHUTDOWN_REASONS else None
    elif kind == "boot" and duration_ms is None:
        duration_ms = record.boot_ms
    elif kind == "invocation":
        status = record.status or status
        # A duration of 0 is one.
        duration_ms = duration_ms if record.duration_ms is None else record.duration_ms
    elif kind == "fragment" or (kind == "rejection" and cause in (None, "unknown")):
        # A rejection that says its cause has its body with it.
        text = record.message[:TEXT_LENGTH]
    return EventRow(
        kind,
        record.line,
        record.time_ns if parsed.time is None else time_ns(parsed.time),
        parsed.key,
        parsed.key_label,
        parsed.position,
        parsed.size,
        parsed.pool,
        record.function or parsed.function,
        record.function_id,
        record.isolate or parsed.isolate,
        parsed.model,
        status,
        cause,
        parsed.limit,
        parsed.retry_after_s,
        duration_ms,
        record.row_id,
        text,
    )


_SHUTDOWN_REASONS: Final = frozenset(
    ("EventLoopCompleted", "EarlyDrop", "WallClockTime", "CPUTime", "Memory", "TerminationRequested")
)
