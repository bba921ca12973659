"""From the options of the command line to a scenario."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from keyrota.cli.scenario_options import ScenarioArguments, flag, only_for
from keyrota.cli.traffic import function_names, traffic_of
from keyrota.display import listed, reason_of, shown
from keyrota.errors import ConfigurationError
from keyrota.opening import opened_to_read

if TYPE_CHECKING:
    from keyrota.pools.declared import Pool
    from keyrota.simulation.scenario import Isolates, OnReject, Scenario, Service

MAX_BYTES: Final = 64 << 20
"""No scenario file is larger; it may hold a million replayed times."""

_NOT_WITH_FILE: Final = frozenset({"scenario_file"})


def scenario_of_arguments(
    arguments: ScenarioArguments,
    *,
    needs_rate: bool = True,
    can_replay: bool = True,
    growth_per_day: float | None = None,
) -> Scenario:
    """Return the scenario that the options describe.

    Parameters
    ----------
    arguments
        The options.
    needs_rate
        Whether traffic must be given; if not, each pool has one request a minute, for its shape.
    can_replay
        Whether the command has --replay, for messages.
    growth_per_day
        Growth of the traffic as a fraction.

    Raises
    ------
    ConfigurationError
        If an option is not allowed, missing, or contradicts another.
    """
    if arguments.scenario_file is not None:
        others = sorted(flag(name) for name in arguments.given - _NOT_WITH_FILE)
        if others:
            raise ConfigurationError(
                f"--scenario holds the whole scenario; leave out {listed(others)}, or change the file"
            )
        if growth_per_day is not None:
            raise ConfigurationError(
                "--scenario holds the whole traffic: put growth_per_day into its arrivals, not --growth"
            )
        return _from_file(arguments.scenario_file)
    from keyrota.simulation.scenario import Function, Scenario

    pools = _pools(arguments)
    service, isolates = _service(arguments), _isolates(arguments)
    traffic = traffic_of(
        arguments, pools, needs_rate=needs_rate, can_replay=can_replay, growth_per_day=growth_per_day
    )
    functions = tuple(
        Function(
            name=name, pool=pool.name, arrivals=traffic.arrivals[name], isolates=isolates, service=service
        )
        for pool in pools
        for name in function_names(pool)
    )
    options = arguments.of("policy", "picks_per_request", "window", "charge_rejected")
    spans = {"duration_s": traffic.duration_s, "start": traffic.start}
    options |= {name: value for name, value in spans.items() if value is not None}
    for option, name in (("duration", "duration_s"), ("warm_up", "warm_up_s")):
        if option in arguments.given:
            options[name] = getattr(arguments, option)
    if "start" in arguments.given:
        options["start"] = _moment(arguments.start or "")
    return Scenario(
        pools=pools,
        functions=functions,
        on_reject=_reaction(arguments),
        deployments_s=tuple(sorted(arguments.deploy_at)),
        **options,
    )


def _from_file(name: str) -> Scenario:
    import json
    import tomllib

    from keyrota.simulation.scenario import scenario_of

    path = Path(name)
    try:
        with opened_to_read(path) as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"--scenario {name}: cannot be read ({reason_of(error)})") from None
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"--scenario {name}: larger than 64 MiB; this is no scenario")
    try:
        text = data.decode("utf-8-sig")
        is_json = name.endswith(".json") or text.lstrip().startswith("{")
        document: Any = json.loads(text) if is_json else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "holds an endless number" if "int_max_str_digits" in str(error) else error
        raise ConfigurationError(f"--scenario {name}: neither TOML nor JSON: {reason}") from None
    if isinstance(document, dict) and isinstance(document.get("scenario"), dict):
        document = document["scenario"]  # the JSON of an earlier simulation
    return scenario_of(document, name)


def _pools(arguments: ScenarioArguments) -> tuple[Pool, ...]:
    simple = arguments.given & {"keys", "per_minute", "per_day"}
    if simple:
        if arguments.given & {"pools", "pool"}:
            raise ConfigurationError(
                f"{listed(sorted(map(flag, simple)))} describe a pool; leave out --pools and --pool, which "
                "take declared ones"
            )
        from keyrota.simulation.simple import pool_of

        if arguments.per_minute is None and arguments.per_day is None:
            raise ConfigurationError("--keys needs a limit: give --per-minute, --per-day or both")
        if arguments.keys is None:
            raise ConfigurationError("--per-minute and --per-day describe a pool of --keys K; give it")
        return (pool_of(arguments.keys, arguments.per_minute, arguments.per_day),)
    from keyrota.pools import load_pools

    config = load_pools(arguments.pools)
    if not config.pools:
        raise ConfigurationError(f"{config.source} declares no pool; there is nothing to simulate")
    if not arguments.pool:
        return config.pools
    return tuple(config[name] for name in dict.fromkeys(arguments.pool))


def _reaction(arguments: ScenarioArguments) -> OnReject:
    from msgspec.structs import replace

    from keyrota.simulation.simple import REACTIONS

    kind = arguments.on_reject or "fail"
    only_for("--on-reject failover, backoff or wait", kind != "fail", arguments, "tries")
    only_for("--on-reject backoff", kind == "backoff", arguments, "backoff_s", "jitter")
    only_for("--on-reject backoff or wait", kind in ("backoff", "wait"), arguments, "budget")
    given = arguments.of("tries", "jitter")
    if "budget" in arguments.given:
        given["budget_s"] = arguments.budget
    if "backoff_s" in arguments.given:
        given["base_s"] = arguments.backoff_s
    return replace(REACTIONS[kind], **given)


def _isolates(arguments: ScenarioArguments) -> Isolates:
    from msgspec.structs import replace

    from keyrota.simulation.simple import ISOLATES

    kind = arguments.isolates or "supabase-free"
    is_hosted = kind.startswith("supabase")
    only_for("hosted isolates", is_hosted, arguments, "slots", "lifetime_s", "preflight")
    only_for("--isolates scale-per-request", kind == "scale-per-request", arguments, "idle_expiry_s")
    only_for("--isolates scale-per-request", kind == "scale-per-request", arguments, "max_instances")
    given = arguments.of("slots", "preflight", "idle_expiry_s", "max_instances")
    if arguments.boot_ms is not None:
        given["boot_s"] = (arguments.boot_ms / 1000, arguments.boot_ms / 1000)
    if arguments.lifetime_s is not None:
        given["life_s"] = arguments.lifetime_s
    return replace(ISOLATES[kind], **given)


def _service(arguments: ScenarioArguments) -> Service:
    from keyrota.simulation.scenario import Service

    names = {"service_s": "warm_s", "cold_service_s": "cold_s"}
    return Service(**{names[name]: value for name, value in arguments.of(*names).items()})


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigurationError(
            f"--start: {shown(text)} is no time; write 2025-11-10 or 2025-11-10T08:00Z"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)


def changed_by(arguments: ScenarioArguments, scenario: Scenario) -> Scenario:
    """Return a scenario with what the options say about rotation, reaction, window and span."""
    from msgspec.structs import replace as replaced

    options = arguments.of("policy", "picks_per_request", "window", "charge_rejected")
    for option, name in (("duration", "duration_s"), ("warm_up", "warm_up_s")):
        if option in arguments.given:
            options[name] = getattr(arguments, option)
    if "start" in arguments.given:
        options["start"] = _moment(arguments.start or "")
    if arguments.given & {"on_reject", "tries", "backoff_s", "budget", "jitter"}:
        options["on_reject"] = _reaction(arguments)
    if "deploy_at" in arguments.given:
        options["deployments_s"] = tuple(sorted(arguments.deploy_at))
    return replaced(scenario, **options) if options else scenario


def notes_of(scenario: Scenario) -> list[str]:
    """Return what a person should know about a scenario before it is simulated."""
    notes = []
    if any(pool.quota.tokens_per_minute is not None for pool in scenario.pools):
        notes.append("limits of tokens are not simulated; only requests a minute and a day are")
    return notes


def note(message: str) -> None:
    """Tell something on standard error."""
    import click

    from keyrota.display import visible

    click.echo(f"keyrota: note: {visible(message)}", err=True)


def with_keys(arguments: ScenarioArguments, keys: int) -> ScenarioArguments:
    """Return the arguments with a pool of so many keys, where limits are given in place of declared pools."""
    if arguments.scenario_file is not None or not arguments.given & {"per_minute", "per_day"}:
        return arguments
    return replace(arguments, keys=keys, given=arguments.given | {"keys"})
