"""Twenty thousand damaged lines, and hand-made hostile ones: no exception but `InputError`."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import numpy as np
import pytest

from keyrota.errors import InputError
from keyrota.logs.read import read
from keyrota.logs.write import (
    SHAPES,
    LogRow,
    boot_message,
    error_message,
    invocation_message,
    pick_message,
    pool_message,
    quota_error_body,
    write_log,
)

START_NS = 1_762_917_393_983_000_000
FILES, LINES = 10, 70
assert FILES * LINES * len(SHAPES) >= 20_000

PIECES = (
    b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"|", b"\n", b"\r\n", b"\x00",
    b"\xff", b"\xf0\x9f", b"\xef\xbb\xbf", b"\xff\xfe", b"null", b"NaN",
    b"1e999", b"-1", b"9" * 30, b"\\ud800", b"\\u0000",
    b"\x1b[31m", b"```", b"---", b"## Log 7\n", b"**Message:** ", b"<134>1 ", b"99 <134>1 ", b"E+15",
    b"position 0/0", b"position 5/4", b"GOOGLE_KEY_999999999", "\u0663".encode(), "\u2028".encode(),
)  # fmt: skip


def rows(start: int) -> list[LogRow]:
    made = []
    for n in range(start, start + LINES // 5):
        messages = [
            (boot_message(31), {"event_type": "Boot", "boot_ms": 31}),
            (pick_message(n % 10 + 1, n % 4 + 1, 4), {}),
            (pool_message("ARTIFACT", 4), {}),
            (error_message(429, quota_error_body("per-day", 50, "gemini-2.5-pro", 3.5)), {"level": "error"}),
            (invocation_message("POST", 429, "chat"), {"kind_of_row": "invocation", "status": 429}),
        ]
        made += [
            LogRow(
                START_NS + n * 10**9 + i * 10**6,
                message,
                execution_id=f"0d67aaaa-1111-4222-8333-{n:012d}",
                function_id="beca0000-2222-4333-8444-555566667777",
                function="generate-artifact",
                row_id=f"r{n}-{i}",
                **fields,  # type: ignore[arg-type]
            )
            for i, (message, fields) in enumerate(messages)
        ]
    return made


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Damage about every line: the line, or where a file has one line, the place of a row."""
    step = max(1, len(data) // LINES)
    parts = [data[at : at + step] for at in range(0, len(data), step)]
    for index, part in enumerate(parts):
        at = int(rng.integers(len(part)))
        piece = PIECES[rng.integers(len(PIECES))]
        choice = rng.integers(5)
        if choice == 0:
            parts[index] = part[:at] + piece + part[at:]
        elif choice == 1:
            parts[index] = part[:at] + piece + part[at + len(piece) :]
        elif choice == 2:
            parts[index] = part[:at] + bytes([rng.integers(256)]) + part[at + 1 :]
        elif choice == 3:
            parts[index] = part[:at] + part[at + int(rng.integers(1, 30)) :]
        else:
            other = parts[rng.integers(len(parts))]
            parts[index] = part[:at] + other[: int(rng.integers(1, 60))] + part[at:]
    return b"".join(parts)


@pytest.mark.parametrize("shape", SHAPES)
def test_damaged_lines_raise_nothing_unexpected(shape: str, tmp_path: Path) -> None:
    """Whatever a line holds, the reader counts it or refuses the file by name."""
    rng = np.random.default_rng(len(shape) * 1000 + list(SHAPES).index(shape))
    path = tmp_path / "log"
    for n in range(FILES):
        path.write_bytes(damaged(write_log(rows(n * 100), shape), rng))
        try:
            reading = read(path)
        except InputError:
            continue
        (source,) = reading.input.sources
        assert source.lines == source.used + source.ignored + source.malformed


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


PICK = "🔑 Using GOOGLE_KEY_1 (position 1/2 in pool)\\n"
ROW = f'{{"event_message":"{PICK}","id":"a1","timestamp":1762917393993000}}'.encode()
HOSTILE = {
    "deep object": nested(100_000),
    "deep array": b"[" * 100_000,
    "deep row": b"[" + nested(5000) + b"," + ROW + b"]",
    "deep metadata": b'[{"event_message":"x","metadata":' + nested(900) + b"}," + ROW + b"]",
    "huge integer": b'[{"event_message":"x","timestamp":' + b"9" * 10_000 + b"}," + ROW + b"]",
    "big integer": b'[{"event_message":"x","timestamp":' + b"9" * 4000 + b"}," + ROW + b"]",
    "nan": b'[{"event_message":"x","timestamp":NaN,"execution_time_ms":Infinity},' + ROW + b"]",
    "floats": b'[{"event_message":"x","timestamp":1e308,"boot_time":-1e308},' + ROW + b"]",
    "surrogate": b'[{"event_message":"\\ud83d","execution_id":"\\ud800","id":"\\udfff"},' + ROW + b"]",
    "duplicate keys": b'[{"event_message":"x","event_message":"y","id":1,"id":2},' + ROW + b"]",
    "odd types": b'[{"event_message":"x","id":[],"timestamp":{},"metadata":[[]]},' + ROW + b"]",
    "odd metadata": b'[{"event_message":"x","metadata":[null]},{"msg":"x","metadata":"[{"},' + ROW + b"]",
    "events": b'[{"event":{}},{"event":{"Shutdown":null}},{"event":{"Boot":{"boot_time":"x"}}},' + ROW + b"]",
    "not rows": b'[{"event_message":"x"},1,"two",null,[3],' + ROW + b"]",
    "empty rows": b'[{"event_message":"x"},{},[],[[]],' + ROW + b"]",
    "loki": b'{"streams":[1,{"values":2},{"values":[3,["x"],["1762917393993000000","'
    + PICK.encode() + b'",4]]}]}',
    "datadog": b'[{"ddsource":"Supabase","message":"{\\"event_message\\":3}","data":7},' + ROW + b"]",
    "nuls": b"\x00" * 70_000 + ROW,
    "no end": ROW + b'\n{"event_message":"' + b"a" * 100_000,
    "blanks": ROW + b'\n{"event_message"' + b" " * 1_000_000,
    "newlines": ROW + b"\n{bad" + b"\n" * 1_000_000,
    "brackets": ROW + b"\n" + b"[\n" * 50_000,
    "open rows": ROW + b"\n" + b'{"a":[\n' * 50_000,
    "quotes": b"event_message,timestamp\n" + b'"\n' * 50_001,
    "quoted rows": b'"event_message","timestamp"\n' + b'"x\n' * 50_000,
    "one quote": b"event_message,timestamp\n\"" + b"x\n" * 50_000,
    "commas": b"event_message,timestamp\n" + b"," * 200_000,
    "pipes": b"| event_message | timestamp |\n| --- | --- |\n" + b"|" * 100_000,
    "sections": b"## Log 1\n**Timestamp:** x\n" * 20_000,
    "frames": b"9999999 <134>1 2025-11-12T03:16:33.993Z - a - - - {" * 5000,
    "zero frames": b"0 <134>1 2025-11-12T03:16:33.993Z - a - - - {}" * 5000,
    "prefixes": b"[a]" * 100_000 + b"\nUsing GOOGLE_KEY_1 (position 1/2 in pool)\n",
    "colours": b"\x1b[31m" * 100_000 + b"\nUsing GOOGLE_KEY_1 (position 1/2 in pool)\n",
    "emoji": "🔑".encode() * 100_000 + b"\nUsing GOOGLE_KEY_1 (position 1/2 in pool)\n",
    "errors": b"Error" * 100_000 + b"\nUsing GOOGLE_KEY_1 (position 1/2 in pool)\n",
    "long line": b"x" * 3_000_000 + b"\nUsing GOOGLE_KEY_1 (position 1/2 in pool)\n",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_content_is_read_or_refused_soon(name: str, tmp_path: Path) -> None:
    """Deep, endless, malformed: at most a few seconds, and the good row beside it is found."""
    path = tmp_path / "log"
    path.write_bytes(HOSTILE[name])
    began = time.process_time()
    try:
        picks = (read(path).events["kind"] == "pick").sum()
    except InputError:
        picks = 0
    assert time.process_time() - began < 5
    assert picks == (b"GOOGLE_KEY_1 " in HOSTILE[name])


def test_a_bomb_comes_in_pieces(tmp_path: Path) -> None:
    """A kilobyte that inflates to a megabyte of one line is cut at the line limit and counted."""
    path = tmp_path / "log.gz"
    line = b"Using GOOGLE_KEY_1 (position 1/2 in pool)\n"
    path.write_bytes(gzip.compress(line + b"x" * 50_000_000 + b"\n" + line))
    reading = read(path)
    assert len(reading.events) == 2
    assert "longer than 1,048,576 characters" in reading.input.sources[0].problems[0]


def test_json_written_by_any_serializer(tmp_path: Path) -> None:
    """Indents, sorted keys, escapes and line ends of a serializer change nothing."""
    rows_ = json.loads(write_log(rows(0), "dashboard-json"))
    path = tmp_path / "log"
    expected = None
    for document in (rows_, {"result": rows_, "error": None}, {"error": None, "result": rows_ * 6}):
        for indent, is_ascii in ((None, True), (0, False), (1, True), ("\t", False)):
            path.write_text(json.dumps(document, indent=indent, ensure_ascii=is_ascii, sort_keys=True))
            events = read(path).events.drop(columns=["line"])
            expected = events if expected is None else expected
            assert events.equals(expected)
