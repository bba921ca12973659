"""Rows as the platform's log drains send them, oldest first.

A drain's batch ends after 250 events or one second, whatever comes first.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from keyrota.logs.write.rows import LogRow
from keyrota.logs.write.stamps import iso
from keyrota.logs.write.structured import compact, console_metadata, invocation_metadata

if TYPE_CHECKING:
    from typing import Any

_BATCH_EVENTS: Final = 250
_BATCH_NS: Final = 1_000_000_000

# RFC 5424: facility 16 (local0) is 128; the severities of syslog.
_SYSLOG_FACILITY: Final = 128
_SYSLOG_SEVERITY: Final[Mapping[str, int]] = {"error": 3, "warning": 4, "debug": 7}


def drain_http(rows: Sequence[LogRow]) -> bytes:
    """Return what a generic HTTP drain posts: a JSON array of events, one batch to a line."""
    return _lines(compact([_body(row) for row in batch]) for batch in _batches(rows))


def drain_ndjson(rows: Sequence[LogRow]) -> bytes:
    """Return the events of a drain, one JSON object to a line.

    Examples
    --------
    >>> drain_ndjson([LogRow(1_000_000_000, "hello", row_id="a1")])[:55].decode()
    '{"id":"a1","timestamp":1000000,"event_message":"hello",'
    """
    return _lines(compact(_body(row)) for row in rows)


def drain_datadog(rows: Sequence[LogRow]) -> bytes:
    """Return what a Datadog drain posts: message with its time in front, event in ``data``."""
    return _lines(
        compact(
            [
                {
                    "message": f"{iso(row.at(), 6)} {row.message}",
                    "ddsource": "Supabase",
                    "service": _service(row),
                    "data": _body(row),
                }
                for row in batch
            ]
        )
        for batch in _batches(rows)
    )


def drain_loki(rows: Sequence[LogRow]) -> bytes:
    """Return what a Loki drain posts: streams of values, newest first, times in nanosecond text."""
    streams: dict[str, list[Any]] = {}
    for row in reversed(rows):
        value = [str(row.at() // 1000 * 1000), row.message, _flat(_body(row))]
        streams.setdefault(_service(row), []).append(value)
    document = {
        "streams": [
            {"stream": {"service": service, "source": "supabase"}, "values": values}
            for service, values in sorted(streams.items())
        ]
    }
    return compact(document).encode()


def drain_axiom(rows: Sequence[LogRow]) -> bytes:
    """Return what an Axiom drain posts: as the HTTP drain, with ISO times."""
    return _lines(
        compact([{**_body(row), "timestamp": iso(row.at(), 6)} for row in batch]) for batch in _batches(rows)
    )


def drain_syslog(rows: Sequence[LogRow]) -> bytes:
    """Return RFC 5424 frames with octet counts, one behind the other without a newline.

    Examples
    --------
    >>> drain_syslog([LogRow(1_000_000_000, "hello")])[:46].decode()
    '333 <134>1 1970-01-01T00:00:01.000Z - logflare'
    """
    frames = (_syslog(row) for row in rows)
    return b"".join(b"%d %b" % (len(frame), frame) for frame in frames)


def drain_syslog_lines(rows: Sequence[LogRow]) -> bytes:
    """Return RFC 5424 messages as a relay stores them: one to a line, without counts."""
    return b"".join(_syslog(row) + b"\n" for row in rows)


def _body(row: LogRow) -> dict[str, Any]:
    return {
        "id": row.row_id,
        "timestamp": row.at() // 1000,
        "event_message": row.message,
        "metadata": _metadata(row),
    }


def _metadata(row: LogRow) -> dict[str, Any]:
    # Before the store makes arrays of records: objects, and nothing for what is absent.
    if row.kind_of_row == "invocation":
        metadata = invocation_metadata(row)
        for record in ("request", "response"):
            (content,) = metadata[record]
            content["headers"] = content["headers"][0]
            metadata[record] = _present(content)
        return _present(metadata)
    metadata = console_metadata(row)
    metadata["memory_used"] = metadata["memory_used"][0] if metadata["memory_used"] else None
    return _present(metadata)


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _service(row: LogRow) -> str:
    return "deno-subhosting-events" if row.kind_of_row == "console" else "deno-relay-logs"


def _flat(body: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in sorted(body.items()):
        if not prefix and name in ("event_message", "timestamp"):
            continue
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}_")
        else:
            flat[prefix + name] = str(value)
    return flat


def _syslog(row: LogRow) -> bytes:
    priority = _SYSLOG_FACILITY + _SYSLOG_SEVERITY.get(row.logged_level, 6)
    header = f"<{priority}>1 {iso(row.at(), 3)} - logflare - {_message_id(row)} - "
    return (header + compact(_body(row))).encode()


def _message_id(row: LogRow) -> str:
    # The event's UUID in base 32: 26 letters and digits; `-` is RFC 5424's nil.
    try:
        return base64.b32encode(uuid.UUID(row.row_id).bytes).decode().rstrip("=")
    except ValueError:
        return "-"


def _batches(rows: Sequence[LogRow]) -> Iterator[list[LogRow]]:
    batch: list[LogRow] = []
    for row in rows:
        if batch and (len(batch) == _BATCH_EVENTS or row.at() - batch[0].at() >= _BATCH_NS):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _lines(lines: Iterator[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
