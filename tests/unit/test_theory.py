"""What the closed forms refuse, and how; edges of their ranges."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from keyrota import theory
from keyrota.errors import ModelError
from keyrota.theory.arguments import MOST

POOL = {"keys": 2, "per_minute": 2}
DAY = {"keys": 2, "per_day": 50}
CALLS = {
    "poisson_overflow": lambda: theory.poisson_overflow(1.0, 2),
    "erlang_b": lambda: theory.erlang_b(2, 1.0),
    "rejected_share": lambda: theory.rejected_share(4, **POOL),
    "usable_rate": lambda: theory.usable_rate(target=0.01, **POOL),
    "keys_needed": lambda: theory.keys_needed(4, per_minute=2, target=0.01),
    "day_rejected_share": lambda: theory.day_rejected_share(100, **DAY),
    "day_usable_rate": lambda: theory.day_usable_rate(target=0.01, **DAY),
    "day_rate_per_min": lambda: theory.day_rate_per_min(2, 50),
    "minutes_to_exhaustion": lambda: theory.minutes_to_exhaustion(4, **DAY),
    "cold_share": lambda: theory.cold_share(4, slots=300, life_s=75),
    "used_keys": lambda: theory.used_keys(4, 2),
    "busy_instances": lambda: theory.busy_instances(0.9, 2.0),
}


def test_every_public_name_is_called_here():
    """No closed form without a look at its result's type."""
    assert sorted(CALLS) == sorted(theory.__all__)


@pytest.mark.parametrize("name", CALLS)
def test_results_are_plain_numbers(name):
    """A float or an int of Python, so that JSON can hold it."""
    assert type(CALLS[name]()) is (int if name in ("keys_needed", "used_keys") else float)


