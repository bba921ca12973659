"""Slots, lives, cold starts and service times, out of the rows of a log."""

import numpy as np
import pytest

from keyrota.events import make_events
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.scenario import Hosted, Service, Single
from keyrota.simulation.simple import FUNCTION_NAME, simple_scenario
from keyrota.theory.isolates import cold_share
from keyrota.traffic.fit.isolates import fit_isolates
from keyrota.traffic.fit.meetings import find_meetings
from keyrota.traffic.fit.service import fit_service

SECOND = 10**9


def first_picks(events):
    """The times of all picks: each is a request's, where nothing is tried again."""
    times = events.loc[events["kind"] == "pick", "time"]
    return times.to_numpy(dtype="datetime64[ns]").view("int64")


def fitted(events, **options):
    return fit_isolates(events, first_picks(events), **options)


def log(isolates, *, rate=8.0, hours=6.0, seed=1, **options):
    scenario = simple_scenario(
        keys=4, rate_per_min=rate, isolates=isolates, duration_s=3600.0 * hours, **options
    )
    return simulated_events(scenario, seed=seed)


def picks(rows, **columns):
    """A log of picks from pairs of seconds and isolate."""
    return make_events(
        {
            "kind": ["pick"] * len(rows),
            "time": [round(second * SECOND) for second, _ in rows],
            "isolate": [isolate for _, isolate in rows],
            **columns,
        }
    )


def holds(estimate, value):
    return estimate.low <= value <= (estimate.high if estimate.high is not None else float("inf"))


@pytest.mark.parametrize("has_boots", [True, False], ids=["boots", "picks alone"])
@pytest.mark.parametrize(
    ("slots", "life_s", "rate"), [(30, 75.0, 8.0), (300, 75.0, 30.0), (100, 200.0, 20.0), (1, 75.0, 20.0)]
)
def test_slots_and_life_of_a_hosted_log_are_found(slots, life_s, rate, has_boots):
    """The truth is within the intervals, and a simulation takes the platform's life."""
    events = log(Hosted(slots=slots, life_s=life_s), rate=rate, seed=2)
    if not has_boots:
        events = events[~events["kind"].isin(["boot", "shutdown"])]
    found = fitted(events, function=FUNCTION_NAME)
    assert found.kind == "hosted"
    assert holds(found.slots, slots)
    assert holds(found.life_s, life_s)
    assert found.model_life_s == life_s
    assert found.model_slots == pytest.approx(slots, rel=0.15)
    assert holds(found.cold_share, cold_share(rate, slots=slots, life_s=life_s))
    assert (found.boot_s is not None) == has_boots
    if has_boots:
        assert found.shutdown_s == pytest.approx(life_s, abs=0.5)
        assert (found.boot_s.low, found.boot_s.high) == (
            pytest.approx(0.031, abs=2e-3),
            pytest.approx(0.059, abs=2e-3),
        )


def test_preflights_boot_isolates_that_pick_nothing():
    """They are there to be met, as their boots tell: without them the slots would look fewer."""
    found = fitted(log(Hosted(slots=50, preflight=True), rate=10.0))
    assert holds(found.slots, 50)
    assert found.requests - found.isolates < found.further


def test_a_request_may_pick_twice_at_once():
    """The second pick of a request is no further request."""
    events = log(Hosted(slots=30), picks_per_request=2)
    requests = np.unique(first_picks(events))
    found = fit_isolates(events, requests)
    assert found.requests == len(requests)
    assert holds(found.slots, 30)
    assert holds(found.life_s, 75.0)


def test_later_tries_of_a_request_say_nothing():
    """A pick that is no request's first may come when its isolate takes no requests any more."""
    rows = [(0, "i"), (40, "i"), (70, "j"), (500, "i")]
    events = picks(rows)
    found = fit_isolates(events, first_picks(events)[:3])
    assert found.life_s.value == 40.0
    assert found.requests == 3


def test_requests_that_all_boot_leave_a_lower_bound():
    """Ten isolates for ten requests: the design's isolates are assumed, and the words say so."""
    found = fitted(picks([(10.0 * i, str(i)) for i in range(10)]))
    assert (found.kind, found.further, found.life_s) == ("hosted", 0, None)
    assert (found.model_slots, found.model_life_s) == (300, 75.0)
    assert found.slots.high is None
    assert found.slots.low > 1
    assert "at least" in found.words
    assert "assumed" in found.words
    assert found.cold_share.value == 1.0


def test_a_single_request_says_nothing_of_slots():
    """No request came while an isolate was alive."""
    found = fitted(picks([(0, "i")]))
    assert (found.slots, found.life_s, found.model_slots) == (None, None, 300)


