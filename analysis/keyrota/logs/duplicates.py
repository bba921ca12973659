"""Rows that occur in several overlapping exports are counted once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable
from typing import Final

from keyrota.logs.collect import EventRow

OVERLAP_SHARE: Final = 0.5
"""The share of a kind's rows, between its first and its last repeat, from which sources overlap."""


class Duplicates:
    """What was seen in the sources so far.

    A row with an id is a repeat if a row with the same id, time and content was seen, in any file or
    twice in one (pages of an export put together). A row without one is told by content and time,
    so that

    - two equal rows of one file may be two picks: a further file adds only as many equal rows as it
      holds more of;
    - rows of two servers may be equal by chance: repeats count only if most rows of their kind,
      within the stretch of time that they span, are repeats. In exports that overlap all are.

    Rows without a time cannot be told apart and are all kept.
    """

    def __init__(self) -> None:
        self._ids: set[Hashable] = set()
        self._seen: Counter[Hashable] = Counter()
        self._seen_without_id: Counter[Hashable] = Counter()

    def drop_from(self, rows: list[EventRow], *, is_last: bool = False) -> tuple[list[EventRow], int]:
        """Return one source's rows without the repeats, and how many there were.

        What the last source holds is not remembered for a further one.
        """
        fresh: list[EventRow] = []
        contents: list[Hashable] = []
        for row in rows:
            content = _content(row)
            if row.row_id is not None and row.time_ns is not None:
                identity = hash((row.row_id, content))
                if identity in self._ids:
                    continue
                self._ids.add(identity)
            fresh.append(row)
            if self._seen or not is_last:
                contents.append(content)
        repeats = self._repeats(fresh, contents) if self._seen else set()
        if repeats:
            contents = [content for index, content in enumerate(contents) if index not in repeats]
            fresh = [row for index, row in enumerate(fresh) if index not in repeats]
        if is_last:
            return fresh, len(rows) - len(fresh)
        told = zip(fresh, contents, strict=True)
        timed = [(row, content) for row, content in told if row.time_ns is not None]
        self._seen.update(content for _, content in timed)
        self._seen_without_id.update(content for row, content in timed if row.row_id is None)
        return fresh, len(rows) - len(fresh)

    def _repeats(self, rows: list[EventRow], contents: list[Hashable]) -> set[int]:
        """Return the places of rows that are repeats by content and time."""
        here: Counter[Hashable] = Counter()
        known: defaultdict[str, list[int]] = defaultdict(list)
        repeats: set[int] = set()
        for index, (row, content) in enumerate(zip(rows, contents, strict=True)):
            if row.time_ns is None:
                continue
            # Rows of another file may lack the id that this one has, or have one that this one lacks.
            before = (self._seen if row.row_id is None else self._seen_without_id)[content]
            if before:
                known[row.kind].append(index)
            here[content] += 1
            if here[content] <= before:
                repeats.add(index)
        overlapping = {kind for kind, places in known.items() if _overlaps(rows, kind, places)}
        return {index for index in repeats if rows[index].kind in overlapping}


def _overlaps(rows: list[EventRow], kind: str, known: list[int]) -> bool:
    times = [rows[index].time_ns or 0 for index in known]
    first, last = min(times), max(times)
    stretch = sum(
        row.kind == kind and row.time_ns is not None and first <= row.time_ns <= last for row in rows
    )
    return len(known) >= OVERLAP_SHARE * stretch


def _content(row: EventRow) -> Hashable:
    parsed = row.parsed
    return (row.time_ns, parsed.kind, row.key, parsed.position, parsed.size, parsed.status)
