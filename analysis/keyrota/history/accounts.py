"""What a store says of itself: which sources came when, and what it holds by day and pool."""

from __future__ import annotations

import msgspec


class AddedSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source that was added.

    `rows` is what it brought; `duplicates` what the store, or the source itself, had already. `first` and
    `last` are the times of its events (ISO 8601, UTC), ``None`` if none has a time.
    """

    name: str
    format: str
    first: str | None
    last: str | None
    lines: int
    rows: int
    duplicates: int


class Add(msgspec.Struct, frozen=True, kw_only=True):
    """What one `History.add` brought: all of it, or nothing if it was interrupted.

    `notes` says what was wrong with the input; a listing does not repeat it.
    """

    number: int
    at: str
    pools: str
    sources: tuple[AddedSource, ...]
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows that were new."""
        return sum(source.rows for source in self.sources)

    @property
    def duplicates(self) -> int:
        """Rows that were there already."""
        return sum(source.duplicates for source in self.sources)


class DayTotal(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one UTC day and one pool; ``None`` where a row has no time, or no pool."""

    day: str | None
    pool: str | None
    events: int
    picks: int
    rejections: int


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a store: the adds, and what it holds by day and pool."""

    schema: str
    store: str
    bytes: int
    rows: int
    first: str | None
    last: str | None
    adds: tuple[Add, ...]
    days: tuple[DayTotal, ...]


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed, or would be: the rows before a time, and the size of the store before and after."""

    before: str
    rows: int
    kept: int
    bytes_before: int
    bytes_after: int


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What was written."""

    files: int
    rows: int
    bytes: int
