"""A column of many rows that may say the same in each: then it is one number, an array without stride."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Column = NDArray[Any]


def is_constant(column: Column) -> bool:
    """Say whether a column says the same in every row, and is held as one number."""
    return column.strides == (0,)


def concatenated(parts: Sequence[Column], dtype: str) -> Column:
    """Return the columns one after the other, as one number if all of them say the same."""
    told = [part for part in parts if len(part)]
    if told and all(is_constant(part) and _is_same(part[0], told[0][0]) for part in told):
        return np.broadcast_to(told[0][:1], (sum(map(len, told)),))
    return np.concatenate(told) if told else np.empty(0, dtype=dtype)


def _is_same(a: Any, b: Any) -> bool:
    return bool(a == b or (a != a and b != b))


def packed(column: Column) -> Column:
    """Return one number for a column that says the same everywhere, else the narrowest whole numbers."""
    if not len(column) or is_constant(column):
        return column[:1].copy()
    if column.dtype.kind not in "iu":
        return column
    low, high = column.min(), column.max()
    if low == high:
        return column[:1].copy()
    narrow = np.promote_types(np.min_scalar_type(int(low)), np.min_scalar_type(int(high)))
    return column.astype(narrow) if narrow.kind in "iu" and narrow.itemsize < column.itemsize else column
