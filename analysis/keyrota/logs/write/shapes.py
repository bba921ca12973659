"""The shapes in which a log reaches a user, by name, and what each of them loses."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError
from keyrota.logs.write import drains, structured, tables, text
from keyrota.logs.write.rows import LogRow, newest_first

_NS, _US, _MS = 1, 1000, 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One shape of a log: how it is written and what it carries.

    Parameters
    ----------
    name
        The name by which `write_log` knows it.
    function
        Writes rows that are chosen and ordered already.
    carries_time, carries_isolate
        Whether times and execution ids of console rows are in it.
    carries_function
        ``"slug"``, ``"id"`` (the UUID only), or ``""`` where a line does not say its function.
    carries_boot
        Whether boots are in it; where not, a new isolate shows in its ``Listening on`` line at most.
    rows
        Which kind of row it holds. In local shapes an invocation is the line ``serving the request``.
    newest_first
        Whether rows come newest first, those of one millisecond in no order.
    resolution_ns
        The resolution of its times in nanoseconds, 0 where there are none.
    suffix
        The usual ending of such a file's name.
    description
        One line for people.
    """

    name: str
    function: Callable[[Sequence[LogRow]], bytes]
    description: str
    carries_time: bool = True
    carries_isolate: bool = True
    carries_function: Literal["", "id", "slug"] = "id"
    carries_boot: bool = True
    rows: Literal["console", "invocation", "all"] = "console"
    newest_first: bool = False
    resolution_ns: int = _MS
    suffix: str = ".json"

    @property
    def is_local(self) -> bool:
        """Whether it is a local runtime's: a request shows when it arrives, not when it is answered."""
        return self.rows == "all" and not self.carries_isolate

    def write(self, rows: Sequence[LogRow], *, seed: int | np.random.Generator = 0) -> bytes:
        """Return the rows of this shape's kind as bytes; see `write_log`."""
        chosen = [row for row in rows if self.rows in ("all", row.kind_of_row)]
        return self.function(newest_first(chosen, seed) if self.newest_first else chosen)


def write_log(rows: Sequence[LogRow], shape: str, *, seed: int | np.random.Generator = 0) -> bytes:
    r"""Return rows as the bytes of a log file in one of `SHAPES`.

    Parameters
    ----------
    rows
        Rows in time order. Those of a kind that the shape does not hold are left out.
    shape
        A name in `SHAPES`.
    seed
        For the order of rows of one millisecond, in the shapes that scramble them.

    Raises
    ------
    ConfigurationError
        If there is no such shape, or a row has no time and the shape needs one.

    Examples
    --------
    >>> write_log([LogRow(None, "🔑 Using GOOGLE_KEY_1 (position 1/2 in pool)\n")], "console").decode()
    '🔑 Using GOOGLE_KEY_1 (position 1/2 in pool)\n'
    """
    return shape_of(shape).write(rows, seed=seed)


def shape_of(shape: str) -> Shape:
    """Return a shape by its name.

    Raises
    ------
    ConfigurationError
        If there is none; it names the closest, or all.

    Examples
    --------
    >>> shape_of("serve").carries_isolate
    False
    """
    found = SHAPES.get(shape)
    if found is None:
        close = difflib.get_close_matches(str(shape), SHAPES, n=1)
        hint = f"did you mean {shown(close[0])}?" if close else f"shapes are {listed(list(SHAPES), limit=99)}"
        raise ConfigurationError(f"log shape: no {shown(shape)}; {hint}")
    return found


# What the shapes of one family have in common.
_query = partial(Shape, newest_first=True)
_invocations = partial(_query, rows="invocation", carries_function="slug", carries_boot=False)
_drain = partial(Shape, rows="all", resolution_ns=_US, suffix=".ndjson")
_plain = partial(Shape, carries_isolate=False, carries_boot=False, suffix=".log")
_local = partial(_plain, rows="all", carries_function="slug", resolution_ns=_NS)

