"""Which request met which isolate, and how old that was: what the isolates of a log are fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.events import is_of_kind
from keyrota.rotation.alike import order_of
from keyrota.traffic.fit.hours import Integers

Booleans = NDArray[np.bool_]

NEVER: Final = np.iinfo(np.int64).max

OWN_DELAY_NS: Final = 1_000_000_000
"""A request that boots an isolate picks at most so much later, beyond three times the usual."""


@dataclass(frozen=True)
class Meetings:
    """The requests of a function whose isolate is known, by isolate and in time order.

    Parameters
    ----------
    times
        Nanoseconds since 1970 UTC, shape (requests,).
    isolates
        Number of the isolate, 0, 0, ..., 1, ...; shape (requests,).
    first, last
        Places of the first and the last request of each isolate; both -1 of one that booted and met none,
        shape (isolates,).
    born
        When the boot of each isolate began, or its first request where the log does not tell, shape
        (isolates,).
    ready
        When the boot ended, or as `born`; shape (isolates,).
    has_boot
        Whether the log has each one's boot, shape (isolates,).
    cut_off
        When each one ended before its time, `NEVER` of others; shape (isolates,).
    dropped
        When each one ended as usual, `NEVER` of others; shape (isolates,).
    """

    times: Integers
    isolates: Integers
    first: Integers
    last: Integers
    born: Integers
    ready: Integers
    has_boot: Booleans
    cut_off: Integers
    dropped: Integers

    @cached_property
    def has_met(self) -> Booleans:
        """Whether each isolate met a request, shape (isolates,)."""
        return np.asarray(self.first >= 0)

    @cached_property
    def in_time(self) -> Integers:
        """All times, ascending."""
        return np.sort(self.times)

    @cached_property
    def booted_for(self) -> Booleans:
        """Whether each isolate was booted for its first request, as far as the log tells; shape (isolates,).

        One that was booted long before, or that met none, was booted by a call that picks nothing, such
        as a browser's preflight.
        """
        delay = self.times[self.first] - self.ready
        is_told = self.has_boot & self.has_met
        usual = float(np.median(delay[is_told])) if is_told.any() else 0.0
        return np.asarray(self.has_met & (~self.has_boot | (delay <= 3 * usual + OWN_DELAY_NS)))

    @cached_property
    def is_cold(self) -> Booleans:
        """Whether each request is the one that its isolate was booted for, shape (requests,)."""
        cold = np.zeros(len(self.times), dtype=bool)
        cold[self.first[self.booted_for]] = True
        return cold

    @cached_property
    def taking(self) -> Integers:
        """Since when each isolate takes requests that it was not booted for, shape (isolates,)."""
        return np.where(self.booted_for, self.times[self.first], self.ready)

    @cached_property
    def ages(self) -> Integers:
        """Age of the isolate at each request in nanoseconds, at least 0."""
        ages: Integers = np.maximum(self.times - self.born[self.isolates], 0)
        return ages

    @cached_property
    def _by_age(self) -> Integers:
        """The isolates, the first that takes requests first: so a search in time is many times faster."""
        return np.argsort(self.taking)

    def alive(self, chosen: Booleans) -> Alive:
        """Return the chosen isolates to count requests by."""
        own = self._by_age[chosen[self._by_age]]
        before = np.searchsorted(self.in_time, self.taking[own], "right")
        return Alive(self.in_time, self.born[own], self.cut_off[own], before)

    def between(self, since: Integers, until: Integers) -> Integers:
        """Return how many requests came after a moment and up to another, for each pair."""
        upto = np.searchsorted(self.in_time, until, "right") - np.searchsorted(self.in_time, since, "right")
        number: Integers = np.maximum(upto, 0)
        return number


@dataclass(frozen=True)
class Alive:
    """Isolates whose life is in question: their birth, forced end, and the requests before they take any."""

    in_time: Integers
    born: Integers
    cut_off: Integers
    before: Integers
    fixed: int = 0

    def passed(self, life_s: float) -> int:
        """Return how many requests came while each isolate was alive, were its life so long."""
        return self.fixed + int(self._passed_each(life_s).sum())

    def between(self, low_s: float, high_s: float) -> Alive:
        """Return what counts alike for every life from one to another: isolates that differ there alone."""
        least, most = self._passed_each(low_s), self._passed_each(high_s)
        open_ = least != most
        fixed = self.fixed + int(least[~open_].sum())
        return Alive(self.in_time, self.born[open_], self.cut_off[open_], self.before[open_], fixed)

    def _passed_each(self, life_s: float) -> Integers:
        ends = np.minimum(self.born + round(life_s * 1e9), self.cut_off)
        number: Integers = np.maximum(np.searchsorted(self.in_time, ends, "right") - self.before, 0)
        return number


def find_meetings(own: pd.DataFrame, request_times_ns: Integers) -> Meetings:
    """Return which requests met which isolates.

    Parameters
    ----------
    own
        The rows of one function that have a time.
    request_times_ns
        Ascending times of the first pick of each request: later picks of a request say nothing about
        where requests go. Picks of one isolate at one moment are one request's.
    """
    isolates, times = _codes(own, "isolate"), _nanoseconds(own)
    is_meeting = is_of_kind(own, "pick") & (isolates >= 0)
    met_at, met = times[is_meeting], isolates[is_meeting]
    place = np.minimum(np.searchsorted(request_times_ns, met_at), len(request_times_ns) - 1)
    is_first = request_times_ns[place] == met_at
    met_at, met = met_at[is_first], met[is_first]
    order = order_of(met)  # stable: those of one isolate stay in time order
    met_at, met = met_at[order], met[order]
    is_new = np.ones(len(met), dtype=bool)
    is_new[1:] = (met[1:] != met[:-1]) | (met_at[1:] != met_at[:-1])
    met_at, met = met_at[is_new], met[is_new]
    size = int(isolates.max(initial=-1)) + 1

    def moments(rows: Integers, at: Integers) -> Integers:
        """Return the first moment of each isolate, of rows in time order; `NEVER` where there is none."""
        found = np.full(size, NEVER, dtype=np.int64)
        found[isolates[rows[::-1]]] = at[::-1]  # of several written to one place the last stays
        return found

    boots = np.flatnonzero(is_of_kind(own, "boot") & (isolates >= 0))
    ends = np.flatnonzero(is_of_kind(own, "shutdown") & (isolates >= 0))
    took_ns = (np.nan_to_num(own["duration_ms"].to_numpy(dtype=np.float64)[boots]) * 1e6).astype(np.int64)
    is_cut = own["cause"].iloc[ends].isin(_CUT_OFF).to_numpy()
    booted, born = moments(boots, times[boots]), moments(boots, times[boots] - took_ns)
    last = np.cumsum(np.bincount(met, minlength=size)) - 1
    first = np.append(0, last[:-1] + 1)[:size]
    has_met = last >= first
    first_met = np.where(has_met, np.append(met_at, NEVER)[first], NEVER)
    has_boot = (booted != NEVER) & (booted <= first_met)
    known = np.flatnonzero(has_met | has_boot)
    return Meetings(
        times=met_at,
        isolates=(np.cumsum(has_met | has_boot) - 1)[met],
        first=np.where(has_met, first, -1)[known],
        last=np.where(has_met, last, -1)[known],
        born=np.where(has_boot, born, first_met)[known],
        ready=np.where(has_boot, booted, first_met)[known],
        has_boot=has_boot[known],
        cut_off=moments(ends[is_cut], times[ends[is_cut]])[known],
        dropped=moments(ends[~is_cut], times[ends[~is_cut]])[known],
    )


_CUT_OFF: Final = ("EventLoopCompleted", "WallClockTime", "CPUTime", "Memory", "TerminationRequested")


def _codes(events: pd.DataFrame, column: str) -> Integers:
    return np.asarray(events[column].cat.codes, dtype=np.int64)


def _nanoseconds(events: pd.DataFrame) -> Integers:
    return events["time"].to_numpy(dtype="datetime64[ns]").view("int64")
