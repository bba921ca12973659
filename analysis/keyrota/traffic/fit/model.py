"""All that is fitted to the requests of a function, and the arrivals and isolates that a simulation takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from keyrota.display import shown
from keyrota.errors import InputError
from keyrota.traffic.arrivals import Arrivals, Bursts, Poisson, Profile
from keyrota.traffic.fit.burstiness import Burstiness, measure_burstiness
from keyrota.traffic.fit.bursts import dispersion_index, fit_bursts
from keyrota.traffic.fit.hours import Hours, Integers
from keyrota.traffic.fit.isolates import IsolateFit, fit_isolates
from keyrota.traffic.fit.profile import LEAST_DAYS, HourWeights, fit_profile
from keyrota.traffic.fit.rate import Rate, arrival_rate
from keyrota.traffic.fit.service import ServiceFit, fit_service
from keyrota.traffic.pieces import SECOND_NS

EDGE_NS: Final = SECOND_NS
"""A request this close to an end of the log is what made the log begin or end there."""

LIMIT_S: Final = 60.0
"""The window of a key's limit: what varies its counts more weighs more."""

_LONG_S: Final = 1e9


@dataclass(frozen=True)
class FunctionFit:
    """The traffic and the isolates of one function.

    Parameters
    ----------
    function
        Its name; ``None`` if all rows were taken.
    requests
        How many requests.
    begin_ns, end_ns
        The log's span, nanoseconds since 1970 UTC.
    rate
        Requests a minute.
    profile
        Weights of the hours; ``None`` for less than two days of log.
    burstiness
        How much counts vary beyond the profile, or beyond a constant rate if the hours do not differ.
    bursts
        Busy and calm spells where Poisson is rejected, else ``None``.
    isolates, service
        Its isolates, and how long requests take; `service` is ``None`` without invocations.
    """

    function: str | None
    requests: int
    begin_ns: int
    end_ns: int
    rate: Rate
    profile: HourWeights | None
    burstiness: Burstiness
    bursts: Bursts | None
    isolates: IsolateFit
    service: ServiceFit | None

    @property
    def has_profile(self) -> bool:
        """Whether the hours differ by more than chance."""
        return self.profile is not None and self.profile.differ

    def arrivals(self) -> Arrivals:
        """Return the arrivals to simulate.

        Bursts where counts vary more than Poisson ones, a profile where the hours differ, Poisson
        otherwise. No kind of arrivals has both: then it is what adds more to the variance of the
        requests of a minute, the window of a limit.
        """
        if self.bursts is not None and self._prefers_bursts:
            return self.bursts
        if self.profile is not None and self.profile.differ:
            return Profile(rate_per_min=self.rate.per_min.value, weights=self.profile.weights)
        return Poisson(rate_per_min=self.rate.per_min.value)

    @property
    def arrivals_words(self) -> str:
        """Why these arrivals, in a sentence or two."""
        arrivals = self.arrivals()
        if isinstance(arrivals, Bursts):
            also = "; the hours differ too, which adds less to a minute's count" if self.has_profile else ""
            return (
                f"requests come in bursts: {self._rejection}; spells of {arrivals.burst_s:.3g} s at "
                f"{arrivals.burst_per_min:.3g} a minute, between them {arrivals.calm_s:.3g} s at "
                f"{arrivals.calm_per_min:.3g}{also}"
            )
        if isinstance(arrivals, Profile):
            weights = np.array(arrivals.weights)
            kind = "day" if len(weights) == 24 else "week"
            also = f"; {self._rejection} too, which adds less to a minute's count" if self.bursts else ""
            return (
                f"the rate follows the hours of the {kind}: up to {weights.max():.3g} times the mean, "
                f"down to {weights.min():.2g} times{also}"
            )
        if self.burstiness.p_value is None:
            tested = "there are too few requests to see more than a constant rate"
        elif self.burstiness.is_poisson_rejected:
            tested = f"{self._rejection}, but no spells fit that; a constant rate stands in"
        elif self.burstiness.is_regular:
            tested = "requests come more evenly than by chance; a constant rate errs on the safe side"
        else:
            tested = f"counts vary as those of a constant rate do (p = {self.burstiness.p_value:.2g})"
        hours = f"; a profile of the hours needs {LEAST_DAYS} days of log" if self.profile is None else ""
        return tested + hours

    @property
    def _rejection(self) -> str:
        scale = min(self.burstiness.scales, key=lambda scale: (scale.adjusted_p_value, -scale.index))
        return (
            f"counts of {scale.seconds:,} s vary {scale.index:.3g} times as much as by chance "
            f"(p < {max(scale.adjusted_p_value, 1e-12):.1g})"
        )

    @property
    def _prefers_bursts(self) -> bool:
        if self.bursts is None or self.profile is None or not self.profile.differ:
            return self.bursts is not None
        expected = self.rate.per_min.value
        return dispersion_index(self.bursts, LIMIT_S) - 1 > expected * float(np.var(self.profile.weights))


