"""Minute windows against the package `limits`, call by call, under a clock that the tests set.

`limits` has the fixed window and the sliding one ("moving window"), with these differences:

* Its fixed window begins with the first call, not with the calendar minute. The two mean the same where
  every minute with calls has one at its very beginning.
* Its "sliding window counter" counts calendar minutes of the clock and adds what weighs in from the
  minute before. Where every other minute is empty, that is the fixed window of calendar minutes.
* Its moving window holds a permit for 60 s, the last moment included; ours is free again at 60 s. On a
  clock of whole nanoseconds the two mean the same if `limits` is given a minute that is 1 ns shorter.

It has no token bucket: that one is held against the virtual scheduling form of the generic cell rate
algorithm (ITU-T I.371), in exact fractions.
"""

import threading
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, memory
from limits.strategies import (
    FixedWindowRateLimiter,
    MovingWindowRateLimiter,
    SlidingWindowCounterRateLimiter,
)

from keyrota.quota.windows import (
    ADMITTED,
    FIXED,
    MINUTE_NS,
    SLIDING,
    TOKEN_BUCKET,
    UNLIMITED,
    call,
    day_state,
    free_at,
    window_state,
)

SECOND_NS = 1_000_000_000
FIRST_NS = 1_762_761_600_000_000_000  # a full minute

