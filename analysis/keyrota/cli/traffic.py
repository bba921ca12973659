"""From the options of the command line to traffic: rates, kinds of arrivals, the times of a log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyrota.cli.scenario_options import ScenarioArguments, flag, only_for
from keyrota.cli.values import number
from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from keyrota.pools.declared import Pool
    from keyrota.traffic.arrivals import Arrivals


@dataclass(frozen=True)
class Traffic:
    """Arrivals by function, and the span of a replayed log."""

    arrivals: dict[str, Arrivals | None]
    start: dt.datetime | None = None
    duration_s: float | None = None


def function_names(pool: Pool) -> list[str]:
    """Return the functions of a pool; one that declares none has one of its own name."""
    return list(pool.functions) or [pool.name]


def traffic_of(
    arguments: ScenarioArguments,
    pools: Sequence[Pool],
    *,
    needs_rate: bool,
    can_replay: bool = True,
    growth_per_day: float | None = None,
) -> Traffic:
    """Return the traffic that the options describe; a pool's rate is split evenly over its functions.

    Raises
    ------
    ConfigurationError
        If an option is not allowed, missing, or has no effect.
    InputError
        If the log to replay has no request.
    """
    if arguments.replay:
        return _replayed(arguments, pools, growth_per_day)
    rates = _rates(arguments, [pool.name for pool in pools], needs_rate, can_replay)
    arrivals: dict[str, Arrivals | None] = {}
    for pool in pools:
        names = function_names(pool)
        for name in names:
            if pool.name not in rates:
                arrivals[name] = None
                continue
            arrivals[name] = growing(_arrivals(arguments, rates[pool.name] / len(names)), growth_per_day)
    return Traffic(arrivals)


def _rates(
    arguments: ScenarioArguments, names: list[str], needs_rate: bool, can_replay: bool
) -> dict[str, float]:
    if not arguments.rate and needs_rate:
        example = "--rate 4/min" if len(names) == 1 else f"--rate {names[0]}=4/min for each pool"
        replay = ", or --replay LOG" if can_replay else ""
        raise ConfigurationError(f"there is no traffic: give {example}{replay}")
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
    return rates if needs_rate else {**dict.fromkeys(names, 1.0), **rates}


def _arrivals(arguments: ScenarioArguments, rate: float) -> Arrivals:
    from keyrota.traffic import arrivals as kinds

    kind = arguments.arrivals or ("profile" if arguments.profile is not None else "poisson")
    only_for("--arrivals bursts", kind == "bursts", arguments, "calm_ratio", "burst_s", "calm_s")
    only_for("--arrivals sessions", kind == "sessions", arguments, "messages", "think_s")
    only_for("--arrivals profile", kind == "profile", arguments, "profile", "profile_zone")
    if kind == "regular":
        return kinds.Regular(rate_per_min=rate)
    if kind == "sessions":
        return kinds.Sessions(rate_per_min=rate, **arguments.of("messages", "think_s"))
    if kind == "bursts":
        return kinds.Bursts(rate_per_min=rate, **arguments.of("calm_ratio", "burst_s", "calm_s"))
    if kind == "profile":
        zone = arguments.profile_zone or "UTC"
        return kinds.Profile(rate_per_min=rate, weights=_weights(arguments.profile), zone=zone)
    return kinds.Poisson(rate_per_min=rate)


def _weights(text: str | None) -> tuple[float, ...]:
    if text is None:
        raise ConfigurationError("--arrivals profile needs --profile: 24 or 168 weights, separated by commas")
    weights = [number(part.strip()) for part in text.split(",")]
    if None in weights:
        raise ConfigurationError(
            f"--profile {shown(text)}: 24 or 168 numbers of 0 or more are allowed, separated by commas"
        )
    return tuple(weight for weight in weights if weight is not None)


def growing(arrivals: Arrivals, growth_per_day: float | None) -> Arrivals:
    """Return arrivals that grow, if they can.

    Raises
    ------
    ConfigurationError
        If this kind does not grow.
    """
    if growth_per_day is None:
        return arrivals
    from msgspec.structs import replace

    if not hasattr(arrivals, "growth_per_day"):
        kind = arrivals.__struct_config__.tag
        raise ConfigurationError(f"--growth: {kind} traffic does not grow; take --arrivals poisson")
    return replace(arrivals, growth_per_day=growth_per_day)


def _replayed(arguments: ScenarioArguments, pools: Sequence[Pool], growth_per_day: float | None) -> Traffic:
    """Return the arrivals of a log, and its span: from the first to the last request."""
    from keyrota.logs.read import read
    from keyrota.traffic.replay import replay_of

    others = [flag(name) for name in ("rate", "arrivals", "profile") if name in arguments.given]
    if others or growth_per_day is not None:
        raise ConfigurationError(
            f"--replay takes the times of a log; leave out {listed(others or ['--growth'])}"
        )
    events = read(arguments.replay, pools=arguments.pools).events
    names = [name for pool in pools for name in function_names(pool)]
    seen = set(events["function"].dropna())
    arrivals: dict[str, Arrivals | None] = {}
    for pool in pools:
        own = function_names(pool)
        # A pool given by its limits alone takes all; one whose function the log does not name, its picks.
        rows = events if "keys" in arguments.given else events[events["pool"] == pool.name]
        for name in own:
            if name in seen:
                arrivals[name] = replay_of(events, name)
            else:
                arrivals[name] = replay_of(rows) if len(own) == 1 and len(rows) else None
    times = [time for replay in arrivals.values() if replay is not None for time in replay.times_ns]  # type: ignore[union-attr]
    if not times:
        raise InputError(
            f"the log to replay has no request of {listed(names)}; it has functions "
            f"{listed(sorted(map(str, seen))) or 'none that it names'}. Declare them with --pools"
        )
    # Whole minutes, as the windows of a minute count them.
    first, last = min(times) // 60_000_000_000, max(times) // 60_000_000_000
    start = dt.datetime.fromtimestamp(60 * first, dt.UTC)
    return Traffic(arrivals, start, 60.0 * (last - first + 1))
