"""A log in ranges of bytes, each the work of one worker, and what they found put together.

A range takes the records that begin in it. Where the first of them begins can be guessed wrong: a quoted
cell of CSV may hold lines, damage may reach over the border. So each part says where it began and where it
ended, and one that did not begin where the one before ended is scanned again from there. The result does
not depend on the ranges.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, Final

from keyrota.logs.gathered import Joining
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.scan.blocks import Blocks
from keyrota.logs.scan.reader import Part, Scan
from keyrota.logs.scan.shape import Shape
from keyrota.logs.sources import Source

Range = tuple[int, int]

LEAST_BYTES: Final = 16 << 20
"""A smaller range is read before a worker has been told of it."""

MOST_BYTES: Final = 1 << 30
"""What is done again when a worker dies."""

RANGES_EACH: Final = 4
"""So many for each worker, where the size allows it: one that is slow holds up a quarter of its share."""

_KEPT: Final = 64

# How a row of CSV ends whose last cell is a time, as the dashboard writes them.
_ROW_END = re.compile(rb',"?(?:[0-9]{10,19}|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{8,18}Z?)"?\r?\n')


def ranges_of(size: int, workers: int, *, start: int = 0) -> list[Range]:
    """Return ranges of bytes, each from its first byte up to the next one's, that make up a file.

    Parameters
    ----------
    size
        Bytes of the file.
    workers
        How many ranges are read at a time.
    start
        Where the first range begins.

    Examples
    --------
    >>> ranges_of(50_000_000, 2, start=10)
    [(10, 25000005), (25000005, 50000000)]
    """
    length = max(0, size - start)
    wanted = min(MOST_BYTES, max(LEAST_BYTES, length // (RANGES_EACH * workers)))
    if workers == 1:
        wanted = MOST_BYTES  # there is nobody to share with: more ranges would only have to be put together
    count = max(1, length // wanted)
    ends = [start + length * number // count for number in range(count + 1)]
    return list(pairwise(ends))


def scan(
    source: Source,
    low: int,
    high: int,
    shape: Shape,
    *,
    is_start: bool = False,
    on_read: Callable[[int], None] | None = None,
) -> Part:
    """Scan the records that begin in a range of a file.

    Parameters
    ----------
    source
        Seekable; opened here.
    low, high
        The first byte of the range, and the first behind it.
    shape
        What the log is.
    is_start
        Whether a record is known to begin at `low`.
    on_read
        Called with each number of bytes that were done with.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    with source.open() as stream:
        file: Any = stream
        is_start = is_start or low <= shape.offset
        # What tells where a record ends stands before it.
        first = max(low - (0 if is_start else _KEPT if shape.format == "csv" else 1), shape.offset)
        file.seek(first)
        blocks = Blocks(file.readinto, first)
        if on_read is not None and low <= shape.offset:
            on_read(shape.offset)
        if not is_start:
            _go_to_record(blocks, low, shape)
        return Scan(shape, DEFAULT_RULES, blocks, limit=high, on_read=on_read).run()


def _go_to_record(blocks: Blocks, low: int, shape: Shape) -> None:
    """Go to the first record that begins at `low` or behind it, as far as can be told from here."""
    end = re.compile(b"\n") if shape.format != "csv" else _ROW_END
    while blocks.fill():
        data = blocks.taken(blocks.filled)
        for match in end.finditer(data):
            if blocks.place + match.end() >= low:
                blocks.at += match.end()
                return
        blocks.at = max(blocks.at, blocks.filled - _KEPT)  # it may lie across two fillings
    blocks.at = blocks.filled


def in_order(parts: Iterable[tuple[Range, Part]], again: Callable[[int, int], Part]) -> Iterator[Part]:
    """Yield the parts of a file that follow each other; `again` scans a range from where a record begins."""
    end: int | None = None
    for (_, high), part in parts:
        if end is not None and part.start != end:
            if end >= high:
                continue  # all of it belongs to a record, or to damage, that began before
            part = again(end, high)
        yield part
        end = part.end


def joined(parts: Iterable[Part], size: int = 0) -> Part:
    """Put the parts of one file of so many bytes together, in their order, each as soon as it is there."""
    joining, starts, end = Joining(), [], 0
    lines, cut, is_truncated = 0, 0, False
    for part in parts:
        starts.append(part.start)
        end = part.end
        joining.add(part.gathered, lines, end / size if size else 0.0)
        lines += part.lines
        cut += part.cut
        is_truncated |= part.is_truncated
    return Part(joining.done(), starts[0], end, lines, cut, is_truncated)
