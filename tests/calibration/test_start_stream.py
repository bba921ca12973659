"""The running e-value of starts alarms on healthy streams as seldom as promised, and on faults soon.

A stream alarms falsely if ln E reaches ln(1 / alpha) at any time. Of n streams n alpha may, and four standard
errors more; where that is a handful, the binomial's 1e-4 quantile. The seeds are fixed.
"""

import numpy as np
import pytest
from scipy import stats

from keyrota.rotation.stream import StartStream

SIZES = (2, 4, 10)
LEVELS = (0.01, 0.001)
# The level of one of three pools when all pools together may alarm once in a thousand lives.
ALARM = np.log(3_000)
HISTORY = 100_000


def highest(size, streams, starts, seed):
    """The largest ln E of fair streams."""
    found = np.empty(streams)
    for number in range(streams):
        stream = StartStream(size)
        stream.add(np.random.default_rng([seed, size, number]).integers(size, size=starts))
        found[number] = stream.highest
    return found


def most(streams, alpha):
    """The most streams that may alarm: four standard errors, or the binomial's 1 - 1e-4 quantile."""
    above = streams * alpha + 4 * np.sqrt(streams * alpha * (1 - alpha))
    return max(above, stats.binom.isf(1e-4, streams, alpha))


def test_fair_streams_hardly_ever_alarm():
    """500 streams of 10,000 starts."""
    found = np.concatenate([highest(size, 167, 10_000, 20261128) for size in SIZES])
    assert len(found) > 500
    for alpha in LEVELS:
        assert np.count_nonzero(found >= -np.log(alpha)) <= most(len(found), alpha), alpha


@pytest.mark.nightly
@pytest.mark.parametrize("size", SIZES)
def test_fair_streams_hardly_ever_alarm_in_a_long_life(size):
    """10,000 streams of 100,000 starts, a third for each size of the pool."""
    streams = 3_334
    found = highest(size, streams, HISTORY, 20261129)
    for alpha in LEVELS:
        alarms = np.count_nonzero(found >= -np.log(alpha))
        assert alarms <= streams * alpha + 4 * np.sqrt(streams * alpha * (1 - alpha)), (alpha, alarms)


def test_a_test_that_forgets_what_it_has_lost_would_be_found():
    """The same streams, judged by fresh blocks without weights, break the bound: the check has teeth."""
    rng = np.random.default_rng(20261130)
    found = []
    for _ in range(200):
        starts = rng.integers(4, size=6_400).reshape(100, 64)
        found.append(max(StartStream(4).add(block).max() for block in starts))
    assert np.count_nonzero(np.array(found) >= np.log(100)) > most(len(found), 0.01)


def delays(size, law, *, histories, faults, longest):
    """How many starts of a fault ln E needs to reach ALARM after 100,000 fair ones; `longest` if more."""
    found = []
    for number in range(histories):
        rng = np.random.default_rng([20261201, size, number])
        stream = StartStream(size)
        stream.add(rng.integers(size, size=HISTORY))
        assert stream.highest < ALARM
        state = stream.to_dict()
        for _ in range(faults):
            stream = StartStream.from_dict(state)
            # The fault begins anywhere between the births of two blocks.
            stream.add(rng.integers(size, size=int(rng.integers(64))))
            log_e = stream.add(rng.permutation(size)[rng.choice(size, longest, p=law)])
            reached = np.flatnonzero(log_e >= ALARM)
            found.append(reached[0] + 1 if reached.size else longest)
    return np.array(found)


def one_share(size, share):
    """The law in which one position has this share and the others the rest, evenly."""
    return np.r_[share, np.full(size - 1, (1 - share) / (size - 1))]


@pytest.mark.parametrize(("size", "median"), [(2, 42), (4, 26), (10, 19)])
def test_a_stuck_key_is_found_soon_after_a_long_healthy_time(size, median):
    """300 faults after 100,000 fair starts: of four keys in the median within 26 starts (goal: 40)."""
    found = delays(size, one_share(size, 1.0), histories=20, faults=15, longest=100)
    assert np.median(found) <= median
    assert found.max() <= 64


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("size", "share", "median"), [(4, 0.0, 200), (4, 0.5, 300), (4, 0.3, 5_500), (2, 0.6, 1_600)]
)
def test_drift_is_found(size, share, median):
    """One position gets another share: never, half, 30 % for 25 %, 60 % for 50 %."""
    found = delays(size, one_share(size, share), histories=20, faults=5, longest=20_000)
    assert np.median(found) <= median