NEEDS_NO_RATE = "no rate meets a limit of 0, and more keys will not help"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: theory.rejected_share(-1, **POOL),
            r"rate_per_min must be a number from 0 to 1e\+12, not -1",
        ),
        (lambda: theory.rejected_share(math.nan, **POOL), "rate_per_min must be a number .* not nan"),
        (lambda: theory.rejected_share(math.inf, **POOL), "rate_per_min must be a number .* not inf"),
        (lambda: theory.rejected_share(10**400, **POOL), "rate_per_min must be a number .* not 1000"),
        (lambda: theory.rejected_share("4", **POOL), 'rate_per_min must be a number .* not "4"'),
        (lambda: theory.rejected_share(None, **POOL), "rate_per_min must be a number .* not None"),
        (lambda: theory.rejected_share([1, 2], **POOL), r"rate_per_min must be a number .* not \[1, 2\]"),
        (
            lambda: theory.rejected_share(1, keys=0, per_minute=2),
            "keys must be a whole number from 1 .* not 0",
        ),
        (lambda: theory.rejected_share(1, keys=2.5, per_minute=2), "keys must be a whole number .* not 2.5"),
        (lambda: theory.rejected_share(1, keys=2, per_minute=0), f"per_minute is 0: {NEEDS_NO_RATE}"),
        (
            lambda: theory.rejected_share(1, keys=2, per_minute=-2),
            "per_minute must be a whole number .* not -2",
        ),
        (
            lambda: theory.rejected_share(1, keys=2, per_minute=10**9 + 1),
            "per_minute must be a whole number from 1 to 1,000,000,000, not 1000000001",
        ),
        (lambda: theory.usable_rate(keys=2, per_minute=0, target=0.1), f"per_minute is 0: {NEEDS_NO_RATE}"),
        (lambda: theory.usable_rate(target=0, **POOL), "target must be a fraction between 0 and 1, .* not 0"),
        (lambda: theory.usable_rate(target=1, **POOL), "target must be a fraction between 0 and 1, .* not 1"),
        (lambda: theory.usable_rate(target="1%", **POOL), 'target must be a fraction .* not "1%"'),
        (
            lambda: theory.keys_needed(4, per_minute=2, target=math.nan),
            "target must be a fraction .* not nan",
        ),
        (lambda: theory.keys_needed(4, per_minute=0, target=0.1), f"per_minute is 0: {NEEDS_NO_RATE}"),
        (
            lambda: theory.keys_needed(1e6, per_minute=1, target=1e-9),
            "1000000.0 requests a minute need more than 1,000,000,000 keys at a target of 1e-09",
        ),
        (lambda: theory.day_rejected_share(1, keys=2, per_day=0), f"per_day is 0: {NEEDS_NO_RATE}"),
        (lambda: theory.day_rejected_share(-1, **DAY), "requests_per_day must be a number .* not -1"),
        (lambda: theory.day_rejected_share(1, choice="rnd", **DAY), 'unknown choice "rnd"'),
        (lambda: theory.day_usable_rate(target=2, **DAY), "target must be a fraction .* not 2"),
        (lambda: theory.day_rate_per_min(0, 50), "keys must be a whole number .* not 0"),
        (lambda: theory.day_rate_per_min(2, 0), f"per_day is 0: {NEEDS_NO_RATE}"),
        (lambda: theory.minutes_to_exhaustion(-4, **DAY), "rate_per_min must be a number .* not -4"),
        (lambda: theory.cold_share(4, slots=0, life_s=75), "slots must be a whole number .* not 0"),
        (lambda: theory.cold_share(4, slots=300, life_s=-1), "life_s must be a number .* not -1"),
        (lambda: theory.cold_share(-4, slots=300, life_s=75), "rate_per_min must be a number .* not -4"),
        (lambda: theory.used_keys(4, 0), "picks_per_request must be a whole number from 1 .* not 0"),
        (lambda: theory.busy_instances(-0.9, 2), "rate_per_s must be a number .* not -0.9"),
        (lambda: theory.busy_instances(0.9, math.nan), "service_s must be a number .* not nan"),
        (lambda: theory.poisson_overflow(-1, 2), "mean must be a number .* not -1"),
        (lambda: theory.poisson_overflow(1, -2), "limit must be a whole number from 0 .* not -2"),
        (lambda: theory.erlang_b(-1, 2), "servers must be a whole number from 0 .* not -1"),
        (lambda: theory.erlang_b(1, math.inf), "offered_load must be a number .* not inf"),
    ],
)
def test_errors_say_what_is_allowed(call, message):
    """One line: what was wrong, the value, what is allowed."""
    with pytest.raises(ModelError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"window": "slidng"},
            'unknown window "slidng"; did you mean "sliding"? Allowed are "fixed", "sliding"',
        ),
        ({"window": "Fixed"}, 'unknown window "Fixed"; did you mean "fixed"? Allowed are'),
        ({"window": "weekly\x1b"}, 'unknown window "weekly\\x1b"; allowed are "fixed", "sliding" and'),
        ({"window": None}, "unknown window None; allowed are"),
        ({"choice": "failover"}, 'unknown choice "failover"; did you mean "fail-over"? Allowed are "random"'),
        ({"choice": "x"}, 'choice "x"; allowed are "random", "fail-over" and "shared-round-robin"'),
        ({"choice": "random-start-round-robin"}, "in between only simulation gives it"),
        ({"choice": "least-used"}, 'so take "fail-over"'),
        ({"window": "token-bucket"}, "only simulation gives it"),
        (
            {"window": "sliding", "choice": "shared-round-robin"},
            'it lies between "random" and "fail-over", and only simulation gives it',
        ),
    ],
)
def test_cases_without_a_formula_are_refused(options, message):
    """By all three planners alike, with the closest name or the way out."""
    for call in (
        lambda: theory.rejected_share(4, **POOL, **options),
        lambda: theory.usable_rate(target=0.01, **POOL, **options),
        lambda: theory.keys_needed(4, per_minute=2, target=0.01, **options),
    ):
        with pytest.raises(ModelError) as caught:
            call()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_the_ends_of_the_laws():
    """No calls, no permits, next to none, and more than anyone has."""
    assert theory.poisson_overflow(0, 2) == 0
    assert theory.poisson_overflow(0, 0) == 0
    assert theory.poisson_overflow(1e-9, 0) == theory.poisson_overflow(7.5, 0) == 1
    assert theory.poisson_overflow(1e308, 2) == 1
    assert theory.poisson_overflow(5e-324, 1) == 0
    assert theory.poisson_overflow(3.0, 10**12) == 0
    assert theory.erlang_b(0, 0) == theory.erlang_b(0, 3.5) == 1
    assert theory.erlang_b(3, 0) == 0
    assert theory.erlang_b(3, 1e308) == 1
    assert theory.erlang_b(10**12, 3.0) == 0


def test_no_requests_need_one_key_and_lose_nothing():
    """A rate of 0 is allowed: the smallest pool, no 429s, every request that might come is cold."""
    assert theory.keys_needed(0, per_minute=2, target=0.01) == 1
    for window in ("fixed", "sliding"):
        assert theory.rejected_share(0, window=window, **POOL) == 0
    assert theory.cold_share(0, slots=300, life_s=75) == 1
    assert theory.busy_instances(0, 2) == 0


def test_very_large_pools_are_planned():
    """The bounds of the arguments are within reach; random choice on one key is fail-over on it."""
    assert theory.keys_needed(1e6, per_minute=2, target=0.01, choice="fail-over") == 495_000
    assert theory.rejected_share(1e12, keys=MOST, per_minute=MOST, choice="fail-over") == 0
    for window in ("fixed", "sliding"):
        one = {"keys": 1, "per_minute": 1000, "window": window}
        assert theory.rejected_share(990, **one) == theory.rejected_share(990, choice="fail-over", **one)


@pytest.mark.parametrize("rate", [np.float64(4), np.int64(4), Fraction(4), Decimal(4)])
def test_any_number_is_a_rate(rate):
    """NumPy's and the standard library's numbers are taken as what they are."""
    assert theory.rejected_share(rate, **POOL) == theory.rejected_share(4.0, **POOL)
    assert theory.rejected_share(4, keys=np.int32(2), per_minute=np.int64(2)) == theory.rejected_share(
        4, **POOL
    )
