"""How many calls a window had counted when a call came."""

import datetime as dt

import numpy as np
import pytest

from keyrota.events import make_events
from keyrota.quota.calls import find_calls
from keyrota.quota.counts import DAY, FIXED, SLIDING, Counts, counts_of, reached

MINUTE = 60_000_000_000
HOUR = 60 * MINUTE
NOON = 29_379_600 * MINUTE  # 2025-11-10 12:00 UTC, a full minute


def counts(times, keys=None, passed=None, begin=None):
    times = np.array(times, dtype=np.int64)
    number = len(times)
    return Counts(
        times,
        np.array(keys if keys is not None else [1] * number, dtype=np.int64),
        np.array(passed if passed is not None else [1.0] * number),
        np.ones(number, dtype=bool),
        begin if begin is not None else (int(times[0]) if number else 0),
    )


def utc(*moment):
    return int(dt.datetime(*moment, tzinfo=dt.UTC).timestamp()) * 1_000_000_000


def test_no_calls_have_no_counts():
    """Nothing fails where there is nothing."""
    none = counts([])
    nowhere = np.zeros(0, dtype=np.int64)
    for window in (FIXED, SLIDING, DAY):
        assert none.before(1, nowhere, window).tolist() == []
    assert none.is_whole_day().tolist() == none.day_numbers().tolist() == none.of(1).tolist() == []
    assert counts_of([find_calls(make_events({}, rows=0))], None).times.tolist() == []


def test_a_fixed_minute_ends_where_the_last_60_s_go_on():
    """59 s, 60 s and 61 s after noon: the full minute forgets, the last 60 s hold until the nanosecond."""
    times = [NOON, NOON + MINUTE - 1, NOON + MINUTE, NOON + MINUTE + MINUTE // 60]
    every = np.arange(4)
    assert counts(times).before(1, every, FIXED).tolist() == [0, 1, 0, 1]
    assert counts(times).before(1, every, SLIDING).tolist() == [0, 1, 1, 2]


def test_calls_of_one_nanosecond_count_in_the_order_of_the_log():
    """The second of two sees the first."""
    for window in (FIXED, SLIDING, DAY):
        assert counts([NOON] * 3).before(1, np.arange(3), window).tolist() == [0, 1, 2]


def test_only_what_passed_counts_and_what_may_have_passed_in_part():
    """A rejected call takes no room; one of even chance half of it."""
    own = counts([NOON] * 4, passed=[1.0, 0.0, 0.5, 1.0])
    assert own.before(1, np.arange(4), FIXED).tolist() == [0.0, 1.0, 1.0, 1.5]


def test_another_key_is_counted_at_the_same_moments():
    """The windows of key 2, and of both as one quota, before each of all calls."""
    own = counts([NOON, NOON + 1, NOON + 2], keys=[1, 2, 1])
    assert own.before(2, np.arange(3), FIXED).tolist() == [0, 0, 1]
    assert own.together((1, 2), np.arange(3), FIXED).tolist() == [0, 1, 2]


def test_a_key_that_made_no_call_has_counted_nothing():
    """A key that is declared and never picked has an empty window."""
    assert counts([NOON, NOON]).before(9, np.arange(2), FIXED).tolist() == [0, 0]
    assert counts([NOON, NOON]).of(9).tolist() == []


@pytest.mark.parametrize(("day", "hours"), [((2025, 11, 2), 25), ((2026, 3, 8), 23), ((2025, 11, 10), 24)])
def test_a_switch_day_has_23_or_25_hours(day, hours):
    """Calls in the last second of the day and at the midnight after it."""
    midnight = utc(*day, 8 if day == (2026, 3, 8) or day == (2025, 11, 10) else 7)
    own = counts([midnight, midnight + hours * HOUR - 1, midnight + hours * HOUR])
    assert np.diff(own.midnights)[0] == hours * HOUR
    assert own.day_numbers().tolist() == [0, 0, 1]
    assert own.before(1, np.arange(3), DAY).tolist() == [0, 1, 0]


def test_a_log_that_begins_within_a_day_covers_the_next_one_only():
    """Five hours of ten calls each are missing; the day after is whole."""
    begin = utc(2025, 11, 10, 13)
    times = [begin + n * HOUR // 10 for n in range(300)]
    own = counts(times)
    assert own.is_whole_day().tolist() == [time >= utc(2025, 11, 11, 8) for time in times]


def test_a_day_is_whole_if_hardly_a_call_can_be_missing():
    """At a call an hour, two hours before the log hold two calls; four hold four."""
    for late, is_whole in ((2, True), (4, False)):
        begin = utc(2025, 11, 10, 8 + late)
        own = counts([begin + n * HOUR for n in range(11)])
        assert own.is_whole_day().tolist() == [is_whole] * 11


def test_the_log_may_begin_before_its_first_call():
    """An event at midnight shows that no call came until noon."""
    times = [NOON + n * MINUTE for n in range(60)]
    assert not counts(times).is_whole_day().any()
    assert counts(times, begin=utc(2025, 11, 10, 8)).is_whole_day().all()


def test_calls_without_a_time_or_a_key_are_not_counted():
    """They take no room, and are no call of any key."""
    events = make_events(
        {
            "kind": ["pick"] * 4,
            "key": [1, 1, None, 1],
            "isolate": list("abcd"),
            "time": [NOON, None, NOON + 1, NOON + 2],
        }
    )
    own = counts_of([find_calls(events)], None)
    assert own.is_counted.tolist() == [True, False, False, True]
    assert own.of(1).tolist() == [0, 3]
    assert own.before(1, np.arange(4), FIXED)[3] == 1


def test_a_log_without_times_counts_nothing():
    """The calls are there, their windows are not."""
    own = counts_of([find_calls(make_events({"kind": ["pick"] * 3, "key": [1, 1, 1]}))], None)
    assert not own.is_counted.any()
    assert len(own.times) == 3


def test_calls_of_two_pools_stand_in_the_order_of_the_log():
    """Their windows are those of one table."""
    events = make_events(
        {"kind": ["pick"] * 4, "pool": list("ABAB"), "key": [1, 2, 1, 2], "time": [0, 1, 2, 3]}
    )
    own = counts_of([find_calls(events[events["pool"] == name]) for name in "AB"], -5)
    assert own.keys.tolist() == [1, 2, 1, 2]
    assert own.begin == -5
    assert own.together((1, 2), np.arange(4), FIXED).tolist() == [0, 1, 2, 3]


def test_a_limit_is_reached_within_half_a_call():
    """Counts of calls that may have been rejected are fractions; without a limit nothing is reached."""
    counted = np.array([0.0, 1.4, 1.6, 2.0, 3.0])
    assert reached(counted, 2).tolist() == [False, False, True, True, True]
    assert not reached(counted, None).any()
