"""RFC 5424, counted and by line, whole and damaged."""

from __future__ import annotations

import time

import pytest

from keyrota.logs.record import BadRow, Record
from keyrota.logs.syslog import FRAME_LIMIT, is_syslog, syslog_records

HEAD = b"<134>1 2025-11-12T03:16:33.993Z - logflare - ABC - "
NS = 1_762_917_393_993_000_000


def frame(message: str) -> bytes:
    return HEAD + b'{"event_message":"' + message.encode() + b'","timestamp":1762917393993000}'


def counted(*frames: bytes) -> bytes:
    return b"".join(b"%d %b" % (len(f), f) for f in frames)


def read(data: bytes, size: int = 1 << 20) -> list[str]:
    records = syslog_records(data[i : i + size] for i in range(0, len(data), size))
    return [r.message if isinstance(r, Record) else f"bad: {r.reason}" for r in records]


@pytest.mark.parametrize("size", [1, 2, 50, 1 << 20])
def test_frames_and_lines(size: int) -> None:
    """Counted frames side by side or on lines, messages by line, and both."""
    a, b = frame("a 🔑 \\n"), frame("b")
    for data in (
        counted(a, b),
        counted(a) + b"\n" + counted(b) + b"\n",
        a + b"\n" + b + b"\n",
        a + b"\r\n" + b,
        counted(a) + b"\n" + b + b"\n",
        b"\xef\xbb\xbf" + counted(a, b),
    ):
        assert read(data, size) == ["a 🔑 \n", "b"]
        assert is_syslog(data.removeprefix(b"\xef\xbb\xbf"))


def test_other_bodies() -> None:
    """Plain text is a message with the header's time; structured data is skipped."""
    (record,) = syslog_records([HEAD + b"hello"])
    assert isinstance(record, Record)
    assert (record.message, record.time_ns) == ("hello", NS)
    data = b'<134>1 2025-11-12T03:16:33.993Z host app 1 ID [a@1 b="c"][d@2 e="f"] hello\n'
    assert read(data) == ["hello"]


def test_a_cut_body_is_a_bad_row() -> None:
    """A body cut at the sender's limit, or at the end of the file."""
    cut = frame("abc")[:-20]
    reason = "bad: the message's JSON body is broken or was cut"
    assert read(counted(cut, frame("b"))) == [reason, "b"]
    assert read(counted(frame("a"), frame("b"))[:-10]) == ["a", reason]


@pytest.mark.parametrize("wrong", [-3, -1, 1, 3])
def test_a_wrong_count_costs_few_frames(wrong: int) -> None:
    """The next count is found again."""
    frames = [frame(f"m{n}") for n in range(6)]
    data = counted(*frames[:2]) + b"%d %b" % (len(frames[2]) + wrong, frames[2]) + counted(*frames[3:])
    found = read(data)
    assert [m for m in found if m.startswith("m")][:2] == ["m0", "m1"]
    assert len([m for m in found if m.startswith("m")]) >= 4


@pytest.mark.parametrize("head", [b"", b"hello", b"<134>", b"12 hello", b"<134>1 x", b"[Info] <134>1 a b"])
def test_what_is_no_syslog(head: bytes) -> None:
    """The header must be whole."""
    assert not is_syslog(head)


def test_reading_is_linear() -> None:
    """Many frames in one chunk, and one frame without end."""
    data = counted(*[frame("x" * 50)] * 60_000)
    began = time.process_time()
    assert len(read(data)) == 60_000
    assert len(read(data, len(data))) == 60_000
    assert time.process_time() - began < 8
    endless = list(syslog_records([HEAD + b"y" * (3 * FRAME_LIMIT)]))
    assert isinstance(endless[0], Record)
    assert all(isinstance(row, BadRow) for row in endless[1:])
