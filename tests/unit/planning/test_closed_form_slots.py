"""Theory speaks for hosted isolates only where it is near: many of them, mostly cold."""

from __future__ import annotations

import pytest

import keyrota
from keyrota.planning.closed_form import closed_form
from keyrota.simulation.scenario import Hosted
from keyrota.theory import rejected_share


@pytest.mark.parametrize(
    ("slots", "life_s", "speaks"), [(300, 75.0, True), (20, 75.0, True), (1, 15.0, False)]
)
def test_theory_is_near_where_it_speaks(slots: int, life_s: float, speaks: bool) -> None:
    """On 20 slots and more the simulated share is within a fifth of a random choice's; on one it is not."""
    scenario = keyrota.simple_scenario(
        keys=4,
        per_minute=2,
        rate_per_min=2.0,
        duration_s=5 * 86_400.0,
        isolates=Hosted(slots=slots, life_s=life_s),
    )
    random_choice = rejected_share(2.0, keys=4, per_minute=2)
    simulated = keyrota.simulate(scenario, seed=1, replications=12).rejected_share().estimate
    assert (closed_form(scenario, scenario.pools[0]) is not None) is speaks
    assert (abs(simulated / random_choice - 1) < 0.2) is speaks
