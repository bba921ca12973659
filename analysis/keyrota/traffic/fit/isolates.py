"""Isolates of a function: the slots that requests choose from, the life of an isolate, the cold starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from keyrota.display import count
from keyrota.traffic.fit.hours import Floats, Integers
from keyrota.traffic.fit.intervals import CONFIDENCE, Estimate, share_interval
from keyrota.traffic.fit.meetings import NEVER, Booleans, Meetings, find_meetings

DEFAULT_SLOTS: Final = 300
DEFAULT_LIFE_S: Final = 75.0
PLATFORM_LIVES_S: Final = (75.0, 200.0)
"""Half of the hosted platform's wall-clock limits, free and paid."""

LONG_LIFE_S: Final = 600.0
"""No hosted isolate takes requests for so long."""

SINGLE_SHARE: Final = 0.9
MOST_LISTENING_SHARE: Final = 0.2
"""Where more requests start a server than this, each may have its own."""

FINENESS_S: Final = 0.001
"""Logged boots are whole milliseconds."""

UNKNOWN_BOOT_S: Final = 0.1
"""An isolate without a boot line is older than it looks, by its boot."""

_SAMPLE: Final = 20_000
_STEPS: Final = 24


@dataclass(frozen=True)
class IsolateFit:
    """The isolates of one function.

    Parameters
    ----------
    kind
        ``"hosted"``: equally likely slots whose isolates live a fixed time. ``"single"``: one isolate until
        the next deployment. ``"unknown"``: the log does not tell isolates apart.
    requests
        Requests whose isolate is known.
    isolates
        Isolates that they met.
    further
        Requests that met an isolate which was alive already.
    slots, life_s
        Of maximum likelihood, with their intervals. Where there are no further requests `life_s` is ``None``
        and `slots` has a lower bound only; ``None`` too if no request came while an isolate lived.
    model_slots, model_life_s
        What a simulation of hosted isolates takes: where a life of the platform (75 s, 200 s) is within the
        interval, that life, and the slots that belong to it; where nothing is told, 300 slots and 75 s.
        ``None`` unless hosted.
    cold_share
        Share of requests that started an isolate, once the log is older than a life; ``None`` if unknown.
    boot_s
        5th and 95th percentile of the boots; ``None`` without boot lines.
    shutdown_s
        Median age at the usual end of an isolate, a check on `life_s`: it is later where a request was still
        at work. ``None`` without such lines.
    """

    kind: Literal["hosted", "single", "unknown"]
    requests: int = 0
    isolates: int = 0
    further: int = 0
    slots: Estimate | None = None
    life_s: Estimate | None = None
    model_slots: int | None = None
    model_life_s: float | None = None
    cold_share: Estimate | None = None
    boot_s: Estimate | None = None
    shutdown_s: float | None = None

    @property
    def words(self) -> str:
        """What was found, in a sentence."""
        if self.kind == "unknown":
            return "the log does not tell which isolate served a request"
        if self.kind == "single":
            return "one isolate at a time serves all requests until it is replaced"
        met = f"{count(self.requests, 'request')} met {count(self.isolates, 'isolate')}"
        if self.life_s is None:
            least = f", at least {self.slots.low:.0f} slots" if self.slots is not None else ""
            return (
                f"{met}, each a new one{least}; {self.model_slots} slots and a life of "
                f"{self.model_life_s:g} s are assumed"
            )
        assert self.slots is not None
        until = f"to {self.life_s.high:.4g} s" if self.life_s.high is not None else "s or more"
        slots = f"{self.slots.low:.0f} to {self.slots.high:.0f}" if self.slots.high is not None else "some"
        return f"{met}: {slots} slots, a life of {self.life_s.low:.4g} {until}"


