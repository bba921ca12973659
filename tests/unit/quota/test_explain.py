"""Where the 429s come from: stated, told by the replay, or not known."""

import numpy as np
import pytest

from keyrota.events import make_events
from keyrota.quota import explain as module
from keyrota.quota.calls import find_calls
from keyrota.quota.counts import DAY, FIXED, SLIDING, Counts, counts_of, reached
from keyrota.quota.day_left import calls_pass_later
from keyrota.quota.evidence import outcomes_of
from keyrota.quota.explain import explain

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
MIDNIGHT = 29_379_360 * MINUTE  # 2025-11-10 08:00 UTC


def explained(
    calls, *, quotas=((1,), (2,)), per_minute=2, per_day=None, window=FIXED, begin=MIDNIGHT, lost=()
):
    """Explain calls of (key, seconds after midnight, cause of its 429 or None), each in its own isolate."""
    rows = []
    for number, (key, at, cause) in enumerate(calls):
        time = MIDNIGHT + round(at * SECOND)
        if number not in lost:
            rows.append(("pick", f"i{number}", time, key, None))
        if cause is not None:
            rows.append(("rejection", f"i{number}", time, None, cause))
    names = ("kind", "isolate", "time", "key", "cause")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
    found = find_calls(make_events(columns, rows=0))
    counts = counts_of([found], begin)
    outcomes = outcomes_of(found.rejected, found.causes, counts.is_whole_day())
    quotas = [quota for quota in quotas if all(len(counts.of(key)) for key in quota)]
    return explain(found, counts, outcomes, quotas, per_minute=per_minute, per_day=per_day, window=window)


def judged(found):
    return found.explained, found.unexplained, found.open, found.missing


def test_no_calls_are_nothing_to_explain():
    """All numbers are 0."""
    found = explained([])
    assert judged(found) == (0, 0, 0, 0)
    assert (found.causes, found.by_cause(), found.by_source(), found.with_room) == ((), {}, {}, 0)


@pytest.mark.parametrize(("cause", "source"), [("per-minute", "stated"), ("unknown", "replay")])
def test_a_third_call_in_a_minute_of_two_is_explained(cause, source):
    """By what its error states, or by the window that the replay finds full."""
    found = explained([(1, 1, None), (1, 2, None), (1, 3, cause)])
    assert judged(found) == (1, 0, 0, 0)
    assert (found.causes, found.by_source()) == (("per-minute",), {source: 1})


@pytest.mark.parametrize("cause", ["per-minute", "unknown"])
def test_a_429_while_the_window_has_room_is_unexplained(cause):
    """What the error states stays, what it does not state stays unknown."""
    found = explained([(1, 1, None), (1, 2, cause)])
    assert judged(found) == (0, 1, 0, 0)
    assert found.causes == (cause,)


def test_a_429_is_explained_by_its_stated_window_only():
    """The day is full, but the error names the minute."""
    found = explained([(1, 1, None), (1, 61, "per-minute"), (1, 121, "per-day")], per_day=1)
    assert judged(found) == (1, 1, 0, 0)
    assert found.by_minute == 0


def test_where_both_windows_are_full_the_day_is_named():
    """As the provider does."""
    found = explained([(1, 1, None), (1, 2, None), (1, 3, "unknown")], per_day=2)
    assert found.causes == ("per-day",)
    assert (found.explained, found.by_minute) == (1, 0)


def test_a_call_that_passes_a_full_window_is_missing_a_429():
    """Three pass where two may."""
    assert judged(explained([(1, 1, None), (1, 2, None), (1, 3, None)])) == (0, 0, 0, 1)


def test_the_kind_of_window_decides():
    """Two calls before a full minute and one after it: only the last 60 s are full."""
    calls = [(1, 50, None), (1, 55, None), (1, 65, "per-minute")]
    assert judged(explained(calls, window=SLIDING)) == (1, 0, 0, 0)
    assert judged(explained(calls)) == (0, 1, 0, 0)


@pytest.mark.parametrize("cause", ["tokens-per-minute", "no-quota"])
def test_429s_that_are_not_for_requests_are_open(cause):
    """Tokens, and models without any quota: the windows of requests do not judge them."""
    found = explained([(1, 1, None), (1, 2, None), (1, 3, cause)])
    assert judged(found) == (0, 0, 1, 0)
    assert found.by_cause() == {cause: 1}


def test_a_429_without_a_pick_is_open():
    """Its line was lost; the cause is what the error states."""
    found = explained([(1, 1, None), (1, 2, "per-minute"), (1, 3, "unknown")], lost=(1, 2))
    assert judged(found) == (0, 0, 2, 0)
    assert (found.causes, found.by_source()) == (("per-minute", "unknown"), {"stated": 1, "unknown": 1})


def test_429s_of_the_day_are_open_if_it_began_before_the_log():
    """Those by the minute are not."""
    calls = [(1, 3600 + n, None) for n in (1, 2)] + [(1, 3603, "per-minute"), (1, 3661, "per-day")]
    late = MIDNIGHT + 3600 * SECOND
    assert judged(explained(calls, per_day=2, begin=late)) == (1, 0, 1, 0)
    assert judged(explained(calls, per_day=2)) == (2, 0, 0, 0)


