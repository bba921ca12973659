"""RFC 5424 syslog with a JSON body, octet-counted or a line each, to records."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Final

from keyrota.logs.json_stream import decode_json
from keyrota.logs.objects import records_of
from keyrota.logs.record import BadRow, Record

FRAME_LIMIT: Final = 1 << 20

HEADER_BYTES: Final = 2_000
"""What a header takes at most, short of exotic structured data."""

_COUNT = re.compile(rb"([0-9]{1,7}) (?=<[0-9]{1,3}>1 )")
# A few bytes may stand before it: a damaged byte-order mark.
_HEADER = re.compile(
    rb"[^<]{0,16}<[0-9]{1,3}>1 (?P<time>\S{1,40}) \S{1,255} \S{1,48} \S{1,128} \S{1,32} "
    rb"(?:-|(?:\[[^\]]{0,1000}\])+) ?"
)
# Where a frame without a header ends: a count was wrong, and frames need no newline between them.
_NEXT_COUNT = re.compile(rb"\}(?=[0-9]{1,7} <[0-9]{1,3}>1 )")
_BETWEEN: Final = b"\r\n" + codecs.BOM_UTF8
_COUNT_BYTES: Final = 16
"""How many bytes tell whether a frame begins with a count."""


def is_syslog(head: bytes) -> bool:
    """Say whether bytes begin with a syslog message, counted or not."""
    start = _COUNT.match(head)
    return _HEADER.match(head, start.end() if start else 0) is not None


def syslog_records(chunks: Iterable[bytes]) -> Iterator[Record | BadRow]:
    """Yield the records of a stream of messages; a body that was cut is a bad row."""
    for number, frame in enumerate(_frames(chunks), start=1):
        header = _HEADER.match(frame)
        if header is None:
            yield BadRow(number, "not a syslog message")
            continue
        time = header["time"].decode("ascii", "replace")
        body = frame[header.end() :].decode("utf-8", errors="replace").strip("\ufeff\r\n")
        if not body.startswith("{"):
            yield from records_of({"message": body, "time": time}, number)
            continue
        try:
            value = decode_json(body)
        except (ValueError, RecursionError):
            yield BadRow(number, "the message's JSON body is broken or was cut")
            continue
        value.setdefault("timestamp", time)
        yield from records_of(value, number)


def _frames(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut by the count before a message where there is one, at LF where there is none."""
    buffer = bytearray()
    at = 0
    source = iter(chunks)
    is_ended = False
    while True:
        # The buffer is compacted once a chunk, not once a frame: that would take quadratic time.
        while at < len(buffer) and buffer[at] in _BETWEEN:
            at += 1
        end, skip = _frame_end(buffer, at, is_ended)
        if end is not None:
            yield bytes(buffer[at + skip : min(end, at + skip + FRAME_LIMIT)]).rstrip(b"\r\n")
            at = end
            continue
        if is_ended:
            return
        del buffer[:at]
        at = 0
        chunk = next(source, b"")
        is_ended = not chunk
        buffer += chunk


def _frame_end(buffer: bytearray, at: int, is_ended: bool) -> tuple[int | None, int]:
    """Return where the frame at `at` ends, ``None`` if that is not known yet, and its count's length."""
    left = len(buffer) - at
    if left == 0 or (left < _COUNT_BYTES and not is_ended):
        return None, 0
    count = _COUNT.match(buffer, at)
    if count is not None and int(count[1]) <= FRAME_LIMIT:
        skip = count.end() - at
        end = count.end() + int(count[1])
        # A frame that was cut, or whose count is wrong, ends where the file does.
        return (min(end, len(buffer)) if end <= len(buffer) or is_ended else None), skip
    # One search for both would look at each byte by itself, and take most of a log's time.
    limit = min(len(buffer), at + FRAME_LIMIT + _COUNT_BYTES)
    newline = buffer.find(b"\n", at + 1, limit)
    following = _NEXT_COUNT.search(buffer, at, limit if newline < 0 else newline)
    if following is not None:
        return following.end(), 0
    if newline >= 0:
        return newline, 0
    return (min(len(buffer), at + FRAME_LIMIT) if is_ended or left > FRAME_LIMIT else None), 0
