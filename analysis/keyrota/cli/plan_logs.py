"""From logs to the questions of a plan: the demand of each pool, and what keys cannot mend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keyrota.cli.like import CHANGES
from keyrota.cli.log_model import LogModel, model_of_logs
from keyrota.cli.scenario import changed_by, note
from keyrota.cli.scenario_options import flag
from keyrota.display import count, listed
from keyrota.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from keyrota.cli.reading import LogArguments
    from keyrota.cli.scenario_options import ScenarioArguments
    from keyrota.planning.fitted import FittedPool
    from keyrota.planning.logged import LoggedPool
    from keyrota.pools.declared import PoolConfig
    from keyrota.simulation.scenario import Scenario

MOSTLY: Final = 0.5
"""Share of a pool's 429s from which their cause is what binds."""

ALLOWED: Final = CHANGES - {"duration", "warm_up", "start", "deploy_at"} | {"pools", "pool"}
"""Options that go with logs."""

PASSING: Final = 0.05
"""Where more calls pass than this share, some project has quota."""


@dataclass(frozen=True)
class LogDemand:
    """The question of one pool.

    Parameters
    ----------
    scenario
        Of this pool alone, with its fitted traffic.
    pool
        Its name.
    source
        Where the demand was taken from.
    windows
        How the minute counts, if the log shows it.
    hopeless
        Why more keys cannot help, if so.
    binding_hint
        ``"tokens-per-minute"`` if that is what binds.
    config
        All pools of the log: the numbers of their keys are taken.
    """

    scenario: Scenario
    pool: str
    source: str
    windows: tuple[str, ...] | None
    hopeless: str | None
    binding_hint: str | None
    config: PoolConfig


def scenarios_of_logs(logs: LogArguments, arguments: ScenarioArguments) -> list[LogDemand]:
    """Return the questions that logs ask, a pool each.

    Parameters
    ----------
    logs
        What is read.
    arguments
        Options that change the scenario: the policy, the reaction to 429s, the window.

    Raises
    ------
    ConfigurationError
        If an option describes what the logs tell.
    InputError
        If no pool tells a rate.
    """
    from keyrota.planning.fitted import scenario_of

    others = sorted(flag(name) for name in arguments.given - ALLOWED)
    if others:
        raise ConfigurationError(
            f"{listed(others)} has no effect here: pools, traffic and isolates are those of the logs"
        )
    model = model_of_logs(logs, arguments.pool)
    if not logs.quiet:
        for told in [*model.too_thin, *_notes(model)]:
            note(told)
    demands = []
    for logged, fitted in zip(model.logged, model.fitted, strict=True):
        quota = fitted.pool.quota
        hopeless = _hopeless(logged)
        if quota.per_minute is None and quota.per_day is None and hopeless is None:
            if not logs.quiet:
                note(f"pool {fitted.pool.name} has no limit, declared or seen in the log: nothing to plan")
            continue
        scenario = changed_by(arguments, scenario_of([fitted], model.span_ns))
        demands.append(
            LogDemand(
                scenario=scenario,
                pool=fitted.pool.name,
                source=f"{count(fitted.requests, 'request')} in {model.sources}, {_ended(fitted)}",
                windows=None if fitted.window == "unknown" else (fitted.window,),
                hopeless=hopeless,
                binding_hint=_binding(logged),
                config=model.reading.pools,
            )
        )
    if not demands:
        raise InputError("no pool of the log has a limit; declare per_minute or per_day (--pools FILE)")
    return demands


def _ended(fitted: FittedPool) -> str:
    share = fitted.rejected / max(1, fitted.requests)
    return f"{100 * share:.2g} % of them in a 429" if fitted.rejected else "none of them in a 429"


def _notes(model: LogModel) -> list[str]:
    return [f"pool {fitted.pool.name}: {told}" for fitted in model.fitted for told in fitted.notes]


def _hopeless(logged: LoggedPool) -> str | None:
    """Return why more keys of this kind cannot help, if the log shows it."""
    causes = logged.account.explained.causes
    if not causes or causes.count("no-quota") < MOSTLY * len(causes):
        return None
    calls = logged.account.calls
    if (1 - calls.rejected).sum() > PASSING * len(calls):
        return None  # some keys have quota
    rows = logged.account.calls.attribution.rows
    models = sorted({str(name) for name in rows.loc[rows["cause"] == "no-quota", "model"].dropna()})
    of = f" for {listed(models)}" if models else ""
    return (
        f"{causes.count('no-quota'):,} of {count(len(causes), '429')} state a limit of 0: these projects "
        f"have no quota{of}. More keys of this kind do not help; enable billing, ask for quota, or take "
        "another model"
    )


def _binding(logged: LoggedPool) -> str | None:
    causes = logged.account.explained.causes
    is_tokens = causes and causes.count("tokens-per-minute") >= MOSTLY * len(causes)
    return "tokens-per-minute" if is_tokens else None
