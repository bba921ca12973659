"""Usable rate and evenness of the declared rotation behind more or fewer isolates, against theory."""

import numpy as np
import pytest

from keyrota import theory
from keyrota.planning.cold_starts import cold_starts, unevenness
from keyrota.simulation.experiment import simulate
from keyrota.simulation.scenario import Single
from keyrota.simulation.simple import simple_scenario

CASE = {"keys": 4, "per_minute": 2}


@pytest.fixture(scope="module")
def found():
    return cold_starts(**CASE, slots=[1, 300], lives_s=[75.0, 20_000.0], replications=60, seed=2)


def point(found, slots, life_s):
    return next(own for own in found.of_slots(slots) if own.life_s == life_s)


def test_many_isolates_are_random(found):
    """300 slots carry what a random choice carries, however long isolates live; one slot carries more."""
    for own in found.of_slots(300):
        assert own.usable_per_min.estimate == pytest.approx(found.random_per_min, rel=0.08)
    assert point(found, 1, 75.0).usable_per_min.estimate > 2 * found.random_per_min


def test_one_lasting_isolate_is_a_shared_counter(found):
    """One slot whose isolate hardly ever ends carries what one counter for all carries, evenly."""
    own = point(found, 1, 20_000.0)
    assert own.usable_per_min.estimate == pytest.approx(found.shared_per_min, rel=0.08)
    assert own.unevenness.estimate < 0.01
    assert own.mean_run > 500


def test_cold_starts_are_theorys(found):
    """The simulated share of cold starts is 1 / (1 + r T) at the usable rate."""
    for own in found.points:
        assert own.cold_share.estimate == pytest.approx(own.theory_cold_share, abs=0.01)


def test_even_shares_do_not_show_capacity(found):
    """300 slots with long lives: half as uneven as random picks, and not a request more a minute."""
    short, long = found.of_slots(300)
    assert long.unevenness.ci_high < short.unevenness.ci_low
    assert long.usable_per_min.estimate < 1.1 * short.usable_per_min.estimate


def test_bounds_are_theory(found):
    """The two bounds are the closed forms, below the nominal rate."""
    assert found.random_per_min == theory.usable_rate(**CASE, target=0.01, choice="random")
    assert found.random_per_min < found.shared_per_min < found.nominal_per_min == 8


def test_unevenness_of_known_picks():
    """Random picks have 1, within 4 standard errors of a chi-square over its degrees; one counter 0."""
    random = simple_scenario(**CASE, rate_per_min=4.0, policy="random", duration_s=36_000.0)
    told = unevenness(simulate(random, replications=400, seed=3))
    assert abs(told.estimate - 1) < 4 * np.sqrt(2 / 3 / 400)
    even = simple_scenario(**CASE, rate_per_min=4.0, isolates=Single(), duration_s=36_000.0)
    assert unevenness(simulate(even, replications=5, seed=3)).estimate < 0.01


def test_progress_is_told():
    """Every case is announced with their number."""
    told = []
    cold_starts(**CASE, slots=[1], lives_s=[75.0], replications=2, on_progress=lambda *now: told.append(now))
    assert told == [(1, 1)]
