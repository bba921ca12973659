"""Any bytes: nothing is raised but a refusal, every line and byte is accounted for, only LF ends a line."""

from __future__ import annotations

import gzip
import itertools
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from keyrota.errors import InputError
from keyrota.events import COLUMNS
from keyrota.logs.collect import Collected, Gatherer, collect
from keyrota.logs.encoding import decoded
from keyrota.logs.formats import NotALogError, OpenedLog, open_log
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.read import read
from keyrota.logs.record import Record
from keyrota.logs.write import (
    SHAPES,
    LogRow,
    boot_message,
    error_message,
    pick_message,
    quota_error_body,
    write_log,
)
from keyrota.pools.load import load_pools

START_NS = 1_762_917_393_983_000_000
CONFIG = load_pools()
PICK = "🔑 Using GOOGLE_KEY_{} (position {}/2 in pool)"
TOKENS = [
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"|", b"\n", b"\r\n", b"\x00", b"\xff", b"\xf0\x9f",
    b"\t",
    b"\xef\xbb\xbf", b"\xff\xfe", b"null", b"NaN", b"1e999", b"-1", b"9" * 30, b"\\ud800", b"\x1b[31m",
    b"```",
    b"## Log 7\n", b"**Message:** ", b"<134>1 ", b"99 <134>1 ", b"position 0/0", b"GOOGLE_KEY_999999999",
    "\u0663".encode(), "\u2028".encode(), b'"event_message"', b'"timestamp"', b'"metadata"',
    b"event_message,",
    b"| --- |", b'{"event_message":"', PICK.format(1, 1).encode(), b"Error: 429 ",
    b"retry in 12s", b"boot",
    b"2025-11-10T08:00:00.123Z ", b"time=", b"msg=", b'"log":"', b"[Info] ",
    b"\x1f\x8b", b"PK\x03\x04", b"BZh9",
]  # fmt: skip


@lru_cache
def whole(shape: str, count: int) -> bytes:
    rows = []
    for n in range(count // 3):
        for i, message in enumerate(
            (
                pick_message(n % 10 + 1, n % 4 + 1, 4),
                error_message(429, quota_error_body("per-day", 50, "gemini-2.5-pro", 3.5)),
                boot_message(31),
            )
        ):
            rows.append(
                LogRow(
                    START_NS + n * 10**9 + i * 10**6, message,
                    execution_id=f"0d67aaaa-1111-4222-8333-{n:012d}", function="generate-artifact",
                    function_id="beca0000-2222-4333-8444-555566667777", row_id=f"r{n}-{i}",
                )
            )  # fmt: skip
    return write_log(rows, shape)


def mutated(data: bytes, rng: np.random.Generator, every: int) -> bytes:
    """Damage about once in so many bytes."""
    parts = []
    places = np.cumsum(rng.integers(1, 2 * every, len(data) // every + 1))
    kinds, tokens = rng.integers(5, size=len(places)), rng.integers(len(TOKENS), size=len(places))
    last = 0
    for at, kind, token in zip(places.tolist(), kinds.tolist(), tokens.tolist(), strict=True):
        parts.append(data[last:at])
        piece = TOKENS[token]
        if kind == 0:
            parts.append(piece)
        elif kind == 1:
            parts.append(piece)
            at += len(piece)
        elif kind == 2:
            parts.append(bytes([token * 5 % 256]))
            at += 1
        elif kind == 3:
            at += token
        else:
            parts.append(data[max(0, at - token) : at])
        last = at
    return b"".join([*parts, data[last:]])


def accounted(data: bytes, size: int = 1 << 18) -> tuple[OpenedLog, Collected] | None:
    """Read bytes; every line and every byte is accounted for, or the whole is refused."""
    try:
        log = open_log(data[at : at + size] for at in range(0, len(data), size))
    except NotALogError:
        return None
    found = collect(log.records, DEFAULT_RULES, CONFIG, {})
    assert found.lines == found.used + found.ignored + found.malformed
    assert min(found.used, found.ignored, found.malformed) >= 0
    assert log.inflated.raw_bytes == len(data) or log.inflated.problem is not None
    if log.format == "text" and log.encoding == "utf-8" and log.inflated.compression is None:
        # Marks and NULs are no text: what is left of the last line decides whether it is one.
        has_rest = "".join(decoded([data], "utf-8")).rpartition("\n")[2] != ""
        assert found.lines == data.count(b"\n") + has_rest
    return log, found


@pytest.mark.parametrize("total", [200_000, pytest.param(10_000_000, marks=pytest.mark.nightly)])
def test_mutated_lines_are_accounted_for(total: int) -> None:
    """So many damaged lines of every shape: nothing is raised, lines read = used + ignored + malformed."""
    rng = np.random.default_rng(total)
    lines = refused = 0
    while lines < total:
        for shape in SHAPES:
            data = mutated(whole(shape, 600), rng, every=int(rng.choice([40, 150, 400])))
            told = accounted(data)
            lines += data.count(b"\n") if told is None else told[1].lines
            refused += told is None
    assert lines >= total
    assert refused < lines / 600 / 4, "most of it must get past the front door"


@settings(max_examples=5_000, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=6)), max_size=40).map(b"".join))
@example(b"\x1f\x8b")
@example(b"[" * 3000)
def test_made_up_bytes_are_accounted_for(data: bytes) -> None:
    """Five thousand files of pieces of every shape and of any bytes."""
    accounted(data)


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(sorted(SHAPES)),
    st.integers(0, 2**32 - 1),
    st.one_of(st.integers(1, 64), st.integers(1, 1 << 20)),
    st.integers(0, 5),
)
def test_chunks_and_members_do_not_matter(shape: str, seed: int, size: int, members: int) -> None:
    """Any size of chunk from 1 to 2^20 bytes, plain or gzip of 1 to 5 members, damaged or not: the same."""
    rng = np.random.default_rng(seed)
    data = whole(shape, 30)
    data = mutated(data, rng, every=300) if seed % 3 else data
    expected = accounted(data, len(data) + 1)
    stored = data
    if members:
        cuts = sorted(rng.integers(0, len(data) + 1, members - 1).tolist())
        stored = b"".join(gzip.compress(data[a:b]) for a, b in itertools.pairwise([0, *cuts, len(data)]))
    found = accounted(stored, size)
    if expected is None or found is None:
        assert expected is None
        assert found is None
        return
    assert found[0].format == expected[0].format
    assert found[0].truncated == expected[0].truncated
    assert found[1] == expected[1]


