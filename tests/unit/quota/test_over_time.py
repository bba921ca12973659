"""Hours, Pacific days, and the moments at which shares of keys and 429s change."""

import math
import time as clock

import numpy as np
import pandas as pd
import pytest

from keyrota.events import CAUSES, make_events
from keyrota.quota.calls import find_calls
from keyrota.quota.change_points import rejections_change, shares_change
from keyrota.quota.over_time import HOUR_NS, MOST_KEYS, OTHER_KEYS, over_time
from keyrota.quota.scan import EXACT_CELLS, draws_for, likelihood_ratio, scan_runs, scan_units

SECOND = 1_000_000_000
DAY = 24 * HOUR_NS
BEGIN = 20_400 * DAY  # 2025-11-08 00:00 UTC, 16:00 in Los Angeles


def rng():
    return np.random.default_rng(20240701)


def table(rows, **more):
    """Rows of (kind, isolate, ns after BEGIN, position, cause)."""
    rows = sorted(rows, key=lambda row: row[2])
    return make_events(
        {
            "kind": [row[0] for row in rows],
            "isolate": [row[1] for row in rows],
            "time": [BEGIN + row[2] for row in rows],
            "key": [row[3] for row in rows],
            "position": [row[3] for row in rows],
            "size": [4 if row[3] else None for row in rows],
            "cause": [row[4] if len(row) > 4 else None for row in rows],
            **more,
        }
    )


def runs(starts, *, length=3, spacing=60 * SECOND, first=0):
    """Rows of isolates one after the other, in correct succession on four keys."""
    return [
        ("pick", f"i{first + n}", (first + n) * spacing + k * 5 * SECOND, (start - 1 + k) % 4 + 1)
        for n, start in enumerate(starts)
        for k in range(length)
    ]


def changed(*, length=1):
    """150 isolates that begin anywhere, then 150 that begin at key 1."""
    starts = [*(np.arange(150) % 4 + 1).tolist(), *[1] * 150]
    return runs(starts, length=length)


def of_time(events, alpha=1e-3):
    return over_time(events, find_calls(events), alpha=alpha, rng=rng())


