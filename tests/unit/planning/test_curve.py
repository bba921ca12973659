"""The share of 429s at many rates: theory first, simulation beside it, the usable rate last."""

import numpy as np
import pytest

from keyrota import theory
from keyrota.errors import ConfigurationError, ModelError
from keyrota.planning.curve import share_curves, theory_curve
from keyrota.planning.resize import nominal_rate
from keyrota.simulation.scenario import Backoff, Failover
from keyrota.simulation.simple import simple_scenario


def scenario(**options):
    return simple_scenario(**{"keys": 2, "per_minute": 2, "rate_per_min": 1.0, "policy": "random", **options})


def test_theory_comes_first_and_is_the_closed_form():
    """The first curve is theory alone: its shares and its usable rate are those of the closed form."""
    first = next(share_curves(scenario()))
    assert first.simulated_share is None
    expected = [theory.rejected_share(rate, keys=2, per_minute=2) for rate in first.rate_per_min]
    np.testing.assert_allclose(first.theory_share, expected)
    assert first.usable_per_min == theory.usable_rate(keys=2, per_minute=2, target=0.01)
    assert first.nominal_per_min == 4.0
    np.testing.assert_array_equal(theory_curve(scenario()).theory_share, first.theory_share)


def test_simulation_agrees_with_theory_at_each_rate():
    """Simulated shares lie within 4.5 standard errors of theory (false failure: below 1e-3 in all)."""
    *_, last = share_curves(scenario(on_reject=Failover()))
    told = np.isfinite(last.simulated_share)
    assert told.sum() >= 12
    # Half of Student's 95 % interval of 12 replications is 2.2 standard errors.
    errors = (last.simulated_high - last.simulated_low)[told] / 2 / 2.2
    off = np.abs(last.simulated_share - last.theory_share)[told]
    assert (off <= 4.5 * errors + 1e-4).all()
    expected = [theory.rejected_share(r, keys=2, per_minute=2, choice="fail-over") for r in last.rate_per_min]
    np.testing.assert_allclose(last.theory_share, expected)


def test_rates_asked_for_are_simulated_first():
    """The first simulated point is at the rate that was asked for; the last rate has one as well."""
    curves = list(share_curves(scenario(), also_at=(0.77,)))
    (place,) = np.flatnonzero(np.isfinite(curves[1].simulated_share))
    assert curves[1].rate_per_min[place] == 0.77
    assert np.isfinite(curves[-1].simulated_share[-1])
    assert (np.diff(curves[-1].rate_per_min) > 0).all()


def test_without_a_closed_form_the_search_tells_the_usable_rate():
    """Where no closed form speaks, theory is missing and the usable rate comes last, within its target."""
    asked = scenario(on_reject=Backoff(), window="sliding")
    assert theory_curve(asked) is None
    curves = list(share_curves(asked))
    assert all(curve.theory_share is None for curve in curves)
    assert {curve.usable_per_min for curve in curves[:-1]} == {None}
    last = curves[-1]
    at_usable = np.interp(last.usable_per_min, *_simulated(last))
    assert 0.001 < at_usable < 0.03  # the target is .01, read off between points


def _simulated(curve):
    told = np.isfinite(curve.simulated_share)
    return curve.rate_per_min[told], curve.simulated_share[told]


def test_a_limit_of_the_day_bounds_the_rates():
    """With both limits the nominal rate is the smaller one, and theory's usable rate is below it."""
    asked = scenario(per_day=50)
    assert nominal_rate(asked.pools[0]) == pytest.approx(100 / 1440)
    curve = theory_curve(asked)
    assert curve.usable_per_min < curve.nominal_per_min < curve.rate_per_min[-1]
    assert curve.usable_per_min == theory.day_usable_rate(keys=2, per_day=50, target=0.01)


def test_a_rate_far_beyond_nominal_is_on_the_curve():
    """A reader's rate above all others widens the curve, and shares never fall with the rate."""
    curve = theory_curve(scenario(), also_at=(100.0,))
    assert curve.rate_per_min[-1] >= 100.0
    assert (np.diff(curve.theory_share) >= 0).all()


@pytest.mark.parametrize(
    ("options", "changes", "error", "message"),
    [
        ({}, {"per_minute": None}, ModelError, "has no limit"),
        ({}, {"per_minute": 10_000_000}, ModelError, "at most 1e"),
        ({"target": 1.0}, {}, ConfigurationError, "target is 1.0"),
        ({"also_at": (0.0,)}, {}, ConfigurationError, "a rate of 0.0"),
        ({"pool": "NONE"}, {}, ConfigurationError, "no pool"),
    ],
)
def test_what_has_no_answer_is_said(options, changes, error, message):
    """A question without an answer is refused before anything is simulated."""
    with pytest.raises(error, match=message):
        next(share_curves(scenario(**changes), **options))
