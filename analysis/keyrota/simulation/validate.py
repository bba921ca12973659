"""What a scenario may hold: the first thing that is wrong is said in one line, with what is allowed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, get_args

from keyrota.arguments import is_number, is_whole
from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError
from keyrota.pools.declared import PoolConfig
from keyrota.traffic.arrivals import check_arrivals, expected_requests

if TYPE_CHECKING:
    from keyrota.simulation.scenario import Function, Isolates, Scenario

MAX_SLOTS = 1_000_000
MAX_COUNT = 1_000_000
LAST_YEAR = 2100
MAX_LIMITS = {"sliding": 1_000_000, "token-bucket": 50_000_000}
"""A sliding window remembers each of its calls; a bucket counts in parts of a token."""

MAX_REQUESTS = 1e11
LEAST_SPAN_S = 0.001
MAX_SECONDS = 100 * 366 * 86_400.0


def validate(scenario: Scenario) -> None:
    """Check a scenario.

    Raises
    ------
    ConfigurationError
        If a value is not allowed.
    """
    if not scenario.pools:
        raise ConfigurationError("scenario: there is no pool; give at least one, with at least one key")
    PoolConfig(pools=scenario.pools, source="scenario")  # names, keys and projects, as in a pools file
    _check_vocabularies(scenario)
    most = MAX_LIMITS.get(scenario.window)
    for pool in scenario.pools:
        if most is not None and (pool.quota.per_minute or 0) > most:
            raise ConfigurationError(
                f"pool {shown(pool.name)}: per_minute is {shown(pool.quota.per_minute)}; a window of the "
                f"kind {scenario.window} counts at most {most:,}. Take the kind fixed"
            )
    _check_spans(scenario)
    _check_client(scenario)
    if not scenario.functions:
        raise ConfigurationError("scenario: there is no function; give at least one, with its arrivals")
    names = [function.name for function in scenario.functions]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"scenario: function {shown(name)} is there twice; names are unique")
    for function in scenario.functions:
        _check_function(function, scenario, names)
    if all(function.arrivals is None for function in scenario.functions):
        raise ConfigurationError("scenario: no function has arrivals, so that nothing would happen")


def _check_vocabularies(scenario: Scenario) -> None:
    """Check what has a few values: one that Python gives is not checked by its type, as one of a file is."""
    from keyrota.simulation.scenario import PolicyName, WindowName

    for name, value, allowed in (
        ("policy", scenario.policy, get_args(PolicyName)),
        ("window", scenario.window, get_args(WindowName)),
        ("picks_per_request", scenario.picks_per_request, (1, 2)),
        ("charge_rejected", scenario.charge_rejected, (False, True)),
    ):
        if not any(value is known or (type(value) is type(known) and value == known) for known in allowed):
            names = listed([str(known) for known in allowed], limit=9)
            raise ConfigurationError(f"scenario: {name} is {shown(value)}; allowed are {names}")


def _check_spans(scenario: Scenario) -> None:
    span = scenario.duration_s
    _check_number("duration_s", span, "scenario", above=0.0, most=MAX_SECONDS)
    _check_number("warm_up_s", scenario.warm_up_s, "scenario", most=MAX_SECONDS)
    if span - scenario.warm_up_s < LEAST_SPAN_S:
        raise ConfigurationError(
            f"scenario: the warm-up ({scenario.warm_up_s:g} s) leaves nothing of the duration ({span:g} s); "
            f"{LEAST_SPAN_S:g} s at least must be left"
        )
    if scenario.start.tzinfo is None:
        raise ConfigurationError("scenario: start names no time zone; write 2025-11-10T08:00:00Z")
    last_year = scenario.start.year + span / (365.25 * 86_400)
    if scenario.start.year < 1971 or last_year > LAST_YEAR:
        raise ConfigurationError(
            f"scenario: it goes from the year {scenario.start.year} to {last_year:.0f}; allowed are 1971 to "
            f"{LAST_YEAR}"
        )
    for moment in scenario.deployments_s:
        _check_number("a deployment", moment, "scenario", most=MAX_SECONDS)
    if list(scenario.deployments_s) != sorted(scenario.deployments_s):
        raise ConfigurationError("scenario: deployments_s is not in ascending order")


def _check_client(scenario: Scenario) -> None:
    reaction = scenario.on_reject
    if not hasattr(reaction, "__struct_config__"):
        raise ConfigurationError(
            f"on_reject is {shown(reaction)}; it is Fail(), Failover(), Backoff() or Wait() of "
            "keyrota.simulation.scenario"
        )
    place = f"on_reject {reaction.__struct_config__.tag}"
    for name in reaction.__struct_fields__:
        value = getattr(reaction, name)
        if name == "tries":
            if value is not None and not (is_whole(value) and 1 <= value <= MAX_COUNT):
                raise ConfigurationError(f"{place}: tries is {shown(value)}; allowed are 1 to {MAX_COUNT:,}")
        else:
            most = 1.0 if name == "jitter" else 86_400.0 * 7
            _check_number(name, value, place, most=most)


def _check_function(function: Function, scenario: Scenario, names: list[str]) -> None:
    place = f"function {shown(function.name)}"
    if not function.name or len(function.name) > 64 or not function.name.isprintable():
        raise ConfigurationError(f"{place}: a name has 1 to 64 printable characters")
    pools = [pool.name for pool in scenario.pools]
    if function.pool not in pools:
        raise ConfigurationError(f"{place}: no pool {shown(function.pool)}; there are {listed(pools)}")
    if function.arrivals is not None:
        check_arrivals(function.arrivals, place)
        expected = expected_requests(function.arrivals, scenario.duration_s)
        if expected > MAX_REQUESTS:
            raise ConfigurationError(
                f"{place}: about {expected:.1e} requests would arrive; at most {MAX_REQUESTS:.0e} can be "
                "simulated. Lower the rate or its growth, or shorten the duration"
            )
    for name, value in (("warm_s", function.service.warm_s), ("cold_s", function.service.cold_s)):
        if value is not None:
            _check_number(f"service.{name}", value, place, most=86_400.0)
    _check_isolates(function.isolates, place)
    life = getattr(function.isolates, "life_s", None)
    slowest = max(function.service.warm_s, function.service.cold_s or 0.0)
    if life is not None and slowest > life:
        raise ConfigurationError(
            f"{place}: a request works {slowest:g} s on average, longer than an isolate lives ({life:g} s); "
            "shorten service or give isolates of another kind"
        )
    for trigger in function.triggers:
        if trigger.function not in names:
            raise ConfigurationError(
                f"{place}: triggers {shown(trigger.function)}, which is no function here; there are "
                f"{listed(names)}"
            )
        _check_number("trigger probability", trigger.probability, place, most=1.0)
    if sum(trigger.probability for trigger in function.triggers) > 1 + 1e-9:
        raise ConfigurationError(f"{place}: the probabilities of its triggers add up to more than 1")
    _check_no_circle(function, scenario)


def _check_no_circle(function: Function, scenario: Scenario) -> None:
    targets = {f.name: [t.function for t in f.triggers] for f in scenario.functions}
    reached, ahead = set[str](), list(targets[function.name])
    while ahead:
        name = ahead.pop()
        if name == function.name:
            raise ConfigurationError(
                f"function {shown(name)}: its triggers lead back to itself; calls would never end"
            )
        if name not in reached:
            reached.add(name)
            ahead += targets.get(name, [])


def _check_isolates(isolates: Isolates, place: str) -> None:
    least, most = isolates.boot_s
    _check_number("isolates.boot_s", least, place, most=3600.0)
    _check_number("isolates.boot_s", most, place, most=3600.0)
    if least > most:
        raise ConfigurationError(f"{place}: isolates.boot_s is ({least:g}, {most:g}); the least comes first")
    slots = getattr(isolates, "slots", 1)
    if not (is_whole(slots) and 1 <= slots <= MAX_SLOTS):
        raise ConfigurationError(f"{place}: slots is {shown(slots)}; allowed are 1 to {MAX_SLOTS:,}")
    life = getattr(isolates, "life_s", None)
    if life is not None:
        _check_number("isolates.life_s", life, place, above=0.0, most=MAX_SECONDS)
        if most >= life:
            raise ConfigurationError(
                f"{place}: an isolate boots in up to {most:g} s and lives {life:g} s; a boot must be shorter"
            )
    expiry = getattr(isolates, "idle_expiry_s", None)
    if expiry is not None:
        _check_number("isolates.idle_expiry_s", expiry, place, most=MAX_SECONDS)
    cap = getattr(isolates, "max_instances", None)
    if cap is not None and not (is_whole(cap) and 1 <= cap <= MAX_COUNT):
        raise ConfigurationError(
            f"{place}: max_instances is {shown(cap)}; allowed are 1 to {MAX_COUNT:,}, or none for no cap"
        )


def _check_number(
    name: str, value: object, place: str, *, above: float | None = None, most: float = math.inf
) -> None:
    is_low = is_number(value) and (value <= above if above is not None else value < 0)
    if not is_number(value) or is_low or value > most:
        least = "more than 0" if above is not None else "0 or more"
        top = f", at most {most:g}" if math.isfinite(most) else ""
        raise ConfigurationError(f"{place}: {name} is {shown(value)}; it must be {least}{top}")
