"""Where the kernels write: a block of rows as columns, and the numbers that tell how far they came."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from keyrota.logs.rows import DTYPES
from keyrota.logs.scan.found import CAUSE, DELAY_MS, DURATION_MS, KEY, POSITION, SIZE, STATUS

BLOCK_ROWS: Final = 1 << 14
"""Rows that a block holds; a kernel stops when it is full."""

# What a kernel says when it stops.
MORE: Final = 0  # it needs more bytes
FULL: Final = 1  # the block of rows, the room for their texts, or the table of names
ODD: Final = 2  # a record is the general decoder's

# Its numbers: how far it came, why it stopped, lines so far, which of them hold no
# record, rows in the block, bytes of their texts.
AT, WHY, LINES, BLANKS, ODD_START, ODD_END, ROWS, TEXT_SIZE = range(8)
NUMBERS: Final = 8


class Sink(NamedTuple):
    """One block of rows; `text_start` and `text_end` say where in `texts` an error's text stands.

    The texts are copies: the buffer of the log is filled many times before a block of rows is full.
    """

    kind: Any
    time: Any
    line: Any
    key: Any
    position: Any
    size: Any
    status: Any
    cause: Any
    retry_after_s: Any
    duration_ms: Any
    pool: Any
    function: Any
    function_id: Any
    isolate: Any
    row_id: Any
    text_start: Any
    text_end: Any
    texts: Any


def new_sink(rows: int = BLOCK_ROWS, *, text_bytes: int) -> Sink:
    """Return an empty block of rows; its texts have as much room as the buffer of the log, if not more."""
    # What is no column of the rows is a place in the texts.
    columns = {name: np.empty(rows, dtype=DTYPES.get(name, "int64")) for name in Sink._fields[:-1]}
    return Sink(**columns, texts=np.empty(text_bytes, dtype=np.uint8))


def has_room(sink: Any, numbers: Any, text_bytes: int) -> bool:
    """Say whether there is room for one more row, and for a text."""
    return bool(numbers[ROWS] < len(sink.kind) and numbers[TEXT_SIZE] + text_bytes <= len(sink.texts))


def put(sink: Any, numbers: Any, kind: int, time: int, found: Any) -> int:
    """Write what a message says as the next row and return its place; names are the caller's."""
    row = numbers[ROWS]
    sink.kind[row] = kind
    sink.time[row] = time
    sink.line[row] = numbers[LINES]
    sink.key[row] = found[KEY]
    sink.position[row] = found[POSITION]
    sink.size[row] = found[SIZE]
    sink.status[row] = found[STATUS]
    sink.cause[row] = found[CAUSE]
    sink.retry_after_s[row] = found[DELAY_MS] / 1000 if found[DELAY_MS] >= 0 else np.nan
    sink.duration_ms[row] = found[DURATION_MS] if found[DURATION_MS] >= 0 else np.nan
    sink.pool[row] = -1
    sink.function[row] = -1
    sink.function_id[row] = -1
    sink.isolate[row] = -1
    sink.row_id[row] = 0
    sink.text_start[row] = -1
    sink.text_end[row] = -1
    return row


def put_text(sink: Any, numbers: Any, row: int, buffer: Any, start: int, end: int) -> None:
    """Copy the text of a row, for which there is room."""
    first = numbers[TEXT_SIZE]
    for offset in range(end - start):
        sink.texts[first + offset] = buffer[start + offset]
    numbers[TEXT_SIZE] = first + end - start
    sink.text_start[row], sink.text_end[row] = first, numbers[TEXT_SIZE]
