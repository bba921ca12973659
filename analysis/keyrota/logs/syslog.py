"""RFC 5424 syslog with a JSON body, octet-counted or a line each, to records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from keyrota.logs.objects import records_of
from keyrota.logs.record import BadRow, Record

FRAME_LIMIT: Final = 1 << 20

_COUNT = re.compile(rb"([0-9]{1,7}) (?=<[0-9]{1,3}>1 )")
_HEADER = re.compile(
    rb"<[0-9]{1,3}>1 (?P<time>\S{1,40}) \S{1,255} \S{1,48} \S{1,128} \S{1,32} (?:-|(?:\[[^\]]{0,1000}\])+) ?"
)


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
        body = frame[header.end() :].decode("utf-8", errors="replace").strip("\ufeff\r\n")
        if not body.startswith("{"):
            yield from records_of(
                {"message": body, "time": header["time"].decode("ascii", "replace")}, number
            )
            continue
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            yield BadRow(number, "the message's JSON body is broken or was cut")
            continue
        if isinstance(value, dict):
            value.setdefault("timestamp", header["time"].decode("ascii", "replace"))
        yield from records_of(value, number)


def _frames(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut by the count before a message where there is one, at LF where there is none."""
    buffer = b""
    source = iter(chunks)
    ended = False
    while True:
        buffer = buffer.lstrip(b"\r\n")
        count = _COUNT.match(buffer)
        length = int(count[1]) if count else None
        if count is not None and length is not None and length <= FRAME_LIMIT:
            end = count.end() + length
            if len(buffer) >= end or (ended and buffer):
                yield buffer[count.end() : end].rstrip(b"\r\n")
                buffer = buffer[end:]
                continue
        else:
            line, separator, rest = buffer.partition(b"\n")
            if separator or len(buffer) > FRAME_LIMIT or (ended and buffer):
                yield line[:FRAME_LIMIT]
                buffer = rest
                continue
        if ended:
            return
        chunk = next(source, b"")
        ended = not chunk
        buffer += chunk
