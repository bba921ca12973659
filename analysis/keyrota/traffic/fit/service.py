"""How long the requests of a function take: warm ones, and those that start an isolate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from keyrota.traffic.fit.hours import Floats


@dataclass(frozen=True)
class ServiceFit:
    """Durations of answered requests.

    Parameters
    ----------
    warm_s, cold_s
        Mean durations in seconds of requests that met a living isolate and of those that were the first of
        theirs; ``None`` where there is none, or for `cold_s` where the log names no isolates. A cold
        request's duration holds its boot.
    warm_error_s, cold_error_s
        Their standard errors; ``None`` for fewer than two requests.
    warm, cold
        How many requests.
    """

    warm_s: float | None
    warm_error_s: float | None
    warm: int
    cold_s: float | None
    cold_error_s: float | None
    cold: int


def fit_service(events: pd.DataFrame, *, function: str | None = None) -> ServiceFit | None:
    """Return the mean durations of the answered invocations of a function.

    Answered is a status below 400: a rejected or failed request is shorter or longer for other reasons.
    Only isolates that picked a key count where the log names any: a browser's preflight is no request.

    Parameters
    ----------
    events
        Event table, in time order. Invocations are logged at their end.
    function
        Only the rows of this function; ``None`` for all.

    Returns
    -------
    ServiceFit or None
        ``None`` without answered invocations that have a duration.

    Examples
    --------
    >>> from keyrota.events import make_events
    >>> columns = {"kind": ["invocation"] * 2, "status": [200, 200], "isolate": ["i", "i"]}
    >>> service = fit_service(make_events({**columns, "duration_ms": [900, 500], "time": [1, 2]}))
    >>> service.cold_s, service.warm_s
    (0.9, 0.5)
    """
    own = events if function is None else events[(events["function"] == function).to_numpy()]
    isolates = np.asarray(own["isolate"].cat.codes, dtype=np.int64)
    durations = own["duration_ms"].to_numpy(dtype=np.float64) / 1000
    is_timed = own["time"].notna().to_numpy() & ~np.isnan(durations)
    counted = (own["kind"] == "invocation").to_numpy() & is_timed
    picking = isolates[(own["kind"] == "pick").to_numpy()]
    if (picking >= 0).any():
        counted &= (isolates < 0) | np.isin(isolates, picking)
    ends = own["time"].to_numpy(dtype="datetime64[ns]").view("int64")[counted]
    isolates, durations = isolates[counted], durations[counted]
    begins = ends - (durations * 1e9).astype(np.int64)
    order = np.lexsort((begins, isolates))
    is_first = np.zeros(len(order), dtype=bool)
    is_first[order] = np.diff(isolates[order], prepend=-1) != 0
    is_answered = (own["status"] < 400).fillna(False).to_numpy(dtype=bool)[counted]
    if not is_answered.any():
        return None
    warm_s, warm_error, warm = _mean(durations[is_answered & ~is_first])
    cold_s, cold_error, cold = _mean(durations[is_answered & is_first])
    return ServiceFit(warm_s, warm_error, warm, cold_s, cold_error, cold)


def _mean(values: Floats) -> tuple[float | None, float | None, int]:
    if not len(values):
        return None, None, 0
    error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else None
    return float(values.mean()), error, len(values)
