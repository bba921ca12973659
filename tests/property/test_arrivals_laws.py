"""Laws of every arrival process."""

from functools import partial

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keyrota.streams import named_stream
from keyrota.traffic.arrivals import Bursts, Poisson, Profile, Regular, Sessions
from keyrota.traffic.times import arrival_blocks

START = 1_762_761_600_000_000_000
SECOND = 10**9

growths = st.sampled_from([0.0, 0.5, -0.3])
rates = st.floats(0.01, 30.0)
processes = st.one_of(
    st.builds(Poisson, rate_per_min=rates, growth_per_day=growths),
    st.builds(
        Profile, rate_per_min=rates, growth_per_day=growths,
        weights=st.lists(st.floats(0.0, 5.0), min_size=24, max_size=24).filter(any).map(tuple),
        zone=st.sampled_from(["UTC", "America/Los_Angeles", "Asia/Kolkata"]),
    ),
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


def blocks(arrivals, seed, span, block=16_384):
    stream = partial(named_stream, seed)
    return list(arrival_blocks(arrivals, stream, start_ns=START, end_ns=START + span, block=block))


def joined(parts):
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


@given(processes, seeds, spans)
@settings(deadline=None, max_examples=60)
def test_times_ascend_within_the_span(arrivals, seed, span):
    """Whole nanoseconds, none before the start, none at the end or after it."""
    found = joined(blocks(arrivals, seed, span))
    assert found.dtype == np.int64
    assert (np.diff(found) >= 0).all()
    assert not found.size or (found[0] >= START and found[-1] < START + span)


@given(processes, seeds, spans, st.integers(1, 300))
@settings(deadline=None, max_examples=60)
def test_times_do_not_depend_on_the_block(arrivals, seed, span, block):
    """Blocks of any size hold the same times, and none is larger or empty."""
    parts = blocks(arrivals, seed, min(span, 6 * 3600 * SECOND), block)
    assert all(0 < len(part) <= block for part in parts)
    # Sessions sort what a block of begins has brought: times may differ in their last digit alone.
    whole = joined(blocks(arrivals, seed, min(span, 6 * 3600 * SECOND)))
    assert len(whole) == len(joined(parts))
    assert np.abs(whole - joined(parts)).max(initial=0) <= 200


@given(processes.filter(lambda a: not isinstance(a, Sessions | Bursts)), seeds, st.floats(1.1, 3.0))
@settings(deadline=None, max_examples=40)
def test_a_higher_rate_brings_the_same_requests_earlier(arrivals, seed, factor):
    """Common random numbers: the n-th request comes earlier, and there are at least as many."""
    span = 12 * 3600 * SECOND
    slow = joined(blocks(arrivals, seed, span))
    fast = joined(blocks(replace(arrivals, rate_per_min=arrivals.rate_per_min * factor), seed, span))
    assert len(fast) >= len(slow)
    assert (fast[: len(slow)] <= slow).all()


@given(processes, seeds)
@settings(deadline=None, max_examples=30)
def test_a_longer_span_begins_with_the_shorter_one(arrivals, seed):
    """What arrives first does not depend on when the simulation ends."""
    short, long = (joined(blocks(arrivals, seed, hours * 3600 * SECOND)) for hours in (5, 9))
    assert np.array_equal(long[: len(short)], short)
