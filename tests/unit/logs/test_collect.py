"""Records to events: order, bodies in pieces, functions in flight, the account of lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

import rows_one_by_one as plain
from keyrota.logs.collect import Collected, collect
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.record import BadRow, Record
from keyrota.logs.text_lines import text_records
from keyrota.logs.write import quota_error_body
from keyrota.pools.load import load_pools

NS = 1_762_917_393_000_000_000
MS = 1_000_000
SECOND = 1000 * MS


def pick(key: int) -> str:
    return f"Using GOOGLE_KEY_{key} (position 1/2 in pool)"


def of(records: Iterable[Record | BadRow]) -> Collected:
    return collect(records, DEFAULT_RULES, load_pools(), {})


def rows_of(records: Iterable[Record | BadRow]) -> list[Any]:
    return plain.as_plain(of(records).rows)


def keys(*records: tuple[int | None, int]) -> list[int | None]:
    rows = rows_of(Record(n, pick(key), time_ns=time) for n, (time, key) in enumerate(records, 1))
    return [row.key for row in rows]


def test_the_account_adds_up() -> None:
    """Used, ignored, malformed; the first places of the malformed are kept, and not more than five."""
    records = [Record(1, pick(1)), Record(2, "hello"), *(BadRow(n, "odd") for n in range(3, 10))]
    records.append(Record(10, "Using GOOGLE_KEY_1 (position 3/2 in pool)"))
    result = of(records)
    assert (result.lines, result.used, result.ignored, result.malformed) == (10, 1, 1, 8)
    assert result.first_malformed == [(n, "odd") for n in range(3, 8)]


def test_newest_first_is_turned_around() -> None:
    """A log that runs backwards is read backwards, equal times included."""
    assert keys((NS + 3, 1), (NS + 2, 2), (NS + 2, 3), (NS + 1, 4)) == [4, 3, 2, 1]
    assert keys((NS + 1, 1), (NS + 2, 2), (NS + 2, 3), (NS + 3, 4)) == [1, 2, 3, 4]
    assert keys((NS + 3, 1), (NS + 1, 2), (NS + 2, 3), (NS, 4)) == [4, 2, 3, 1]


def test_order_of_the_file_where_times_are_missing() -> None:
    """A row without a time stays behind the row before it."""
    assert keys((None, 1), (None, 2), (None, 3)) == [1, 2, 3]
    assert keys((NS + 5, 1), (None, 2), (NS + 1, 3), (None, 4), (NS + 9, 5)) == [3, 4, 1, 2, 5]


BODY = quota_error_body("per-day", 50, "gemini-2.5-pro", 36.5, also=[("per-minute", 2)])
ERROR = f"🔴 Google AI Studio error: 429 {BODY}"


def test_a_body_by_lines_is_put_together() -> None:
    """Text without times: the lines that follow belong to the error."""
    result = of(text_records(f"{ERROR}\n{pick(1)}".split("\n")))
    rejection, _ = plain.as_plain(result.rows)
    assert (rejection.cause, rejection.limit, rejection.model) == ("per-day", 50, "gemini-2.5-pro")
    assert result.rows.texts == {}
    assert result.lines == result.used + result.ignored


@pytest.mark.parametrize("seed", range(5))
def test_a_body_scrambled_within_a_millisecond(seed: int) -> None:
    """Rows of one millisecond come in no order; two errors a second apart do not mix."""
    import numpy as np

    rng = np.random.default_rng(seed)
    records: list[Record] = []
    for n, (cause, limit) in enumerate([("per-minute", 2), ("per-day", 50), ("tokens-per-minute", 125_000)]):
        body = quota_error_body(cause, limit, f"model-{n}", 36.5)  # type: ignore[arg-type]
        lines = f"Google AI Studio error: 429 {body}".split("\n")
        time = NS + n * 700 * MS
        records += [Record(0, lines[i], time_ns=time) for i in rng.permutation(len(lines))]
    rejections = rows_of(records)
    assert [(r.cause, r.limit, r.model) for r in rejections] == [
        ("per-minute", 2, "model-0"), ("per-day", 50, "model-1"), ("tokens-per-minute", 125_000, "model-2"),
    ]  # fmt: skip


def test_bodies_of_two_isolates_interleaved() -> None:
    """The isolate tells whose line it is."""
    records = []
    for line_a, line_b in zip(
        f"Google AI Studio error: 429 {quota_error_body('per-day', 50, 'a', 1)}".split("\n"),
        f"Google AI Studio error: 429 {quota_error_body('per-minute', 2, 'b', 1)}".split("\n"),
        strict=True,
    ):
        records += [Record(1, line_a, NS, isolate="a"), Record(1, line_b, NS, isolate="b")]
    assert {(r.isolate, r.cause, r.model) for r in rows_of(records)} == {
        ("a", "per-day", "a"), ("b", "per-minute", "b"),
    }  # fmt: skip


def test_a_whole_body_takes_no_lines_of_others() -> None:
    """An error that says its cause is complete; later pieces of something else do not change it."""
    records = [
        Record(1, f"Google AI Studio error: 429 {quota_error_body('per-minute', 2, 'm', 1)}", NS),
        Record(2, '"quotaId": "GenerateRequestsPerDay", "quotaValue": "50"', NS + MS),
    ]
    result = of(records)
    assert [(r.cause, r.limit) for r in plain.as_plain(result.rows)] == [("per-minute", 2)]
    assert (result.used, result.ignored) == (1, 1)


def test_lines_too_far_away_belong_to_nobody() -> None:
    """Two seconds, or two hundred lines."""
    piece = '"quotaId": "GenerateRequestsPerDay"'
    late = of([Record(1, "Google AI Studio error: 429 {", NS), Record(2, piece, NS + 3 * SECOND)])
    far = of([Record(1, "Google AI Studio error: 429 {"), Record(300, piece)])
    early = of([Record(1, piece, NS), Record(2, "Google AI Studio error: 429 {", NS + MS)])
    for result in (late, far, early):
        assert [r.cause for r in plain.as_plain(result.rows)] == ["unknown"]
        assert (result.used, result.ignored) == (1, 1)


SERVED = "serving the request with supabase/functions/"


def test_functions_in_flight() -> None:
    """A pick belongs to the last function served that declares its pool, any other line to the last."""
    lines = [
        f"{SERVED}chat",
        f"{SERVED}generate-image",
        pick(1),
        pick(7),
        pick(3),
        "Google AI Studio error: 429 {",
    ]
    rows = rows_of(text_records(lines))
    assert [row.function for row in rows[2:]] == [
        "chat",
        "generate-image",
        "generate-image",
        "generate-image",
    ]


def test_functions_in_flight_of_a_log_newest_first() -> None:
    """Order is put right before functions are named."""
    lines = [pick(7), f"{SERVED}generate-image", pick(1), f"{SERVED}chat"]
    rows = rows_of(Record(n, line, NS - n) for n, line in enumerate(lines))
    assert [(row.key, row.function) for row in rows if row.key] == [(1, "chat"), (7, "generate-image")]


def test_rows_of_an_invocation_export_without_a_message() -> None:
    """Status and function make an invocation."""
    (row,) = rows_of([Record(1, "", NS, function="chat", status=429, duration_ms=12.0)])
    assert (row.kind, row.status, row.duration_ms) == ("invocation", 429, 12.0)
    assert rows_of([Record(1, "", NS, status=429)]) == []


def test_times_and_reasons_from_the_container() -> None:
    """A boot's duration from its row, a shutdown's reason if it is one of the runtime's."""
    boot, end, odd = rows_of(
        [
            Record(1, "booted (time: 31ms)", NS, boot_ms=99.0),
            Record(2, "shutdown", NS + 1, reason="EarlyDrop"),
            Record(3, "shutdown", NS + 2, reason="Because"),
        ]
    )
    assert (boot.duration_ms, end.cause, odd.cause) == (31.0, "EarlyDrop", None)
