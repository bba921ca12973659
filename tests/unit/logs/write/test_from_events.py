"""Event tables as log rows."""

import json
import time
import uuid
from itertools import cycle, islice

import numpy as np
import pandas as pd
import pytest

from keyrota.errors import ConfigurationError
from keyrota.events import COLUMNS, make_events
from keyrota.logs.read import read_logs
from keyrota.logs.write import LogRow, function_id, rows_of, write_events_as_log, write_log
from keyrota.pools.load import load_pools

NS = 1_762_917_393_000_000_000
ISOLATE = "0d67aaaa-1111-4222-8333-444455556666"
NAMES = [name for name in COLUMNS if name not in ("source", "line")]


def events_of(*rows: dict) -> pd.DataFrame:
    """Return a table of one isolate of generate-artifact, a second from row to row."""
    shared = {"isolate": ISOLATE, "function": "generate-artifact", "pool": "ARTIFACT"}
    made = [{"time": NS + n * 10**9, **shared, **row} for n, row in enumerate(rows)]
    return make_events({name: [row.get(name) for row in made] for name in COLUMNS})


EVERY_KIND = events_of(
    {"kind": "boot", "duration_ms": 31},
    {"kind": "listening"},
    {"kind": "pick", "key": 3, "position": 1, "size": 4},
    {"kind": "warning", "cause": "invalid-key-format"},
    {"kind": "warning", "cause": "invalid-key-format", "position": 1},
    {"kind": "pool", "size": 4},
    {"kind": "rejection", "status": 429, "cause": "per-minute", "limit": 2, "retry_after_s": 36.729760048,
     "model": "gemini-2.5-pro"},
    {"kind": "rejection", "status": 429, "cause": "per-day", "limit": 50, "retry_after_s": 0.000000001},
    {"kind": "rejection", "status": 429, "cause": "tokens-per-minute", "limit": 125_000},
    {"kind": "rejection", "status": 429, "cause": "no-quota", "limit": 0, "model": "gemini-2.5-pro"},
    {"kind": "rejection", "status": 429, "cause": "unknown"},
    {"kind": "retry", "status": 429, "retry_after_s": 1.5},
    {"kind": "retry", "status": 503, "retry_after_s": 2.0},
    {"kind": "retry", "status": 429},
    {"kind": "warning", "status": 503, "cause": "overloaded"},
    {"kind": "warning", "status": 500, "cause": "failed-call"},
    {"kind": "invocation", "status": 429, "duration_ms": 1056},
    {"kind": "invocation", "status": 200, "duration_ms": 0},
    {"kind": "invocation", "status": 200, "duration_ms": 2.5},
    {"kind": "invocation"},
    {"kind": "shutdown", "cause": "EarlyDrop"},
    {"kind": "shutdown"},
)  # fmt: skip


def test_every_kind_of_row_is_read_back(tmp_path):
    """A table with every kind, also of those that only read logs have, survives a drain."""
    path = tmp_path / "day.ndjson"
    path.write_bytes(write_events_as_log(EVERY_KIND, "drain-ndjson"))
    found = read_logs(path, pools=load_pools())
    for name in NAMES:
        theirs, mine = (table[name].astype(object).tolist() for table in (found, EVERY_KIND))
        assert [None if pd.isna(value) else value for value in theirs] == [
            None if pd.isna(value) else value for value in mine
        ], name


@pytest.mark.parametrize("seed", range(3))
def test_delays_are_read_back_to_the_last_digit(seed, tmp_path):
    """Whole nanoseconds up to a day come back as the same float."""
    delays = np.random.default_rng(seed).integers(0, 86_400 * 10**9, 300) / 1e9
    delays[:100] /= 1e5
    delays = np.round(delays * 1e9) / 1e9
    fields = {"kind": "rejection", "status": 429, "cause": "per-day", "limit": 50}
    path = tmp_path / "day.ndjson"
    path.write_bytes(
        write_events_as_log(events_of(*({**fields, "retry_after_s": d} for d in delays)), "drain-ndjson")
    )
    assert read_logs(path, pools=load_pools())["retry_after_s"].tolist() == delays.tolist()


def test_what_is_finer_than_a_line_is_rounded():
    """Boots and announced waits are whole milliseconds, delays nanoseconds."""
    boot, retry, rejection = rows_of(
        events_of(
            {"kind": "boot", "duration_ms": 31.4},
            {"kind": "retry", "status": 429, "retry_after_s": 1.0004},
            {"kind": "rejection", "cause": "per-day", "limit": 50, "retry_after_s": 1.00000000049},
        )
    )
    assert (boot.boot_ms, boot.message) == (31, "booted (time: 31ms)")
    assert retry.message.endswith("after 1000ms\n")
    assert "retry in 1s." in rejection.message


def test_a_cause_without_a_limit_keeps_its_cause(tmp_path):
    """The body of 2025 tells the cause and whole seconds, and no limit that nobody knows."""
    events = events_of(
        {"kind": "rejection", "status": 429, "cause": "per-day", "retry_after_s": 5.5, "model": "m"},
        {"kind": "rejection", "status": 429},
    )
    path = tmp_path / "day.ndjson"
    path.write_bytes(write_events_as_log(events, "drain-ndjson"))
    found = read_logs(path, pools=load_pools())
    assert found["cause"].tolist() == ["per-day", "unknown"]
    assert found["limit"].isna().all()
    assert found["retry_after_s"].tolist()[0] == 5.0


