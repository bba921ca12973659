"""Rows as console text: a terminal, ``supabase functions serve``, docker, docker compose.

Locally there is no event of a boot, a console line names no isolate, and the end of an isolate shows
only in the supervisor's lines. A message of several lines is several physical lines, and only the
first has the level. The runtime's logger adds a newline to the console's: an empty line follows.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from keyrota.logs.write.rows import RUNTIME, LogRow
from keyrota.logs.write.stamps import iso, rfc3339_nano
from keyrota.logs.write.structured import compact

_LEVELS: Final[Mapping[str, str]] = {"warning": "Warning", "error": "Error", "debug": "Debug"}
_LINE_NS: Final = 10
"""Time from one physical line of an entry to the next."""

_COMPOSE_PREFIX: Final = "supabase-edge-functions  | "
_COLOURED_STATUS: Final = re.compile(r"(?<=Google AI Studio error: )[0-9]{3}(?= )")

# Reason of a shutdown -> the supervisor's lines; other reasons leave none.
_SUPERVISOR: Final[Mapping[str, tuple[str, ...]]] = {
    "EarlyDrop": (
        "wall clock duration warning: isolate: {}",
        "early termination has been triggered: isolate: {}",
    ),
    "WallClockTime": ("wall clock duration reached: isolate: {} (in_flight_req_exists = false)",),
    "CPUTime": ("CPU time hard limit reached: isolate: {}",),
    "Memory": ("memory limit reached for the worker: isolate: {}",),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One physical line of a container's log, without its newline."""

    time_ns: int | None
    text: str
    row_id: str = ""

    def at(self) -> int:
        """Return the time in nanoseconds, or say that there is none."""
        return LogRow(self.time_ns, self.text).at()


def serve(rows: Sequence[LogRow]) -> bytes:
    """Return the output of ``supabase functions serve``: docker's timestamp before every line."""
    start = b"Setting up Edge Functions runtime...\n"
    return start + _lines(f"{iso(line.at(), 9)} {line.text}" for line in _container(rows))


def docker_logs(rows: Sequence[LogRow]) -> bytes:
    """Return ``docker logs`` of the runtime's container."""
    return _lines(line.text for line in _container(rows))


def docker_compose(rows: Sequence[LogRow]) -> bytes:
    """Return ``docker compose logs``: the service's name before every line."""
    return _lines(_COMPOSE_PREFIX + line.text for line in _entries(rows))


def docker_compose_t(rows: Sequence[LogRow]) -> bytes:
    """Return ``docker compose logs -t``: name, then timestamp."""
    return _lines(f"{_COMPOSE_PREFIX}{iso(line.at(), 9)} {line.text}" for line in _entries(rows))


def docker_json_file(rows: Sequence[LogRow]) -> bytes:
    """Return the file of docker's ``json-file`` driver: one JSON object to a physical line."""
    return _lines(
        _go_json({"log": line.text + "\n", "stream": "stderr", "time": rfc3339_nano(line.at())})
        for line in _container(rows)
    )


def console(rows: Sequence[LogRow]) -> bytes:
    r"""Return what Deno or Node prints to a file: the messages, no time, no level.

    Examples
    --------
    >>> console([LogRow(None, "one\n"), LogRow(0, "shutdown", "Shutdown")])
    b'one\n'
    """
    return "".join(row.message for row in rows if row.event_type == "Log").encode()


def console_ansi(rows: Sequence[LogRow]) -> bytes:
    r"""Return a terminal's recording: numbers coloured, rows ended by ``\r\n``."""
    coloured = _COLOURED_STATUS.sub("\x1b[33m\\g<0>\x1b[39m", console(rows).decode())
    return coloured.replace("\n", "\r\n").encode()


