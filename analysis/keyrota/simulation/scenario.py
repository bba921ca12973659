"""What is simulated: pools, the functions that draw on them, their isolates, and the rules of the game.

A scenario is data: it can be read from a file, printed, and repeated. Durations are seconds, rates
requests a minute, shares fractions.
"""

from __future__ import annotations

import datetime as dt
from typing import Final, Literal, get_args

import msgspec

from keyrota.pools.declared import Pool
from keyrota.traffic.arrivals import Arrivals

PolicyName = Literal[
    "random-start-round-robin", "start-at-first", "random", "shared-round-robin", "least-used", "sticky"
]
WindowName = Literal["fixed", "sliding", "token-bucket"]

DEFAULT_START: Final = dt.datetime(2025, 11, 10, 8, 0, tzinfo=dt.UTC)
"""A midnight in Los Angeles, where the provider's day begins."""


class Hosted(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="hosted",
             forbid_unknown_fields=True):  # fmt: skip
    """Isolates of a hosted platform: a request goes to one of equally likely slots.

    Parameters
    ----------
    slots
        Number of equally likely places. 300: fitted to one public measurement, 200 calls that met
        148 isolates (95 % range 250 to 400).
    life_s
        An isolate takes requests for so long from its boot, whatever its use: 75 s (free) or 200 s
        (paid), half of the platform's wall-clock limit.
    boot_s
        Least and longest time of a boot; it delays the pick of the request that waits for it.
    preflight
        Whether a browser's OPTIONS request comes first: it may boot an isolate and picks nothing.
    """

    slots: int = 300
    life_s: float = 75.0
    boot_s: tuple[float, float] = (0.030, 0.060)
    preflight: bool = False


class Single(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="single",
             forbid_unknown_fields=True):  # fmt: skip
    """One isolate that lives until the next deployment (local, self-hosted)."""

    boot_s: tuple[float, float] = (0.030, 0.060)


class ScalePerRequest(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind",
                      tag="scale-per-request", forbid_unknown_fields=True):  # fmt: skip
    """Instances that serve one request at a time (in the manner of AWS Lambda).

    A request goes to the idle instance that was created last; if none is idle a new one is made, or
    the request is turned away at the cap. An instance ends when it was idle for so long.

    Parameters
    ----------
    idle_expiry_s
        Idle time after which an instance ends.
    max_instances
        Cap on instances; ``None`` for none.
    boot_s
        Least and longest time of a boot before the pick. A cold request's own service time is
        `Service.cold_s`.
    """

    idle_expiry_s: float = 600.0
    max_instances: int | None = None
    boot_s: tuple[float, float] = (0.0, 0.0)


Isolates = Hosted | Single | ScalePerRequest


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a request works after its pick: mean of warm and of cold requests, and their law."""

    warm_s: float = 2.0
    cold_s: float | None = None
    law: Literal["exponential", "constant"] = "exponential"


class Trigger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call that a request of one function sets off at another: an image asked for in a chat.

    Parameters
    ----------
    function
        The function that is called.
    probability
        Share of requests that do so.
    replaces_call
        Whether the request leaves its own pick unused (the document's chat picks a key before it
        routes to the image function); otherwise it calls, and triggers when it has succeeded.
    """

    function: str
    probability: float
    replaces_call: bool = False


