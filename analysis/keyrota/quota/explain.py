"""Where the 429s come from: the window that was full, or none that is known.

The cause of a 429 is what its error states; else the window that the replay of the log finds full; else it
stays unknown. The replay also shows what does not fit: 429s while every window had room, and calls that
passed although one was full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.events import CAUSES
from keyrota.quota.attribution import CERTAIN
from keyrota.quota.calls import NO_CAUSE, Calls
from keyrota.quota.counts import DAY, NEARLY, Counts, reached
from keyrota.quota.day_left import calls_pass_later
from keyrota.quota.evidence import Outcomes

STATED: Final = "stated"
REPLAYED: Final = "replay"
UNKNOWN: Final = "unknown"

Bools = NDArray[np.bool_]
_Limits = tuple[tuple[str, int | None], ...]

TRIED_ONE_BY_ONE: Final = 32
"""So many quotas are asked for room at each 429; of more, those that are full are counted call by call."""

ROUNDING: Final = 1e-6

LEAST_MISSING: Final = 10
"""From so many calls that pass a full window on, and no fewer than 429s at one, limits are contradicted."""


@dataclass(frozen=True)
class Explained:
    """The 429s of one pool, explained as far as they can be.

    Parameters
    ----------
    causes, sources
        For each 429, in the order of `Attribution.rows`: its cause, and what tells it: ``"stated"``,
        ``"replay"`` or ``"unknown"``.
    explained, unexplained
        429s of known keys that come while the window of their cause is full, and while it has room.
    open
        429s that the replay cannot judge: their key or time is uncertain, their Pacific day began before the
        log, or they are for want of tokens or of any quota.
    missing
        Calls that passed although a window was full.
    by_minute, with_room
        429s that the full minute explains, and how many of them came while another key of the pool had room:
        a matter of rotation, not of size.
    by_day, with_calls_left
        429s by the day that surely belong to a call, and how many of them came while another key of the pool
        had calls of the day left.
    unexplained_stated
        Of the `unexplained`, those whose error states its cause.
    unknown_with_room
        429s of unknown cause that came while every window of their key had room.
    """

    causes: tuple[str, ...]
    sources: tuple[str, ...]
    explained: int
    unexplained: int
    open: int
    missing: int
    by_minute: int
    with_room: int
    by_day: int = 0
    with_calls_left: int = 0
    unexplained_stated: int = 0
    unknown_with_room: int = 0

    @property
    def is_contradicted(self) -> bool:
        """Whether so many calls pass full windows that limits are higher, or the log shows no errors."""
        return self.missing >= max(LEAST_MISSING, self.explained)

    def by_cause(self) -> dict[str, int]:
        """Return how many 429s have each cause, names in order."""
        return {cause: self.causes.count(cause) for cause in sorted(set(self.causes))}

    def by_source(self) -> dict[str, int]:
        """Return how many causes are stated, told by the replay, and unknown; those that occur."""
        return {name: n for name in (STATED, REPLAYED, UNKNOWN) if (n := self.sources.count(name))}


def explain(
    calls: Calls,
    counts: Counts,
    outcomes: Outcomes,
    quotas: Sequence[tuple[int, ...]],
    *,
    per_minute: int | None,
    per_day: int | None,
    window: str,
) -> Explained:
    """Explain the 429s of one pool.

    Parameters
    ----------
    calls, counts, outcomes
        Of that pool alone, in the same order.
    quotas
        The keys of each quota.
    per_minute, per_day
        The limits in force.
    window
        How a minute counts, ``"fixed"`` or ``"sliding"``.
    """
    minute_full, day_full = np.zeros(len(calls), dtype=bool), np.zeros(len(calls), dtype=bool)
    for keys in quotas:
        at = np.concatenate([counts.of(key) for key in keys])
        minute_full[at] = reached(counts.own(keys, window), per_minute)
        day_full[at] = reached(counts.own(keys, DAY), per_day)
    is_rejected = (outcomes.by_minute | outcomes.by_day) & counts.is_counted
    fits = (outcomes.by_minute & minute_full) | (outcomes.by_day & day_full)
    missing = outcomes.passed & (minute_full | day_full)
    by_minute = outcomes.by_minute & minute_full & ~(outcomes.by_day & day_full)
    causes, sources = _causes(calls, minute_full, day_full)
    # An error without a cause, on a day that began before the log: the full minute tells it all the same.
    told = _surely_of("per-minute", calls, causes) & minute_full & ~is_rejected
    fits, by_minute, is_rejected = fits | told, by_minute | told, is_rejected | told
    is_whole = counts.is_whole_day()
    of_day = _surely_of("per-day", calls, causes) & counts.is_counted
    # Only where the log's own calls used up the day does it show what the other keys had used.
    shows_day = of_day & day_full & is_whole
    left = calls_pass_later(counts, np.flatnonzero(of_day), quotas, outcomes.passed)
    is_left = np.zeros(len(calls), dtype=bool)
    is_left[np.flatnonzero(of_day)[left]] = True
    more = np.flatnonzero(shows_day & ~is_left)
    unknown = _surely_of("unknown", calls, causes) & counts.is_counted
    states_cause = (calls.causes != NO_CAUSE) & (calls.causes != CAUSES.index("unknown"))
    return Explained(
        causes=causes,
        sources=sources,
        explained=int(np.count_nonzero(fits)),
        unexplained=int(np.count_nonzero(is_rejected & ~fits)),
        open=len(causes) - int(np.count_nonzero(is_rejected)),
        missing=int(np.count_nonzero(missing)),
        by_minute=int(np.count_nonzero(by_minute)),
        with_room=_with_room(counts, np.flatnonzero(by_minute), quotas, per_minute, per_day, window),
        by_day=int(np.count_nonzero(of_day)),
        with_calls_left=int(np.count_nonzero(is_left))
        + _with_room(counts, more, quotas, None, per_day, window),
        unexplained_stated=int(np.count_nonzero(is_rejected & ~fits & states_cause)),
        unknown_with_room=int(np.count_nonzero(unknown & (is_whole | (per_day is None)))),
    )


def _surely_of(name: str, calls: Calls, causes: Sequence[str]) -> NDArray[np.bool_]:
    """Return the calls that surely got a 429 of a cause."""
    attribution = calls.attribution
    is_own = np.array([cause == name for cause in causes], dtype=bool)
    found = np.zeros(len(calls), dtype=bool)
    sure = attribution.probability >= CERTAIN
    rows = attribution.pick[sure][is_own[attribution.rejection[sure]]]
    found[np.searchsorted(calls.rows, rows)] = True
    return found


def _causes(
    calls: Calls, minute_full: NDArray[np.bool_], day_full: NDArray[np.bool_]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    attribution = calls.attribution
    stated = attribution.rows["cause"].astype(object).fillna("unknown").astype(str).tolist()
    sources = [UNKNOWN if cause == "unknown" else STATED for cause in stated]
    likely = attribution.probability >= 0.5
    places = np.searchsorted(calls.rows, attribution.pick[likely])
    for rejection, call in zip(attribution.rejection[likely].tolist(), places.tolist(), strict=True):
        # Where both are used up the day is named, as the provider does.
        if stated[rejection] == "unknown" and (day_full[call] or minute_full[call]):
            stated[rejection] = "per-day" if day_full[call] else "per-minute"
            sources[rejection] = REPLAYED
    return tuple(stated), tuple(sources)


def _with_room(
    counts: Counts,
    at: NDArray[np.int64],
    quotas: Sequence[tuple[int, ...]],
    per_minute: int | None,
    per_day: int | None,
    window: str,
) -> int:
    """Count the calls at which the windows of another quota had room."""
    limits = ((window, per_minute), (DAY, per_day))
    left = at[~_surely_have_room(counts, at, len(quotas), limits)]
    found = len(at) - len(left)
    # Of the quotas with few calls one has room nearly always.
    order = sorted(quotas, key=lambda keys: sum(len(counts.of(key)) for key in keys))
    for keys in order[:TRIED_ONE_BY_ONE]:
        if not len(left):
            return found
        has_room = ~_is_full(counts, keys, left, limits) & ~np.isin(counts.keys[left], keys)
        found, left = found + int(np.count_nonzero(has_room)), left[~has_room]
    if len(quotas) <= TRIED_ONE_BY_ONE or not len(left):
        return found
    full = np.zeros(len(counts.times) + 1, dtype=np.int64)
    is_own_full = np.zeros(len(left), dtype=bool)
    by_key = np.argsort(counts.keys[left], kind="stable")
    left_keys = counts.keys[left][by_key]
    for keys in order:
        _add_full(counts, keys, limits, full)
        for key in keys:
            own = by_key[slice(*np.searchsorted(left_keys, (key, key + 1)).tolist())]
            is_own_full[own] = _is_full(counts, keys, left[own], limits)
    others = np.cumsum(full)[left] - is_own_full
    return found + int(np.count_nonzero(others < len(quotas) - 1))


def _is_full(counts: Counts, keys: tuple[int, ...], at: NDArray[np.int64], limits: _Limits) -> Bools:
    """Return whether a window of a quota is full at some calls."""
    full = np.zeros(len(at), dtype=bool)
    for window, limit in limits:
        if limit is not None:
            full |= reached(counts.together(keys, at, window), limit)
    return full


def _surely_have_room(counts: Counts, at: NDArray[np.int64], number: int, limits: _Limits) -> Bools:
    """Return at which calls fewer calls were counted in all than it takes to fill all quotas but one."""
    most = np.zeros(len(at))
    for window, limit in limits:
        if limit is not None:
            most += counts.of_all(at, window) / (limit - NEARLY)
    return np.asarray(most < number - 1 - ROUNDING, dtype=np.bool_)


def _add_full(counts: Counts, keys: tuple[int, ...], limits: _Limits, full: NDArray[np.int64]) -> None:
    """Add to the differences of the number of full quotas, call by call, those of one.

    A window changes after a call of the quota, and where one falls out of it.
    """
    own = np.concatenate([counts.of(key) for key in keys])
    changes = [np.zeros(1, dtype=np.int64), own + 1]
    changes += [counts.leaves_at(own, window) for window, limit in limits if limit is not None]
    moments = np.unique(np.concatenate(changes))
    moments = moments[moments < len(counts.times)]
    is_full = _is_full(counts, keys, moments, limits)
    step = np.diff(is_full.astype(np.int64), prepend=0)
    full[moments] += step
