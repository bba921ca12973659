"""Innocent keys are called one quota as seldom as the level says; keys of one project are found.

The logs are those of docs/validate_quota.py, of which docs/validation.md has many more. A healthy log names
any pair with probability alpha at most. How many logs may, is the bound of the binomial law at which a
check would fail falsely with probability below 1e-6, seeds being fresh; they are fixed.
"""

import pytest
from scipy import stats

from keyrota.simulation.scenario import Failover
from keyrota.simulation.simple import simple_scenario
from scripts import script

ALPHA, FALSE_FAILURE = 1e-3, 1e-6
HOUR_S = 3_600.0


quota = script("docs/validate_quota.py")
KINDS = {kind.name: kind for kind in quota.HEALTHY + quota.BEYOND}
IN_MEMORY = [name for name, kind in KINDS.items() if kind.shapes == (None,)]


def bound(logs, probability):
    """Return the most logs that may be called."""
    return int(stats.binom.isf(FALSE_FAILURE, logs, probability))


def healthy(names, logs, *, first):
    """Make the accounts of healthy logs of these kinds, so many of each."""
    return [
        quota.account_of(quota.healthy_case(KINDS[name], first + n)) for name in names for n in range(logs)
    ]


def test_bounds_are_what_they_say():
    """160 logs at 1e-3: the next number has probability below 1e-6."""
    assert bound(160, ALPHA) == 4
    assert stats.binom.sf(bound(160, ALPHA), 160, ALPHA) < FALSE_FAILURE


def test_healthy_logs_share_nothing():
    """160 logs: causes stated or not, wrong or no limits declared, bursts, lost lines, other rules."""
    found = healthy(IN_MEMORY, 20, first=10_000)
    assert len(found) == 160
    assert sum(bool(one.pairs) for one in found) <= bound(len(found), ALPHA)
    # They are no idle logs: calls are rejected in most of them.
    assert sum(one.rejected >= 10 for one in found) > 100


@pytest.mark.nightly
@pytest.mark.parametrize("name", KINDS)
def test_many_healthy_logs_share_nothing(name):
    """150 logs of each kind, also such as were written and read back."""
    found = healthy([name], 150, first=20_000)
    assert sum(bool(one.pairs) for one in found) <= bound(len(found), ALPHA)


def shared(told, seeds, **options):
    scenario = simple_scenario(keys=4, per_minute=2, duration_s=4 * HOUR_S, **options)
    scenario = quota.with_projects(scenario, ("a", "b", "c", "b"))
    return [quota.account_of(quota.Case(scenario, told, seed=seed)) for seed in range(seeds)]


@pytest.mark.parametrize("options", [{"rate_per_min": 3.0}, {"rate_per_min": 4.0, "on_reject": Failover()}])
def test_two_keys_of_one_project_are_found(options):
    """Where errors state cause and limit: in all of 12 logs of four hours, and no other pair."""
    assert [one.pairs for one in shared("stated", 12, **options)] == [{(2, 4)}] * 12


def test_two_keys_of_one_project_are_found_without_a_stated_cause():
    """But where the log begins within its Pacific day, as it seems to in one of twenty: at least 8 of 12.

    At 90 % a log, 7 or fewer have probability 0.004; other pairs are never named.
    """
    found = [one.pairs for one in shared("nothing", 12, rate_per_min=3.0)]
    assert found.count({(2, 4)}) >= 8
    assert all(pairs <= {(2, 4)} for pairs in found)
