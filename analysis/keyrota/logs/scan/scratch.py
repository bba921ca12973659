"""The room in which a kernel works: what it finds in a record, and what it remembers of those before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keyrota.logs.scan.csv_look import MOST_CELLS
from keyrota.logs.scan.found import FOUND
from keyrota.logs.scan.json_fields import FIELDS
from keyrota.logs.scan.json_layout import Layouts, new_layouts


class Scratch(NamedTuple):
    """What a message says, where a time stands, a record's fields; layouts of JSON.

    And where the next lines end, or the cells of the next rows, and which of them are to be looked at.
    """

    found: NDArray[np.int64]
    stamp: NDArray[np.int64]
    fields: NDArray[np.int64]
    layouts: Layouts
    ends: NDArray[np.int64]
    doubtful: NDArray[np.int64]


def new_scratch() -> Scratch:
    """Return room for one kernel."""
    found, stamp, fields = (np.zeros(size, dtype=np.int64) for size in (FOUND, 2, FIELDS))
    ends, doubtful = (np.zeros(MOST_CELLS, dtype=np.int64) for _ in range(2))
    return Scratch(found, stamp, fields, new_layouts(), ends, doubtful)
