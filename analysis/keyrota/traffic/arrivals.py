"""Kinds of traffic, as data: how requests arrive at a function.

Rates are the long-run mean in requests a minute. Growth is a fraction a day: after t days the rate is
``(1 + growth_per_day)**t`` times that of the start.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from keyrota.display import shown
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_RATE: Final = 1e9
"""The largest rate in requests a minute: beyond it a number is a slip."""

MOST_SPAN_S: Final = 7 * 86_400.0
"""The longest mean spell, pause or gap."""

MOST_SESSION_S: Final = 366 * 86_400.0
"""The longest mean session."""


class _Process(msgspec.Struct, frozen=True, kw_only=True, tag_field="process", forbid_unknown_fields=True):
    """What all kinds share: they are told apart by the field `process`."""


class Poisson(_Process, frozen=True, kw_only=True, tag="poisson"):
    """Independent requests at a constant rate, or at one that grows.

    It holds for many users who do not know of each other; not for one user's clicks, nor for clients that
    come again after a rejection.

    Parameters
    ----------
    rate_per_min
        Requests a minute at the start, in [0, 1e9]; 0 is no traffic.
    growth_per_day
        Growth of the rate, a fraction a day in [-0.99, 10].
    """

    rate_per_min: float
    growth_per_day: float = 0.0


class Profile(_Process, frozen=True, kw_only=True, tag="profile"):
    """A Poisson process whose rate follows the hours of a day or of a week, and is constant within an hour.

    It holds for people's daily round; not where one day differs from the next by more than chance, as
    on holidays.

    Parameters
    ----------
    rate_per_min
        Mean over the whole period, requests a minute. In an hour of weight w the rate is
        ``w / mean(weights)`` times that.
    weights
        24 weights of the hours of a day, or 168 of a week from Monday 00:00; only their ratios count.
    zone
        IANA name of the time zone of these hours. They are those of its clocks: an hour that is skipped
        has no requests, one that comes twice has twice as many.
    growth_per_day
        As of `Poisson`.
    """

    rate_per_min: float
    weights: tuple[float, ...]
    zone: str = "UTC"
    growth_per_day: float = 0.0


class Bursts(_Process, frozen=True, kw_only=True, tag="bursts"):
    """A Markov-modulated Poisson process of two states [1]_: busy and calm spells of exponential length.

    The first state is drawn with the probabilities of the long run. It holds for traffic that comes in
    waves of about one length; not for bursts on many time scales. For rates a in bursts and b between them
    write ``calm_ratio = b / a`` and ``rate_per_min = (a * burst_s + b * calm_s) / (burst_s + calm_s)``.

    Parameters
    ----------
    rate_per_min
        Long-run mean over both states, requests a minute.
    calm_ratio
        Rate between bursts over the rate in a burst, in [0, 1]: 0 is an interrupted Poisson process, 1 a
        Poisson process.
    burst_s, calm_s
        Mean lengths of both spells in seconds.
    growth_per_day
        As of `Poisson`; spells do not change.

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

    At the start no session is under way, so that the first minutes are quieter: after t seconds the mean
    rate lacks ``(1 - 1 / messages) * exp(-t / (messages * think_s))`` of the long run's. It does not hold for
    users who wait for the answer to their last request before they think.

    Parameters
    ----------
    rate_per_min
        Long-run mean of requests a minute, not sessions.
    messages
        Mean number of requests in a session, geometric, at least 1.
    think_s
        Mean time between the requests of a session in seconds, exponential. A mean session,
        ``messages * think_s``, lasts at most 366 days.
    growth_per_day
        As of `Poisson`, of the rate at which sessions begin.
    """

    rate_per_min: float
    messages: float = 5.0
    think_s: float = 60.0
    growth_per_day: float = 0.0


class Regular(_Process, frozen=True, kw_only=True, tag="regular"):
    """Evenly spaced requests: a scheduled job.

    It does not hold for a job that waits for the end of its last run, nor for one with jitter.

    Parameters
    ----------
    rate_per_min
        Requests a minute, ``60 / rate_per_min`` seconds apart.
    offset_s
        When the first one comes, in seconds after the start.
    """

    rate_per_min: float
    offset_s: float = 0.0


class Replay(_Process, frozen=True, kw_only=True, tag="replay", dict=True):
    """Given moments; those outside the span are left out.

    Parameters
    ----------
    times_ns
        Ascending nanoseconds since 1970 UTC, up to the year 2262.
    """

    times_ns: tuple[int, ...]

    @cached_property
    def moments(self) -> NDArray[np.int64]:
        """The times as an array, made once."""
        import numpy as np

        return np.array(self.times_ns, dtype=np.int64)


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
        _check_replay(arrivals, place)
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
        if arrivals.messages * arrivals.think_s > MOST_SESSION_S:
            raise ConfigurationError(
                f"{place}: {shown(arrivals.messages)} messages, {shown(arrivals.think_s)} s apart, "
                "take over a year on average; lower one of both"
            )
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

    Exact for a Poisson process; else a number to judge sizes by, without the hours of a profile, the
    quiet begin of sessions, and whether the times of a replay are in the span.

    Examples
    --------
    >>> round(expected_requests(Poisson(rate_per_min=1.0, growth_per_day=1.0), 86_400.0))
    2077
    """
    if isinstance(arrivals, Replay):
        return float(len(arrivals.times_ns))
    if not arrivals.rate_per_min:
        return 0.0
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
    except (KeyError, OSError, ValueError):  # unknown, a directory or too long, no path at all
        raise ConfigurationError(
            f"{place}: no time zone {shown(profile.zone)}; write an IANA name such as Europe/Paris"
        ) from None


def _check_replay(replay: Replay, place: str) -> None:
    try:
        moments = replay.moments
    except OverflowError:
        wrong = next(time for time in replay.times_ns if not -(2**63) <= time < 2**63)
        raise ConfigurationError(
            f"{place}: a replayed time is {shown(wrong)}; allowed are nanoseconds since 1970, up to "
            "the year 2262"
        ) from None
    if (moments[1:] < moments[:-1]).any():
        raise ConfigurationError(f"{place}: the replayed times are not in ascending order; sort them")


def _check(arrivals: Any, name: str, place: str, least: float, most: float) -> None:
    value = getattr(arrivals, name)
    if not least <= value <= most:  # NaN fails as well
        raise ConfigurationError(f"{place}: {name} is {shown(value)}; allowed are {least:g} to {most:g}")
