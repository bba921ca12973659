"""When requests arrive: known answers for every process.

Counts are held within 5 standard errors of theory: a correct process is off by more with probability 6e-7.
"""

import datetime as dt
import tracemalloc
from functools import partial

import numpy as np
import pytest
from msgspec.structs import replace
from scipy import stats

from keyrota.streams import named_stream
from keyrota.traffic.arrivals import Bursts, Poisson, Profile, Regular, Replay, Sessions
from keyrota.traffic.times import arrival_blocks

START = 1_762_761_600_000_000_000  # 2025-11-10T08:00Z, a Monday
SECOND, MINUTE, HOUR, DAY = 10**9, 60 * 10**9, 3600 * 10**9, 86_400 * 10**9
MOST_Z = 5.0


def times(arrivals, span_ns, *, start=START, seed=1, block=16_384):
    blocks = list(
        arrival_blocks(
            arrivals, partial(named_stream, seed), start_ns=start, end_ns=start + span_ns, block=block
        )
    )
    assert all(0 < len(part) <= block for part in blocks)
    return np.concatenate(blocks) if blocks else np.empty(0, dtype=np.int64)


def test_poisson_gaps_are_exponential():
    """Kolmogorov-Smirnov against the exponential law (p > 1e-6), and the count."""
    found = times(Poisson(rate_per_min=10.0), 5 * DAY)
    gaps = np.diff(found) / 6e9
    assert stats.kstest(gaps, "expon").pvalue > 1e-6
    assert abs(len(found) - 72_000) < MOST_Z * 72_000**0.5


