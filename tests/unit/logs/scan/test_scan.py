"""The scan against the general decoder: messages by variants of a file, blocks, ranges and shapes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import against_general
from keyrota.logs import gathering
from keyrota.logs.read import Reading, read
from keyrota.logs.scan import ranges
from keyrota.logs.scan.blocks import Blocks
from keyrota.logs.scan.reader import Part
from keyrota.logs.scan.shape import Shape
from keyrota.logs.sources import find_sources
from keyrota.logs.write import SHAPES, LogRow, write_log

check, general, hold, offset_of = (
    against_general.check, against_general.general, against_general.hold, against_general.offset_of,
)  # fmt: skip

PICK = against_general.PICK
UUID = "d49cf7c6-0000-4000-8000-000000000001"
MESSAGES = [
    PICK,
    "Using GOOGLE_KEY_12 (key 2 of 4 in pool)",
    PICK + " is what my log says",
    f'the user wrote: "{PICK}"',
    f'"{PICK}"',
    "Using GOOGLE_KEY_0 (position 0/4 in pool)",
    "Using GOOGLE_KEY_3 (position 5/4 in pool)",
    "Using GOOGLE_AI_STUDIO_KEY_CHAT key #1 of 2",
    "Using key pool: ARTIFACT (4 keys available)",
    "Using key pool: chat-2.5 west (1 keys available)",
    "[Info] booted (time: 31ms)",
    "booted (time: 40000ms)\n",
    "booted (time: 31ms) said the user",
    "shutdown",
    "shutdown (reason: CPU time limit reached)",
    "shutdown, later",
    f"early termination has been triggered: isolate: {UUID}",
    f"wall clock duration warning: isolate: {UUID}",
    "Listening on http://localhost:9999/\n",
    "serving the request with supabase/functions/chat",
    "POST | 429 | https://abcdefghijklmnopqrst.supabase.co/functions/v1/chat",
    "GET | 200 | https://abcdefghijklmnopqrst.supabase.co/rest/v1/messages",
    "[req-1] Rate limited (429). Retry 1/3 after 1000ms",
    "Max retries exceeded (status: 429)",
    '🔴 Google AI Studio error: 429 {\n  "error": {\n    "code": 429, "message": "You exceeded"',
    "Google AI Studio error: \x1b[33m503\x1b[39m The model is overloaded",
    "[429 Too Many Requests] You exceeded your current quota",
    'ClientError: {"error": {"code": 429, "message": "x"}}',
    '  "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",',
    '"retryDelay": "36s"',
    "* Quota exceeded for metric: x, limit: 2",
    "⚠️ Invalid API key format detected in CHAT pool. Expected format: AIzaSy...",
    "",
    " ",
    "a user's message, with \\ and \" and ünïcode",
    '{"event_message": "shutdown", "time": 1}',
]

Row = dict[str, Any]


def row_of(number: int, message: str) -> Row:
    """Return a row of a drain."""
    return {
        "id": f"a-{number}",
        "timestamp": 1_762_917_393_993_000 + number,
        "event_message": message,
        "metadata": {"execution_id": f"e-{number % 3}", "function_id": "f-1", "level": "info"},
    }


def as_written(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False)


def lines_of(
    change: Callable[[Row], Row] = lambda row: row,
    end: str = "\n",
    dumps: Callable[[Row], str] = as_written,
) -> bytes:
    """Return a file with a row for each message, each changed and written in some way."""
    return "".join(dumps(change(row_of(n, m))) + end for n, m in enumerate(MESSAGES)).encode()


def with_metadata(**fields: Any) -> Callable[[Row], Row]:
    return lambda row: {**row, "metadata": {**row["metadata"], **fields}}


def without(name: str) -> Callable[[Row], Row]:
    return lambda row: {key: value for key, value in row.items() if key != name}


def in_order(*names: str) -> Callable[[Row], Row]:
    return lambda row: {name: row[name] for name in names}


def put(**fields: Any) -> Callable[[Row], Row]:
    return lambda row: {**row, **fields}


def first(**fields: Any) -> Callable[[Row], Row]:
    return lambda row: {**fields, **row}


def replaced(old: str, new: str) -> Callable[[Row], str]:
    return lambda row: json.dumps(row, ensure_ascii=False).replace(old, new)


PLAIN = lines_of()
RECORDS = PLAIN.split(b"\n")[:-1]


def joined(change: Callable[[int, bytes], bytes]) -> bytes:
    """Return the plain rows, each changed by its number."""
    return b"\n".join(change(number, record) for number, record in enumerate(RECORDS)) + b"\n"


def said(record: bytes, message: str) -> bytes:
    """Return the record with another message."""
    return json.dumps(json.loads(record) | {"event_message": message}).encode()


def every(step: int, change: Callable[[bytes], bytes]) -> bytes:
    """Return the plain rows with each so manyth changed."""
    return joined(lambda number, record: change(record) if number % step == step - 1 else record)


REQUESTED = {"pathname": "/functions/v1/chat", "url": "https://x.supabase.co/functions/v1/chat"}
JSON_VARIANTS: dict[str, bytes] = {
    "as written": PLAIN,
    "CRLF": lines_of(end="\r\n"),
    "two CRs": lines_of(end="\r\r\n"),
    "no final newline": PLAIN[:-1],
    "blanks at the end of a line": lines_of(end="  \r\n"),
    "tabs at the end of a line": lines_of(end=" \t\n"),
    "blanks before a line": joined(lambda n, record: b" " * (n % 3) + record),
    "blank lines": lines_of(end="\n\n \n\r\n"),
    "commas behind the rows": lines_of(end=",\n"),
    "compact": lines_of(dumps=partial(json.dumps, separators=(",", ":"))),
    "wide": lines_of(dumps=partial(json.dumps, separators=(" , ", "\t:  "))),
    "in ASCII": lines_of(dumps=json.dumps),
    "escaped slashes": lines_of(dumps=replaced("/", "\\/")),
    "escaped blanks": lines_of(dumps=replaced("Using ", "Using\\u0020")),
    "escaped words": lines_of(dumps=replaced("shut", "\\u0073hut")),
    "escaped names": lines_of(dumps=replaced("event_message", "event\\u005fmessage")),
    "escaped inner names": lines_of(dumps=replaced("execution_id", "execution\\u005fid")),
    "message last": lines_of(in_order("id", "timestamp", "metadata", "event_message")),
    "message first": lines_of(in_order("event_message", "metadata", "timestamp", "id")),
    "metadata first": lines_of(in_order("metadata", "event_message", "id", "timestamp")),
    "an array of one": lines_of(lambda row: {**row, "metadata": [row["metadata"]]}),
    "an array of two": lines_of(lambda row: {**row, "metadata": [row["metadata"], {"execution_id": "x"}]}),
    "an array in an array": lines_of(lambda row: {**row, "metadata": [[row["metadata"]]]}),
    "no metadata": lines_of(without("metadata")),
    "null metadata": lines_of(put(metadata=None)),
    "empty metadata": lines_of(put(metadata={})),
    "an empty array": lines_of(put(metadata=[])),
    "metadata of numbers": lines_of(put(metadata=[1, 2])),
    "metadata as text": lines_of(lambda row: {**row, "metadata": json.dumps(row["metadata"])}),
    "no time": lines_of(without("timestamp")),
    "no id": lines_of(without("id")),
    "no message": lines_of(without("event_message")),
    "null id": lines_of(put(id=None)),
    "a number for an id": lines_of(put(id=17)),
    "an inner id": lines_of(with_metadata(id="b-1")),
    "strange ids": lines_of(with_metadata(execution_id="a b", function_id="é")),
    "long ids": lines_of(with_metadata(execution_id="a" * 80, function_id="a" * 81)),
    "empty ids": lines_of(with_metadata(execution_id="", function_id="")),
    "ids at the top": lines_of(put(execution_id="t-1", function_id=None)),
    "ids of numbers": lines_of(with_metadata(execution_id=17)),
    "times as text": lines_of(put(timestamp="1762917393993000")),
    "ISO times": lines_of(put(timestamp="2025-11-12T03:16:33.993Z")),
    "ISO times with a blank": lines_of(put(timestamp="2025-11-12 03:16:33.993123456")),
    "times with an offset": lines_of(put(timestamp="2025-11-12T03:16:33.993+05:30")),
    "times to the second": lines_of(put(timestamp=1_762_917_393)),
    "nanoseconds": lines_of(put(timestamp=1_762_917_393_993_000_123)),
    "fractions": lines_of(put(timestamp=1_762_917_393.993)),
    "exponents": lines_of(dumps=replaced("1762917393993000", "1.762917393993e15")),
    "negative times": lines_of(put(timestamp=-5)),
    "words for times": lines_of(put(timestamp="later")),
    "true times": lines_of(put(timestamp=True)),
    "a leap day": lines_of(put(timestamp="2024-02-29T23:59:60Z")),
    "no leap day": lines_of(put(timestamp="2025-02-29T00:00:00Z")),
    "inner times": lines_of(with_metadata(timestamp="2025-11-12T03:16:33.993Z")),
    "inner times, finer": lines_of(with_metadata(timestamp=1_762_917_393_993_000_001)),
    "inner times, earlier": lines_of(with_metadata(timestamp=1_762_917_000_000_000)),
    "inner times of words": lines_of(with_metadata(timestamp="soon")),
    "other names of times": lines_of(first(ts="2025-11-12T03:16:33Z")),
    "extra names": lines_of(first(a=1, b="x", c=None, d=True, e=-1.5, f="", project="p")),
    "extra objects": lines_of(first(extra={"event_message": "shutdown", "a": [1, {"b": {}}]})),
    "extra arrays": lines_of(put(extra=[[], {}, "]}", [1]])),
    "extra in the metadata": lines_of(with_metadata(a={"b": [1, {"c": "}"}]}, region="eu", cpu=None)),
    "braces in texts": lines_of(first(a='}{"event_message":', b='"}')),
    "an envelope's name": lines_of(put(result=[{"event_message": "boo"}])),
    "an envelope's name with a text": lines_of(put(data="x", logs=None)),
    "other messages": lines_of(first(message="shutdown", msg="shutdown")),
    "a message that is no text": lines_of(put(event_message=5)),
    "a null message": lines_of(put(event_message=None)),
    "an inner message": lines_of(with_metadata(event_message="shutdown")),
    "its name as a value": lines_of(first(a="event_message", b='"event_message": "shutdown"')),
    "names twice": lines_of(
        dumps=lambda row: json.dumps(row)[:-1] + ',"event_message":"boo","timestamp":1762917393993000}'
    ),
    "inner names twice": lines_of(dumps=replaced('"level"', '"execution_id":"e-9","level"')),
    "reasons": lines_of(with_metadata(reason="EarlyDrop")),
    "other reasons": lines_of(with_metadata(reason="because")),
    "reasons at the top": lines_of(put(reason="Memory")),
    "event types": lines_of(with_metadata(event_type="Shutdown", boot_time=12)),
    "an event": lines_of(put(event={"Shutdown": {"reason": "Memory"}})),
    "request and response": lines_of(with_metadata(request=REQUESTED, execution_time_ms=12)),
    "in arrays of one": lines_of(with_metadata(request=[REQUESTED], response=[], execution_time_ms="12")),
    "a fraction for a duration": lines_of(with_metadata(request=[REQUESTED], execution_time_ms=1.5)),
    "no slug": lines_of(with_metadata(request={"pathname": "/rest/v1/x", "url": "/functions/a-b_c"})),
    "log attributes": lines_of(put(log_attributes={"execution_id": "l-1"})),
    "NULs": every(5, lambda record: record.replace(b"using", b"us\x00ing").replace(b"U", b"\x00U")),
    "a NUL": PLAIN + b"\x00" + PLAIN,
    "a mark": b"\xef\xbb\xbf" + PLAIN,
    "marks inside": PLAIN + b"\xef\xbb\xbf" + PLAIN.replace(b"shutdown", b"shut\xef\xbb\xbfdown"),
    "invalid UTF-8": every(3, lambda record: record.replace(b"e", b"\xe2\x82", 1)),
    "half an emoji": lines_of(dumps=replaced("Using", "\\ud83d Using")),
    "ten separators": lines_of(
        lambda row: {**row, "event_message": "\x85\u2028\x0b\x0c" + row["event_message"] + "\u2028\x1e"}
    ),
    "long messages": lines_of(lambda row: {**row, "event_message": row["event_message"] + "x" * 5000}),
    "long records": lines_of(with_metadata(extra="y" * 3000)),
    "deep": lines_of(put(extra=json.loads("[" * 70 + "]" * 70))),
}  # fmt: skip
"""Files of whole records."""

DAMAGED: dict[str, bytes] = {
    "without a brace": every(4, lambda record: record[:-1]),
    "without quotes": every(4, lambda record: record.replace(b'"', b"", 1)),
    "single quotes": every(4, lambda record: record.replace(b'"', b"'")),
    "without a colon": every(4, lambda record: record.replace(b":", b"", 1)),
    "cut": every(4, lambda record: record[: len(record) // 2]),
    "cut in the message": every(4, lambda record: record[: record.find(b"event_message") + 22]),
    "cut at the end": PLAIN[:-30],
    "cut in an escape": PLAIN + b'{"event_message": "shutdown", "a": "\\u00',
    "commas at the end of objects": every(4, lambda record: record[:-1] + b",}"),
    "words": every(4, lambda record: record.replace(b'"info"', b"info")),
    "NaN": every(4, lambda record: record.replace(b'"info"', b"NaN")),
    "leading zeros": every(4, lambda record: record.replace(b'"info"', b"01")),
    "controls": every(4, lambda record: record.replace(b"info", b"in\tfo")),
    "bad escapes": every(4, lambda record: record.replace(b"info", b"in\\xfo")),
    "prose between": every(4, lambda record: record + b"\n-- more --"),
    "prose behind": every(4, lambda record: record + b" -- more --"),
    "brackets behind": every(4, lambda record: record + b"]"),
    "over several lines": every(4, lambda record: json.dumps(json.loads(record), indent=1).encode()),
    "over two lines": every(4, lambda record: record.replace(b", ", b",\n", 1)),
    "all over several lines": lines_of(dumps=partial(json.dumps, indent=2)),
    "glued": every(4, lambda record: record + record),
    "all glued": PLAIN.replace(b"}\n{", b"}{"),
    "glued to an open array": every(9, lambda record: said(record, "hello") + b"[" + record),
    "an array in a line": every(4, lambda record: b"[" + record + b"," + record + b"]"),
    "an open array": every(9, lambda record: b"[" + record),
    "all in one array": b"[" + PLAIN[:-1].replace(b"\n", b",\n") + b"]",
    "a line of text": every(4, lambda _: b"2025-11-12T03:16:33Z shutdown"),
    "a damaged first row": b'{"event_message": "a\n' + PLAIN,
}  # fmt: skip

STAMP = "2025-11-12T03:16:33.993"


def text_of(before: str = "", end: str = "\n", behind: str = "") -> bytes:
    """Return a file with lines for each message, each with something around it."""
    return "".join(
        before + line + behind + end for message in MESSAGES for line in message.split("\n")
    ).encode()


LINES = text_of()
TEXT_VARIANTS: dict[str, bytes] = {
    "as written": LINES,
    "CRLF": text_of(end="\r\n"),
    "two CRs": text_of(end="\r\r\n"),
    "CRs inside": text_of(end="\r\rx\n"),
    "no final newline": LINES[:-1],
    "blank lines": text_of(end="\n\n \r\n\t\n"),
    "docker's times": text_of(STAMP + "123456Z "),
    "times without zone": text_of("2025-11-12 03:16:33 "),
    "commas in times": text_of("2025-11-12 03:16:33,993 "),
    "slashes in times": text_of("2025/11/12 03:16:33 "),
    "times in brackets": text_of(f"[{STAMP}Z] "),
    "offsets": text_of(STAMP + "+01:00 "),
    "UTC": text_of("2025-11-12 03:16:33 UTC "),
    "times and a bar": text_of(STAMP + "Z | "),
    "times and a tab": text_of(STAMP + "Z\t"),
    "times and two blanks": text_of(STAMP + "Z  "),
    "times and nothing": text_of(STAMP + "Z"),
    "wrong times": text_of("2025-13-12T03:16:33Z "),
    "old times": text_of("1969-12-31T23:59:59Z "),
    "times of ten digits": text_of(STAMP + "0123456789Z "),
    "Kubernetes": text_of(STAMP + "Z stdout F "),
    "Kubernetes, parts of lines": text_of(STAMP + "Z stderr P "),
    "a stream that is none": text_of(STAMP + "Z stdin F "),
    "compose": text_of("supabase-edge-functions  | "),
    "compose with times": text_of(f"supabase-edge-functions  | {STAMP}Z "),
    "compose in colours": text_of("\x1b[36msupabase-edge-functions  |\x1b[0m "),
    "compose, no blank": text_of("web-1| "),
    "compose, a blank of another kind": text_of("web-1\xa0| "),
    "logfmt": text_of(f'time="{STAMP}Z" level=info msg="', end='"\n'),
    "logfmt with more behind": text_of(f"time={STAMP}Z msg=", behind=' level=info a="b"'),
    "logrus": text_of("INFO[2025-11-12 03:16:33] "),
    "logrus in colours": text_of("\x1b[36mINFO\x1b[0m[2025-11-12 03:16:33] "),
    "logrus, seconds": text_of("WARN[0001] "),
    "levels": text_of("[Info] "),
    "levels and a bar": text_of("2025-11-12 03:16:33.993 | INFO     | "),
    "Python's": text_of("2025-11-12 03:16:33,993 ERROR:root:"),
    "emoji": text_of("🔴 "),
    "mojibake": text_of("ðŸ”‘ "),
    "colours": text_of("\x1b[33m", behind="\x1b[39m"),
    "quoted": text_of('"', behind='"'),
    "objects of a logging library": "".join(
        json.dumps({"level": 30, "time": 1_762_917_393_993, "msg": message}, ensure_ascii=False) + "\n"
        for message in MESSAGES
    ).encode(),
    "objects behind a time": "".join(
        f"{STAMP}Z " + json.dumps({"ts": 1_762_917_393, "msg": message}) + "\n" for message in MESSAGES
    ).encode(),
    "objects without time": text_of('{"msg": "', behind='"}'),
    "objects with an escaped name": text_of('{"t\\u0069me": 1762917393993, "msg": "', behind='"}'),
    "NULs": LINES.replace(b"Using", b"Us\x00ing").replace(b"time", b"\x00time"),
    "a NUL": LINES + b"\x00" + LINES,
    "a mark": b"\xef\xbb\xbf" + LINES,
    "marks inside": LINES + b"\xef\xbb\xbf" + LINES.replace(b"shutdown", b"shut\xef\xbb\xbfdown"),
    "invalid UTF-8": LINES.replace(b"U", b"\xe2\x82U").replace(b"s", b"\xffs", 9),
    "ten separators": text_of("\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029 "),
    "no line end within reach": b"x" * 70_000 + LINES,
    "long lines": text_of(behind="x" * 5000),
}  # fmt: skip

FILES = [
    *(("json", name, data) for name, data in JSON_VARIANTS.items()),
    *(("json", name, data) for name, data in DAMAGED.items()),
    *(("text", name, data) for name, data in TEXT_VARIANTS.items()),
]
IDS = [f"{shape}-{name}" for shape, name, _ in FILES]


def is_damaged(shape: str, name: str) -> bool:
    return shape == "json" and name in DAMAGED


@pytest.mark.parametrize(("shape", "name", "data"), FILES, ids=IDS)
def test_every_variant(shape: str, name: str, data: bytes) -> None:
    """The same events in blocks of any size, whatever the pieces in which the bytes come."""
    for size, piece in ((1 << 20, None), (1 << 14, 1000), (700, None), (64, 9)):
        check(data, shape, size=size, piece=piece, is_damaged=is_damaged(shape, name))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 17, 40])
def test_buffers_of_a_few_bytes(size: int) -> None:
    """Smaller than any record: the general decoder reads all, from piece to piece."""
    check(PLAIN[:9000], "json", size=size, is_damaged=True)
    check(LINES, "text", size=size)


class Ranged:
    """A file, its ranges by number, and buffers of a size for them."""

    def __init__(self, path: Path, data: bytes, shape: str) -> None:
        path.write_bytes(data)
        (self.source,) = find_sources([path])
        self.shape: Shape = offset_of(data, shape)
        self.size = len(data)

    def read(self, count: int) -> Part:
        length = self.size - self.shape.offset
        ends = [self.shape.offset + length * number // count for number in range(count + 1)]
        return self.put_together(list(pairwise(ends)))

    def put_together(self, cuts: Iterable[tuple[int, int]]) -> Part:
        cuts = list(cuts)
        # In another order than that of the file: no range may need what another one found.
        parts = {cut: ranges.scan(self.source, *cut, self.shape) for cut in reversed(cuts)}
        again = partial(ranges.scan, self.source, shape=self.shape, is_start=True)
        return ranges.joined(ranges.in_order([(cut, parts[cut]) for cut in cuts], again))


@pytest.mark.parametrize(("shape", "name", "data"), FILES, ids=IDS)
def test_every_variant_in_ranges(
    shape: str, name: str, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result does not depend on where a file is cut, nor on the size of the buffers."""
    expected, is_cut = general(data, shape)
    file = Ranged(tmp_path / "log", data, shape)
    whole = against_general.scanned(data, shape)
    for count, size in ((1, 1 << 16), (2, 1 << 16), (7, 1 << 12), (37, 1 << 16), (37, 300)):
        monkeypatch.setattr(ranges, "Blocks", partial(Blocks, size=size))
        part = file.read(count)
        hold(part, expected, is_damaged=is_damaged(shape, name))
        assert (part.end, part.lines) == (whole.end, whole.lines)
        assert part.is_truncated == whole.is_truncated
        if shape == "json" and not is_damaged(shape, name):
            assert part.is_truncated == is_cut


