"""Blocks of a log with its changing fields marked: copied, filled with new times and ids, and written.

A block is some megabytes of rows as `keyrota.logs.write` writes them. Its times, row ids and isolates are
filled anew in every copy, all at once, so that a gigabyte takes seconds and none of it repeats within the
reach of a compressor.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
from messages import FUNCTIONS, Said, lives, noise
from numpy.typing import NDArray

from keyrota.logs.write import LogRow, function_id, write_log
from keyrota.logs.write.damage import json_escaped
from keyrota.logs.write.stamps import iso

ROW_ID: Final = "00000000-aaaa-4aaa-8aaa-000000000000"
ISOLATE: Final = "00000000-bbbb-4bbb-8bbb-000000000000"
AT_NS: Final = 1_762_917_393_993_000_000
"""What stands in a template for the fields that are filled later."""

_MARKS: Final = {
    "row_id": ROW_ID.encode(),
    "isolate": ISOLATE.encode(),
    "micros": b"1762917393993000",
    "iso_ms": b"2025-11-12T03:16:33.993",
    "iso_ns": b"2025-11-12T03:16:33.993000000",
}
LINE_NS: Final = 10
"""From one physical line of a message to the next, as docker stamps them."""


@dataclass(frozen=True, slots=True)
class Shape:
    r"""One shape of log that is measured.

    `long_share` is the share of long answers in what is no event, for the usual length of a row;
    `step_ns` the time from one record to the next, negative where the newest comes first; `tick_ns` the
    resolution of its times; `crlf_share` that of lines that end in CRLF, `escaped_share` that of JSON lines
    with ``\uXXXX`` for whatever is not ASCII.
    """

    name: str
    suffix: str
    fields: tuple[str, ...]
    long_share: float
    step_ns: int
    tick_ns: int
    crlf_share: float
    escaped_share: float


SHAPES: Final = {
    shape.name: shape
    for shape in (
        Shape(
            name="text", suffix=".log", fields=("iso_ns",), long_share=0.035, step_ns=9_000_123, tick_ns=1,
            crlf_share=0.1, escaped_share=0.0,
        ),
        Shape(
            name="ndjson", suffix=".ndjson", fields=("row_id", "isolate", "micros", "iso_ms"),
            long_share=0.05, step_ns=31_000_000, tick_ns=1000, crlf_share=0.1, escaped_share=0.15,
        ),
        Shape(
            name="csv", suffix=".csv", fields=("row_id", "isolate", "micros"), long_share=0.31,
            step_ns=-23_000_000, tick_ns=1_000_000, crlf_share=0.0, escaped_share=0.0,
        ),
    )
}  # fmt: skip
DENSITIES: Final = {"sparse": 0.05, "dense": 1.0}
"""The share of records that are events."""


@dataclass(frozen=True, slots=True)
class Block:
    """A template: its bytes, where its fields are, and what its events add up to.

    `places` holds for each field the offsets of its bytes and the rows that they belong to. A row is a
    physical line of a text, a record elsewhere. `relative_ns` is each row's time from the block's first,
    `life` its isolate, `event_rows` are those that are events, `named_rows` those that name an isolate.
    """

    data: NDArray[np.uint8]
    places: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]
    relative_ns: NDArray[np.int64]
    span_ns: int
    life: NDArray[np.int64]
    event_rows: NDArray[np.int64]
    event_keys: NDArray[np.int64]
    named_rows: NDArray[np.int64]
    records: int
    kinds: Counter[str]
    causes: Counter[str]
    numbers: dict[str, float]


def make_block(shape: Shape, share: float, size: int, rng: np.random.Generator) -> Block:
    """Return a block of about `size` bytes, of which `share` of the records are events."""
    records: list[tuple[Said, list[bytes]]] = []
    length = 0
    for spoken in _mixed(shape, share, rng):
        lines = _rendered(spoken, shape, rng)
        records.append((spoken, lines))
        length += sum(map(len, lines))
        if length >= size:
            break
    if shape.step_ns < 0:
        records.reverse()
    step_ns = abs(shape.step_ns)
    times = [at * step_ns + n * LINE_NS for at, (_, lines) in enumerate(records) for n in range(len(lines))]
    pieces = [line for _, lines in records for line in lines]
    first_rows = np.cumsum([0, *(len(lines) for _, lines in records)])
    events = [(int(row), said) for row, (said, _) in zip(first_rows, records, strict=False) if said.kind]
    life = np.array([said.life for said, lines in records for _ in lines], dtype=np.int64)
    starts = np.cumsum([0, *map(len, pieces)])[:-1]
    data = b"".join(pieces)
    numbers: Counter[str] = Counter()
    for _, spoken in events:
        numbers.update(spoken.numbers)
    places = {name: _places(data, name, starts) for name in dict.fromkeys((*shape.fields, "isolate"))}
    is_named = np.zeros(len(pieces), dtype=bool)
    event_rows = np.array([row for row, _ in events], dtype=np.int64)
    is_named[places["isolate"][1]] = True
    return Block(
        data=np.frombuffer(data, dtype=np.uint8),
        places=places,
        relative_ns=np.array(times, dtype=np.int64),
        span_ns=len(records) * step_ns,
        life=life,
        event_rows=event_rows,
        event_keys=np.array([int(spoken.numbers.get("key", 0)) for _, spoken in events], dtype=np.int64),
        named_rows=event_rows[is_named[event_rows]],
        records=len(records),
        kinds=Counter(spoken.kind for _, spoken in events),
        causes=Counter(spoken.cause for _, spoken in events if spoken.kind == "rejection"),
        numbers=dict(numbers),
    )


def _mixed(shape: Shape, share: float, rng: np.random.Generator) -> Iterator[Said]:
    """Yield events, and between them as many other messages as their share leaves."""
    other = noise(rng, long_share=shape.long_share)
    for event in lives(rng, local=shape.name == "text", invocations=shape.name != "csv"):
        if share < 1:
            for text in islice(other, int(rng.geometric(share)) - 1):
                yield Said(text, event.life, event.function)
        yield event


def _rendered(spoken: Said, shape: Shape, rng: np.random.Generator) -> list[bytes]:
    """Return a message in its shape: one piece for each row."""
    end = b"\r\n" if rng.random() < shape.crlf_share else b"\n"
    if shape.name == "text":
        level = {"error": "[Error] ", "info": "[Info] "}.get(spoken.level, "") if rng.random() < 0.5 else ""
        text = level + spoken.message.replace("{isolate}", ISOLATE).rstrip("\n")
        stamp = iso(AT_NS, 9)
        return [f"{stamp} {line}".encode() + end for line in text.split("\n")]
    row = LogRow(
        AT_NS, spoken.message, level=spoken.level, execution_id=ISOLATE,
        function_id=function_id(FUNCTIONS[spoken.function]), function=FUNCTIONS[spoken.function],
        row_id=ROW_ID, **spoken.fields,
    )  # fmt: skip
    if shape.name == "csv":
        return [write_log([row], "studio-csv").split(b"\r\n", 1)[1] + b"\r\n"]
    line = write_log([row], "drain-ndjson").rstrip(b"\n")
    return [(json_escaped(line) if rng.random() < shape.escaped_share else line) + end]


def _places(data: bytes, name: str, starts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    mark = _MARKS[name]
    first = np.array([match.start() for match in re.finditer(re.escape(mark), data)], dtype=np.int64)
    return first[:, None] + np.arange(len(mark)), np.searchsorted(starts, first, side="right") - 1


def csv_header() -> bytes:
    """Return the first line of a Studio's export."""
    return write_log([LogRow(AT_NS, "x")], "studio-csv").split(b"\r\n", 1)[0] + b"\r\n"
