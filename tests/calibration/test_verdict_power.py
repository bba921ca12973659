"""A verdict of "fair" is seldom given to a pool in which one key is off by a third.

At the number of starts that the verdict asks for, over all its tests and pools, such a pool is called
fair with probability .1 at most. 300 pools for each cell; a share above .1 by five standard errors
(.0866) has probability below 1e-6, so that the three cells fail falsely with less than 1e-5.
"""

import math

import numpy as np
import pytest

from keyrota.events import make_events
from keyrota.rotation.fairness import run_tests
from keyrota.rotation.power import smallest_imbalance
from keyrota.rotation.runs import find_runs
from keyrota.rotation.verdict import decide

LOGS = 300
BOUND = 0.1 + 5 * math.sqrt(0.1 * 0.9 / LOGS)


def runs_of(rng, size, starts, lengths, law):
    """Return the runs of isolates whose starts have this law."""
    first = rng.choice(size, starts, p=law)
    drawn = rng.choice(lengths, starts)
    isolate = np.repeat(np.arange(starts), drawn)
    place = np.arange(len(isolate)) - np.repeat(np.cumsum(drawn) - drawn, drawn)
    events = make_events(
        {
            "kind": ["pick"] * len(isolate),
            "position": ((first[isolate] + place) % size + 1).tolist(),
            "size": [size] * len(isolate),
            "isolate": [str(i) for i in isolate],
        }
    )
    return find_runs(events)[size]


@pytest.mark.parametrize(("size", "lengths", "pools"), [(2, [1], 3), (2, [1, 2], 3), (4, [1], 1)])
def test_off_by_a_third_is_seldom_fair(size, lengths, pools):
    """The promised power holds for the verdict as a whole, other pools being even."""
    rng = np.random.default_rng(20261124)
    law = smallest_imbalance(size)
    shared = {"rng": rng, "alpha": 0.01, "pools": pools, "draws": 5_999}
    probe = run_tests(runs_of(rng, size, 60, lengths, law), **shared)
    even = [run_tests(runs_of(rng, 2, 100, [1], [0.5, 0.5]), **shared)] * (pools - 1)
    fair = 0
    for _ in range(LOGS):
        tests = run_tests(runs_of(rng, size, probe.independent_needed, lengths, law), **shared)
        decision = decide([tests, *even], alpha=0.01)[0]
        assert decision.verdict in ("fair", "unfair")
        fair += decision.verdict == "fair"
    assert fair / LOGS <= BOUND
