"""Decoded JSON values to records."""

from __future__ import annotations

from typing import Any

import pytest

from keyrota.logs.objects import is_log_value, records_of
from keyrota.logs.record import BadRow, Record

NS = 1_762_917_393_993_000_000
MICROS = NS // 1000


def only(value: Any) -> Record:
    (record,) = records_of(value, 7)
    assert isinstance(record, Record)
    assert record.line == 7
    return record


ROW = {"event_message": "hello", "id": "a1", "timestamp": MICROS}


@pytest.mark.parametrize(
    "envelope",
    [
        [ROW],
        {"result": [ROW], "error": None},
        {"result": {"result": [ROW]}},
        {"logs": [ROW]},
        {"data": [ROW], "message": "success"},
        {"status": "success", "data": {"result": [ROW]}},
        {"rows": [ROW], "schema": []},
        {"events": [ROW], "nextToken": "x"},
        [[ROW]],
        {"streams": [{"stream": {}, "values": [[str(NS), "hello", {"id": "a1"}]]}]},
        {
            "data": {
                "resultType": "streams",
                "result": [{"stream": {"id": "a1"}, "values": [[str(NS), "hello"]]}],
            }
        },
    ],
)
def test_envelopes_are_opened(envelope: Any) -> None:
    """API answers, Loki's pushes and query results, arrays in arrays."""
    assert is_log_value(envelope)
    record = only(envelope)
    assert (record.message, record.row_id, record.time_ns) == ("hello", "a1", NS)


@pytest.mark.parametrize(
    "row",
    [
        {**ROW, "execution_id": "iso-1", "function_id": "f-1"},
        {**ROW, "metadata": [{"execution_id": "iso-1", "function_id": "f-1"}]},
        {**ROW, "metadata": {"execution_id": "iso-1", "function_id": "f-1"}},
        {**ROW, "metadata": '[{"execution_id": "iso-1", "function_id": "f-1"}]'},
        {**ROW, "log_attributes": {"execution_id": "iso-1", "function_id": "f-1"}},
        {**ROW, "execution_id": None, "metadata": {"execution_id": "iso-1", "function_id": "f-1"}},
    ],
)
def test_ids_are_found_where_each_shape_keeps_them(row: Any) -> None:
    """At the top, in metadata of three forms, in attributes; a null at the top hides nothing."""
    record = only(row)
    assert (record.isolate, record.function_id) == ("iso-1", "f-1")


@pytest.mark.parametrize(
    "row",
    [
        {"status_code": 429, "pathname": "/functions/v1/chat"},
        {"metadata": [{"request": [{"pathname": "/functions/v1/chat"}], "response": [{"status_code": 429}]}]},
        {
            "metadata": {
                "request": {"url": "https://x/functions/v1/chat?a=1"},
                "response": {"status_code": 429},
            }
        },
        {"log_attributes": {"request.pathname": "/functions/v1/chat", "response.status_code": "429"}},
    ],
)
def test_invocations(row: dict[str, Any]) -> None:
    """Status and slug, wherever request and response are kept."""
    record = only({"event_message": "x", **row})
    assert (record.status, record.function) == (429, "chat")


def test_the_events_own_time_counts() -> None:
    """Ingestion may be half a second later; where both are the event's, the finer one is taken."""
    own = {"timestamp": "2025-11-12T03:16:33.993Z"}
    assert only({**ROW, "timestamp": MICROS + 570_000, "metadata": [own]}).time_ns == NS
    assert only({**ROW, "timestamp": MICROS + 123, "metadata": [own]}).time_ns == NS + 123_000
    assert only({**ROW, "metadata": [{"timestamp": None}]}).time_ns == NS


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"event": {"msg": "hi\n", "level": "Info"}, "event_type": "Log"}, "hi\n"),
        ({"event": {"boot_time": 31}, "event_type": "Boot"}, "booted (time: 31ms)"),
        ({"event": {"reason": "EarlyDrop"}, "event_type": "Shutdown"}, "shutdown"),
        ({"event": {"Shutdown": {"reason": "EarlyDrop"}}}, "shutdown"),
        ({"event": {"Boot": {"boot_time": 31}}}, "booted (time: 31ms)"),
        ({"event": "structlog says this", "level": "info"}, "structlog says this"),
        ({"textPayload": "hi", "insertId": "a"}, "hi"),
        ({"log": "hi\n", "stream": "stderr", "time": "2025-11-12T03:16:33.993Z"}, "hi\n"),
        ({"event_type": "Log", "execution_id": "iso-1"}, ""),
    ],
)
def test_messages_are_found(row: dict[str, Any], message: str) -> None:
    """An event worker's two forms, logging libraries, docker, metadata copied alone."""
    assert only(row).message == message


def test_shutdown_reason_and_boot_time() -> None:
    """They come from an event worker's event too."""
    shutdown = only(
        {"event": {"reason": "CPUTime"}, "event_type": "Shutdown", "metadata": {"execution_id": "i"}}
    )
    assert (shutdown.reason, shutdown.isolate) == ("CPUTime", "i")
    assert only({"event": {"Shutdown": {"reason": "CPUTime"}}}).reason == "CPUTime"


@pytest.mark.parametrize(
    "message", ["2025-11-12T03:16:33.993000Z hello", '2025-11-12T03:16:33.993Z {"event_message":"hello"}']
)
def test_datadog(message: str) -> None:
    """The time stands in the message; an older form has the whole event there as JSON."""
    record = only(
        {"ddsource": "Supabase", "message": message, "data": {"id": "a1", "metadata": {"execution_id": "i"}}}
    )
    assert (record.message, record.time_ns, record.row_id, record.isolate) == ("hello", NS, "a1", "i")


@pytest.mark.parametrize(
    "value",
    [
        1,
        "x",
        None,
        {},
        {"a": 1},
        [1],
        {"streams": [1]},
        {"streams": [{"values": [["1"]]}]},
        [[[[[[[[{}]]]]]]]],
    ],
)
def test_what_is_no_row_is_a_bad_row(value: Any) -> None:
    """Each with a reason, none with an exception."""
    (bad,) = records_of(value, 1)
    assert isinstance(bad, BadRow)
    assert bad.reason


@pytest.mark.parametrize("odd", [[], {}, True, 1.5, "two words", "x" * 81, "ü", "a\nb", 10**30, None])
def test_ids_are_of_a_bounded_alphabet(odd: Any) -> None:
    """No text of a log gets through as an id, a number or a name."""
    record = only(
        {
            "event_message": "x",
            "id": odd,
            "execution_id": odd,
            "function_id": odd,
            "reason": odd,
            "status_code": odd,
        }
    )
    assert (record.row_id, record.isolate, record.function_id, record.reason, record.status) == (None,) * 5


@pytest.mark.parametrize(
    "value", [{"a": 1}, {"name": "pkg", "version": "1"}, [1, 2], [["a", "b"]], 5, {"error": {}}]
)
def test_other_json_is_no_log(value: Any) -> None:
    """A package file or an error body is not taken for rows."""
    assert not is_log_value(value)
