"""The hours of a log's span: how long each lasted within it, and how many requests it had."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.traffic.pieces import HOUR_S, MONDAY_S, SECOND_NS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

HOUR_NS: Final = HOUR_S * SECOND_NS
WEEK_HOURS: Final = 168


@dataclass(frozen=True)
class Hours:
    """The UTC hours of a span, the first and the last in part.

    Parameters
    ----------
    begin_ns, end_ns
        The span, nanoseconds since 1970 UTC.
    """

    begin_ns: int
    end_ns: int

    @property
    def span_s(self) -> float:
        """Length of the span in seconds."""
        return (self.end_ns - self.begin_ns) / SECOND_NS

    @cached_property
    def edges(self) -> Integers:
        """Where the hours begin, and the end of the last, within the span; shape (hours + 1,)."""
        full = np.arange(self._first * HOUR_NS, self.end_ns + HOUR_NS, HOUR_NS, dtype=np.int64)
        edges: Integers = np.unique(np.clip(full, self.begin_ns, self.end_ns))
        return edges

    @cached_property
    def lengths_s(self) -> Floats:
        """How long each hour lasted, shape (hours,)."""
        return np.diff(self.edges) / SECOND_NS

    @cached_property
    def of_week(self) -> Integers:
        """Number of each hour in the week, 0 for Monday 00:00; shape (hours,)."""
        return (self._first - MONDAY_S // HOUR_S + np.arange(len(self.edges) - 1)) % WEEK_HOURS

    def exposure_s(self, period: int) -> Floats:
        """Return how long the span was in each hour of the day (24) or of the week (168)."""
        sums = np.bincount(self.of_week % period, weights=self.lengths_s, minlength=period)
        return sums.astype(np.float64)

    def counts(self, times_ns: Integers) -> Integers:
        """Return how many of ascending times are in each hour, shape (hours,); a time at the end counts."""
        places = np.searchsorted(times_ns, self.edges)
        places[-1] = np.searchsorted(times_ns, self.end_ns, "right")
        return np.diff(places)

    def stretched_s(self, times_ns: Integers, weights: Floats) -> Floats:
        """Return times in seconds from the begin, where hours are longer by their weight.

        A Poisson process with this profile is one of constant rate in them. The whole span is as long
        as before.
        """
        since = (self.edges - self.begin_ns).astype(np.float64)
        moments = (times_ns - self.begin_ns).astype(np.float64)
        return np.interp(moments, since, self.stretched_edges_s(weights))

    def stretched_edges_s(self, weights: Floats) -> Floats:
        """Return the edges of the hours, stretched; shape (hours + 1,)."""
        lengths = self.lengths_s * weights[self.of_week % len(weights)]
        edges = np.concatenate(([0.0], np.cumsum(lengths)))
        return np.asarray(edges * (self.span_s / edges[-1]))

    @property
    def _first(self) -> int:
        return self.begin_ns // HOUR_NS
