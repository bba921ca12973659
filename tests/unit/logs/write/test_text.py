"""Console shapes, read line by line."""

import json
import re
from itertools import pairwise

import pytest

from keyrota.logs.write import LogRow, write_log

STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z "
PICK = "[Info] 🔑 Using GOOGLE_KEY_3 (position 1/4 in pool)"


def lines(rows: list[LogRow], shape: str) -> list[str]:
    found = write_log(rows, shape).decode().split("\n")
    assert found.pop() == ""
    return found


def test_serve_stamps_every_physical_line_of_the_container(rows: list[LogRow]) -> None:
    """Nine digits each, never falling; the CLI's own first line has none."""
    first, *rest = lines(rows, "serve")
    assert first == "Setting up Edge Functions runtime..."
    assert all(re.match(STAMP, line) for line in rest)
    stamps = [line[:30] for line in rest]
    assert stamps == sorted(stamps)


def test_serve_announces_every_invocation(rows: list[LogRow]) -> None:
    """The line stands at the invocation's place, before the lines of its request."""
    texts = [re.sub(STAMP, "", line) for line in lines(rows, "serve")]
    announced = "serving the request with supabase/functions/generate-artifact"
    assert texts.count(announced) == 1
    assert texts.index(announced) == texts.index(PICK) - 1


def test_without_invocations_a_change_of_function_is_announced() -> None:
    """Lines of one function share an announcement; life-cycle rows need none."""
    functions = ["chat", "chat", "generate-image", "chat"]
    made = [LogRow(0, "booted", "Boot", function="generate-image")]
    made += [LogRow(n, f"{n}\n", function=function) for n, function in enumerate(functions)]
    announced = [line.rpartition("/")[2] for line in lines(made, "docker-logs") if line.startswith("serving")]
    assert announced == ["chat", "generate-image", "chat"]


def test_an_entry_is_followed_by_an_empty_line(rows: list[LogRow]) -> None:
    """The logger adds a newline to the console's."""
    texts = lines(rows, "docker-logs")
    assert texts[texts.index(PICK) + 1] == ""


def test_only_the_first_line_of_a_body_has_the_level(rows: list[LogRow]) -> None:
    """A body's lines stand alone: level, error, then plain JSON lines."""
    texts = lines(rows, "docker-logs")
    start = texts.index("[Error] Google AI Studio error: 429 {")
    assert texts[start + 1 : start + 3] == ['  "error": {', '    "code": 429,']
    body = "{" + "\n".join(texts[start + 1 : texts.index("}", start) + 1])
    assert json.loads(body)["error"]["code"] == 429
    assert texts[texts.index("}", start) + 1 :][:2] == ["", ""]


def test_local_shapes_have_no_boot_and_an_isolate_only_at_its_end(rows: list[LogRow]) -> None:
    """The supervisor's lines are all that is left of the life cycle."""
    texts = lines(rows, "docker-logs")
    assert not any("booted" in text or text == "[Info] shutdown" for text in texts)
    assert texts[-2:] == [
        "wall clock duration warning: isolate: 0d67aaaa-1111-4222-8333-444455556666",
        "early termination has been triggered: isolate: 0d67aaaa-1111-4222-8333-444455556666",
    ]


@pytest.mark.parametrize(
    ("reason", "start"),
    [
        ("WallClockTime", "wall clock duration reached: isolate: i (in_flight_req_exists = false)"),
        ("CPUTime", "CPU time hard limit reached: isolate: i"),
        ("Memory", "memory limit reached for the worker: isolate: i"),
    ],
)
def test_each_reason_has_its_supervisor_line(reason: str, start: str) -> None:
    """A reason that the supervisor does not print leaves nothing."""
    assert (
        lines([LogRow(0, "shutdown", "Shutdown", reason=reason, execution_id="i")], "docker-logs")[-1]
        == start
    )
    assert len(lines([LogRow(0, "shutdown", "Shutdown", reason="EventLoopCompleted")], "docker-logs")) == 2


