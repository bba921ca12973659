"""The questions of logs: each plan is held against the log that it was fitted to, once."""

import dataclasses

import numpy as np
import pytest
from msgspec.structs import replace

from keyrota.planning import model_check, questions
from keyrota.planning.fitted import fit_pool
from keyrota.planning.log_model import LogModel
from keyrota.planning.logged import logged_pools, span_of_log
from keyrota.planning.questions import answers_to, questions_of
from keyrota.planning.uneven import most_loaded
from keyrota.pools.declared import PoolConfig
from keyrota.rotation.fairness import run_tests
from keyrota.rotation.shares import share_intervals
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.simple import simple_scenario
from uneven_rotation import TWO_KEYS, uneven_events

UNEVEN = {"rate_per_min": 2.0, "requests": 1_200, "shares": (0.85, 0.15)}
HEALTHY = simple_scenario(keys=4, per_minute=2, rate_per_min=3.0, policy="random", duration_s=12 * 3600.0)


class Input:
    """Of a reading that was never read."""

    sources = ()


class Reading:
    """As much of a reading as a question asks for."""

    input = Input()

    def __init__(self, pools):
        self.pools = pools


def model(events, *pools):
    config = PoolConfig(pools=pools)
    span = span_of_log(events)
    logged = logged_pools(events, config)
    return LogModel(Reading(config), logged, [fit_pool(own, span) for own in logged], span, [])


@pytest.fixture(scope="module")
def uneven():
    return model(uneven_events(**UNEVEN), TWO_KEYS)


@pytest.fixture(scope="module")
def healthy():
    return model(simulated_events(HEALTHY, seed=2), *HEALTHY.pools)


def test_an_uneven_rotation_is_not_explained(uneven):
    """The log has more 429s than the model allows; the key with more than its share is told with it."""
    asked, _ = questions_of(uneven, windows=("fixed",))
    (plan,) = answers_to(asked)
    check = plan.check
    assert not check.explains
    assert check.observed > 1.3 * check.high
    assert plan.is_doubtful
    assert (check.uneven.key, check.uneven.position, check.uneven.size) == (1, 1, 2)
    picks = uneven.logged[0].events.query("kind == 'pick'")
    assert (
        check.uneven.share == (picks["key"] == 1).mean() == pytest.approx(0.85, abs=0.042)
    )  # 4 standard errors


def test_a_healthy_log_is_explained(healthy):
    """No doubt, and no key with more than its share."""
    asked, _ = questions_of(healthy, windows=("fixed",))
    (plan,) = answers_to(asked)
    assert plan.check.explains
    assert not plan.is_doubtful
    assert plan.check.uneven is None


def test_the_plan_has_the_check_of_the_page(uneven):
    """One place decides; what is checked already is not simulated again."""
    asked, _ = questions_of(uneven, windows=("fixed",))
    (own,) = answers_to(asked, seed=3)
    given = uneven.checks(seed=3)
    asked, _ = questions_of(uneven, windows=("fixed",), checks=given)
    (plan,) = answers_to(asked, seed=3)
    assert plan.check is given[0]
    assert own.check.requests == given[0].requests == 1_200
    assert asked[0].observed is None


def test_what_was_checked_is_not_checked_again(uneven, monkeypatch):
    """Neither by simulation nor by the tests of the shares."""
    given = uneven.checks()
    monkeypatch.setattr(model_check, "check_model", None)
    monkeypatch.setattr(questions.LogModel, "observed", None)
    asked, _ = questions_of(uneven, checks=given)
    assert asked[0].check is given[0]


def test_a_changed_scenario_is_not_held_against_the_log(uneven):
    """Another rotation is what nobody logged; how the minute counts is an assumption of the same log."""
    changed, _ = questions_of(uneven, change=lambda own: replace(own, policy="least-used"))
    assert changed[0].observed is None
    given, _ = questions_of(
        uneven, change=lambda own: replace(own, policy="least-used"), checks=uneven.checks()
    )
    assert given[0].check is None
    other, _ = questions_of(uneven, change=lambda own: replace(own, window="sliding"))
    assert other[0].observed.requests == 1_200


def test_a_hopeless_pool_is_not_checked(uneven):
    """Nothing is advised that a check could qualify."""
    asked, _ = questions_of(uneven)
    (plan,) = answers_to([dataclasses.replace(asked[0], hopeless="The limit is 0")])
    assert plan.check is None
    assert not plan.is_doubtful


def test_where_log_and_model_are_within_the_target_there_is_no_doubt(healthy):
    """Nothing has to change by either; how far apart they are within the target is no matter."""
    asked, _ = questions_of(healthy, windows=("fixed",))
    (plan,) = answers_to(asked, target=0.5)
    assert plan.recommendation.kind == "nothing"
    for rejected, is_doubtful in ((0, False), (0.4, False), (0.6, True)):
        check = dataclasses.replace(plan.check, rejected=round(rejected * plan.check.requests))
        assert not check.explains
        assert dataclasses.replace(plan, check=check).is_doubtful == is_doubtful


def test_shares_are_uneven_as_the_report_says(uneven, healthy):
    """By its tests, at its level, divided by the pools; a share above its part alone is not enough."""
    assert most_loaded(uneven.logged[0], pools=3).key == 1
    assert most_loaded(healthy.logged[0], pools=1) is None
    (slight,) = logged_pools(
        uneven_events(rate_per_min=2.0, requests=300, shares=(0.57, 0.43), seed=3),
        PoolConfig(pools=(TWO_KEYS,)),
    )
    assert share_intervals(slight.runs.counts)[0, 0] > 0.5
    assert 1e-3 < run_tests(slight.runs, rng=np.random.default_rng(1)).starts.p_value < 0.01
    assert most_loaded(slight, pools=1) is None


def test_the_position_names_a_key_that_the_log_does_not(uneven):
    """By the declaration; without one it stays a position."""
    (logged,) = uneven.logged
    events = logged.events.assign(key=logged.events["key"].isna().astype("Int32").replace({0: None, 1: None}))
    nameless = dataclasses.replace(logged, events=events)
    assert most_loaded(nameless, pools=1).key == 1
    assert most_loaded(dataclasses.replace(nameless, declared=None), pools=1).key is None


def test_a_pool_without_runs_tells_no_shares(uneven):
    """Positions were not logged."""
    assert most_loaded(dataclasses.replace(uneven.logged[0], runs=None), pools=1) is None
