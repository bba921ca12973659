"""The daily limit, which binds first at the limits of free keys.

The day is the provider's (America/Los_Angeles, with 23 or 25 hours twice a year); rates a minute are
means over 1,440 minutes.
"""

from __future__ import annotations

import math
from typing import Final

from keyrota.theory.arguments import amount, check_choice, limit, target_share, whole
from keyrota.theory.minute import largest_rate, share

MINUTES_PER_DAY: Final = 1440


def day_rejected_share(requests_per_day: float, *, keys: int, per_day: int, choice: str = "random") -> float:
    """Return the long-run share of requests that the daily limit alone rejects.

    A Poisson number of requests meets the permits of the day; the day is one fixed window, so that the
    formulas are those of `keyrota.theory.rejected_share` with a fixed window: over(m / K, D) at random,
    over(m, K D) with fail-over or shared round robin. How the requests spread over the day does not
    matter; a mean that differs from day to day does, and rejects more.

    Parameters
    ----------
    requests_per_day : float
        Mean m over the pool, at least 0.
    keys : int
        Keys K in the pool.
    per_day : int
        Limit D of each key.
    choice : {"random", "fail-over", "shared-round-robin"}
        As for `keyrota.theory.rejected_share`.

    Returns
    -------
    float
        A share in [0, 1]; 0 if there are no requests.

    Raises
    ------
    ModelError
        When an argument is outside its range.

    Examples
    --------
    >>> round(day_rejected_share(200, keys=2, per_day=50, choice="fail-over"), 6)
    0.5
    """
    check_choice(choice)
    requests = amount(requests_per_day, "requests_per_day")
    return share(requests, whole(keys, "keys"), limit(per_day, "per_day"), "fixed", choice)


def day_usable_rate(*, keys: int, per_day: int, target: float, choice: str = "random") -> float:
    """Return the largest mean rate a minute at which the daily limit rejects no more than a target.

    The model is that of `day_rejected_share`.

    Parameters
    ----------
    keys, per_day, choice
        As for `day_rejected_share`.
    target : float
        Tolerated share of rejected requests, in (0, 1).

    Returns
    -------
    float
        Requests a minute over the pool: those of a day divided by 1,440.

    Raises
    ------
    ModelError
        When an argument is outside its range.

    Examples
    --------
    >>> round(day_usable_rate(keys=2, per_day=50, target=0.01, choice="fail-over"), 4)
    0.0631
    """
    check_choice(choice)
    size, permits = whole(keys, "keys"), limit(per_day, "per_day")
    a_day = largest_rate(
        lambda mean: share(mean, size, permits, "fixed", choice), size * permits, target_share(target)
    )
    return a_day / MINUTES_PER_DAY


def day_rate_per_min(keys: int, per_day: int) -> float:
    """Return the nominal rate that the daily limit sustains: K D / 1440.

    No admission exceeds it over a day of 24 hours; at this very rate some requests are rejected.

    Parameters
    ----------
    keys : int
        Keys in the pool.
    per_day : int
        Limit of each key.

    Returns
    -------
    float
        Requests a minute over the pool.

    Raises
    ------
    ModelError
        When an argument is outside its range.

    Examples
    --------
    >>> round(day_rate_per_min(keys=2, per_day=50), 3)
    0.069
    """
    return whole(keys, "keys") * limit(per_day, "per_day") / MINUTES_PER_DAY


def minutes_to_exhaustion(rate_per_min: float, *, keys: int, per_day: int) -> float:
    """Return the mean time from the reset until every call of the day is spent: K D / rate.

    Exact for Poisson requests that all pass until then, with fail-over or shared round robin: K D gaps
    of mean 1 / rate. What the minute limit rejects delays it: take the admitted rate. Keys chosen at
    random are not all empty at once; the first is empty earlier, the last later.

    Parameters
    ----------
    rate_per_min : float
        Requests a minute over the pool, at least 0.
    keys : int
        Keys in the pool.
    per_day : int
        Limit of each key.

    Returns
    -------
    float
        Minutes; infinite if the rate is 0. Above 1,440 the day ends first.

    Raises
    ------
    ModelError
        When an argument is outside its range.

    Examples
    --------
    >>> minutes_to_exhaustion(4, keys=2, per_day=50)
    25.0
    """
    rate = amount(rate_per_min, "rate_per_min")
    permits = whole(keys, "keys") * limit(per_day, "per_day")
    return permits / rate if rate else math.inf
