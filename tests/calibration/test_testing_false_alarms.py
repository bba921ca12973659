"""The assertion of `keyrota.testing` fails fair rotations no more often than alpha, others as theory says.

Measured by docs/validate_testing.py, whose rotations are made pick by pick and whose decisions are those of
the functions behind the assertion; a sample of them goes through the assertion itself. A rate may lie 5
standard errors above its level, those of the rotations and of the null's draws together: with fresh seeds one
of the quick checks would fail falsely with probability below 1e-4; the seeds are fixed.
"""

import math

import numpy as np
import pytest
from scipy import stats

from keyrota.rotation.fairness import DRAWS
from scripts import script

measured = script("docs/validate_testing.py")
LEVEL, DEFAULT = measured.LEVEL, measured.DEFAULT
QUICK = measured.SUITES[:4]
START_LEVEL = 0.9 * DEFAULT
"""Part of the level that the test of the starts has if isolates pick once."""


def check(suite, effort):
    """Hold a suite's false alarms against both levels."""
    found = measured.alarms_of(suite, effort)
    band = 5 * math.sqrt(LEVEL * (1 / effort.rotations + 1 / (effort.seeds * DRAWS)))
    assert found.looked_at > 0
    assert found.differ == 0
    assert found.mean <= LEVEL + band
    assert found.exact <= LEVEL + band
    assert found.at_default <= stats.binom.isf(1e-7, effort.rotations, DEFAULT)


@pytest.mark.parametrize("suite", QUICK, ids=lambda suite: f"{suite.size} keys, {suite.words}")
def test_fair_rotations_seldom_fail(suite):
    """Of 5,000 fair rotations no more fail at 1e-3 than the level says; the assertion decides the same."""
    check(suite, measured.Effort(rotations=5_000, seeds=1, passing=3))


@pytest.mark.nightly
@pytest.mark.parametrize("suite", measured.SUITES, ids=lambda suite: f"{suite.size} keys, {suite.words}")
def test_hundred_thousand_fair_rotations_keep_the_level(suite):
    """Of 100,000 fair rotations no more fail at 1e-3 than the level says, over ten seeds."""
    check(suite, measured.Effort())


@pytest.mark.parametrize("suite", measured.SUITES, ids=lambda suite: f"{suite.size} keys, {suite.words}")
def test_default_level_is_not_exceeded(suite):
    """The probability of all counts that the default calls, summed over keys and tests, is at most 1e-6."""
    assert 0 < measured.default_bound(suite) <= DEFAULT


def start_power(isolates, share):
    """Return the power of the exact test of the starts of 2 keys, from SciPy's binomial law alone."""
    often = np.arange(isolates + 1)
    away = np.abs(2 * often - isolates)
    fair = stats.binom.pmf(often, isolates, 0.5)
    p_values = np.array([fair[away >= distance].sum() for distance in away])
    return float(stats.binom.pmf(often, isolates, share)[p_values < START_LEVEL].sum())


@pytest.mark.parametrize("isolates", [100, 200, 300])
def test_power_is_that_of_the_exact_test(isolates):
    """Where one of 2 keys starts twice as often, the assertion fails as often as the binomial law says."""
    rotations, fault = 400, measured.FAULTS["one key starts twice as often as each other"][0]
    suite, rng = measured.Suite(2, measured.in_turn(isolates, 1)), measured.stream("test of power", isolates)
    failing = 0
    for _ in range(rotations):
        test = measured.tested(suite, fault(suite, rng), alpha=DEFAULT, seed=0)
        failing += measured.decide([test], alpha=DEFAULT)[0].verdict == "unfair"
    theory = start_power(isolates, 2 / 3)
    assert abs(failing / rotations - theory) <= 5 * math.sqrt(theory * (1 - theory) / rotations)


@pytest.mark.parametrize("name", [name for name in measured.FAULTS if "often" not in name])
def test_plain_faults_always_fail(name):
    """At 100 isolates of three picks the assertion fails each time; without a fault it never does."""
    fault = measured.FAULTS[name][0]
    suite, rng = measured.Suite(4, measured.in_turn(100, 3)), measured.stream("test of faults", name)
    for _ in range(3):
        says = measured.asserted(suite, fault(suite, rng), alpha=DEFAULT)
        assert (measured.UNFAIR in says) == (name != "no fault")
