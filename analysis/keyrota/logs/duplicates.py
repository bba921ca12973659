"""Rows that occur in several overlapping exports are counted once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from keyrota.logs.collect import EventRow


class Duplicates:
    """What was seen in the sources so far.

    A row with an id is a repeat if a row with the same id, time and content was seen, in any file or
    twice in one (pages of an export put together). A row without one is told by content and time:
    two equal rows of one file may be two picks, so a further file adds only as many equal rows as
    it holds more of. Rows without a time cannot be told apart and are all kept.
    """

    def __init__(self) -> None:
        self._ids: set[Hashable] = set()
        self._seen: Counter[Hashable] = Counter()
        self._seen_without_id: Counter[Hashable] = Counter()

    def drop_from(self, rows: list[EventRow]) -> tuple[list[EventRow], int]:
        """Return one source's rows without the repeats, and how many there were."""
        kept: list[EventRow] = []
        here: Counter[Hashable] = Counter()
        new: list[tuple[Hashable, bool]] = []
        for row in rows:
            if row.time_ns is None:
                kept.append(row)
                continue
            content = (
                row.time_ns,
                row.kind,
                row.key,
                row.parsed.position,
                row.parsed.size,
                row.parsed.status,
            )
            if row.row_id is not None:
                identity = hash((row.row_id, content))
                if identity in self._ids:
                    continue
                self._ids.add(identity)
            here[content] += 1
            # Rows of another file may lack the id that this one has, or have one that this one lacks.
            before = self._seen if row.row_id is None else self._seen_without_id
            if here[content] <= before[content]:
                continue
            kept.append(row)
            new.append((content, row.row_id is None))
        for content, lacks_id in new:
            self._seen[content] += 1
            self._seen_without_id[content] += lacks_id
        return kept, len(rows) - len(kept)
