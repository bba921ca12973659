"""The options that say what is simulated, shared by simulate and onset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import wraps
from typing import Any, Final, TypeVar

import click

from keyrota.cli.options import cluster_option, pools_file
from keyrota.cli.values import Duration, Rate

Command = TypeVar("Command", bound=Callable[..., Any])

# The names of the closed vocabularies, written out so that help needs no import; a test compares them.
POLICIES: Final = (
    "random-start-round-robin", "start-at-first", "random", "shared-round-robin", "least-used", "sticky",
)  # fmt: skip
REACTIONS: Final = ("fail", "failover", "backoff", "wait")
WINDOWS: Final = ("fixed", "sliding", "token-bucket")
ISOLATES: Final = ("supabase-free", "supabase-paid", "single", "scale-per-request")
ARRIVALS: Final = ("poisson", "regular", "bursts", "sessions", "profile")
ENGINES: Final = ("auto", "compiled", "simpy")


@dataclass(frozen=True)
class ScenarioArguments:
    """The options that say what is simulated; ``None`` where an option was not given."""

    scenario_file: str | None = None
    pools: str | None = None
    pool: tuple[str, ...] = ()
    keys: int | None = None
    per_minute: int | None = None
    per_day: int | None = None
    rate: tuple[tuple[str | None, float], ...] = ()
    arrivals: str | None = None
    profile: str | None = None
    profile_zone: str | None = None
    calm_ratio: float | None = None
    burst_s: float | None = None
    calm_s: float | None = None
    messages: float | None = None
    think_s: float | None = None
    replay: tuple[str, ...] = ()
    duration: float | None = None
    warm_up: float | None = None
    start: str | None = None
    policy: str | None = None
    picks_per_request: int | None = None
    on_reject: str | None = None
    tries: int | None = None
    backoff_s: float | None = None
    budget: float | None = None
    jitter: float | None = None
    window: str | None = None
    charge_rejected: bool | None = None
    isolates: str | None = None
    slots: int | None = None
    lifetime_s: float | None = None
    preflight: bool | None = None
    idle_expiry_s: float | None = None
    max_instances: int | None = None
    boot_ms: float | None = None
    service_s: float | None = None
    cold_service_s: float | None = None
    deploy_at: tuple[float, ...] = ()
    given: frozenset[str] = field(default_factory=frozenset)

    def of(self, *names: str) -> dict[str, Any]:
        """Return those of these options that were given, by name."""
        return {name: getattr(self, name) for name in names if name in self.given}


_OPTIONS: Final = {
    "scenario_file": click.option(
        "--scenario",
        "scenario_file",
        metavar="FILE",
        help="A scenario as TOML or JSON, or the JSON of an earlier simulation; in place of all the "
        "options down to --deploy-at.",
    ),
    "pools": click.option(
        "--pools", metavar="FILE", callback=pools_file, help="The pools file (TOML). Default: the ten keys."
    ),
    "pool": click.option("--pool", metavar="NAME", multiple=True, help="Only this pool; may be repeated."),
    "keys": click.option("--keys", metavar="K", type=int, help="A pool of K like keys, in place of --pools."),
    "per_minute": click.option("--per-minute", metavar="L", type=int, help="Requests a minute of each key."),
    "per_day": click.option("--per-day", metavar="D", type=int, help="Requests a Pacific day of each key."),
    "rate": click.option(
        "--rate",
        metavar="RATE",
        type=Rate(),
        multiple=True,
        help="Traffic: 4/min, 0.5/s, 100/day; for one of several pools: CHAT=4/min, repeated.",
    ),
    "arrivals": click.option(
        "--arrivals", type=click.Choice(ARRIVALS), help="Kind of traffic. Default: poisson."
    ),
    "profile": click.option(
        "--profile", metavar="W,W,...", help="24 weights of the hours of a day, or 168 of a week."
    ),
    "profile_zone": click.option(
        "--profile-zone", metavar="ZONE", help="Time zone of these hours, such as Europe/Paris."
    ),
    "calm_ratio": click.option(
        "--calm-ratio", metavar="F", type=float, help="Rate between bursts over the rate in one, 0 to 1."
    ),
    "burst_s": click.option("--burst-s", metavar="S", type=float, help="Mean length of a burst in seconds."),
    "calm_s": click.option("--calm-s", metavar="S", type=float, help="Mean time between bursts in seconds."),
    "messages": click.option(
        "--messages", metavar="N", type=float, help="Mean number of requests in a chat session."
    ),
    "think_s": click.option(
        "--think-s", metavar="S", type=float, help="Mean time between the requests of a session."
    ),
    "replay": click.option(
        "--replay", metavar="LOG", multiple=True, help="The arrival times of a log, in place of --rate."
    ),
    "duration": click.option(
        "--duration", metavar="TIME", type=Duration(), help="Of one replication: 24h, 7d. Default: 24h."
    ),
    "warm_up": click.option(
        "--warm-up", metavar="TIME", type=Duration(), help="Simulated first and not counted."
    ),
    "start": click.option(
        "--start", metavar="TIME", help="First moment: 2025-11-10T08:00Z, a Pacific midnight."
    ),
    "policy": click.option(
        "--policy",
        type=click.Choice(POLICIES),
        help="How a key is chosen. Default: random-start-round-robin.",
    ),
    "picks_per_request": click.option(
        "--picks-per-request", type=click.Choice(["1", "2"]), help="2: only the last pick is used."
    ),
    "on_reject": click.option(
        "--on-reject", type=click.Choice(REACTIONS), help="What the client does on a 429. Default: fail."
    ),
    "tries": click.option("--tries", metavar="N", type=int, help="Calls of a request at most."),
    "backoff_s": click.option(
        "--backoff-s", metavar="S", type=float, help="First wait of a backoff, doubled each time."
    ),
    "budget": click.option(
        "--budget", metavar="TIME", type=Duration(), help="No wait ends later than this after a 429."
    ),
    "jitter": click.option(
        "--jitter", metavar="F", type=float, help="Part of a wait that is random, 0 to 1."
    ),
    "window": click.option(
        "--window", type=click.Choice(WINDOWS), help="How a minute limit counts. Default: fixed."
    ),
    "charge_rejected": click.option(
        "--charge-rejected", is_flag=True, default=None, help="Rejected calls count as well."
    ),
    "isolates": click.option(
        "--isolates", type=click.Choice(ISOLATES), help="Where functions run. Default: supabase-free."
    ),
    "slots": click.option("--slots", metavar="S", type=int, help="Places of hosted isolates. Default: 300."),
    "lifetime_s": click.option(
        "--lifetime-s", metavar="S", type=float, help="Life of hosted isolates from their boot."
    ),
    "preflight": click.option(
        "--preflight", is_flag=True, default=None, help="A browser's preflight may boot an isolate."
    ),
    "idle_expiry_s": click.option(
        "--idle-expiry-s", metavar="S", type=float, help="Idle time that ends an instance."
    ),
    "max_instances": click.option("--max-instances", metavar="N", type=int, help="Cap on instances."),
    "boot_ms": click.option(
        "--boot-ms", metavar="MS", type=float, help="Boot time before the pick. Default: 30 to 60."
    ),
    "service_s": click.option(
        "--service-s", metavar="S", type=float, help="Mean time of a request's work. Default: 2."
    ),
    "cold_service_s": click.option(
        "--cold-service-s", metavar="S", type=float, help="The same of a request that boots."
    ),
    "deploy_at": click.option(
        "--deploy-at",
        metavar="TIME",
        type=Duration(),
        multiple=True,
        help="A deployment this long after the start replaces all isolates; may be repeated.",
    ),
}


def flag(name: str) -> str:
    """Return an option as it is written on the command line."""
    return {"scenario_file": "--scenario"}.get(name, "--" + name.replace("_", "-"))


def only_for(place: str, holds: bool, arguments: ScenarioArguments, *names: str) -> None:
    """Refuse options that have no effect.

    Raises
    ------
    ConfigurationError
        If one of them was given and what they go with does not hold.
    """
    wrong = [flag(name) for name in names if name in arguments.given]
    if wrong and not holds:
        from keyrota.display import listed
        from keyrota.errors import ConfigurationError

        raise ConfigurationError(f"{listed(wrong)} has no effect here; it goes with {place}")


def scenario_options(*, without: tuple[str, ...] = ()) -> Callable[[Command], Command]:
    """Add the options but for some; the command gets `ScenarioArguments` first."""
    names = [name.name for name in fields(ScenarioArguments) if name.name not in ("given", *without)]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_arguments(**values: Any) -> Any:
            context = click.get_current_context()
            source = click.core.ParameterSource.DEFAULT
            given = frozenset(name for name in names if context.get_parameter_source(name) != source)
            own = {name: values.pop(name) for name in names}
            if own["picks_per_request"] is not None:
                own["picks_per_request"] = int(own["picks_per_request"])
            return command(ScenarioArguments(**own, given=given), **values)

        for name in reversed(names):
            with_arguments = _OPTIONS[name](with_arguments)
        return with_arguments  # type: ignore[return-value]

    return decorate


def experiment_options(command: Command) -> Command:
    """Add --engine, --seed, --jobs and --cluster."""
    for add in reversed(
        (
            click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True),
            click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
            click.option(
                "--jobs", metavar="N", type=int, default=1, show_default=True,
                help="Workers; -1: one on each core. The result is the same.",
            ),
            cluster_option,
        )
    ):  # fmt: skip
        command = add(command)
    return command
