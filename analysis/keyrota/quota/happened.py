"""What happened at each place of a log that has a 429: picks, 429s, and the ends of invocations.

Rows of one millisecond are scrambled by the platform: where picks are a chain of next keys, each is followed
by its 429.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, zip_longest
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.quota.rejections import places_of
from keyrota.rotation.alike import order_of, places_in
from keyrota.rotation.policies import following

MOST_OPEN: Final = 32
"""Picks that may still be unanswered: the latest."""

MILLISECOND_NS: Final = 1_000_000

PICK, MARK, DONE = range(3)


class Happened(NamedTuple):
    """What happened at a place: `lasted` is of an invocation, `seat` the position and the size of a pick."""

    what: int
    row: int
    time: int | None
    lasted: int
    seat: tuple[int, int]


@dataclass(frozen=True)
class Told:
    """What matters of each place that has a 429, place after place and each in order; see `Happened`."""

    what: NDArray[np.int64]
    row: NDArray[np.int64]
    times: NDArray[np.int64]
    is_timed: NDArray[np.bool_]
    lasted: NDArray[np.int64]
    seats: NDArray[np.int64]
    cuts: NDArray[np.int64]

    @cached_property
    def pick_counts(self) -> NDArray[np.int64]:
        """Number of picks at each place."""
        return np.add.reduceat((self.what == PICK).astype(np.int64), self.cuts[:-1])

    def is_plain(self) -> NDArray[np.bool_]:
        """Return for each place whether it has picks and 429s alone, few, and all at times of their own."""
        first = self.cuts[:-1]
        if not len(first):
            return np.zeros(0, dtype=bool)
        odd = ~self.is_timed | (self.what == DONE)
        odd[1:] |= np.diff(self.times) == 0
        odd[first] = ~self.is_timed[first] | (self.what[first] == DONE)
        marks = np.add.reduceat((self.what == MARK).astype(np.int64), first)
        few = (self.pick_counts <= MOST_OPEN) & (marks <= MOST_OPEN)
        # Of more picks before the only 429 the last are open.
        few |= (marks == 1) & (self.what[self.cuts[1:] - 1] == MARK)
        return np.asarray(few & ~np.logical_or.reduceat(odd, first))

    def happened(self, place: int) -> list[Happened]:
        """Return what happened at a place, the rows of each scrambled millisecond in order."""
        own = slice(self.cuts[place], self.cuts[place + 1])
        rows = [
            Happened(what, row, time if timed else None, ns, (seat[0], seat[1]))
            for what, row, time, timed, ns, seat in zip(
                self.what[own].tolist(), self.row[own].tolist(), self.times[own].tolist(),
                self.is_timed[own].tolist(), self.lasted[own].tolist(), self.seats[own].tolist(), strict=True,
            )
        ]  # fmt: skip
        return _chained(rows) if (np.diff(self.times[own]) == 0).any() else rows


def told_of(events: pd.DataFrame, rows: pd.DataFrame, picks: NDArray[np.int64]) -> Told:
    """Return what matters of each place that has a 429, up to its last."""
    place = places_of(events)
    index = events.index.to_numpy()
    what = np.full(len(events), -1)
    what[places_in(index, picks)] = PICK
    what[places_in(index, rows.index.to_numpy())] = MARK
    done = (events["kind"] == "invocation") & events["duration_ms"].notna() & events["isolate"].notna()
    # A request that ended in a 429 has had its error: it closes no other pick.
    done &= ~(events["status"] == 429).fillna(False).astype(bool)
    what[done.to_numpy()] = DONE
    wanted = np.flatnonzero((what >= 0) & _is_one_of(place, place[what == MARK]))
    wanted = wanted[order_of(place[wanted])]
    # What comes after the last 429 of a place answers none, but what shares its moment may.
    begins = np.flatnonzero(np.diff(place[wanted], prepend=place[wanted[0]] - 1 if len(wanted) else 0))
    times = events["time"].to_numpy(dtype="datetime64[ns]").view("int64")
    if len(begins):
        is_mark = what[wanted] == MARK
        last = np.maximum.reduceat(np.where(is_mark, np.arange(len(wanted)), -1), begins)
        last = np.repeat(last, np.diff(np.append(begins, len(wanted))))
        at = times[wanted]
        wanted = wanted[(np.arange(len(wanted)) <= last) | (at == at[last])]
        begins = np.flatnonzero(np.diff(place[wanted], prepend=place[wanted[0]] - 1))
    own = events.iloc[wanted]
    return Told(
        what[wanted],
        index[wanted],
        times[wanted],
        own["time"].notna().to_numpy(),
        (own["duration_ms"].fillna(0).to_numpy() * 1e6).astype(np.int64),
        own[["position", "size"]].fillna(-1).to_numpy(dtype=np.int64),
        np.append(begins, len(wanted)),
    )


def _is_one_of(places: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether each place is one of some: by a table, as places are numbered without large gaps."""
    least = int(places.min(initial=0))
    table = np.zeros(int(places.max(initial=0)) - least + 1, dtype=bool)
    table[chosen - least] = True
    return np.asarray(table[places - least])


def _chained(place: list[Happened]) -> list[Happened]:
    """Put the rows of each scrambled millisecond in order: picks as a chain of next keys, each answered."""
    ordered: list[Happened] = []
    for time, group in groupby(place, key=lambda row: row.time):
        rows = list(group)
        picks = [row for row in rows if row.what == PICK]
        marks = [row for row in rows if row.what == MARK]
        if time is None or time % MILLISECOND_NS or not picks or not marks:
            ordered += rows
            continue
        chain = _chain(picks)
        if chain is None and len(marks) < len(picks):
            ordered += [*picks, *marks, *(row for row in rows if row.what == DONE)]
            continue
        turns = zip_longest(chain or picks, marks)
        ordered += [row for pair in turns for row in pair if row is not None]
        ordered += [row for row in rows if row.what == DONE]
    return ordered


def _chain(picks: list[Happened]) -> list[Happened] | None:
    """Return picks as the one chain of next keys that they form; ``None`` if they form none, or several."""
    by_position = {pick.seat[0]: pick for pick in picks}
    size = picks[0].seat[1]
    if len(by_position) != len(picks) or len(picks) == size or min(by_position) < 1:
        return None
    first = [p for p in by_position if not any(following(q, size) == p for q in by_position)]
    if len(first) != 1:
        return None
    position, chain = first[0], []
    while position in by_position:
        chain.append(by_position[position])
        position = following(position, size)
    return chain
