"""What the compiled engine cannot do, told without starting it."""

from __future__ import annotations

from typing import NoReturn

from keyrota.errors import ConfigurationError
from keyrota.simulation.scenario import Scenario


def refusal(scenario: Scenario, *, own_policy: bool = False) -> str | None:
    """Return why the compiled engine cannot run a scenario, or ``None`` if it can."""
    if own_policy:
        return "a policy given as a Python function"
    triggering = [function.name for function in scenario.functions if function.triggers]
    return f"calls that function {triggering[0]} triggers at another" if triggering else None


def refuse(reason: str) -> NoReturn:
    """Raise the error that says so, and what to do."""
    raise ConfigurationError(
        f"the compiled engine cannot simulate {reason}; take the engine simpy, or auto, which chooses"
    )
