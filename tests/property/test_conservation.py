"""Every line is accounted for, no chunk size changes a record, and nothing raw or secret gets through."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from keyrota.display import redact
from keyrota.errors import InputError
from keyrota.events import CAUSES, KINDS
from keyrota.logs.collect import Collected, collect
from keyrota.logs.formats import NotALogError, open_log
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.read import Reading, read
from keyrota.logs.write import (
    LISTENING,
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
from keyrota.logs.write.damage import as_utf16, gzipped, zstd_compressed
from keyrota.pools.load import load_pools

START_NS = 1_762_917_393_983_000_000
CANARY = "AIzaSyCANARY_0123456789abcdefghijklmnop"
ISOLATE = "0d67aaaa-1111-4222-8333-44445555666{}"
FUNCTION_ID = "beca0000-2222-4333-8444-555566667777"


@lru_cache
def rows(count: int = 6, *, secret: str = "") -> tuple[LogRow, ...]:
    """Rows of one function; with a secret in every place where a stranger can put text."""
    made = []
    for n in range(count):
        now = START_NS + n * 1_000_000_000
        body = quota_error_body("per-minute", 2, secret or "gemini-2.5-pro", 26.5)
        messages = [
            (boot_message(31), {"event_type": "Boot", "boot_ms": 31}),
            (LISTENING, {}),
            (
                invocation_message("POST", 200, secret or "chat"),
                {"kind_of_row": "invocation", "status": 200, "duration_ms": 12},
            ),
            (pick_message(n % 2 + 1, n % 2 + 1, 2), {}),
            (pool_message(secret.replace("-", "_") or "CHAT", 2), {}),
            (f'prompt, "of" ,a user; {secret} | <b>raw-text</b>\nhttps://x/v1?key={secret}\n', {}),
            (error_message(429, body), {"level": "error"}),
        ]
        for i, (message, fields) in enumerate(messages):
            made.append(
                LogRow(
                    now + i * 1_000_000,
                    message,
                    execution_id=secret or ISOLATE.format(n % 10),
                    function_id=secret or FUNCTION_ID,
                    function=secret or "chat",
                    row_id=f"728c0000-0000-4000-8000-{n:06d}{i:06d}",
                    **fields,
                )
            )
    return tuple(made)


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def collected(data: bytes, size: int) -> tuple[str, Collected, list[str], bool]:
    log = open_log(chunked(data, size))
    result = collect(log.records, DEFAULT_RULES, load_pools(), {})
    return log.format, result, log.problems, log.truncated


def reading_or_refusal(path: Path) -> Reading | None:
    try:
        return read(path)
    except InputError:
        return None


def check_account(reading: Reading) -> None:
    for source in reading.input.sources:
        assert source.lines == source.used + source.ignored + source.malformed
        assert min(source.used, source.ignored, source.malformed, source.duplicates) >= 0
        assert len(source.first_malformed) == min(5, source.malformed)
    assert len(reading.events) <= reading.input.total("used")
    assert len(reading.events) + reading.input.total("duplicates") == sum(
        number for _, number in reading.input.found
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_lines_of_a_physical_log_are_its_lines(shape: str, tmp_path: Path) -> None:
    """A text or NDJSON file has as many lines as LFs; an export as many as rows."""
    data = write_log(rows(), shape)
    path = tmp_path / "log"
    path.write_bytes(data)
    reading = read(path)
    check_account(reading)
    (source,) = reading.input.sources
    of_kind = [row for row in rows() if SHAPES[shape].rows in ("all", row.kind_of_row)]
    # A collector makes a row of every physical line, in an array that begins and ends with a bracket's line.
    by_line = {"docker-json-file": 0, "cli-stream-json": 0, "vector-rows": -1}
    if source.format == "text" or shape in by_line:
        assert source.lines == data.count(b"\n") + by_line.get(shape, 0)
    else:
        assert source.lines == len(of_kind)
    assert source.bytes == len(data)


@pytest.mark.parametrize("size", [1, 7, 64, 4096])
@pytest.mark.parametrize("shape", SHAPES)
def test_chunks_do_not_matter(shape: str, size: int) -> None:
    """The same events, account and problems come out for every size of chunk."""
    data = write_log(rows(3), shape)
    for version in (data, data[: len(data) * 2 // 3], gzipped(data, members=3) if size > 1 else data):
        assert collected(version, size) == collected(version, len(version))


@pytest.mark.parametrize("size", [1, 7, 64, 4096])
def test_chunks_do_not_matter_for_coded_bytes(size: int) -> None:
    """UTF-16 and zstd are decoded alike whatever the chunks."""
    text = write_log(rows(3), "serve")
    for data in (as_utf16(text), as_utf16(text, bom=False, byte_order="big"), zstd_compressed(text)):
        assert collected(data, size) == collected(data, len(data))


def mutated(data: bytes, rng: np.random.Generator, edits: int) -> bytes:
    result = bytearray(data)
    for _ in range(edits):
        at = int(rng.integers(len(result) + 1))
        kind = rng.integers(4)
        if kind == 0 and at < len(result):
            result[at] = int(rng.integers(256))
        elif kind == 1:
            del result[at : at + int(rng.integers(1, 40))]
        elif kind == 2:
            result[at:at] = [b'"', b"\n", b"{", b"}", b"]", b",", b"\\", b"\xff", b"\x00"][rng.integers(9)]
        else:
            start = int(rng.integers(len(result) + 1))
            result[at:at] = result[start : start + int(rng.integers(1, 200))]
    return bytes(result)


@pytest.mark.parametrize("shape", SHAPES)
def test_mutated_logs_are_accounted_for(shape: str, tmp_path: Path) -> None:
    """Random edits of bytes leave every line in one of three heaps, and raise nothing but InputError."""
    rng = np.random.default_rng(list(SHAPES).index(shape))
    path = tmp_path / "log"
    data = write_log(rows(), shape)
    survived = 0
    for edits in (1, 1, 2, 4, 8, 30, 100):
        path.write_bytes(mutated(data, rng, edits))
        reading = reading_or_refusal(path)
        if reading is not None:
            check_account(reading)
            survived += 1
    assert survived >= 3


@pytest.mark.parametrize("shape", SHAPES)
def test_one_edit_loses_little(shape: str, tmp_path: Path) -> None:
    """A lost, added or changed byte costs a few rows, never the rest of the file."""
    rng = np.random.default_rng(99 + list(SHAPES).index(shape))
    data = write_log(rows(12), shape)
    whole = len(collected(data, len(data))[1].rows)
    for _ in range(6):
        at = int(rng.integers(len(data) // 20, len(data)))
        for version in (
            data[:at] + data[at + 1 :],
            data[:at] + b'"' + data[at:],
            data[:at] + b"\n" + data[at:],
            data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :],
        ):
            left = len(collected(version, len(version))[1].rows)
            assert whole - 8 <= left <= whole + 2, (shape, at, data[at - 30 : at + 30])


@pytest.mark.parametrize("shape", SHAPES)
def test_files_put_together_are_read_through(shape: str, tmp_path: Path) -> None:
    """`cat a b > c` is a log with the rows of both: headers, marks and brackets in the middle are no end."""
    first, second = rows(6)[:21], rows(6)[21:]
    together = write_log(first, shape) + b"\n" + write_log(second, shape)
    path = tmp_path / "log"
    path.write_bytes(together)
    reading = read(path)
    check_account(reading)
    apart = [collected(write_log(part, shape), 1 << 20)[1] for part in (first, second)]
    assert Counter(reading.events["kind"]) == apart[0].found + apart[1].found
    assert not reading.input.sources[0].truncated


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("shape", SHAPES)
def test_cut_logs_keep_what_came_before(shape: str, cut: float, tmp_path: Path) -> None:
    """Half a file gives about half of the events."""
    data = write_log(rows(20), shape)
    path = tmp_path / "log"
    path.write_bytes(data[: int(len(data) * cut)])
    whole = len(collected(data, len(data))[1].rows)
    if shape in ("api-envelope", "mcp-invocations", "drain-loki") and cut < 0.2:
        # One JSON value holds everything.
        assert reading_or_refusal(path) is None or read(path).input.sources[0].truncated
        return
    reading = read(path)
    check_account(reading)
    assert whole * cut * 0.7 - 6 <= len(reading.events) <= whole * cut * 1.3 + 6


ALLOWED: dict[str, Callable[[str], bool]] = {
    "kind": KINDS.__contains__,
    "cause": CAUSES.__contains__,
    "pool": re.compile(r"[A-Za-z0-9_.\- ]{1,64}|\[key\]").fullmatch,
    "function": re.compile(r"[A-Za-z0-9_.:-]{1,80}|\[key\]").fullmatch,
    "isolate": re.compile(r"[A-Za-z0-9_.:-]{1,80}|\[key\]").fullmatch,
    "model": re.compile(r"[A-Za-z0-9._/-]{1,80}|\[key\]").fullmatch,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_no_secret_and_no_raw_text_in_the_table(shape: str, tmp_path: Path) -> None:
    """Keys in prompts, URLs, ids, models and paths never leave the reader, nor does any other text."""
    path = tmp_path / "log"
    path.write_bytes(write_log(rows(secret=CANARY), shape))
    reading = reading_or_refusal(path)
    if reading is None:
        return
    for name, is_allowed in ALLOWED.items():
        for value in reading.events[name].dropna().unique():
            assert is_allowed(value), (name, value)
            assert redact(value) == value
    rest = repr(reading.input) + repr(reading.pools) + reading.events.to_csv()
    assert "CANARY" not in rest
    assert "raw-text" not in rest


@pytest.mark.parametrize("separator", ["\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\r"])
def test_only_a_newline_ends_a_line(separator: str, tmp_path: Path) -> None:
    """No other separator that a stranger can write forges a record."""
    line = f"hello{separator}🔑 Using GOOGLE_KEY_1 (position 1/2 in pool)\n"
    path = tmp_path / "log"
    path.write_text((line + "🔑 Using GOOGLE_KEY_2 (position 2/2 in pool)\n") * 50, newline="")
    assert read(path).events["key"].tolist() == [2] * 50


def test_a_file_that_is_no_log_is_refused() -> None:
    """Random bytes are refused before they are parsed."""
    with pytest.raises(NotALogError):
        open_log([np.random.default_rng(0).bytes(10_000)])
