"""Which limits are in force: stated, declared, or told by what passed and what was rejected."""

import numpy as np
import pandas as pd
import pytest

from keyrota.events import CAUSES, make_events
from keyrota.quota.counts import FIXED, SLIDING, Counts
from keyrota.quota.evidence import LENIENT, UNEXPECTED, Outcomes, by_limit, log_likelihood, outcomes_of
from keyrota.quota.limits import LimitEvidence, WindowEvidence, estimated, limits_of, stated_limit

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NOON = 29_379_600 * MINUTE
MIDNIGHT = NOON - 4 * 60 * MINUTE  # in Los Angeles


def errors(*rows):
    """429s of (cause, limit) or (cause, limit, time, delay), and optionally a kind."""
    rows = [(*row, *(None, None, "rejection")[len(row) - 2 :]) for row in rows]
    return make_events(
        {
            "kind": [row[4] for row in rows],
            "cause": [row[0] for row in rows],
            "limit": [row[1] for row in rows],
            "time": [row[2] for row in rows],
            "retry_after_s": [row[3] for row in rows],
        }
    )


def log(times, rejected, cause="per-minute", begin=MIDNIGHT):
    """Counts and outcomes of one key's calls: which were rejected, and for what stated cause."""
    times, rejected = np.array(times, dtype=np.int64), np.array(rejected, dtype=float)
    counts = Counts(
        times, np.ones(len(times), dtype=np.int64), 1 - rejected, np.ones(len(times), dtype=bool), begin
    )
    causes = np.where(rejected > 0, CAUSES.index(cause), -1)
    return counts, outcomes_of(rejected, causes, counts.is_whole_day())


def bursts(minutes, calls, limit, second=1):
    """`calls` calls a minute, a second apart, of which `limit` pass."""
    times = [NOON + m * MINUTE + (second + c) * SECOND for m in range(minutes) for c in range(calls)]
    return times, [float(c >= limit) for _ in range(minutes) for c in range(calls)]


NONE = errors()


def test_without_calls_only_the_declaration_counts():
    """No evidence for a limit, none against it, and no kind of window."""
    minute, day, window = limits_of(*log([], []), [(1,)], NONE, per_minute=2, per_day=None)
    assert (minute, day) == (LimitEvidence(2), LimitEvidence(None))
    assert (minute.in_force, day.in_force) == (2, None)
    assert window == WindowEvidence("unknown", 0, 0, 0.0)
    assert window.used == FIXED


def test_what_errors_state_counts_against_the_declaration():
    """A body that says 20 refutes 50."""
    day = stated_limit(errors(("per-day", 20)), "per-day", 50)
    assert (day.stated, day.in_force, day.is_refuted) == (20, 20, True)


def test_of_several_stated_limits_the_most_frequent_counts():
    """All are told with their numbers; of other causes none."""
    rows = errors(("per-day", 20), ("per-day", 250), ("per-day", 250), ("per-minute", 2), ("per-day", None))
    day = stated_limit(rows, "per-day", 250)
    assert (day.stated, day.stated_counts, day.is_refuted) == (250, ((250, 2), (20, 1)), False)


def test_the_last_error_of_each_stated_limit_is_told():
    """Where there are several, and as far as its time is known."""
    rows = errors(("per-day", 20), ("per-day", 250), ("per-day", 250), ("per-minute", 2))
    rows["time"] = pd.to_datetime([3, 2, 5, 9], unit="s", utc=True).as_unit("ns")
    assert stated_limit(rows, "per-day", 250).stated_last == ((20, 3 * 10**9), (250, 5 * 10**9))
    assert stated_limit(rows, "per-minute", 2).stated_last == ()
    rows["time"] = pd.NaT
    assert stated_limit(rows, "per-day", 250).stated_last == ()


def test_errors_that_state_no_limit_state_nothing():
    """The bare body of generation D."""
    assert stated_limit(errors(("unknown", None)), "per-minute", 2) == LimitEvidence(2, others=1)


def test_an_undeclared_limit_cannot_be_refuted():
    """It is in force as stated or estimated."""
    assert LimitEvidence(None, stated=5).in_force == LimitEvidence(None, estimated=5).in_force == 5
    assert not LimitEvidence(None, stated=5).is_refuted


@pytest.mark.parametrize("declared", [None, 2, 5])
def test_a_minute_limit_is_told_by_what_passes(declared):
    """Five calls a minute of which two pass: 2, whatever is declared."""
    minute, day, window = limits_of(*log(*bursts(10, 5, 2)), [(1,)], NONE, per_minute=declared, per_day=None)
    assert (minute.estimated, minute.low, minute.high, minute.in_force) == (2, 2, 2, 2)
    assert minute.is_refuted == (declared == 5)
    assert day == LimitEvidence(None)
    assert window.kind == "unknown"  # both kinds of windows are full whenever a call is rejected


def test_two_429s_are_no_ground_for_an_estimate():
    """Three are."""
    for minutes, found in ((2, None), (3, 1)):
        minute, _, _ = limits_of(*log(*bursts(minutes, 2, 1)), [(1,)], NONE, per_minute=None, per_day=None)
        assert minute.estimated == found


