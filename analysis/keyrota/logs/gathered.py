"""What the records of a source say, and how that of its parts is put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from keyrota.logs.columns import Growing, expected_rows
from keyrota.logs.joined_rows import JoinedRows
from keyrota.logs.rows import MISSING, Rows, constant, looked_up, names_of, new_index, renumbered
from keyrota.logs.unread import UnreadPick, add_unread

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_PLACES: Final = 5
"""How many places of malformed rows are kept."""


@dataclass(slots=True)
class Gathered:
    """What the records of a source, or of a range of it, say one by one, in file order.

    `label` tells for each row which of `key_labels` its key is, `MISSING` if it has a number. `unread` are
    those of the malformed lines that are picks.
    """

    rows: Rows
    lines: int
    malformed: int
    first_malformed: list[tuple[int, str]]
    key_labels: list[str]
    label: NDArray[np.int32]
    unread: Counter[UnreadPick] = field(default_factory=Counter)

    @property
    def used(self) -> int:
        """Lines that became rows."""
        return len(self.rows)

    def hand_over(self) -> Rows:
        """Return the rows; none are left here, so that their memory is free once they were put in order."""
        rows, self.rows = self.rows, Rows.made(0, [], {})
        return rows

    @classmethod
    def of(cls, rows: Rows, lines: int) -> Gathered:
        """Return rows that were read in another way, with the number of lines that they were found in."""
        return cls(rows, lines, 0, [], [], constant("key", len(rows)))

    @classmethod
    def woven(cls, parts: Sequence[Gathered]) -> Gathered:
        """Put together what several readers found in one range: each counts the lines of the whole range."""
        joining = Joining()
        for part in parts:
            joining.add(part, 0)
        whole = joining.done()
        order = np.argsort(whole.rows.line, kind="stable")
        labels = list(dict.fromkeys(whole.label[order].tolist()))
        told = [label for label in labels if label != MISSING]
        lookup = np.full(len(whole.key_labels) + 1, MISSING, dtype=np.int32)
        lookup[told] = np.arange(len(told))
        return cls(
            whole.rows.take(order),
            whole.lines,
            whole.malformed,
            sorted(place for part in parts for place in part.first_malformed)[:FIRST_PLACES],
            [whole.key_labels[label] for label in told],
            lookup[whole.label[order]] if told else whole.label,
            whole.unread,
        )


class Joining:
    """Parts of one source, put together as they come; the first one is not copied if it stays alone."""

    def __init__(self) -> None:
        self._number = 0
        self._alone: tuple[Gathered, float] | None = None
        self._rows = JoinedRows()
        self._labels, self._label = new_index(), Growing("int32")
        self._lines = self._malformed = 0
        self._first_malformed: list[tuple[int, str]] = []
        self._unread: Counter[UnreadPick] = Counter()

    def add(self, part: Gathered, start: int, share: float = 0.0) -> None:
        """Take the next part, whose lines count from so many lines behind the first.

        With it such a share of the source is done with, 0 if that is not known.
        """
        self._number += 1
        if self._number == 1:
            self._alone = part, share
            return
        if self._alone is not None:
            (first, its_share), self._alone = self._alone, None
            self._take(first, 0, its_share)
        self._take(part, start, share)

    def done(self) -> Gathered:
        """Return the whole; nothing is left here."""
        if self._alone is not None:
            return self._alone[0]
        return Gathered(
            self._rows.done(), self._lines, self._malformed, self._first_malformed[:FIRST_PLACES],
            names_of(self._labels), self._label.done(), self._unread,
        )  # fmt: skip

    def _take(self, part: Gathered, start: int, share: float) -> None:
        rows = replace(part.rows, line=part.rows.line + start) if start else part.rows
        expected = expected_rows(len(self._rows) + len(rows), share)
        self._rows.add(rows, expected)
        lookup = renumbered(part.key_labels, self._labels)
        if len(rows):
            self._label.add(looked_up(part.label, lookup), expected)
        self._lines += part.lines
        self._malformed += part.malformed
        for kind, number in part.unread.items():
            add_unread(self._unread, kind, number)
        if len(self._first_malformed) < FIRST_PLACES:
            self._first_malformed += [(line + start, reason) for line, reason in part.first_malformed]
