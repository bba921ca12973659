"""A decoded JSON value, of any of the platform's shapes, to records.

Envelopes are opened (``result``, ``logs``, ``data``, ``rows``, Loki's ``streams``), and a row's
fields are looked up where each shape keeps them: at the top, in ``metadata`` (an object, or an
array of one), or in ``log_attributes`` (dotted keys, all strings).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from keyrota.logs.json_stream import decode_json
from keyrota.logs.record import BadRow, Record
from keyrota.logs.times import ISO, time_ns
from keyrota.logs.values import identifier, number_of, shared_identifier, status_of

_ENVELOPES: Final = ("result", "logs", "data", "rows", "records", "events", "entries")
_ENVELOPE_SET: Final = frozenset(_ENVELOPES)
_LOKI_NAMES: Final = frozenset(("streams", "stream"))
_MESSAGES: Final = (
    "event_message", "message", "msg", "log", "line", "text", "textPayload", "event_name", "body",
)  # fmt: skip
_MARKS: Final = frozenset(("event", "event_type", "execution_id", "log_attributes", "status_code"))
_TIMES: Final = ("timestamp", "ts", "time", "@timestamp", "datetime", "date", "created_at")
_STATUSES: Final = frozenset(("status_code", "response.status_code", "response_status_code", "response"))
_PATHS: Final = frozenset(
    ("pathname", "request.pathname", "request_pathname", "url", "request.url", "request", "service_path")
)
_FIELDS: Final = frozenset((
    "id", "_id", "insertId", "execution_id", "function_id", "event_type", "execution_time_ms", "boot_time",
    "reason", *_STATUSES, *_PATHS,
))  # fmt: skip
_PLACES: Final = ("metadata", "log_attributes", "attributes", "event")
_DEPTH: Final = 6
_SETS_OF_NAMES: Final = 256
_NAMES_IN_SET: Final = 64
_SLUG = re.compile(r"/functions/(?:v1/)?([A-Za-z0-9_-]{1,64})")
_STAMPED = re.compile(rf"({ISO})\s+")
_NANOSECONDS = re.compile(r"[0-9]{19}")
_MILLISECOND: Final = 1_000_000


class _Names(NamedTuple):
    """Which of an object's names matter: told once for each set of names, and a log has few of these."""

    messages: tuple[str, ...]
    times: tuple[str, ...]
    fields: tuple[str, ...]
    places: tuple[str, ...]
    may_enclose: bool
    has_status: bool
    has_path: bool


def _names_of(value: dict[str, Any]) -> _Names:
    names = tuple(value)
    return _names(names) if len(names) <= _NAMES_IN_SET else _names.__wrapped__(names)


@lru_cache(maxsize=_SETS_OF_NAMES)
def _names(names: tuple[str, ...]) -> _Names:
    present = frozenset(names)
    return _Names(
        messages=tuple(name for name in _MESSAGES if name in present),
        times=tuple(name for name in _TIMES if name in present),
        fields=tuple(name for name in names if name in _FIELDS),
        places=tuple(name for name in _PLACES if name in present),
        may_enclose=not (present.isdisjoint(_ENVELOPE_SET) and present.isdisjoint(_LOKI_NAMES)),
        has_status=not present.isdisjoint(_STATUSES),
        has_path=not present.isdisjoint(_PATHS),
    )


def records_of(value: Any, line: int) -> Iterable[Record | BadRow]:
    """Return the rows that a decoded JSON value holds; a value that is no row is a bad row."""
    if isinstance(value, dict):
        names = _names_of(value)
        if not names.may_enclose:
            return (_row(value, names, line),)
    return _enclosed(value, line, 0)