def test_hours_and_days_of_picks_keys_and_429s():
    """Empty hours are left out; the day begins at midnight in Los Angeles."""
    hour = HOUR_NS
    rows = [("pick", "a", 0, 1), ("pick", "b", 1, 2), ("rejection", "b", 2, None, "per-day")]
    rows += [("pick", "c", 9 * hour, 2), ("rejection", "c", 9 * hour + 1, None, "per-minute")]
    rows += [("rejection", "c", 20 * hour, None)]
    result = of_time(table(rows))
    hours, days = result.hours, result.days
    assert ((hours.starts_ns - BEGIN) // hour).tolist() == [0, 9, 20]
    assert hours.keys == (2, 1)
    assert hours.picks_of_key.tolist() == [[1, 1], [1, 0], [0, 0]]
    assert hours.causes == tuple(cause for cause in CAUSES if cause in ("per-minute", "per-day", "unknown"))
    assert hours.rejections_of_cause.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert hours.rejected_share[:2].tolist() == [0.5, 1.0]
    assert math.isnan(hours.rejected_share[2])
    assert ((days.starts_ns - BEGIN) // hour).tolist() == [-16, 8]
    assert days.picks.tolist() == [2, 1]
    assert days.rejections.tolist() == [1, 2]
    assert (result.shares, result.rejections) == (None, None)


def test_sums_over_hours_and_days_are_all_events():
    """Nothing is lost or counted twice, over a switch of daylight saving time too."""
    generator = rng()
    times = np.sort(generator.integers(0, 40 * DAY, size=3000))
    rows = [("pick", f"i{n}", int(time) - 20 * DAY, 1 + n % 4) for n, time in enumerate(times)]
    result = of_time(table(rows))
    for periods in (result.hours, result.days):
        assert periods.picks.sum() == periods.picks_of_key.sum() == 3000
    local = pd.DatetimeIndex(result.days.starts_ns, tz="UTC").tz_convert("America/Los_Angeles")
    assert set(local.hour) == {0}
    assert len(result.days.picks) in (40, 41)


def test_busiest_minute_of_a_key_against_a_plain_count():
    """The most calls of one key in a calendar minute, counted by hand for each hour and day."""
    generator = rng()
    times = np.sort(generator.integers(0, 30 * HOUR_NS, size=2000))
    keys = generator.integers(1, 5, size=2000)
    rows = [
        ("pick", f"i{n}", int(time), int(key)) for n, (time, key) in enumerate(zip(times, keys, strict=True))
    ]
    result = of_time(table(rows))
    minute = pd.DataFrame({"minute": (BEGIN + times) // (60 * SECOND), "key": keys})
    number = minute.value_counts()
    for periods in (result.hours, result.days):
        starts = periods.starts_ns
        place = np.searchsorted(starts, number.index.get_level_values("minute") * 60 * SECOND, "right") - 1
        expected = [int(number[place == at].max()) for at in range(len(starts))]
        assert periods.peak_of_key.tolist() == expected
    local = pd.DatetimeIndex(BEGIN + times, tz="UTC").tz_convert("America/Los_Angeles").date
    for place, start in enumerate(result.hours.starts_ns.tolist()):
        today = pd.Timestamp(start, tz="UTC").tz_convert("America/Los_Angeles").date()
        so_far = keys[(local == today) & (BEGIN + times < start + HOUR_NS)]
        assert result.hours.day_peak_of_key[place] == np.bincount(so_far).max()
    assert result.days.day_peak_of_key.tolist() == [
        np.bincount(keys[local == day]).max() for day in sorted(set(local))
    ]
    empty = of_time(table([("rejection", "a", 0, None, "per-day")])).hours
    assert empty.peak_of_key.tolist() == empty.day_peak_of_key.tolist() == [0]


def test_the_leading_key_of_a_day_leads_in_hours_without_its_calls():
    """Three calls of key 1, then one of key 2: the busiest key so far still has three."""
    rows = [("pick", "a", n, 1) for n in range(3)] + [
        ("pick", "b", HOUR_NS, 2),
        ("pick", "c", 9 * HOUR_NS, 2),
    ]
    assert of_time(table(rows)).hours.day_peak_of_key.tolist() == [3, 3, 1]


def test_named_events_are_counted_in_their_period():
    """An event at the begin of an hour is in it; hours without one have no name."""
    hours = of_time(table([("pick", "a", n * HOUR_NS, 1) for n in range(3)])).hours
    times = BEGIN + np.array([0, HOUR_NS - 1, 2 * HOUR_NS, 2 * HOUR_NS])
    counted = hours.counts_of(times, ["per-day", "unknown", "per-day", "per-day"])
    assert counted == [{"per-day": 1, "unknown": 1}, {}, {"per-day": 2}]


def test_an_empty_table_and_one_without_times():
    """There is nothing to tell."""
    for events in (table([]), table([("pick", "a", 0, 1)], time=[None])):
        result = of_time(events)
        assert result.hours.picks.tolist() == result.days.picks.tolist() == []
        assert result.shares is None


def test_many_keys_are_put_together():
    """The matrix of keys is bounded: the picks of rare keys are in its last column."""
    rows = [("pick", f"i{n}", n, 1 + n % 80) for n in range(800)]
    hours = of_time(table(rows)).hours
    assert len(hours.keys) == MOST_KEYS + 1
    assert hours.keys[-1] == OTHER_KEYS
    assert hours.picks_of_key.sum() == 800


@pytest.mark.parametrize("length", [1, 3])
def test_shares_that_change_are_found_in_time(length):
    """The change is beyond chance, within a few isolates of the truth, with shares before and after."""
    found = of_time(table(changed(length=length))).shares
    assert found.p_value == 0.0005  # none of 1,999 permutations
    assert found.is_beyond_chance(1e-3)
    assert abs(found.time_ns - BEGIN - 150 * 60 * SECOND) <= 15 * 60 * SECOND
    assert found.keys == (1, 2, 3, 4)
    assert found.before == pytest.approx([0.25] * 4, abs=0.03)
    assert found.after == pytest.approx(
        [1.0 if k < length else 0.0 for k in range(4)], abs=1.0 - 1 / length + 0.03
    )
    assert (found.is_restart, found.signs) == (False, ())


def test_isolates_that_the_log_does_not_tell():
    """Without ids no unit is exchangeable, and nothing is claimed."""
    rows = changed()
    assert shares_change(table(rows, isolate=[None] * len(rows)), alpha=1e-3, rng=rng()) is None


def test_longer_runs_are_no_change_of_the_rotation():
    """Runs over the whole circle even out what single picks leave: no change, for starts are as before."""
    generator = rng()
    single = runs(generator.integers(1, 5, size=150).tolist(), length=1)
    rounds = runs(generator.integers(1, 5, size=150).tolist(), length=4, first=150)
    assert shares_change(table([*single, *rounds]), alpha=1e-3, rng=rng()).p_value > 0.01
    # Starts that are always the same, with shares that longer runs even out.
    rows = [*runs([1] * 100, length=1), *runs([1] * 100, length=4, first=100)]
    assert shares_change(table(rows), alpha=1e-3, rng=rng()).p_value == 1.0


def sign_of(rows, **more):
    found = shares_change(table(rows, **more), alpha=1e-3, rng=rng())
    assert found.is_beyond_chance(1e-3)
    return found.is_restart, found.signs


def test_a_restart_by_its_shutdowns_and_boots():
    """Isolates that are terminated on request and many boots in a minute are signs."""
    at = 150 * 60 * SECOND
    ended = [("shutdown", f"i{n}", at + n, None, "TerminationRequested") for n in range(3)]
    assert sign_of([*changed(), *ended]) == (True, ("3 isolates terminated on request near it",))
    boots = [("boot", f"i{n}", n * 60 * SECOND, None) for n in range(300)]
    many = [("boot", f"more{n}", at + n * SECOND, None) for n in range(9)]
    is_restart, (sign,) = sign_of([*changed(), *boots, *many])
    assert (is_restart, sign) == (True, "10 isolates booted within one minute near it")
    elsewhere = [("shutdown", f"i{n}", at // 4, None, "TerminationRequested") for n in range(3)]
    assert sign_of([*changed(), *boots, *elsewhere]) == (False, ())


def test_a_restart_by_isolates_that_all_end():
    """Where isolates overlap all the time, a moment that none outlives is one."""
    spacing = 60 * SECOND
    rows = [
        ("pick", f"i{n}", n * spacing + k * 45 * SECOND + (n >= 150) * 600 * SECOND, (start - 1 + k) % 4 + 1)
        for n, start in enumerate([*(np.arange(150) % 4 + 1).tolist(), *[1] * 150])
        for k in range(3)
    ]
    assert sign_of(rows) == (True, ("no isolate has picks both before and after it",))


def test_a_restart_by_the_size_of_the_pool():
    """A few picks of the new size tell that secrets changed; they are not part of the test."""
    rows = changed(length=1)
    sizes = [4] * len(rows)
    odd = [("pick", f"odd{n}", 160 * 60 * SECOND + n * 40 * 60 * SECOND // 10, 1) for n in range(160)]
    both = sorted([*zip(rows, sizes, strict=True), *((row, 3) for row in odd)], key=lambda pair: pair[0][2])
    is_restart, signs = sign_of([row for row, _ in both], size=[size for _, size in both])
    assert is_restart
    assert signs == ("the size of the pool in the picks changes from 4 to 3",)


def calls_of_days(shares, per_hour=6):
    """Days of calls, the 429s of each day together at its end."""
    rows = []
    for day, share in enumerate(shares):
        times = np.sort(rng().integers(0, DAY, size=24 * per_hour)) + day * DAY + 8 * HOUR_NS
        for n, time in enumerate(times.tolist()):
            rows.append(("pick", f"d{day}-{n}", time, 1))
            if n >= len(times) * (1 - share):
                rows.append(("rejection", f"d{day}-{n}", time + SECOND, None, "per-day"))
    return table(rows)


def test_429s_that_change_for_good():
    """Days are the units: the change is between them, and beyond chance."""
    events = calls_of_days([0.05, 0.06] * 5 + [0.3, 0.31] * 4)
    found = rejections_change(events, find_calls(events), alpha=1e-3, rng=rng())
    assert found.p_value < 1e-3
    assert found.what == "rejections"
    assert (found.before[0], found.after[0]) == pytest.approx((0.05, 0.3), abs=0.05)
    assert abs(found.time_ns - BEGIN - 10 * DAY - 8 * HOUR_NS) <= DAY


def test_429s_at_the_end_of_every_day_are_no_change():
    """A rhythm of days is none, however strong."""
    events = calls_of_days([0.3, 0.31] * 7)
    assert rejections_change(events, find_calls(events), alpha=1e-3, rng=rng()).p_value > 0.05


def test_429s_of_few_days_are_described_only():
    """There is a time and a size, and no p-value: hours are not exchangeable."""
    events = calls_of_days([0.02, 0.5])
    found = rejections_change(events, find_calls(events), alpha=1e-3, rng=rng())
    assert found.p_value is None
    assert not found.is_beyond_chance(1.0)
    assert found.after[0] > found.before[0]


def test_no_429s_no_change():
    """Without 429s, and with very few calls, there is nothing to find."""
    events = table(runs([1, 2, 3]))
    assert rejections_change(events, find_calls(events), alpha=1e-3, rng=rng()) is None


def test_p_values_are_of_permutations():
    """All 6 orders of three units: the largest change has probability 2 / 6 by chance."""
    units = np.array([[9.0, 0.0], [5.0, 4.0], [0.0, 9.0]])
    scan = scan_units(units, np.array([1, 2]), rng=rng(), draws=9_999)
    assert scan.p_value == pytest.approx(2 / 6, abs=0.025)  # five standard errors


def test_starts_are_permuted_and_shapes_stay():
    """Two runs of one pick and two of two: of the 6 ways to give out the starts, 2 are as uneven."""
    starts, shapes = np.array([0, 0, 1, 1]), np.array([[1, 0, 0]] * 2 + [[1, 1, 0]] * 2)
    scan = scan_runs(starts, shapes, np.array([2]), rng=rng(), draws=9_999)
    ratios = []
    for chosen in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)):
        own = np.where(np.isin(range(4), chosen), 0, 1)
        counts = np.zeros((4, 3))
        for run, start in enumerate(own):
            for k in range(shapes[run].sum()):
                counts[run, (start + k) % 3] += 1
        ratios.append(float(likelihood_ratio(counts[:2].sum(axis=0), counts[2:].sum(axis=0))))
    assert scan.p_value == pytest.approx(np.mean(np.array(ratios) >= ratios[0] - 1e-9), abs=0.025)


def test_sums_of_many_runs_have_the_law_of_permutations():
    """Drawn as normal or permuted one by one, the p-value is the same to its Monte-Carlo error."""
    generator = rng()
    size, number = 4, 2000
    starts = generator.choice(size, size=number, p=[0.3, 0.3, 0.2, 0.2])
    shapes = np.zeros((number, size), dtype=np.int64)
    lengths = generator.integers(1, 8, size=number)
    for k in range(8):
        shapes[lengths > k, k % size] += 1
    splits = np.linspace(200, 1800, 9).astype(np.int64)
    exact = scan_runs(starts, shapes, splits, rng=rng(), draws=4_000)
    normal = scan_runs(starts, shapes, splits, rng=rng(), draws=9_000)
    assert 4_000 * shapes.size <= EXACT_CELLS < 9_000 * shapes.size
    assert exact.split == normal.split
    assert exact.p_value == pytest.approx(normal.p_value, abs=5 * math.sqrt(0.25 / 4_000 + 0.25 / 9_000))


def test_draws_reach_the_level():
    """Half of the level can be reached, within what is affordable."""
    assert 1 / (draws_for(1e-3) + 1) == 5e-4
    assert draws_for(1e-3, tests=3) == 5_999
    assert draws_for(1e-300) == 9_999


def test_a_long_log_takes_seconds():
    """100,000 picks of 30,000 isolates are scanned in less than five seconds (0.2 on the author's)."""
    generator = rng()
    rows = runs(generator.integers(1, 5, size=30_000).tolist(), length=3, spacing=10 * SECOND)
    events = table(rows)
    begin = clock.perf_counter()
    assert shares_change(events, alpha=1e-3, rng=generator).p_value > 1e-3
    assert clock.perf_counter() - begin < 5
