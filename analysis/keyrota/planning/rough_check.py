"""Whether the closed form of a log's model is plainly at odds with the log: without a simulation."""

from __future__ import annotations

from typing import Final

import numpy as np

from keyrota.planning.expected import expected_share
from keyrota.planning.fitted import FittedPool
from keyrota.planning.resize import at_total_rate, total_rate, without_day_limit
from keyrota.simulation.scenario import Scenario

PLAIN: Final = 5.0
"""Binomial standard errors beyond which a share is plainly another: 429s come together, so that the share of
a healthy log varies up to twice as much."""


def is_plainly_off(scenario: Scenario, fitted: FittedPool) -> bool:
    """Return whether a log's share of 429s is beyond what the closed form, chance and the rate allow.

    A coarse guard where `keyrota.planning.model_check` is too slow: the ends of the rate's 95 % interval, and
    `PLAIN` standard errors from there. Above counts the sum of what minute and day reject. Below counts only
    without a day's limit: a log that holds a part of a day may end before its calls are spent.

    Parameters
    ----------
    scenario
        Of the pool, as it was fitted; of traffic without a closed form nothing is said.
    fitted
        Its fit, with the share in the log.
    """
    name, rate = fitted.pool.name, total_rate(scenario)
    reach = 1.96 * fitted.relative_error
    low = expected_share(at_total_rate(scenario, rate * max(0.01, 1 - reach)), name)
    faster = at_total_rate(scenario, rate * (1 + reach))
    high, by_minute = expected_share(faster, name), expected_share(without_day_limit(faster), name)
    if low is None or high is None or by_minute is None:
        return False
    observed, has_day = fitted.rejected / fitted.requests, scenario.pools[0].quota.per_day is not None
    most = min(1.0, high + by_minute) if has_day else high
    if observed > most + _chance(most, fitted.requests):
        return True
    return not has_day and observed < low - _chance(low, fitted.requests)


def _chance(share: float, requests: int) -> float:
    # A share of nothing at all has the error of one request.
    return PLAIN * float(np.sqrt(max(share * (1 - share), 1 / requests) / requests))
