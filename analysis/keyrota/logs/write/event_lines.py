"""What the application or its runtime prints at each kind of event, and the fields of that log row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar, cast

from keyrota.logs.write import messages as m
from keyrota.logs.write.gemini import Cause, Generation, overloaded_body, quota_error_body

T = TypeVar("T")
_Line = tuple[str, dict[str, Any]]


class Event(NamedTuple):
    """A row of the table, ``None`` where it holds nothing."""

    time_ns: int | None
    kind: str
    pool: str | None
    key: int | None
    position: int | None
    size: int | None
    function: str | None
    isolate: str | None
    model: str | None
    status: int | None
    cause: str | None
    limit: int | None
    retry_after_s: float | None
    duration_ms: float | None


class MissingError(Exception):
    """Names what a line must say and a row does not hold."""


def _pick(event: Event, _: str) -> _Line:
    position, size = _needed(event.position, "position"), _needed(event.size, "size")
    if event.key is None:
        return m.pick_message_numbered(_needed(event.pool, "key or pool"), position, size), {}
    return m.pick_message(event.key, position, size), {}


def _pool(event: Event, _: str) -> _Line:
    return m.pool_message(_needed(event.pool, "pool"), _needed(event.size, "size")), {}


def _rejection(event: Event, _: str) -> _Line:
    emoji = event.function == "chat"
    limit = 0 if event.cause == "no-quota" else event.limit
    if event.cause is None or event.cause == "unknown":
        body = quota_error_body("per-minute", 0, None, None, "D")
    else:
        # Of a limit that is not known, generation B's message would say 0: that there is no quota.
        generation: Generation = "A" if limit is None else "B"
        cause = cast(Cause, event.cause)
        body = quota_error_body(cause, limit or 0, event.model, event.retry_after_s, generation)
    return m.error_message(429, body, emoji=emoji), {"level": "error"}


def _retry(event: Event, row_id: str) -> _Line:
    status = event.status or 429
    if event.retry_after_s is None:
        return m.max_retries_message(row_id[:8], status), {}
    return m.retry_message(row_id[:8], 1, 1, round(event.retry_after_s * 1000), status), {}


def _boot(event: Event, _: str) -> _Line:
    ms = round(_needed(event.duration_ms, "duration_ms"))
    return m.boot_message(ms), {"event_type": "Boot", "boot_ms": ms}


def _shutdown(event: Event, _: str) -> _Line:
    return m.shutdown_message(), {"event_type": "Shutdown", "reason": event.cause}


def _invocation(event: Event, _: str) -> _Line:
    function = _needed(event.function, "function")
    ms = event.duration_ms
    duration = ms if ms is None or ms % 1 else int(ms)
    fields = {"kind_of_row": "invocation", "status": event.status, "duration_ms": duration}
    if event.status is None:  # a local log's: it tells that a request came
        return f"serving the request with supabase/functions/{function}\n", fields
    return m.invocation_message("POST", event.status, function), fields


def _warning(event: Event, _: str) -> _Line:
    if event.cause == "overloaded":
        return m.error_message(503, overloaded_body()), {"level": "error"}
    if event.cause == "failed-call":
        return m.error_message(_needed(event.status, "status"), "{}\n"), {"level": "error"}
    _needed(event.cause, "cause")
    pool, fields = _needed(event.pool, "pool"), {"level": "warning"}
    if event.position is not None:
        return m.invalid_format_message_numbered(pool, event.position), fields
    return m.invalid_format_message(pool), fields


LINES: Final[Mapping[str, Callable[[Event, str], _Line]]] = {
    "pick": _pick,
    "pool": _pool,
    "rejection": _rejection,
    "retry": _retry,
    "boot": _boot,
    "listening": lambda event, _: (m.LISTENING, {}),
    "shutdown": _shutdown,
    "invocation": _invocation,
    "warning": _warning,
}
"""For each kind of event: the message and the other fields of its `LogRow`, of the event and the row's id."""


def _needed(value: T | None, name: str) -> T:
    if value is None:
        raise MissingError(name)
    return value
