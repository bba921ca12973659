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
_ENVELOPE_SET: Final = frozenset(_ENVELOPES)
_MESSAGES: Final = (
    "event_message", "message", "msg", "log", "line", "text", "textPayload", "event_name", "body",
)  # fmt: skip
_MARKS: Final = frozenset(("event", "event_type", "execution_id", "log_attributes", "status_code"))
_TIMES: Final = ("timestamp", "ts", "time", "@timestamp", "datetime", "date", "created_at")
_STATUSES: Final = frozenset(("status_code", "response.status_code", "response_status_code", "response"))
_PATHS: Final = frozenset(
    ("pathname", "request.pathname", "request_pathname", "url", "request.url", "request", "service_path")
)
_DEPTH: Final = 6
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
_SLUG = re.compile(r"/functions/(?:v1/)?([A-Za-z0-9_-]{1,64})")
_STAMPED = re.compile(rf"({ISO})\s+")
_NANOSECONDS = re.compile(r"[0-9]{19}")
_MILLISECOND: Final = 1_000_000


def records_of(value: Any, line: int, depth: int = 0) -> Iterator[Record | BadRow]:
    """Yield the rows that a decoded JSON value holds; a value that is no row is a bad row."""
    if depth > _DEPTH:
        yield BadRow(line, "nested too deep")
    elif isinstance(value, list):
        if _is_loki_value(value):
            yield _loki_row(value, {}, line)
            return
        for item in value:
            yield from records_of(item, line, depth + 1)
    elif not isinstance(value, dict):
        yield BadRow(line, "not a JSON object")
    elif isinstance(value.get("streams"), list):
        for stream in value["streams"]:
            yield from _loki(stream, line)
    elif isinstance(value.get("stream"), dict) and isinstance(value.get("values"), list):
        yield from _loki(value, line)
    elif (inside := _opened(value)) is not None:
        yield from records_of(inside, line, depth + 1)
    else:
        yield _row(value, line)


def is_log_value(value: Any, depth: int = 0) -> bool:
    """Say whether a decoded JSON value looks like rows of a log, or an envelope of them."""
    if depth > _DEPTH:
        return False
    if isinstance(value, list):
        return not value or _is_loki_value(value) or any(is_log_value(item, depth + 1) for item in value[:5])
    if not isinstance(value, dict):
        return False
    if _is_row(value) or isinstance(value.get("streams"), list):
        return True
    if isinstance(value.get("stream"), dict) and isinstance(value.get("values"), list):
        return True
    inside = _opened(value)
    return inside is not None and is_log_value(inside, depth + 1)


def has_time(value: dict[str, Any]) -> bool:
    """Say whether an object names a time at its top, as every logging library's does."""
    return any(name in value for name in _TIMES)


def _is_row(value: dict[str, Any]) -> bool:
    # The marks: an event worker's row; the metadata of a row copied alone; an invocation without message.
    return not _MARKS.isdisjoint(value) or any(isinstance(value.get(name), str) for name in _MESSAGES)


def _opened(value: dict[str, Any]) -> Any:
    """Return what an envelope holds, ``None`` if the object is a row.

    An API may say ``"message": "success"`` beside its rows, and a row may hold an object as ``data``.
    """
    if _ENVELOPE_SET.isdisjoint(value):
        return None
    is_row = _is_row(value)
    for name in _ENVELOPES:
        inside = value.get(name)
        if isinstance(inside, list) and (not is_row or (inside and isinstance(inside[0], dict))):
            return inside
        if isinstance(inside, dict) and not is_row:
            return inside
    return None


def _loki(stream: Any, line: int) -> Iterator[Record | BadRow]:
    values = stream.get("values") if isinstance(stream, dict) else None
    if not isinstance(values, list):
        yield BadRow(line, "a Loki stream without values")
        return
    labels = stream.get("stream")
    for value in values:
        yield _loki_row(value, labels if isinstance(labels, dict) else {}, line)


def _is_loki_value(value: list[Any]) -> bool:
    """Say whether an array is a value out of a broken stream: nanoseconds as text, a line."""
    return len(value) > 1 and isinstance(value[0], str) and _NANOSECONDS.fullmatch(value[0]) is not None


def _loki_row(value: Any, labels: dict[str, Any], line: int) -> Record | BadRow:
    if not isinstance(value, list) or len(value) < 2 or not isinstance(value[1], str):
        return BadRow(line, "a Loki value without time and line")
    flat = {**labels, **value[2]} if len(value) > 2 and isinstance(value[2], dict) else labels
    # Loki's labels join with `_` what the other shapes nest.
    fields = {name.removeprefix("metadata_"): label for name, label in flat.items()}
    return _row({**fields, "timestamp": value[0], "event_message": value[1]}, line)


