"""The requests of a log, and what the client does on a 429: fail, try the next key, wait and come again.

A request is one call, and those that follow its 429s: at once, after the delay that the log announces, within
the same invocation where those are in the log, or else because calls come again far more often after a 429
than after a success.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.events import is_of_kind
from keyrota.quota.attribution import SLACK_NS, Attribution
from keyrota.quota.rejections import places_of
from keyrota.rotation.alike import order_of
from keyrota.rotation.requests import TOGETHER_NS

PATIENCE_NS: Final = 130_000_000_000
"""A client that waits calls again within this time of its 429."""

ANNOUNCED_SLACK_NS: Final = 1_500_000_000
"""A retry comes at most so long after the announced delay."""

LEAST_FOLLOWED: Final = 0.2
"""Below this share of rejected calls that are followed by another, a client does not try again."""

FIRST_CALL_NS: Final = 5_000_000_000
"""The first call of an invocation comes at most so long after its begin."""

LEAST_GIVEN_UP: Final = 3
"""Requests that end in a 429 after several calls, from which they tell how many calls a client makes."""

_UNANNOUNCED: Final = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Reaction:
    """What the client does on a 429, as the log shows it.

    Parameters
    ----------
    kind
        ``"fail"``, ``"failover"`` (the next key at once), ``"backoff"`` (waits and calls again), or
        ``"unknown"`` without a 429 whose isolate is known.
    rejected, followed
        First 429s of requests, and how many of them another call of the request follows.
    base_s
        Median wait before the second call, in seconds.
    tries
        Most calls of a request; one that took another's call for its own has too many.
    gives_up_after
        How many calls most requests had made that ended in a 429 after several; ``None`` where hardly any
        was seen to do so.
    """

    kind: Literal["fail", "failover", "backoff", "unknown"]
    rejected: int = 0
    followed: int = 0
    base_s: float | None = None
    tries: int = 1
    gives_up_after: int | None = None


class BareCalls(NamedTuple):
    """Calls without their requests; `answered` is the place of the 429 that each got, -1 for none."""

    rows: NDArray[np.int64]
    times: NDArray[np.int64]
    is_timed: NDArray[np.bool_]
    places: NDArray[np.int64]
    answered: NDArray[np.int64]


def find_requests(
    events: pd.DataFrame, calls: BareCalls, attribution: Attribution
) -> tuple[NDArray[np.int64], Reaction]:
    """Join the calls that a client makes after a 429 to its request, and tell how it reacts."""
    by_place = order_of(calls.places)
    before, after, waits, announced = _after_a_429(calls, attribution, by_place)
    joins = (waits <= TOGETHER_NS) | (np.abs(announced) <= ANNOUNCED_SLACK_NS)
    previous = np.full(len(calls.rows), -1)
    previous[after[joins]] = before[joins]
    _join_by_invocations(events, calls, previous)
    is_known = (calls.answered >= 0) & (calls.places >= 0)
    waited = ~joins & (announced == _UNANNOUNCED) & (waits <= PATIENCE_NS)
    waited &= (calls.places[before] >= 0) & (previous[after] < 0)
    if not _has_durations(events) and _comes_again(int(is_known.sum()), int(waited.sum()), calls, by_place):
        previous[after[waited]] = before[waited]
    root = np.arange(len(calls.rows))
    for call in np.flatnonzero(previous >= 0).tolist():  # ascending: the call before is done
        root[call] = root[previous[call]]
    requests = (np.cumsum(previous < 0) - 1)[root]
    return requests, _reaction(calls, previous, requests, attribution)


def _reaction(
    calls: BareCalls, previous: NDArray[np.int64], requests: NDArray[np.int64], attribution: Attribution
) -> Reaction:
    first = np.flatnonzero((calls.answered >= 0) & (previous < 0))
    later = np.flatnonzero(previous >= 0)
    second = later[np.isin(previous[later], first)]
    if not len(first):
        return Reaction("unknown")
    followed, tries = len(second), int(np.bincount(requests).max())
    if followed < LEAST_FOLLOWED * len(first):
        # Without isolates a wait would not show.
        is_seen = bool((calls.places[first] >= 0).any())
        return Reaction("fail" if is_seen else "unknown", len(first), followed, None, tries)
    marks = _nanoseconds(attribution.rows)[calls.answered[previous[second]]]
    base_s = max(0.0, float(np.median(calls.times[second] - marks)) / 1e9)
    kind: Literal["failover", "backoff"] = "failover" if base_s * 1e9 <= TOGETHER_NS else "backoff"
    return Reaction(kind, len(first), followed, base_s, tries, _gives_up_after(calls, requests))


def last_of_each(requests: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of the last call of each request, shape (requests,)."""
    last = np.empty(int(requests.max(initial=-1)) + 1, dtype=np.int64)
    last[requests] = np.arange(len(requests))  # of several written to one place the last stays
    return last


