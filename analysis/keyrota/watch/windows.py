"""Counts by label in the last minute and the last hour, in bounded memory."""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec

from keyrota.quota.days import SECOND_NS
from keyrota.quota.windows import MINUTE_NS

HOUR_NS: Final = 60 * MINUTE_NS


class RecentCounts(msgspec.Struct):
    """How often each label came in a span that ends now, to the width of a step.

    What lies in the step of `now` counts, and in the steps before it that make up the span. What is in the
    future of `now` counts as now: clocks differ.

    Parameters
    ----------
    step_ns
        Width of a step in nanoseconds.
    steps
        Number of steps in the span.
    counts
        By number of the step, then by label.
    newest
        The newest step; what is older than the span before it is forgotten.
    """

    step_ns: int
    steps: int
    counts: dict[int, dict[str, int]] = msgspec.field(default_factory=dict)
    newest: int = 0

    def add(self, time_ns: int, label: str, number: int = 1) -> None:
        """Count a label at a moment, in any order of times."""
        step = time_ns // self.step_ns
        of_step = self.counts.get(step)
        if of_step is None:
            if step > self.newest:
                self.newest = step
                if len(self.counts) > 2 * self.steps:
                    self._forget()
            elif step <= self.newest - self.steps:
                return
            of_step = self.counts[step] = {}
        of_step[label] = of_step.get(label, 0) + number

    def totals(self, now_ns: int) -> Counter[str]:
        """Return the count of each label in the span that ends now; labels without any are left out."""
        first = now_ns // self.step_ns - self.steps + 1
        found: Counter[str] = Counter()
        for step, of_step in self.counts.items():
            if step >= first:
                found.update(of_step)
        return +found

    def of(self, label: str, now_ns: int) -> int:
        """Return the count of one label in the span that ends now."""
        first = now_ns // self.step_ns - self.steps + 1
        return sum(of_step.get(label, 0) for step, of_step in self.counts.items() if step >= first)

    def _forget(self) -> None:
        first = self.newest - self.steps
        self.counts = {step: of_step for step, of_step in self.counts.items() if step > first}


def last_minute() -> RecentCounts:
    """Return counts of the last 60 s, to the second."""
    return RecentCounts(SECOND_NS, 60)


def last_hour() -> RecentCounts:
    """Return counts of the last hour, to the minute."""
    return RecentCounts(MINUTE_NS, 60)
