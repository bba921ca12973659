"""The 95 % intervals that are fitted to a log hold the truth as often as they say.

Each number is simulated, logged as events, and fitted to what is logged.
"""

from collections import Counter
from functools import partial

import numpy as np
import pytest

from keyrota.events import make_events
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.scenario import Hosted
from keyrota.simulation.simple import simple_scenario
from keyrota.streams import named_stream
from keyrota.theory.isolates import cold_share
from keyrota.traffic.arrivals import Bursts, Poisson, Profile
from keyrota.traffic.fit.model import fit_function
from keyrota.traffic.times import arrival_blocks

DAY_NS = 86_400 * 10**9
ROUND = tuple((1 + 0.9 * np.sin(np.arange(24) / 24 * 2 * np.pi)).tolist())


def fits(arrivals, isolates, hours, logs, *, has_boots=True):
    """Fit so many small logs."""
    scenario = simple_scenario(keys=4, arrivals=arrivals, isolates=isolates, duration_s=3600.0 * hours)
    for seed in range(logs):
        events = simulated_events(scenario, seed=seed)
        if not has_boots:
            events = events[events["kind"].isin(["pick", "pool"])]
        picks = events.loc[events["kind"] == "pick", "time"]
        yield fit_function(events, picks.to_numpy(dtype="datetime64[ns]").view("int64"))


def holds(estimate, value):
    return (
        estimate is not None and estimate.low <= value and (estimate.high is None or value <= estimate.high)
    )


def coverage(rate, slots, life_s, hours, logs, *, has_boots=True):
    """How often each interval holds the truth."""
    held = Counter()
    share = cold_share(rate, slots=slots, life_s=life_s)
    isolates = Hosted(slots=slots, life_s=life_s)
    for fit in fits(Poisson(rate_per_min=rate), isolates, hours, logs, has_boots=has_boots):
        assert fit.isolates.kind == "hosted"
        held["rate"] += holds(fit.rate.per_min, rate)
        held["slots"] += holds(fit.isolates.slots, slots)
        held["life"] += holds(fit.isolates.life_s, life_s)
        held["cold share"] += holds(fit.isolates.cold_share, share)
    return {name: count / logs for name, count in held.items()}


def check(found, low, high):
    assert len(found) == 4
    assert all(low <= share <= high for share in found.values()), found


@pytest.mark.parametrize(
    "has_boots",
    [pytest.param(True, id="boots"), pytest.param(False, id="picks alone", marks=pytest.mark.nightly)],
)
def test_intervals_of_a_small_log_hold_the_truth(has_boots):
    """200 logs of 3 hours at the design's traffic: between 90 and 99.5 % (3.2 standard errors below 95 %).

    Each of four intervals fails with p < 2e-3 if it holds 95 %; the seeds are fixed.
    """
    check(coverage(6.0, 150, 75.0, 3.0, 200, has_boots=has_boots), 0.90, 0.995)


def test_the_interval_of_a_bursty_rate_holds_it_about_as_often():
    """200 logs of a day with bursts: at least 88 % (4.5 standard errors below 95 %: p < 1e-5).

    An interval for Poisson arrivals would hold it in half of them.
    """
    found = []
    for seed in range(200):
        stream = partial(named_stream, seed)
        blocks = arrival_blocks(Bursts(rate_per_min=3.0), stream, start_ns=0, end_ns=DAY_NS)
        found.append(fit_function(make_events({}), np.concatenate(list(blocks)), span_ns=(0, DAY_NS)))
    assert np.mean([holds(fit.rate.per_min, 3.0) for fit in found]) >= 0.88
    relative = np.array([fit.rate.per_min.value for fit in found]) / 3.0 - 1
    assert np.mean(np.abs(relative) < 1.96 / np.sqrt(3.0 * 1440)) < 0.7


def test_a_daily_round_leaves_the_slots_and_the_life():
    """40 logs of 15 hours whose night is quiet: 80 % at least (4.4 standard errors) of both."""
    found = list(fits(Profile(rate_per_min=6.0, weights=ROUND), Hosted(slots=60), 15.0, 40))
    assert np.mean([holds(fit.isolates.slots, 60) for fit in found]) >= 0.8
    assert np.mean([holds(fit.isolates.life_s, 75.0) for fit in found]) >= 0.8


@pytest.mark.nightly
@pytest.mark.parametrize("has_boots", [True, False], ids=["boots", "picks alone"])
@pytest.mark.parametrize(
    ("rate", "slots", "life_s", "hours"),
    [(6.0, 150, 75.0, 3.0), (2.0, 300, 200.0, 6.0), (8.0, 60, 75.0, 6.0)],
)
def test_intervals_hold_the_truth_closely(rate, slots, life_s, hours, has_boots):
    """2,000 logs: at least 93 % (4.1 standard errors below 95 %); exact intervals may hold more."""
    check(coverage(rate, slots, life_s, hours, 2_000, has_boots=has_boots), 0.93, 0.998)
