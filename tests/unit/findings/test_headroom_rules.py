"""Q307: more 429s are to be expected than the target allows, by theory, whether or not there are any."""

import numpy as np
import pytest
from msgspec.structs import replace

from keyrota import theory
from keyrota.findings.facts import gather
from keyrota.findings.registry import find_all
from keyrota.pools.declared import PoolConfig, Quota
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.scenario import Failover, Hosted
from keyrota.simulation.simple import simple_scenario
from uneven_rotation import TWO_KEYS, uneven_events


def q307(scenario, *, target=0.01, declared=None, change=None, seed=0):
    """The findings of a simulated log."""
    events = simulated_events(scenario, seed=seed)
    if change is not None:
        events = change(events).reset_index(drop=True)
    config = PoolConfig(pools=scenario.pools if declared is None else declared)
    facts = gather(events, config, target=target)
    return [finding for finding in find_all(facts) if finding.code == "Q307"]


def scenario(rate_per_min=3.0, *, hours=12.0, keys=4, per_minute=2, **options):
    return simple_scenario(
        keys=keys, per_minute=per_minute, rate_per_min=rate_per_min, duration_s=3600.0 * hours, **options
    )  # fmt: skip


def test_it_is_found_with_the_numbers_of_the_theory():
    """At the rate of the log: the share, that with fail-over, the observed one, and the limits."""
    (finding,) = q307(scenario())
    found = finding.evidence
    rate = found["requests_per_min"]
    assert rate == pytest.approx(3.0, abs=4 * (3.0 / 720) ** 0.5)  # 4 standard errors, p < 1e-4
    share = theory.rejected_share(rate, keys=4, per_minute=2)
    better = theory.rejected_share(rate, keys=4, per_minute=2, choice="fail-over")
    assert found["expected_share"] == pytest.approx(share)
    assert found["expected_share_by_the_minute"] == pytest.approx(share)
    assert found["expected_share_with_failover"] == pytest.approx(better)
    assert found["observed_share"] == pytest.approx(share, abs=0.025)
    assert found["target"] == 0.01
    assert found["limits_per_minute_and_day"] == [2, None]
    assert found["keys"] == 4
    assert (finding.severity, finding.pool, finding.name) == ("warning", "POOL", "thin-headroom")
    assert finding.message == (
        f"at the traffic of this log, {rate:.2g} requests a minute, the model expects {100 * share:.2g} % "
        "of the requests to end in a 429, against a target of 1 %"
    )
    assert finding.remedy.endswith(f"With a client that tries the next key it would be {100 * better:.2g} %.")
    assert not found["is_doubtful"]


def test_uneven_shares_are_not_what_the_model_expects():
    """Most calls go to one key: the message says that it speaks of equal shares, and what the log has."""
    events = uneven_events(rate_per_min=2.0, requests=1_200, shares=(0.85, 0.15))
    found = [
        finding
        for finding in find_all(gather(events, PoolConfig(pools=(TWO_KEYS,))))
        if finding.pool == "CHAT"
    ]
    assert "R101" in [finding.code for finding in found]
    (finding,) = [finding for finding in found if finding.code == "Q307"]
    assert finding.evidence["is_doubtful"]
    observed = finding.evidence["observed_share"]
    assert observed > 1.5 * finding.evidence["expected_share"]
    assert finding.message.endswith(
        f"; that is at equal shares, which this log does not have (R101): {100 * observed:.0f} % of its "
        "requests do"
    )
    assert finding.remedy.startswith("Correct R101 first.")


@pytest.mark.parametrize(("kept", "is_doubtful"), [(1.0, False), (0.3, True), (0.0, True)])
def test_a_share_that_is_plainly_another_is_said(kept, is_doubtful):
    """Of the 429s of a healthy log some are left out, with their picks: fewer than the model expects."""

    def thinned(events):
        rng = np.random.default_rng(1)
        isolates = events.loc[events["kind"] == "rejection", "isolate"].unique()
        gone = isolates[rng.random(len(isolates)) >= kept]
        return events[~events["isolate"].isin(gone)]

    (finding,) = q307(scenario(12.0), change=thinned)
    assert finding.evidence["is_doubtful"] == is_doubtful
    assert ("; the model does not explain this log, in which " in finding.message) == is_doubtful


