"""A simulation for a terminal, a pipe or a mail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from keyrota.display import count, visible
from keyrota.planning.closed_form import ClosedForm, closed_form
from keyrota.report.console import Line, Table, printed
from keyrota.report.model import model_lines
from keyrota.report.quantities import (
    duration_in_words,
    number_in_words,
    plus_minus,
    share_in_words,
    share_plus_minus,
)
from keyrota.report.scenario_text import (
    functions_in_words,
    isolates_in_words,
    limits_in_words,
    rotation_in_words,
)
from keyrota.report.simulation import PoolOutcome, SimulationReport
from keyrota.simulation.estimates import Quantity
from keyrota.simulation.scenario import Scenario
from keyrota.theory import rejected_share
from keyrota.traffic.arrivals import mean_rate

LEAST_FOR_THEORY_S: Final = 600.0
"""Theory speaks of the long run, not of some minutes."""


def as_text(
    report: SimulationReport,
    scenario: Scenario,
    *,
    color: bool = False,
    width: int = 100,
    unicode: bool = True,
) -> str:
    """Return a simulation as text.

    Parameters
    ----------
    report
        Its content.
    scenario
        What was simulated.
    color
        Whether to colour it with ANSI codes.
    width
        Columns.
    unicode
        Whether signs outside ASCII may be used.
    """
    return printed(_parts(report, scenario), color=color, width=width, unicode=unicode)


def _parts(report: SimulationReport, scenario: Scenario) -> Iterator[Line | Table]:
    span = duration_in_words(scenario.duration_s)
    warm = f", the first {duration_in_words(scenario.warm_up_s)} not counted" if scenario.warm_up_s else ""
    yield Line(
        f"keyrota {report.version}: {count(report.replications, 'replication')} of {span}{warm}, "
        f"engine {report.engine}, seed {report.seed}"
    )
    yield Line(f"Rotation: {rotation_in_words(scenario)}.")
    yield Line(f"Isolates: {isolates_in_words(list(scenario.functions))}.")
    if not report.is_precise:
        yield Line("The precision that was asked for is not reached; see the intervals.", "bold yellow")
    for outcome in report.pools:
        if not _has_traffic(outcome.name, scenario):
            continue
        yield Line("")
        yield from _pool(outcome, report, scenario)
    if report.fitted:
        yield Line("")
        yield from model_lines(report.fitted)
    yield Line("")
    yield from _isolates(report)
    if report.replications > 1:
        yield Line("95 % intervals over replications, in brackets or as half their width.", "dim")


def _pool(outcome: PoolOutcome, report: SimulationReport, scenario: Scenario) -> Iterator[Line | Table]:
    pool = scenario.pool(outcome.name)
    yield Line(visible(outcome.name), "bold", rest=f"  {limits_in_words(pool, scenario.window)}")
    arrived = f"; {outcome.requests.estimate or 0:,.4g} requests in a replication"
    yield Line(f"  Traffic: {functions_in_words(scenario, pool)}{arrived}.")
    if not outcome.requests.estimate:
        yield Line("  No request arrived.")
        return
    share = share_in_words(outcome.rejected_share)
    of = " of requests" if outcome.rejected_share.estimate else ""
    yield Line(f"  429s: {share}{of}{_theory(outcome, scenario)}.")
    since = "after the warm-up" if scenario.warm_up_s else "after the start"
    has_both = pool.quota.per_minute is not None and pool.quota.per_day is not None
    yield from _begin(outcome, report.replications, since, has_both)
    calls = outcome.calls_per_request.estimate
    if calls is not None and calls > 1.0005:
        yield Line(f"  Calls per request: {number_in_words(outcome.calls_per_request)}.")
    table = Table("  key", "place", "share of picks", "429s of its calls")
    for key in report.key_shares:
        if key.pool == outcome.name:
            table.row(
                str(key.key),
                str(key.position),
                share_plus_minus(key.share),
                share_plus_minus(key.rejected_share),
            )
    yield table


def _has_traffic(pool: str, scenario: Scenario) -> bool:
    triggered = {trigger.function for function in scenario.functions for trigger in function.triggers}
    return any(
        function.arrivals is not None or function.name in triggered
        for function in scenario.functions
        if function.pool == pool
    )


def _theory(outcome: PoolOutcome, scenario: Scenario) -> str:
    """Return what the closed form says, where one speaks and the day does not count."""
    law, rate = closed_form(scenario, scenario.pool(outcome.name)), outcome.requests_per_min.estimate
    is_short = scenario.duration_s - scenario.warm_up_s < LEAST_FOR_THEORY_S
    if law is None or law.per_minute is None or law.per_day is not None or rate is None or is_short:
        return ""
    declared = sum(
        mean_rate(function.arrivals)
        for function in scenario.functions
        if function.pool == outcome.name and function.arrivals is not None
    )
    return f"; theory{_of(law)}: {100 * _share(law, declared):.3g} %"


def _of(law: ClosedForm) -> str:
    return "" if law.is_exact else ", every pick at random"


def _share(law: ClosedForm, rate: float) -> float:
    assert law.per_minute is not None
    return rejected_share(
        rate, keys=law.keys, per_minute=law.per_minute, window=law.window, choice=law.choice
    )


def _begin(outcome: PoolOutcome, replications: int, since: str, has_both: bool) -> Iterator[Line]:
    first, spent = outcome.first_rejection_s, outcome.exhausted_at_s
    if first.estimate is not None:
        yield Line(f"  First 429 {_when(first, replications, since)}.")
    if spent.estimate is not None:
        yield Line(f"  The day's last call of all keys is spent {_when(spent, replications, since)}.")
    by_day = outcome.rejected_calls["per-day"].estimate or 0.0
    by_minute = outcome.rejected_calls["per-minute"].estimate or 0.0
    if (by_day or by_minute) and has_both:
        yield Line(
            f"  Rejected calls in a replication: {by_day:,.4g} by the day's limit, "
            f"{by_minute:,.4g} by the minute's."
        )


def _when(moment: Quantity, replications: int, since: str) -> str:
    text = f"{duration_in_words(moment.estimate or 0.0)} {since}"
    if moment.ci_low is not None and moment.ci_high is not None:
        text += f" on average ({duration_in_words(moment.ci_low)} to {duration_in_words(moment.ci_high)})"
    if moment.replications < replications:
        text += f", in {moment.replications} of {count(replications, 'replication')}"
    return text


def _isolates(report: SimulationReport) -> Iterator[Line | Table]:
    table = Table("function", "cold starts", "isolates alive", "at work", "life")
    for function in report.functions:
        if not function.requests.estimate:
            continue
        life = function.instances.lifespan_s
        table.row(
            visible(function.name),
            share_plus_minus(function.cold_start_share),
            plus_minus(function.instances.alive),
            plus_minus(function.instances.busy),
            "-" if life.estimate is None else duration_in_words(life.estimate),
        )
    yield table
    for function in report.functions:
        if function.turned_away_share.estimate:
            yield Line(
                f"{visible(function.name)}: {share_in_words(function.turned_away_share)} of the requests met "
                "the cap on instances and were turned away (503)."
            )
