"""Unit events run through a cumulative rate: pieces by hand, and the rounding at their edges."""

import numpy as np
import pytest

from keyrota.traffic.pieces import Pieces
from keyrota.traffic.time_change import run_through


def pieces(*rows):
    return Pieces(*(np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)))


def moments(some, events, growth=0.0):
    # The stream has no end: behind what is asked for, a block that no rate reaches.
    return np.concatenate(
        [*run_through(some, iter([np.array(events, dtype=np.float64), np.array([np.inf])]), growth), []]
    )


def test_nothing_comes_in_a_stretch_without_a_rate():
    """An event at the very amount where it begins comes where it ends; so across sets of pieces."""
    rows = [(0, 10, 1.0), (10, 20, 0.0), (20, 25, 0.0), (25, 30, 2.0)]
    events = [5.0, 10.0, 11.0, 20.0]
    assert moments([pieces(*rows)], events).tolist() == [5.0, 25.0, 25.5]
    assert moments([pieces(row) for row in rows], events).tolist() == [5.0, 25.0, 25.5]


@pytest.mark.parametrize("growth", [0.0, 1e-15, -1e-15, -1e-13])
def test_the_last_event_of_a_piece_stays_in_it(growth):
    """An event that is less than the amount of a piece by one rounding comes before its end, silently."""
    rng = np.random.default_rng(5)
    count = 0
    for rate, begin, factor in rng.uniform([1e-9, 0, 1], [1e-3, 1e15, 3], (2000, 3)):
        speed, end = growth * factor, begin + 1e15
        spans = np.expm1(speed * (end - begin)) / speed if speed else end - begin
        event = np.nextafter(rate * np.exp(speed * begin) * spans, 0.0)
        found = moments([pieces((begin, end, rate))], [event], speed)
        assert ((begin <= found) & (found < end)).all()
        count += len(found)
    assert count > 1900


@pytest.mark.parametrize(
    ("growth", "rate"),
    [(-1.8284726105005575e-12, 359_644_294.0), (-1.141779607524475e-13, 886_153_777.0)],
)
def test_a_falling_rate_is_not_asked_for_more_than_it_brings(growth, rate):
    """Two rates where rounding puts an event beyond all that is left: it comes before the end, silently."""
    rows = [(0, 1, rate), (1, 1 + 1e15, 1e-3)]
    first = rate * (np.expm1(growth) / growth)
    total = first + 1e-3 * np.exp(growth) * (np.expm1(growth * 1e15) / growth)
    found = moments([pieces(*rows)], [np.nextafter(total, 0.0)], growth)
    assert len(found) == 1
    assert 1 <= found[0] < 1 + 1e15
