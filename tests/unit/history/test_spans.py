"""Stretches of time that overlap are one."""

from hypothesis import given
from hypothesis import strategies as st

from keyrota.history.spans import Spans

PAIRS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12)


@given(pairs=PAIRS, first=st.integers(-5, 90), length=st.integers(0, 40))
def test_they_cover_what_was_added(pairs, first, length):
    """Each point once, and inside the bounds that were asked for."""
    spans = Spans()
    for begin, width in pairs:
        spans.add(begin, begin + width)
    last = first + length
    found = spans.inside(first, last)
    points = [point for begin, end in found for point in range(begin, end + 1)]
    assert points == sorted(set(points))
    covered = {point for begin, width in pairs for point in range(begin, begin + width + 1)}
    assert set(points) == {point for point in covered if first <= point <= last}