def fit_function(
    events: pd.DataFrame,
    request_times_ns: ArrayLike,
    *,
    function: str | None = None,
    span_ns: tuple[int, int] | None = None,
) -> FunctionFit:
    """Fit the traffic and the isolates of one function.

    Parameters
    ----------
    events
        Event table of the whole log, in time order.
    request_times_ns
        The first pick of each request of the function, nanoseconds since 1970 UTC, shape (requests,).
    function
        Its name; ``None`` to take all rows.
    span_ns
        Begin and end of what the log covers; from its first row to its last, if not given. Requests outside
        are left out.

    Raises
    ------
    InputError
        If there is no request, or they do not tell a rate: a single one, or all at one moment.

    Examples
    --------
    >>> from keyrota.events import make_events
    >>> times = [60_000_000_000 * minute for minute in range(101)]
    >>> events = make_events({"kind": ["pick"] * 101, "time": times})
    >>> fit = fit_function(events, times)
    >>> round(fit.rate.per_min.value, 2), fit.isolates.kind
    (0.99, 'unknown')
    """
    of = "" if function is None else f" of function {shown(function)}"
    times: Integers = np.sort(np.asarray(request_times_ns, dtype=np.int64))
    if not len(times):
        raise InputError(f"the log has no request{of} with a time: no rate can be fitted")
    begin_ns, end_ns = span_ns if span_ns is not None else _span(events, times)
    times = times[(times >= begin_ns) & (times <= end_ns)]
    if not len(times):
        raise InputError(f"the log has no request{of} within its span: no rate can be fitted")
    # Of a span that requests delimit, those are no part: the time between them is.
    counted = len(times)
    if span_ns is None:
        counted -= int(times[0] - begin_ns < EDGE_NS) + int(end_ns - times[-1] < EDGE_NS)
    if len(times) < 2 or counted < 1 or times[0] == times[-1]:
        together = "one request" if len(times) < 2 else f"{len(times):,} requests and no time between them"
        raise InputError(f"the log tells no rate{of}: {together}; read a longer log, or one with finer times")
    hours = Hours(begin_ns, end_ns)
    profile = fit_profile(times, hours)
    is_flat = profile is None or not profile.differ
    weights = np.ones(24) if profile is None or is_flat else np.array(profile.weights)
    parameters = 0.0 if profile is None or is_flat else profile.parameters
    burstiness = measure_burstiness(times, hours, weights, parameters=parameters)
    exposure_s = float(hours.exposure_s(len(weights)) @ weights)
    rate = arrival_rate(counted, hours.span_s, exposure_s=exposure_s)
    bursts = None
    if burstiness.is_poisson_rejected:
        bursts = fit_bursts([scale.moments for scale in burstiness.scales], rate.per_min.value)
    most = max(burstiness.dispersion, dispersion_index(bursts, _LONG_S) if bursts is not None else 1.0)
    if most > 1:
        rate = arrival_rate(counted, hours.span_s, dispersion=most, exposure_s=exposure_s)
    return FunctionFit(
        function=function,
        requests=len(times),
        begin_ns=begin_ns,
        end_ns=end_ns,
        rate=rate,
        profile=profile,
        burstiness=burstiness,
        bursts=bursts,
        isolates=fit_isolates(events, times, function=function),
        service=fit_service(events, function=function),
    )


def _span(events: pd.DataFrame, times: Integers) -> tuple[int, int]:
    """Return when the log begins and ends."""
    logged = events["time"].dropna()
    edges = [int(times[0]), int(times[-1])]
    if len(logged):
        edges += [int(logged.min().value), int(logged.max().value)]
    return min(edges), max(edges)
