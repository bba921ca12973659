"""Laws of every arrival process."""

import datetime as dt
import math
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy import stats

from keyrota.streams import named_stream
from keyrota.traffic.arrivals import Bursts, Poisson, Profile, Regular, Sessions
from keyrota.traffic.times import arrival_blocks

START = 1_762_761_600_000_000_000
SECOND = 10**9

growths = st.sampled_from([0.0, 0.5, -0.3])
rates = st.floats(0.01, 30.0)
poisson = st.builds(Poisson, rate_per_min=rates, growth_per_day=growths)
weights = st.lists(st.floats(0.0, 5.0, allow_subnormal=False), min_size=24, max_size=24)
profiles = st.builds(
    Profile, rate_per_min=rates, growth_per_day=growths, weights=weights.filter(any).map(tuple),
    zone=st.sampled_from(["UTC", "America/Los_Angeles", "Asia/Kolkata"]),
)  # fmt: skip
processes = st.one_of(
    poisson,
    profiles,
    st.builds(
        Bursts, rate_per_min=rates, growth_per_day=growths, calm_ratio=st.floats(0.0, 1.0),
        burst_s=st.floats(1.0, 100.0), calm_s=st.floats(1.0, 1000.0),
    ),
    st.builds(
        Sessions, rate_per_min=rates, growth_per_day=growths, messages=st.floats(1.0, 10.0),
        think_s=st.floats(0.0, 300.0),
    ),
    st.builds(Regular, rate_per_min=rates, offset_s=st.floats(0.0, 100.0)),
)  # fmt: skip
spans = st.integers(1, 3 * 86_400).map(lambda seconds: seconds * SECOND)
seeds = st.integers(0, 2**32)


def laws(examples):
    """The same examples in every run."""
    return settings(derandomize=True, deadline=None, max_examples=examples)


def blocks(arrivals, seed, span, block=16_384):
    stream = partial(named_stream, seed)
    return list(arrival_blocks(arrivals, stream, start_ns=START, end_ns=START + span, block=block))


def joined(parts):
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def cumulative(arrivals, times_ns):
    """The integral of the rate up to ascending times, summed over quarters of an hour by the wall clock."""
    growth = math.log1p(arrivals.growth_per_day) / 86_400
    zone = ZoneInfo(getattr(arrivals, "zone", "UTC"))
    quarters = np.arange(-(-int(times_ns[-1] - START) // (900 * SECOND))) * 900.0
    hours = [dt.datetime.fromtimestamp(START // SECOND + int(quarter), zone).hour for quarter in quarters]
    weights = np.array(getattr(arrivals, "weights", (1.0,) * 24))
    rate = arrivals.rate_per_min / 60 * weights[hours] / weights.mean() * np.exp(growth * quarters)

    def grown(length):
        return np.expm1(growth * length) / growth if growth else length

    before = np.concatenate([[0.0], np.cumsum(rate * grown(900.0))])
    seconds = (times_ns - START) / SECOND
    place = np.minimum(seconds // 900, len(quarters) - 1).astype(int)
    return before[place] + rate[place] * grown(seconds - quarters[place])


@given(st.one_of(poisson, profiles), seeds, st.integers(1, 86_400))
@laws(60)
def test_arrivals_are_the_unit_process_run_through_the_cumulative_rate(arrivals, seed, span_s):
    """The n-th time is where the integral of the rate reaches the n-th event of the unit process."""
    found = joined(blocks(arrivals, seed, span_s * SECOND))
    events = np.cumsum(named_stream(seed, "arrivals").standard_exponential(len(found) + 1))
    end = np.array([START + span_s * SECOND])
    assert events[-1] >= cumulative(arrivals, end)[0] * (
        1 - 1e-9
    )  # so the first one that is left out is after
    if len(found):
        nanosecond = 24 * arrivals.rate_per_min * 2 / 60e9  # what the highest rate brings in one
        assert np.allclose(cumulative(arrivals, found), events[:-1], rtol=1e-9, atol=2 * nanosecond)


@given(st.one_of(poisson, profiles), seeds)
@laws(60)
def test_counts_have_the_integral_of_the_rate_as_their_mean(arrivals, seed):
    """Within the central 1 - 1e-7 of the Poisson law of the count of a day: 60 examples fail with 6e-6."""
    found = len(joined(blocks(arrivals, seed, 86_400 * SECOND)))
    law = stats.poisson(cumulative(arrivals, np.array([START + 86_400 * SECOND]))[0])
    assert law.cdf(found) > 5e-8
    assert law.sf(found - 1) > 5e-8


@given(st.floats(1.0, 30.0), st.floats(1.0, 30.0), seeds)
@laws(30)
def test_two_poisson_processes_together_are_one(one, other, seed):
    """Gaps are exponential of the sum of both rates, and each process has the share of its rate.

    Kolmogorov-Smirnov p above 1e-8, shares within 6 standard errors: 30 examples fail with 4e-7.
    """
    first = joined(blocks(Poisson(rate_per_min=one), seed, 86_400 * SECOND))
    second = joined(blocks(Poisson(rate_per_min=other), seed + 2**32 + 1, 86_400 * SECOND))
    both = np.sort(np.concatenate([first, second]))
    gaps = np.diff(both) / 60e9 * (one + other)
    assert stats.kstest(gaps, "expon").pvalue > 1e-8
    share = one / (one + other)
    error = (share * (1 - share) / len(both)) ** 0.5
    assert abs(len(first) / len(both) - share) < 6 * error


@given(processes, seeds, spans)
@laws(60)
def test_times_ascend_within_the_span(arrivals, seed, span):
    """Whole nanoseconds, none before the start, none at the end or after it."""
    found = joined(blocks(arrivals, seed, span))
    assert found.dtype == np.int64
    assert (np.diff(found) >= 0).all()
    assert not found.size or (found[0] >= START and found[-1] < START + span)


@given(processes, seeds, spans, st.integers(1, 300))
@laws(60)
def test_times_do_not_depend_on_the_block(arrivals, seed, span, block):
    """Blocks of any size hold the same times, and none is larger or empty."""
    parts = blocks(arrivals, seed, min(span, 6 * 3600 * SECOND), block)
    assert all(0 < len(part) <= block for part in parts)
    assert np.array_equal(joined(blocks(arrivals, seed, min(span, 6 * 3600 * SECOND))), joined(parts))


@given(processes, seeds, st.floats(1.0, 3.0))
@laws(40)
def test_a_higher_rate_brings_the_same_requests_earlier(arrivals, seed, factor):
    """Common random numbers: the n-th request comes earlier, up to rounding, and none is missing."""
    span = 12 * 3600 * SECOND
    slow = joined(blocks(arrivals, seed, span))
    fast = joined(blocks(replace(arrivals, rate_per_min=arrivals.rate_per_min * factor), seed, span))
    assert len(fast) >= len(slow)
    assert (fast[: len(slow)] <= slow + 1).all()


@given(processes, seeds)
@laws(30)
def test_a_longer_span_begins_with_the_shorter_one(arrivals, seed):
    """What arrives first does not depend on when the simulation ends."""
    short, long = (joined(blocks(arrivals, seed, hours * 3600 * SECOND)) for hours in (5, 9))
    assert np.array_equal(long[: len(short)], short)
