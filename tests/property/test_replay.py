"""The windows that simulate are the windows that replay: one meaning of a limit."""

import numpy as np
import pytest
from msgspec.structs import replace

from keyrota.errors import ConfigurationError
from keyrota.pools.declared import Pool, Quota
from keyrota.quota.windows import WINDOWS
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.scenario import Failover
from keyrota.simulation.simple import simple_scenario
from replay_of_picks import replay


def told(events):
    """What became of each pick of a log whose requests pick once: the rejection that follows it, or none."""
    calls = events[events["kind"].isin(["pick", "rejection"])].reset_index(drop=True)
    answers = []
    for kind, cause in zip(calls["kind"], calls["cause"], strict=True):
        if kind == "pick":
            answers.append(None)
        else:
            answers[-1] = cause
    return answers


@pytest.mark.parametrize("charge_rejected", [False, True])
@pytest.mark.parametrize("window", WINDOWS)
def test_a_replay_explains_every_429_of_a_simulated_day(window, charge_rejected):
    """Picks of a simulated day, called anew: the same calls are rejected, for the same cause."""
    scenario = simple_scenario(
        keys=3, per_minute=2, per_day=150, rate_per_min=5.0, duration_s=86_400.0, window=window,
        charge_rejected=charge_rejected, on_reject=Failover(),
    )  # fmt: skip
    events = simulated_events(scenario, seed=4)
    answers = replay(events, scenario.pools, window=window, charge_rejected=charge_rejected)
    assert answers.tolist() == told(events)
    assert {"per-minute", "per-day"} <= set(answers.dropna())


def test_a_shared_project_is_replayed_as_one_quota():
    """Declared apart, the rejections of two keys in one project are not explained; together they are."""
    apart = simple_scenario(keys=2, per_minute=2, rate_per_min=3.0, duration_s=36_000.0)
    together = replace(apart, pools=(replace(apart.pools[0], projects=("p", "p")),))
    events = simulated_events(together, seed=1)
    assert replay(events, together.pools).tolist() == told(events)
    assert replay(events, apart.pools).notna().sum() < 0.7 * np.count_nonzero(
        [a is not None for a in told(events)]
    )


def test_what_cannot_be_replayed_is_left_out():
    """Keys that are not declared, and picks without a time."""
    from keyrota.events import make_events

    columns = {"kind": ["pick"] * 4, "key": [1, 2, 1, None], "time": [0, 1, None, 3]}
    pool = Pool(name="A", keys=(1,), quota=Quota(per_minute=1))
    assert replay(make_events(columns), [pool]).tolist() == [None]
    assert replay(make_events({}, rows=0), [pool]).tolist() == []
    with pytest.raises(ConfigurationError, match='window "hourly" is unknown; there are fixed, sliding'):
        replay(make_events(columns), [pool], window="hourly")
