"""How many picks a request makes, and which of them are used.

A log seldom marks requests. Picks of one isolate within `TOGETHER_NS` are taken for one request's, unless a
retry or a 429 lies between them: a client that fails over picks anew. Requests that arrive together look the
same; where the log has their invocations, as many as there are picks, each pick is taken for a request of its
own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.events import NO_TIME, is_of_kind
from keyrota.rotation.alike import places_in, unique_numbers
from keyrota.rotation.runs import Runs

TOGETHER_NS: Final = 50_000_000
"""Picks of one isolate this close belong to one request (50 ms)."""

SECOND_NS: Final = 1_000_000_000
LEAST_REQUESTS: Final = 10
TYPICAL_SHARE: Final = 0.8


@dataclass(frozen=True)
class PicksPerRequest:
    """How many picks a request makes.

    Parameters
    ----------
    mean
        Picks divided by requests, over all runs; ``None`` where no number is typical of them all:
        requests cannot be told apart then.
    typical
        The number that at least 80 % of the requests make; of all runs, or, if that is one or there is
        none, of the long runs in which it is more. ``None`` if there is no such number, fewer than 10
        requests, or no time finer than a second.
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
    moments = events["time"].to_numpy(dtype="datetime64[ns]").view("int64")
    places = places_in(events.index.to_numpy(), runs.rows)
    own = runs.has_runs[runs.run] & (moments[places] != NO_TIME)
    rows, run = places[own], runs.run[own]
    if len(rows) < LEAST_REQUESTS:
        return PicksPerRequest()
    times = moments[rows]
    # The first tell, nearly always.
    if not (times[:LEAST_REQUESTS] % SECOND_NS).any() and not (times % SECOND_NS).any():
        return PicksPerRequest()
    begins = np.ones(len(rows), dtype=bool)
    begins[1:] = (run[1:] != run[:-1]) | (np.diff(times) > TOGETHER_NS) | _retried(events, rows)
    begins |= _invoked(events, rows, run, begins, places)
    made = np.diff(np.append(np.flatnonzero(begins), len(rows)))
    by_run = run[begins]
    typical = _typical(made)
    mean = len(rows) / len(made) if typical is not None else None
    chosen = np.ones(len(made), dtype=bool)
    if typical is None or typical == 1:
        # One deployment, or one function, may pick several times where the others do not.
        several = _runs_of_several(made, by_run)
        if several is not None:
            typical, chosen = several
    if typical is None:
        return PicksPerRequest()
    last = runs.positions[own][np.append(begins[1:], True)]
    return PicksPerRequest(
        mean=mean,
        typical=typical,
        requests=int(chosen.sum()),
        typical_requests=int((made[chosen] == typical).sum()),
        later_requests=int(np.count_nonzero(np.diff(by_run[chosen]) == 0)),
        used_counts=np.bincount(last[chosen] - 1, minlength=runs.size).astype(np.int64),
    )


def _typical(made: NDArray[np.int64]) -> int | None:
    """Return the number of picks that most requests make, if there is one."""
    sizes, frequency = unique_numbers(made)
    commonest = int(frequency.argmax())
    is_typical = len(made) >= LEAST_REQUESTS and frequency[commonest] >= TYPICAL_SHARE * len(made)
    return int(sizes[commonest]) if is_typical else None


def _runs_of_several(
    made: NDArray[np.int64], by_run: NDArray[np.int64]
) -> tuple[int, NDArray[np.bool_]] | None:
    """Return the largest number above one that is typical of long runs, and the requests of these runs."""
    # The requests of a run stand together.
    first = np.flatnonzero(np.diff(by_run, prepend=-1))
    requests = np.diff(np.append(first, len(by_run)))
    group = np.repeat(np.arange(len(first)), requests)
    is_long = (requests > LEAST_REQUESTS)[group]
    width = int(made.max()) + 1
    pairs, frequency = unique_numbers(group[is_long] * width + made[is_long])
    own, number = pairs // width, pairs % width
    # Of a run at most one number reaches the share, as this is more than half.
    is_typical = (frequency >= TYPICAL_SHARE * requests[own]) & (number > 1)
    if not is_typical.any():
        return None
    typical = int(number[is_typical].max())
    return typical, np.isin(group, own[is_typical & (number == typical)])


def _retried(events: pd.DataFrame, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say for each pick but the first whether a retry or a 429 of its isolate came since the one before."""
    marks = np.flatnonzero(is_of_kind(events, "retry", "rejection"))
    return _lie_between(marks, _codes(events, "isolate"), rows[:-1], rows[1:]) > 0


def _invoked(
    events: pd.DataFrame,
    rows: NDArray[np.int64],
    run: NDArray[np.int64],
    begins: NDArray[np.bool_],
    every_pick: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Say for each pick whether the invocations in the log show it to be a request of its own.

    A local log has a line without a status where a request begins: as many lines since the pick
    before (of any in `every_pick`) as there are picks together. A hosted invocation is written at its
    end and names the isolate: as many as the isolate made picks.
    """
    is_invocation = is_of_kind(events, "invocation")
    result: NDArray[np.bool_] = np.zeros(len(rows), dtype=bool)
    if not is_invocation.any():
        return result
    isolates, has_status = _codes(events, "isolate"), events["status"].notna().to_numpy()
    ended = np.flatnonzero(is_invocation & has_status & (isolates >= 0))
    made = np.bincount(isolates[ended], minlength=int(isolates.max(initial=0)) + 1)
    lengths = np.bincount(run)
    is_known = isolates[rows] >= 0
    result[is_known] = made[isolates[rows[is_known]]] >= lengths[run[is_known]]
    begun = np.flatnonzero(is_invocation & ~has_status)
    if len(begun):
        group, first = np.cumsum(begins) - 1, np.flatnonzero(begins)
        until = rows[np.append(first[1:], len(rows)) - 1]
        source = _codes(events, "source").astype(np.int64)
        functions = source * (len(events) + 1) + _codes(events, "function")
        labels = np.unique(functions, return_inverse=True)[1]
        number = _lie_between(begun, labels, _previous(every_pick, labels, rows[first]), until)
        result |= ~is_known & (number >= np.bincount(group))[group]
    return result


def _previous(
    places: NDArray[np.int64], labels: NDArray[np.int64], of: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return for each row the last place before it that has its label, -1 where there is none."""
    number = len(labels) + 1
    keyed = np.sort(labels[places] * number + places)
    # The row is a place itself, so that the place before it is one less.
    at = np.searchsorted(keyed, labels[of] * number + of) - 1
    found = keyed[np.maximum(at, 0)]
    return np.where((at >= 0) & (found // number == labels[of]), found % number, -1)


def _codes(events: pd.DataFrame, column: str) -> NDArray[np.integer[Any]]:
    return np.asarray(events[column].cat.codes)


def _lie_between(
    places: NDArray[np.int64],
    labels: NDArray[np.integer[Any]],
    after: NDArray[np.int64],
    until: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Count for each pair of rows the places between the two that have the second's label."""
    between = np.zeros(len(until), dtype=np.int64)
    occurs = np.zeros(int(labels.max(initial=0)) + 2, dtype=bool)
    occurs[labels[places]] = True  # a missing label, -1, is the last
    chosen = np.flatnonzero(occurs[labels[until]])
    label, number = labels[until[chosen]].astype(np.int64), len(labels) + 1
    keyed = np.sort(labels[places].astype(np.int64) * number + places)
    between[chosen] = np.searchsorted(keyed, label * number + until[chosen])
    between[chosen] -= np.searchsorted(keyed, label * number + after[chosen], "right")
    return between
