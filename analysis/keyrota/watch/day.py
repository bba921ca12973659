"""What a pool has used of its Pacific day, and when the rest is used at the rate of the last hour."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import msgspec

from keyrota.quota.days import pacific_midnights
from keyrota.watch.windows import HOUR_NS


@dataclass(frozen=True, slots=True)
class Budget:
    """A day's budget, of a pool or of a key.

    Parameters
    ----------
    used
        Picks on the current Pacific day.
    limit
        Requests a day; ``None`` if none is declared.
    ends_ns
        When the budget runs out at the rate of the last hour, in nanoseconds since 1970 UTC; ``None`` if
        that is not before the reset.
    resets_ns
        When the next day begins.
    """

    used: int
    limit: int | None
    ends_ns: int | None
    resets_ns: int

    @property
    def used_ratio(self) -> float | None:
        """Share of the budget that is used, which may exceed 1; ``None`` without a limit."""
        return None if not self.limit else self.used / self.limit


class PacificDay(msgspec.Struct):
    """Counts on one Pacific day, which is that of the newest moment; what belongs to an earlier one is late.

    Parameters
    ----------
    start_ns, end_ns
        The day, its end not included: 23, 24 or 25 hours.
    counts
        By label.
    """

    start_ns: int = 0
    end_ns: int = 0
    counts: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, time_ns: int, label: str, number: int = 1) -> None:
        """Count a label at a moment."""
        if time_ns >= self.end_ns:
            self.turn(time_ns)
        if time_ns >= self.start_ns:
            self.counts[label] = self.counts.get(label, 0) + number

    def turn(self, now_ns: int) -> None:
        """Begin the day of a moment, if it is a later one."""
        if now_ns >= self.end_ns:
            start, end, *_ = pacific_midnights(now_ns, now_ns).tolist()
            self.start_ns, self.end_ns, self.counts = start, end, {}

    def totals(self) -> Counter[str]:
        """Return the counts by label, those above 0."""
        return +Counter(self.counts)


def budget(*, used: int, last_hour: int, limit: int | None, now_ns: int, resets_ns: int) -> Budget:
    """Return what is used and when the rest is, if the last hour goes on.

    Parameters
    ----------
    used, last_hour
        Picks on this day and within the last hour.
    limit
        Requests a day, if declared.
    now_ns, resets_ns
        The moment, and the next reset, in nanoseconds.

    Examples
    --------
    >>> budget(used=40, last_hour=10, limit=50, now_ns=0, resets_ns=10 * HOUR_NS).ends_ns == HOUR_NS
    True
    """
    ends = None
    if limit is not None and used >= limit:
        ends = now_ns
    elif limit is not None and last_hour:
        moment = now_ns + (limit - used) * HOUR_NS // last_hour
        ends = moment if moment < resets_ns else None
    return Budget(used, limit, ends, resets_ns)
