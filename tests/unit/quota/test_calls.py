"""Calls, the 429s that they got, and the requests that they belong to."""

import numpy as np
import pytest

from keyrota.events import make_events
from keyrota.quota.calls import find_calls
from keyrota.quota.happened import Told, told_of
from keyrota.simulation.experiment import child_of, run_once, simulated_events
from keyrota.simulation.scenario import Backoff, Fail, Failover, Single, Wait
from keyrota.simulation.setting import setting_of
from keyrota.simulation.simple import simple_scenario
from keyrota.simulation.trace import KEY, KIND, REJECTION

MS = 1_000_000
SECOND = 1000 * MS


def table(rows, **more):
    """Rows of (kind, isolate, time in ns, key)."""
    return make_events(
        {
            "kind": [row[0] for row in rows],
            "isolate": [row[1] for row in rows],
            "time": [row[2] for row in rows],
            "key": [row[3] if len(row) > 3 else None for row in rows],
            "position": [row[3] if len(row) > 3 else None for row in rows],
            "size": [4 if len(row) > 3 else None for row in rows],
            **more,
        }
    )


def test_a_429_answers_the_last_open_pick_of_its_isolate():
    """Picks of other isolates are none of its business."""
    calls = find_calls(
        table([("pick", "a", 0, 1), ("pick", "b", 1, 2), ("rejection", "a", 5), ("pick", "c", 6, 3)])
    )
    assert calls.rejected.tolist() == [1.0, 0.0, 0.0]
    assert calls.attribution.certain_share == 1.0


def test_several_open_picks_share_a_429_by_their_age():
    """The pick before the error is likelier than one ten lags back; together they are one."""
    rows = [("pick", "a", 0, 1), ("pick", "a", SECOND, 2), ("rejection", "a", 2 * SECOND)]
    calls = find_calls(table(rows))
    weights = np.exp([-2.0, -1.0])
    assert calls.rejected == pytest.approx(weights / weights.sum())
    assert calls.attribution.certain_share == 0.0


def test_an_answered_invocation_closes_its_pick():
    """The request that was done cannot get the later 429."""
    rows = [("pick", "a", 0, 1), ("invocation", "a", SECOND)]
    rows += [("pick", "a", SECOND + 1, 2), ("rejection", "a", 2 * SECOND)]
    events = table(rows, duration_ms=[None, 1000.0, None, None])
    assert find_calls(events).rejected.tolist() == [0.0, 1.0]


def test_a_429_without_a_pick_is_given_to_nobody():
    """Its pick line was lost."""
    calls = find_calls(table([("rejection", "a", 0), ("pick", "b", 1, 1)]))
    assert calls.rejected.tolist() == [0.0]
    assert calls.attribution.certain_share == 0.0


def test_scrambled_rows_of_a_millisecond_are_a_chain_of_next_keys():
    """Three picks and two 429s of one millisecond: the first two keys of the chain were rejected."""
    rows = [("pick", "a", 5 * MS, 1), ("rejection", "a", 5 * MS), ("pick", "a", 5 * MS, 4),
            ("pick", "a", 5 * MS, 3), ("rejection", "a", 5 * MS)]  # fmt: skip
    calls = find_calls(table(rows))
    assert dict(zip(calls.keys.tolist(), calls.rejected.tolist(), strict=True)) == {3: 1.0, 4: 1.0, 1: 0.0}


def test_scrambled_rows_that_form_no_chain_share_their_429():
    """Two of two keys and one 429: either may have been first."""
    rows = [("pick", "a", 5 * MS, 1), ("pick", "a", 5 * MS, 2), ("rejection", "a", 5 * MS)]
    calls = find_calls(table(rows, size=[2, 2, None]))
    assert calls.rejected.tolist() == [0.5, 0.5]


def test_without_times_the_order_tells_but_not_for_certain():
    """Each pick further back is half as probable."""
    events = make_events({"kind": ["pick", "pick", "rejection"], "key": [1, 2, None]})
    calls = find_calls(events)
    assert calls.rejected == pytest.approx([1 / 3, 2 / 3])
    assert not calls.is_timed.any()


def test_of_two_picks_of_a_request_the_last_is_the_call():
    """The first one called nothing."""
    events = table([("pick", "a", 0, 1), ("pick", "a", MS, 2), ("rejection", "a", 5 * MS)])
    calls = find_calls(events, picks_per_request=2)
    assert calls.keys.tolist() == [2]
    assert calls.rejected.tolist() == [1.0]