def test_a_limit_above_all_counts_is_not_refuted():
    """A declared limit of 15 and five calls a minute that all pass."""
    minute, _, _ = limits_of(*log(*bursts(10, 5, 5)), [(1,)], NONE, per_minute=15, per_day=None)
    assert (minute.in_force, minute.is_refuted, minute.estimated) == (15, False, None)


def test_a_day_limit_is_told_by_what_the_minute_leaves_open():
    """30 calls a minute apart from midnight on, 20 pass; errors state no cause."""
    times = [MIDNIGHT + n * MINUTE for n in range(60)]
    minute, day, _ = limits_of(
        *log(times, [float(n >= 20) for n in range(60)], "unknown"), [(1,)], NONE, per_minute=2, per_day=50
    )
    assert (day.estimated, day.in_force, day.is_refuted) == (20, 20, True)
    assert (minute.in_force, minute.is_refuted) == (2, False)


@pytest.mark.parametrize("cause", ["unknown", "per-day"])
def test_a_day_that_began_before_the_log_tells_nothing_of_its_limit(cause):
    """The same calls, five hours into the day."""
    times = [NOON + n * MINUTE for n in range(60)]
    _, day, _ = limits_of(
        *log(times, [float(n >= 20) for n in range(60)], cause, begin=NOON),
        [(1,)],
        NONE,
        per_minute=2,
        per_day=50,
    )
    assert (day.estimated, day.in_force, day.is_refuted) == (None, 50, False)


@pytest.mark.parametrize("cause", ["tokens-per-minute", "no-quota"])
def test_429s_for_want_of_tokens_tell_nothing_of_requests(cause):
    """They are neither passes nor rejections."""
    counts, outcomes = log(*bursts(10, 5, 2), cause)
    minute, day, _ = limits_of(counts, outcomes, [(1,)], NONE, per_minute=5, per_day=50)
    assert (minute.in_force, minute.estimated, day.in_force, day.estimated) == (5, None, 50, None)
    assert outcomes.is_told.sum() == 20


def test_delays_that_end_on_full_minutes_are_those_of_fixed_minutes():
    """Three of three; those of one minute count once, and an announced retry's delay is the client's own."""
    rows = [("per-minute", 2, NOON + n * MINUTE + s * SECOND, 60.0 - s) for n, s in enumerate((5, 17, 40))]
    rows += [("per-minute", 2, NOON + 2 * MINUTE + s * SECOND, 60.0 - s) for s in (41, 42, 43)]
    rows += [("per-minute", 2, NOON + 5 * SECOND, 1.0, "retry")]
    window = limits_of(*log([], []), [(1,)], errors(*rows), per_minute=2, per_day=None)[2]
    assert (window.kind, window.delays, window.on_the_minute, window.used) == ("fixed", 3, 3, FIXED)


def test_delays_that_end_anywhere_are_not_those_of_fixed_minutes():
    """Three that end half a minute off."""
    rows = [("per-minute", 2, NOON + s * SECOND, 30.0) for s in (1, 5, 55)]
    window = limits_of(*log([], []), [(1,)], errors(*rows), per_minute=2, per_day=None)[2]
    assert (window.kind, window.delays, window.on_the_minute, window.used) == ("sliding", 3, 0, SLIDING)


def test_calls_across_a_full_minute_tell_the_kind_of_window():
    """One call at :50 and one at :10: only the last 60 s would reject the second."""
    times = [NOON + (5 * n) * MINUTE + s * SECOND for n in range(10) for s in (50, 70)]
    for rejected, kind in (([0.0, 1.0] * 10, "sliding"), ([0.0, 0.0] * 10, "unknown")):
        window = limits_of(*log(times, rejected), [(1,)], NONE, per_minute=1, per_day=None)[2]
        assert window.kind == kind


def test_the_likelihood_of_a_limit_is_that_of_its_full_windows():
    """`by_limit` at each limit against `log_likelihood` with the windows that are full under it."""
    rng = np.random.default_rng(1)
    counted, rejected = rng.integers(0, 6, 50).astype(float), rng.random(50) < 0.4
    outcomes = Outcomes(~rejected, rejected, np.zeros(50, dtype=bool))
    nothing = np.zeros(50, dtype=bool)
    expected = [log_likelihood(outcomes, counted >= limit, nothing) for limit in range(1, 9)]
    assert by_limit(counted, ~rejected, rejected, 8) == pytest.approx(expected)
    all_room = (~rejected).sum() * np.log(1 - UNEXPECTED) + rejected.sum() * np.log(UNEXPECTED)
    all_full = (~rejected).sum() * np.log(LENIENT) + rejected.sum() * np.log(1 - LENIENT)
    assert log_likelihood(outcomes, nothing, nothing) == pytest.approx(all_room)
    assert log_likelihood(outcomes, ~nothing, nothing) == pytest.approx(all_full)


def test_an_estimate_over_no_quota_is_what_was_known():
    """No keys, no calls."""
    assert estimated(LimitEvidence(7), [], [], [], 5)[0] == LimitEvidence(7)
