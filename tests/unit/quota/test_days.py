"""The provider's day: midnight to midnight in Los Angeles, over the switch days of 2025 and 2026."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrota.quota.days import SECOND_NS, pacific_date, pacific_midnights

HOUR_NS = 3600 * SECOND_NS
DAY = dt.timedelta(days=1)
SWITCHES = {
    dt.date(2025, 3, 9): 23,
    dt.date(2025, 11, 2): 25,
    dt.date(2026, 3, 8): 23,
    dt.date(2026, 11, 1): 25,
}
"""Second Sunday in March, first Sunday in November."""


def ns(year, month, day, hour=0):
    return int(dt.datetime(year, month, day, hour, tzinfo=dt.UTC).timestamp()) * SECOND_NS


FIRST, LAST = ns(2025, 1, 1, 8), ns(2027, 1, 1, 8)  # two Pacific new years
MOMENTS = st.integers(FIRST, LAST - 1)


def test_two_years_have_two_short_and_two_long_days():
    """Every day of 2025 and 2026 has 24 hours but the four switch days."""
    hours = np.diff(pacific_midnights(FIRST, LAST - 1)) / HOUR_NS
    dates = [dt.date(2025, 1, 1) + DAY * number for number in range(730)]
    assert dict(zip(dates, hours.tolist(), strict=True)) == {date: SWITCHES.get(date, 24) for date in dates}


def test_switches_are_on_the_sundays_of_the_law():
    """The dates above are the second Sunday in March and the first in November."""
    for year in (2025, 2026):
        march = [dt.date(year, 3, day) for day in range(1, 32)]
        november = [dt.date(year, 11, day) for day in range(1, 31)]
        sundays = [d for d in march if d.weekday() == 6][1:2] + [d for d in november if d.weekday() == 6][:1]
        assert sorted(date for date in SWITCHES if date.year == year) == sundays


@pytest.mark.parametrize(
    ("midnight", "date"),
    [
        (ns(2025, 3, 9, 8), dt.date(2025, 3, 9)),
        (ns(2025, 3, 10, 7), dt.date(2025, 3, 10)),
        (ns(2025, 11, 2, 7), dt.date(2025, 11, 2)),
        (ns(2025, 11, 3, 8), dt.date(2025, 11, 3)),
        (ns(2026, 7, 1, 7), dt.date(2026, 7, 1)),
        (ns(2026, 1, 1, 8), dt.date(2026, 1, 1)),
    ],
)
def test_the_date_changes_at_eight_utc_in_winter_and_at_seven_in_summer(midnight, date):
    """A nanosecond before midnight it is still the day before."""
    assert pacific_date(midnight) == date
    assert pacific_date(midnight - 1) == date - DAY
    assert pacific_midnights(midnight, midnight)[0] == midnight
    assert pacific_midnights(midnight - 1, midnight - 1)[-1] == midnight


@given(MOMENTS, st.integers(0, 20 * 24 * HOUR_NS))
def test_midnights_enclose_the_span(first, length):
    """Ascending int64, the first not after the span, the last after it, none left out or too many."""
    last = first + length
    midnights = pacific_midnights(first, last)
    assert midnights.dtype == np.int64
    assert midnights[0] <= first
    assert midnights[-2] <= last < midnights[-1]
    days = [pacific_date(int(midnight)) for midnight in midnights]
    assert days == [days[0] + DAY * number for number in range(len(days))]
    assert [pacific_date(int(midnight) - 1) for midnight in midnights] == [day - DAY for day in days]


@given(MOMENTS)
def test_a_moment_has_the_date_of_the_midnight_before_it(moment):
    """Midnights and dates tell the same day."""
    assert pacific_date(moment) == pacific_date(int(pacific_midnights(moment, moment)[0]))