def fit_isolates(
    events: pd.DataFrame, request_times_ns: Integers, *, function: str | None = None
) -> IsolateFit:
    """Fit slots, life and cold starts of one function's isolates.

    The model: each request meets one of S equally likely slots, and an isolate takes requests for T seconds
    from its boot. Then each request that comes while an isolate is alive meets it with probability 1/S.

    T of maximum likelihood is the largest age at which a request met its isolate. Given T, the n further
    requests are at places drawn alike among all requests that came while isolates were alive: none of them
    between the largest age A and a longer T has probability (M(A) / M(T))**n, where M counts those requests.
    The upper end of the interval is where this is 5 %; for steady traffic A / .05**(1/n), and no daily round
    or burst spoils it. S of maximum likelihood is M(A) / n. That the largest age is one of the n makes the
    count inverse sampling, so the interval of 1/S ends at quantiles of Beta(n, M - n + 1) and of
    Beta(n, M - n) [1]_.

    It does not hold where load multiplies isolates or idleness ends them, nor where the pick comes long after
    the request: ages are those of picks. Ages count from the begin of the boot; without a boot line from the
    first pick.

    Both intervals, of S and of the cold share [2]_, take meetings as independent. Of several isolates that
    are alive a request meets one at most, so that they are too wide where most requests are warm.

    Parameters
    ----------
    events
        Event table, in time order.
    request_times_ns
        Ascending times of each request's first pick, int64 nanoseconds since 1970 UTC, at least one.
    function
        Only the rows of this function; ``None`` for all.

    References
    ----------
    .. [1] J. B. S. Haldane, "On a method of estimating frequencies", Biometrika 33, 1945, pp. 222-225.
    .. [2] C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case
       of the binomial", Biometrika 26, 1934, pp. 404-413.
    """
    chosen = events["time"].notna()
    if function is not None:
        chosen &= events["function"] == function
    own = events.loc[chosen.to_numpy(), ["time", "kind", "isolate", "cause", "duration_ms"]]
    boots = own.loc[(own["kind"] == "boot").to_numpy(), "duration_ms"].dropna().to_numpy(dtype=np.float64)
    boot_s = _middle(boots / 1000)
    meetings = find_meetings(own, request_times_ns)
    if 2 * len(meetings.times) < len(request_times_ns):
        return _without_ids(events, own, request_times_ns, boot_s, function)
    log_begin = int(events["time"].min().value)
    fit = _single(meetings) or _hosted(meetings, log_begin)
    return IsolateFit(**{**fit.__dict__, "boot_s": boot_s, "shutdown_s": _shutdown_s(meetings)})


def _without_ids(
    events: pd.DataFrame,
    own: pd.DataFrame,
    request_times_ns: Integers,
    boot_s: Estimate | None,
    function: str | None,
) -> IsolateFit:
    """Recognise a local log: no ids and no boots, but servers that begin to listen, each for many."""
    marks = events if function is None else events[events["function"].isna().to_numpy()]
    listening = (own["kind"] == "listening").sum() + (
        (marks["kind"] == "listening").sum() if marks is not events else 0
    )
    requests = len(request_times_ns)
    has_boots = bool((events["kind"] == "boot").any())
    if has_boots or not 0 < listening <= max(1.0, MOST_LISTENING_SHARE * requests):
        return IsolateFit("unknown", boot_s=boot_s)
    started = min(int(listening), requests)
    return IsolateFit("single", requests, started, requests - started,
                      cold_share=share_interval(started, requests))  # fmt: skip


def _single(meetings: Meetings) -> IsolateFit | None:
    """Recognise isolates that live long and follow one another: each takes all requests of its time."""
    first, last = meetings.times[_of_met(meetings.first)], meetings.times[_of_met(meetings.last)]
    if int((last - first).max()) <= LONG_LIFE_S * 1e9:
        return None
    requests, isolates = len(meetings.times), len(first)
    met, passed = requests - isolates, int(meetings.between(first, last).sum())
    if met < SINGLE_SHARE * passed:
        return None
    return IsolateFit("single", requests, isolates, met, cold_share=share_interval(isolates, requests))


