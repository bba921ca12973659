"""A column of many rows that may say the same in each: then it is one number, an array without stride."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Column = NDArray[Any]


_MARGIN: Final = 1.1
"""By how much more rows are made room for than there would be if the log went on as it began."""

_MOST_AHEAD: Final = 1 << 27
"""Rows that room is made for ahead: that is a GiB of a column, and a log need not go on as it began."""


def is_constant(column: Column) -> bool:
    """Say whether a column says the same in every row, and is held as one number."""
    return column.strides == (0,)


def expected_rows(number: int, share: float) -> int:
    """Return how many rows to make room for if so many are those of such a share; 0 if that is not known."""
    return min(int(_MARGIN * number / share), _MOST_AHEAD) if share > 0 else 0


class Growing:
    """A column that comes in parts, whose memory is used again: each is copied once, to where it stays.

    The first touch of memory costs more than what is written to it. So the whole column is made room for as
    soon as its length can be told: what is never written to is never given by the system.

    Parameters
    ----------
    dtype
        Of the column.
    """

    def __init__(self, dtype: str) -> None:
        self._whole: Column = np.empty(0, dtype=dtype)
        self._length = 0
        self._value: Column | None = None  # of all rows so far, while they are the same

    def add(self, part: Column, expected: int) -> None:
        """Take the next rows, at least one, of about so many in all."""
        length = self._length + len(part)
        is_first = self._length == 0
        if _says_one_thing(part) and (is_first or self._goes_on(part[0])):
            self._value = part[:1].copy()
            self._length = length
            return
        if length > len(self._whole):
            larger = np.empty(max(length, expected, 2 * len(self._whole)), dtype=self._whole.dtype)
            if self._value is None:
                larger[: self._length] = self._whole[: self._length]
            self._whole = larger
        if self._value is not None:
            self._whole[: self._length] = self._value
            self._value = None
        self._whole[self._length : length] = part
        self._length = length

    def done(self) -> Column:
        """Return the whole column; nothing is left here."""
        whole, self._whole = self._whole, np.empty(0, dtype=self._whole.dtype)
        if self._value is not None:
            return np.broadcast_to(self._value, (self._length,))
        return whole[: self._length]

    def _goes_on(self, value: Any) -> bool:
        return self._value is not None and _is_same(self._value[0], value)


def _says_one_thing(part: Column) -> bool:
    if is_constant(part):
        return True
    if part[0] != part[0]:
        return bool(np.isnan(part).all())
    return bool((part == part[0]).all())


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
