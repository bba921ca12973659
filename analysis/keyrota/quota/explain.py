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

from keyrota.quota.attribution import CERTAIN
from keyrota.quota.calls import Calls
from keyrota.quota.counts import DAY, Counts, reached
from keyrota.quota.evidence import Outcomes

STATED: Final = "stated"
REPLAYED: Final = "replay"
UNKNOWN: Final = "unknown"

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
    """

    causes: tuple[str, ...]
    sources: tuple[str, ...]
    explained: int
    unexplained: int
    open: int
    missing: int
    by_minute: int
    with_room: int

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
        minute_full[at] = reached(counts.together(keys, at, window), per_minute)
        day_full[at] = reached(counts.together(keys, at, DAY), per_day)
    is_rejected = (outcomes.by_minute | outcomes.by_day) & counts.is_counted
    fits = (outcomes.by_minute & minute_full) | (outcomes.by_day & day_full)
    missing = outcomes.passed & (minute_full | day_full)
    by_minute = outcomes.by_minute & minute_full & ~(outcomes.by_day & day_full)
    causes, sources = _causes(calls, minute_full, day_full)
    # An error without a cause, on a day that began before the log: the full minute tells it all the same.
    told = _of_minute(calls, causes) & minute_full & ~is_rejected
    fits, by_minute, is_rejected = fits | told, by_minute | told, is_rejected | told
    return Explained(
        causes=causes,
        sources=sources,
        explained=int(np.count_nonzero(fits)),
        unexplained=int(np.count_nonzero(is_rejected & ~fits)),
        open=len(causes) - int(np.count_nonzero(is_rejected)),
        missing=int(np.count_nonzero(missing)),
        by_minute=int(np.count_nonzero(by_minute)),
        with_room=_with_room(counts, np.flatnonzero(by_minute), quotas, per_minute, per_day, window),
    )


def _of_minute(calls: Calls, causes: Sequence[str]) -> NDArray[np.bool_]:
    """Return the calls that surely got a 429 of the minute."""
    attribution = calls.attribution
    is_minute = np.array([cause == "per-minute" for cause in causes], dtype=bool)
    found = np.zeros(len(calls), dtype=bool)
    sure = attribution.probability >= CERTAIN
    rows = attribution.pick[sure][is_minute[attribution.rejection[sure]]]
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
    found = np.zeros(len(at), dtype=bool)
    for keys in quotas:
        full = reached(counts.together(keys, at, window), per_minute)
        full |= reached(counts.together(keys, at, DAY), per_day)
        found |= ~full & ~np.isin(counts.keys[at], keys)
    return int(np.count_nonzero(found))
