"""The verdicts over all pools: fair, unfair, or not enough data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from keyrota.rotation.fairness import RotationTests, TestName
from keyrota.rotation.multiple import holm

Verdict = Literal["fair", "unfair", "not enough data"]


@dataclass(frozen=True)
class Decision:
    """The verdict on one pool.

    Parameters
    ----------
    verdict
        Fair, unfair, or not enough data.
    p_value
        The pool's p-value, adjusted for the number of its tests and of the pools.
    called
        The tests that speak against the rotation at the level; none unless the verdict is "unfair".
    """

    verdict: Verdict
    p_value: float
    called: frozenset[TestName]


def decide(tests: Sequence[RotationTests], *, alpha: float = 1e-3) -> list[Decision]:
    """Return the verdict on each pool, at a false-alarm rate of `alpha` over all of them (Holm).

    Unfair: a test speaks against the rotation. Fair: none does, and there was enough data to see a
    share that is off by a third with probability 0.9, or the succession alone keeps the shares even;
    where isolates are unknown the intervals of the shares must exclude such a share besides.
    Otherwise the data do not suffice; nor do they where the draws of the tests are too few for a
    p-value below `alpha`.

    Parameters
    ----------
    tests
        One for each pool with picks.
    alpha
        Family-wise level.
    """
    adjusted = holm([test.p_value for test in tests]).tolist()
    return [
        _decision(test, p_value, alpha, len(tests)) for test, p_value in zip(tests, adjusted, strict=True)
    ]


def calls_shares(tests: RotationTests, called: frozenset[TestName]) -> bool:
    """Return whether the shares are uneven: by tests of their own, else by that of the starts.

    Parameters
    ----------
    tests
        Of the pool; where every run is one pick, the starts are the shares.
    called
        The tests that speak against the rotation.
    """
    has_own = tests.shares is not None or tests.shares_unknown is not None
    own: set[TestName] = {"shares", "shares_unknown"} if has_own else {"starts"}
    return bool(called & own)


def _decision(test: RotationTests, p_value: float, alpha: float, pools: int) -> Decision:
    # What Holm multiplies the pool's smallest p-value by, it multiplies the others by.
    factor = p_value / test.p_value if test.p_value > 0 else 1.0
    called = frozenset(name for name, p in test.p_values.items() if p * factor < alpha)
    if called:
        return Decision("unfair", p_value, called)
    is_enough = (
        test.independent_picks >= test.independent_needed
        and test.are_shares_even
        and test.least_p_value * pools < alpha
    )
    is_fair = test.size == 1 or test.is_even_by_construction or is_enough
    return Decision("fair" if is_fair else "not enough data", p_value, called)
