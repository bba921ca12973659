"""Kinds of traffic, as data: how requests arrive at a function.

Rates are the long-run mean in requests a minute. Growth is a fraction a day: after t days the rate is
``(1 + growth_per_day)**t`` times that of the start.
"""

from __future__ import annotations

import math
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from keyrota.display import shown
from keyrota.errors import ConfigurationError

MOST_RATE: Final = 1e9
"""The largest rate in requests a minute: beyond it a number is a slip."""

MOST_SPAN_S: Final = 7 * 86_400.0
"""The longest mean spell, pause or gap."""


class _Process(msgspec.Struct, frozen=True, kw_only=True, tag_field="process", forbid_unknown_fields=True):
    """What all kinds share: they are told apart by the field `process`."""


class Poisson(_Process, frozen=True, kw_only=True, tag="poisson"):
    """Independent requests at a constant rate, or at one that grows.

    It holds for many users who do not know of each other; not for one user's clicks, nor for clients that
    come again after a rejection.
    """

    rate_per_min: float
    growth_per_day: float = 0.0


class Profile(_Process, frozen=True, kw_only=True, tag="profile"):
    """A Poisson process whose rate follows the hours of a day or of a week.

    Parameters
    ----------
    rate_per_min
        Mean over the whole period.
    weights
        24 weights of the hours of a day, or 168 of a week from Monday 00:00; only their ratios count.
    zone
        IANA name of the time zone of these hours; on switch days its clock counts.
    """

    rate_per_min: float
    weights: tuple[float, ...]
    zone: str = "UTC"
    growth_per_day: float = 0.0


class Bursts(_Process, frozen=True, kw_only=True, tag="bursts"):
    """A Markov-modulated Poisson process of two states [1]_: busy and calm spells of exponential length.

    Parameters
    ----------
    rate_per_min
        Long-run mean over both states.
    calm_ratio
        Rate between bursts over the rate in a burst, in [0, 1]: 0 is an interrupted Poisson process, 1 a
        Poisson process.
    burst_s, calm_s
        Mean lengths of both spells in seconds.

    References
    ----------
    .. [1] W. Fischer, K. Meier-Hellstern, "The Markov-modulated Poisson process (MMPP) cookbook",
       Performance Evaluation 18(2), 1993, pp. 149-171.
    """

    rate_per_min: float
    calm_ratio: float = 0.1
    burst_s: float = 60.0
    calm_s: float = 600.0
    growth_per_day: float = 0.0

    @property
    def burst_per_min(self) -> float:
        """The rate in a burst."""
        busy = self.burst_s + self.calm_ratio * self.calm_s
        return self.rate_per_min * (self.burst_s + self.calm_s) / busy

    @property
    def calm_per_min(self) -> float:
        """The rate between bursts."""
        return self.calm_ratio * self.burst_per_min


class Sessions(_Process, frozen=True, kw_only=True, tag="sessions"):
    """Chats: sessions begin as a Poisson process, and each has several requests.

    At the start no session is under way, so that the first minutes are quieter.

    Parameters
    ----------
    rate_per_min
        Requests a minute, not sessions.
    messages
        Mean number of requests in a session, geometric, at least 1.
    think_s
        Mean time between the requests of a session, exponential.
    """

    rate_per_min: float
    messages: float = 5.0
    think_s: float = 60.0
    growth_per_day: float = 0.0


class Regular(_Process, frozen=True, kw_only=True, tag="regular"):
    """Evenly spaced requests, the first `offset_s` after the start: a scheduled job."""

    rate_per_min: float
    offset_s: float = 0.0


class Replay(_Process, frozen=True, kw_only=True, tag="replay"):
    """Given moments, ascending, in nanoseconds since 1970 UTC; those outside the span are left out."""

    times_ns: tuple[int, ...]


Arrivals = Poisson | Profile | Bursts | Sessions | Regular | Replay


