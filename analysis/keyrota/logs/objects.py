"""A decoded JSON value, of any of the platform's shapes, to records.

Envelopes are opened (``result``, ``logs``, ``data``, ``rows``, Loki's ``streams``), and a row's
fields are looked up where each shape keeps them: at the top, in ``metadata`` (an object, or an
array of one), or in ``log_attributes`` (dotted keys, all strings).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from keyrota.logs.record import BadRow, Record
from keyrota.logs.times import ISO, time_ns

_ENVELOPES: Final = ("result", "logs", "data", "rows", "records", "events", "entries")
_MESSAGES: Final = ("event_message", "message", "msg", "log", "line", "text", "event_name", "body")
_TIMES: Final = ("timestamp", "ts", "time", "@timestamp", "datetime", "date", "created_at")
_DEPTH: Final = 6
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
_SLUG = re.compile(r"/functions/(?:v1/)?([A-Za-z0-9_-]{1,64})")
_STAMPED = re.compile(rf"({ISO})\s+")


def records_of(value: Any, line: int, depth: int = 0) -> Iterator[Record | BadRow]:
    """Yield the rows that a decoded JSON value holds; a value that is no row is a bad row."""
    if depth > _DEPTH:
        yield BadRow(line, "nested too deep")
    elif isinstance(value, list):
        for item in value:
            yield from records_of(item, line, depth + 1)
    elif not isinstance(value, dict):
        yield BadRow(line, "not a JSON object")
    elif isinstance(value.get("streams"), list):
        yield from _loki(value["streams"], line)
    else:
        inside = None if _is_row(value) else _opened(value)
        if inside is None:
            yield _row(value, line)
        else:
            yield from records_of(inside, line, depth + 1)


def is_log_value(value: Any, depth: int = 0) -> bool:
    """Say whether a decoded JSON value looks like rows of a log, or an envelope of them."""
    if depth > _DEPTH:
        return False
    if isinstance(value, list):
        return not value or any(is_log_value(item, depth + 1) for item in value[:5])
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("streams"), list) or _is_row(value):
        return True
    inside = _opened(value)
    return inside is not None and is_log_value(inside, depth + 1)


def _is_row(value: dict[str, Any]) -> bool:
    if any(isinstance(value.get(name), str) for name in _MESSAGES):
        return True
    # An event worker's row; the metadata of a row copied alone; an invocation without its message.
    return any(
        name in value for name in ("event", "event_type", "execution_id", "log_attributes", "status_code")
    )


def _opened(value: dict[str, Any]) -> Any:
    return next((value[n] for n in _ENVELOPES if isinstance(value.get(n), list | dict)), None)


def _loki(streams: list[Any], line: int) -> Iterator[Record | BadRow]:
    for stream in streams:
        values = stream.get("values") if isinstance(stream, dict) else None
        if not isinstance(values, list):
            yield BadRow(line, "a Loki stream without values")
            continue
        for value in values:
            if not isinstance(value, list) or len(value) < 2 or not isinstance(value[1], str):
                yield BadRow(line, "a Loki value without time and line")
                continue
            flat = value[2] if len(value) > 2 and isinstance(value[2], dict) else {}
            # Loki's labels join with `_` what the other shapes nest.
            labels = {name.removeprefix("metadata_"): label for name, label in flat.items()}
            yield _row({**labels, "timestamp": value[0], "event_message": value[1]}, line)


def _row(value: dict[str, Any], line: int) -> Record | BadRow:
    if "ddsource" in value and isinstance(value.get("message"), str):
        value = _datadog(value)
    fields = _Fields(value)
    message = _message(value)
    time = fields.time()
    status = _whole(fields.get("status_code", "response.status_code", "response_status_code"))
    path = fields.get("pathname", "request.pathname", "request_pathname", "url", "request.url")
    if message is None:
        if status is None and fields.get("event_type") is None:
            return BadRow(line, "a row without a message")
        message = ""
    slug = _SLUG.search(path) if isinstance(path, str) else None
    service = fields.get("service_path")
    if slug is None and isinstance(service, str):
        slug = _SLUG.search("/" + service)
    return Record(
        line,
        message,
        time_ns=time,
        row_id=_identifier(fields.get("id", "_id", "insertId")),
        isolate=_identifier(fields.get("execution_id")),
        function=slug[1] if slug else None,
        function_id=_identifier(fields.get("function_id")),
        status=status,
        duration_ms=_number(fields.get("execution_time_ms")),
        boot_ms=_number(fields.get("boot_time")),
        reason=_identifier(fields.get("reason")),
    )


class _Fields:
    """Look-up of a field by name wherever a shape keeps it."""

    def __init__(self, value: dict[str, Any]) -> None:
        self._places = [value]
        for name in ("metadata", "log_attributes", "attributes"):
            inner = value.get(name)
            if isinstance(inner, str) and inner[:1] in "[{":
                inner = _decoded(inner)  # a CSV cell, or Parquet's body
            if isinstance(inner, list) and inner:
                inner = inner[0]
            if isinstance(inner, dict):
                self._places.append(inner)
        event = value.get("event")
        if isinstance(event, dict):
            # {"event": {"msg": ...}} or {"event": {"Shutdown": {...}}}
            inner = next(iter(event.values()), None)
            self._places.append(inner if isinstance(inner, dict) else event)

    def get(self, *names: str) -> Any:
        for place in self._places:
            for name in names:
                found = place.get(name)
                if found is None and "." in name:
                    found = _nested(place, name.split("."))
                if found is not None and found != []:
                    return found
        return None

    def time(self) -> int | None:
        # The event's own time, where a shape carries it beside the time of ingestion.
        for place in [*self._places[1:], self._places[0]]:
            for name in _TIMES:
                found = time_ns(place.get(name))
                if found is not None:
                    return found
        return None


def _nested(place: dict[str, Any], names: list[str]) -> Any:
    value: Any = place
    for name in names:
        if isinstance(value, list):
            value = value[0] if value else None
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _message(value: dict[str, Any]) -> str | None:
    for name in _MESSAGES:
        if isinstance(value.get(name), str):
            return str(value[name])
    event = value.get("event")
    if isinstance(event, str):
        return event
    if isinstance(event, dict):
        name, inner = next(iter(event.items()), ("", None))
        place = inner if isinstance(inner, dict) else event
        if isinstance(place.get("msg"), str):
            return str(place["msg"])
        kind = str(value.get("event_type", name))
        if kind == "Boot" and (ms := _number(place.get("boot_time"))) is not None:
            return f"booted (time: {int(ms)}ms)"
        if kind == "Shutdown":
            return "shutdown"
    return None


def _datadog(value: dict[str, Any]) -> dict[str, Any]:
    """The message is the event's, after a time; the body, or an older JSON text, has the rest."""
    body = value.get("data") if isinstance(value.get("data"), dict) else {}
    stamp = _STAMPED.match(value["message"])
    text = value["message"][stamp.end() :] if stamp else value["message"]
    if text.startswith("{"):
        inner = _decoded(text)
        if isinstance(inner, dict):
            return {**body, **inner}
    row = {**body, "event_message": text}
    if stamp:
        row.setdefault("timestamp", stamp[1])
    return row


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _identifier(value: Any) -> str | None:
    """An id from a bounded alphabet; anything else is no id, and no text of a log is kept."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**20 else ""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,12}(?:\.[0-9]{1,12})?", value):
        return None
    number = float(value) if not isinstance(value, int) or abs(value) < 10**15 else float("nan")
    return number if 0 <= number < 1e12 else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 100 <= number <= 999 else None
