"""The content of a capacity plan, as the JSON contract has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from keyrota.display import visible
from keyrota.planning.change import FAILOVER_TYPESCRIPT, Change
from keyrota.planning.outlook import Outlook
from keyrota.planning.plan import OptionResult, Plan
from keyrota.pools.declared import PoolConfig
from keyrota.report.against_log import AgainstLogReport, describe_check
from keyrota.report.plan_words import PROJECTS, changes_of, further, needs_failover, reason
from keyrota.report.simulation import scenario_as_data
from keyrota.simulation.estimates import Quantity
from keyrota.simulation.scenario import OnReject

SCHEMA: Final = "keyrota.plan/1"


class DemandReport(msgspec.Struct, frozen=True):
    """The traffic: means of requests, and where they were taken from."""

    per_min: float
    per_day: float
    source: str


class OptionReport(msgspec.Struct, frozen=True):
    """What one option takes with one window; see `keyrota.planning.plan.OptionResult`.

    `rejected_share` is the share of 429s with `keys`, `rejected_share_below` with one key less,
    `present_rejected_share` with the keys of today.
    """

    policy: str
    on_reject: str
    window: str
    words: str
    keys: int | None
    rejected_share: Quantity | None
    rejected_share_below: Quantity | None
    is_proved: bool
    reason: str | None
    utilisation: float | None
    present_rejected_share: Quantity
    is_enough_now: bool


class RecommendationReport(msgspec.Struct, frozen=True):
    """What to do; `key_mapping` and `pools_toml` are those of all pools, `secrets` those of this one."""

    kind: str
    policy: str | None
    on_reject: str | None
    keys: int | None
    reason: str
    notes: list[str]
    key_mapping: str
    secrets: list[str]
    pools_toml: str


class DayEndReport(msgspec.Struct, frozen=True):
    """When the day's requests of today's pool are spent, ``HH:MM``."""

    pacific: str
    utc: str
    share_of_days: float


class GrowthReport(msgspec.Struct, frozen=True):
    """What growth changes; days until the target is exceeded, 0 if it is already."""

    growth_per_day: float
    horizon_days: float
    per_min_at_horizon: float | None
    per_day_at_horizon: float | None
    keys_at_horizon: int | None
    present_lasts_days: Quantity
    recommended_lasts_days: Quantity | None


class PoolPlanReport(msgspec.Struct, frozen=True):
    """One pool; `keys_by_minute` and `keys_by_day` are what each limit takes alone.

    `against_log` is null without a log, and where options changed what was fitted to it.
    """

    pool: str
    present_keys: int
    engine: str
    scenario: dict[str, Any]
    windows: list[str]
    demand: DemandReport
    binding: str | None
    keys_by_minute: int | None
    keys_by_day: int | None
    options: list[OptionReport]
    recommendation: RecommendationReport
    day_ends_at: DayEndReport | None
    growth: GrowthReport | None
    hopeless: str | None
    against_log: AgainstLogReport | None = None


class ChangeReport(msgspec.Struct, frozen=True):
    """What all pools together ask for, to paste; `failover` is TypeScript, if the client shall fail over."""

    key_mapping: str
    secrets: list[str]
    pools_toml: str
    failover: str | None


class PlanReport(msgspec.Struct, frozen=True):
    """A plan: the fields up to `recommendation` are those of the first pool, `pools` has them all."""

    schema: str
    version: str
    target: float
    seed: int
    demand: DemandReport
    binding: str | None
    options: list[OptionReport]
    recommendation: RecommendationReport
    pools: list[PoolPlanReport]
    change: ChangeReport
    notes: list[str]


def describe(plans: Sequence[Plan], config: PoolConfig) -> PlanReport:
    """Return the content of the plans of one or more pools.

    Parameters
    ----------
    plans
        One for each pool that has traffic.
    config
        All pools that are declared, so that no new key takes the number of another.
    """
    from keyrota import __version__

    change = changes_of(plans, config)
    pools = [_pool(plan, change) for plan in plans]
    return PlanReport(
        schema=SCHEMA,
        version=__version__,
        target=plans[0].target,
        seed=plans[0].seed,
        demand=pools[0].demand,
        binding=pools[0].binding,
        options=pools[0].options,
        recommendation=pools[0].recommendation,
        pools=pools,
        change=ChangeReport(
            key_mapping=change.key_mapping,
            secrets=list(change.secrets()),
            pools_toml=change.pools_toml,
            failover=FAILOVER_TYPESCRIPT if any(map(needs_failover, plans)) else None,
        ),
        notes=[PROJECTS],
    )


def _pool(plan: Plan, change: Change) -> PoolPlanReport:
    binding, advice, end = plan.binding, plan.recommendation, plan.day_end
    return PoolPlanReport(
        pool=plan.pool,
        present_keys=plan.present_keys,
        engine=plan.engine,
        scenario=scenario_as_data(plan.scenario),
        windows=list(plan.windows),
        demand=DemandReport(plan.demand.per_min, plan.demand.per_day, visible(plan.demand.source)),
        binding=binding.limit if binding else None,
        keys_by_minute=binding.keys_by_minute if binding else None,
        keys_by_day=binding.keys_by_day if binding else None,
        options=[_option(result) for result in plan.results],
        recommendation=RecommendationReport(
            kind=advice.kind,
            policy=advice.option.policy if advice.option else None,
            on_reject=reaction_name(advice.option.on_reject) if advice.option else None,
            keys=advice.keys,
            reason=reason(plan),
            notes=list(further(plan)),
            key_mapping=change.key_mapping,
            secrets=list(change.secrets(plan.pool)),
            pools_toml=change.pools_toml,
        ),
        day_ends_at=DayEndReport(end.pacific, end.utc, end.share_of_days) if end else None,
        growth=_growth(plan.outlook) if plan.outlook else None,
        hopeless=None if plan.hopeless is None else visible(plan.hopeless),
        against_log=describe_check(plan.check) if plan.check else None,
    )


def _option(result: OptionResult) -> OptionReport:
    smallest = result.smallest
    return OptionReport(
        policy=result.option.policy,
        on_reject=reaction_name(result.option.on_reject),
        window=result.window,
        words=result.option.words,
        keys=smallest.keys,
        rejected_share=smallest.share,
        rejected_share_below=smallest.share_below,
        is_proved=smallest.is_proved,
        reason=smallest.reason,
        utilisation=result.utilisation,
        present_rejected_share=result.present_share,
        is_enough_now=result.is_enough_now,
    )


def _growth(outlook: Outlook) -> GrowthReport:
    then: float | None = outlook.per_min_at_horizon
    then = then if then is not None and then < float("inf") else None  # JSON has no infinity
    return GrowthReport(
        growth_per_day=outlook.growth_per_day,
        horizon_days=outlook.horizon_days,
        per_min_at_horizon=then,
        per_day_at_horizon=None if then is None else 1440 * then,
        keys_at_horizon=outlook.at_horizon.keys if outlook.at_horizon else None,
        present_lasts_days=outlook.present_lasts_days,
        recommended_lasts_days=outlook.recommended_lasts_days,
    )


def reaction_name(reaction: OnReject) -> str:
    """Return a reaction to a 429 as the command line names it.

    Examples
    --------
    >>> from keyrota.simulation.scenario import Failover
    >>> reaction_name(Failover())
    'failover'
    """
    return str(reaction.__struct_config__.tag)
