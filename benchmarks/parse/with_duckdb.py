"""DuckDB: lines or fields by its readers, RE2 on the rows that hold a literal."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
from patterns import LITERALS, event_pattern

# RE2 takes \x1b as the byte itself only.
_MESSAGE: Final = event_pattern(before="^").replace(r"\x1b", "\x1b")

# Lines may end in CRLF here and in LF there, which the strict mode refuses; with two threads the end of a
# line must be given too (the expression takes a CR at the end).
_LINES: Final = (
    "read_csv($path, columns={'line': 'VARCHAR'}, delim='\x01', quote='', escape='', header=false, "
    "auto_detect=false, strict_mode=false, new_line='\\n')"
)
_COLUMNS: Final = (
    "event_message", "event_type", "execution_id", "function_id", "id", "level", "timestamp"
)  # fmt: skip


def _holds_a_literal(column: str) -> str:
    # A quarter faster than one regular expression of all of them.
    return " or ".join(f"contains({column}, '{text}')" for text in LITERALS)


def text(path: Path, threads: int) -> pa.Table:
    """Lines; those with a literal; time and groups of what is left."""
    return _table(
        f"select line[1:29]::timestamp_ns as time, null as isolate, line[32:] as message from {_LINES} "
        f"where {_holds_a_literal('line')}",
        path,
        threads,
    )


def ndjson(path: Path, threads: int) -> pa.Table:
    """`read_ndjson` with the schema of what is needed."""
    rows = (
        "read_ndjson($path, columns={'timestamp': 'BIGINT', 'event_message': 'VARCHAR', "
        "'metadata': 'STRUCT(execution_id VARCHAR)'})"
    )
    return _table(
        "select make_timestamp(timestamp) as time, metadata.execution_id as isolate, "
        f"event_message as message from {rows} where {_holds_a_literal('event_message')}",
        path,
        threads,
    )


def ndjson_lines(path: Path, threads: int) -> pa.Table:
    """Lines first: JSON is taken apart only where a literal stands."""
    fields = "['timestamp', 'event_message', '$.metadata.execution_id']"
    rows = (
        f"select json_extract_string(line, {fields}) as field from {_LINES} where {_holds_a_literal('line')}"
    )
    return _table(
        "select make_timestamp(field[1]::bigint) as time, field[3] as isolate, field[2] as message "
        f"from ({rows})",
        path,
        threads,
    )


def csv(path: Path, threads: int) -> pa.Table:
    """`read_csv` with the columns' names, which takes quoted newlines."""
    types = ", ".join(f"'{name}': '{'BIGINT' if name == 'timestamp' else 'VARCHAR'}'" for name in _COLUMNS)
    # In parallel it refuses files of 1 GB.
    rows = (
        f"read_csv($path, columns={{{types}}}, delim=',', quote='\"', escape='\"', header=true, "
        "auto_detect=false, new_line='\\r\\n', parallel=false)"
    )
    return _table(
        "select make_timestamp(timestamp) as time, execution_id as isolate, event_message as message "
        f"from {rows} where {_holds_a_literal('event_message')}",
        path,
        threads,
    )


_WORD_OF_KIND: Final = (
    ("Google AI Studio", "rejection"), ("Using G", "pick"), ("Using k", "pool"), ("booted", "boot"),
    ("Listening on", "listening"), (" Retry ", "retry"), ("POST |", "invocation"), ("serving", "invocation"),
    ("shutdown", "shutdown"), ("early", "shutdown"),
)  # fmt: skip

# Kind -> column -> expression of one group. All groups in one expression are half as fast: RE2 has its
# quick way for few groups only. Of a text the isolate stands in the message.
_NUMBERS: Final = {
    "key": {"pick": "KEY_([0-9]+)"},
    "position": {"pick": "position ([0-9]+)/"},
    "size": {"pick": "/([0-9]+) in pool", "pool": r"\(([0-9]+) keys"},
    "status": {"retry": r"\(([0-9]{3})\)", "rejection": "(429)", "invocation": r"^POST \| ([0-9]{3})"},
    "duration_ms": {"boot": "([0-9]+)ms"},
    "ended": {"shutdown": "isolate: ([0-9a-f-]{36})"},
}


def _table(rows: str, path: Path, threads: int) -> pa.Table:
    """Return the table of `rows`: time, isolate and message."""
    kinds = " ".join(f"when contains(message, '{word}') then '{kind}'" for word, kind in _WORD_OF_KIND)
    numbers = {
        column: "case "
        + " ".join(f"when kind = '{kind}' then regexp_extract(message, '{p}', 1)" for kind, p in of.items())
        + " end"
        for column, of in _NUMBERS.items()
    }
    query = f"""
        with said as materialized (select * from ({rows}) where regexp_matches(message, $message)),
             told as materialized (select *, case {kinds} end as kind from said)
        select time, kind, try_cast({numbers["key"]} as integer) as key,
               try_cast({numbers["position"]} as integer) as position,
               try_cast({numbers["size"]} as integer) as size,
               try_cast({numbers["status"]} as smallint) as status,
               try_cast({numbers["duration_ms"]} as integer) as duration_ms,
               coalesce(isolate, nullif({numbers["ended"]}, '')) as isolate
        from told
        """
    parameters = {"path": str(path), "message": _MESSAGE}
    with duckdb.connect(config={"threads": threads}) as database:
        return database.sql(query, params=parameters).to_arrow_table()
