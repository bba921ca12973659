"""How much of its limits each key uses, by minute and by Pacific day."""

import datetime as dt

import pytest

from keyrota.events import make_events
from keyrota.quota.calls import find_calls
from keyrota.quota.counts import counts_of
from keyrota.quota.usage import day_uses, key_uses

SECOND = 1_000_000_000
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND


def utc(*moment):
    return int(dt.datetime(*moment, tzinfo=dt.UTC).timestamp()) * SECOND


NOON = utc(2025, 11, 10, 12)


def picks(*calls):
    """Calls (key, time), each in an isolate of its own."""
    events = make_events(
        {
            "kind": ["pick"] * len(calls),
            "key": [key for key, _ in calls],
            "time": [time for _, time in calls],
            "isolate": [f"i{n}" for n in range(len(calls))],
        }
    )
    found = find_calls(events)
    return found, counts_of([found], None)


def test_no_calls_use_nothing():
    """No key, no day."""
    calls = find_calls(make_events({}, rows=0))
    counts = counts_of([calls], None)
    assert key_uses(calls, counts, per_minute=2, per_day=50) == ()
    assert day_uses(calls, counts, [], [(1,)], per_day=50) == ()


def test_calls_without_times_use_nothing():
    """Neither minutes nor days are known."""
    calls = find_calls(make_events({"kind": ["pick"] * 2, "key": [1, 2]}))
    counts = counts_of([calls], None)
    assert key_uses(calls, counts, per_minute=2, per_day=50) == ()
    assert day_uses(calls, counts, [], [(1,), (2,)], per_day=50) == ()


def test_the_peak_is_the_fullest_calendar_minute():
    """Three calls at :58, :59 and :00 are two in one minute and one in the next."""
    (use,) = key_uses(
        *picks((1, NOON - 2 * SECOND), (1, NOON - SECOND), (1, NOON)), per_minute=2, per_day=None
    )
    assert (use.calls, use.peak_minute, use.peak_minute_ns) == (3, 2, NOON - MINUTE)
    assert (use.peak_day, use.minute_headroom, use.day_headroom) == (3, 0, None)


def test_of_equal_peaks_the_first_is_told_and_headroom_may_be_negative():
    """Two calls a minute under a limit of 1; key 2 stays below."""
    uses = key_uses(
        *picks((1, NOON), (1, NOON + 1), (2, NOON + 2), (1, NOON + MINUTE), (1, NOON + MINUTE + 1)),
        per_minute=1, per_day=10,
    )  # fmt: skip
    assert [(use.key, use.peak_minute, use.minute_headroom, use.day_headroom) for use in uses] == [
        (1, 2, -1, 6), (2, 1, 0, 9),
    ]  # fmt: skip
    assert uses[0].peak_minute_ns == NOON


def test_a_rejection_counts_by_its_probability():
    """Of two scrambled picks of two keys either may have got the 429."""
    columns = {
        "kind": ["pick", "pick", "rejection"],
        "isolate": ["a"] * 3,
        "time": [NOON] * 3,
        "key": [1, 2, None],
    }
    calls = find_calls(make_events({**columns, "position": [1, 2, None], "size": [2, 2, None]}))
    uses = key_uses(calls, counts_of([calls], None), per_minute=None, per_day=None)
    assert [use.rejected for use in uses] == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("midnight", "date", "hours"),
    [
        (utc(2025, 11, 2, 7), dt.date(2025, 11, 2), 25),
        (utc(2026, 3, 8, 8), dt.date(2026, 3, 8), 23),
        (utc(2025, 11, 10, 8), dt.date(2025, 11, 10), 24),
    ],
)
def test_days_are_those_of_los_angeles(midnight, date, hours):
    """The last second of a day of 23, 24 or 25 hours, and the midnight after it."""
    calls, counts = picks((1, midnight), (1, midnight + hours * HOUR - 1), (1, midnight + hours * HOUR))
    uses = day_uses(calls, counts, [], [(1,)], per_day=50)
    assert [(use.date, use.calls) for use in uses] == [(date, 2), (date + dt.timedelta(days=1), 1)]
    assert key_uses(calls, counts, per_minute=None, per_day=50)[0].peak_day == 2


def test_a_day_tells_its_keys_its_limit_and_when_each_was_exhausted():
    """The first rejection of each key for the day; two keys of one quota have one limit."""
    calls, counts = picks((2, NOON), (1, NOON + 1), (2, NOON + 2), (2, NOON + 3), (7, NOON + 4))
    exhaustions = [(2, NOON + 3), (1, NOON + 1), (2, NOON + 2), (1, NOON + 24 * HOUR)]
    (use,) = day_uses(calls, counts, exhaustions, [(1, 2), (7,)], per_day=20)
    assert use.keys == ((1, 1), (2, 3), (7, 1))
    assert use.limit == 2 * 20
    assert use.exhausted == ((1, NOON + 1), (2, NOON + 2))
    assert use.exhausted_at == NOON + 1
    (without,) = day_uses(calls, counts, [], [(1, 2), (7,)], per_day=None)
    assert (without.limit, without.exhausted, without.exhausted_at) == (None, (), None)


def test_a_day_that_began_before_the_log_is_not_whole():
    """Days without a call are not listed."""
    calls, counts = picks(*((1, NOON + n * HOUR // 4) for n in range(100)), (1, NOON + 72 * HOUR))
    uses = day_uses(calls, counts, [], [(1,)], per_day=None)
    assert [(use.date.day, use.is_whole) for use in uses] == [(10, False), (11, True), (13, True)]