def test_a_429_while_another_key_has_room_is_a_matter_of_rotation():
    """Key 2 made no call, or is as full; keys of one quota are no other one."""
    full = [(1, 1, None), (1, 2, None), (2, 3, None)]
    assert explained([*full, (1, 4, "per-minute")]).with_room == 1
    assert explained([*full, (2, 4, None), (1, 5, "per-minute")]).with_room == 0
    one = explained([*full[1:], (1, 4, "per-minute")], quotas=((1, 2),))
    assert (one.by_minute, one.with_room) == (1, 0)


def test_another_key_whose_day_is_spent_has_no_room():
    """Its minute is empty, its day is not."""
    calls = [(2, 1, None), (2, 2, None), (1, 61, None), (1, 62, None), (1, 63, "per-minute")]
    assert explained(calls, per_day=2).with_room == 0
    assert explained(calls, per_day=3).with_room == 1


@pytest.mark.parametrize("seed", range(5))
def test_calls_that_pass_later_on_the_day(seed):
    """Another quota's passing call after it on the same Pacific day, as the definition says it."""
    rng = np.random.default_rng(seed)
    number, day = 120, 24 * 3600
    calls = [
        (int(rng.integers(1, 5)), float(at), "per-day" if rng.random() < 0.6 else None)
        for at in np.sort(rng.uniform(0, 12 * day, number))
    ]
    rows = [("pick", f"i{n}", MIDNIGHT + round(at * SECOND), key) for n, (key, at, _) in enumerate(calls)]
    names = ("kind", "isolate", "time", "key")
    found = find_calls(make_events(dict(zip(names, zip(*rows, strict=True), strict=True))))
    counts = counts_of([found], MIDNIGHT)
    passed = np.array([cause is None for *_, cause in calls])
    quotas = [(1,), (2, 3), (4,)]
    of_quota = [next(q for q, keys in enumerate(quotas) if key in keys) for key, *_ in calls]
    days, at = counts.day_numbers(), np.flatnonzero(~passed)
    expected = [
        any(passed[o] and days[o] == days[c] and of_quota[o] != of_quota[c] for o in range(c + 1, number))
        for c in at
    ]
    assert calls_pass_later(counts, at, quotas, passed).tolist() == expected
    assert 0 < sum(expected) < len(expected)
    assert calls_pass_later(counts, at[:0], quotas, passed).tolist() == []
    assert not calls_pass_later(counts, at, quotas, np.zeros(number, dtype=bool)).any()


def test_without_limits_nothing_is_full():
    """The stated causes remain, nothing else."""
    found = explained([(1, 1, None), (1, 2, "per-minute"), (1, 3, "unknown")], per_minute=None)
    assert judged(found) == (0, 2, 0, 0)
    assert found.by_cause() == {"per-minute": 1, "unknown": 1}


@pytest.mark.parametrize("lacks", ["key", "time"])
def test_429s_of_unknown_keys_or_times_are_open(lacks):
    """No window can be counted: they are not unexplained."""
    columns = {"kind": ["pick", "rejection"], "isolate": ["a", "a"], "cause": [None, "per-minute"]}
    columns |= {"key": [1, None]} if lacks == "time" else {"time": [MIDNIGHT, MIDNIGHT + 1]}
    calls = find_calls(make_events(columns))
    counts = counts_of([calls], MIDNIGHT)
    outcomes = outcomes_of(calls.rejected, calls.causes, np.ones(1, dtype=bool))
    found = explain(calls, counts, outcomes, [], per_minute=2, per_day=None, window=FIXED)
    assert judged(found) == (0, 0, 1, 0)
    assert found.causes == ("per-minute",)


def _room_by_definition(counts, at, quotas, limits):
    """Another quota has room where neither of its windows is full."""
    found = np.zeros(len(at), dtype=bool)
    for keys in quotas:
        full = np.zeros(len(at), dtype=bool)
        for window, limit in limits:
            full |= reached(counts.together(keys, at, window), limit)
        found |= ~full & ~np.isin(counts.keys[at], keys)
    return int(found.sum())


@pytest.mark.parametrize("tried", [0, 2, 32])
def test_room_elsewhere_is_found_in_pools_of_any_size(monkeypatch, tried):
    """One quota after the other, or the full ones counted call by call: as by the definition, 60 logs."""
    monkeypatch.setattr(module, "TRIED_ONE_BY_ONE", tried)
    rng = np.random.default_rng(tried)
    without = 0
    for _ in range(60):
        calls, keys = int(rng.integers(5, 500)), int(rng.integers(2, 14))
        times = MIDNIGHT + np.sort(rng.integers(0, int(rng.choice([100, 2_000, 100_000])), calls)) * SECOND
        passed = (rng.random(calls) < 0.8) * np.where(
            rng.random(calls) < 0.3, rng.random(calls).round(2), 1.0
        )
        key = rng.integers(1, keys + 1, calls)
        counts = Counts(times, key, passed, rng.random(calls) < 0.97, int(times[0]))
        quotas = [(1, 2), *((own,) for own in range(3, keys + 1))]
        at = np.flatnonzero((rng.random(calls) < 0.3) & counts.is_counted)
        per_minute, per_day = int(rng.integers(1, 5)), rng.choice([None, 3, 30])
        window = str(rng.choice([FIXED, SLIDING]))
        limits = ((window, per_minute), (DAY, per_day))
        found = module._with_room(counts, at, quotas, per_minute, per_day, window)
        assert found == _room_by_definition(counts, at, quotas, limits)
        without += len(at) - found
    assert without > 100