def test_a_pool_line_takes_the_size_of_its_isolates_pick():
    """Another isolate's pick in between does not count."""
    rows = rows_of(
        events_of(
            {"kind": "pick", "key": 3, "position": 1, "size": 4},
            {"kind": "pick", "key": 1, "position": 1, "size": 2, "isolate": "i-2", "pool": "CHAT"},
            {"kind": "pool"},
        )
    )
    assert rows[2].message == "🔑 Using key pool: ARTIFACT (4 keys available)\n"


def test_a_pick_that_names_no_key_is_the_line_that_names_none():
    """Logs of 2025-11-09 tell pool and position."""
    (row,) = rows_of(events_of({"kind": "pick", "position": 2, "size": 4}))
    assert row.message == "🔑 Using GOOGLE_AI_STUDIO_KEY_ARTIFACT key #2 of 4\n"


def test_ids_are_the_same_each_time_and_no_two_rows_share_one():
    """Bytes repeat; a function that is known by its id keeps it."""
    rows = rows_of(EVERY_KIND)
    assert rows == rows_of(EVERY_KIND)
    assert len({row.row_id for row in rows}) == len(rows)
    assert {row.function_id for row in rows} == {function_id("generate-artifact")}
    assert all(uuid.UUID(row.row_id) for row in rows)
    assert function_id(ISOLATE) == ISOLATE


def test_local_shapes_tell_a_request_when_it_arrives():
    """The line stands before the picks of its request, not where the answer is."""
    events = events_of(
        {"kind": "pick", "key": 3, "position": 1, "size": 4},
        {"kind": "invocation", "status": 200, "duration_ms": 1000},
    )
    lines = write_events_as_log(events, "docker-compose-t").decode().splitlines()
    assert [line.split(" ", 4)[4] for line in lines] == [
        "serving the request with supabase/functions/generate-artifact",
        "[Info] 🔑 Using GOOGLE_KEY_3 (position 1/4 in pool)",
        "",
    ]
    assert "03:16:32.999500000Z" in lines[0]
    drained = write_events_as_log(events, "drain-ndjson").decode().splitlines()
    assert "POST | 200" in json.loads(drained[1])["event_message"]


def test_a_table_without_times_keeps_its_order():
    """Shapes without times take it; others say what is missing."""
    events = events_of(
        {"kind": "pick", "key": 3, "position": 1, "size": 4, "time": None},
        {"kind": "invocation", "status": 200, "duration_ms": 1, "time": None},
    )
    lines = write_events_as_log(events, "docker-logs").decode().splitlines()
    assert [line[:20] for line in lines[2:]] == ["[Info] 🔑 Using GOOGL", "", "serving the request "]
    with pytest.raises(ConfigurationError, match="without a time"):
        write_events_as_log(events, "serve")


@pytest.mark.parametrize(
    ("row", "lacks"),
    [
        ({"kind": "pick", "key": 3, "position": 1}, "pick without size"),
        ({"kind": "pick", "pool": None, "position": 1, "size": 4}, "pick without key or pool"),
        ({"kind": "pool"}, "pool without size"),
        ({"kind": "boot"}, "boot without duration_ms"),
        ({"kind": "invocation", "function": None}, "invocation without function"),
        ({"kind": "warning"}, "warning without cause"),
        ({"kind": "warning", "cause": "failed-call"}, "warning without status"),
    ],
)
def test_a_row_that_no_line_can_say_is_refused(row, lacks):
    """The message names the row and what it lacks."""
    with pytest.raises(ConfigurationError, match=f"row 2 is a {lacks}"):
        rows_of(events_of({"kind": "listening"}, row))


@pytest.mark.parametrize(("column", "name"), [("function", "a.b"), ("model", "a b"), ("pool", "a/b")])
def test_a_name_that_would_be_read_back_shorter_is_refused(column, name):
    """A line cannot hold every name that a scenario may have."""
    with pytest.raises(ConfigurationError, match=rf"{column} \"{name}\" cannot stand in a log line"):
        rows_of(events_of({"kind": "listening", column: name}))


def test_shape_is_checked_and_an_empty_table_is_an_empty_log():
    """As `write_log` does."""
    with pytest.raises(ConfigurationError, match="did you mean"):
        write_events_as_log(EVERY_KIND, "drain-ndjsn")
    assert rows_of(make_events({}, rows=0)) == []
    assert write_events_as_log(make_events({}, rows=0), "drain-ndjson") == b""


def test_rows_are_those_of_write_log():
    """Drains get the rows as they are."""
    rows = rows_of(EVERY_KIND)
    assert all(isinstance(row, LogRow) for row in rows)
    assert write_events_as_log(EVERY_KIND, "otel", seed=7) == write_log(rows, "otel", seed=7)


def test_many_rows_take_seconds():
    """A day of 10^5 rows: no row is looked up in the table."""
    kinds = list(islice(cycle(["pick", "pool", "rejection", "invocation"]), 20_000))
    columns = {
        "time": [NS + n * 1000 for n in range(len(kinds))], "kind": kinds, "key": [3] * len(kinds),
        "position": [1] * len(kinds), "size": [4] * len(kinds), "pool": ["ARTIFACT"] * len(kinds),
        "function": ["chat"] * len(kinds), "status": [429] * len(kinds), "duration_ms": [5] * len(kinds),
        "cause": [None if kind != "rejection" else "per-day" for kind in kinds], "limit": [50] * len(kinds),
    }  # fmt: skip
    begin = time.process_time()
    rows_of(make_events(columns))
    assert time.process_time() - begin < 5
