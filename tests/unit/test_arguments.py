"""Arguments that several functions take are refused by all of them, in the same words."""

import numpy as np
import pytest

from keyrota import find_onset, judge, make_plan, simple_scenario, simulate, simulated_events
from keyrota.errors import ConfigurationError
from keyrota.events import make_events
from keyrota.planning.curve import share_curves

SCENARIO = simple_scenario(keys=2, per_minute=2, rate_per_min=1.0, duration_s=3600.0)
EVENTS = make_events({"kind": ["pick"], "key": [1], "position": [1], "size": [2], "pool": ["CHAT"]})
CALLS = {
    "simulate": lambda **options: simulate(SCENARIO, **options),
    "simulated_events": lambda **options: simulated_events(SCENARIO, **options),
    "find_onset": lambda **options: find_onset(SCENARIO, **{"pool": "POOL", "sizes": (2,), **options}),
    "make_plan": lambda **options: make_plan(SCENARIO, pool="POOL", **options),
    "share_curves": lambda **options: next(share_curves(SCENARIO, **options)),
    "judge": lambda **options: judge(EVENTS, **options),
}
TAKEN = {
    "seed": list(CALLS),
    "engine": ["simulate", "find_onset", "make_plan", "share_curves"],
    "target": ["find_onset", "make_plan", "share_curves", "judge"],
    "precision": ["simulate", "find_onset", "share_curves"],
    "growth_per_day": ["find_onset", "make_plan"],
    "max_rejected": ["judge"],
    "sizes": ["find_onset"],
}
REFUSED = {
    "seed": [-1, 1.5, "a", True],
    "engine": ["nonsense", ""],
    "target": [0, 1.0, -0.1, float("nan"), "1%"],
    "precision": [0, 1, float("nan"), "5%"],
    "growth_per_day": [0, -0.1, 11, float("inf"), "10%"],
    "max_rejected": [-0.1, 1.5, "1%"],
    "sizes": [(1.5,), (0,), ("2",)],
}


@pytest.mark.parametrize(
    ("call", "name", "value"),
    [(call, name, value) for name in TAKEN for call in TAKEN[name] for value in REFUSED[name]],
)
def test_what_is_not_allowed_is_refused_in_the_same_words(call, name, value):
    """The value, and what is allowed: never an error of Python's own, never an answer."""
    with pytest.raises(ConfigurationError) as caught:
        CALLS[call](**{name: value})
    word = "a pool of" if name == "sizes" else name
    assert str(caught.value).startswith(word)
    assert ";" in str(caught.value)


def test_numbers_of_numpy_are_numbers():
    """As they come out of an array."""
    seed, target = np.int64(3), np.float64(0.02)
    assert find_onset(SCENARIO, pool="POOL", sizes=list(np.array([1])), target=target, seed=seed).sizes
