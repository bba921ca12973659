"""Shapes of the platform's queries, read with the json module."""

import json

import pytest

from keyrota.logs.write import LogRow, write_log

ALPHABETICAL = ["event_message", "event_type", "execution_id", "function_id", "id", "level", "timestamp"]


def read(rows: list[LogRow], shape: str):
    return json.loads(write_log(rows, shape))


def test_dashboard_rows_have_alphabetical_columns_newest_first(rows: list[LogRow]) -> None:
    """Times are integers of microseconds that end in 000 and never rise."""
    found = read(rows, "dashboard-json")
    assert [list(row) for row in found] == [ALPHABETICAL] * 6
    times = [row["timestamp"] for row in found]
    assert times == sorted(times, reverse=True)
    assert all(type(time) is int and time % 1000 == 0 and len(str(time)) == 16 for time in times)
    assert found[-1]["event_message"] == "booted (time: 31ms)"
    assert found[0]["level"] == "log"


def test_dashboard_download_has_no_final_newline_and_raw_emoji(rows: list[LogRow]) -> None:
    """Characters stand as UTF-8, newlines as escapes, nothing follows the bracket."""
    data = write_log(rows, "dashboard-json")
    assert data.endswith(b"}\n]")
    assert "🔑 Using GOOGLE_KEY_3 (position 1/4 in pool)\\n".encode() in data


def test_seed_moves_only_rows_of_one_millisecond(rows: list[LogRow]) -> None:
    """Pick and pool line swap under some seed, all else stays."""
    texts = {write_log(rows, "dashboard-json", seed=seed) for seed in range(20)}
    assert len(texts) == 2
    first, second = (json.loads(text) for text in texts)
    assert [row["timestamp"] for row in first] == [row["timestamp"] for row in second]


def test_older_dashboard_has_no_isolate(rows: list[LogRow]) -> None:
    """There is no key execution_id at all."""
    for row in read(rows, "dashboard-json-no-ids"):
        assert list(row) == [name for name in ALPHABETICAL if name != "execution_id"]


@pytest.mark.parametrize("shape", ["full-rows", "metadata-object"])
def test_metadata_holds_what_the_store_knows(rows: list[LogRow], shape: str) -> None:
    """Absent numbers are null, absent records empty arrays, versions text."""
    found = read(rows, shape)
    assert [list(row) for row in found] == [["event_message", "id", "metadata", "timestamp"]] * 6
    metadata = [row["metadata"][0] if shape == "full-rows" else row["metadata"] for row in found]
    shutdown, boot = metadata[0], metadata[-1]
    assert list(boot) == sorted(boot)
    assert (boot["boot_time"], boot["reason"], boot["memory_used"]) == (31, None, [])
    assert boot["version"] == "26"
    assert boot["deployment_id"] == "abcdefghijklmnopqrst_beca0000-2222-4333-8444-555566667777_26"
    assert boot["timestamp"] == "2025-11-12T03:16:33.983Z"
    assert (shutdown["reason"], shutdown["cpu_time_used"]) == ("EarlyDrop", 62)
    assert shutdown["memory_used"] == [{"external": 3024285, "heap": 8266584, "total": 11290869}]


def test_api_answer_wraps_rows_and_states_no_error(rows: list[LogRow]) -> None:
    """Keys are result and error; the whole answer is one line."""
    data = write_log(rows, "api-envelope")
    assert b"\n" not in data
    answer = json.loads(data)
    assert list(answer) == ["result", "error"]
    assert answer["error"] is None
    assert len(answer["result"]) == 6


def test_mcp_answer_holds_invocations_only(rows: list[LogRow]) -> None:
    """No console line and no isolate is in it."""
    (row,) = read(rows, "mcp-invocations")["result"]["result"]
    assert list(row) == sorted(row)
    assert "execution_id" not in row
    assert row["status_code"] == 429
    assert row["event_message"].startswith("POST | 429 | https://")


def test_clickhouse_attributes_are_strings(rows: list[LogRow]) -> None:
    """Times have no zone, attributes dotted names and no null."""
    found = read(rows, "otel")
    assert len(found) == 7
    assert {row["source"] for row in found} == {"function_logs", "function_edge_logs"}
    for row in found:
        assert len(row["timestamp"]) == 26
        assert row["timestamp"].endswith("000")
        assert all(type(value) is str for value in row["log_attributes"].values())
    assert found[0]["log_attributes"]["memory_used.total"] == "11290869"
    assert found[-1]["timestamp"] == "2025-11-12T03:16:33.983000"
    (invocation,) = (row for row in found if row["source"] == "function_edge_logs")
    assert invocation["log_attributes"]["request.pathname"] == "/functions/v1/generate-artifact"
    assert invocation["log_attributes"]["response.status_code"] == "429"


def test_clickhouse_preview_has_columns_in_select_order(rows: list[LogRow]) -> None:
    """The page converts times back to microseconds."""
    row = read(rows, "otel-preview")[0]
    assert list(row) == [
        "id", "timestamp", "event_message", "event_type", "function_id", "execution_id", "level",
    ]  # fmt: skip
    assert type(row["timestamp"]) is int


def test_own_query_has_its_two_columns(rows: list[LogRow]) -> None:
    """The alias ts holds ISO without zone."""
    found = read(rows, "sql-subset-iso")
    assert list(found[-1].items()) == [
        ("ts", "2025-11-12T03:16:33.983000"),
        ("event_message", "booted (time: 31ms)"),
    ]


def test_edge_rows_nest_request_and_response_in_arrays(rows: list[LogRow]) -> None:
    """The path holds the slug that console rows lack."""
    (row,) = read(rows, "edge-logs")
    (metadata,) = row["metadata"]
    assert metadata["request"][0]["pathname"] == "/functions/v1/generate-artifact"
    assert metadata["request"][0]["method"] == "POST"
    assert metadata["response"][0]["status_code"] == 429
    assert metadata["execution_time_ms"] == 1056
    assert metadata["execution_id"] == "0d67aaaa-1111-4222-8333-444455556666"