def test_growth_is_exact_in_the_mean():
    """Counts of each of ten days against the integral of the growing rate."""
    found = times(Poisson(rate_per_min=5.0, growth_per_day=0.2), 10 * DAY)
    counts = np.bincount((found - START) // DAY, minlength=10)
    expected = 7200 * 1.2 ** np.arange(10) * 0.2 / np.log(1.2)
    assert (np.abs(counts - expected) < MOST_Z * np.sqrt(expected)).all()


def test_shrinking_traffic_ends():
    """A rate that halves each day brings 1440 / log 2 requests in all, however long the span."""
    found = times(Poisson(rate_per_min=1.0, growth_per_day=-0.5), 3650 * DAY)
    expected = 1440 / np.log(2)
    assert abs(len(found) - expected) < MOST_Z * expected**0.5


def test_a_profile_follows_its_hours():
    """Counts of each hour of the day over 60 days; none where the weight is 0."""
    weights = tuple(float(hour % 6) for hour in range(24))
    found = times(Profile(rate_per_min=10.0, weights=weights), 60 * DAY, start=START - 8 * HOUR)
    counts = np.bincount((found // HOUR) % 24, minlength=24)
    expected = 60 * 600 * np.array(weights) / np.mean(weights)
    assert (np.abs(counts - expected) <= MOST_Z * np.sqrt(expected)).all()
    assert (counts[::6] == 0).all()


def test_a_weekly_profile_begins_on_monday():
    """All weight on Monday 9:00 to 10:00 in Paris: 8:00 UTC in winter."""
    weights = tuple(float(hour == 9) for hour in range(168))
    found = times(Profile(rate_per_min=1.0, weights=weights, zone="Europe/Paris"), 14 * DAY)
    moments = {dt.datetime.fromtimestamp(time // SECOND, dt.UTC).strftime("%a %H") for time in found.tolist()}
    assert moments == {"Mon 08"}
    assert abs(len(found) - 2 * 10_080) < MOST_Z * (2 * 10_080) ** 0.5


@pytest.mark.parametrize(
    ("day", "hour", "hours"),
    [("2025-11-02", 1, 2), ("2026-03-08", 2, 0), ("2025-11-03", 1, 1)],
    ids=["25 hours: one o'clock twice", "23 hours: no two o'clock", "24 hours"],
)
def test_switch_days_go_by_the_wall_clock(day, hour, hours):
    """All weight on one local hour: it comes twice, never or once on that Pacific day."""
    zone = "America/Los_Angeles"
    profile = Profile(rate_per_min=100.0, weights=tuple(float(h == hour) for h in range(24)), zone=zone)
    midnight = int(
        dt.datetime.fromisoformat(day).replace(tzinfo=__import__("zoneinfo").ZoneInfo(zone)).timestamp()
    )
    found = times(profile, 22 * HOUR, start=midnight * SECOND)
    expected = hours * 24 * 6000
    assert abs(len(found) - expected) <= MOST_Z * max(1, expected) ** 0.5 * (hours > 0)


def test_a_zone_with_half_hours_is_met():
    """In India the local hours begin at half past in UTC."""
    profile = Profile(rate_per_min=1.0, weights=tuple(float(h == 0) for h in range(24)), zone="Asia/Kolkata")
    minutes = (times(profile, 3 * DAY) // MINUTE) % 1440
    assert minutes.min() >= 18 * 60 + 30
    assert minutes.max() < 19 * 60 + 30


def test_a_clock_set_at_a_minute_past_midnight_is_met():
    """In St. John's of 2010 the hour after midnight had one minute: at 0:01 it was 1:01."""
    weights = tuple(float(hour == 0) for hour in range(24))
    profile = Profile(rate_per_min=10_000.0, weights=weights, zone="America/St_Johns")
    midnight = int(dt.datetime(2010, 3, 14, 3, 30, tzinfo=dt.UTC).timestamp()) * SECOND
    found = times(profile, 20 * HOUR, start=midnight - 2 * HOUR)
    assert found.min() >= midnight
    assert found.max() < midnight + MINUTE
    assert abs(len(found) - 240_000) < MOST_Z * 240_000**0.5


@pytest.mark.parametrize("ratio", [0.0, 0.3])
def test_bursts_are_stationary_from_the_start(ratio):
    """Mean and index of dispersion of the first 100 s in 4,000 runs, within 5 standard errors.

    The index is that of the next test; it follows from the covariance of the rate at two moments,
    (a - b)^2 s r exp(-(s + r) t) / (s + r)^2. Its standard error is that of its influence function.
    """
    bursts = Bursts(rate_per_min=30.0, calm_ratio=ratio, burst_s=20.0, calm_s=40.0)
    counts = np.array([len(times(bursts, 100 * SECOND, seed=seed, block=64)) for seed in range(4000)])
    mean, variance = counts.mean(), counts.var()
    assert abs(mean - 50) < MOST_Z * (variance / 4000) ** 0.5
    a, b, both = bursts.burst_per_min / 60, bursts.calm_per_min / 60, 1 / 20 + 1 / 40
    long = 2 * (a - b) ** 2 / 800 / (both**2 * (a / 40 + b / 20))
    expected = 1 + long * (1 - (1 - np.exp(-both * 100)) / (both * 100))
    influence = ((counts - mean) ** 2 - variance) / mean - variance * (counts - mean) / mean**2
    assert abs(variance / mean - expected) < MOST_Z * influence.std() / 4000**0.5


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5])
def test_bursts_have_the_index_of_dispersion_of_theory(ratio):
    """Variance over mean of counts in long windows, within 10 % (about 4 standard errors of 20,000 windows).

    For two states with rates a, b, mean lengths 1/s, 1/r the index of dispersion of counts is
    1 + 2 (a - b)^2 s r / ((s + r)^2 (a r + b s)) (1 - (1 - exp(-(s + r) t)) / ((s + r) t))
    (Fischer and Meier-Hellstern, The MMPP cookbook, 1993, equation 12 for the two-state process).
    """
    bursts = Bursts(rate_per_min=20.0, calm_ratio=ratio, burst_s=20.0, calm_s=40.0)
    window_s = 300.0
    found = times(bursts, int(20_000 * window_s) * SECOND)
    counts = np.bincount((found - START) // int(window_s * SECOND), minlength=20_000)
    busy, calm = bursts.burst_per_min / 60, bursts.calm_per_min / 60
    s, r = 1 / 20.0, 1 / 40.0  # from burst to calm, and back
    both = s + r
    limit = 2 * (busy - calm) ** 2 * s * r / (both**2 * (busy * r + calm * s))
    expected = 1 + limit * (1 - (1 - np.exp(-both * window_s)) / (both * window_s))
    assert counts.var() / counts.mean() == pytest.approx(expected, rel=0.1)
    assert counts.mean() == pytest.approx(100.0, abs=MOST_Z * (expected * 100 / 20_000) ** 0.5)


def test_bursts_of_one_rate_are_poisson():
    """With calm as busy as bursts, the times are those of a Poisson process, to a microsecond."""
    bursts, poisson = (
        times(arrivals, DAY)
        for arrivals in (Bursts(rate_per_min=5.0, calm_ratio=1.0), Poisson(rate_per_min=5.0))
    )
    assert len(bursts) == len(poisson)
    assert np.abs(bursts - poisson).max() <= 1000


def test_sessions_have_geometric_sizes_and_their_rate():
    """Sessions far apart can be told: their sizes are geometric (chi-square below its 1 - 1e-6 quantile)."""
    sessions = Sessions(rate_per_min=0.005, messages=3.0, think_s=5.0)
    found = times(sessions, 8000 * DAY)
    gaps = np.diff(found) / SECOND
    sizes = np.diff(np.concatenate([[0], np.flatnonzero(gaps > 120) + 1, [len(found)]]))
    assert abs(len(sizes) - len(found) / 3) < 0.02 * len(sizes)
    counts = np.bincount(np.minimum(sizes, 8), minlength=9)[1:]
    law = np.append(stats.geom.pmf(np.arange(1, 8), 1 / 3), stats.geom.sf(7, 1 / 3))
    # Two sessions meet within 120 s in less than 2 % of them: part of the bound.
    expected = law * counts.sum()
    assert ((counts - expected) ** 2 / expected).sum() < stats.chi2.isf(1e-6, 7) + 0.02**2 * counts.sum()
    expected_requests = 0.005 * 1440 * 8000
    # Each session brings N requests: the variance of their sum is E[N^2] per session.
    error = (expected_requests / 3 * (6 + 9)) ** 0.5
    assert abs(len(found) - expected_requests) < MOST_Z * error


def test_sessions_begin_with_none_under_way():
    """Mean requests of the first 60 s in 4,000 runs, within 5 standard errors.

    A session of m requests, T apart on average, has had 1 + (m - 1)(1 - exp(-u/(mT))) of them u seconds
    after its begin: after the first they come at the rate exp(-u/(mT))(m - 1)/(mT), summed over Erlang laws.
    The begins are even in the span.
    """
    sessions = Sessions(rate_per_min=60.0, messages=4.0, think_s=10.0)
    counts = [len(times(sessions, MINUTE, seed=seed, block=64)) for seed in range(4000)]
    lasts = 4.0 * 10.0
    expected = (60 + 3 * (60 - lasts * (1 - np.exp(-60 / lasts)))) / 4
    assert abs(np.mean(counts) - expected) < MOST_Z * np.std(counts) / 4000**0.5


def test_long_sessions_take_little_memory():
    """Of 100 sessions of 10,000 messages a minute only a few are drawn at a time: at most 20 MB."""
    sessions = Sessions(rate_per_min=1e6, messages=1e4, think_s=1e-3)
    blocks = arrival_blocks(sessions, partial(named_stream, 1), start_ns=START, end_ns=START + DAY)
    tracemalloc.start()
    try:
        for _ in range(50):
            next(blocks)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_sessions_of_one_message_are_poisson():
    """They are the unit process itself."""
    assert np.array_equal(
        times(Sessions(rate_per_min=5.0, messages=1.0), DAY), times(Poisson(rate_per_min=5.0), DAY)
    )


def test_regular_requests_are_evenly_spaced():
    """Every 20 s from 5 s on, and none at the end."""
    found = times(Regular(rate_per_min=3.0, offset_s=5.0), 3605 * SECOND)
    assert found[0] == START + 5 * SECOND
    assert len(found) == 180
    assert (np.diff(found) == 20 * SECOND).all()


@pytest.mark.parametrize("span_ns", [4_258_002_152_369, 549_157_715_321, 1_083_637_422_804])
def test_nothing_piles_up_at_the_end(span_ns):
    """Spans that are no round number of seconds end like others: as many requests as fit."""
    found = times(Regular(rate_per_min=7.3), span_ns)
    assert len(found) == np.ceil(span_ns * 7.3 / 60e9)
    assert (np.diff(found) > 0).all()


def test_a_replay_is_what_was_given():
    """Those in the span, ties included; the end is not in it."""
    given = (START - 1, START, START + 5, START + 5, START + 10)
    assert times(Replay(times_ns=given), 10).tolist() == [START, START + 5, START + 5]


def test_a_replay_is_not_changed_by_who_reads_it():
    """Its times are kept as an array; what is handed out is a copy."""
    replay = Replay(times_ns=(START, START + 1))
    times(replay, 10)[:] = 0
    for part in arrival_blocks(replay, partial(named_stream, 1), start_ns=START, end_ns=START + 10):
        part[:] = 0
    assert times(replay, 10).tolist() == [START, START + 1]


@pytest.mark.parametrize("growth", [0.0, 0.3, -0.3])
@pytest.mark.parametrize(
    "arrivals",
    [
        Poisson(rate_per_min=2.0),
        Profile(rate_per_min=2.0, weights=(0.0, 1.0, 5.0) * 8, zone="Asia/Kolkata"),
        Bursts(rate_per_min=2.0, calm_ratio=0.0), Sessions(rate_per_min=2.0, messages=6.0, think_s=900.0),
    ],
    ids=lambda arrivals: arrivals.__struct_config__.tag,
)  # fmt: skip
def test_blocks_cut_one_sequence(arrivals, growth):
    """Four days in blocks of 1, 7, 500 and 100,000: the same ascending times to the nanosecond."""
    grown = replace(arrivals, growth_per_day=growth)
    whole = times(grown, 4 * DAY, block=100_000)
    assert len(whole) > 3000
    assert (np.diff(whole) >= 0).all()
    for block in (1, 7, 500):
        assert np.array_equal(times(grown, 4 * DAY, block=block), whole)


def test_many_sessions_are_in_order_across_those_drawn_together():
    """Half a million requests of sessions of half an hour: ascending, and as many as theory says."""
    found = times(Sessions(rate_per_min=500.0, messages=10.0, think_s=180.0), 1000 * MINUTE)
    assert (np.diff(found) >= 0).all()
    lasts = 30.0  # minutes
    expected = 50 * (1000 + 9 * (1000 - lasts))
    # Each session brings N requests, E[N^2] = 2 * 10**2 - 10: 190 for each of 50,000.
    assert abs(len(found) - expected) < MOST_Z * (50_000 * 190) ** 0.5


CENTURY = 36_525 * DAY
EVERY_HOUR = (1.0,) * 24


@pytest.mark.parametrize(
    "arrivals",
    [
        Poisson(rate_per_min=1e6), Profile(rate_per_min=1e6, weights=EVERY_HOUR), Bursts(rate_per_min=1e6),
        Sessions(rate_per_min=1e6, think_s=1e-3), Regular(rate_per_min=1e6),
    ],
    ids=lambda arrivals: arrivals.__struct_config__.tag,
)  # fmt: skip
def test_a_century_is_drawn_block_by_block(arrivals):
    """The first of its 5e13 requests come at once, within the first seconds."""
    blocks = arrival_blocks(arrivals, partial(named_stream, 1), start_ns=START, end_ns=START + CENTURY)
    first = np.concatenate([next(blocks) for _ in range(3)])
    assert first[-1] < START + (600 if isinstance(arrivals, Bursts) else 60) * SECOND


@pytest.mark.parametrize("growth", [10.0, -0.99, 1e-320])
@pytest.mark.parametrize(
    "arrivals",
    [
        Poisson(rate_per_min=0.01), Profile(rate_per_min=0.01, weights=(1.5e308,) * 24),
        Bursts(rate_per_min=0.01, calm_ratio=0.0, burst_s=6e5, calm_s=6e5), Sessions(rate_per_min=0.01),
    ],
    ids=lambda arrivals: arrivals.__struct_config__.tag,
)  # fmt: skip
def test_no_growth_overflows(arrivals, growth):
    """The steepest growth and decline, and the least, for a century: a first block or an end, no warning."""
    grown = replace(arrivals, growth_per_day=growth)
    blocks = arrival_blocks(grown, partial(named_stream, 3), start_ns=START, end_ns=START + CENTURY)
    found = next(blocks, np.empty(0, dtype=np.int64))
    assert (np.diff(found) >= 0).all()
    assert not found.size or START <= found[0] <= found[-1] < START + CENTURY
    if growth == 10.0:
        assert found.size


@pytest.mark.parametrize(
    "arrivals", [Poisson(rate_per_min=0.0), Replay(times_ns=()), Regular(rate_per_min=0.0)]
)
def test_no_traffic(arrivals):
    """Nothing arrives."""
    assert len(times(arrivals, DAY)) == 0


def test_a_rate_too_low_for_the_span_ends_at_once():
    """No request in a day at one in a million years, whatever the process."""
    for kind in (Poisson, Bursts, Sessions, Regular):
        offset = {"offset_s": 3.0} if kind is Regular else {}
        for rate in (1e-12, 1e-300):
            found = times(kind(rate_per_min=rate, **offset), DAY)
            assert len(found) == (kind is Regular)
