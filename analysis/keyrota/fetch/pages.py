"""Paging by time: every row of a span once, whatever its density, and however many share an instant.

The oldest rows are asked for first, and each page goes on behind the last row of the one before. A page
of as many rows as were asked for has more behind it; so may one that is as long as the longest so far,
since the API's own limit may be lower. A span that is full is asked for in shorter parts, because the
platform counts the bytes that a query scans.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keyrota.display import count
from keyrota.errors import InputError
from keyrota.fetch.answers import TooLongError
from keyrota.fetch.rows import Row, checked_rows, query_of
from keyrota.fetch.times import HOUR, MINUTE, iso

if TYPE_CHECKING:
    from keyrota.fetch.client import Api

PAGE_ROWS: Final = 1000
"""Rows that the API gives at most."""

WIDEST: Final = 23 * HOUR
"""The longest span of one query: the API allows 24 hours, and rounds to minutes."""

NARROWEST: Final = MINUTE


@dataclass(frozen=True, slots=True)
class Page:
    """Rows that no page before it had, and the time up to which there is nothing more to ask for."""

    rows: list[Row]
    done_us: int
    notes: tuple[str, ...] = ()


class Pager:
    """Asks for the rows of one kind; remembers between spans how long the API's pages are."""

    def __init__(self, api: Api, kind: str) -> None:
        self._api, self._kind = api, kind
        self._limit = PAGE_ROWS
        self._longest = 1
        self._width = WIDEST

    def pages(self, start_us: int, end_us: int) -> Iterator[Page]:
        """Yield the rows of a span, in order of time.

        Raises
        ------
        KeyrotaError
            As `Api.query` and `checked_rows`, and if more rows share one instant than can be told apart.
        """
        at, after = start_us, None
        known: set[str] = set()  # keys of the rows that came and have the time `at`
        while at < end_us:
            to = min(end_us, at + self._width)
            rows, notes = self._asked(at, to, after)
            new = [row for row in rows if row.key not in known]
            is_full = len(rows) >= self._limit
            may_go_on = is_full or len(rows) >= self._longest
            self._longest = max(self._longest, len(rows))
            if is_full and not new:
                raise InputError(
                    f"{count(len(rows), 'row')} or more have the time {iso(at)}, and their ids do not tell "
                    f"them apart; go on behind them with --since {iso(at + 1)}"
                )
            if is_full:
                self._width = min(WIDEST, max(NARROWEST, 2 * (rows[-1].time_us - at)))
            elif not may_go_on:
                self._width = min(WIDEST, 2 * self._width)
            if new and may_go_on:
                known = known if rows[-1].time_us == at else set()
                after, at = rows[-1], rows[-1].time_us
                known = known | {row.key for row in new if row.time_us == at}
            else:
                # A page of known rows alone: their time is finer than the one they are shown with.
                after, at, known = None, at + 1 if may_go_on else to, set()
            yield Page(new, at, notes)

    def _asked(self, at: int, to: int, after: Row | None) -> tuple[list[Row], tuple[str, ...]]:
        while True:
            sql = query_of(self._kind, at, to, after, self._limit)
            # Whole minutes, which the API's rounding leaves alone; one more before, because some of its
            # engines leave the first instant out.
            first, last = at // MINUTE * MINUTE - MINUTE, -(-to // MINUTE) * MINUTE
            try:
                answer = self._api.query(sql, first, last)
            except TooLongError:
                if self._limit == 1:
                    raise InputError(
                        f"the API's answer of a single row is too long to be taken, at {iso(at)}; go on "
                        f"behind it with --since {iso(at + 1)}"
                    ) from None
                self._limit = max(1, self._limit // 8)
                continue
            return checked_rows(answer.rows, at, to), answer.notes
