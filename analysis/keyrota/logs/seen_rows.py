"""Rows that earlier sources held, ready to be asked for: by their ids, and by how many have one content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Told:
    """Rows of one source in time order, as they were read.

    `identity` is a hash of id and content; a row that is a repeat (not `is_kept`) counts by it alone.
    """

    first: int
    last: int
    time: NDArray[np.int64]
    row_id: Hashes
    content: Hashes
    identity: Hashes
    is_kept: NDArray[np.bool_]

    @classmethod
    def of(cls, *columns: NDArray[Any]) -> Told:
        """Return rows of these columns, of which there is one or more."""
        time = columns[0]
        if (time[1:] < time[:-1]).any():
            order = np.argsort(time, kind="stable")
            columns = tuple(column[order] for column in columns)
        return cls(int(columns[0][0]), int(columns[0][-1]), *columns)

    def between(self, start: int, end: int) -> Told:
        """Return the rows from `start` up to `end`, one or more, without copying them."""
        columns = (self.time, self.row_id, self.content, self.identity, self.is_kept)
        return Told.of(*(column[start:end] for column in columns))


@dataclass(frozen=True, slots=True)
class Seen:
    """Rows of some sources: their ids, and how many there are of each content; `counts[1]` without an id."""

    first: int
    last: int
    ids: Hashes
    contents: Hashes
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, told: Told) -> Seen:
        """Return rows of one source."""
        has_id = told.row_id != 0
        counts = np.stack([told.is_kept, told.is_kept & ~has_id]).astype(np.int64)
        contents, counts = _counted(told.content, counts, np.argsort(told.content))
        ids = np.unique(told.identity[has_id])
        return cls(told.first, told.last, ids, contents, counts)

    @classmethod
    def joined(cls, a: Seen, b: Seen) -> Seen:
        """Return the rows of both."""
        # A stable sort finds the two parts in order and merges them.
        ids = np.sort(np.concatenate([a.ids, b.ids]), kind="stable")
        contents = np.concatenate([a.contents, b.contents])
        order = np.argsort(contents, kind="stable")
        contents, counts = _counted(contents, np.concatenate([a.counts, b.counts], axis=1), order)
        return cls(min(a.first, b.first), max(a.last, b.last), ids[is_new(ids)], contents, counts)

    def near(self, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which times lie within those of the rows: no other row can be a repeat."""
        return (times >= self.first) & (times <= self.last)

    def counts_of(self, contents: Hashes) -> NDArray[np.int64]:
        """Return for each content how many rows have it, and how many of them have no id."""
        result = np.zeros((2, len(contents)), dtype=np.int64)
        if len(self.contents):
            place = np.minimum(np.searchsorted(self.contents, contents), len(self.contents) - 1)
            found = self.contents[place] == contents
            result[:, found] = self.counts[:, place[found]]
        return result

    def __len__(self) -> int:
        return len(self.contents) + len(self.ids)


def _counted(
    contents: Hashes, counts: NDArray[np.int64], order: NDArray[np.intp]
) -> tuple[Hashes, NDArray[np.int64]]:
    """Return each content once, in order, with the sum of its counts."""
    contents = contents[order]
    firsts = np.flatnonzero(is_new(contents))
    return contents[firsts], np.add.reduceat(counts[:, order], firsts, axis=1)


def is_new(ordered: Hashes) -> NDArray[np.bool_]:
    """Return where a value stands for the first time."""
    result = np.ones(len(ordered), dtype=bool)
    result[1:] = ordered[1:] != ordered[:-1]
    return result


def is_again(values: Hashes) -> NDArray[np.bool_]:
    """Return which values stood before, at a smaller index."""
    result = np.zeros(len(values), dtype=bool)
    ordered = np.sort(values)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(twice):
        places = np.flatnonzero(is_in(values, np.unique(twice)))
        places = places[np.argsort(values[places], kind="stable")]
        result[places[1:][values[places[1:]] == values[places[:-1]]]] = True
    return result


def is_in(values: Hashes, ordered: Hashes) -> NDArray[np.bool_]:
    """Return which values are among those of an ordered array."""
    if not len(ordered) or not len(values):
        return np.zeros(len(values), dtype=bool)
    place = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[place] == values)
