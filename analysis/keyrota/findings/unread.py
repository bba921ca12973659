"""How many pick lines of a pool could not be read, and whether the others can be judged without them.

The tests take the picks for all that were made. Of lines that were left out for what they say, such as each
that names key 0, nothing of the kind holds: the keys that stay look unused, uneven and out of order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from keyrota.logs.read import LogInput
from keyrota.logs.unread import FROM_ZERO, UnreadPick

TOLERATED: Final = 0.01
"""Share of the pick lines up to which those that could not be read are taken for noise."""

FEW, FEW_SHARE = 3, 0.1
"""Fewer lines than these, up to this share, are noise in a small log too: a user can quote a line."""

OF_ONE_KEY: Final = 0.5
"""The same where key 0 or position 0 is left out, as a part of what one key of the pool has."""


@dataclass(frozen=True)
class Unread:
    """Pick lines that were left out, too many for a verdict on the others.

    Parameters
    ----------
    what
        How many name what, as they were counted in the logs.
    share
        Of the pick lines, those that could not be read, in (0, 1]. Lines outside the span that is judged,
        or in several logs, count as the events among which they stand.
    """

    what: Mapping[str, int]
    share: float

    @property
    def lines(self) -> int:
        """Their number."""
        return sum(self.what.values())

    @property
    def is_from_zero(self) -> bool:
        """Whether some name key 0 or position 0."""
        return any(what in FROM_ZERO for what in self.what)


@dataclass(frozen=True)
class UnreadLines:
    """All pick lines of a log that could not be read, by kind, and which part of its rows are judged."""

    counts: Mapping[UnreadPick, int] = field(default_factory=dict)
    part: float = 1.0

    @classmethod
    def of(cls, log_input: LogInput | None, events: int) -> UnreadLines:
        """Return those of an account of lines, of which so many rows are judged."""
        counts: Counter[UnreadPick] = Counter()
        for source in log_input.sources if log_input else ():
            for kind, number in source.unread_picks:
                counts[kind] += number
        rows = sum(number for _, number in log_input.found) if log_input else 0
        return cls(counts, min(1.0, events / rows) if rows else 1.0)

    def of_pool(self, size: int, picks: int) -> Unread | None:
        """Return those that may be of a pool with so many picks of this size, ``None`` if they are few.

        A line tells its pool by the size alone, if at all: what may be of several pools counts in each.
        """
        own = {kind: number for kind, number in self.counts.items() if kind.size in (None, size)}
        is_from_zero = any(kind.what in FROM_ZERO for kind in own)
        return self._if_many(own, picks, min(TOLERATED, OF_ONE_KEY / size) if is_from_zero else TOLERATED)

    def of_no_pool(self, sizes: frozenset[int], picks: int) -> Unread | None:
        """Return those that name a size that no pick has, or that stand in a log without picks."""
        if not picks:
            return self._if_many(self.counts, 0, TOLERATED)
        own = {k: n for k, n in self.counts.items() if k.size is not None and k.size not in sizes}
        return self._if_many(own, picks, TOLERATED)

    def _if_many(self, own: Mapping[UnreadPick, int], picks: int, tolerated: float) -> Unread | None:
        number = sum(own.values()) * self.part
        if not number or number / (number + picks) <= tolerated:
            return None
        if number < FEW and number / (number + picks) <= FEW_SHARE:
            return None
        what: Counter[str] = Counter()
        for kind, lines in own.items():
            what[kind.what] += lines
        return Unread(dict(sorted(what.items())), number / (number + picks))
