"""What a client does after a 429."""

import pytest

from keyrota.simulation.reactions import (
    BACKOFF,
    FAIL,
    FAILOVER,
    GIVES_UP,
    WAIT,
    Reaction,
    delay_after,
)

S = 1_000_000_000


def reaction(kind, **changes):
    own = {
        "tries": 5, "base": S, "cap": 60 * S, "jitter": 0.0, "jitter_ns": 0, "budget": 1000 * S, **changes
    }  # fmt: skip
    return Reaction(kind, **own)


def test_backoff_doubles_up_to_its_cap():
    """1, 2, 4, 4 seconds, then no more."""
    own = reaction(BACKOFF, cap=4 * S)
    assert [delay_after(own, calls, 0, 0, 0, 0.5) for calls in range(1, 6)] == [
        S,
        2 * S,
        4 * S,
        4 * S,
        GIVES_UP,
    ]


@pytest.mark.parametrize(("uniform", "share"), [(0.0, 1.0), (0.5, 0.75), (0.9999999, 0.5)])
def test_jitter_cuts_a_wait(uniform, share):
    """A wait w lasts between (1 - jitter) w and w."""
    assert delay_after(reaction(BACKOFF, jitter=0.5), 1, 0, 0, 0, uniform) == pytest.approx(
        share * S, rel=1e-6
    )


def test_no_wait_ends_after_the_budget():
    """A wait that would end later than the budget after the first 429 is not begun."""
    own = reaction(BACKOFF, budget=5 * S)
    assert delay_after(own, 3, 0, S, 0, 0.0) == 4 * S
    assert delay_after(own, 3, 0, S + 1, 0, 0.0) == GIVES_UP


def test_wait_takes_the_stated_delay():
    """And adds up to its jitter."""
    own = reaction(WAIT, jitter_ns=2 * S)
    assert delay_after(own, 1, 0, 0, 30 * S, 0.0) == 30 * S
    assert delay_after(own, 1, 0, 0, 30 * S, 0.5) == 31 * S
    assert delay_after(reaction(WAIT, budget=20 * S), 1, 0, 0, 30 * S, 0.0) == GIVES_UP


def test_fail_and_failover():
    """Fail has one call; failover calls at once."""
    assert delay_after(reaction(FAIL, tries=1), 1, 0, 0, S, 0.0) == GIVES_UP
    assert delay_after(reaction(FAILOVER), 1, 0, 0, S, 0.0) == 0
    assert delay_after(reaction(FAILOVER), 5, 0, 0, S, 0.0) == GIVES_UP