def _enclosed(value: Any, line: int, depth: int) -> Iterator[Record | BadRow]:
    if depth > _DEPTH:
        yield BadRow(line, "nested too deep")
    elif isinstance(value, list):
        if _is_loki_value(value):
            yield _loki_row(value, {}, line)
            return
        for item in value:
            yield from _enclosed(item, line, depth + 1)
    elif not isinstance(value, dict):
        yield BadRow(line, "not a JSON object")
    elif isinstance(value.get("streams"), list):
        for stream in value["streams"]:
            yield from _loki(stream, line)
    elif isinstance(value.get("stream"), dict) and isinstance(value.get("values"), list):
        yield from _loki(value, line)
    elif (inside := _opened(value)) is not None:
        yield from _enclosed(inside, line, depth + 1)
    else:
        yield _row(value, _names_of(value), line)


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
    row = {**fields, "timestamp": value[0], "event_message": value[1]}
    return _row(row, _names_of(row), line)


def _row(value: dict[str, Any], names: _Names, line: int) -> Record | BadRow:
    if "ddsource" in value and isinstance(value.get("message"), str):
        value = _datadog(value)
        names = _names_of(value)
    message = _message(value, names)
    time = _first_time(value, names)
    has_status, has_path = names.has_status, names.has_path
    fields = value
    inner = _inner(value, names)
    if inner:
        of_inner = _names_of(inner)
        fields = {name: inner[name] for name in of_inner.fields}
        for name in names.fields:
            if value[name] is not None:
                fields[name] = value[name]
        time = _own_time(time, _first_time(inner, of_inner))
        has_status |= of_inner.has_status
        has_path |= of_inner.has_path
    get = fields.get
    status = _status(fields) if has_status else None
    if message is None:
        if status is None and get("event_type") is None:
            return BadRow(line, "a row without a message")
        message = ""
    return Record(
        line,
        message,
        time,
        identifier(get("id") or get("_id") or get("insertId")),
        shared_identifier(get("execution_id")),
        _function(fields) if has_path else None,
        shared_identifier(get("function_id")),
        status,
        number_of(get("execution_time_ms")),
        number_of(get("boot_time")),
        identifier(get("reason")),
    )


def _inner(value: dict[str, Any], names: _Names) -> dict[str, Any]:
    """Return the object in which a shape keeps what it does not keep at the top."""
    for name in names.places:
        inner = value[name]
        if isinstance(inner, str) and inner[:1] in ("[", "{"):
            inner = _decoded(inner)  # a CSV cell, or Parquet's body
        if isinstance(inner, list) and inner:
            inner = inner[0]
        if isinstance(inner, dict) and inner:
            if name == "event":
                return _of_event(inner)
            event = value.get("event")
            return {**_of_event(event), **inner} if isinstance(event, dict) and event else inner
    return {}


def _of_event(event: dict[str, Any]) -> dict[str, Any]:
    """Return what is in ``{"msg": ...}`` or ``{"Shutdown": {...}}``."""
    first = next(iter(event.values()))
    return first if isinstance(first, dict) else event


def _own_time(outer: int | None, own: int | None) -> int | None:
    """Return the event's own time, where a shape carries it beside the time of ingestion.

    Both may be the event's, one of them cut to the millisecond: then the finer one.
    """
    if own is None or (outer is not None and 0 <= outer - own < _MILLISECOND):
        return outer
    return own


def _first_time(place: dict[str, Any], names: _Names) -> int | None:
    for name in names.times:
        if (found := time_ns(place[name])) is not None:
            return found
    return None


def _status(fields: dict[str, Any]) -> int | None:
    for name in ("status_code", "response.status_code", "response_status_code"):
        if name in fields:
            return status_of(fields[name])
    return status_of(_of_record(fields, "response", "status_code"))


def _function(fields: dict[str, Any]) -> str | None:
    """Return the slug in a row's path, wherever it keeps one."""
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


def _message(value: dict[str, Any], names: _Names) -> str | None:
    for name in names.messages:
        message = value[name]
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
        if kind == "Boot" and (ms := number_of(place.get("boot_time"))) is not None:
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
        return decode_json(text)
    except (ValueError, RecursionError):
        return None
