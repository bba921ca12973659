"""The smallest pool whose share of 429s is within a target, found and proved by simulation.

The share falls with every key, so that a bracket and a bisection find the size. Each size that is tried
sees the same random numbers, in as many replications as it takes to tell on which side of the target it
lies: few far from the answer, many beside it. Two picks a request break the rule in small pools of one
isolate (an even pool uses half of its keys); the size that is found is then one that is enough, with the
one below it too small, but may not be the smallest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from msgspec.structs import replace

from keyrota.display import count
from keyrota.planning.closed_form import closed_form
from keyrota.planning.onset import MOST_SIZE
from keyrota.planning.resize import total_rate, with_size
from keyrota.planning.spans import span_of, wanted_s
from keyrota.simulation.estimates import Quantity
from keyrota.simulation.experiment import rejected_share, run_replications
from keyrota.simulation.scenario import Fail, Scenario
from keyrota.simulation.setting import setting_of
from keyrota.simulation.tally import Tally
from keyrota.theory import keys_needed
from keyrota.theory.day import MINUTES_PER_DAY
from keyrota.traffic.arrivals import Poisson, expected_requests

FIRST_REPLICATIONS: Final = 24
MOST_REPLICATIONS: Final = 4_000
MOST_REQUESTS: Final = {"compiled": 2_000_000, "simpy": 100_000}
"""Requests that are simulated for one size at most, about; then it stays undecided."""

LONGER: Final = 2.0
"""So much longer than those of a search of rates are replications: there are more of them, and many keys."""

HOPELESS: Final = 2
"""A size that would take so many times the effort is left undecided early."""

CLEARANCE: Final = 1.75
"""A search stops before the effort is spent only where the target is this many half-widths away (3.4 standard
errors): it looks several times, at many sizes, at counts of days that are skewed, and would be fooled."""


@dataclass(frozen=True)
class SmallestPool:
    """The smallest pool that is enough.

    Parameters
    ----------
    keys
        Its size; ``None`` if no pool of up to 1,000 keys is.
    share
        The share of requests that end in a 429 with so many keys; its 95 % interval ends within the target.
    share_below
        The same with one key less; ``None`` for a pool of one key.
    is_proved
        Whether the interval with one key less begins outside the target. If not, that size was undecided when
        the effort ended, and it may be enough.
    reason
        Why there is no such pool.
    """

    keys: int | None
    share: Quantity | None
    share_below: Quantity | None
    is_proved: bool
    reason: str | None = None


@dataclass
class SizeSearch:
    """The shares of pools of several sizes under one traffic, each as well known as the target needs.

    Parameters
    ----------
    scenario
        One pool, and traffic.
    target
        Share of 429s, in (0, 1).
    seed
        All sizes see the same random numbers.
    engine
        ``"compiled"`` or ``"simpy"``.
    """

    scenario: Scenario
    target: float
    seed: int
    engine: str
    _shares: dict[int, Quantity] = field(default_factory=dict)

    def share(self, keys: int) -> Quantity:
        """Return the share of 429s with so many keys."""
        if keys not in self._shares:
            self._shares[keys] = self._simulated(keys)
        return self._shares[keys]

    def is_enough(self, keys: int) -> bool:
        """Return whether the whole interval is within the target."""
        high = self.share(keys).ci_high
        return high is not None and high <= self.target

    def is_too_small(self, keys: int) -> bool:
        """Return whether the whole interval is outside the target."""
        low = self.share(keys).ci_low
        return low is not None and low > self.target

    def smallest(self) -> SmallestPool:
        """Search the smallest pool that is enough."""
        least = _least_keys(self.scenario, self.target)
        if least > MOST_SIZE:
            reason = f"the limits alone take {least:,} keys or more; at most {MOST_SIZE:,} are planned for"
            return SmallestPool(None, None, None, is_proved=True, reason=reason)
        low, high = self._bracket(min(max(guessed_keys(self.scenario, self.target), least), MOST_SIZE))
        if high is None:
            reason = f"even {count(MOST_SIZE, 'key')} are not enough"
            return SmallestPool(None, None, None, is_proved=self.is_too_small(MOST_SIZE), reason=reason)
        while high - low > 1:
            middle = (low + high) // 2
            if self.is_enough(middle):
                high = middle
            else:
                low = middle
        below = self.share(low) if low else None
        return SmallestPool(high, self.share(high), below, is_proved=not low or self.is_too_small(low))

    def _bracket(self, guess: int) -> tuple[int, int | None]:
        """Return a size that is not enough (0 is none) and one that is, ``None`` if none is."""
        step = 1
        if self.is_enough(guess):
            low, high = guess - 1, guess
            while low and self.is_enough(low):
                step *= 2
                low, high = max(0, low - step), low
            return low, high
        low = guess
        while low < MOST_SIZE:
            high = min(MOST_SIZE, low + step)
            if self.is_enough(high):
                return low, high
            low, step = high, 2 * step
        return low, None

    def _simulated(self, keys: int) -> Quantity:
        sized = with_size(self.scenario, keys)
        rate = total_rate(sized)
        # Long spells take long replications, but never all of the effort for a few of them.
        most_s = 60 * MOST_REQUESTS[self.engine] / FIRST_REPLICATIONS / rate
        timed = replace(sized, **span_of(sized, min(LONGER * wanted_s(sized, rate), most_s)))
        first, most = replications_of(timed, self.engine)
        setting, seeds = setting_of(timed), np.random.SeedSequence(self.seed)
        tallies: list[Tally] = []
        planned = first
        while True:
            more = range(len(tallies), planned)
            tallies += run_replications(setting, seeds, more, engine=self.engine)
            share = rejected_share(Tally(*(np.stack(tables) for tables in zip(*tallies, strict=True))))
            further = self._further(share, most)
            if further <= planned:
                return share
            planned = further

    def _further(self, share: Quantity, most: int) -> int:
        """Return how many replications shall be done to tell on which side of the target the share lies."""
        done = share.replications
        if share.estimate is None or share.ci_low is None or share.ci_high is None:
            return most
        gap, half = abs(share.estimate - self.target), (share.ci_high - share.ci_low) / 2
        if gap > CLEARANCE * half or done >= most:
            return done
        wanted = math.inf if gap == 0 else 1.2 * done * (CLEARANCE * half / gap) ** 2
        if wanted > HOPELESS * most and done >= most / 4:
            return done
        return math.ceil(min(max(wanted, 2.0 * done), 8.0 * done, float(most)))


def replications_of(scenario: Scenario, engine: str) -> tuple[int, int]:
    """Return with how many replications of a scenario to begin, and how many are affordable."""
    arrivals = [function.arrivals for function in scenario.functions if function.arrivals is not None]
    each = max(1.0, sum(expected_requests(kind, scenario.duration_s) for kind in arrivals))
    # The least-used key is searched among all of them, a little time for each.
    cost = 1 + max(pool.size for pool in scenario.pools) / 50 if scenario.policy == "least-used" else 1.0
    affordable = math.floor(MOST_REQUESTS[engine] / (each * cost))
    # Half as many where each has many requests.
    first = min(FIRST_REPLICATIONS, max(FIRST_REPLICATIONS // 2, affordable // 8), max(4, affordable))
    return first, min(max(first, affordable), MOST_REPLICATIONS)


def guessed_keys(scenario: Scenario, target: float) -> int:
    """Return about how many keys a traffic takes, by theory that need not hold: where a search begins."""
    known = [keys for keys in keys_by_theory(scenario, target, needs_law=False) if keys is not None]
    return max(known, default=1)


def keys_by_theory(
    scenario: Scenario, target: float, *, needs_law: bool = True
) -> tuple[int | None, int | None]:
    """Return how many keys the minute limit alone and the day's limit alone take.

    Parameters
    ----------
    scenario
        One pool, and traffic.
    target
        Share of 429s, in (0, 1).
    needs_law
        Whether a closed form must speak about the scenario; if not, the one that is nearest to it is taken.

    Returns
    -------
    tuple
        ``None`` for a limit that is not declared, and both where theory has to speak and does not.
    """
    pool = scenario.pools[0]
    law = closed_form(_poisson(scenario) if not needs_law else scenario, with_size(scenario, 2).pools[0])
    if needs_law and law is None:
        return None, None
    spread = isinstance(scenario.on_reject, Fail) and scenario.policy not in (
        "shared-round-robin",
        "least-used",
    )
    choice = law.choice if law is not None else "random" if spread else "fail-over"
    window = "fixed" if scenario.window == "token-bucket" else scenario.window
    if window == "sliding" and choice == "shared-round-robin":
        choice = "fail-over"
    rate, quota = total_rate(scenario), pool.quota
    by_minute = by_day = None
    if quota.per_minute is not None:
        by_minute = keys_needed(
            rate, per_minute=quota.per_minute, target=target, window=window, choice=choice
        )
    if quota.per_day is not None:
        # The day is one fixed window, and so the formula is that of a minute.
        by_day = keys_needed(rate * MINUTES_PER_DAY, per_minute=quota.per_day, target=target, choice=choice)
    return by_minute, by_day


def _poisson(scenario: Scenario) -> Scenario:
    """Return the scenario with Poisson traffic of the same rate."""
    functions = tuple(
        function
        if function.arrivals is None
        else replace(function, arrivals=Poisson(rate_per_min=getattr(function.arrivals, "rate_per_min", 0.0)))
        for function in scenario.functions
    )
    return replace(scenario, functions=functions)


def _least_keys(scenario: Scenario, target: float) -> int:
    """Return how many keys it takes at least: what they admit must be all but the target."""
    rate, quota = total_rate(scenario), scenario.pools[0].quota
    needed = [1.0]
    if quota.per_minute is not None:
        needed.append(rate * (1 - target) / quota.per_minute)
    if quota.per_day is not None:
        # A day of 25 hours has more requests, not more permits, so that 24 are the least.
        needed.append(rate * MINUTES_PER_DAY * (1 - target) / quota.per_day)
    return math.ceil(max(needed) - 1e-9)
