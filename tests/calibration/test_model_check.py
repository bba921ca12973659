"""How often the model is said to explain a log that it made, and one that it did not make.

An interval of the very scenario holds 95 % of its logs. One of a fitted scenario holds more: the rate is
fitted to the log in question, whose chance it has in common with the share.
"""

import numpy as np
import pytest
from msgspec.structs import replace

from keyrota.planning.fitted import fit_pool, scenario_of
from keyrota.planning.logged import logged_pools, span_of_log
from keyrota.planning.model_check import check_model
from keyrota.pools.declared import PoolConfig
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.scenario import Failover, Hosted
from keyrota.simulation.simple import simple_scenario

CASES = {
    "1 %": {"rate_per_min": 1.2},
    "6 %": {"rate_per_min": 3.0},
    "20 %": {"rate_per_min": 6.0, "isolates": Hosted(slots=20)},
    "fail over": {"rate_per_min": 6.0, "on_reject": Failover()},
    "sliding": {"rate_per_min": 2.0, "window": "sliding"},
}
ALL = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


def scenario(*, hours=4.0, **case):
    return simple_scenario(keys=4, per_minute=2, duration_s=3600.0 * hours, **case)


def logs(truth, seeds, declared=None):
    """Each log's pool as fitted, and its span."""
    for seed in seeds:
        events = simulated_events(truth, seed=seed)
        (logged,) = logged_pools(events, PoolConfig(pools=declared or truth.pools))
        span = span_of_log(events)
        yield fit_pool(logged, span), span


def explained_by_itself(case, seeds, replications):
    """Share of logs that the very scenario explains, the share to expect, and that of 429s.

    2.5 % of the logs lie beyond each end of the interval; none lie below one that begins at 0.
    """
    truth = scenario(**case)
    found = [(own.requests, own.rejected) for own, _ in logs(truth, seeds)]
    model = check_model(truth, pool="POOL", requests=1, rejected=0, replications=replications, seed=10**6)
    shares = np.array([rejected / requests for requests, rejected in found])
    expected = 0.95 if model.low > 0 else 0.975
    return np.mean((model.low <= shares) & (shares <= model.high)), expected, shares.mean()


def explained_by_its_fit(case, seeds, replications):
    """Share of logs that their own fits explain."""
    return np.mean([
        check_model(
            scenario_of([own], span), pool="POOL", requests=own.requests, rejected=own.rejected,
            relative_error=own.relative_error, replications=replications, seed=10**6 + seed,
        ).explains
        for seed, (own, span) in zip(seeds, logs(scenario(**case), seeds), strict=True)
    ])  # fmt: skip


def test_a_log_is_explained_by_its_scenario():
    """100 logs, 6 % of 429s: what is expected, to 5 points (2.3 standard errors: p = .02)."""
    held, expected, share = explained_by_itself(CASES["6 %"], range(100), 1_000)
    assert abs(held - expected) <= 0.05
    assert 0.008 <= share <= 0.21


@pytest.mark.parametrize("case", [CASES["6 %"]], ids=["6 %"])
def test_a_log_is_explained_by_its_fit(case):
    """30 logs: at least 26 (if it were 95 %, fewer with p = .02 with new seeds; it is more)."""
    assert explained_by_its_fit(case, range(30), 100) >= 26 / 30


def test_keys_of_one_project_are_not_explained_by_the_declaration():
    """Held against separate keys, 30 logs of two keys that share a quota: at most one is explained."""
    separate = scenario(hours=12.0, rate_per_min=3.0)
    pool = separate.pools[0]
    truth = replace(separate, pools=(replace(pool, projects=("a", "a", "b", "c")),))
    model = check_model(separate, pool="POOL", requests=1, rejected=0, replications=400)
    explained = sum(
        model.low <= own.rejected / own.requests <= model.high for own, _ in logs(truth, range(30), (pool,))
    )
    assert explained <= 1


@pytest.mark.nightly
@ALL
def test_a_log_is_explained_by_its_scenario_closely(case):
    """1,000 logs: to 2.7 points (3.5 standard errors, those of the quantiles of 4,000 included: p < 1e-3)."""
    held, expected, _ = explained_by_itself(case, range(1_000), 4_000)
    assert abs(held - expected) <= 0.027


@pytest.mark.nightly
@ALL
def test_a_log_is_explained_by_its_fit_closely(case):
    """400 logs: at least 93 % (1.8 standard errors below 95 %, and the fits hold more)."""
    assert explained_by_its_fit(case, range(400), 200) >= 0.93