def _row(value: dict[str, Any], line: int) -> Record | BadRow:
    if "ddsource" in value and isinstance(value.get("message"), str):
        value = _datadog(value)
    inner = _inner(value)
    fields = value
    if inner:
        fields = {**inner, **{name: field for name, field in value.items() if field is not None}}
    message = _message(value)
    status = _status(fields)
    if message is None:
        if status is None and fields.get("event_type") is None:
            return BadRow(line, "a row without a message")
        message = ""
    return Record(
        line,
        message,
        time_ns=_time(value, inner),
        row_id=_identifier(fields.get("id") or fields.get("_id") or fields.get("insertId")),
        isolate=_identifier(fields.get("execution_id")),
        function=_function(fields),
        function_id=_identifier(fields.get("function_id")),
        status=status,
        duration_ms=_number(fields.get("execution_time_ms")),
        boot_ms=_number(fields.get("boot_time")),
        reason=_identifier(fields.get("reason")),
    )


def _inner(value: dict[str, Any]) -> dict[str, Any]:
    """Return the object in which a shape keeps what it does not keep at the top."""
    for name in ("metadata", "log_attributes", "attributes", "event"):
        inner = value.get(name)
        if isinstance(inner, str) and inner[:1] in ("[", "{"):
            inner = _decoded(inner)  # a CSV cell, or Parquet's body
        if isinstance(inner, list) and inner:
            inner = inner[0]
        if isinstance(inner, dict) and inner:
            if name == "event":
                # {"event": {"msg": ...}} or {"event": {"Shutdown": {...}}}
                first = next(iter(inner.values()))
                return first if isinstance(first, dict) else inner
            event = value.get("event")
            return {**_inner({"event": event}), **inner} if isinstance(event, dict) else inner
    return {}


def _time(value: dict[str, Any], inner: dict[str, Any]) -> int | None:
    """Return the event's own time, where a shape carries it beside the time of ingestion.

    Both may be the event's, one of them cut to the millisecond: then the finer one.
    """
    outer = _first_time(value)
    own = _first_time(inner) if inner else None
    if own is None or (outer is not None and 0 <= outer - own < _MILLISECOND):
        return outer
    return own


def _first_time(place: dict[str, Any]) -> int | None:
    for name in _TIMES:
        if name in place and (found := time_ns(place[name])) is not None:
            return found
    return None


def _status(fields: dict[str, Any]) -> int | None:
    if _STATUSES.isdisjoint(fields):
        return None
    for name in ("status_code", "response.status_code", "response_status_code"):
        if name in fields:
            return _whole(fields[name])
    return _whole(_of_record(fields, "response", "status_code"))


def _function(fields: dict[str, Any]) -> str | None:
    """Return the slug in a row's path, wherever it keeps one."""
    if _PATHS.isdisjoint(fields):
        return None
    found = [
        fields.get(name)
        for name in ("pathname", "request.pathname", "request_pathname", "url", "request.url")
    ]
    found += [_of_record(fields, "request", name) for name in ("pathname", "url")]
    found += [f"/{fields['service_path']}"] if "service_path" in fields else []
    slugs = (_SLUG.search(path) for path in found if isinstance(path, str))
    return next((slug[1] for slug in slugs if slug), None)


def _of_record(fields: dict[str, Any], record: str, name: str) -> Any:
    """Return a field of a record that the older store keeps as an array of one."""
    value = fields.get(record)
    if isinstance(value, list):
        value = value[0] if value else None
    return value.get(name) if isinstance(value, dict) else None


def _message(value: dict[str, Any]) -> str | None:
    for name in _MESSAGES:
        message = value.get(name)
        if isinstance(message, str):
            return message
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
    """Return the event: its message after a time; the body, or an older JSON text, has the rest."""
    body = value["data"] if isinstance(value.get("data"), dict) else {}
    stamp = _STAMPED.match(value["message"])
    text = value["message"][stamp.end() :] if stamp else value["message"]
    inner = _decoded(text) if text.startswith("{") else None
    row = {**body, **inner} if isinstance(inner, dict) else {**body, "event_message": text}
    if stamp:
        row.setdefault("timestamp", stamp[1])
    return row


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _identifier(value: Any) -> str | None:
    """Return an id of a bounded alphabet; anything else is no id, and no text of a log is kept."""
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