class Function(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One function: its traffic, the pool that it picks from, and its own set of isolates.

    `arrivals` may be ``None`` for a function that only others trigger.
    """

    name: str
    pool: str
    arrivals: Arrivals | None = None
    isolates: Isolates = Hosted()
    service: Service = Service()
    triggers: tuple[Trigger, ...] = ()


class Fail(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="fail",
           forbid_unknown_fields=True):  # fmt: skip
    """A 429 goes to the caller."""


class Failover(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="failover",
               forbid_unknown_fields=True):  # fmt: skip
    """Try the next keys at once, in order.

    `tries` counts all calls of a request; ``None`` for as many as there are keys.
    """

    tries: int | None = None


class Backoff(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="backoff",
              forbid_unknown_fields=True):  # fmt: skip
    """Wait and pick again: base_s, 2 base_s, 4 base_s, ... at most cap_s, each cut at random by jitter.

    Parameters
    ----------
    tries
        All calls of a request.
    base_s, cap_s
        The first wait and the longest.
    jitter
        Share of a wait that is drawn: a wait w lasts between (1 - jitter) w and w.
    budget_s
        A wait that would end later than this after the first 429 is not begun.
    """

    tries: int = 4
    base_s: float = 1.0
    cap_s: float = 60.0
    jitter: float = 0.5
    budget_s: float = 120.0


class Wait(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="wait",
           forbid_unknown_fields=True):  # fmt: skip
    """Wait for the delay that the 429 states, plus up to `jitter_s`, and pick again; else as `Backoff`."""

    tries: int = 4
    jitter_s: float = 1.0
    budget_s: float = 120.0


OnReject = Fail | Failover | Backoff | Wait


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A validated scenario; `keyrota.simulation.validate` says what is allowed.

    Parameters
    ----------
    pools
        Keys, limits and projects, as declared. Keys of one project and model share one quota, also
        across pools.
    functions
        At least one, with traffic.
    policy
        How a key is chosen; see `keyrota.rotation.policies.POLICIES`.
    picks_per_request
        1, or 2: then only the last pick is used. A further try after a 429 is one pick.
    on_reject
        What the function's API client does on a 429: it tries again within the request's isolate.
    window
        How a minute limit counts.
    charge_rejected
        Whether rejected calls count against the limits.
    start
        The first moment; the daily limits follow the Pacific calendar from there.
    duration_s
        Requests arrive for so long; those in flight at the end are finished.
    warm_up_s
        What happens in this first part of the duration is simulated and not counted.
    deployments_s
        Moments, in seconds from the start, at which all isolates are replaced.
    """

    pools: tuple[Pool, ...]
    functions: tuple[Function, ...]
    policy: PolicyName = "random-start-round-robin"
    picks_per_request: Literal[1, 2] = 1
    on_reject: OnReject = Fail()
    window: WindowName = "fixed"
    charge_rejected: bool = False
    start: dt.datetime = DEFAULT_START
    duration_s: float = 86_400.0
    warm_up_s: float = 0.0
    deployments_s: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Validate."""
        from keyrota.simulation.validate import validate

        validate(self)

    def pool(self, name: str) -> Pool:
        """Return a pool by name."""
        return next(pool for pool in self.pools if pool.name == name)


def scenario_of(document: object, source: str) -> Scenario:
    """Return the scenario that a decoded TOML or JSON document holds.

    Raises
    ------
    ConfigurationError
        If a field is unknown, missing or of another type, or a value is not allowed.
    """
    from keyrota.display import listed
    from keyrota.errors import ConfigurationError

    try:
        return msgspec.convert(document, Scenario, strict=True)
    except msgspec.ValidationError as error:
        message = str(error)
        allowed = next((names for place, names in _VOCABULARIES if place in message), None)
        hint = f"; allowed are {listed(list(allowed), limit=9)}" if allowed and "Invalid" in message else ""
        raise ConfigurationError(f"{source}: {message}{hint}") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error}") from None


_VOCABULARIES: Final = (
    ("$.policy", get_args(PolicyName)),
    ("$.window", get_args(WindowName)),
    ("$.on_reject.kind", ("fail", "failover", "backoff", "wait")),
    (".isolates.kind", ("hosted", "single", "scale-per-request")),
    (".arrivals.process", ("poisson", "profile", "bursts", "sessions", "regular", "replay")),
    (".service.law", ("exponential", "constant")),
    ("$.picks_per_request", ("1", "2")),
)
"""What is allowed in the fields that have a vocabulary, by a part of their path."""
