"""The walk over the lines of a buffer, compiled, for text and JSON: what may be an event is read."""

from __future__ import annotations

from typing import Any

from keyrota.logs.scan.sink import AT, LINES, MORE, WHY
from keyrota.logs.scan.wide import LEAST_REACH, MOST_REACH, line_ends


def walk_lines(
    doubtful_of: Any,
    event_of: Any,
    buffer: Any,
    end: int,
    is_last: bool,
    names: Any,
    sink: Any,
    scratch: Any,
    numbers: Any,
    memory: Any,
) -> int:
    """Walk over the lines of a buffer from where `numbers` say, and write an event for each that is one.

    `doubtful_of` tells which of some lines may be events, `event_of` writes that of one and says whether to
    go on; both remember in `memory` how the log is written. The walk stops where the buffer ends, the block
    is full, or a line is odd: that one begins where it stopped, and is the caller's to count. A line counts
    in `numbers` once it is done with.
    """
    ends, doubtful = scratch.ends, scratch.doubtful
    numbers[WHY] = MORE
    scratch.found[:] = -1  # and again behind each row: a message that is no event leaves it as it is
    reach = LEAST_REACH
    while numbers[WHY] == MORE and numbers[AT] < end:
        lines = line_ends(buffer, numbers[AT], end, is_last, reach, ends)
        if lines == 0:
            break
        reach = min(4 * reach, MOST_REACH)
        first = numbers[LINES]
        for place in range(doubtful_of(buffer, ends, lines, memory, doubtful)):
            line = doubtful[place]
            numbers[LINES] = first + line
            at, stop = ends[line] + 1, ends[line + 1]
            numbers[WHY] = event_of(buffer, at, stop, names, sink, scratch, numbers, memory)
            if numbers[WHY] != MORE:
                numbers[AT] = at
                break
        else:
            numbers[LINES] = first + lines
            numbers[AT] = min(ends[lines] + 1, end)
    return 0
