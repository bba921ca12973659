"""What the registry of shapes promises."""

import json
import subprocess
import sys

import pytest

from keyrota import errors
from keyrota.logs.write import SHAPES, LogRow, write_log

ISOLATE = b"0d67aaaa-1111-4222-8333-444455556666"
NAMES = [
    "dashboard-json", "dashboard-json-no-ids", "full-rows", "metadata-object", "api-envelope",
    "mcp-invocations", "otel", "otel-preview", "drain-http", "drain-ndjson", "drain-datadog", "drain-loki",
    "drain-axiom", "drain-syslog", "drain-syslog-lines", "old-csv", "studio-csv", "sql-subset-micros",
    "sql-subset-iso", "markdown", "markdown-table", "serve", "docker-logs", "docker-compose",
    "docker-compose-t", "docker-json-file", "console", "console-ansi", "vector-rows", "event-worker",
    "edge-logs", "cli-stream-json",
]  # fmt: skip


def test_every_shape_is_registered_under_its_name() -> None:
    """Names are stable: samples, tests and command lines use them."""
    assert sorted(SHAPES) == sorted(NAMES)
    assert all(shape.name == name and "\n" not in shape.description for name, shape in SHAPES.items())


@pytest.mark.parametrize("name", NAMES)
def test_shape_carries_what_it_says(name: str, rows: list[LogRow]) -> None:
    """Isolate, function and boot are in the bytes if and only if the shape says so."""
    shape = SHAPES[name]
    alive = [row for row in rows if row.event_type != "Shutdown"]
    data = write_log(alive, name)
    assert (ISOLATE in data) == shape.carries_isolate
    assert (b"beca0000-2222" in data) == (
        shape.carries_function == "id" or name in ("edge-logs", "mcp-invocations")
    )
    if shape.rows == "console" or shape.carries_function == "slug":
        assert (b"generate-artifact" in data) == (shape.carries_function == "slug")
    assert any(word in data for word in (b"booted (time", b'"boot_time":31}')) == shape.carries_boot


@pytest.mark.parametrize("name", NAMES)
def test_shape_without_times_takes_rows_without_times(name: str) -> None:
    """The others refuse such a row instead of inventing a time."""
    shape = SHAPES[name]
    rows = [LogRow(None, "x\n"), LogRow(None, "x", kind_of_row="invocation", function="chat")]
    if shape.carries_time:
        with pytest.raises(errors.ConfigurationError, match="without a time"):
            write_log(rows, name)
    else:
        assert b"x\n" in write_log(rows, name).replace(b"\r", b"")
    assert (shape.resolution_ns > 0) == shape.carries_time


@pytest.mark.parametrize("name", NAMES)
def test_bytes_repeat(name: str, rows: list[LogRow]) -> None:
    """Equal rows and seed give equal bytes."""
    assert write_log(rows, name, seed=3) == write_log(list(rows), name, seed=3)


@pytest.mark.parametrize("name", NAMES)
def test_no_rows_are_a_valid_file(name: str) -> None:
    """Shapes that are JSON stay JSON."""
    data = write_log([], name)
    if SHAPES[name].suffix == ".json":
        json.loads(data)


def test_unknown_shape_names_the_close_one() -> None:
    """Without a close one, all are listed."""
    with pytest.raises(errors.ConfigurationError, match='"dashboard-json"'):
        write_log([], "dashbord-json")
    with pytest.raises(errors.ConfigurationError, match="cli-stream-json"):
        write_log([], "?")


def test_writing_logs_does_not_load_pandas() -> None:
    """The package's own modules keep the start short."""
    code = (
        "import sys, keyrota.logs; before = 'pandas' in sys.modules; import keyrota.logs.write; "
        "sys.exit(not before and 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
