"""Keys that a log tells by a masked id have the same number in every add."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from keyrota.history.places import is_filled_in, numbers
from keyrota.logs.duplicates import Marks
from keyrota.logs.rows import MISSING

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from keyrota.history.database import Connection
    from keyrota.logs.read import Reading


def with_stored_keys(connection: Connection, reading: Reading, marks: Marks) -> tuple[pd.DataFrame, Marks]:
    """Return the events and marks of a reading, its labelled keys by their numbers in the store.

    New labels are put into it. A reading numbers labels in order of appearance. Of several that end alike,
    the first of a reading is the first of the store.
    """
    stored = _numbers(connection, reading) if reading.input.key_labels else {}
    if all(number == own for own, number in stored.items()):
        return reading.events, marks
    import pandas as pd

    events = reading.events
    keys = numbers(events["key"])
    lookup = np.arange(1 + max(int(keys.max(initial=0)), *stored))
    lookup[list(stored)] = list(stored.values())
    renamed = np.where(keys >= 0, lookup[keys], MISSING)
    is_open = is_filled_in(events, marks)
    said = [np.where(is_open, MISSING, numbers(events[name])) for name in ("position", "size")]
    status = numbers(events["status"])
    # Only rows that say of themselves what the table holds can be told by a new number.
    before, after = (_content(marks, column, said, status) for column in (keys, renamed))
    content = np.where(before == marks.content, after, marks.content)
    array = pd.arrays.IntegerArray(renamed.astype(np.int32), renamed == MISSING)
    marks = Marks(marks.time, marks.kind, marks.row_id, content)
    return events.assign(key=pd.Series(array, index=events.index)), marks


def _numbers(connection: Connection, reading: Reading) -> dict[int, int]:
    """Return the store's number for each number of the reading."""
    known: defaultdict[str, list[int]] = defaultdict(list)
    highest = 0
    for number, label in connection.execute(
        "SELECT number, label FROM key_labels ORDER BY number"
    ).fetchall():
        known[label].append(number)
        highest = max(highest, number)
    seen: Counter[str] = Counter()
    result = {}
    for number, label in reading.input.key_labels:
        if seen[label] == len(known[label]):
            highest += 1
            known[label].append(highest)
            connection.execute("INSERT INTO key_labels VALUES (?, ?)", [highest, label])
        result[number] = known[label][seen[label]]
        seen[label] += 1
    return result


def _content(
    marks: Marks, keys: NDArray[np.int64], said: list[NDArray[Any]], status: NDArray[np.int64]
) -> NDArray[np.uint64]:
    return Marks.made(marks.time, marks.kind, marks.row_id, keys, *said, status).content
