"""Levels and pools that no test of rotation can be asked for, and runs that repeat one key."""

import math

import numpy as np
import pytest

from keyrota.errors import ModelError
from keyrota.events import make_events
from keyrota.rotation.fairness import run_tests
from keyrota.rotation.power import picks_needed_by_key, picks_to_miss_none
from keyrota.rotation.runs import find_runs

NS = 10**9


def runs_of(*isolates):
    """Return the runs of isolates with these positions in a pool of three."""
    rows = [(position, f"isolate {number}") for number, own in enumerate(isolates) for position in own]
    events = make_events(
        {
            "kind": ["pick"] * len(rows),
            "position": [position for position, _ in rows],
            "size": [3] * len(rows),
            "isolate": [isolate for _, isolate in rows],
            "time": [1_762_000_000 * NS + NS * index for index in range(len(rows))],
            "source": ["a.log"] * len(rows),
        }
    )
    (runs,) = find_runs(events).values()
    return runs


def test_stuck_runs():
    """Runs of several picks that never move; a run of one pick does not count."""
    runs = runs_of((1, 1, 1), (1, 2, 3), (2,), (3, 3), (2, 2, 3))
    assert runs.stuck.tolist() == [0, 3]


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 1.5, math.nan, "0.05"])
def test_levels(alpha):
    """A level lies inside (0, 1)."""
    with pytest.raises(ModelError, match="a probability between 0 and 1"):
        run_tests(runs_of((1, 2)), rng=np.random.default_rng(1), alpha=alpha)


@pytest.mark.parametrize("needed", [picks_needed_by_key, picks_to_miss_none])
@pytest.mark.parametrize("size", [1, 0, -3])
def test_a_pool_of_one_is_not_unfair(needed, size):
    """There must be another key."""
    with pytest.raises(ModelError, match=f"a pool of {size} cannot be unfair; at least 2 keys are needed"):
        needed(size, alpha=1e-3)


@pytest.mark.parametrize(("size", "alpha", "part"), [(2, 1e-6, 1.0), (4, 1e-3, 0.5), (10, 0.05, 1.0)])
def test_the_fewest_picks_that_miss_none(size, alpha, part):
    """One pick fewer, and an idle key would not be significant: K (1 - 1/K)^n against the level."""
    picks = picks_to_miss_none(size, alpha=alpha, part=part)
    assert size * (1 - 1 / size) ** picks <= alpha * part * (1 + 1e-12)
    assert size * (1 - 1 / size) ** (picks - 1) > alpha * part
