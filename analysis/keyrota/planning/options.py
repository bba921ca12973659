"""What a plan compares: how the pool rotates today, and what could be changed without new keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError
from keyrota.quota.windows import WINDOWS
from keyrota.simulation.scenario import Backoff, Fail, Failover, OnReject, PolicyName, Scenario
from keyrota.simulation.validate import MAX_LIMITS

TODAY: Final = "as it rotates today"


@dataclass(frozen=True)
class Option:
    """One way to choose keys and to react to a 429.

    Parameters
    ----------
    policy
        Of `keyrota.rotation.policies.POLICIES`.
    on_reject
        What the client does on a 429.
    words
        What it is, for people.
    """

    policy: PolicyName
    on_reject: OnReject
    words: str

    @property
    def fails_over(self) -> bool:
        """Whether a rejected call goes on to other keys at once."""
        return isinstance(self.on_reject, Failover)

    def of(self, scenario: Scenario, window: str) -> Scenario:
        """Return a scenario that rotates and counts so."""
        return replace(scenario, policy=self.policy, on_reject=self.on_reject, window=window)


def options_of(scenario: Scenario) -> tuple[Option, ...]:
    """Return what is compared for a scenario: today's way first, each way once.

    Failing over needs nothing but the client; one counter for all isolates and the least-used key need a
    store that all isolates share.

    Examples
    --------
    >>> from keyrota.simulation.simple import simple_scenario
    >>> today = simple_scenario(keys=2, per_minute=2, rate_per_min=1.0, on_reject=Failover())
    >>> [option.words for option in options_of(today)][:2]
    ['as it rotates today', 'one shared counter']
    """
    policy, reaction = scenario.policy, scenario.on_reject
    size = scenario.pools[0].size
    found = [Option(policy, reaction, TODAY)]
    if not (isinstance(reaction, Failover) and (reaction.tries is None or reaction.tries >= size)):
        found.append(Option(policy, Failover(), "the next key on a 429"))
    found.append(Option("shared-round-robin", Fail(), "one shared counter"))
    found.append(Option("least-used", Fail(), "least-used key"))
    if not isinstance(reaction, Backoff):
        found.append(Option(policy, Backoff(), "back off and try again"))
    return tuple(
        option
        for place, option in enumerate(found)
        if place == 0 or (option.policy, option.on_reject) != (policy, reaction)
    )


def windows_of(scenario: Scenario, windows: Sequence[str] | None) -> tuple[str, ...]:
    """Return how the minute limit is taken to count: as given, else calendar minutes and the last 60 s.

    Without a minute limit there is nothing to compare, and one is enough.

    Raises
    ------
    ConfigurationError
        If a window is unknown.
    """
    if windows is not None:
        unknown = [window for window in windows if window not in WINDOWS]
        if unknown or not windows:
            named = shown(unknown[0]) if unknown else "none"
            raise ConfigurationError(f"window {named}: there are {listed(list(WINDOWS))}")
        return tuple(dict.fromkeys(windows))
    per_minute = scenario.pools[0].quota.per_minute
    if per_minute is None or per_minute > MAX_LIMITS["sliding"]:
        return ("fixed",)
    return ("fixed", "sliding")
