"""Where the cells of a CSV row begin and end, compiled."""

from __future__ import annotations

from typing import Any, Final

from keyrota.logs.scan.alphabet import COMMA, CR, LF, QUOTE
from keyrota.logs.scan.csv_columns import HEAD, WIDTH
from keyrota.logs.scan.libc import find
from keyrota.logs.tables import RECORD_LINES

ROW_BYTES: Final = 1 << 17
"""Bytes of the longest row that the kernel takes: what ``csv`` takes as one cell. A block holds more."""

UNFINISHED: Final = -1
"""The row goes on behind the bytes at hand."""

DAMAGED: Final = -2
"""It is cut in no way that is sure."""


def closing_quote(buffer: Any, at: int, end: int) -> int:
    """Return where the quoted cell ends whose text begins at `at`: its last quote, `end` if there is none."""
    quote = find(buffer, QUOTE, at, end)
    while quote + 1 < end and buffer[quote + 1] == QUOTE:
        quote = find(buffer, QUOTE, quote + 2, end)
    return quote


def cut_row(buffer: Any, at: int, end: int, is_last: bool, columns: Any) -> int:
    """Find the cells of the row that begins at `at`.

    Returns the end of its last line (an LF, or `end`), `UNFINISHED` if it goes on behind `end`, or
    `DAMAGED`.
    """
    width = columns[WIDTH]
    starts, ends = HEAD + width, HEAD + 2 * width
    index = 0
    while True:
        if at < end and buffer[at] == QUOTE:
            quote = closing_quote(buffer, at + 1, end)
            if quote >= end:
                return UNFINISHED
            columns[starts + index], columns[ends + index] = at, quote + 1
            index += 1
            at = quote + 1
            if at < end and buffer[at] == COMMA and index < width:
                at += 1
                continue
            while at < end and buffer[at] == CR:
                at += 1
            if at >= end and not is_last:
                return UNFINISHED
            return at if index == width and (at >= end or buffer[at] == LF) else DAMAGED
        stop = find(buffer, LF, at, end)
        if stop >= end and not is_last:
            return UNFINISHED
        to = stop
        while to > at and buffer[to - 1] == CR:
            to -= 1
        if find(buffer, CR, at, to) < to:
            return DAMAGED  # or inside a cell further on: the general reader sees
        quote = find(buffer, QUOTE, at, to)
        while True:
            comma = find(buffer, COMMA, at, to)
            if comma > quote:
                return DAMAGED
            columns[starts + index], columns[ends + index] = at, comma
            index += 1
            if comma >= to:
                return stop if index == width else DAMAGED
            if index >= width:
                return DAMAGED
            at = comma + 1
            if at == quote and quote < to:
                break


def is_long(buffer: Any, at: int, stop: int) -> bool:
    """Say whether a row has more bytes or lines than the kernel takes."""
    if stop - at < RECORD_LINES:
        return False
    if stop - at > ROW_BYTES:
        return True
    lines = 1
    while lines <= RECORD_LINES:
        at = find(buffer, LF, at, stop) + 1
        if at > stop:
            return False
        lines += 1
    return True
