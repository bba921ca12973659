"""How many picks a request makes, and which of them are used.

A log seldom marks requests. Picks of one isolate that lie within `TOGETHER_NS` are taken for one
request's, unless a retry lies between them. Requests that arrive together look the same; where the log has
their invocations, as many as there are picks, each pick is taken for a request of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.events import of_kind
from keyrota.rotation.runs import Runs

TOGETHER_NS: Final = 50_000_000
"""Picks of one isolate this close belong to one request (50 ms)."""

LEAST_REQUESTS: Final = 10
TYPICAL_SHARE: Final = 0.8


@dataclass(frozen=True)
class PicksPerRequest:
    """How many picks a request makes.

    Parameters
    ----------
    mean
        Picks divided by requests; ``None`` where `typical` is: requests cannot be told apart then.
    typical
        The number that at least 80 % of the requests make; ``None`` if there is no such number, fewer
        than 10 requests, or no time finer than a second.
    requests
        Requests, and how many of them make `typical` picks; 0 where it is ``None``.
    typical_requests
        See `requests`.
    later_requests
        How many requests found their isolate in use: not the first of a run.
    used_counts
        How often each position was the last pick of a request, the one that is used; shape (size,).
        ``None`` where `typical` is.
    """

    mean: float | None = None
    typical: int | None = None
    requests: int = 0
    typical_requests: int = 0
    later_requests: int = 0
    used_counts: NDArray[np.int64] | None = None


def picks_per_request(events: pd.DataFrame, runs: Runs) -> PicksPerRequest:
    """Group the picks of known runs into requests.

    Parameters
    ----------
    events
        Event table that `runs` came from, in time order and with its own index.
    runs
        Runs of one pool.
    """
    own = runs.has_runs[runs.run]
    rows, run = runs.rows[own], runs.run[own]
    timed = events.loc[rows, "time"]
    if len(rows) < LEAST_REQUESTS or timed.isna().any():
        return PicksPerRequest()
    times = timed.dt.tz_convert(None).to_numpy(dtype="datetime64[ns]").view("int64")
    if not (times % 1_000_000_000).any():
        return PicksPerRequest()
    begins = np.ones(len(rows), dtype=bool)
    begins[1:] = (np.diff(run) != 0) | (np.diff(times) > TOGETHER_NS) | _retried(events, rows)
    begins |= _invoked(events, rows, run, begins)
    made = np.diff(np.append(np.flatnonzero(begins), len(rows)))
    sizes, frequency = np.unique(made, return_counts=True)
    commonest = int(frequency.argmax())
    if len(made) < LEAST_REQUESTS or frequency[commonest] < TYPICAL_SHARE * len(made):
        return PicksPerRequest()
    last = np.append(begins[1:], True)
    return PicksPerRequest(
        mean=len(rows) / len(made),
        typical=int(sizes[commonest]),
        requests=len(made),
        typical_requests=int(frequency[commonest]),
        later_requests=len(made) - len(np.unique(run)),
        used_counts=np.bincount(runs.positions[own][last] - 1, minlength=runs.size).astype(np.int64),
    )


def _retried(events: pd.DataFrame, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say for each pick but the first whether a retry of its isolate lies between it and the one before."""
    retries = of_kind(events, "retry")
    isolates = _codes(events, "isolate")
    return _lie_between(retries.index.to_numpy(), isolates, rows[:-1], rows[1:]) > 0


def _invoked(
    events: pd.DataFrame, rows: NDArray[np.int64], run: NDArray[np.int64], begins: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Say for each pick whether the invocations in the log show it to be a request of its own.

    A local log has a line without a status where a request begins: as many lines since the picks
    before as there are picks together. A hosted invocation is written at its end and names the isolate: as many
    as the isolate made picks.
    """
    invocations = of_kind(events, "invocation")
    result = np.zeros(len(rows), dtype=bool)
    if invocations.empty:
        return result
    isolates = _codes(events, "isolate")
    ended = invocations.index[invocations["status"].notna() & invocations["isolate"].notna()].to_numpy()
    made = np.bincount(isolates[ended][isolates[ended] >= 0], minlength=int(isolates.max(initial=0)) + 1)
    lengths = np.bincount(run)
    is_known = isolates[rows] >= 0
    result[is_known] = made[isolates[rows[is_known]]] >= lengths[run[is_known]]
    begun = invocations.index[invocations["status"].isna()].to_numpy()
    if len(begun):
        group = np.cumsum(begins) - 1
        last = rows[np.append(np.flatnonzero(begins)[1:], len(rows)) - 1]
        functions = _codes(events, "source") * (len(events) + 1) + _codes(events, "function")
        labels = np.unique(functions, return_inverse=True)[1]
        order = np.lexsort((last, labels[last]))
        is_same = labels[last[order[1:]]] == labels[last[order[:-1]]]
        before = np.full(len(last), -1)
        before[order[1:]] = np.where(is_same, last[order[:-1]], -1)
        number = _lie_between(begun, labels, before, last)
        result |= ~is_known & (number >= np.bincount(group))[group]
    return result


def _codes(events: pd.DataFrame, column: str) -> NDArray[np.int64]:
    return events[column].cat.codes.to_numpy(dtype=np.int64)


def _lie_between(
    places: NDArray[np.int64],
    labels: NDArray[np.int64],
    after: NDArray[np.int64],
    until: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Count for each pair of rows the places after the first and before the second with the second's label."""
    label, number = labels[until], len(labels) + 1
    keyed = np.sort(labels[places] * number + places)
    return np.asarray(
        np.searchsorted(keyed, label * number + until) - np.searchsorted(keyed, label * number + after, "right")
    )
