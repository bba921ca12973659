"""`keyrota simulate --like LOG`: the fitted scenario of a log, and its prediction against what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from keyrota.cli.reading import LogArguments, read_arguments
from keyrota.cli.scenario import changed_by, note
from keyrota.cli.scenario_options import ScenarioArguments, flag
from keyrota.cli.traffic import growing
from keyrota.display import listed
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    from keyrota.planning.log_model import LogModel
    from keyrota.report.model import PoolModel
    from keyrota.simulation.scenario import Scenario
    from keyrota.workers import Jobs

CHANGES: Final = frozenset({
    "policy", "picks_per_request", "on_reject", "tries", "backoff_s", "budget", "jitter", "window",
    "charge_rejected", "duration", "warm_up", "start", "deploy_at",
})  # fmt: skip
"""Options that change the fitted scenario: the log is no check of it then."""

ALLOWED: Final = CHANGES | {"pools", "pool"}


def fitted_scenario(
    logs: LogArguments, arguments: ScenarioArguments, *, growth_per_day: float | None
) -> tuple[Scenario, LogModel]:
    """Return the scenario that was fitted to logs, changed by the options, and the fits.

    Raises
    ------
    ConfigurationError
        If an option describes what the log tells.
    InputError
        If no pool of the log tells a rate.
    """
    from msgspec.structs import replace

    from keyrota.planning.fitted import scenario_of
    from keyrota.planning.log_model import model_of

    others = sorted(flag(name) for name in arguments.given - ALLOWED)
    if others:
        raise ConfigurationError(
            f"{'--like takes' if logs.logs else '--store takes'} pools, traffic and isolates from the log; "
            f"leave out {listed(others)}"
        )
    model = model_of(read_arguments(logs), arguments.pool)
    scenario = changed_by(arguments, scenario_of(model.fitted, model.span_ns))
    if growth_per_day is not None:
        functions = tuple(
            replace(function, arrivals=growing(function.arrivals, growth_per_day))
            if function.arrivals is not None
            else function
            for function in scenario.functions
        )
        scenario = replace(scenario, functions=functions)
    if not logs.quiet:
        for told in model.too_thin:
            note(told)
        if _differ(model) and not arguments.given & {"policy", "on_reject"}:
            busiest = max(model.fitted, key=lambda own: own.requests).pool.name
            note(
                f"the pools rotate, or react to a 429, in different ways: all are simulated like {busiest}; "
                "--pool chooses one. The checks against the log take each pool as it is"
            )
    return scenario, model


def _differ(model: LogModel) -> bool:
    first = model.fitted[0]
    return any((own.policy, own.on_reject) != (first.policy, first.on_reject) for own in model.fitted)


def checked_models(
    model: LogModel, arguments: ScenarioArguments, *, growth_per_day: float | None, seed: int, engine: str,
    jobs: Jobs,
) -> list[PoolModel]:  # fmt: skip
    """Return the fits, each with its prediction, unless options have changed the scenario."""
    from keyrota.report.model import describe_model

    if arguments.given & CHANGES or growth_per_day is not None:
        return [describe_model(fitted, None) for fitted in model.fitted]
    return list(map(describe_model, model.fitted, model.checks(seed=seed, engine=engine, jobs=jobs)))
