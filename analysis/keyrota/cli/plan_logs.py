"""`keyrota plan LOG...`: what may go with logs, and the questions that they ask."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from keyrota.cli.like import CHANGES
from keyrota.cli.reading import LogArguments, read_arguments
from keyrota.cli.scenario import changed_by, note
from keyrota.cli.scenario_options import ScenarioArguments, flag
from keyrota.display import listed
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    from keyrota.planning.questions import Question

ALLOWED: Final = CHANGES - {"duration", "warm_up", "start", "deploy_at"} | {"pools", "pool"}
"""Options that go with logs."""


def questions_of_logs(
    logs: LogArguments, arguments: ScenarioArguments, windows: tuple[str, ...] | None, *, seed: int
) -> list[Question]:
    """Return the questions that logs ask, a pool each.

    Parameters
    ----------
    logs
        What is read.
    arguments
        Options that change the scenario: the policy, the reaction to 429s.
    windows
        How the minute counts, if that was given.
    seed
        Of the tests of the rotation.

    Raises
    ------
    ConfigurationError
        If an option describes what the logs tell.
    InputError
        If no pool tells a rate, or none has a limit.
    """
    from keyrota.planning.log_model import model_of
    from keyrota.planning.questions import questions_of

    if "rate" in arguments.given:
        raise ConfigurationError("the traffic is that of the logs; leave out --rate, or the logs")
    others = sorted(flag(name) for name in arguments.given - ALLOWED)
    if others:
        raise ConfigurationError(
            f"{listed(others)} has no effect here: pools, traffic and isolates are those of the logs"
        )
    model = model_of(read_arguments(logs), arguments.pool)
    fits = [f"pool {fitted.pool.name}: {told}" for fitted in model.fitted for told in fitted.notes]
    if not logs.quiet:
        for told in [*model.too_thin, *fits]:
            note(told)
    questions, silent = questions_of(model, change=partial(changed_by, arguments), windows=windows, seed=seed)
    if not logs.quiet:
        for told in silent:
            note(told)
    return questions
