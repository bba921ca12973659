"""The check of a model against a log: what it predicts, how wide, and what it calls unexplained."""

import numpy as np
import pytest
from msgspec.structs import replace

from keyrota import theory
from keyrota.errors import ConfigurationError
from keyrota.planning.fitted import fit_pool, scenario_of
from keyrota.planning.logged import logged_pools, span_of_log
from keyrota.planning.model_check import ModelCheck, check_model
from keyrota.pools.declared import PoolConfig, Quota
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.scenario import Function
from keyrota.simulation.simple import simple_scenario
from keyrota.traffic.arrivals import Poisson

HOURS = 6
SCENARIO = simple_scenario(
    keys=4, per_minute=2, rate_per_min=3.0, policy="random", duration_s=3600.0 * HOURS
)  # fmt: skip
SHARE = theory.rejected_share(3.0, keys=4, per_minute=2)


def checked(scenario=SCENARIO, *, requests=1000, rejected=65, **options):
    return check_model(scenario, pool="POOL", requests=requests, rejected=rejected, **options)


def test_the_prediction_is_the_theory():
    """Within 4 standard errors of 200 logs (p < 1e-4), whose spread the interval is."""
    check = checked()
    spread = (check.high - check.low) / 3.92
    assert check.predicted == pytest.approx(SHARE, abs=4 * spread / np.sqrt(200))
    assert (check.pool, check.requests, check.rejected, check.replications) == ("POOL", 1000, 65, 200)
    assert check.observed == 0.065
    assert check.explains


def test_the_interval_narrows_with_the_length_of_the_log():
    """Four times as long, half as wide: within 20 % (both widths have errors of 5 %: p < .01)."""
    longer = replace(SCENARIO, duration_s=4 * SCENARIO.duration_s)
    wide, narrow = (checked(own, replications=400) for own in (SCENARIO, longer))
    assert (narrow.high - narrow.low) / (wide.high - wide.low) == pytest.approx(0.5, rel=0.2)


def test_an_uncertain_rate_widens_it():
    """By the slope of the share at the rate, in quadrature; the prediction stays."""
    exact, rough = checked(seed=3), checked(seed=3, relative_error=0.1)
    assert rough.predicted == exact.predicted
    slope = (theory.rejected_share(3.3, keys=4, per_minute=2) - SHARE) / 0.1
    reach = 1.96 * 0.1 * slope
    for bound in ("low", "high"):
        old, new = (abs(getattr(check, bound) - check.predicted) for check in (exact, rough))
        assert new == pytest.approx(np.hypot(old, reach), rel=0.1)


def test_the_interval_stays_a_share():
    """At rates of which half is unknown, between 0 and 1."""
    check = checked(relative_error=2.0)
    assert check.low == 0.0
    assert SHARE < check.high <= 1.0


def test_only_the_pool_in_question_counts():
    """Another one, all of whose requests fail, changes nothing."""
    other = replace(
        SCENARIO.pools[0], name="OTHER", keys=(9,), functions=("other",), quota=Quota(per_minute=1)
    )
    functions = (
        *SCENARIO.functions,
        Function(name="other", pool="OTHER", arrivals=Poisson(rate_per_min=50.0)),
    )
    both = replace(SCENARIO, pools=(*SCENARIO.pools, other), functions=functions)
    assert checked(both, replications=20) == checked(replications=20)
    with pytest.raises(ConfigurationError, match='no pool "NONE"'):
        check_model(both, pool="NONE", requests=1, rejected=0)


def test_the_warm_up_is_not_counted():
    """A day limit that the first half uses up rejects all of the second, none of a whole that has room."""
    day = simple_scenario(keys=1, per_day=100, rate_per_min=1.0, duration_s=36_000.0)
    half = replace(day, warm_up_s=18_000.0)
    assert checked(half).predicted == 1.0
    # 600 requests on average, 100 of which pass.
    assert checked(day).predicted == pytest.approx(5 / 6, abs=0.01)


def test_the_same_seed_gives_the_same_check():
    """On one worker and on two; another seed another."""
    assert checked(replications=20) == checked(replications=20, jobs=2)
    assert checked(replications=20) != checked(replications=20, seed=1)


@pytest.mark.parametrize(
    ("rejected", "explains"), [(1, False), (2, True), (5, True), (8, True), (9, False)], ids=str
)
def test_the_log_is_explained_where_its_share_lies_within(rejected, explains):
    """Both ends included."""
    assert ModelCheck("POOL", 100, rejected, 0.05, 0.02, 0.08, 200).explains == explains


def test_keys_of_one_project_are_not_explained_by_keys_of_their_own():
    """The fitted model finds the shared quota and explains the log; the declared limits alone do not."""
    pool = SCENARIO.pools[0]
    truth = replace(SCENARIO, pools=(replace(pool, projects=("a", "a", "b", "c")),))
    events = simulated_events(truth)
    (logged,) = logged_pools(events, PoolConfig(pools=(pool,)))
    span = span_of_log(events)
    fitted = fit_pool(logged, span)
    model = scenario_of([fitted], span)
    told = {"requests": fitted.requests, "rejected": fitted.rejected, "relative_error": fitted.relative_error}
    assert checked(model, **told).explains
    declared = checked(replace(model, pools=(replace(pool, functions=model.pools[0].functions),)), **told)
    assert not declared.explains
    assert declared.observed > declared.high


@pytest.mark.parametrize(
    ("requests", "replications"), [(1_000, 200), (20_000, 200), (40_000, 100), (10**6, 20)], ids=str
)
def test_long_logs_take_fewer_replications(requests, replications):
    """Four million requests in all, and 20 replications at least."""
    assert checked(requests=requests).replications == replications


def test_few_replications_give_as_wide_an_interval():
    """Wider by Student's t, 2.09 sqrt(1.05) / 1.96: within 4 errors of 8 spreads; and never below 0."""
    wide = checked(replications=400)
    few = [checked(replications=20, seed=seed) for seed in range(8)]
    mean = np.mean([own.high - own.low for own in few])
    assert mean / (wide.high - wide.low) == pytest.approx(1.09, rel=0.25)
    quiet = checked(replace(SCENARIO, duration_s=600.0), replications=20)
    assert quiet.low == 0.0 < quiet.high
