"""The scenario of a log: its traffic, isolates, rotation and limits as the log shows them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from msgspec.structs import replace
from numpy.typing import NDArray

from keyrota.display import count, listed, shown, span
from keyrota.errors import InputError
from keyrota.planning.logged import LoggedPool
from keyrota.planning.observed import observed_policy, observed_reaction
from keyrota.pools.declared import Pool, Quota
from keyrota.quota.windows import MINUTE_NS
from keyrota.rotation.alike import unique_numbers
from keyrota.rotation.twice import keys_listed_twice, placed
from keyrota.simulation.scenario import (
    Function,
    Hosted,
    Isolates,
    OnReject,
    PolicyName,
    Scenario,
    Service,
    Single,
)
from keyrota.traffic.fit.isolates import IsolateFit
from keyrota.traffic.fit.model import FunctionFit, fit_function
from keyrota.traffic.fit.rate import requests_needed
from keyrota.traffic.fit.service import ServiceFit

LEAST_REQUESTS: Final = 30
WIDEST: Final = 0.6
"""A log tells a rate from so many requests on, if half of its 95 % interval is at most this part of it."""

ROUGH: Final = 0.25
"""A rate that is known less closely is noted."""


@dataclass(frozen=True)
class FittedPool:
    """One pool of a log as a part of a scenario.

    Parameters
    ----------
    pool
        With the limits in force, and keys that behave as one quota in one project.
    functions
        With fitted traffic and isolates.
    policy, on_reject, picks_per_request
        As the log shows.
    window
        How the minute counts, ``"unknown"`` where the log does not tell.
    fits
        What was fitted to each function.
    requests, rejected
        Requests in the log, and those that ended in a 429.
    notes
        What is not as declared, or is assumed, in sentences without a full stop.
    """

    pool: Pool
    functions: tuple[Function, ...]
    policy: PolicyName
    on_reject: OnReject
    picks_per_request: Literal[1, 2]
    window: str
    fits: tuple[FunctionFit, ...]
    requests: int
    rejected: int
    notes: tuple[str, ...]

    @property
    def rate_per_min(self) -> float:
        """Requests a minute over all functions."""
        return sum(fit.rate.per_min.value for fit in self.fits)

    @property
    def relative_error(self) -> float:
        """Standard error of that rate, as a fraction of it."""
        variances = [
            ((fit.rate.per_min.high or 0.0) - fit.rate.per_min.low) ** 2 / 3.92**2 for fit in self.fits
        ]
        return float(np.sqrt(sum(variances))) / self.rate_per_min if self.rate_per_min else 0.0


def fit_pool(logged: LoggedPool, span_ns: tuple[int, int]) -> FittedPool:
    """Fit the scenario of one pool.

    Parameters
    ----------
    logged
        The pool.
    span_ns
        Begin and end of what the log covers, nanoseconds since 1970 UTC.

    Raises
    ------
    InputError
        If its requests do not tell a rate: none, without times, or too few.
    """
    account, calls = logged.account, logged.account.calls
    fits = _fits(logged, span_ns)
    pool = _pool(logged)
    notes = [*_twice_notes(logged, pool), *_limit_notes(logged, pool)]
    functions = []
    for name, fit in fits:
        isolates = _isolates(fit.isolates)
        functions.append(
            Function(
                name=name,
                pool=pool.name,
                arrivals=fit.arrivals(),
                isolates=isolates,
                service=_service(fit.service, isolates),
            )
        )
    if any(fit.isolates.kind == "unknown" for _, fit in fits):
        notes.append("the log does not tell isolates apart: 300 slots and a life of 75 s are assumed")
    total = sum(fit.rate.per_min.value for _, fit in fits)
    widest = max((fit.rate.per_min for _, fit in fits), key=lambda rate: rate.value)
    if widest.relative_half_width > ROUGH:
        notes.append(
            f"the rate of {total:.2g} a minute is known within {100 * widest.relative_half_width:.0f} % only"
        )
    policy = observed_policy(logged.runs, rejected_rows=calls.rows[calls.is_rejected])
    if account.window.kind == "unknown" and account.minute.in_force is not None:
        notes.append("how the minute counts does not show in the log")
    return FittedPool(
        pool=replace(pool, functions=tuple(function.name for function in functions)),
        functions=tuple(functions),
        policy=policy,
        on_reject=observed_reaction(calls, pool.size),
        picks_per_request=2 if logged.picks_per_request == 2 else 1,
        window=account.window.kind,
        fits=tuple(fit for _, fit in fits),
        requests=len(calls.rejected_requests),
        rejected=int(calls.rejected_requests.sum()),
        notes=tuple(notes),
    )


def _fits(logged: LoggedPool, span_ns: tuple[int, int]) -> list[tuple[str, FunctionFit]]:
    calls = logged.account.calls
    first = calls.is_first & calls.is_timed
    if not first.any():
        raise InputError(f"the log has no request of pool {shown(logged.name)} with a time: no rate is told")
    names = logged.events["function"].cat.categories
    codes, _ = unique_numbers(calls.functions[first])
    fits = []
    for code in codes.tolist():
        times = calls.times[first & (calls.functions == code)]
        function = None if code < 0 else str(names[code])
        own = logged.events
        if code < 0 and len(codes) > 1:
            own = own[own["function"].isna()]
        fits.append((function or _other_name(logged, names), _fit(own, times, function, span_ns)))
    total = int(first.sum())
    _refuse_too_few(logged.name, [fit for fit in fits if fit[1] is not None], total, span_ns)
    # A function of a request or two adds nothing that could be fitted.
    return [(name, fit) for name, fit in fits if fit is not None]


def _fit(
    events: pd.DataFrame, times: NDArray[np.int64], function: str | None, span_ns: tuple[int, int]
) -> FunctionFit | None:
    try:
        return fit_function(events, times, function=function, span_ns=span_ns)
    except InputError:
        return None


def _other_name(logged: LoggedPool, names: Iterable[object]) -> str:
    declared = logged.declared.functions if logged.declared is not None else ()
    taken = {str(name) for name in names}
    return next((name for name in declared if name not in taken), None) or logged.name.lower()


def _refuse_too_few(
    name: str, fits: Sequence[tuple[str, FunctionFit | None]], total: int, span_ns: tuple[int, int]
) -> None:
    rates = [fit.rate for _, fit in fits if fit is not None]
    # The functions are independent: the error of their sum is that of the largest at most.
    most = max(rates, key=lambda rate: rate.requests, default=None)
    dispersion = most.dispersion if most is not None else 1.0
    needed = max(LEAST_REQUESTS, requests_needed(WIDEST, dispersion=dispersion))
    if most is not None and total >= needed:
        return
    span_s = max(1.0, (span_ns[1] - span_ns[0]) / 1e9)
    bursts = " that come in bursts" if dispersion > 1 else ""
    raise InputError(
        f"pool {shown(name)}: {count(total, 'request')}{bursts} in {span(span_s)} "
        f"{'is' if total == 1 else 'are'} too few for a rate; "
        f"about {needed:,} are enough, at this rate a log of {span(needed * span_s / max(1, total))}"
    )


def _pool(logged: LoggedPool) -> Pool:
    """Return the pool with the limits in force; keys that behave as one quota are put into one project."""
    account, declared = logged.account, logged.declared
    keys = declared.keys if declared is not None else _seen_keys(logged)
    quota = Quota(
        per_minute=account.minute.in_force,
        per_day=account.day.in_force,
        tokens_per_minute=declared.quota.tokens_per_minute if declared is not None else None,
    )
    projects: tuple[str, ...] = ()
    if any(len(own) > 1 for own in account.quotas):
        of_key: dict[int, str] = {}
        for place, own in enumerate(account.quotas, start=1):
            named = _declared_project(declared, own)
            of_key |= dict.fromkeys(own, named or f"project {place}")
        projects = tuple(of_key.get(key, f"project of key {key}") for key in keys)
    if declared is None:
        return Pool(name=logged.name, keys=keys, quota=quota, projects=projects)
    return replace(declared, quota=quota, projects=projects)


def _declared_project(declared: Pool | None, keys: tuple[int, ...]) -> str | None:
    if declared is None or not declared.projects:
        return None
    names = {declared.projects[declared.keys.index(key)] for key in keys if key in declared.keys}
    return next(iter(names)) if len(names) == 1 else None


def _seen_keys(logged: LoggedPool) -> tuple[int, ...]:
    seen, _ = unique_numbers(logged.account.calls.keys)
    keys = tuple(int(key) for key in seen if key > 0)
    size = logged.runs.size if logged.runs is not None else len(keys)
    return keys if len(keys) >= size else tuple(range(1, size + 1))


def _twice_notes(logged: LoggedPool, pool: Pool) -> Iterable[str]:
    if logged.runs is None:
        return
    size = logged.runs.size
    twice = keys_listed_twice(*placed(logged.events, size), size)
    if twice:
        names = listed([f"key {several}" for several in twice])
        yield (
            f"the mapping lists {names} more than once (C203): correct that first, the plan is for "
            f"{pool.size:,} different keys"
        )


def _limit_notes(logged: LoggedPool, pool: Pool) -> Iterable[str]:
    for evidence, of in ((logged.account.minute, "minute"), (logged.account.day, "Pacific day")):
        if evidence.in_force is not None and evidence.in_force != evidence.declared:
            how = "stated by the errors" if evidence.stated is not None else "that the log shows"
            instead = (
                f", not the declared {evidence.declared:,}" if evidence.declared else "; none is declared"
            )
            yield f"the limit of {evidence.in_force:,} a {of} {how} is taken{instead}"
    size = logged.runs.size if logged.runs is not None else pool.size
    if logged.declared is not None and size != pool.size:
        yield f"the log's picks name a pool of {count(size, 'key')}, where {pool.size:,} are declared"
    explained = logged.account.explained
    if explained.is_contradicted:
        yield (
            f"{count(explained.missing, 'call')} of the log passed although a limit was used up: limits are "
            "higher, or the log does not show errors; what follows rests on the limits"
        )
    for group in logged.account.shared:
        names = listed([str(key) for key in group.keys if key in pool.keys], limit=20)
        yield f"keys {names} are counted as one quota, as they behave"


def _isolates(fit: IsolateFit) -> Isolates:
    isolates: Hosted | Single = Single() if fit.kind == "single" else Hosted()
    if isinstance(isolates, Hosted) and fit.model_slots is not None and fit.model_life_s is not None:
        isolates = Hosted(slots=fit.model_slots, life_s=fit.model_life_s)
    if fit.boot_s is not None and fit.boot_s.high is not None:
        isolates = replace(isolates, boot_s=(fit.boot_s.low, max(fit.boot_s.low, fit.boot_s.high)))
    return isolates


def _service(fit: ServiceFit | None, isolates: Isolates) -> Service:
    """Return how long requests work; never longer than an isolate lives, which no simulation takes."""
    longest = isolates.life_s / 2 if isinstance(isolates, Hosted) else float("inf")
    if fit is None or (fit.warm_s is None and fit.cold_s is None):
        return Service(warm_s=min(Service().warm_s, longest))
    boot_s = sum(isolates.boot_s) / 2  # a cold request's duration holds its boot
    cold = None if fit.cold_s is None else min(max(0.0, fit.cold_s - boot_s), longest)
    warm = fit.warm_s if fit.warm_s is not None else cold
    return Service(warm_s=min(warm or 0.0, longest), cold_s=cold)


def scenario_of(fitted: Sequence[FittedPool], span_ns: tuple[int, int]) -> Scenario:
    """Return the scenario of fitted pools, as long as their log; what differs is that of the busiest.

    Raises
    ------
    ConfigurationError
        If the pools cannot be simulated together.
    """
    busiest = max(fitted, key=lambda own: own.requests)
    told_apart = [_named_apart(own, fitted) for own in fitted]
    return Scenario(
        pools=tuple(pool for pool, _ in told_apart),
        functions=tuple(function for _, functions in told_apart for function in functions),
        policy=busiest.policy,
        on_reject=busiest.on_reject,
        picks_per_request=busiest.picks_per_request,
        window="sliding" if busiest.window == "sliding" else "fixed",
        start=dt.datetime.fromtimestamp(span_ns[0] // MINUTE_NS * 60, dt.UTC),
        duration_s=max(60.0, (span_ns[1] - span_ns[0]) / 1e9),
    )


def _named_apart(own: FittedPool, fitted: Sequence[FittedPool]) -> tuple[Pool, tuple[Function, ...]]:
    """Return pool and functions; a function that picks from several pools is one of that pool's in each."""
    others = {function.name for other in fitted if other is not own for function in other.functions}
    functions = tuple(
        replace(function, name=f"{function.name} ({own.pool.name})") if function.name in others else function
        for function in own.functions
    )
    return replace(own.pool, functions=tuple(function.name for function in functions)), functions