REACTIONS = [(Fail(), "fail"), (Failover(), "failover"), (Backoff(), "backoff"), (Wait(), "backoff")]


@pytest.mark.parametrize(("on_reject", "kind"), REACTIONS)
@pytest.mark.parametrize("isolates", [None, Single()])
def test_requests_and_reaction_of_a_simulated_log(on_reject, kind, isolates):
    """As many requests as the log has invocations (but for a few that overlap), and what the client does."""
    scenario = simple_scenario(
        keys=4, per_minute=2, rate_per_min=8.0, duration_s=14_400.0, on_reject=on_reject, isolates=isolates
    )
    events = simulated_events(scenario, seed=1)
    calls = find_calls(events)
    invocations = events[events["kind"] == "invocation"]
    assert calls.reaction.kind == kind
    assert calls.attribution.certain_share > 0.99
    requests = calls.requests.max() + 1
    slack = 0.08 if isolates and kind == "backoff" else 0.002  # waiting requests of one isolate overlap
    assert requests == pytest.approx(len(invocations), rel=slack)
    if kind == "failover":
        assert calls.rejected_requests.sum() == pytest.approx((invocations["status"] == 429).sum(), abs=2)


@pytest.mark.parametrize(("on_reject", "kind"), REACTIONS)
def test_the_reaction_shows_without_invocations(on_reject, kind):
    """Console lines alone: picks after a 429 in the same isolate."""
    scenario = simple_scenario(
        keys=4, per_minute=2, rate_per_min=8.0, duration_s=14_400.0, on_reject=on_reject
    )
    events = simulated_events(scenario, seed=1)
    invocations = events[events["kind"] == "invocation"]
    calls = find_calls(events[events["kind"] != "invocation"])
    assert calls.reaction.kind == kind
    assert calls.requests.max() + 1 == pytest.approx(len(invocations), rel=0.01)


@pytest.mark.parametrize("on_reject", [Fail(), Failover(), Backoff()])
def test_the_keys_of_429s_are_those_that_the_simulation_rejected(on_reject):
    """The trace of the engine knows the truth that the log does not tell."""
    scenario = simple_scenario(
        keys=4, per_minute=2, per_day=300, rate_per_min=8.0, duration_s=14_400.0, on_reject=on_reject
    )
    calls = find_calls(simulated_events(scenario, seed=3))
    setting = setting_of(scenario)
    own = child_of(np.random.SeedSequence(3), 0)
    trace = run_once(setting, own, engine="compiled", keep_trace=True).trace
    truth = np.bincount(trace[trace[:, KIND] == REJECTION, KEY], minlength=4)
    given = np.array([calls.rejected[calls.of_key(row.key)].sum() for row in setting.keys])
    assert given == pytest.approx(truth)


@pytest.mark.parametrize("gap_ms", [1, 40, 3_000])
def test_plain_places_are_answered_as_by_walking_through(monkeypatch, gap_ms):
    """All at once, or row after row: the same picks and lag, and probabilities but for the order of sums."""
    rng = np.random.default_rng(gap_ms)
    rows = []
    for isolate in range(150):
        time = int(rng.integers(0, 10**6)) * MS
        picks = int(rng.integers(1, 60 if isolate < 10 else 12)) if isolate >= 5 else 28 + 3 * isolate
        for number in range(picks):
            time += int(rng.integers(1, 2 * gap_ms + 1)) * MS
            rows.append(("pick", f"i{isolate}", time, int(rng.integers(1, 5))))
            if number == picks - 1 if isolate < 5 else rng.random() < 0.1:
                rows.append(("rejection", f"i{isolate}", time + int(rng.integers(0, 500)) * MS))
    events = table(sorted(rows, key=lambda row: row[2]))
    at_once = find_calls(events).attribution
    is_plain = told_of(events, at_once.rows, _picks(events)).is_plain()
    assert is_plain.sum() > 20
    assert not is_plain.all()
    monkeypatch.setattr(Told, "is_plain", lambda told: np.zeros(len(told.cuts) - 1, dtype=bool))
    walked = find_calls(events).attribution
    assert at_once.lag_s == walked.lag_s
    assert at_once.rejection.tolist() == walked.rejection.tolist()
    assert at_once.pick.tolist() == walked.pick.tolist()
    assert at_once.probability == pytest.approx(walked.probability, rel=1e-12)


def _picks(events):
    return np.flatnonzero((events["kind"] == "pick").to_numpy())