LIMITS = st.integers(1, 15)
FREE_GAPS = st.one_of(
    st.just(0),
    st.sampled_from([1, MINUTE_NS - 1, MINUTE_NS + 1]),
    st.integers(0, 2 * SECOND_NS),
    st.integers(0, 2 * MINUTE_NS),
)
GAPS = st.one_of(FREE_GAPS, st.sampled_from([MINUTE_NS, MINUTE_NS // 2, MINUTE_NS // 4]))
WITHIN = st.lists(
    st.one_of(st.sampled_from([0, 1, MINUTE_NS - 1]), st.integers(0, MINUTE_NS - 1)), max_size=20
)


def summed(gaps):
    return (FIRST_NS + np.cumsum([0, *gaps])).tolist()


TIMES = st.lists(GAPS, max_size=60).map(summed)


class NoTimer:
    """In place of the thread that sweeps expired entries at moments of the real clock."""

    def __init__(self, *_):
        pass

    def start(self):
        pass

    def is_alive(self):
        return True


class ShortMinute(RateLimitItemPerMinute):
    """A minute that is one nanosecond shorter."""

    def get_expiry(self):
        return Fraction(MINUTE_NS - 1, SECOND_NS)


def of_limits(strategy, item, times):
    """Decisions of `limits` at these moments; its clock is exact, for its arithmetic takes fractions."""
    clock = SimpleNamespace(now=0)
    clock.time = lambda: Fraction(clock.now, SECOND_NS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "time", clock)
        patch.setattr(memory, "threading", SimpleNamespace(Timer=NoTimer, RLock=threading.RLock))
        limiter, decisions = strategy(MemoryStorage()), []
        for moment in times:
            clock.now = moment
            decisions.append(limiter.hit(item, "key"))
    return decisions


def ours(kind, limit, times, charged=False):
    state = window_state(kind, limit)
    return [call(kind, limit, state, UNLIMITED, day_state(), 0, now, charged) == ADMITTED for now in times]


# Fixed window -------------------------------------------------------------


@given(LIMITS, st.lists(st.one_of(st.none(), WITHIN), min_size=1, max_size=8))
def test_fixed_window_is_that_of_limits_if_each_minute_begins_with_a_call(limit, minutes):
    """The same calls pass, whatever else comes within the minutes, and with empty minutes between."""
    times = [
        FIRST_NS + number * MINUTE_NS + offset
        for number, offsets in enumerate(minutes)
        if offsets is not None
        for offset in sorted([0, *offsets])
    ]
    assert ours(FIXED, limit, times) == of_limits(
        FixedWindowRateLimiter, RateLimitItemPerMinute(limit), times
    )


def test_fixed_window_of_limits_begins_with_the_first_call():
    """Two calls at 0:50 and 1:10 are in two calendar minutes, and in one window of `limits`."""
    times = [FIRST_NS + second * SECOND_NS for second in (50, 70, 110)]
    assert ours(FIXED, 1, times) == [True, True, False]
    assert of_limits(FixedWindowRateLimiter, RateLimitItemPerMinute(1), times) == [True, False, True]


@given(LIMITS, st.lists(WITHIN, min_size=1, max_size=8))
def test_fixed_window_is_the_calendar_minute_of_limits_counter(limit, minutes):
    """The same calls pass if every other minute is empty, so that nothing weighs in from before."""
    times = [
        FIRST_NS + 2 * number * MINUTE_NS + offset
        for number, offsets in enumerate(minutes)
        for offset in sorted(offsets)
    ]
    item = RateLimitItemPerMinute(limit)
    assert ours(FIXED, limit, times) == of_limits(SlidingWindowCounterRateLimiter, item, times)


# Sliding window -------------------------------------------------------------


@given(LIMITS, st.lists(FREE_GAPS, max_size=60).map(summed))
def test_sliding_window_is_the_moving_window_of_limits(limit, times):
    """The same calls pass, where no two calls are exactly 60 s apart."""
    assume(not {now + MINUTE_NS for now in times} & set(times))
    item = RateLimitItemPerMinute(limit)
    assert ours(SLIDING, limit, times) == of_limits(MovingWindowRateLimiter, item, times)


@given(LIMITS, TIMES)
def test_sliding_window_is_the_moving_window_of_a_minute_less_a_nanosecond(limit, times):
    """The same calls pass at every sequence, calls exactly 60 s apart included."""
    assert ours(SLIDING, limit, times) == of_limits(MovingWindowRateLimiter, ShortMinute(limit), times)


@pytest.mark.parametrize("limit", range(1, 16))
def test_sliding_window_is_the_moving_window_of_limits_under_poisson_calls(limit):
    """The same of 3,000 calls pass, at half, once and twice the limit's rate; seeded."""
    for load in (0.5, 1, 2):
        rng = np.random.default_rng([20_251_110, limit, int(2 * load)])
        gaps = rng.exponential(MINUTE_NS / (load * limit), 3_000).astype(np.int64)
        times = summed(gaps)
        decisions = ours(SLIDING, limit, times)
        assert decisions == of_limits(MovingWindowRateLimiter, RateLimitItemPerMinute(limit), times)
        assert 0 < decisions.count(False) < 3_000


def test_at_exactly_a_minute_a_permit_is_free_here_and_held_by_limits():
    """At 60 s after the first call ours lets one pass, `limits` only a nanosecond later."""
    for later, passes, passes_there in (
        (MINUTE_NS - 1, False, False),
        (MINUTE_NS, True, False),
        (MINUTE_NS + 1, True, True),
    ):
        times = [FIRST_NS, FIRST_NS + later]
        assert ours(SLIDING, 1, times) == [True, passes]
        there = of_limits(MovingWindowRateLimiter, RateLimitItemPerMinute(1), times)
        assert there == [True, passes_there]


# Token bucket -------------------------------------------------------------


class Cells:
    """Generic cell rate algorithm: a call is due at `due`, and may come as early as the bucket is deep."""

    def __init__(self, limit, charged):
        self.limit, self.charged = limit, charged
        self.gap = Fraction(MINUTE_NS, limit)
        self.due = Fraction(0)

    def free_at(self, now):
        return max(Fraction(now), self.due - (self.limit - 1) * self.gap)

    def call(self, now):
        passes = self.free_at(now) == now
        if passes:
            self.due = max(self.due, now) + self.gap
        elif self.charged:  # what had refilled is lost; nothing is owed
            self.due = now + self.limit * self.gap
        return passes


@given(LIMITS, TIMES, st.booleans())
def test_token_bucket_is_the_generic_cell_rate_algorithm(limit, times, charged):
    """The same calls pass, and after each the next is free at the same moment, rounded up to 1 ns."""
    cells, state = Cells(limit, charged), window_state(TOKEN_BUCKET, limit)
    for now in times:
        passes = call(TOKEN_BUCKET, limit, state, UNLIMITED, day_state(), 0, now, charged) == ADMITTED
        assert passes == cells.call(now)
        assert free_at(TOKEN_BUCKET, limit, state, now) == -(-cells.free_at(now) // 1)


@pytest.mark.parametrize("limit", [1, 2, 7, 15])
def test_token_bucket_is_exact_over_a_long_run(limit):
    """After 20,000 calls at twice the rate no fraction of a token has been lost or won; seeded."""
    rng = np.random.default_rng([20_251_110, limit])
    cells, state = Cells(limit, False), window_state(TOKEN_BUCKET, limit)
    times = summed(rng.exponential(MINUTE_NS / (2 * limit), 20_000).astype(np.int64))
    passed = 0
    for now in times:
        passes = call(TOKEN_BUCKET, limit, state, UNLIMITED, day_state(), 0, now, False) == ADMITTED
        assert passes == cells.call(now)
        passed += passes
    assert 0 < passed < len(times)
    assert free_at(TOKEN_BUCKET, limit, state, now) == -(-cells.free_at(now) // 1)
