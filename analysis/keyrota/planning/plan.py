"""The capacity plan: how many keys a traffic takes, by rotation and reaction, and what to change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from keyrota.arguments import check_growth, check_seed, check_target
from keyrota.display import shown
from keyrota.errors import ConfigurationError, ModelError
from keyrota.planning.binding import Binding, what_binds
from keyrota.planning.day_end import DayEnd, day_end
from keyrota.planning.model_check import ModelCheck
from keyrota.planning.options import Option, options_of, windows_of
from keyrota.planning.outlook import Outlook, look_ahead
from keyrota.planning.resize import at_total_rate, only_pool, total_rate
from keyrota.planning.smallest import SizeSearch, SmallestPool
from keyrota.simulation.estimates import Quantity
from keyrota.simulation.experiment import chosen_engine, map_ordered
from keyrota.simulation.scenario import Scenario
from keyrota.theory.day import MINUTES_PER_DAY
from keyrota.traffic.arrivals import expected_requests
from keyrota.workers import Jobs, check_jobs

LEAST_RATE: Final = 1e-5
"""Requests a minute: about five a year."""
MOST_PER_DAY: Final = 50_000_000
"""Requests of a day, or of ten minutes where no day counts, that are simulated."""

Progress = Callable[[int, int], None]
"""Called with the searches that are done, and how many there are."""


@dataclass(frozen=True)
class Demand:
    """The traffic that the pool has to carry: means of requests, and where they were taken from."""

    per_min: float
    per_day: float
    source: str


@dataclass(frozen=True)
class OptionResult:
    """What one option takes.

    Parameters
    ----------
    option, window
        How keys are chosen, how a client reacts, how the minute limit counts.
    smallest
        The smallest pool whose share of 429s is within the target.
    utilisation
        Demand over keys x limit at that size, of the limit that is used most; ``None`` without a size.
    present_share
        The share of 429s with the keys that the pool has today.
    is_enough_now
        Whether that is within the target, with its whole interval.
    """

    option: Option
    window: str
    smallest: SmallestPool
    utilisation: float | None
    present_share: Quantity
    is_enough_now: bool


@dataclass(frozen=True)
class Recommendation:
    """What to do.

    Parameters
    ----------
    kind
        ``"nothing"``: the pool is within the target; ``"client"``: a change of the client is enough;
        ``"keys"``: keys are missing; ``"too many"``: more than 1,000 keys would be; ``"hopeless"``: keys do
        not help.
    option
        The rotation and reaction; ``None`` if keys do not help.
    keys
        Keys in the pool; ``None`` if none are recommended.
    """

    kind: str
    option: Option | None
    keys: int | None


@dataclass(frozen=True)
class Plan:
    """The capacity plan of one pool.

    Parameters
    ----------
    pool
        Its name.
    scenario
        What concerns the pool, as it is today.
    target
        Share of 429s.
    engine, seed
        Which engine ran, and the seed.
    windows
        How the minute limit is taken to count; the recommendation is for the first.
    demand
        The traffic.
    results
        Option by option, window by window; empty if keys do not help.
    binding
        Which limit asks for the keys; ``None`` if keys do not help.
    day_end
        When the day's calls of the pool are spent, as it is today; ``None`` if they last on most days.
    outlook
        What growth changes; ``None`` without growth.
    recommendation
        What to do.
    hopeless
        Why keys do not help, in words of the caller; ``None`` if they may.
    check
        The model held against the log that it was fitted to; ``None`` if there is none, or if what is planned
        for was changed.
    """

    pool: str
    scenario: Scenario
    target: float
    engine: str
    seed: int
    windows: tuple[str, ...]
    demand: Demand
    results: tuple[OptionResult, ...]
    binding: Binding | None
    day_end: DayEnd | None
    outlook: Outlook | None
    recommendation: Recommendation
    hopeless: str | None = None
    check: ModelCheck | None = None

    @property
    def present_keys(self) -> int:
        """Keys in the pool today."""
        return self.scenario.pools[0].size

    @property
    def is_doubtful(self) -> bool:
        """Whether the model does not explain its log, unless both are within the target as it is."""
        if self.check is None or self.check.explains:
            return False
        return self.recommendation.kind != "nothing" or self.check.observed > self.target

    @property
    def options(self) -> tuple[Option, ...]:
        """What is compared, today's way first."""
        return tuple(dict.fromkeys(result.option for result in self.results))

    def result(self, option: Option, window: str | None = None) -> OptionResult:
        """Return the result of an option, with the first window or a given one."""
        wanted = (option, window or self.windows[0])
        return next(result for result in self.results if (result.option, result.window) == wanted)