_SHAPES: Final = (
    _query(
        name="dashboard-json",
        function=structured.dashboard_json,
        description="dashboard, Download JSON: newest first, microseconds that end in 000",
    ),
    _query(
        name="dashboard-json-no-ids",
        function=structured.dashboard_json_no_ids,
        description="dashboard JSON until spring 2026: no execution_id",
        carries_isolate=False,
    ),
    _query(
        name="full-rows",
        function=structured.full_rows,
        description="whole rows: metadata is an array of one object",
    ),
    _query(
        name="metadata-object",
        function=structured.metadata_object,
        description="whole rows flattened by hand: metadata is an object",
    ),
    _query(
        name="api-envelope",
        function=structured.api_envelope,
        description='Management API: {"result":[...],"error":null}',
    ),
    _invocations(
        name="mcp-invocations",
        function=structured.mcp_invocations,
        description="MCP get_logs: invocations only, no isolate, no pick",
        carries_isolate=False,
    ),
    _query(
        name="otel",
        function=structured.otel,
        description="ClickHouse rows: log_attributes of strings, ISO times without zone",
        rows="all",
    ),
    _query(
        name="otel-preview",
        function=structured.otel_preview,
        description="ClickHouse rows as the log page shows them: columns in SELECT order",
    ),
    _drain(
        name="drain-http",
        function=drains.drain_http,
        description="generic HTTP drain: a JSON array of events to a line, metadata is an object",
    ),
    _drain(
        name="drain-ndjson",
        function=drains.drain_ndjson,
        description="drain events, one JSON object to a line",
    ),
    _drain(
        name="drain-datadog",
        function=drains.drain_datadog,
        description="Datadog drain: time in front of the message, event in data",
    ),
    _drain(
        name="drain-loki",
        function=drains.drain_loki,
        description="Loki drain: one object with streams, values reversed, nanosecond text",
        suffix=".json",
    ),
    _drain(
        name="drain-axiom",
        function=drains.drain_axiom,
        description="Axiom drain: as drain-http with ISO times",
    ),
    _drain(
        name="drain-syslog",
        function=drains.drain_syslog,
        description="syslog drain: RFC 5424 frames with octet counts, no newline between them",
        suffix=".log",
    ),
    _drain(
        name="drain-syslog-lines",
        function=drains.drain_syslog_lines,
        description="syslog drain stored by a relay: RFC 5424, one message to a line",
        suffix=".log",
    ),
    _query(
        name="old-csv",
        function=tables.old_csv,
        description="dashboard CSV until 2025: byte order mark, all quoted, quotes not doubled",
        carries_isolate=False,
        suffix=".csv",
    ),
    _query(
        name="studio-csv",
        function=tables.studio_csv,
        description="dashboard CSV of the newer Studio: CRLF rows, quotes where needed",
        suffix=".csv",
    ),
    _query(
        name="sql-subset-micros",
        function=tables.sql_subset_micros,
        description="CSV of a user's own query: timestamp,event_message",
        carries_isolate=False,
        carries_function="",
        suffix=".csv",
    ),
    _query(
        name="sql-subset-iso",
        function=structured.sql_subset_iso,
        description="JSON of a user's own query: ts as ISO without zone, event_message",
        carries_isolate=False,
        carries_function="",
    ),
    _query(
        name="markdown",
        function=tables.markdown,
        description="dashboard, Copy as Markdown: a section for each row",
        suffix=".md",
    ),
    _query(
        name="markdown-table",
        function=tables.markdown_table,
        description="results pane, Copy as Markdown: a pipe table",
        suffix=".md",
    ),
    _local(
        name="serve",
        function=text.serve,
        description="supabase functions serve: docker's timestamp before every physical line",
    ),
    _local(
        name="docker-logs",
        function=text.docker_logs,
        description="docker logs of the local runtime: no times",
        carries_time=False,
        resolution_ns=0,
    ),
    _local(
        name="docker-compose",
        function=text.docker_compose,
        description="docker compose logs: the service's name before every line",
        carries_time=False,
        resolution_ns=0,
    ),
    _local(
        name="docker-compose-t",
        function=text.docker_compose_t,
        description="docker compose logs -t: name, then timestamp",
    ),
    _local(
        name="docker-json-file",
        function=text.docker_json_file,
        description="docker's json-file driver: log, stream, time",
    ),
    _plain(
        name="console",
        function=text.console,
        description="plain Deno or Node: messages only",
        carries_function="",
        carries_time=False,
        resolution_ns=0,
        suffix=".txt",
    ),
    _plain(
        name="console-ansi",
        function=text.console_ansi,
        description="a terminal's recording: coloured numbers, CRLF",
        carries_function="",
        carries_time=False,
        resolution_ns=0,
        suffix=".txt",
    ),
    _local(
        name="vector-rows",
        function=text.vector_rows,
        description="self-hosted Studio: each physical line is a row, newest first",
        resolution_ns=_US,
        suffix=".json",
    ),
    Shape(
        name="event-worker",
        function=text.event_worker,
        description="event worker of the edge runtime: one JSON object to a line",
        carries_function="slug",
        suffix=".ndjson",
    ),
    _invocations(
        name="edge-logs",
        function=structured.edge_logs,
        description="whole rows of function_edge_logs: invocations with request and response",
    ),
    _local(
        name="cli-stream-json",
        function=text.cli_stream_json,
        description="supabase logs of the local stack: one JSON object to a physical line",
        resolution_ns=_MS,
        suffix=".ndjson",
    ),
)

SHAPES: Final[Mapping[str, Shape]] = {shape.name: shape for shape in _SHAPES}
"""Every shape by its name."""