@pytest.mark.parametrize("members", [0, 1, 3])
def test_standard_input_is_a_file_like_another(members: int, tmp_path: Path) -> None:
    """The same table from a file, and from a pipe that gives it in pieces."""
    data = whole("serve", 300)
    third = len(data) // 3
    parts = [data[:third], data[third : 2 * third], data[2 * third :]][: members or 3]
    stored = b"".join(gzip.compress(part) if members else part for part in parts)
    path = tmp_path / "a"
    path.write_bytes(stored)
    command = [sys.executable, "-m", "keyrota", "parse", "-q"]
    from_file = subprocess.run([*command, str(path)], capture_output=True, check=True).stdout
    with subprocess.Popen([*command, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for at in range(0, len(stored), 997):
            process.stdin.write(stored[at : at + 997])
            process.stdin.flush()
        process.stdin.close()
        assert process.stdout.read().replace(b",-,", f",{path},".encode()) == from_file


SEPARATORS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029\r\x00\x1f\u0085\ufeff"


def test_ten_thousand_separators_forge_no_record() -> None:
    """What ends a line elsewhere does not here: records are those of LF, in order, and no more."""
    rng = np.random.default_rng(4)
    lines, injected = [], 0
    for n in range(2_500):
        places = rng.integers(len(SEPARATORS), size=4)
        forged = "".join(SEPARATORS[place] + PICK.format(2, 2) for place in places.tolist())
        lines += [f"prompt {n}{forged}", PICK.format(1, 1)]
        injected += 4
    data = "\n".join([*lines, ""]).encode()
    told = accounted(data)
    assert told is not None
    assert injected >= 10_000
    assert told[1].lines == 5_000
    assert told[1].rows.key.tolist() == [1] * 2_500


DIGITS = ["\u0663", "\u0967", "\uff13", "\u00b2", "\U0001d7d1"]


@pytest.mark.parametrize("digit", DIGITS)
def test_only_ascii_digits_count(digit: str) -> None:
    """A key, a place or a size in other digits, or of more than six, is no pick."""
    for line in (
        f"Using GOOGLE_KEY_{digit} (position 1/2 in pool)",
        f"Using GOOGLE_KEY_1 (position {digit}/4 in pool)",
        f"Using GOOGLE_KEY_1 (position 1/{digit} in pool)",
        "Using GOOGLE_KEY_1234567 (position 1/2 in pool)",
        "Using GOOGLE_KEY_" + "1" * 5000 + " (position 1/2 in pool)",
        "Using GOOGLE_KEY_1 (position 1/" + "9" * 5000 + " in pool)",
    ):
        gatherer = Gatherer(DEFAULT_RULES)
        gatherer.add(Record(1, line))
        assert [k for k in gatherer.done().rows.key.tolist() if k > 0] == [], line


def encodings(text: str) -> Iterator[tuple[str, bytes]]:
    """The same text as different programs store it."""
    yield "utf-8 with a mark", b"\xef\xbb\xbf" + text.encode()
    yield "utf-16-le", b"\xff\xfe" + text.encode("utf-16-le")
    yield "utf-16-be", b"\xfe\xff" + text.encode("utf-16-be")
    yield "utf-16 without a mark", text.encode("utf-16-le")
    yield (
        "cp1252 mojibake",
        text.encode().decode("cp1252", "surrogateescape").encode("utf-8", "surrogatepass"),
    )
    yield "latin-1 mojibake", text.encode().decode("latin-1").encode()
    yield "CRLF", text.replace("\n", "\r\n").encode()
    yield "NULs before it", bytes(4096) + text.encode()
    yield "a mark in the middle", text.encode().replace(b"\n", b"\n\xef\xbb\xbf", 3)
    yield "invalid bytes beside", text.encode().replace(b"\n", b"\n\xff\xfe\xfa junk \xc3\n", 1)


@pytest.mark.parametrize("shape", ["serve", "dashboard-json", "old-csv", "drain-ndjson", "docker-logs"])
def test_equivalent_files_give_the_same_events(shape: str, tmp_path: Path) -> None:
    """UTF-8 with a mark, UTF-16, mojibake, CRLF, NULs and invalid bytes change no event."""
    text = whole(shape, 60).decode()
    path = tmp_path / "log"
    path.write_text(text, encoding="utf-8", newline="")
    columns = [name for name in COLUMNS if name not in ("line", "source")]
    expected = read(path).events[columns]
    assert len(expected) >= 40
    for name, data in encodings(text):
        if name == "invalid bytes beside" and shape in ("dashboard-json", "old-csv"):
            continue  # there a line is no row of its own
        path.write_bytes(data)
        try:
            found = read(path).events[columns]
        except InputError as error:
            pytest.fail(f"{name}: {error}")
        assert found.equals(expected), name