def vector_rows(rows: Sequence[LogRow]) -> bytes:
    """Return self-hosted Studio's rows: each physical line is a row, newest first, metadata bare."""
    found: list[dict[str, object]] = []
    micros = -1
    for line in _entries(rows):
        # One microsecond apart at least: the store keeps no finer order.
        micros = max(line.at() // 1000, micros + 1)
        found.append(
            {
                "event_message": line.text,
                "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{line.row_id}/{len(found)}")),
                "metadata": [{"project_ref": "default"}],
                "timestamp": micros,
            }
        )
    return ("[\n  " + ",\n  ".join(compact(row) for row in reversed(found)) + "\n]").encode()


def cli_stream_json(rows: Sequence[LogRow]) -> bytes:
    """Return ``supabase logs --output stream-json`` of the local stack, one object to a line."""
    return _lines(
        compact(
            {
                "type": "log-entry",
                "timestamp": iso(line.at(), 3),
                "service": "edge-runtime",
                "stream": "stderr",
                "line": line.text,
                "source": "history",
            }
        )
        for line in _entries(rows)
    )


def event_worker(rows: Sequence[LogRow]) -> bytes:
    """Return what an event worker of the edge runtime receives, one JSON object to a line."""
    return _lines(
        compact(
            {
                "timestamp": iso(row.at(), 3),
                "event_type": row.event_type,
                "event": _event(row),
                "metadata": {
                    "service_path": f"/home/deno/functions/{row.function or ''}",
                    "execution_id": row.execution_id,
                },
            }
        )
        for row in rows
    )


def _event(row: LogRow) -> dict[str, object]:
    if row.event_type == "Boot":
        return {"boot_time": row.boot_ms}
    if row.event_type == "Shutdown":
        return {"reason": row.reason, "cpu_time_used": row.cpu_ms, "memory_used": _memory(row)}
    if row.event_type in ("BootFailure", "UncaughtException"):
        return {"msg": row.message}
    return {"msg": row.message, "level": _LEVELS.get(row.level, "Info")}


def _memory(row: LogRow) -> dict[str, object] | None:
    if row.memory_used is None:
        return None
    external, heap, total = row.memory_used
    captured = {"exceeded": False}
    return {"total": total, "heap": heap, "external": external, "mem_check_captured": captured}


def _container(rows: Sequence[LogRow]) -> Iterator[Line]:
    """Yield the lines of a runtime that the CLI started: what it serves, then the entries."""
    start = rows[0].time_ns if rows else 0
    yield Line(start, "Serving functions on http://127.0.0.1:54321/functions/v1/<function-name>")
    yield Line(start, f"Using {RUNTIME}")
    yield from _entries(rows)


def _entries(rows: Sequence[LogRow]) -> Iterator[Line]:
    # Without invocation rows, a function is announced where the lines change to it.
    is_invoked = any(row.kind_of_row == "invocation" for row in rows)
    announced: str | None = None
    for index, row in enumerate(rows):
        changes = not is_invoked and row.event_type == "Log" and row.function not in (None, announced)
        if changes or row.kind_of_row == "invocation":
            announced = row.function
            text = f"serving the request with supabase/functions/{row.function or ''}"
            yield Line(row.time_ns, text, row.row_id)
        end = rows[index + 1].time_ns if index + 1 < len(rows) else None
        for number, text in enumerate(_texts(row)):
            yield Line(_spaced(row.time_ns, number, end), text, row.row_id)


def _texts(row: LogRow) -> list[str]:
    if row.kind_of_row == "invocation" or row.event_type == "Boot":
        return []
    if row.event_type == "Shutdown":
        return [text.format(row.execution_id) for text in _SUPERVISOR.get(row.reason or "", ())]
    return f"[{_LEVELS.get(row.level, 'Info')}] {row.message}".split("\n")


def _spaced(start: int | None, number: int, end: int | None) -> int | None:
    """Return the time of an entry's n-th line: not beyond the next entry, so that order stays."""
    if start is None:
        return None
    later = start + number * _LINE_NS
    return later if end is None else max(start, min(later, end))


def _go_json(value: Mapping[str, object]) -> str:
    # Go's encoder also escapes what is special in HTML.
    text = compact(value)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _lines(lines: Iterator[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