def test_one_isolate_that_serves_all_is_single():
    """As simulated, and with a new one after a deployment."""
    found = fitted(log(Single(), hours=2.0))
    assert found.kind == "single"
    assert found.isolates == 1
    found = fitted(log(Single(), hours=3.0, deployments_s=(3600.0, 9000.0)))
    assert (found.kind, found.isolates) == ("single", 3)
    assert "one isolate" in found.words


def test_a_local_log_without_ids_is_single():
    """Servers that begin to listen now and then, no boots, no ids."""
    kinds = ["listening", *["pick"] * 20]
    events = make_events({"kind": kinds, "time": [SECOND * i for i in range(21)]})
    found = fitted(events)
    assert (found.kind, found.isolates, found.requests) == ("single", 1, 20)


@pytest.mark.parametrize("kinds", [["pick"] * 20, ["boot", *["pick"] * 20], ["listening", "pick"] * 10])
def test_a_log_without_ids_is_else_unknown(kinds):
    """Picks alone, a hosted export without ids, and a server for each request say nothing."""
    events = make_events({"kind": kinds, "time": [SECOND * i for i in range(len(kinds))]})
    found = fitted(events)
    assert (found.kind, found.cold_share, found.model_slots) == ("unknown", None, None)
    assert "does not tell" in found.words


def test_functions_are_told_apart():
    """What meets another function's isolates says nothing of this one's."""
    rows = [(second, isolate) for second in range(0, 600, 20) for isolate in (f"a{second}", "b")]
    functions = ["a", "b"] * 30
    events = picks(rows, function=functions)
    own = first_picks(events)[::2]
    assert fit_isolates(events, own, function="a").further == 0
    assert fit_isolates(events, own, function="b").further == 29


def test_an_isolate_that_was_cut_off_is_met_no_more():
    """After a deployment its slot is empty: requests from then on are no missed chances."""
    rows = [(2.0 * i, "old" if i % 2 else f"n{i}") for i in range(20)]
    rows += [(40 + 2.0 * i, f"m{i}") for i in range(40)]
    table = {
        "kind": ["pick"] * 60,
        "time": [round(s * SECOND) for s, _ in rows],
        "isolate": [i for _, i in rows],
    }
    ends = {
        "kind": ["shutdown"],
        "time": [39 * SECOND],
        "isolate": ["old"],
        "cause": ["TerminationRequested"],
    }
    plain = fitted(make_events(table))
    cut = fitted(make_events({name: [*table.get(name, [None] * 60), *ends[name]] for name in ends}))
    assert cut.slots.value <= plain.slots.value


def test_service_is_the_mean_of_answered_requests():
    """Cold and warm means within 5 standard errors, which are right to within 10 %: p < 2e-6."""
    service = Service(warm_s=2.0, cold_s=3.0)
    found = fit_service(log(Hosted(slots=20), service=service, hours=12.0), function=FUNCTION_NAME)
    assert abs(found.warm_s - 2.0) < 5 * found.warm_error_s
    assert abs(found.cold_s - 3.045) < 5 * found.cold_error_s
    assert found.warm_error_s == pytest.approx(2.0 / found.warm**0.5, rel=0.1)


def test_failed_requests_have_no_service_time():
    """A rejected invocation counts for which isolate was met first, and not for the mean."""
    columns = {"kind": ["invocation"] * 3, "status": [429, 200, 500], "isolate": ["i"] * 3}
    columns |= {"duration_ms": [100, 500, 9000], "time": [SECOND, 2 * SECOND, 3 * SECOND]}
    found = fit_service(make_events(columns))
    assert (found.warm_s, found.warm, found.cold, found.warm_error_s) == (0.5, 1, 0, None)
    assert fit_service(make_events({**columns, "status": [429, None, 500]})) is None
    assert fit_service(make_events({})) is None


def test_what_lies_between_two_lives_counts_the_same():
    """Isolates that both ends count alike are counted once: for every life between, as without that."""
    rng = np.random.default_rng(5)
    rows = sorted((float(rng.uniform(0, 3_000)), f"i{rng.integers(0, 200)}") for _ in range(2_000))
    events = picks(rows)
    meetings = find_meetings(events, first_picks(events))
    alive = meetings.alive(rng.random(len(meetings.born)) < 0.7)
    for low, high in ((0.0, 4_000.0), (100.0, 101.0), (50.0, 50.0)):
        between = alive.between(low, high)
        for life in np.linspace(low, high, 7).tolist():
            assert between.passed(life) == alive.passed(life)
