"""The evidence of a log about limits: likelihoods of what was rejected and what passed.

The provider is taken to reject a call whose window is full, but for errors of the log: clocks differ, calls
are under way when a minute ends, lines are lost. A 429 of a call that had room has probability
`UNEXPECTED`, a call that passes a full window `LENIENT`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.events import CAUSES
from keyrota.quota.attribution import CERTAIN
from keyrota.quota.calls import NO_CAUSE

UNEXPECTED: Final = 0.01
LENIENT: Final = 0.05

STRONG: Final = float(np.log(1000.0))
"""A likelihood ratio from which one explanation is preferred."""

_MINUTE, _DAY, _UNKNOWN = (CAUSES.index(name) for name in ("per-minute", "per-day", "unknown"))


@dataclass(frozen=True)
class Outcomes:
    """What became of some calls, arrays of shape (calls,): which a window of a minute, or a day, may explain.

    Parameters
    ----------
    passed
        Calls that surely passed.
    by_minute, by_day
        Calls that surely got a 429 that the minute, or the day, may have caused: as stated, or both where
        the log states none.
    """

    passed: NDArray[np.bool_]
    by_minute: NDArray[np.bool_]
    by_day: NDArray[np.bool_]

    def at(self, places: NDArray[np.int64]) -> Outcomes:
        """Return those of some calls."""
        return Outcomes(self.passed[places], self.by_minute[places], self.by_day[places])

    @property
    def parts(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """The three arrays."""
        return self.passed, self.by_minute, self.by_day

    @property
    def is_told(self) -> NDArray[np.bool_]:
        """Calls that say something about requests a minute and a day."""
        return self.passed | self.by_minute | self.by_day


def outcomes_of(
    rejected: NDArray[np.float64], causes: NDArray[np.int64], is_whole_day: NDArray[np.bool_]
) -> Outcomes:
    """Return what became of calls; those for want of tokens or of any quota tell nothing here.

    A 429 that the day may have caused tells nothing either where the log begins within that day.
    """
    is_rejected = rejected >= CERTAIN
    by_minute = is_rejected & (causes == _MINUTE)
    by_day = is_rejected & (causes == _DAY) & is_whole_day
    either = is_rejected & ((causes == _UNKNOWN) | (causes == NO_CAUSE)) & is_whole_day
    return Outcomes(rejected <= 1 - CERTAIN, by_minute | either, by_day | either)


def log_likelihood(outcomes: Outcomes, minute_full: NDArray[np.bool_], day_full: NDArray[np.bool_]) -> float:
    """Return the log-likelihood of what became of calls, given which windows were full.

    A 429 is expected where the window of its stated cause is full; a call passes where none is.
    """
    expected = (outcomes.by_minute & minute_full) | (outcomes.by_day & day_full)
    is_rejected = outcomes.by_minute | outcomes.by_day
    full = minute_full | day_full
    return (
        int(np.count_nonzero(expected)) * float(np.log(1 - LENIENT))
        + int(np.count_nonzero(is_rejected & ~expected)) * float(np.log(UNEXPECTED))
        + int(np.count_nonzero(outcomes.passed & full)) * float(np.log(LENIENT))
        + int(np.count_nonzero(outcomes.passed & ~full)) * float(np.log(1 - UNEXPECTED))
    )


def by_limit(
    counted: NDArray[np.float64], passed: NDArray[np.bool_], is_rejected: NDArray[np.bool_], most: int
) -> NDArray[np.float64]:
    """Return the log-likelihood of every limit from 1 to `most`, shape (most,).

    Parameters
    ----------
    counted
        What a window had counted before each call.
    passed, is_rejected
        What became of it; calls that are neither say nothing.
    most
        The largest limit.
    """
    place = (counted + 0.5).astype(np.int64)  # of counts, which are not negative
    np.minimum(place, most, out=place)
    passes = np.bincount(place[passed], minlength=most + 1)[: most + 1]
    refusals = np.bincount(place[is_rejected], minlength=most + 1)[: most + 1]
    # With a limit l the window is full from a count of l on.
    passed_room, rejected_room = np.cumsum(passes)[:-1], np.cumsum(refusals)[:-1]
    return np.asarray(
        passed_room * np.log(1 - UNEXPECTED)
        + rejected_room * np.log(UNEXPECTED)
        + (passes.sum() - passed_room) * np.log(LENIENT)
        + (refusals.sum() - rejected_room) * np.log(1 - LENIENT)
    )
