"""Rows as the platform's queries return them: dashboard, Logs Explorer, Management API, MCP.

Rows come in the order in which they are to be written. Keys stand in the order of the real shape:
alphabetical from the older store, in the order of the SELECT from the newer one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from keyrota.logs.write.rows import PROJECT_REF, REGION, RUNTIME, LogRow
from keyrota.logs.write.stamps import iso, millisecond_micros

if TYPE_CHECKING:
    from typing import Any


def dashboard_json(rows: Sequence[LogRow]) -> bytes:
    """Return "Download JSON" of a function's log page.

    Examples
    --------
    >>> print(dashboard_json([LogRow(1_000_000_000, "shutdown", "Shutdown", row_id="a1")]).decode())
    [
      {"event_message":"shutdown","event_type":"Shutdown","execution_id":null,"function_id":null,"id":"a1","level":"log","timestamp":1000000}
    ]
    """
    return _array(preview(row) for row in rows)


def dashboard_json_no_ids(rows: Sequence[LogRow]) -> bytes:
    """Return the same as before spring 2026: no ``execution_id``, hence no isolates."""
    return _array(preview(row, isolate=False) for row in rows)


def full_rows(rows: Sequence[LogRow]) -> bytes:
    """Return whole rows: ``metadata`` is an array that holds one object."""
    return _array(_full(row, [console_metadata(row)]) for row in rows)


def metadata_object(rows: Sequence[LogRow]) -> bytes:
    """Return whole rows as people paste them after flattening: ``metadata`` is an object."""
    return _array(_full(row, console_metadata(row)) for row in rows)


def api_envelope(rows: Sequence[LogRow]) -> bytes:
    """Return the answer of the Management API's ``logs.all``: rows in ``result``, no line breaks."""
    return compact({"result": [preview(row) for row in rows], "error": None}).encode()


def mcp_invocations(rows: Sequence[LogRow]) -> bytes:
    """Return the answer of MCP ``get_logs``: invocations, no isolate, no console line."""
    return compact({"result": {"result": [_mcp(row) for row in rows]}}).encode()


def otel(rows: Sequence[LogRow]) -> bytes:
    """Return rows of the ClickHouse store: ``log_attributes`` holds strings only."""
    return _array(
        {
            "id": row.row_id,
            "timestamp": _store_iso(row),
            "source": "function_logs" if row.kind_of_row == "console" else "function_edge_logs",
            "severity_text": _SEVERITY_TEXT.get(row.logged_level, "INFO"),
            "event_message": row.message,
            "log_attributes": _attributes(row),
        }
        for row in rows
    )


def otel_preview(rows: Sequence[LogRow]) -> bytes:
    """Return the ClickHouse store's rows as the log page shows them: aliases, microseconds."""
    return _array(
        {
            "id": row.row_id,
            "timestamp": millisecond_micros(row.at()),
            "event_message": row.message,
            "event_type": row.event_type,
            "function_id": row.function_id,
            "execution_id": row.execution_id,
            "level": row.logged_level,
        }
        for row in rows
    )


def sql_subset_iso(rows: Sequence[LogRow]) -> bytes:
    """Return the result of a user's own query: ``cast(timestamp as datetime) as ts``, message."""
    return _array({"ts": _store_iso(row), "event_message": row.message} for row in rows)


def edge_logs(rows: Sequence[LogRow]) -> bytes:
    """Return whole rows of ``function_edge_logs``: request and response of each invocation."""
    return _array(_full(row, [invocation_metadata(row)]) for row in rows)


def preview(row: LogRow, *, isolate: bool = True) -> dict[str, Any]:
    """Return the columns of a log page's default query, in alphabetical order."""
    columns = {
        "event_message": row.message,
        "event_type": row.event_type,
        "execution_id": row.execution_id,
        "function_id": row.function_id,
        "id": row.row_id,
        "level": row.logged_level,
        "timestamp": millisecond_micros(row.at()),
    }
    if not isolate:
        del columns["execution_id"]
    return columns