def check_arrivals(arrivals: Arrivals, place: str) -> None:
    """Check the numbers of a process.

    Parameters
    ----------
    arrivals
        The process.
    place
        Where it stands, for the message.

    Raises
    ------
    ConfigurationError
        If one is not allowed; it says which and what is.
    """
    if isinstance(arrivals, Replay):
        if any(later < time for time, later in zip(arrivals.times_ns, arrivals.times_ns[1:], strict=False)):
            raise ConfigurationError(f"{place}: the replayed times are not in ascending order; sort them")
        return
    _check(arrivals, "rate_per_min", place, 0.0, MOST_RATE)
    if hasattr(arrivals, "growth_per_day"):
        _check(arrivals, "growth_per_day", place, -0.99, 10.0)
    if isinstance(arrivals, Profile):
        _check_profile(arrivals, place)
    elif isinstance(arrivals, Bursts):
        _check(arrivals, "calm_ratio", place, 0.0, 1.0)
        _check(arrivals, "burst_s", place, 0.001, MOST_SPAN_S)
        _check(arrivals, "calm_s", place, 0.001, MOST_SPAN_S)
    elif isinstance(arrivals, Sessions):
        _check(arrivals, "messages", place, 1.0, 10_000.0)
        _check(arrivals, "think_s", place, 0.0, MOST_SPAN_S)
    elif isinstance(arrivals, Regular):
        _check(arrivals, "offset_s", place, 0.0, MOST_SPAN_S)


def at_rate(arrivals: Arrivals, rate_per_min: float) -> Arrivals:
    """Return the same process at another mean rate.

    Raises
    ------
    ConfigurationError
        For a replay, whose rate is that of its times.

    Examples
    --------
    >>> at_rate(Poisson(rate_per_min=1.0), 4.0).rate_per_min
    4.0
    """
    if isinstance(arrivals, Replay):
        raise ConfigurationError("a replay has the rate of its times; take another kind of arrivals")
    return replace(arrivals, rate_per_min=rate_per_min)


def mean_rate(arrivals: Arrivals) -> float:
    """Return the mean requests a minute; of a replay the number of its times over their span.

    Examples
    --------
    >>> mean_rate(Replay(times_ns=(0, 30_000_000_000, 60_000_000_000)))
    3.0
    """
    if not isinstance(arrivals, Replay):
        return arrivals.rate_per_min
    times = arrivals.times_ns
    span_ns = times[-1] - times[0] if times else 0
    return 60e9 * len(times) / span_ns if span_ns else 0.0


def expected_requests(arrivals: Arrivals, span_s: float) -> float:
    """Return about how many requests arrive in a span; infinite if growth leaves all bounds.

    Examples
    --------
    >>> round(expected_requests(Poisson(rate_per_min=1.0, growth_per_day=1.0), 86_400.0))
    2077
    """
    if isinstance(arrivals, Replay):
        return float(len(arrivals.times_ns))
    days, speed = span_s / 86_400, math.log1p(getattr(arrivals, "growth_per_day", 0.0))
    if speed * days > 700:
        return math.inf
    grown_days = math.expm1(speed * days) / speed if speed else days
    return 1440 * arrivals.rate_per_min * grown_days


def _check_profile(profile: Profile, place: str) -> None:
    weights = profile.weights
    if len(weights) not in (24, 168):
        raise ConfigurationError(
            f"{place}: a profile of {shown(len(weights))} weights; write 24 (hours of a day) or 168 (of a "
            "week)"
        )
    wrong = [weight for weight in weights if not (0 <= weight < math.inf)]
    if wrong:
        raise ConfigurationError(f"{place}: weight {shown(wrong[0])} of the profile; allowed is 0 or more")
    if not any(weights):
        raise ConfigurationError(f"{place}: all weights of the profile are 0, so that nothing would arrive")
    try:
        ZoneInfo(profile.zone)
    except (KeyError, OSError, ValueError):
        raise ConfigurationError(
            f"{place}: no time zone {shown(profile.zone)}; write an IANA name such as Europe/Paris"
        ) from None


def _check(arrivals: Any, name: str, place: str, least: float, most: float) -> None:
    value = getattr(arrivals, name)
    if not least <= value <= most:  # NaN fails as well
        raise ConfigurationError(f"{place}: {name} is {shown(value)}; allowed are {least:g} to {most:g}")