def _hosted(meetings: Meetings, log_begin: int) -> IsolateFit:
    is_further = ~meetings.is_cold
    largest = int(meetings.ages[is_further].max(initial=0))
    settled_ns = largest if largest else int(DEFAULT_LIFE_S * 1e9)
    # An isolate that the log does not show from its boot is older than it looks.
    is_whole = meetings.has_boot | (meetings.born >= log_begin + settled_ns)
    if not is_whole.any() or (largest and not (is_further & is_whole[meetings.isolates]).any()):
        is_whole = np.ones(len(is_whole), dtype=bool)
    further = int((is_further & is_whole[meetings.isolates]).sum())
    if not further:
        passed = _passed(meetings, is_whole, DEFAULT_LIFE_S)
        least = 1 / -math.expm1(math.log(1 - CONFIDENCE) / passed) if passed else None
        slots = Estimate(max(DEFAULT_SLOTS, math.ceil(least)), least, None) if least else None
        life = None
        model_life = DEFAULT_LIFE_S
        model_slots = int(slots.value) if slots else DEFAULT_SLOTS
    else:
        largest_s = largest / 1e9
        life = _life(meetings, is_whole, largest_s, further)
        passed = max(further, _passed(meetings, is_whole, largest_s))
        slots = _slots(further, passed)
        model_life = next((known for known in PLATFORM_LIVES_S if _holds(life, known)), largest_s)
        model_slots = max(1, round(max(further, _passed(meetings, is_whole, model_life)) / further))
    return IsolateFit(
        kind="hosted",
        requests=len(meetings.times),
        isolates=int(meetings.has_met.sum()),
        further=int(is_further.sum()),
        slots=slots,
        life_s=life,
        model_slots=model_slots,
        model_life_s=model_life,
        cold_share=_cold_share(meetings, log_begin + int(model_life * 1e9)),
    )


def _passed(meetings: Meetings, chosen: Booleans, life_s: float) -> int:
    """Return how many requests came while each chosen isolate was alive, were its life so long."""
    return meetings.alive(chosen).passed(life_s)


def _life(meetings: Meetings, chosen: Booleans, largest_s: float, further: int) -> Estimate:
    """Return the largest age with an upper end beyond which so many ages would hardly all lie below it."""
    unseen = FINENESS_S if meetings.has_boot[chosen].all() else UNKNOWN_BOOT_S
    sample = np.zeros(len(chosen), dtype=bool)
    among = np.flatnonzero(chosen)
    sample[among[:: max(1, len(among) // _SAMPLE)]] = True
    growth = (1 - CONFIDENCE) ** (-1 / further)
    alive = meetings.alive(sample)
    needed = max(1, alive.passed(largest_s)) * growth
    whole_s = float(meetings.in_time[-1] - meetings.in_time[0]) / 1e9 + largest_s
    low, high = largest_s, min(whole_s, largest_s * growth)
    while alive.passed(high) < needed:
        if high >= whole_s:
            return Estimate(largest_s, largest_s - FINENESS_S, None)
        low, high = high, min(whole_s, high + 2 * (high - largest_s) + FINENESS_S)
    alive = alive.between(low, high)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if alive.passed(middle) < needed else (low, middle)
    return Estimate(largest_s, largest_s - FINENESS_S, high + unseen)


def _slots(further: int, passed: int) -> Estimate:
    from scipy.special import betaincinv

    tail = (1 - CONFIDENCE) / 2
    rarest = float(betaincinv(further, passed - further + 1, tail))  # [1]
    commonest = float(betaincinv(further, passed - further, 1 - tail)) if passed > further else 1.0
    return Estimate(passed / further, 1 / commonest, 1 / rarest)


def _holds(interval: Estimate, value: float) -> bool:
    return interval.low <= value and (interval.high is None or value <= interval.high)


def _cold_share(meetings: Meetings, settled: int) -> Estimate:
    """Return the share of cold requests among those that come when the log is older than a life."""
    is_late = meetings.times >= settled
    if 2 * int(is_late.sum()) < len(is_late):
        is_late[:] = True
    return share_interval(int(meetings.is_cold[is_late].sum()), int(is_late.sum()))


def _shutdown_s(meetings: Meetings) -> float | None:
    is_known = (meetings.dropped != NEVER) & meetings.has_boot
    if not is_known.any():
        return None
    return float(np.median(meetings.dropped[is_known] - meetings.born[is_known])) / 1e9


def _of_met(places: Integers) -> Integers:
    """Return the places of isolates that met a request."""
    return places[places >= 0]


def _middle(seconds: Floats) -> Estimate | None:
    if not len(seconds):
        return None
    low, median, high = np.quantile(seconds, [0.05, 0.5, 0.95]).tolist()
    return Estimate(median, low, high)
