"""The tables of the notebooks: verdicts, findings, what was fitted, usable rates, plans, days."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from keyrota.findings.wording import p_in_words
from keyrota.planning.onset import Onset, SizeOnset
from keyrota.planning.plan import Plan
from keyrota.pools.declared import PoolConfig
from keyrota.report.figures import ReportFigure, onset_figure
from keyrota.report.figures.marks import percent
from keyrota.report.figures.options import options_figure
from keyrota.report.model import PoolModel
from keyrota.report.notebook import TableView, TextView, Together, say, table
from keyrota.report.onset import describe as describe_onsets
from keyrota.report.plan import describe as describe_plans
from keyrota.report.plan_text import cells, headings, pasted
from keyrota.report.plan_words import demand_of, further, lasting, limits_of, reason, short_share
from keyrota.report.pool_words import verdict_of
from keyrota.report.quantities import plus_minus
from keyrota.report.schema import Report
from keyrota.rotation.textbook import LogTests

NO_VALUE: Final = "-"

Value = TypeVar("Value")


def verdict_table(report: Report) -> TableView:
    """Return the verdict of each pool, with what it rests on."""
    return table(
        ("pool", "verdict", "p-value", "picks", "picks needed", "cold starts", "broken steps", "429s"),
        [
            (
                pool.name,
                verdict_of(pool),
                _or(pool.fairness.p_value, p_in_words),
                f"{pool.picks:,}",
                _or(pool.fairness.picks_needed, "{:,}".format),
                _or(pool.rotation.cold_start_share, percent),
                f"{pool.rotation.broken_steps:,}",
                f"{pool.rejections.count:,}",
            )
            for pool in report.pools
        ],
    )


def findings_table(report: Report) -> TableView:
    """Return what was found, with its remedy."""
    return table(
        ("severity", "code", "pool", "what was found", "remedy"),
        [
            (found.severity, found.code, found.pool or "all", found.message, found.remedy)
            for found in report.findings
        ],
    )


def truth_table(cases: Iterable[LogTests], level: float = 0.01) -> TableView:
    """Return what three tests say of logs whose truth is known, at one level."""
    return table(
        ("keys", "picks a run", "the truth", "chi-square", "keyrota: shares", "keyrota: starts"),
        [
            (
                case.size,
                case.run_length,
                "fair" if case.is_fair else f"{percent(case.first_share, 0)} of the runs start at key 1",
                *(percent(share) for share in case.called_unfair(level).values()),
            )
            for case in cases
        ],
    )


def traffic_table(models: Sequence[PoolModel]) -> TableView:
    """Return what was fitted to the traffic of each function."""
    return table(
        ("pool", "function", "requests", "requests/min", "95 % interval", "arrivals", "cold starts", "429s"),
        [
            (
                model.pool,
                function.name,
                f"{function.requests:,}",
                f"{function.per_min.estimate:.3g}",
                f"{function.per_min.ci_low:.3g} to {_or(function.per_min.ci_high, '{:.3g}'.format)}",
                function.arrivals,
                NO_VALUE
                if function.cold_start_share is None
                else percent(function.cold_start_share.estimate),
                percent(model.observed_share),
            )
            for model in models
            for function in model.functions
        ],
    )


def usable_table(onsets: Sequence[Onset], plans: Sequence[Plan]) -> TableView:
    """Return, for each pool as it is, the nominal rates, the usable ones and the traffic.

    Parameters
    ----------
    onsets
        The usable rates of each pool; the present size must be among the sizes.
    plans
        The plans of the same pools.
    """
    demand = {plan.pool: plan.demand.per_min for plan in plans}
    return table(
        (
            "pool",
            "keys",
            "traffic/min",
            "in a burst: nominal",
            "usable",
            "all day: nominal",
            "usable",
            "of nominal",
        ),
        [
            _usable(onset, entry, demand.get(onset.pool))
            for onset in onsets
            for entry in onset.sizes
            if entry.keys == onset.scenario.pools[0].size
        ],
    )


def _usable(onset: Onset, entry: SizeOnset, demand: float | None) -> tuple[str, ...]:
    usable = entry.usable_per_min
    minute = entry.minute_usable_per_min
    part = None if usable.estimate is None else usable.estimate / entry.nominal_per_min
    has_day = onset.scenario.pools[0].quota.per_day is not None
    return (
        onset.pool,
        f"{entry.keys:,}",
        _or(demand, "{:.3g}".format),
        _or(entry.minute_nominal_per_min, "{:,.4g}".format),
        NO_VALUE if minute is None else plus_minus(minute),
        f"{entry.nominal_per_min:,.3g}" if has_day else "no limit",
        plus_minus(usable) if has_day else NO_VALUE,
        _or(part, lambda value: percent(value, 0)),
    )


def onset_figures(onsets: Sequence[Onset]) -> Iterator[ReportFigure | None]:
    """Yield the figure of the usable rates of each pool."""
    for pool in describe_onsets(list(onsets)).pools:
        yield onset_figure(pool)


def options_figures(plans: Sequence[Plan], config: PoolConfig) -> Iterator[ReportFigure | None]:
    """Yield the figure of the options of each plan; `config` declares all pools."""
    for pool in describe_plans(plans, config).pools:
        yield options_figure(pool)


def option_tables(plans: Sequence[Plan]) -> Together:
    """Return the options of each plan: the keys that each takes, by rotation and reaction to a 429."""
    return Together(tuple(_options(plan) for plan in plans if plan.results))


def _options(plan: Plan) -> TableView:
    return table(
        headings(plan),
        [cells([plan.result(option, w) for w in plan.windows]) for option in plan.options],
        title=plan.pool,
    )


def day_table(plans: Sequence[Plan]) -> TableView:
    """Return what a day asks for and what the keys have for it, pool by pool."""
    return table(
        ("pool", "requests a day", "keys x day limit", "used", "spent at (Pacific)", "429s today"),
        [_day(plan) for plan in plans],
    )


def _day(plan: Plan) -> tuple[str, ...]:
    per_day = plan.scenario.pools[0].quota.per_day
    permits = None if per_day is None else per_day * plan.present_keys
    end = plan.day_end
    return (
        plan.pool,
        f"{plan.demand.per_day:,.4g}",
        "no limit" if permits is None else f"{permits:,}",
        NO_VALUE if permits is None else percent(plan.demand.per_day / permits, 0),
        "not on most days" if end is None else f"{end.pacific} on {percent(end.share_of_days, 0)} of days",
        short_share(plan.result(plan.options[0]).present_share) if plan.results else NO_VALUE,
    )


def growth_table(plans: Sequence[Plan]) -> TableView | TextView:
    """Return how long each pool lasts while its traffic grows, or that no growth was asked for."""
    rows = []
    for plan in plans:
        if plan.outlook is None:
            continue
        ahead = plan.outlook
        then, lasts = ahead.at_horizon, ahead.recommended_lasts_days
        is_enough = plan.result(plan.options[0]).is_enough_now
        rows.append(
            (
                plan.pool,
                f"{plan.demand.per_min:.3g}",
                f"{ahead.per_min_at_horizon:,.3g}",
                f"{ahead.horizon_days:g}",
                lasting(ahead.present_lasts_days, is_enough=is_enough),
                NO_VALUE if lasts is None else lasting(lasts, is_enough=True),
                "more than are planned for" if then is None or then.keys is None else f"{then.keys:,}",
            )
        )
    if not rows:
        return say("No growth was asked for: give GROWTH, a fraction a day.")
    return table(
        (
            "pool",
            "traffic/min now",
            "then",
            "after days",
            "today's pool ...",
            "the recommended one ...",
            "keys needed then",
        ),
        rows,
    )


def advice(plans: Sequence[Plan], config: PoolConfig) -> TextView:
    """Return what to do, pool by pool, with the reasons, and what is to be pasted.

    Parameters
    ----------
    plans
        The plans.
    config
        All declared pools.
    """
    paragraphs = [
        (f"{plan.pool}, {limits_of(plan.scenario.pools[0])}", (demand_of(plan), reason(plan), *further(plan)))
        for plan in plans
    ]
    return TextView(tuple(paragraphs), tuple((title, code) for title, _, code in pasted(plans, config)))


def _or(value: Value | None, written: Callable[[Value], str]) -> str:
    return NO_VALUE if value is None else written(value)
