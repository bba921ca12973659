"""At which time of the day a pool has spent the calls of its day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec.structs import replace

from keyrota.planning.spans import next_midnights
from keyrota.quota.days import PACIFIC
from keyrota.simulation.experiment import run_replications
from keyrota.simulation.scenario import Scenario
from keyrota.simulation.setting import NEVER, setting_of
from keyrota.simulation.tally import OfPool
from keyrota.traffic.arrivals import expected_requests

WEEK: Final = 7
MOST_WEEKS: Final = 8
MOST_REQUESTS: Final = {"compiled": 2_000_000, "simpy": 100_000}
"""Requests that are simulated at most, about; a week at least is."""


@dataclass(frozen=True)
class DayEnd:
    """When the last call that any key has left for the day is spent.

    Parameters
    ----------
    pacific, utc
        The median time of the day, ``HH:MM``, of the days on which it comes.
    share_of_days
        On how many days it comes, a fraction above one half.
    """

    pacific: str
    utc: str
    share_of_days: float


def day_end(scenario: Scenario, *, seed: int, engine: str) -> DayEnd | None:
    """Simulate whole Pacific days of all weekdays; ``None`` if the calls last on most of them."""
    if scenario.pools[0].quota.per_day is None:
        return None
    arrivals = [function.arrivals for function in scenario.functions if function.arrivals is not None]
    a_week = max(1.0, sum(expected_requests(kind, WEEK * 86_400.0) for kind in arrivals))
    weeks = int(min(MOST_WEEKS, max(1, MOST_REQUESTS[engine] // a_week)))
    midnights = next_midnights(scenario.start, WEEK + 1)
    seeds = np.random.SeedSequence(seed)
    after: list[float] = []
    for day in range(WEEK):
        span = (midnights[day + 1] - midnights[day]).total_seconds()
        whole = replace(scenario, start=midnights[day], duration_s=span, warm_up_s=0.0, deployments_s=())
        setting = setting_of(whole)
        for tally in run_replications(setting, seeds, range(day, WEEK * weeks, WEEK), engine=engine):
            moment = int(tally.pools[0, OfPool.EXHAUSTED])
            if moment != NEVER and moment < setting.end:
                after.append((moment - setting.start) / 1e9)
    share = len(after) / (WEEK * weeks)
    if share <= 0.5:
        return None
    moment_utc = midnights[0] + dt.timedelta(seconds=float(np.median(after)))
    return DayEnd(f"{moment_utc.astimezone(PACIFIC):%H:%M}", f"{moment_utc:%H:%M}", share)
