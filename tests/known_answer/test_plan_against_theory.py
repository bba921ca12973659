"""Keys needed: the sizes that a plan simulates are those of theory, table 3 of its page.

The nearest cases: at 26 keys of 2/min, sliding and random, 4/min bring 1.015 % of 429s, at 15 keys, fixed,
1.04 %, which some 2 million requests tell from 1 % by 2 and by 5 standard errors; the size that is left
undecided is not the answer, so that both give theory's. The seeds are fixed.
"""

import pytest

from keyrota.planning.plan import make_plan
from keyrota.planning.smallest import SizeSearch
from keyrota.simulation.scenario import Failover
from keyrota.simulation.simple import POOL_NAME, simple_scenario
from keyrota.theory import keys_needed, rejected_share

CASES = [
    (rate, limit, window, choice)
    for rate, limit in ((1.0, 2), (2.0, 2), (4.0, 2), (30.0, 15), (60.0, 15))
    for window in ("fixed", "sliding")
    for choice in ("random", "fail-over")
]


@pytest.mark.parametrize(("rate", "limit", "window", "choice"), CASES)
def test_simulated_sizes_are_those_of_theory(rate, limit, window, choice):
    """The same number of keys, and at that size the share of theory within 4.5 standard errors."""
    reaction = {"on_reject": Failover()} if choice == "fail-over" else {}
    scenario = simple_scenario(
        keys=1, per_minute=limit, rate_per_min=rate, policy="random", window=window, **reaction
    )
    found = SizeSearch(scenario, 0.01, 0, "compiled").smallest()
    expected = keys_needed(rate, per_minute=limit, target=0.01, window=window, choice=choice)
    assert found.keys == expected
    share = rejected_share(rate, keys=expected, per_minute=limit, window=window, choice=choice)
    assert abs(found.share.estimate - share) < 4.5 * found.share.standard_error


@pytest.mark.parametrize(("rate", "limit"), [(2.0, 2), (60.0, 15)])
def test_a_plan_has_these_sizes_side_by_side(rate, limit):
    """Today's rotation and failing over, in both windows."""
    scenario = simple_scenario(keys=1, per_minute=limit, rate_per_min=rate, policy="random")
    plan = make_plan(scenario, pool=POOL_NAME)
    for option, choice in zip(plan.options[:2], ("random", "fail-over"), strict=True):
        for window in ("fixed", "sliding"):
            expected = keys_needed(rate, per_minute=limit, target=0.01, window=window, choice=choice)
            assert plan.result(option, window).smallest.keys == expected


def test_the_day_alone_is_one_large_window():
    """100 requests a day of keys of 50: theory's sizes at random and failing over."""
    for reaction, choice in (({}, "random"), ({"on_reject": Failover()}, "fail-over")):
        scenario = simple_scenario(keys=1, per_day=50, rate_per_min=100 / 1440, policy="random", **reaction)
        found = SizeSearch(scenario, 0.01, 0, "compiled").smallest()
        assert found.keys == keys_needed(100.0, per_minute=50, target=0.01, choice=choice)
