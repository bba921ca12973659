"""Spans of time that were asked for already, and what is left between them."""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[int, int]
"""From, and up to but not including, in microseconds."""


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return the same time in as few spans as possible, in order.

    Examples
    --------
    >>> joined([(5, 9), (0, 3), (3, 4), (6, 7)])
    [(0, 4), (5, 9)]
    """
    result: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def left_of(span: Span, done: Iterable[Span]) -> list[Span]:
    """Return what a span holds beyond those that are done.

    Examples
    --------
    >>> left_of((0, 10), [(2, 4), (8, 20)])
    [(0, 2), (4, 8)]
    """
    at, end = span
    left = []
    for start, stop in joined(done):
        if at < start:
            left.append((at, min(start, end)))
        at = max(at, stop)
        if at >= end:
            break
    if at < end:
        left.append((at, end))
    return [part for part in left if part[0] < part[1]]