@pytest.mark.parametrize(
    "options",
    [
        {"rate_per_min": 3.0},
        {"rate_per_min": 8.0, "on_reject": Failover()},
        {"rate_per_min": 0.12, "per_minute": None, "per_day": 25, "hours": 30.0},
        {"rate_per_min": 0.5, "per_day": 50, "hours": 48.0},
    ],
    ids=["minute", "failover", "a day and a quarter", "minute and day"],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_healthy_log_is_not_doubted(options, seed):
    """Five standard errors beyond the rate's interval: less than one in 10,000."""
    (finding,) = q307(scenario(**options), seed=seed)
    assert not finding.evidence["is_doubtful"]


def test_nothing_is_expected_by_limits_that_the_log_contradicts():
    """The pick lines alone: call after call passes a full window, which is Q304's to tell."""
    assert q307(scenario(), change=lambda events: events[events["kind"].isin(["pick", "pool"])]) == []


def test_the_limits_in_force_count():
    """A declaration of 100 a minute that the errors refute does not hide it."""
    pool = scenario().pools[0]
    (finding,) = q307(scenario(), declared=(replace(pool, quota=Quota(per_minute=100)),))
    assert finding.evidence["limits_per_minute_and_day"] == [2, None]


def test_the_day_may_be_what_is_short():
    """97 requests meet two keys of 50: by the minute nothing is short."""
    (finding,) = q307(
        scenario(97 / 1440, hours=24.0, keys=2, per_minute=15, per_day=50),
        change=lambda events: events[events["kind"].isin(["pick", "pool"])],
    )
    found = finding.evidence
    share = theory.day_rejected_share(1440 * found["requests_per_min"], keys=2, per_day=50)
    assert found["expected_share"] == pytest.approx(share)
    assert found["expected_share_by_the_minute"] < 1e-6
    assert finding.message.endswith("against a target of 1 %: the limit of a day is what is short")


def test_a_client_that_fails_over_is_not_told_to():
    """What it does already helps no more."""
    (finding,) = q307(scenario(6.0, on_reject=Failover()))
    found = finding.evidence
    share = theory.rejected_share(found["requests_per_min"], keys=4, per_minute=2, choice="fail-over")
    assert found["expected_share"] == pytest.approx(share)
    assert "tries the next key" not in finding.remedy


@pytest.mark.parametrize(("target", "codes"), [(0.001, 1), (0.04, 1), (0.09, 0), (0.5, 0)])
def test_the_target_is_respected(target, codes):
    """About 6.5 % are expected."""
    found = q307(scenario(), target=target)
    assert len(found) == codes
    for finding in found:
        assert finding.evidence["target"] == target
        assert finding.message.endswith(f"a target of {100 * target:g} %")


def test_there_is_none_below_the_target():
    """At 0.6 a minute 0.3 % are expected, on which the interval of the rate has no bearing."""
    assert theory.rejected_share(0.6, keys=4, per_minute=2) < 0.005
    assert q307(scenario(0.6)) == []


@pytest.mark.parametrize(
    "silent",
    [
        scenario(per_minute=None),
        scenario(hours=0.1),
        scenario(policy="sticky", isolates=Hosted(slots=4)),
        scenario(policy="start-at-first"),
    ],
    ids=["no limits", "too short", "sticky", "start at first"],
)
def test_it_is_silent_where_nothing_tells(silent):
    """No limit, no rate, or no closed form."""
    assert q307(silent) == []


def test_a_log_without_times_or_picks_has_none():
    """Neither is an error."""
    assert (
        q307(scenario(), change=lambda events: events.assign(time=events["time"].where(events["line"] < 0)))
        == []
    )
    assert q307(scenario(), change=lambda events: events[events["kind"] != "pick"]) == []
