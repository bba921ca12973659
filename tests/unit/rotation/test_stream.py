"""The running e-value of starts: its definition, its edges, its state."""

import json
import math

import numpy as np
import pytest
from scipy.special import gammaln

from keyrota.errors import ConfigurationError, InputError
from keyrota.rotation.stream import BLOCKS, LIVES, PRIOR, StartStream


def dirichlet(counts):
    """The theory page's ln E of one mixture over all starts."""
    size, total = len(counts), sum(counts)
    own = sum(gammaln(PRIOR + count) - gammaln(PRIOR) for count in counts)
    return gammaln(size * PRIOR) - gammaln(size * PRIOR + total) + own + total * math.log(size)


def by_definition(starts, size):
    """Ln E after all the starts, from every block that ever began, with its whole history."""
    share = 1 / (1 + len(LIVES))
    worth = share * math.exp(dirichlet(np.bincount(starts, minlength=size)))
    for life in LIVES:
        stride, number = life // BLOCKS, 0
        while number * stride < len(starts):
            counts = np.bincount(starts[number * stride : number * stride + life], minlength=size)
            weight = 1 / (1 + math.log(1 + number)) - 1 / (1 + math.log(2 + number))
            worth += share * weight * math.exp(dirichlet(counts))
            number += 1
        worth += share / (1 + math.log(1 + number))  # what has not begun counts as 1 each
    return math.log(worth)


@pytest.mark.parametrize("size", [2, 3, 4, 10])
def test_it_is_the_mixture_that_it_says(size):
    """Ln E of the definition, at births and ends of blocks and between, for fair and skewed starts."""
    rng = np.random.default_rng([20261128, size])
    starts = rng.integers(size, size=5_000)
    starts[3_000:3_100] = 1
    found = StartStream(size).add(starts)
    for after in (*range(1, 80), 511, 512, 513, 577, 2_999, 3_030, 3_100, 4_096, 4_097, 5_000):
        assert found[after - 1] == pytest.approx(by_definition(starts[:after], size), abs=1e-9), after


def test_all_scales_end():
    """After 70,000 starts blocks of every scale are over; E is still that of the definition."""
    starts = np.random.default_rng(20261129).integers(3, size=70_000)
    assert StartStream(3).add(starts)[-1] == pytest.approx(by_definition(starts, 3), abs=1e-8)


def test_before_any_start_it_is_one():
    """Ln E is 0, nothing was seen, and the questions have an answer."""
    stream = StartStream(4)
    assert (stream.log_e, stream.highest, stream.seen) == (0, 0, 0)
    assert (stream.suspected_since(), stream.favoured()) == (0, 0)
    assert stream.add(np.array([], dtype=np.int64)).shape == (0,)


def test_one_position_tells_nothing():
    """With one key ln E is 0 for ever, exactly."""
    stream = StartStream(1)
    assert not stream.add(np.zeros(1_000, dtype=np.int64)).any()
    assert (stream.log_e, stream.highest, stream.seen) == (0, 0, 1_000)
    assert StartStream.from_dict(stream.to_dict()).to_dict() == stream.to_dict()


def test_a_long_fault_does_not_overflow():
    """300,000 equal starts: ln E grows by nearly ln 4 each and stays finite."""
    found = StartStream(4).add(np.full(300_000, 2))
    assert np.isfinite(found).all()
    assert 0.999 < found[-1] / (300_000 * math.log(4)) < 1


def test_the_highest_stays():
    """When a fault is over, ln E falls or stays; the highest is kept."""
    stream = StartStream(4)
    peak = stream.add(np.full(40, 1)).max()
    stream.add(np.tile([0, 1, 2, 3], 500))
    assert stream.highest >= peak > math.log(1_000)
    assert stream.log_e < stream.highest


@pytest.mark.parametrize("begin", [0, 1_000, 20_011])
def test_it_names_the_key_and_the_moment(begin):
    """A key that is stuck is named, and the moment lies within 8 starts of its beginning."""
    rng = np.random.default_rng(begin)
    stream = StartStream(4)
    stream.add(rng.integers(4, size=begin))
    stream.add(np.full(40, 3))
    assert stream.favoured() == 3
    assert abs(stream.suspected_since() - begin) <= 8


def test_a_block_that_began_with_the_last_start_may_be_worth_most():
    """Nine different keys of twelve speak for nothing older than the last: it is the moment, and the key."""
    stream = StartStream(12)
    stream.add(np.arange(8))
    assert (stream.suspected_since(), stream.favoured()) == (0, 0)
    stream.add(np.array([8]))
    assert (stream.suspected_since(), stream.favoured()) == (8, 8)


@pytest.mark.parametrize(
    ("positions", "wrong"),
    [([0, 4], 4), ([-1], -1), ([2**40], 2**40), ([1, 4], 4), ([3, -2, 9], -2), ([2, 9, -2], 9)],
)
def test_a_position_outside_the_pool_is_refused(positions, wrong):
    """The first of them is named, and nothing is taken."""
    stream = StartStream(4)
    with pytest.raises(InputError, match=rf"start at position {wrong}, but a pool of 4 has 0 to 3"):
        stream.add(np.array(positions))
    assert (stream.seen, stream.to_dict()) == (0, StartStream(4).to_dict())


@pytest.mark.parametrize("size", [0, -3])
def test_a_pool_has_a_key(size):
    """No positions, no stream."""
    with pytest.raises(ConfigurationError, match="1 position at least"):
        StartStream(size)


@pytest.mark.parametrize(
    "change",
    [
        {"size": "4"}, {"size": 0}, {"size": 5}, {"seen": 11}, {"seen": -1}, {"log_e": float("nan")},
        {"highest": None}, {"frozen": "x"}, {"counts": [1, 2]}, {"counts": [[10], 0, 0, 0]},
        {"begun": [[0] * 4]}, {"wealth": [0.0]}, {"wealth": [float("inf")] * 33}, {"begun": [[-1] * 4] * 33},
        {"begun": [[99] * 4] * 33},
        {"seen": True}, {"counts": [2**70, 0, 0, 0]}, {"seen": 10.0}, {"log_e": True},
        {"log_e": "0"}, {"highest": float("inf")}, {"frozen": True}, {"frozen": float("nan")},
    ],
)  # fmt: skip
def test_a_damaged_state_is_refused(change):
    """One line, whatever is wrong with it."""
    stream = StartStream(4)
    stream.add(np.array([0, 1, 2, 3, 0, 0, 0, 0, 0, 0]))
    with pytest.raises(InputError, match="damaged: remove it"):
        StartStream.from_dict(json.loads(json.dumps(stream.to_dict())) | change)


@pytest.mark.parametrize("name", ["size", "log_e", "highest", "seen", "counts", "begun", "wealth", "frozen"])
def test_a_state_that_lacks_something_is_refused(name):
    """Every entry is needed."""
    told = StartStream(3).to_dict()
    del told[name]
    with pytest.raises(InputError, match="damaged"):
        StartStream.from_dict(told)