def make_plan(
    scenario: Scenario,
    *,
    pool: str,
    target: float = 0.01,
    windows: Sequence[str] | None = None,
    growth_per_day: float | None = None,
    horizon_days: float = 90.0,
    seed: int = 0,
    engine: str = "auto",
    jobs: Jobs = 1,
    cluster: str | None = None,
    on_progress: Progress | None = None,
    source: str = "the rate that was given",
    hopeless: str | None = None,
    binding_hint: str | None = None,
) -> Plan:
    """Find how many keys a pool takes for its traffic, and what to change.

    Parameters
    ----------
    scenario
        The pool as it is declared, its functions with their traffic, and how it rotates today.
    pool
        The pool; only its functions are simulated.
    target
        Tolerated share of requests that end in a 429, in (0, 1).
    windows
        How the minute limit may count, the likelier one first; ``None`` if nobody knows: calendar minutes,
        then the last 60 s.
    growth_per_day
        Growth of the traffic, 0.1 for 10 % a day.
    horizon_days
        How far to look ahead, with growth.
    seed
        All options and sizes see the same random numbers.
    engine, jobs, cluster
        As for `keyrota.simulation.experiment.simulate`; a worker takes an option.
    on_progress
        Called when a search is done.
    source
        Where the demand was taken from.
    hopeless
        Why more keys cannot help, if the caller knows; then nothing is searched.
    binding_hint
        Which limit binds, if the caller knows: ``"tokens-per-minute"``, which is not simulated.

    Raises
    ------
    ConfigurationError, ModelError
        If an argument is not allowed, or the question has no answer.

    Examples
    --------
    >>> from keyrota.simulation.scenario import Failover
    >>> from keyrota.simulation.simple import simple_scenario
    >>> scenario = simple_scenario(keys=4, per_minute=2, rate_per_min=4.0, policy="random")
    >>> plan = make_plan(scenario, pool="POOL", windows=["fixed"])
    >>> [plan.result(option).smallest.keys for option in plan.options[:2]]
    [16, 4]
    """
    own = only_pool(scenario, pool)
    _check(own, target, growth_per_day, horizon_days)
    check_seed(seed)
    check_jobs(jobs)
    chosen, _ = chosen_engine(own, engine)
    counted = windows_of(own, windows)
    rate = total_rate(own)
    own = at_total_rate(own, rate)  # without the growth that the scenario may have itself
    demand = Demand(rate, MINUTES_PER_DAY * rate, source)
    if hopeless is not None:
        return Plan(
            pool, own, target, chosen, seed, counted, demand, results=(), binding=None, day_end=None,
            outlook=None, recommendation=Recommendation("hopeless", None, None), hopeless=hopeless,
        )  # fmt: skip
    _check_limits(own)
    cases = [(option, window) for option in options_of(own) for window in counted]
    search = partial(_result, own, cases, target=target, seed=seed, engine=chosen)
    results = []
    for result in map_ordered(search, range(len(cases)), jobs=jobs, cluster=cluster, engine=chosen):
        results.append(result)
        if on_progress is not None:
            on_progress(len(results), len(cases))
    advice = recommend([result for result in results if result.window == counted[0]], own.pools[0].size)
    option = advice.option or cases[0][0]
    today, advised = cases[0][0].of(own, counted[0]), option.of(own, counted[0])
    outlook = None
    if growth_per_day is not None:
        outlook = look_ahead(
            today, advised, advice.keys, growth_per_day=growth_per_day, horizon_days=horizon_days,
            target=target, seed=seed, engine=chosen,
        )  # fmt: skip
    binding = what_binds(advised, target=target, seed=seed, engine=chosen, hint=binding_hint)
    return Plan(
        pool, own, target, chosen, seed, counted, demand, tuple(results), binding,
        day_end(today, seed=seed, engine=chosen), outlook, advice,
    )  # fmt: skip


