"""Logs damaged at random: the scan and the general decoder find the same events in them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import against_general
from keyrota.errors import InputError
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.scan.csv_columns import columns_of
from keyrota.logs.write import write_log

SAMPLES: list[str] = against_general.SAMPLES

STAMP = "2025-11-12T03:16:33"


def lines(before: str, behind: str = "\n") -> bytes:
    return "".join(before + sample + behind for sample in SAMPLES).encode()


def seeds(shape: str) -> list[bytes]:
    """Return logs of a shape, whole ones, in several spellings."""
    rows = against_general.rows_of_a_log()
    if shape == "csv":
        return [write_log(rows, "studio-csv"), write_log(rows, "sql-subset-micros")]
    if shape == "json":
        drain = [against_general.drain_lines(SAMPLES, ensure_ascii=in_ascii) for in_ascii in (False, True)]
        return [write_log(rows, "drain-ndjson"), *drain]
    written = ("serve", "docker-logs", "docker-compose", "docker-compose-t", "console", "console-ansi")
    return [
        *(write_log(rows, name) for name in written),
        lines(""),
        lines(STAMP + ".123Z stdout F "),
        lines(f"time={STAMP}Z level=info msg="),
        lines(f'time="{STAMP}Z" level=info msg="', '"\n'),
        lines(STAMP.replace("T", " ") + ",123 INFO [x] "),
        lines("[2025/11/12 03:16:33] "),
        lines("INFO[2025-11-12 03:16:33] "),
        lines(STAMP + ".123456+01:00 | "),
        lines("\x1b[36mweb-1  |\x1b[0m "),
        "".join(json.dumps({"time": STAMP + "Z", "msg": sample}) + "\n" for sample in SAMPLES).encode(),
    ]


SEEDS = {shape: seeds(shape) for shape in ("json", "text", "csv")}
BITS = [
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b"\n", b"\r", b"\r\n", b" ", b"\t", b":", b"\x00", b"\xff",
    b"\xc2\xa0", b"\xef\xbb\xbf",
    b"1", b"9", b"a", b"U", b"\x1b[0m", b"\\u", b"\\u0020", b"\\n", b"\\/", b"\\\\", b"\xe2\x80\xa8", b"|",
    b"}\n{", b"}{", b'""', b"null",
    b"Z", b"-", b"+01:00", b"T", b"\x0b", b"\x1f", b"\xc2\x85", b"?", b"[Info] ", b" stdout F ", b"\x7f",
    b"429", b"'", b'","',
    b"INFO: ", b"\xf0\x9f\x94\x91", b"\xf0\x9f", b" # ", b"time=", b"shutdown", b"/functions/",
    b"\xe3\x80\x80|",
]  # fmt: skip


FIRST = {"json": against_general.drain_lines(["the first row"]), "text": b""}
"""A log of JSON is scanned if its first line is a row."""


TWO_MESSAGES = re.compile(rb'"event_message"[^{}\n]*"event_message"')
ANSWERED = re.compile(rb'"event_message":[ ]?"((?:[^"\\\n]|\\.)*)[^\n]*"status_code"')
REQUEST = re.compile(rb"(?:GET|POST) \| |$")


def is_passed_over(data: bytes) -> bool:
    """Say whether the general decoder may find an event in a record whose message is none.

    In one with two messages, of which the last counts, or that was answered but is no request.
    """
    answered = (match[1] for match in ANSWERED.finditer(data) if not REQUEST.match(match[1]))
    return TWO_MESSAGES.search(data) is not None or any(
        DEFAULT_RULES.parse(message.decode("utf-8", "replace")) is None for message in answered
    )


def changed(rng: random.Random, content: bytes) -> bytes:
    """Return some lines of a log with bytes deleted, put in and changed, lines cut, swapped and glued."""
    rows = content.split(b"\n")
    if rng.random() < 0.8:
        first = rng.randrange(len(rows))
        rows = rows[first : first + rng.randrange(1, 12)]
    data = bytearray(b"\n".join(rows))
    for _ in range(rng.choice((1, 1, 2, 3, 5, 8))):
        if data:
            rng.choice(CHANGES)(rng, data)
    return bytes(data)


def _put_in(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    data[at:at] = rng.choice(BITS)


def _replace(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    data[at : at + 1] = rng.choice(BITS)


def _change_byte(rng: random.Random, data: bytearray) -> None:
    data[rng.randrange(len(data))] = rng.randrange(256)


def _delete(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 1, 1, rng.randrange(1, 60)))]


def _swap_lines(rng: random.Random, data: bytearray) -> None:
    rows = bytes(data).split(b"\n")
    one, other = rng.randrange(len(rows)), rng.randrange(len(rows))
    rows[one], rows[other] = rows[other], rows[one]
    data[:] = b"\n".join(rows)


def _glue_lines(rng: random.Random, data: bytearray) -> None:
    end = data.find(b"\n", rng.randrange(len(data)))
    if end >= 0:
        del data[end]


def _repeat(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    data[at:at] = data[max(0, at - rng.randrange(60)) : at]


def _cut(rng: random.Random, data: bytearray) -> None:
    if rng.random() < 0.3:
        del data[rng.randrange(len(data)) :]


CHANGES: list[Callable[[random.Random, bytearray], None]] = [
    _put_in, _put_in, _replace, _change_byte, _delete, _swap_lines, _glue_lines, _repeat, _cut,
]  # fmt: skip


def hold(shape: str, data: bytes, size: int, piece: int | None) -> bool:
    """Hold the scan to the general decoder; false if the latter refuses the log, or nobody would scan it."""
    if shape == "json" and is_passed_over(data):
        return False
    if shape != "csv":
        against_general.check(FIRST[shape] + data, shape, size=size, piece=piece, is_damaged=True)
        return True
    header = data.split(b"\n", 1)[0]
    if b"\n" not in data or not header.isascii() or columns_of(header.decode().rstrip("\r")) is None:
        return False
    try:
        against_general.general(data, shape)
    except InputError:
        with pytest.raises(InputError):
            against_general.scanned(data, shape, size=size, piece=piece)
        return False
    against_general.check(data, shape, size=size, piece=piece)
    return True


def fuzz(shape: str, numbers: range) -> int:
    """Hold so many damaged logs, each told by its number; return how many were held."""
    held = 0
    for number in numbers:
        rng = random.Random(f"{shape}-{number}")
        content = rng.choice(SEEDS[shape])
        if shape == "csv":
            header, _, rows = content.partition(b"\n")
            data = header + b"\n" + changed(rng, rows)
        else:
            data = changed(rng, content)
        size, piece = rng.choice((64, 300, 1 << 14, 1 << 16)), rng.choice((7, 64, None, None))
        try:
            held += hold(shape, data, size, piece)
        except Exception as error:
            raise AssertionError(
                f"{shape} log number {number}, buffer {size}, pieces {piece}: {data!r}"
            ) from error
    return held


@pytest.mark.parametrize("shape", SEEDS)
def test_damaged_logs(shape: str) -> None:
    """Bytes deleted, put in and changed, lines cut, swapped and glued."""
    assert fuzz(shape, range(800)) > 700


@pytest.mark.nightly
@pytest.mark.parametrize("start", range(0, 60_000, 10_000))
@pytest.mark.parametrize("shape", SEEDS)
def test_many_damaged_logs(shape: str, start: int) -> None:
    """As above, further numbers."""
    assert fuzz(shape, range(1_000_000 + start, 1_010_000 + start)) > 8_500


WORDS = [
    *(bit.decode("utf-8", "replace") for bit in BITS if bit[0] < 128),
    '{"event_message":"', '","timestamp":1762917393993000', ',"metadata":{"execution_id":"e"}', '"}', "}\n",
    "\n{",
    '"id":"a"', '"metadata":[', '"request":{"pathname":"/functions/v1/x"}',
    '"response":{"status_code":429}', "true", "1.5",
    "Using GOOGLE_KEY_3 (position 1/4 in pool)", "booted (time: 3ms)", "Google AI Studio error: 429 {",
    '\\"quotaId\\": 1',
    STAMP + "Z ", STAMP, "web-1 | ", '{"time":"' + STAMP + 'Z","msg":"', "\u3000", "é", "🔑 ",
]  # fmt: skip


@given(
    words=st.lists(st.sampled_from(WORDS), max_size=25),
    shape=st.sampled_from(["json", "text"]),
    size=st.sampled_from([20, 64, 1 << 12]),
)
@settings(max_examples=800, deadline=None, derandomize=True)
def test_anything_at_all(words: list[str], shape: str, size: int) -> None:
    """Logs of quotes, braces, line ends and words in any order."""
    data = FIRST[shape] + "".join(words).encode()
    against_general.check(data, shape, size=size, is_damaged=True)


TOP_NAMES = [
    "id", "timestamp", "execution_id", "function_id", "level", "reason", "request", "response", "metadata",
    "execution_time_ms", "status_code", "url", "pathname", "extra", "ts", "time", "message", "event_type",
    "logs", "result",
]  # fmt: skip
INNER_NAMES = [
    "pathname", "url", "status_code", "execution_id", "function_id", "timestamp", "id", "reason", "request",
    "response", "execution_time_ms", "x", "event_message",
]  # fmt: skip
VALUES = [
    None, True, "", "a-1", "a b", "shutdown", "EarlyDrop", "2025-11-12T03:16:33.993Z", "1762917393993000",
    "/functions/v1/chat", 1762917393993000, 1762917393, 429, 0, -1, 1.5, 12, "429", "é",
]  # fmt: skip
FIELDS = st.dictionaries(
    st.sampled_from(TOP_NAMES),
    st.recursive(
        st.sampled_from(VALUES),
        lambda inner: st.one_of(
            st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(INNER_NAMES), inner, max_size=4)
        ),
        max_leaves=6,
    ),
    max_size=7,
)


@given(
    rows=st.lists(
        st.tuples(FIELDS, st.sampled_from(SAMPLES), st.booleans(), st.booleans()), min_size=1, max_size=4
    )
)
@settings(max_examples=800, deadline=None, derandomize=True)
def test_rows_of_any_fields(rows: list[tuple[dict[str, object], str, bool, bool]]) -> None:
    """Any values under the names that count, each record twice: the second may be told by its layout."""
    data = FIRST["json"]
    for fields, message, is_first, in_ascii in rows:
        if not against_general.is_told_by_message(message):
            # What the JSON of a refused record says beside its message is not looked at.
            fields = {name: value for name, value in fields.items() if name in ("id", "timestamp", "level")}
        named = {"event_message": message}
        row = {**named, **fields} if is_first else {**fields, **named}
        data += 2 * (json.dumps(row, ensure_ascii=in_ascii) + "\n").encode()
    against_general.check(data, "json", is_damaged=True)
