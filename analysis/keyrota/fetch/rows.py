"""Rows of the two kinds of log: what is asked for, what came, and how it is written.

No more is asked for than keyrota reads: no headers, no addresses of callers, no URLs with their query.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from keyrota.errors import InputError
from keyrota.fetch.times import iso, micros, sql_time

KINDS: Final = ("logs", "invocations")
"""What the console printed, and the calls of functions."""

_SOURCES: Final = {"logs": "function_logs", "invocations": "function_edge_logs"}
_COLUMNS: Final = {
    "logs": ("event_message", "severity_text"),
    "invocations": (),
}
_ATTRIBUTES: Final = {
    "logs": (
        "boot_time", "event_type", "execution_id", "function_id", "level", "reason",
    ),
    "invocations": (
        "execution_id", "execution_time_ms", "function_id", "request.method", "request.pathname",
        "response.status_code",
    ),
}  # fmt: skip
_UNKNOWN: Final = (
    "what is missing cannot be told, and nothing of this answer was kept. Has the API changed? Look for a "
    "newer keyrota"
)
_PLAIN_ID = re.compile(r"[0-9A-Za-z_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Row:
    """A row that came.

    Attributes
    ----------
    time_us
        Its time.
    key
        What it is known by: its id, or a hash of all of it if it has none.
    id
        The id as a query may hold it, ``None`` if it has none that may stand there.
    line
        The line of the file, with its end.
    """

    time_us: int
    key: str
    id: str | None
    line: bytes


def query_of(kind: str, start_us: int, end_us: int, after: Row | None, limit: int) -> str:
    """Return the query for rows of a span of time, the oldest first.

    Parameters
    ----------
    kind
        Of `KINDS`.
    start_us, end_us
        The span, its end left out.
    after
        The last row that came, if rows of its instant may be left.
    limit
        How many rows at most.
    """
    columns = ["id", "timestamp", *_COLUMNS[kind]]
    columns += [f"log_attributes['{name}'] as {name.rpartition('.')[2]}" for name in _ATTRIBUTES[kind]]
    # By its id, because more rows than one page holds may have one time.
    behind = (
        ""
        if after is None or after.id is None
        else f"\n  and (timestamp > {sql_time(after.time_us)} or id > '{after.id}')"
    )
    return (
        f"-- keyrota fetch\nselect {', '.join(columns)}\nfrom logs\nwhere source = '{_SOURCES[kind]}'\n"
        f"  and timestamp >= {sql_time(start_us)}\n  and timestamp < {sql_time(end_us)}{behind}\n"
        f"order by timestamp asc, id asc\nlimit {limit}"
    )


def checked_rows(values: list[Any], start_us: int, end_us: int) -> list[Row]:
    """Return the rows of an answer, which must be those that were asked for, in that order.

    Raises
    ------
    InputError
        If they are not: then what is missing could not be told.
    """
    rows = [_row(value) for value in values]
    before = start_us
    for row in rows:
        if not before <= row.time_us < end_us:
            raise InputError(
                f"the API answered with a row of {iso(row.time_us)} where rows from {iso(before)} to "
                f"{iso(end_us)} were due, the oldest first; {_UNKNOWN}"
            )
        before = row.time_us
    return rows


def key_of_line(line: bytes) -> tuple[int, str] | None:
    """Return time and key of a line of a file, ``None`` if it is none of ours."""
    try:
        row = _row(json.loads(line))
    except (ValueError, InputError, RecursionError):
        return None
    return row.time_us, row.key


def _row(value: Any) -> Row:
    time_us = micros(value.get("timestamp")) if isinstance(value, dict) else None
    if time_us is None:
        raise InputError(f"the API answered with a row that has no time; {_UNKNOWN}")
    # A key that a row lacks is an empty text there.
    fields = {name: field for name, field in sorted(value.items()) if field not in ("", None)}
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    line = text.encode("utf-8", "backslashreplace") + b"\n"  # a lone surrogate becomes JSON's \ud83d again
    row_id = fields.get("id")
    if not isinstance(row_id, str):
        return Row(time_us, "#" + blake2b(line, digest_size=16).hexdigest(), None, line)
    return Row(time_us, row_id, row_id if _PLAIN_ID.fullmatch(row_id) else None, line)
