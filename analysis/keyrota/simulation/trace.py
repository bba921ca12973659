"""Everything that happened in a run, one row each, in the same form from both engines.

A trace is an (n, 9) array of int64. Rows stand in time order; of one moment, boots come first, then
picks and calls in the order in which they were made, then answers, then ends.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

# Kinds, in the order in which they stand at one moment.
BOOT: Final = 0  # an isolate's boot has begun; `value` is how long it takes
PICK: Final = 1
REJECTION: Final = 2  # `value` is the stated delay, `cause` the answer of `quota.windows.call`
INVOCATION: Final = 3  # a request is answered; `value` is the time since it was sent
SHUTDOWN: Final = 4  # `value` is the reason

# Reasons of a shutdown.
EARLY_DROP: Final = 0
DEPLOYED: Final = 1

TIME: Final = 0  # nanoseconds since 1970 UTC
KIND: Final = 1
FUNCTION: Final = 2
ISOLATE: Final = 3  # number within its function, -1 for none
REQUEST: Final = 4  # number within its function, -1 for none
KEY: Final = 5  # index among all keys, -1 for none
VALUE: Final = 6
CAUSE: Final = 7
STATUS: Final = 8
COLUMNS: Final = 9


def in_order(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of a trace in the order of the module's description.

    Picks and calls keep the order in which they were recorded. The rest is told apart by what it is,
    because an engine may know the end of an isolate, or of a request's work, before its time comes.
    """
    is_call = (rows[:, KIND] == PICK) | (rows[:, KIND] == REJECTION)
    rank = np.where(is_call, PICK, rows[:, KIND])
    recorded = np.where(is_call, np.arange(len(rows)), 0)
    order = np.lexsort((rows[:, REQUEST], rows[:, ISOLATE], rows[:, FUNCTION], recorded, rank, rows[:, TIME]))
    return rows[order]


def as_trace(rows: list[tuple[int, ...]]) -> NDArray[np.int64]:
    """Return recorded rows as a trace."""
    return in_order(np.array(rows, dtype=np.int64).reshape(-1, COLUMNS))
