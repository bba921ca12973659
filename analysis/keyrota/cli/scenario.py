"""From the options of the command line to a scenario."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from keyrota.cli.scenario_options import ScenarioArguments
from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    from keyrota.pools.declared import Pool
    from keyrota.simulation.scenario import Isolates, OnReject, Scenario, Service
    from keyrota.traffic.arrivals import Arrivals

MAX_BYTES: Final = 64 << 20
"""No scenario file is larger; it may hold a million replayed times."""

_NOT_WITH_FILE: Final = frozenset({"scenario_file"})


def scenario_of_arguments(
    arguments: ScenarioArguments, *, needs_rate: bool = True, growth_per_day: float | None = None
) -> Scenario:
    """Return the scenario that the options describe.

    Parameters
    ----------
    arguments
        The options.
    needs_rate
        Whether traffic must be given; if not, each pool has one request a minute, for its shape.
    growth_per_day
        Growth of the traffic as a fraction.

    Raises
    ------
    ConfigurationError
        If an option is not allowed, missing, or contradicts another.
    """
    if arguments.scenario_file is not None:
        others = sorted(_flag(name) for name in arguments.given - _NOT_WITH_FILE)
        if others:
            raise ConfigurationError(
                f"--scenario holds the whole scenario; leave out {listed(others)}, or change the file"
            )
        return _from_file(arguments.scenario_file)
    from keyrota.simulation.scenario import Function, Scenario

    pools = _pools(arguments)
    service, isolates = _service(arguments), _isolates(arguments)
    functions = tuple(
        Function(
            name=name, pool=pool.name, arrivals=_growing(arrivals, growth_per_day), isolates=isolates,
            service=service,
        )
        for pool in pools
        for name, arrivals in _traffic(arguments, pool, pools, needs_rate)
    )  # fmt: skip
    options = arguments.of("policy", "picks_per_request", "window", "charge_rejected")
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


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _from_file(name: str) -> Scenario:
    import json
    import tomllib

    from keyrota.simulation.scenario import scenario_of

    path = Path(name)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"--scenario {name}: cannot be read ({(error.strerror or str(error)).lower()})"
        ) from None
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"--scenario {name}: larger than 64 MiB; this is no scenario")
    try:
        text = data.decode("utf-8-sig")
        document: Any = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"--scenario {name}: neither TOML nor JSON: {error}") from None
    if isinstance(document, dict) and isinstance(document.get("scenario"), dict):
        document = document["scenario"]  # the JSON of an earlier simulation
    return scenario_of(document, name)


def _pools(arguments: ScenarioArguments) -> tuple[Pool, ...]:
    simple = arguments.given & {"keys", "per_minute", "per_day"}
    if simple:
        if arguments.given & {"pools", "pool"}:
            raise ConfigurationError(
                f"{listed(sorted(map(_flag, simple)))} describe a pool; leave out --pools and --pool, which "
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


def _traffic(
    arguments: ScenarioArguments, pool: Pool, pools: tuple[Pool, ...], needs_rate: bool
) -> list[tuple[str, Arrivals | None]]:
    names = list(pool.functions) or [pool.name.lower()]
    if arguments.replay:
        return [(name, _replayed(arguments.replay, name, len(names) * len(pools) == 1)) for name in names]
    rates = _rates(arguments, pools, needs_rate)
    if pool.name not in rates:
        return [(name, None) for name in names]
    return [(name, _arrivals(arguments, rates[pool.name] / len(names))) for name in names]


def _growing(arrivals: Arrivals | None, growth_per_day: float | None) -> Arrivals | None:
    if arrivals is None or growth_per_day is None:
        return arrivals
    from msgspec.structs import replace

    if not hasattr(arrivals, "growth_per_day"):
        kind = arrivals.__struct_config__.tag
        raise ConfigurationError(f"--growth: {kind} traffic does not grow; take --arrivals poisson")
    return replace(arrivals, growth_per_day=growth_per_day)


def note(message: str) -> None:
    """Tell something on standard error."""
    import click

    from keyrota.display import visible

    click.echo(f"keyrota: note: {visible(message)}", err=True)


def _rates(arguments: ScenarioArguments, pools: tuple[Pool, ...], needs_rate: bool) -> dict[str, float]:
    names = [pool.name for pool in pools]
    if not arguments.rate:
        if not needs_rate:
            return dict.fromkeys(names, 1.0)
        example = "--rate 4/min" if len(names) == 1 else f"--rate {names[0]}=4/min for each pool"
        raise ConfigurationError(f"there is no traffic: give {example}, or --replay LOG")
    rates: dict[str, float] = {}
    for name, rate in arguments.rate:
        if name is None and len(names) > 1:
            raise ConfigurationError(
                f"--rate does not say which of the pools {listed(names)} it is for; write "
                f"--rate {names[0]}=4/min, or choose one with --pool"
            )
        if name is not None and name not in names:
            raise ConfigurationError(f"--rate: no pool {shown(name)}; there are {listed(names)}")
        own = name if name is not None else names[0]
        if own in rates:
            raise ConfigurationError(f"--rate gives pool {shown(own)} two rates; give one")
        rates[own] = rate
    return rates


def _arrivals(arguments: ScenarioArguments, rate: float) -> Arrivals:
    from keyrota.traffic import arrivals as kinds

    kind = arguments.arrivals or ("profile" if arguments.profile else "poisson")
    _only_for("--arrivals bursts", kind == "bursts", arguments, "calm_ratio", "burst_s", "calm_s")
    _only_for("--arrivals sessions", kind == "sessions", arguments, "messages", "think_s")
    _only_for("--arrivals profile", kind == "profile", arguments, "profile")
    if kind == "regular":
        return kinds.Regular(rate_per_min=rate)
    if kind == "sessions":
        return kinds.Sessions(rate_per_min=rate, **arguments.of("messages", "think_s"))
    if kind == "bursts":
        return kinds.Bursts(rate_per_min=rate, **arguments.of("calm_ratio", "burst_s", "calm_s"))
    if kind == "profile":
        return kinds.Profile(rate_per_min=rate, weights=_weights(arguments.profile))
    return kinds.Poisson(rate_per_min=rate)


def _weights(text: str | None) -> tuple[float, ...]:
    if text is None:
        raise ConfigurationError("--arrivals profile needs --profile: 24 or 168 weights, separated by commas")
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigurationError(
            f"--profile {shown(text)}: 24 or 168 numbers are allowed, separated by commas"
        ) from None


def _replayed(logs: tuple[str, ...], function: str, is_only: bool) -> Arrivals | None:
    from keyrota.logs.read import read
    from keyrota.traffic.replay import replay_of

    events = read(logs).events
    if is_only and function not in set(events["function"].dropna()):
        return replay_of(events)
    return replay_of(events, function) if function in set(events["function"].dropna()) else None


def _reaction(arguments: ScenarioArguments) -> OnReject:
    from keyrota.simulation import scenario as s

    kind = arguments.on_reject or "fail"
    _only_for("--on-reject failover, backoff or wait", kind != "fail", arguments, "tries")
    _only_for("--on-reject backoff", kind == "backoff", arguments, "backoff_s", "jitter")
    _only_for("--on-reject backoff or wait", kind in ("backoff", "wait"), arguments, "budget")
    tries = arguments.of("tries")
    budget: dict[str, Any] = {"budget_s": arguments.budget} if "budget" in arguments.given else {}
    if kind == "failover":
        return s.Failover(**tries)
    if kind == "wait":
        return s.Wait(**tries, **budget)
    if kind == "backoff":
        base: dict[str, Any] = {"base_s": arguments.backoff_s} if "backoff_s" in arguments.given else {}
        return s.Backoff(**tries, **budget, **base, **arguments.of("jitter"))
    return s.Fail()


def _isolates(arguments: ScenarioArguments) -> Isolates:
    from keyrota.simulation import scenario as s

    kind = arguments.isolates or "supabase-free"
    is_hosted = kind.startswith("supabase")
    _only_for("hosted isolates", is_hosted, arguments, "slots", "lifetime_s", "preflight")
    _only_for("--isolates scale-per-request", kind == "scale-per-request", arguments, "idle_expiry_s")
    _only_for("--isolates scale-per-request", kind == "scale-per-request", arguments, "max_instances")
    boot: dict[str, Any] = {}
    if arguments.boot_ms is not None:
        boot["boot_s"] = (arguments.boot_ms / 1000, arguments.boot_ms / 1000)
    if kind == "single":
        return s.Single(**boot)
    if kind == "scale-per-request":
        return s.ScalePerRequest(**boot, **arguments.of("idle_expiry_s", "max_instances"))
    life = 75.0 if kind == "supabase-free" else 200.0
    if arguments.lifetime_s is not None:
        life = arguments.lifetime_s
    return s.Hosted(life_s=life, **boot, **arguments.of("slots", "preflight"))


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


def _only_for(place: str, holds: bool, arguments: ScenarioArguments, *names: str) -> None:
    wrong = [_flag(name) for name in names if name in arguments.given]
    if wrong and not holds:
        raise ConfigurationError(f"{listed(wrong)} has no effect here; it goes with {place}")


def with_keys(arguments: ScenarioArguments, keys: int) -> ScenarioArguments:
    """Return the arguments with a pool of so many keys, where limits are given in place of declared pools."""
    if not arguments.given & {"per_minute", "per_day"}:
        return arguments
    return replace(arguments, keys=keys, given=arguments.given | {"keys"})
