"""An event table as log rows: what the application and its runtime would have printed.

What a log line states is read back as it was. What no line states is not written: the source and the
line of a row, the number of an attempt, fractions of a millisecond of boots and of announced waits,
fractions of a nanosecond of stated delays.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from keyrota.display import shown
from keyrota.errors import ConfigurationError
from keyrota.logs.write.event_lines import LINES, Event, MissingError
from keyrota.logs.write.rows import MILLISECOND_NS, LogRow
from keyrota.logs.write.shapes import shape_of
from keyrota.pools.declared import is_function_id

if TYPE_CHECKING:
    import pandas as pd

_NAMESPACE: Final = uuid.UUID("6b657972-6f74-4100-8000-000000000000")  # "keyrotA"
_NAT: Final = np.iinfo("int64").min

# What stands in a line as a name; anything else would be read back as less than was written.
_NAMES: Final = {
    "pool": (
        re.compile(r"[A-Za-z0-9_.-](?:[A-Za-z0-9_. -]{0,62}[A-Za-z0-9_.-])?"),
        '"_", "-", "." and blanks',
    ),
    "function": (re.compile(r"[A-Za-z0-9_-]{1,64}"), '"_" and "-"'),
    "model": (re.compile(r"[A-Za-z0-9._/-]{1,80}"), '".", "_", "-" and "/"'),
}


def write_events_as_log(events: pd.DataFrame, shape: str, *, seed: int | np.random.Generator = 0) -> bytes:
    r"""Return an event table as the bytes of a log file in one of `SHAPES`.

    The same as `write_log` of `rows_of`, but that local shapes get the line ``serving the request`` at
    a request's arrival, where its invocation tells the answer: at most a millisecond before it, because
    durations are rounded.

    Parameters
    ----------
    events
        An event table, simulated or read.
    shape
        A name in `SHAPES`; says what is lost.
    seed
        For the order of rows of one millisecond, in the shapes that scramble them.

    Raises
    ------
    ConfigurationError
        If there is no such shape, or no line can say what a row holds (see `rows_of`).

    Examples
    --------
    >>> from keyrota.events import make_events
    >>> events = make_events({"kind": ["pick"], "key": [3], "position": [1], "size": [4]})
    >>> write_events_as_log(events, "console").decode()
    '🔑 Using GOOGLE_KEY_3 (position 1/4 in pool)\n'
    """
    rows, written = rows_of(events), shape_of(shape)
    return written.write(_by_arrival(rows) if written.is_local else rows, seed=seed)


def rows_of(events: pd.DataFrame) -> list[LogRow]:
    """Return one log row for each row of an event table, in time order.

    A rejection whose cause is not known becomes the provider's body that tells nothing; one with a
    cause but no limit the body of 2025 that tells whole seconds only. A pool line without a size takes
    that of the pick before it in its isolate.

    Parameters
    ----------
    events
        An event table, simulated or read.

    Raises
    ------
    ConfigurationError
        If a row lacks what its line must say (a pick its position), or a name is none that a line can
        hold.

    Examples
    --------
    >>> from keyrota.events import make_events
    >>> events = make_events({"kind": ["boot"], "duration_ms": [31], "isolate": ["i-1"]})
    >>> [(row.event_type, row.boot_ms, row.execution_id) for row in rows_of(events)]
    [('Boot', 31, 'i-1')]
    """
    from keyrota.events import check_events

    events = check_events(events)
    _check_names(events)
    sizes: dict[str | None, int | None] = {}
    ids: dict[str | None, str | None] = {None: None}
    rows: list[LogRow] = []
    for number, event in enumerate(_events(events)):
        if event.kind == "pick":
            sizes[event.isolate] = event.size
        elif event.kind == "pool" and event.size is None:
            event = event._replace(size=sizes.get(event.isolate))
        if event.function not in ids:
            ids[event.function] = function_id(event.function or "")
        row_id = str(uuid.uuid5(_NAMESPACE, f"{number} {event.time_ns} {event.isolate}"))
        try:
            message, fields = LINES[event.kind](event, row_id)
        except MissingError as missing:
            raise ConfigurationError(
                f"event table: row {number + 1} is a {event.kind} without {missing}, which its log line "
                "must say; leave such rows out"
            ) from None
        row = LogRow(
            event.time_ns,
            message,
            execution_id=event.isolate,
            function_id=ids[event.function],
            function=event.function,
            row_id=row_id,
            **fields,
        )
        rows.append(row)
    return rows


def function_id(function: str) -> str:
    """Return the platform's id of a function: one id for one name, in every log.

    Examples
    --------
    >>> function_id("chat") == function_id("chat") != function_id("generate-image")
    True
    """
    return function if is_function_id(function) else str(uuid.uuid5(_NAMESPACE, function))


def _events(events: pd.DataFrame) -> Iterator[Event]:
    times = events["time"].to_numpy(dtype="datetime64[ns]").view("int64").tolist()
    columns = [
        [None if missing else value for value, missing in zip(column.tolist(), column.isna(), strict=True)]
        for column in (events[name] for name in Event._fields[1:])
    ]
    known = [None if time == _NAT else time for time in times]
    return (Event(*values) for values in zip(known, *columns, strict=True))


def _check_names(events: pd.DataFrame) -> None:
    for column, (pattern, marks) in _NAMES.items():
        for name in events[column].cat.remove_unused_categories().cat.categories:
            if not pattern.fullmatch(str(name)):
                raise ConfigurationError(
                    f"event table: {column} {shown(str(name))} cannot stand in a log line; allowed are "
                    f"letters, digits, {marks}"
                )


def _by_arrival(rows: list[LogRow]) -> list[LogRow]:
    """Return rows with each invocation at the begin of its request, before the rows of that moment."""
    if any(row.time_ns is None for row in rows):
        return rows
    moved = [
        row
        if row.kind_of_row == "console" or row.duration_ms is None
        else replace(row, time_ns=row.at() - round((row.duration_ms + 0.5) * MILLISECOND_NS))
        for row in rows
    ]
    return sorted(moved, key=lambda row: (row.at(), row.kind_of_row == "console"))