@pytest.mark.parametrize("shape", ["json", "text"])
def test_a_cut_at_every_byte(shape: str, tmp_path: Path) -> None:
    """Two ranges, the border anywhere."""
    data = (
        (JSON_VARIANTS["blank lines"][:3000] + DAMAGED["over two lines"][-1500:])
        if shape == "json"
        else LINES
    )
    expected, _ = general(data, shape)
    file = Ranged(tmp_path / "log", data, shape)
    for place in range(0, len(data) + 1, 7):
        part = file.put_together([(0, place), (place, len(data))])
        hold(part, expected, is_damaged=shape == "json")


def test_many_rows_and_names() -> None:
    """More rows than a block holds, more names than the table has room for at first."""
    rows = 40_000
    json_log = "".join(
        f'{{"id":"r-{n}","timestamp":{1_762_917_393_000 + n},"event_message":"shutdown",'
        f'"metadata":[{{"execution_id":"isolate-{n}","function_id":"f-{n % 9}"}}]}}\n'
        for n in range(rows)
    ).encode()
    assert len(check(json_log, "json").gathered.rows) == rows
    text_log = "".join(f"Using key pool: P{n} ({n % 9 + 1} keys available)\n" for n in range(rows)).encode()
    assert len(check(text_log, "text", size=1 << 16).gathered.rows) == rows


