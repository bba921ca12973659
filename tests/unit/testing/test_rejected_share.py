"""`assert_rejected_share`: a threshold on the requests that end in a 429."""

from __future__ import annotations

from pathlib import Path

import pytest

import keyrota
from keyrota import ConfigurationError, PoolConfig
from keyrota.simulation.scenario import Failover
from keyrota.testing import assert_rejected_share

SAMPLES = Path(__file__).resolve().parents[3] / "sample_logs"
LOG = SAMPLES / "day_with_429s.log.zst"


def test_a_share_above_is_explained() -> None:
    """How many of how many, by which limit, since when, and what to do."""
    with pytest.raises(AssertionError) as failed:
        assert_rejected_share(LOG, below=0.01, pool="CHAT")
    message = str(failed.value)
    assert message.startswith(
        "CHAT: 38.3 % of 162 requests ended in a 429, where less than 1 % may (62 429s: "
    )
    assert "43 per-day and 19 per-minute, the first at 2025-11-21 11:22:31 UTC" in message
    assert "Q302 day-limit-hit" in message
    assert "Q308" not in message


def test_the_threshold_is_sharp() -> None:
    """Below passes, equal does not: 62 of 162."""
    assert_rejected_share(LOG, below=62 / 162 + 1e-9, pool="CHAT")
    with pytest.raises(AssertionError, match=r"CHAT: 38.3 %"):
        assert_rejected_share(LOG, below=62 / 162, pool="CHAT")


def test_every_pool_is_held_against_it() -> None:
    """Without a pool all are."""
    with pytest.raises(AssertionError) as failed:
        assert_rejected_share(LOG)
    assert "CHAT: 38.3 %" in str(failed.value)
    assert "\nARTIFACT: 32.4 %" in str(failed.value)
    assert_rejected_share(SAMPLES / "healthy.json.gz")


def test_a_request_that_goes_on_to_another_key_has_not_ended() -> None:
    """With a client that fails over, 429s are many and requests that end in one are few."""
    shares = {}
    for reaction in ({}, {"on_reject": Failover()}):
        scenario = keyrota.simple_scenario(
            keys=4, per_minute=2, rate_per_min=3.0, duration_s=6 * 3600.0, **reaction
        )
        events = keyrota.simulated_events(scenario, seed=3)
        pools = PoolConfig(pools=scenario.pools)
        (pool,) = keyrota.judge(events, pools=pools).pools
        assert pool.rejections.share is not None
        assert pool.rejections.share > 0.02
        shares[bool(reaction)] = pool.rejections.request_share
        if reaction:
            assert_rejected_share(events, below=0.01, pools=pools)
        else:
            with pytest.raises(AssertionError, match="ended in a 429"):
                assert_rejected_share(events, below=0.01, pools=pools)
    assert shares[True] < shares[False]


@pytest.mark.parametrize("below", [0, -0.1, 1.1, True, float("nan")])
def test_what_is_no_share_is_refused(below: float) -> None:
    """A share is above 0 and up to 1."""
    with pytest.raises(ConfigurationError, match="it is a share above 0 and up to 1"):
        assert_rejected_share(LOG, below=below)


def test_a_log_without_picks_fails() -> None:
    """Nothing can be said of it."""
    with pytest.raises(AssertionError, match="not one pick"):
        assert_rejected_share(SAMPLES / "healthy_invocations.json")
