"""The calls of one pool: its picks that were used, what became of each, and the requests that they belong to.

A log tells picks and 429s; which of them belong together is inferred here, once, for everything that
asks about quotas and traffic.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.events import CAUSES, is_of_kind
from keyrota.quota.attribution import Attribution, attribute
from keyrota.quota.client import BareCalls, Reaction, find_requests, last_of_each
from keyrota.quota.rejections import places_of
from keyrota.rotation.requests import TOGETHER_NS

NO_CAUSE: Final = -1


@dataclass(frozen=True)
class Calls:
    """The calls of one pool in the order of the log, arrays of shape (calls,).

    Parameters
    ----------
    rows
        Index of the pick in the event table.
    times
        Nanoseconds since 1970 UTC; of a call without a time that of the call before it.
    is_timed
        Whether it has a time.
    keys
        Key numbers, or positions where the log tells no key; -1 where it tells neither.
    places
        A number for the isolate, below 0 where the log does not tell it.
    functions
        Code of the function, -1 for none.
    rejected
        Probability that the call got a 429.
    causes
        Stated cause of that 429, a place in `keyrota.events.CAUSES`; `NO_CAUSE` without one.
    requests
        Number of the request, ascending with its first call.
    attribution
        Of the 429s.
    reaction
        What the client does on one.
    """

    rows: NDArray[np.int64]
    times: NDArray[np.int64]
    is_timed: NDArray[np.bool_]
    keys: NDArray[np.int64]
    places: NDArray[np.int64]
    functions: NDArray[np.int64]
    rejected: NDArray[np.float64]
    causes: NDArray[np.int64]
    requests: NDArray[np.int64]
    attribution: Attribution
    reaction: Reaction

    def __len__(self) -> int:
        """Return the number of calls."""
        return len(self.rows)

    @cached_property
    def is_rejected(self) -> NDArray[np.bool_]:
        """Whether each call rather got a 429 than not."""
        return np.asarray(self.rejected >= 0.5, dtype=np.bool_)

    @cached_property
    def is_first(self) -> NDArray[np.bool_]:
        """Whether each call is its request's first."""
        # Requests are numbered in the order of their first calls.
        return np.asarray(np.diff(np.maximum.accumulate(self.requests), prepend=-1) > 0, dtype=np.bool_)

    @cached_property
    def rejected_requests(self) -> NDArray[np.bool_]:
        """Whether each request ended in a 429, shape (requests,)."""
        return np.asarray(self.is_rejected[last_of_each(self.requests)], dtype=np.bool_)

    def of_key(self, key: int) -> NDArray[np.bool_]:
        """Return which calls are of a key."""
        return np.asarray(self.keys == key, dtype=np.bool_)


def find_calls(events: pd.DataFrame, *, picks_per_request: int = 1) -> Calls:
    """Find the calls among the events of one pool.

    Parameters
    ----------
    events
        Event table of one pool, in time order, with the index of the whole table.
    picks_per_request
        If more than one, of so many picks of one isolate at once only the last made a call.

    Examples
    --------
    >>> from keyrota.events import make_events
    >>> columns = {"kind": ["pick", "rejection", "pick"], "isolate": ["i"] * 3, "key": [1, None, 2]}
    >>> calls = find_calls(make_events({**columns, "time": [0, 5, 10]}))
    >>> calls.keys.tolist(), calls.rejected.tolist(), calls.requests.tolist(), calls.reaction.kind
    ([1, 2], [1.0, 0.0], [0, 0], 'failover')
    """
    is_pick = is_of_kind(events, "pick")
    picks = events.loc[is_pick, ["time", "key", "position", "function"]]
    places = places_of(events)[is_pick]
    if picks_per_request > 1 and len(picks):
        used = _used(events, picks, places, picks_per_request)
        picks, places = picks[used], places[used]
    rows = picks.index.to_numpy(dtype=np.int64)
    attribution = attribute(events, rows)
    is_timed = picks["time"].notna().to_numpy()
    filled = picks["time"].ffill().bfill().to_numpy(dtype="datetime64[ns]").view("int64")
    times = np.where(filled == np.iinfo(np.int64).min, 0, filled)
    keys = _keys(picks)
    at = np.searchsorted(rows, attribution.pick)
    rejected = np.minimum(1.0, np.bincount(at, attribution.probability, minlength=len(rows)))
    causes = np.full(len(rows), NO_CAUSE)
    stated = np.array([_code(cause) for cause in attribution.rows["cause"].astype(object)], dtype=np.int64)
    likely = attribution.probability >= 0.5
    causes[at[likely]] = stated[attribution.rejection[likely]]
    answered = np.full(len(rows), -1)  # the 429 of each rejected call
    answered[at[likely]] = attribution.rejection[likely]
    requests, reaction = find_requests(
        events, BareCalls(rows, times, is_timed, places, answered), attribution
    )
    return Calls(
        rows, times, is_timed, keys, places, np.asarray(picks["function"].cat.codes, dtype=np.int64),
        rejected, causes, requests, attribution, reaction,
    )  # fmt: skip


def _code(cause: object) -> int:
    return CAUSES.index(str(cause)) if cause in CAUSES else CAUSES.index("unknown")


def _used(
    events: pd.DataFrame, picks: pd.DataFrame, places: NDArray[np.int64], picks_per_request: int
) -> NDArray[np.bool_]:
    """Return which picks made a call: of those that an isolate made at once, the last of each request's."""
    marks = np.flatnonzero(events["kind"].isin(["rejection", "retry"]).to_numpy())
    at = np.flatnonzero((events["kind"] == "pick").to_numpy())
    order = np.argsort(places, kind="stable")
    before, after = order[:-1], order[1:]
    mark_places = places_of(events)[marks]
    least = min(int(mark_places.min(initial=0)), int(places.min(initial=0)))
    number = len(events) + 1
    keyed = np.sort((mark_places - least) * number + marks)
    base = (places - least) * number
    between = np.searchsorted(keyed, base[after] + at[after]) - np.searchsorted(
        keyed, base[before] + at[before]
    )
    # Without times the order alone tells what belongs together.
    is_timed = picks["time"].notna().to_numpy()
    times = picks["time"].to_numpy(dtype="datetime64[ns]").view("int64")
    apart = np.zeros(len(before), dtype=bool)
    both = is_timed[before] & is_timed[after]
    apart[both] = times[after[both]] - times[before[both]] > TOGETHER_NS
    begins = np.append(True, (places[before] != places[after]) | apart | (between > 0))
    group = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    size = np.diff(np.append(first, len(order)))
    within = np.arange(len(order)) - first[group]
    is_last = (within % picks_per_request == picks_per_request - 1) | (within == size[group] - 1)
    used = np.zeros(len(picks), dtype=bool)
    used[order[is_last]] = True
    return used


def _keys(picks: pd.DataFrame) -> NDArray[np.int64]:
    """Return the key of each pick: as it says, else the one that the log has at its position most.

    Positions stand for keys where the log knows no key at all; -1 where nothing tells.
    """
    keys = picks["key"].fillna(-1).to_numpy(dtype=np.int64)
    positions = picks["position"].fillna(-1).to_numpy(dtype=np.int64)
    is_named = keys >= 0
    if not is_named.any():
        return positions
    if is_named.all():
        return keys
    for position in np.unique(positions[~is_named & (positions > 0)]).tolist():
        there = keys[is_named & (positions == position)]
        if len(there):
            found, number = np.unique(there, return_counts=True)
            keys[~is_named & (positions == position)] = found[number.argmax()]
    return keys
