"""Log drains, read with json and by the rules of RFC 5424 and 6587."""

import json
import re

import pytest

from keyrota.logs.write import LogRow, write_log

FRAME = re.compile(
    rb"<(?P<pri>[0-9]{1,3})>1 (?P<time>[0-9T:.-]{23}Z) - logflare - "
    rb"(?P<id>[A-Z2-7]{26}|-) - (?P<body>\{.*\})",
    re.DOTALL,
)


def bodies(rows: list[LogRow], shape: str) -> list[dict]:
    lines = write_log(rows, shape).decode().split("\n")
    assert lines.pop() == ""
    return [json.loads(line) for line in lines]


def test_http_drain_sends_arrays_in_order_and_ends_batches_after_a_second(rows: list[LogRow]) -> None:
    """Batches are lines; metadata is an object without empty fields."""
    batches = bodies(rows, "drain-http")
    assert [len(batch) for batch in batches] == [6, 1]
    events = [event for batch in batches for event in batch]
    assert [list(event) for event in events] == [["id", "timestamp", "event_message", "metadata"]] * 7
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)
    assert None not in events[0]["metadata"].values()
    assert events[0]["metadata"]["boot_time"] == 31


def test_http_drain_ends_batches_after_250_events() -> None:
    """No batch is larger than the platform's."""
    rows = [LogRow(1_000_000_000, str(n)) for n in range(600)]
    assert [len(batch) for batch in bodies(rows, "drain-http")] == [250, 250, 100]


def test_ndjson_drain_is_one_event_to_a_line(rows: list[LogRow]) -> None:
    """Invocations carry request and response as objects."""
    events = bodies(rows, "drain-ndjson")
    assert len(events) == 7
    (invocation,) = (event for event in events if "request" in event["metadata"])
    assert invocation["metadata"]["request"]["pathname"] == "/functions/v1/generate-artifact"
    assert invocation["metadata"]["response"]["status_code"] == 429


def test_datadog_puts_the_time_in_front_of_the_message(rows: list[LogRow]) -> None:
    """The event itself is in data, the source's name in service."""
    events = [event for batch in bodies(rows, "drain-datadog") for event in batch]
    pick = next(event for event in events if "GOOGLE_KEY" in event["message"])
    assert list(pick) == ["message", "ddsource", "service", "data"]
    assert pick["message"] == "2025-11-12T03:16:33.993000Z 🔑 Using GOOGLE_KEY_3 (position 1/4 in pool)\n"
    assert pick["service"] == "deno-subhosting-events"
    assert pick["data"]["timestamp"] == 1762917393993000


def test_loki_reverses_values_and_flattens_metadata_to_strings(rows: list[LogRow]) -> None:
    """Times are texts of nanoseconds; each source is a stream."""
    streams = json.loads(write_log(rows, "drain-loki"))["streams"]
    assert [stream["stream"] for stream in streams] == [
        {"service": "deno-relay-logs", "source": "supabase"},
        {"service": "deno-subhosting-events", "source": "supabase"},
    ]
    values = streams[1]["values"]
    times = [value[0] for value in values]
    assert times == sorted(times, reverse=True)
    assert all(re.fullmatch("[0-9]{16}000", time) for time in times)
    assert values[-1][1] == "booted (time: 31ms)"
    labels = values[-1][2]
    assert labels["metadata_event_type"] == "Boot"
    assert "timestamp" not in labels
    assert "metadata_timestamp" in labels
    assert all(type(value) is str for value in labels.values())


def test_axiom_has_iso_times(rows: list[LogRow]) -> None:
    """Otherwise it is the HTTP drain."""
    events = [event for batch in bodies(rows, "drain-axiom") for event in batch]
    assert events[0]["timestamp"] == "2025-11-12T03:16:33.983000Z"
    assert list(events[0]) == ["id", "timestamp", "event_message", "metadata"]


def test_syslog_octet_counts_lead_from_frame_to_frame(rows: list[LogRow]) -> None:
    """The count is of bytes; nothing stands between two frames."""
    data = write_log(rows, "drain-syslog")
    frames = []
    while data:
        length, _, data = data.partition(b" ")
        frames.append(data[: int(length)])
        data = data[int(length) :]
    found = [FRAME.fullmatch(frame) for frame in frames]
    assert all(found)
    assert len(found) == 7
    messages = [json.loads(match["body"])["event_message"] for match in found]
    assert messages == [row.message for row in rows]
    assert {match["pri"] for match in found} == {b"134", b"131"}


def test_syslog_lines_are_the_same_frames_to_a_line(rows: list[LogRow]) -> None:
    """A relay drops the counts."""
    lines = write_log(rows, "drain-syslog-lines").split(b"\n")
    assert lines.pop() == b""
    assert all(FRAME.fullmatch(line) for line in lines)
    assert len(lines) == 7


@pytest.mark.parametrize(("row_id", "expected"), [("not a uuid", "-"), ("", "-")])
def test_syslog_message_id_without_a_uuid_is_nil(row_id: str, expected: str) -> None:
    """RFC 5424 writes what is absent as a hyphen."""
    line = write_log([LogRow(0, "x", row_id=row_id)], "drain-syslog-lines")
    assert FRAME.match(line)["id"].decode() == expected