def recommend(results: Sequence[OptionResult], present_keys: int) -> Recommendation:
    """Return what to do, from the results of all options for one window, today's first.

    Nothing where today's pool is within the target; else a change of the client alone, to fail over, since
    that needs no store shared by all isolates; else to fail over with the smallest pool that is enough, or
    more keys alone where these are as few.
    """
    today = results[0]
    if today.is_enough_now:
        return Recommendation("nothing", today.option, present_keys)
    best = next((result for result in results[1:] if result.option.fails_over), today)
    if best.is_enough_now:
        return Recommendation("client", best.option, present_keys)
    if best.smallest.keys is None:
        return Recommendation("too many", best.option, None)
    if today.smallest.keys is not None and today.smallest.keys <= best.smallest.keys:
        return Recommendation("keys", today.option, today.smallest.keys)
    return Recommendation("keys", best.option, best.smallest.keys)


def _result(
    scenario: Scenario, cases: list[tuple[Option, str]], place: int, *, target: float, seed: int, engine: str
) -> OptionResult:
    option, window = cases[place]
    search = SizeSearch(option.of(scenario, window), target, seed, engine)
    smallest, present = search.smallest(), scenario.pools[0].size
    return OptionResult(
        option, window, smallest,
        utilisation=None if smallest.keys is None else _utilisation(scenario, smallest.keys),
        present_share=search.share(present), is_enough_now=search.is_enough(present),
    )  # fmt: skip


def _utilisation(scenario: Scenario, keys: int) -> float:
    rate, quota = total_rate(scenario), scenario.pools[0].quota
    parts = [0.0]
    if quota.per_minute is not None:
        parts.append(rate / (keys * quota.per_minute))
    if quota.per_day is not None:
        parts.append(MINUTES_PER_DAY * rate / (keys * quota.per_day))
    return max(parts)


def _check(scenario: Scenario, target: float, growth_per_day: float | None, horizon_days: float) -> None:
    check_target(target)
    if growth_per_day is not None:
        check_growth(growth_per_day)
    if not 0 < horizon_days <= 36_525:
        raise ConfigurationError(
            f"horizon_days is {shown(horizon_days)}; it is more than 0 and at most 36,525, a hundred years"
        )
    rate, name = total_rate(scenario), shown(scenario.pools[0].name)
    if rate <= 0:
        raise ConfigurationError(f"pool {name} has no traffic: its rate is 0; give one, such as 4/min")
    if rate < LEAST_RATE:
        raise ModelError(
            f"pool {name}: {rate:.2g} requests a minute are less than five a year; any key carries them"
        )


def _check_limits(scenario: Scenario) -> None:
    pool = scenario.pools[0]
    quota = pool.quota
    if quota.per_minute is None and quota.per_day is None:
        raise ModelError(
            f"pool {shown(pool.name)} has no limit of requests, so that one key carries everything; declare "
            "per_minute or per_day"
        )
    span_s = 600.0 if quota.per_day is None else 86_400.0
    arrivals = [function.arrivals for function in scenario.functions if function.arrivals is not None]
    expected = sum(expected_requests(kind, span_s) for kind in arrivals)
    if expected > MOST_PER_DAY:
        span = "ten minutes" if quota.per_day is None else "a day"
        raise ModelError(
            f"pool {shown(pool.name)}: {expected:.2g} requests in {span} are too many to simulate; at most "
            f"{MOST_PER_DAY:,} are. Scale rate and limits down together"
        )
