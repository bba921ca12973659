"""Stretches of time that a store covers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Spans:
    """Stretches of time without overlap, in order; what overlaps becomes one.

    Examples
    --------
    >>> spans = Spans()
    >>> for first, last in ((0, 5), (20, 30), (4, 9)):
    ...     spans.add(first, last)
    >>> spans.inside(8, 25)
    [(8, 9), (20, 25)]
    """

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def add(self, first: int, last: int) -> None:
        """Add the stretch from `first` to `last`, both included."""
        begin, end = bisect_left(self._lasts, first), bisect_right(self._firsts, last)
        if begin < end:
            first, last = min(first, self._firsts[begin]), max(last, self._lasts[end - 1])
        self._firsts[begin:end], self._lasts[begin:end] = [first], [last]

    def inside(self, first: int, last: int) -> list[tuple[int, int]]:
        """Return the parts of the stretches that lie from `first` to `last`."""
        begin, end = bisect_left(self._lasts, first), bisect_right(self._firsts, last)
        return [
            (max(first, own), min(last, its))
            for own, its in zip(self._firsts[begin:end], self._lasts[begin:end], strict=True)
        ]
