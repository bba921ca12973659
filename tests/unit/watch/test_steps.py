"""The evidence that steps are broken: no false alarms under lost lines, quick under a fault."""

import math

import msgspec
import numpy as np
import pytest

from keyrota.rotation.fairness import LOST_SHARE
from keyrota.watch.steps import StepStream


def alarms(streams, steps, *, share, alpha, seed=0):
    """How many streams of steps, broken with this probability, ever give an alarm."""
    rng = np.random.default_rng(seed)
    level = -math.log(alpha)
    return sum(
        StepStream().add((rng.random(steps) < share).tolist(), level) is not None for _ in range(streams)
    )


def test_lost_lines_give_few_alarms():
    """With as many broken steps as the null allows, at most alpha of the streams (+ 4 standard errors)."""
    assert alarms(200, 2_000, share=LOST_SHARE, alpha=0.05) <= 10 + 4 * math.sqrt(200 * 0.05 * 0.95)


@pytest.mark.nightly
def test_lost_lines_give_few_alarms_for_ever():
    """The same over 10^5 steps (false failure: below 1e-4)."""
    assert alarms(200, 100_000, share=LOST_SHARE, alpha=0.05) <= 10 + 4 * math.sqrt(200 * 0.05 * 0.95)


@pytest.mark.parametrize("healthy", [0, 1_000, 100_000])
def test_a_fault_is_seen_within_ten_broken_steps(healthy):
    """After any healthy time ten broken steps in a row give an alarm, and it says since when."""
    stream = StepStream()
    assert stream.add([False] * healthy, math.log(1e4)) is None
    found = stream.add([True] * 20, math.log(1e4))
    assert found is not None
    assert found < 10
    assert stream.suspected_since() == healthy


def test_a_state_goes_on_the_same():
    """A stream that was written and read gives the same evidence."""
    rng = np.random.default_rng(1)
    steps = (rng.random(1_000) < 0.02).tolist()
    whole, first = StepStream(), StepStream()
    whole.add(steps, 50.0)
    first.add(steps[:400], 50.0)
    second = msgspec.json.decode(msgspec.json.encode(first), type=StepStream)
    second.add(steps[400:], 50.0)
    assert second == whole or (second.log_e, second.wealth) == (whole.log_e, whole.wealth)


def test_the_evidence_is_a_martingale():
    """By enumeration: the mean of E over all sequences of 12 steps is at most 1, and 1 under p0 itself."""
    mean = 0.0
    for pattern in range(1 << 12):
        broken = [bool(pattern >> step & 1) for step in range(12)]
        stream = StepStream()
        stream.add(broken, math.inf)
        mean += math.exp(stream.log_e) * math.prod(LOST_SHARE if b else 1 - LOST_SHARE for b in broken)
    assert mean == pytest.approx(1.0, abs=1e-12)