def test_levels_are_those_of_the_runtime() -> None:
    """log becomes Info, warning becomes Warning."""
    made = [LogRow(0, "x\n", level=level) for level in ("log", "info", "warning", "error", "debug")]
    texts = [line for line in lines(made, "docker-logs") if line.startswith("[")]
    assert texts == ["[Info] x", "[Info] x", "[Warning] x", "[Error] x", "[Debug] x"]


def test_compose_puts_the_service_before_every_line(rows: list[LogRow]) -> None:
    """With -t the time follows the bar."""
    prefix = re.escape("supabase-edge-functions  | ")
    assert all(re.match(prefix, line) for line in lines(rows, "docker-compose"))
    assert all(re.match(prefix + STAMP, line) for line in lines(rows, "docker-compose-t"))
    assert f"supabase-edge-functions  | {PICK}" in lines(rows, "docker-compose")


def test_json_file_driver_has_one_object_to_a_line(rows: list[LogRow]) -> None:
    """Each text ends in its newline, times drop trailing zeros, HTML characters are escaped."""
    found = [json.loads(line) for line in lines(rows, "docker-json-file")]
    assert all(list(entry) == ["log", "stream", "time"] for entry in found)
    assert all(entry["log"].endswith("\n") and entry["log"].count("\n") == 1 for entry in found)
    assert any(entry["time"] == "2025-11-12T03:16:33.993Z" for entry in found)
    assert b"\\u003cfunction-name\\u003e" in write_log(rows, "docker-json-file")


def test_plain_console_is_the_messages_of_the_program(rows: list[LogRow]) -> None:
    """No level, no time, nothing of the runtime."""
    messages = [row.message for row in rows if row.event_type == "Log" and row.kind_of_row == "console"]
    assert write_log(rows, "console").decode() == "".join(messages)


def test_terminal_recording_colours_the_status_and_ends_lines_in_crlf(rows: list[LogRow]) -> None:
    """Only the number that was its own argument is yellow."""
    data = write_log(rows, "console-ansi")
    assert b"Google AI Studio error: \x1b[33m429\x1b[39m {\r\n" in data
    assert data.count(b"\x1b[") == 2
    assert data.count(b"\n") == data.count(b"\r\n")


def test_vector_makes_a_row_of_every_physical_line(rows: list[LogRow]) -> None:
    """Metadata is the project alone; times differ, newest first; read upwards it is the console."""
    found = json.loads(write_log(rows, "vector-rows"))
    assert all(row["metadata"] == [{"project_ref": "default"}] for row in found)
    assert len({row["id"] for row in found}) == len(found)
    times = [row["timestamp"] for row in found]
    assert all(later > earlier for later, earlier in pairwise(times))
    texts = [row["event_message"] for row in reversed(found)]
    assert texts == [text.partition("| ")[2] for text in lines(rows, "docker-compose")]


def test_event_worker_gets_one_object_for_an_event(rows: list[LogRow]) -> None:
    """The function is in the service's path, the level capitalised."""
    found = [json.loads(line) for line in lines(rows, "event-worker")]
    assert all(list(entry) == ["timestamp", "event_type", "event", "metadata"] for entry in found)
    assert found[0]["event"] == {"boot_time": 31}
    assert found[2]["event"] == {"msg": "🔑 Using GOOGLE_KEY_3 (position 1/4 in pool)\n", "level": "Info"}
    assert found[-1]["event"]["reason"] == "EarlyDrop"
    assert found[-1]["event"]["memory_used"]["heap"] == 8266584
    assert {entry["metadata"]["service_path"] for entry in found} == {
        "/home/deno/functions/generate-artifact"
    }


def test_stream_json_of_the_cli_has_its_keys_in_order(rows: list[LogRow]) -> None:
    """One object to a physical line, marked as a log entry."""
    found = [json.loads(line) for line in lines(rows, "cli-stream-json")]
    assert {tuple(entry) for entry in found} == {("type", "timestamp", "service", "stream", "line", "source")}
    assert PICK in [entry["line"] for entry in found]