def _gives_up_after(calls: BareCalls, requests: NDArray[np.int64]) -> int | None:
    last = last_of_each(requests)
    made = np.bincount(requests)[calls.answered[last] >= 0]
    made = made[made > 1]
    return int(np.bincount(made).argmax()) if len(made) >= LEAST_GIVEN_UP else None


def _after_a_429(
    calls: BareCalls, attribution: Attribution, by_place: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return each rejected call, the next at its place, the wait, and that less the announced one."""
    marks = attribution.rows
    before, after = by_place[:-1], by_place[1:]
    own = (calls.places[before] == calls.places[after]) & (calls.answered[before] >= 0)
    own &= calls.is_timed[before] & calls.is_timed[after]
    before, after = before[own], after[own]
    mark = calls.answered[before]
    waits = calls.times[after] - _nanoseconds(marks)[mark]
    # Within a scrambled millisecond the pick may stand before the 429 of the one before it.
    follows = (calls.rows[after] > marks.index.to_numpy()[mark]) | (waits >= 0)
    before, after, waits, mark = before[follows], after[follows], waits[follows], mark[follows]
    is_announced = (marks["kind"] == "retry").to_numpy()[mark]
    delays = (marks["retry_after_s"].fillna(0.0).to_numpy()[mark] * 1e9).astype(np.int64)
    return before, after, waits, np.where(is_announced, waits - delays, _UNANNOUNCED)


def _has_durations(events: pd.DataFrame) -> bool:
    return bool(_answered_invocations(events).any())


def _answered_invocations(events: pd.DataFrame) -> NDArray[np.bool_]:
    told = is_of_kind(events, "invocation")
    for name in ("duration_ms", "isolate", "time") if told.any() else ():
        told &= events[name].notna().to_numpy()
    return told


def _join_by_invocations(events: pd.DataFrame, calls: BareCalls, previous: NDArray[np.int64]) -> None:
    """Join calls of one invocation: its first call comes soon after its begin, a further one after a 429."""
    told = _answered_invocations(events)
    if not told.any():
        return
    busy = np.unique(calls.places[(calls.answered >= 0) & (calls.places >= 0)])
    own = told & np.isin(places_of(events), busy)
    spans: dict[int, list[tuple[int, int]]] = {}
    ends = _nanoseconds(events[own])
    lasted = (events["duration_ms"].to_numpy()[own] * 1e6).astype(np.int64)
    for place, begin, end in zip(
        places_of(events)[own].tolist(), (ends - lasted).tolist(), ends.tolist(), strict=True
    ):
        spans.setdefault(place, []).append((begin - SLACK_NS, end + SLACK_NS))
    chosen = np.flatnonzero(np.isin(calls.places, list(spans)) & calls.is_timed)
    chosen = chosen[np.argsort(calls.places[chosen], kind="stable")]
    for own_calls in np.split(chosen, np.flatnonzero(np.diff(calls.places[chosen])) + 1):
        if len(own_calls) > 1:
            _assign(own_calls.tolist(), sorted(spans[int(calls.places[own_calls[0]])]), calls, previous)


def _assign(
    own_calls: list[int], spans: list[tuple[int, int]], calls: BareCalls, previous: NDArray[np.int64]
) -> None:
    """Give the calls of one isolate to its invocations in the order of time."""
    fresh: list[tuple[int, int]] = []
    waiting: list[tuple[int, int]] = []  # the end of an invocation, and its last call, which got a 429
    upcoming = iter([*spans, (2**63, 2**63)])
    span = next(upcoming)
    for call in own_calls:
        now = int(calls.times[call])
        while span[0] <= now:
            fresh.append(span)
            span = next(upcoming)
        fresh = [one for one in fresh if one[1] >= now and now - one[0] <= FIRST_CALL_NS]
        waiting = [one for one in waiting if one[0] >= now]
        if previous[call] >= 0:  # joined already
            end = next((end for end, last in waiting if last == previous[call]), now)
            waiting = [one for one in waiting if one[1] != previous[call]]
        elif fresh:
            end = fresh.pop(0)[1]
        elif waiting:
            end, previous[call] = waiting.pop(0)
        else:
            continue
        if calls.answered[call] >= 0:
            waiting.append((end, call))


def _comes_again(known: int, waited: int, calls: BareCalls, by_place: NDArray[np.int64]) -> bool:
    """Say whether calls after a 429 are so much more frequent in its isolate that the client must wait.

    Isolates are used again anyway: the calls after one that passed tell how often.
    """
    if not known or waited < LEAST_FOLLOWED * known:
        return False
    before, after = by_place[:-1], by_place[1:]
    passed = (calls.places >= 0) & (calls.answered < 0)
    soon = (calls.places[before] == calls.places[after]) & passed[before]
    soon &= calls.times[after] - calls.times[before] <= PATIENCE_NS
    return bool(waited / known > 2 * soon.sum() / max(1, passed.sum()))


def _nanoseconds(events: pd.DataFrame) -> NDArray[np.int64]:
    return np.asarray(events["time"].to_numpy(dtype="datetime64[ns]").view("int64"))
