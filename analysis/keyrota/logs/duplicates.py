"""Rows that occur in several overlapping exports are counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from keyrota.logs.columns import is_constant
from keyrota.logs.hashing import hashed
from keyrota.logs.rows import NO_TIME, ROW_KINDS, Rows
from keyrota.logs.seen_rows import Seen, Told, is_again, is_in, is_new

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

OVERLAP_SHARE: Final = 0.5
"""The share of a kind's rows, between its first and its last repeat, from which sources overlap."""


@dataclass(frozen=True, slots=True)
class Marks:
    """By what a row is told from others.

    Parameters
    ----------
    time
        Nanoseconds since 1970 UTC.
    kind
        Index into `keyrota.logs.rows.ROW_KINDS`.
    row_id
        Hash of the platform's id of the row, 0 without one.
    content
        Hash of time, kind, key, position, size and status as the row says them.
    """

    time: NDArray[np.int64]
    kind: NDArray[np.int8]
    row_id: Hashes
    content: Hashes

    @classmethod
    def of(cls, rows: Rows) -> Marks:
        """Return the marks of rows."""
        return cls.made(rows.time, rows.kind, rows.row_id, rows.key, rows.position, rows.size, rows.status)

    @classmethod
    def made(
        cls,
        time: NDArray[np.int64],
        kind: NDArray[np.int8],
        row_id: Hashes,
        *content: NDArray[Any],
    ) -> Marks:
        """Return marks of columns: what tells them, and what else they say (key, position, size, status)."""
        return cls(time, kind, row_id, hashed(time, kind, *content))

    @classmethod
    def joined(cls, parts: Sequence[Marks]) -> Marks:
        """Return the marks of several sources, in their order."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.time for part in parts]),
            np.concatenate([part.kind for part in parts]),
            np.concatenate([part.row_id for part in parts]),
            np.concatenate([part.content for part in parts]),
        )

    def take(self, index: NDArray[Any]) -> Marks:
        """Return the marks at these places, or under this mask."""
        return Marks(
            self.time[index],
            self.kind[index],
            np.broadcast_to(self.row_id[:1], self.kind[index].shape)
            if is_constant(self.row_id) and len(self.row_id)
            else self.row_id[index],
            self.content[index],
        )

    def __len__(self) -> int:
        return len(self.time)


class Duplicates:
    """What was seen in the sources so far.

    A row with an id is a repeat if a row with the same id, time and content was seen, in any file or
    twice in one (pages of an export put together). A row without one is told by content and time,
    so that

    - two equal rows of one file may be two picks: a further file adds only as many equal rows as it
      holds more of;
    - rows of two servers may be equal by chance: repeats count only if most rows of their kind,
      within the stretch of time that they span, are repeats. In exports that overlap all are.

    Rows without a time cannot be told apart and are all kept. Ids and contents are told by 64 bits of
    them: among 10^8 rows two are taken for one with a probability of 3e-4.
    """

    def __init__(self) -> None:
        self._apart: list[Told] = []
        self._seen: list[Seen] = []

    def repeats_in(self, rows: Marks, *, is_last: bool = False) -> NDArray[np.bool_]:
        """Return which of one source's rows are repeats.

        What the last source holds is not remembered for a further one.
        """
        is_repeat = np.zeros(len(rows), dtype=bool)
        places = np.flatnonzero(rows.time != NO_TIME)
        own = rows if len(places) == len(rows) else rows.take(places)
        if not len(own):
            return is_repeat
        self._look_at(int(own.time.min()), int(own.time.max()))
        has_id = own.row_id != 0
        identity = np.zeros(len(own), dtype=np.uint64)
        if has_id.any():
            identity[has_id] = hashed(own.row_id[has_id], own.content[has_id])
            again = np.flatnonzero(has_id)[self._has_id(identity[has_id], own.time[has_id])]
            is_repeat[places[again]] = True
            if len(again):
                keep = ~is_repeat[places]
                places, own, identity = places[keep], own.take(keep), identity[keep]
        is_repeat[places] = is_same = self._has_content(own)
        if not is_last and len(own):
            self._apart.append(Told.of(own.time, own.row_id, own.content, identity, ~is_same))
        return is_repeat

    def _look_at(self, first: int, last: int) -> None:
        """Make the rows of a stretch of time ready to be looked up; those that no source meets never are."""
        apart = []
        for told in self._apart:
            if told.last < first or told.first > last:
                apart.append(told)
                continue
            start = int(np.searchsorted(told.time, first))
            end = int(np.searchsorted(told.time, last, side="right"))
            if start < end:
                self._remember(Seen.of(told.between(start, end)))
            apart += [
                told.between(*ends) for ends in ((0, start), (end, len(told.time))) if ends[0] < ends[1]
            ]
        self._apart = apart

    def _has_id(self, identity: Hashes, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        is_repeat = np.zeros(len(times), dtype=bool)
        met = np.flatnonzero(_is_met(times))
        is_repeat[met] = is_again(identity[met])
        near = np.zeros(len(times), dtype=bool)
        for seen in self._seen:
            near |= seen.near(times)
        places = np.flatnonzero(near)
        # In order, so that neighbours are looked up where the processor has just been.
        places = places[np.argsort(identity[places])]
        for seen in self._seen:
            is_repeat[places[is_in(identity[places], seen.ids)]] = True
        return is_repeat

    def _has_content(self, rows: Marks) -> NDArray[np.bool_]:
        """Return which rows are repeats by content and time."""
        is_repeat = np.zeros(len(rows), dtype=bool)
        near = np.zeros(len(rows), dtype=bool)
        for seen in self._seen:
            near |= seen.near(rows.time)
        places = np.flatnonzero(near)
        if not len(places):
            return is_repeat
        # Groups of equal rows, each in the order of the file.
        places = places[np.argsort(rows.content[places], kind="stable")]
        contents = rows.content[places]
        firsts = np.flatnonzero(is_new(contents))
        sizes = np.diff(firsts, append=len(places))
        counts = np.zeros((2, len(firsts)), dtype=np.int64)
        for seen in self._seen:
            counts += seen.counts_of(contents[firsts])
        # Rows of another file may lack the id that this one has, or have one that this one lacks.
        has_id = (rows.row_id[places] != 0).astype(np.int8)
        before = counts[has_id, np.repeat(np.arange(len(firsts)), sizes)]
        rank = np.arange(len(places)) - np.repeat(firsts, sizes)
        is_known = before > 0
        kinds = rows.kind[places]
        for kind in range(len(ROW_KINDS)):
            own = is_known & (kinds == kind)
            if own.any() and _overlaps(rows, kind, rows.time[places[own]]):
                is_repeat[places[own & (rank < before)]] = True
        return is_repeat

    def _remember(self, seen: Seen) -> None:
        """Keep few and ever larger sets, so that a thousand files are no thousand look-ups."""
        while self._seen and len(self._seen[-1]) <= 2 * len(seen):
            seen = Seen.joined(self._seen.pop(), seen)
        self._seen.append(seen)


def repeats(rows: Marks, seen: Marks) -> NDArray[np.bool_]:
    """Return which rows are repeats of rows seen before, or of one another by their ids.

    The rules are those of `Duplicates`.
    """
    duplicates = Duplicates()
    duplicates.repeats_in(seen)
    return duplicates.repeats_in(rows, is_last=True)


def _overlaps(rows: Marks, kind: int, known: NDArray[np.int64]) -> bool:
    first, last = known.min(), known.max()
    stretch = np.count_nonzero((rows.kind == kind) & (rows.time >= first) & (rows.time <= last))
    return bool(len(known) >= OVERLAP_SHARE * stretch)


def _is_met(times: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rows may have the time of another: rows in time order have it from their neighbour."""
    is_same = times[1:] == times[:-1]
    if (times[1:] < times[:-1]).any():
        return np.ones(len(times), dtype=bool)
    result = np.zeros(len(times), dtype=bool)
    result[1:] = is_same
    result[:-1] |= is_same
    return result
