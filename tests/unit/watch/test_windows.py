"""Counts of the last minute, hour and Pacific day, and the day's budget."""

import datetime as dt
import random
from collections import Counter

import msgspec
import pytest

from keyrota.quota.days import PACIFIC, SECOND_NS
from keyrota.quota.windows import MINUTE_NS
from keyrota.watch.day import PacificDay, budget
from keyrota.watch.windows import HOUR_NS, RecentCounts, last_hour, last_minute

START = 1_762_761_600 * SECOND_NS


@pytest.mark.parametrize("window", [last_minute, last_hour])
@pytest.mark.parametrize("seed", range(5))
def test_windows_count_what_a_list_counts(window, seed):
    """A window holds just the events of its steps, also of events that come late; restarts change nothing."""
    rng = random.Random(seed)
    counts = window()
    step, steps = counts.step_ns, counts.steps
    kept, now = [], START
    for _ in range(3_000):
        now += rng.randrange(step)
        time = now - rng.choice((0, 0, 0, step * rng.randrange(2 * steps)))
        label = rng.choice("abc")
        counts.add(time, label)
        kept.append((time, label))
        if rng.random() < 0.01:
            counts = msgspec.convert(
                msgspec.json.decode(msgspec.json.encode(counts)), RecentCounts, str_keys=True, strict=False
            )
        if rng.random() < 0.1:
            first = now // step - steps + 1
            assert counts.totals(now) == Counter(label for time, label in kept if time // step >= first)
    assert len(counts.counts) <= 2 * steps + 1


def test_a_correction_leaves_no_trace():
    """A count that is taken back is gone, not 0 and not negative."""
    counts = last_minute()
    counts.add(START, "unknown")
    counts.add(START, "unknown", -1)
    counts.add(START, "per-day")
    assert counts.totals(START) == {"per-day": 1}


@pytest.mark.parametrize(
    ("day", "hours"), [((2025, 11, 2), 25), ((2026, 3, 8), 23), ((2025, 11, 10), 24)], ids=str
)
def test_days_are_pacific_days(day, hours):
    """Each event counts on the Pacific day of its time, of 23 hours and of 25 too."""
    first = int(dt.datetime(*day, tzinfo=PACIFIC).timestamp())
    counts = PacificDay()
    for hour in range(-3, hours + 2):
        moment = (first + 3600 * hour) * SECOND_NS
        counts.add(moment, "key")
        local = dt.datetime.fromtimestamp(first + 3600 * hour, PACIFIC)
        same_day = [
            other
            for other in range(-3, hour + 1)
            if dt.datetime.fromtimestamp(first + 3600 * other, PACIFIC).date() == local.date()
        ]
        assert counts.totals()["key"] == len(same_day)
    assert counts.start_ns == (first + 3600 * hours) * SECOND_NS


def test_a_late_event_of_an_earlier_day_is_left_out():
    """What belongs to a day that is over does not count on the one that is."""
    counts = PacificDay()
    counts.add(START, "key")
    counts.add(START - 24 * HOUR_NS, "key")
    assert counts.totals() == {"key": 1}


@pytest.mark.parametrize(
    ("used", "last_hour", "ends"),
    [(40, 10, 60), (50, 10, 0), (60, 0, 0), (40, 0, None), (0, 5, None), (40, 600, 1)],
)
def test_the_budget_ends_at_the_rate_of_the_last_hour(used, last_hour, ends):
    """The rest is used up after rest / rate, now if nothing is left, never if that is after the reset."""
    told = budget(used=used, last_hour=last_hour, limit=50, now_ns=START, resets_ns=START + 9 * HOUR_NS)
    assert told.ends_ns == (None if ends is None else START + ends * MINUTE_NS)
    assert told.used_ratio == used / 50
