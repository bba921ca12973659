"""The scan of some bytes, held to what the general decoder says of the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from keyrota.logs.collect import gather
from keyrota.logs.compression import Inflated
from keyrota.logs.encoding import decoded
from keyrota.logs.formats import OpenedLog, _json_records
from keyrota.logs.gathered import Gathered
from keyrota.logs.grammar import DEFAULT_RULES, GRAMMAR
from keyrota.logs.json_stream import JsonStream
from keyrota.logs.record import BadRow, Record
from keyrota.logs.rows import DTYPES, NAME_COLUMNS, Rows
from keyrota.logs.scan.blocks import Blocks, from_chunks
from keyrota.logs.scan.reader import Part, Scan
from keyrota.logs.scan.shape import Shape
from keyrota.logs.write import (
    LISTENING,
    LogRow,
    boot_message,
    error_message,
    invocation_message,
    pick_message,
    pool_message,
    quota_error_body,
    shutdown_message,
)

PICK = "🔑 Using GOOGLE_KEY_3 (position 1/4 in pool)"
BOM = b"\xef\xbb\xbf"

SAMPLES = [
    *(sample for rule in GRAMMAR for sample in (*rule.matches, *rule.rejects)),
    "shutdown, later",
    "boo",
    "",
    PICK + "  # Chat",
    'say "hi"',
    "a\n\nb",
    '"quotaId": "x"',
    "Using GOOGLE_KEY_0 (position 0/0 in pool)",
    "Using GOOGLE_KEY_3 (position 5/4 in pool)",
    "Using key pool: CHAT (0 keys available)",
    "Google AI Studio error: 500 x",
    "Google AI Studio error:\n429 x",
    "Google AI Studio error: 4290",
    "INFO: shutdown",
    "INFO[0001] shutdown",
    "[Info] INFO | booted (time: 3ms)",
    "ERROR:root:Using GOOGLE_KEY_1 (position 1/2 in pool)",
    '{"error": {"code": 429',
    '{"error": {"code": 429}}',
    "{'error': {'code': 429}}",
    "booted (time: 3ms)\u2028",
    "shutdown\u00a0",
    "Using GOOGLE_KEY_1 (position 1/2 in pool)\u3000",
    "Using GOOGLE_KEY_1 (position 1/2 in pool)\u00e9",
]


def rows_of_a_log() -> list[LogRow]:
    """One isolate's life, bodies of errors, a user's quotations, damaged emoji."""
    body = quota_error_body("per-minute", 2, "gemini-2.5-pro", 26.5)
    messages = [
        (boot_message(31), {"event_type": "Boot", "boot_ms": 31}),
        (LISTENING, {}),
        (pick_message(3, 1, 4), {}),
        (pool_message("ARTIFACT", 4), {}),
        (pool_message("chat-2.5 west", 4), {"execution_id": "chat-2.5 west"}),
        (error_message(429, body, emoji=False), {"level": "error"}),
        (error_message(429, body, cut=200), {"level": "error"}),
        (error_message(503, "The model is overloaded\n"), {"level": "error"}),
        ("ClientError: 429 RESOURCE_EXHAUSTED. {'error': {'code': 429}}", {}),
        *((line, {}) for line in body.splitlines()),
        (f'the user wrote: "{PICK}", then\n{PICK}\nand "booted (time: 3ms)"', {}),
        ("ðŸ”‘ Using GOOGLE_KEY_1 (position 1/2 in pool)", {}),
        ("\x1b[36m🔑\x1b[0m Using GOOGLE_KEY_10 (position 4/4 in pool)\n", {}),
        ("🔑 Using GOOGLE_KEY_1 (position 5/4 in pool)", {}),
        ("Rate limited (429). Retry 1/3 after 1000ms\n", {}),
        ("429, 429\r\nand a second line", {}),
        (" leading blank, comma", {}),
        ("", {}),
        (shutdown_message(), {"event_type": "Shutdown", "reason": "EarlyDrop"}),
        (invocation_message("POST", 429, "generate-artifact"), {"row_id": ""}),
    ]
    isolate = "0d67aaaa-1111-4222-8333-444455556666"
    shared = {"execution_id": isolate, "function_id": "beca-0", "row_id": "a-1"}
    return [
        LogRow(1_762_917_393_983_000_000 + number * 7_000_000, message, **(shared | fields))
        for number, (message, fields) in enumerate(messages)
    ]


def drain_lines(messages: Iterable[str], *, ensure_ascii: bool = False) -> bytes:
    """Return rows of two sources of a drain: requests with their answers, and what functions print."""
    lines = []
    for number, message in enumerate(messages):
        is_request = message.startswith(("POST", "GET")) or not message
        metadata = {
            "execution_id": f"e-{number % 3}",
            "function_id": "f-1",
            "level": "info",
            "request": [{"pathname": "/functions/v1/chat"}] if is_request or number % 7 == 0 else None,
            "response": [{"status_code": 429}] if is_request else None,
            "execution_time_ms": 12,
        }
        row = {
            "id": f"a-{number}",
            "timestamp": 1_762_917_393_993_000 + number,
            "event_message": message,
            "metadata": [metadata],
        }
        lines.append(json.dumps(row, ensure_ascii=ensure_ascii) + "\n")
    return "".join(lines).encode()


def general(data: bytes, shape: str, header: str = "") -> tuple[Gathered, bool]:
    """Return what the general decoder reads, and whether the log ends inside a value."""
    log = OpenedLog(shape, "utf-8", Inflated([data]), data[: 1 << 16], iter([data]))
    if shape != "json":
        return gather(log.records, DEFAULT_RULES), False
    is_cut: list[bool] = []

    def records() -> Iterator[Record | BadRow]:
        # Value by value: the numbers of lines are then sure, whatever stands in a line.
        stream = JsonStream(decoded([data], "utf-8"), with_lengths=True)
        is_cut.append((yield from _json_records(stream)))

    return gather(records(), DEFAULT_RULES), is_cut[0] if is_cut else False


def offset_of(data: bytes, shape: str) -> Shape:
    """Return the shape of a log with what is before its first record."""
    offset = len(BOM) if data.startswith(BOM) else 0
    if shape != "csv":
        return Shape(shape, offset)
    end = data.find(b"\n", offset)
    return Shape("csv", end + 1, data[offset:end].decode().rstrip("\r"))


def scanned(data: bytes, shape: str, *, size: int = 1 << 20, piece: int | None = None) -> Part:
    """Return what the scan finds, with a buffer of `size` bytes that is filled by pieces."""
    known = offset_of(data, shape)
    body = data[known.offset :]
    step = piece or max(1, len(body))
    pieces = [body[start : start + step] for start in range(0, len(body), step)]
    return Scan(known, DEFAULT_RULES, Blocks(from_chunks(pieces), known.offset, size)).run()


def differences(expected: Rows, found: Rows) -> list[object]:
    """Say where rows differ, for a failed test to show."""
    if expected == found:
        return []
    if len(expected) != len(found):
        return [f"{len(expected)} rows, not {len(found)}", expected.line.tolist(), found.line.tolist()]
    told: list[object] = []
    for name in DTYPES:
        cells = [_cells(rows, name) for rows in (expected, found)]
        told += [
            (name, int(expected.line[place]), one, other)
            for place, (one, other) in enumerate(zip(*cells, strict=True))
            if one != other and not (one != one and other != other)
        ][:2]
    return [*told, expected.texts if expected.texts != found.texts else "the same texts", found.texts]


def _cells(rows: Rows, name: str) -> list[object]:
    values: list[object] = getattr(rows, name).tolist()
    return [rows.names[code] if code >= 0 else None for code in values] if name in NAME_COLUMNS else values  # type: ignore[operator,index]


def check(
    data: bytes, shape: str, *, size: int = 1 << 20, piece: int | None = None, is_damaged: bool = False
) -> Part:
    """Hold the scan to the general decoder.

    Of a damaged JSON log the events alone: the JSON of a record that is none is not read to its end.
    """
    expected, is_cut = general(data, shape)
    part = scanned(data, shape, size=size, piece=piece)
    hold(part, expected, is_damaged=is_damaged and shape == "json")
    if shape == "json" and not is_damaged:
        assert part.is_truncated == is_cut
    assert part.end == len(data)
    return part


def hold(part: Part, expected: Gathered, *, is_damaged: bool = False) -> None:
    """Assert that a part says what the general decoder does."""
    gathered = part.gathered
    assert not differences(expected.rows, gathered.rows)
    assert (gathered.label == expected.label).all()
    assert gathered.key_labels == expected.key_labels
    if not is_damaged:
        assert gathered.lines == expected.lines
        assert gathered.malformed == expected.malformed
        assert gathered.first_malformed == expected.first_malformed
        assert gathered.unread == expected.unread


def is_told_by_message(message: str) -> bool:
    """Say whether a message is an event's, whatever its row says."""
    return DEFAULT_RULES.parse(message) is not None
