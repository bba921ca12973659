"""What a log's windows had counted is what the windows that simulate count; a simulated log is explained."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keyrota.quota import windows
from keyrota.quota.account import PoolEvents, make_accounts
from keyrota.quota.counts import DAY, FIXED, SLIDING, Counts, reached
from keyrota.quota.days import pacific_midnights
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.scenario import Backoff, Fail, Failover, Single, Wait
from keyrota.simulation.simple import simple_scenario

SECOND = 1_000_000_000
STARTS = [
    1_762_776_000 * SECOND,  # 2025-11-10 12:00 UTC
    1_762_065_000 * SECOND,  # 2025-11-02 06:30 UTC, half an hour before a Pacific day of 25 h
    1_772_955_000 * SECOND,  # 2026-03-08 07:30 UTC, half an hour before one of 23 h
]
GAPS = st.sampled_from(
    [0, 0, 1, SECOND, 20 * SECOND, 30 * SECOND, 60 * SECOND - 1, 60 * SECOND, 60 * SECOND + 1, 1800 * SECOND]
)
"""Ties at one nanosecond, ages of a minute to the nanosecond, half hours that cross a midnight."""

CALLS = st.lists(st.tuples(GAPS, st.integers(1, 3)), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(start=st.sampled_from(STARTS), calls=CALLS, limit=st.integers(1, 4), per_day=st.integers(1, 12))
@pytest.mark.parametrize(("name", "kind"), [(FIXED, windows.FIXED), (SLIDING, windows.SLIDING)])
def test_a_count_has_reached_a_limit_where_the_window_has_no_room(name, kind, start, calls, limit, per_day):
    """Minute and day of each key, call for call; which calls pass is what `windows.call` decides."""
    times = start + np.cumsum([gap for gap, _ in calls])
    keys = np.array([key for _, key in calls])
    midnights = pacific_midnights(int(times[0]), int(times[-1]))
    states = {key: (windows.window_state(kind, limit), windows.day_state()) for key in (1, 2, 3)}
    passed, minute_full, day_full = [], [], []
    for time, key in zip(times.tolist(), keys.tolist(), strict=True):
        minute, day = states[key]
        today = windows.day_number(midnights, time)
        minute_full.append(not windows.has_room(kind, limit, minute, time))
        day_full.append(windows.day_room(per_day, day, today) == 0)
        answer = windows.call(kind, limit, minute, per_day, day, today, time, False)
        passed.append(float(answer == windows.ADMITTED))
    counts = Counts(times, keys, np.array(passed), np.ones(len(times), dtype=bool), int(times[0]))
    for key in np.unique(keys).tolist():
        at = counts.of(key)
        assert reached(counts.before(key, at, name), limit).tolist() == np.array(minute_full)[at].tolist()
        assert reached(counts.before(key, at, DAY), per_day).tolist() == np.array(day_full)[at].tolist()


@settings(max_examples=60, deadline=None)
@given(start=st.sampled_from(STARTS), calls=CALLS, limit=st.integers(1, 4))
@pytest.mark.parametrize(("name", "kind"), [(FIXED, windows.FIXED), (SLIDING, windows.SLIDING)])
def test_keys_together_are_one_window(name, kind, start, calls, limit):
    """One state for all keys is the sum of their counts."""
    times = start + np.cumsum([gap for gap, _ in calls])
    keys = np.array([key for _, key in calls])
    state, passed, full = windows.window_state(kind, limit), [], []
    for time in times.tolist():
        full.append(not windows.has_room(kind, limit, state, time))
        if not full[-1]:
            windows.count_call(kind, limit, state, time)
        passed.append(float(not full[-1]))
    counts = Counts(times, keys, np.array(passed), np.ones(len(times), dtype=bool), int(times[0]))
    together = counts.together((1, 2, 3), np.arange(len(times)), name)
    assert reached(together, limit).tolist() == full


PROJECTS = {"own": (), "shared": ("a", "a", "b", "c")}


@pytest.mark.parametrize("projects", PROJECTS)
@pytest.mark.parametrize("per_day", [None, 60])
@pytest.mark.parametrize("window", [FIXED, SLIDING])
@pytest.mark.parametrize("isolates", [None, Single()])
@pytest.mark.parametrize(
    "on_reject", [Fail(), Failover(), Backoff(), Wait()], ids=lambda kind: type(kind).__name__
)
def test_every_429_of_a_simulated_log_is_explained(on_reject, isolates, window, per_day, projects):
    """With the true declaration: none unexplained, none missing, true limits and window, nothing shared."""
    scenario = simple_scenario(
        keys=4, per_minute=2, per_day=per_day, rate_per_min=6.0, duration_s=10_800.0, window=window,
        on_reject=on_reject, isolates=isolates,
    )  # fmt: skip
    scenario = replace(scenario, pools=(replace(scenario.pools[0], projects=PROJECTS[projects]),))
    events = simulated_events(scenario, seed=2)
    pool = scenario.pools[0]
    account = make_accounts({pool.name: PoolEvents(events, pool)}, begin=events["time"].min())[pool.name]
    rejections = events[events["kind"] == "rejection"]
    found = account.explained
    assert found.causes == tuple(rejections["cause"])
    assert found.explained + found.open == len(rejections) > 50
    assert (found.unexplained, found.missing) == (0, 0)
    # Open are only those whose pick is not certain: requests that overlap in the one isolate.
    assert found.open <= (0.01 * len(rejections) if isolates else 0)
    assert (account.minute.in_force, account.day.in_force) == (2, per_day)
    assert (account.minute.estimated, account.minute.is_refuted, account.day.is_refuted) == (2, False, False)
    assert account.window.kind == window
    assert account.shared == ()
    assert sorted(len(keys) for keys in account.quotas) == (
        [1, 1, 2] if projects == "shared" else [1, 1, 1, 1]
    )


@settings(max_examples=60, deadline=None)
@given(start=st.sampled_from(STARTS), calls=CALLS, data=st.data())
@pytest.mark.parametrize("window", [FIXED, SLIDING, DAY])
def test_the_counts_at_own_calls_are_those_at_any(window, start, calls, data):
    """What is counted key by key, and what is asked of any calls; calls without a key lie between."""
    times = start + np.cumsum([gap for gap, _ in calls])
    keys = np.array([key for _, key in calls])
    passed = np.array(
        data.draw(st.lists(st.sampled_from([0.0, 0.4, 1.0]), min_size=len(calls), max_size=len(calls)))
    )
    is_counted = np.array(data.draw(st.lists(st.booleans(), min_size=len(calls), max_size=len(calls))))
    counts = Counts(times, keys, passed, is_counted, int(times[0]))
    for group in ((1,), (2,), (3,), (1, 3)):
        at = np.concatenate([counts.of(key) for key in group])
        assert counts.own(group, window) == pytest.approx(counts.together(group, at, window), abs=1e-12)
