"""Each 429 is counted once, however many lines tell of it."""

import pytest

from keyrota.events import make_events
from keyrota.quota.rejections import not_the_providers, rejected

SECOND = 1_000_000_000


def table(*rows):
    """Rows of (kind, isolate, time in s, status, announced delay)."""
    return make_events(
        {
            "kind": [row[0] for row in rows],
            "isolate": [row[1] for row in rows],
            "time": [round(row[2] * SECOND) for row in rows],
            "status": [row[3] if len(row) > 3 else None for row in rows],
            "retry_after_s": [row[4] if len(row) > 4 else None for row in rows],
        }
    )


def test_retries_and_the_error_after_the_last_are_one_each():
    """Two announced retries, the line that gives up, the error: three attempts."""
    events = table(
        ("pick", "a", 0), ("retry", "a", 1, 429, 1.0), ("pick", "a", 2), ("retry", "a", 3, 429, 2.0),
        ("pick", "a", 5), ("retry", "a", 6, 429), ("rejection", "a", 6, 429),
    )  # fmt: skip
    assert rejected(events)["time"].dt.second.tolist() == [1, 3, 6]


def test_a_line_that_gives_up_counts_where_its_error_is_lost():
    """Nothing else tells of that attempt."""
    assert len(rejected(table(("pick", "a", 0), ("retry", "a", 1, 429)))) == 1
    assert len(rejected(table(("pick", "a", 0), ("retry", "a", 1, 429), ("rejection", "b", 1, 429)))) == 2
    assert len(rejected(table(("pick", "a", 0), ("retry", "a", 1, 429), ("rejection", "a", 9, 429)))) == 2


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_an_error_beside_its_retry_line_is_one_429(order):
    """In either order, if no pick lies between and they come together."""
    pair = [("rejection", "a", 1, 429), ("retry", "a", 1.01, 429, 1.0)]
    events = table(("pick", "a", 0), *(pair[place - 1] for place in order))
    assert rejected(events)["kind"].tolist() == ["rejection"]
    apart = table(("pick", "a", 0), pair[0], ("pick", "a", 1.005), pair[1])
    assert len(rejected(apart)) == 2


def test_overloads_and_the_platforms_429s_are_none():
    """A 503 that is retried, and invocations answered with a 429."""
    events = table(
        ("pick", "a", 0), ("retry", "a", 1, 503, 1.0), ("invocation", "b", 2, 429),
        ("invocation", "c", 3, 429), ("pick", "c", 1), ("rejection", "c", 2, 429),
    )  # fmt: skip
    assert rejected(events)["isolate"].tolist() == ["c"]
    assert not_the_providers(events, rejected(events)) == 1


def test_without_ids_and_times_the_order_tells():
    """Console lines: the error after the line that gives up is the same attempt."""
    events = make_events(
        {"kind": ["pick", "retry", "rejection", "pick", "rejection"], "status": [None, 429, 429, None, 429]}
    )
    assert rejected(events).index.tolist() == [2, 4]


def test_no_event_no_429():
    """An empty table has none."""
    assert rejected(make_events({}, rows=0)).empty
    assert not_the_providers(make_events({}, rows=0), rejected(make_events({}, rows=0))) == 0
