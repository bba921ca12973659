"""Ranges of a file: all of it, each byte once, in pieces that are worth a worker's while."""

from __future__ import annotations

from itertools import pairwise

import pytest

from keyrota.logs.scan.ranges import LEAST_BYTES, MOST_BYTES, ranges_of


@pytest.mark.parametrize("workers", [1, 2, 64, 5_000])
@pytest.mark.parametrize("start", [0, 17])
@pytest.mark.parametrize("size", [0, 5, 17, LEAST_BYTES, 2 * LEAST_BYTES - 1, 10**9 + 7, 10**12])
def test_ranges_are_the_file(size, start, workers):
    """Without a gap and without an overlap, neither too small nor too large, enough for all workers."""
    ranges = ranges_of(size, workers, start=start)
    assert ranges[0][0] == start
    assert ranges[-1][1] == max(size, start)
    assert all(end == begin for (_, end), (begin, _) in pairwise(ranges))
    sizes = [high - low for low, high in ranges]
    assert len(ranges) == 1 or min(sizes) >= LEAST_BYTES
    assert max(sizes) <= max(2 * LEAST_BYTES, MOST_BYTES * 1.5)
    assert len(ranges) == 1 or len(ranges) >= min(workers, size // (2 * LEAST_BYTES))