def test_lines_at_the_limit() -> None:
    """A line that is cut is told, and one that may have to be is read by the general decoder."""
    limit = 1 << 20
    for size in (limit - 1, limit, limit + 1, 3 * limit):
        remark = f"{PICK} # ".ljust(size, "x")
        data = f"{PICK}\n{remark}\n{'é' * size}\n{PICK}".encode()
        part = check(data, "text", size=1 << 16)
        assert part.cut == (2 if size > limit else 0)
        assert len(part.gathered.rows) == 3


def test_long_values() -> None:
    """Messages of megabytes, in events and elsewhere."""
    for size in ((1 << 20) - 200, 1 << 20, 3 << 20):
        long = {"event_message": "x" * size, "timestamp": 1_762_917_393_993}
        body = {"event_message": "Google AI Studio error: 429 " + "y" * size, "timestamp": 1_762_917_393_993}
        data = b"".join(json.dumps(row).encode() + b"\n" for row in (long, body, row_of(1, PICK), long))
        assert len(check(data, "json").gathered.rows) == 2


@pytest.mark.parametrize("shape", ["text", "json"])
def test_an_empty_log(shape: str) -> None:
    """Nothing, and nothing but line ends."""
    for data in (b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", b" \n"):
        assert len(check(data, shape).gathered.rows) == 0


def same(one: Reading, other: Reading) -> None:
    """Assert that two readings say the same of everything."""
    assert one.events.equals(other.events)
    assert one.input == other.input
    assert one.pools == other.pools


def both_ways(paths: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Reading, Reading, int]:
    """Read without and with the scan; and say how many logs were scanned."""
    expected = read(paths)
    scans: list[Shape] = []
    shape_of = gathering.shape_of

    def spy(log: Any, rules: Any) -> Shape | None:
        shape = shape_of(log, rules)
        scans.extend([shape] if shape is not None else [])
        return shape

    monkeypatch.setattr(gathering, "SCAN_BYTES", 0)
    monkeypatch.setattr(gathering, "shape_of", spy)
    return expected, read(paths), len(scans)


def with_requests() -> list[LogRow]:
    """Return rows of both stores, in time order."""
    rows: list[LogRow] = against_general.rows_of_a_log()
    asked = [
        replace(rows[-1], kind_of_row="invocation", status=status, function="chat") for status in (200, 429)
    ]
    return rows + asked


SCANNED = {
    "drain-ndjson", "studio-csv", "sql-subset-micros", "serve", "docker-logs", "docker-compose",
    "docker-compose-t", "console", "console-ansi",
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("compress", ["plain", "gzip", "zstd"])
def test_every_shape(shape: str, compress: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log in each of the shapes is read the same with the scan: events, account, pools."""
    data = write_log(with_requests() * 3, shape)
    path = tmp_path / "log"
    path.write_bytes(packed(data, compress))
    expected, found, _ = both_ways(path, monkeypatch)
    same(expected, found)


def packed(data: bytes, compress: str) -> bytes:
    import gzip

    import zstandard

    if compress == "gzip":
        return gzip.compress(data)
    return zstandard.ZstdCompressor().compress(data) if compress == "zstd" else data


def test_the_shapes_that_are_scanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are many, and no other."""
    found = set()
    for shape in SHAPES:
        path = tmp_path / shape
        path.write_bytes(write_log(with_requests(), shape))
        with monkeypatch.context() as patch:
            if both_ways(path, patch)[2]:
                found.add(shape)
    assert found == SCANNED


SAMPLE_LOGS = Path(__file__).parents[4] / "sample_logs"


@pytest.mark.parametrize(
    "name", sorted(path.name for path in SAMPLE_LOGS.iterdir() if path.suffix not in ("", ".md", ".py"))
)
def test_sample_logs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The logs that people try first."""
    expected, found, _ = both_ways(SAMPLE_LOGS / name, monkeypatch)
    same(expected, found)


def test_all_sample_logs_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, in which rows of one file are repeats of another's."""
    expected, found, scans = both_ways([SAMPLE_LOGS], monkeypatch)
    same(expected, found)
    assert scans > 3


@pytest.mark.parametrize("shape", ["drain-ndjson", "serve", "studio-csv"])
@pytest.mark.parametrize("compress", ["plain", "gzip", "zstd"])
def test_pipes(shape: str, compress: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A named pipe and standard input: what cannot be read twice."""
    import io
    import os
    import sys
    import threading

    data = packed(write_log(against_general.rows_of_a_log() * 40, shape), compress)
    file, pipe = tmp_path / "file", tmp_path / "pipe"
    file.write_bytes(data)
    os.mkfifo(pipe)
    expected = read(file)
    monkeypatch.setattr(gathering, "SCAN_BYTES", 0)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    piped = read(pipe)
    writer.join()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    for found, name in ((piped, str(pipe)), (read("-"), "-")):
        assert found.events.drop(columns="source").equals(expected.events.drop(columns="source"))
        (one,), (other,) = found.input.sources, expected.input.sources
        assert replace(one, name=other.name) == other
        assert one.name == name
