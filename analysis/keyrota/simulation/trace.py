"""PROVISIONAL, written by the lead so that the engines can be tried; its builder replaces it. Names are kept."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

BOOT: Final = 0
PICK: Final = 1
REJECTION: Final = 2
INVOCATION: Final = 3
SHUTDOWN: Final = 4

EARLY_DROP: Final = 0
DEPLOYED: Final = 1

COLUMNS: Final = 9


def as_trace(rows: list[tuple[int, ...]]) -> NDArray[np.int64]:
    """Return rows as an (n, COLUMNS) array."""
    return np.array(rows, dtype=np.int64).reshape(-1, COLUMNS)
