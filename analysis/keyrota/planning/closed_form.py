"""Which closed form speaks about a scenario, if any does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from keyrota import theory
from keyrota.planning.resize import at_total_rate
from keyrota.pools.declared import Pool
from keyrota.simulation.scenario import Fail, Failover, Function, Hosted, Scenario, Single
from keyrota.theory.day import MINUTES_PER_DAY
from keyrota.traffic.arrivals import Poisson, mean_rate

MOSTLY_COLD: Final = 0.6
"""Share of cold starts from which round robin inside isolates is taken to hardly act."""

MANY_SLOTS: Final = 5
"""Slots per key from which successive picks are those of different isolates: four keys of 2 a minute have .9
times the 429s of a random choice on 20 slots of 75 s, and a fifth of them on one slot of 15 s."""


@dataclass(frozen=True)
class ClosedForm:
    """The law of `keyrota.theory` for a pool: its keys and limits, the window, the choice of keys.

    `is_exact` is false where hosted isolates are taken to start at every request (round robin inside an
    isolate then hardly acts, and the pool does a little better than a random choice), and where limits of
    minute and day stand together, each of which the theory takes alone.
    """

    keys: int
    per_minute: int | None
    per_day: int | None
    window: str
    choice: str
    is_exact: bool

    def usable_per_min(self, target: float) -> float | None:
        """Return the largest rate by the minute limit alone; ``None`` without such a limit."""
        if self.per_minute is None:
            return None
        return theory.usable_rate(
            keys=self.keys, per_minute=self.per_minute, target=target, window=self.window, choice=self.choice
        )

    def day_usable_per_min(self, target: float) -> float | None:
        """Return the largest mean rate by the daily limit alone; ``None`` without such a limit."""
        if self.per_day is None:
            return None
        return theory.day_usable_rate(keys=self.keys, per_day=self.per_day, target=target, choice=self.choice)

    def rejected_share(self, rate_per_min: float) -> float:
        """Return the share of 429s at a rate around the clock: that of the limit that rejects more."""
        shares = [0.0]
        if self.per_minute is not None:
            shares.append(
                theory.rejected_share(
                    rate_per_min, keys=self.keys, per_minute=self.per_minute, window=self.window,
                    choice=self.choice,
                )
            )  # fmt: skip
        if self.per_day is not None:
            shares.append(
                theory.day_rejected_share(
                    MINUTES_PER_DAY * rate_per_min, keys=self.keys, per_day=self.per_day, choice=self.choice
                )
            )
        return max(shares)

    def with_failover(self) -> ClosedForm:
        """Return the law of the same pool if a rejected call goes on to the other keys."""
        return replace(self, choice="fail-over")


def closed_form(scenario: Scenario, pool: Pool) -> ClosedForm | None:
    """Return the closed form for the traffic of one pool, ``None`` where only simulation tells.

    Poisson traffic that does not grow, keys of their own projects, and a rotation and a reaction to
    429s that the theory covers.
    """
    functions = [function for function in scenario.functions if function.pool == pool.name]
    arrivals = [function.arrivals for function in functions]
    if not all(isinstance(a, Poisson) and a.growth_per_day == 0 for a in arrivals):
        return None
    if any(function.triggers for function in scenario.functions):
        return None
    if _shares_quotas(scenario, pool):
        return None
    if any(getattr(function.isolates, "max_instances", None) is not None for function in functions):
        return None  # what meets the cap never calls
    found = _choice(scenario, pool)
    if found is None or not _is_covered(scenario, found[0]):
        return None
    choice, is_exact = found
    quota = pool.quota
    has_both = quota.per_minute is not None and quota.per_day is not None
    if has_both and scenario.charge_rejected:
        return None  # what the minute rejects would use up the day
    return ClosedForm(
        pool.size, quota.per_minute, quota.per_day, scenario.window, choice, is_exact and not has_both
    )


def closed_form_at_usable(scenario: Scenario, target: float) -> ClosedForm | None:
    """Return the closed form of the only pool that holds at the usable rate which it gives itself."""
    law = closed_form(at_total_rate(scenario, 1e-6), scenario.pools[0])
    if law is None or law.is_exact:
        return law
    rates = [law.usable_per_min(target), law.day_usable_per_min(target)]
    at_usable = at_total_rate(scenario, min(rate for rate in rates if rate is not None))
    return closed_form(at_usable, scenario.pools[0])


def _shares_quotas(scenario: Scenario, pool: Pool) -> bool:
    """Whether a key of the pool shares its quota with another, of its own pool or of one of its model."""
    if not pool.projects:
        return False
    projects = list(pool.projects)
    for other in scenario.pools:
        if other.name != pool.name and other.model == pool.model:
            projects += other.projects
    return any(projects.count(project) > 1 for project in pool.projects)


def _is_covered(scenario: Scenario, choice: str) -> bool:
    if scenario.window == "token-bucket":
        return False
    return scenario.window == "fixed" or (choice != "shared-round-robin" and not scenario.charge_rejected)


def _choice(scenario: Scenario, pool: Pool) -> tuple[str, bool] | None:
    reaction = scenario.on_reject
    if isinstance(reaction, Failover):
        return ("fail-over", True) if reaction.tries is None or reaction.tries >= pool.size else None
    if not isinstance(reaction, Fail):
        return None
    if pool.size == 1 or scenario.policy == "random":
        return "random", True
    if scenario.policy == "least-used":
        return "fail-over", True
    if scenario.picks_per_request != 1:
        return None
    if scenario.policy == "shared-round-robin":
        return "shared-round-robin", True
    functions = [function for function in scenario.functions if function.pool == pool.name]
    kinds = [function.isolates for function in functions]
    if len(kinds) == 1 and isinstance(kinds[0], Single) and scenario.policy != "sticky":
        return "shared-round-robin", not scenario.deployments_s
    is_cold = all(_is_mostly_cold(function, pool.size) for function in functions)
    if scenario.policy == "random-start-round-robin" and is_cold:
        return "random", False
    return None


def _is_mostly_cold(function: Function, keys: int) -> bool:
    """Whether most requests start an isolate, one of many, so that a pick is nearly a random one."""
    isolates = function.isolates
    if isinstance(isolates, Hosted) and isolates.slots < MANY_SLOTS * keys:
        return False
    if not isinstance(isolates, Hosted) or function.arrivals is None:
        return isinstance(isolates, Hosted)
    share = theory.cold_share(mean_rate(function.arrivals), slots=isolates.slots, life_s=isolates.life_s)
    return share >= MOSTLY_COLD