def console_metadata(row: LogRow) -> dict[str, Any]:
    """Return the metadata object of a console or life-cycle row: ``null`` and ``[]`` where absent."""
    memory = dict(zip(("external", "heap", "total"), row.memory_used or (), strict=False))
    return {
        "boot_time": row.boot_ms,
        "cpu_time_used": row.cpu_ms,
        "deployment_id": row.deployment_id,
        "event_type": row.event_type,
        "execution_id": row.execution_id,
        "function_id": row.function_id,
        "level": row.logged_level,
        "memory_used": [memory] if memory else [],
        "project_ref": PROJECT_REF,
        "reason": row.reason,
        "region": REGION,
        "served_by": RUNTIME,
        "timestamp": iso(row.at(), 3),
        "version": str(row.version),
    }


def invocation_metadata(row: LogRow) -> dict[str, Any]:
    """Return the metadata object of an invocation row."""
    host = f"{PROJECT_REF}.supabase.co"
    return {
        "deployment_id": row.deployment_id,
        "execution_id": row.execution_id,
        "execution_time_ms": row.duration_ms,
        "function_id": row.function_id,
        "project_ref": PROJECT_REF,
        "request": [
            {
                "headers": [{"accept": "*/*", "host": host, "user_agent": "Deno/2.1.4"}],
                "host": host,
                "method": row.method,
                "pathname": f"/functions/v1/{row.function or ''}",
                "port": None,
                "protocol": "https:",
                "search": None,
                "url": row.url,
            }
        ],
        "response": [
            {
                "headers": [{"content_type": "application/json", "x_sb_edge_region": REGION}],
                "status_code": row.status,
            }
        ],
        "version": str(row.version),
    }


def compact(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """Return JSON without spaces and without escapes that JSON does not need.

    Examples
    --------
    >>> compact({"message": "🔑"})
    '{"message":"🔑"}'
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _array(rows: Iterable[Mapping[str, Any]]) -> bytes:
    lines = ",\n  ".join(compact(row) for row in rows)
    return (f"[\n  {lines}\n]" if lines else "[]").encode()


def _full(row: LogRow, metadata: object) -> dict[str, Any]:
    return {
        "event_message": row.message,
        "id": row.row_id,
        "metadata": metadata,
        "timestamp": millisecond_micros(row.at()),
    }


def _mcp(row: LogRow) -> dict[str, Any]:
    return {
        "deployment_id": row.deployment_id,
        "event_message": row.message,
        "execution_time_ms": row.duration_ms,
        "function_id": row.function_id,
        "id": row.row_id,
        "method": row.method,
        "status_code": row.status,
        "timestamp": millisecond_micros(row.at()),
        "version": str(row.version),
    }


_SEVERITY_TEXT: Mapping[str, str] = {"error": "ERROR", "warning": "WARN", "debug": "DEBUG"}

# Attribute -> value; those of invocations and of console rows differ in the second half.
_SHARED: Mapping[str, Callable[[LogRow], object]] = {
    "execution_id": lambda row: row.execution_id,
    "function_id": lambda row: row.function_id,
}
_CONSOLE: Mapping[str, Callable[[LogRow], object]] = {
    "event_type": lambda row: row.event_type,
    **_SHARED,
    "level": lambda row: row.logged_level,
    "deployment_id": lambda row: row.deployment_id,
    "region": lambda row: REGION,
    "timestamp": lambda row: iso(row.at(), 3),
    "version": lambda row: row.version,
    "boot_time": lambda row: row.boot_ms,
    "reason": lambda row: row.reason,
    "cpu_time_used": lambda row: row.cpu_ms,
    "memory_used.total": lambda row: row.memory_used[2] if row.memory_used else None,
}
_INVOCATION: Mapping[str, Callable[[LogRow], object]] = {
    "event_type": lambda row: "Request",
    **_SHARED,
    "deployment_id": lambda row: row.deployment_id,
    "execution_time_ms": lambda row: row.duration_ms,
    "request.method": lambda row: row.method,
    "request.pathname": lambda row: f"/functions/v1/{row.function or ''}",
    "response.status_code": lambda row: row.status,
    "version": lambda row: row.version,
}


def _attributes(row: LogRow) -> dict[str, str]:
    fields = _CONSOLE if row.kind_of_row == "console" else _INVOCATION
    values = {name: value(row) for name, value in fields.items()}
    # A map of strings has no null: what is absent is left out.
    return {name: str(value) for name, value in values.items() if value is not None}


def _store_iso(row: LogRow) -> str:
    # The store's times end in a millisecond, printed with the digits of a microsecond.
    return iso(row.at() // 1_000_000 * 1_000_000, 6, zone="")
