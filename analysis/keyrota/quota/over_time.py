"""How a pool was used over time: per hour and Pacific day, and when shares of keys or 429s changed."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.events import CAUSES, is_of_kind
from keyrota.quota.calls import Calls
from keyrota.quota.change_points import ChangePoint, rejections_change, shares_change
from keyrota.quota.days import PACIFIC
from keyrota.quota.windows import MINUTE_NS
from keyrota.rotation.alike import places_in, unique_numbers
from keyrota.rotation.runs import Runs

HOUR_NS: Final = 3_600_000_000_000
MOST_KEYS: Final = 50
"""Keys that have a column of their own; the picks of all others are in the last column."""

OTHER_KEYS: Final = -2


@dataclass(frozen=True)
class Periods:
    """What happened in each hour or day that has a pick or a 429, in the order of time.

    Parameters
    ----------
    starts_ns
        Begin of each, nanoseconds since 1970 UTC, shape (periods,).
    picks
        Number of picks, shape (periods,).
    keys
        Key numbers, or positions where the log tells no key, by their number of picks: the first
        `MOST_KEYS`, then `OTHER_KEYS` if there are more; -1 for picks that tell neither.
    picks_of_key
        Shape (periods, keys).
    rejections
        Number of 429s, by their own time, shape (periods,).
    causes
        The stated causes that occur.
    rejections_of_cause
        Shape (periods, causes).
    peak_of_key
        Most calls of one key in a calendar minute UTC that begins in the period, shape (periods,).
    day_peak_of_key
        Most calls of one key from Pacific midnight to the end of the period, shape (periods,).
    """

    starts_ns: NDArray[np.int64]
    picks: NDArray[np.int64]
    keys: tuple[int, ...]
    picks_of_key: NDArray[np.int64]
    rejections: NDArray[np.int64]
    causes: tuple[str, ...]
    rejections_of_cause: NDArray[np.int64]
    peak_of_key: NDArray[np.int64]
    day_peak_of_key: NDArray[np.int64]

    def counts_of(self, times_ns: NDArray[np.int64], names: Sequence[str]) -> list[dict[str, int]]:
        """Count named events, such as 429s by cause, in each period.

        Parameters
        ----------
        times_ns
            Nanoseconds since 1970 UTC, none before the first period, shape (events,).
        names
            What each is.

        Returns
        -------
        list
            For each period the names that occur in it, in order, with how often.
        """
        found: list[dict[str, int]] = [{} for _ in self.starts_ns]
        at = np.searchsorted(self.starts_ns, times_ns, side="right") - 1
        for (place, name), number in sorted(Counter(zip(at.tolist(), names, strict=True)).items()):
            found[place][name] = number
        return found

    @property
    def rejected_share(self) -> NDArray[np.float64]:
        """429s per pick, at most 1; NaN in a period without picks."""
        share = np.full(len(self.picks), np.nan)
        np.divide(self.rejections, self.picks, out=share, where=self.picks > 0)
        return np.asarray(np.minimum(share, 1.0), dtype=np.float64)


@dataclass(frozen=True)
class OverTime:
    """One pool over time; a change point is the largest change, beyond chance or not (see its p-value)."""

    hours: Periods
    days: Periods
    shares: ChangePoint | None
    rejections: ChangePoint | None


def over_time(
    events: pd.DataFrame,
    calls: Calls,
    *,
    alpha: float,
    rng: np.random.Generator,
    runs: Runs | None = None,
) -> OverTime:
    """Tell how one pool was used over time, and whether and when that changed.

    Parameters
    ----------
    events
        Event table of one pool, in time order; events without a time are left out.
    calls
        Its calls.
    alpha
        Level that the p-values of the change points must be able to reach.
    rng
        Of their permutations.
    runs
        Its runs at its main size, if they have been found.

    Returns
    -------
    OverTime
        A change point is ``None`` where there is no valid unit to compare, or too little data: see
        `shares_change` and `rejections_change` for what they test and when that does not hold.

    Examples
    --------
    >>> from keyrota.events import make_events
    >>> from keyrota.quota.calls import find_calls
    >>> table = make_events({"kind": ["pick"] * 3, "key": [1, 2, 1], "time": [0, 1, 2 * HOUR_NS]})
    >>> of_time = over_time(table, find_calls(table), alpha=1e-3, rng=np.random.default_rng(1))
    >>> of_time.hours.picks.tolist(), of_time.hours.picks_of_key.tolist(), of_time.days.picks.tolist()
    ([2, 1], [[1, 1], [1, 0]], [3])
    """
    hours = _hours(events, calls)
    return OverTime(
        hours,
        _days(hours),
        shares_change(events, alpha=alpha, rng=rng, runs=runs),
        rejections_change(events, calls, alpha=alpha, rng=rng),
    )


def _hours(events: pd.DataFrame, calls: Calls) -> Periods:
    is_pick = is_of_kind(events, "pick") & events["time"].notna().to_numpy()
    picks = events.loc[is_pick, ["time", "key", "position"]]
    marks = calls.attribution.rows
    marks = marks[marks["time"].notna().to_numpy()]
    picked, marked = (
        rows["time"].to_numpy(dtype="datetime64[ns]").view("int64") // HOUR_NS for rows in (picks, marks)
    )
    hours = np.union1d(unique_numbers(picked)[0], unique_numbers(marked)[0])
    at_pick, at_mark = places_in(hours, picked), places_in(hours, marked)
    own = picks["key"].fillna(picks["position"]).fillna(-1).to_numpy(dtype=np.int64)
    found, number = unique_numbers(own)
    keys = found[np.argsort(-number, kind="stable")][:MOST_KEYS]
    if len(keys) < len(found):
        own = np.where(np.isin(own, keys), own, OTHER_KEYS)
        keys = np.append(keys, OTHER_KEYS)
    stated = marks["cause"].astype(object).where(marks["cause"].notna(), "unknown").to_numpy()
    causes = tuple(cause for cause in CAUSES if (stated == cause).any())
    at_cause = np.array([causes.index(cause) if cause in causes else -1 for cause in stated], dtype=np.int64)
    return Periods(
        hours * HOUR_NS,
        np.bincount(at_pick, minlength=len(hours)).astype(np.int64),
        tuple(keys.tolist()),
        _table(at_pick, _places_among(own, keys), len(hours), len(keys)),
        np.bincount(at_mark, minlength=len(hours)).astype(np.int64),
        causes,
        _table(at_mark, at_cause, len(hours), len(causes)),
        _peaks(calls, hours),
        _day_peaks(calls, hours),
    )


def _peaks(calls: Calls, hours: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the most calls of one key in a calendar minute of each hour, shape (hours,)."""
    chosen = calls.is_timed & (calls.keys >= 0)
    keys = calls.keys[chosen]
    width = int(keys.max(initial=0)) + 1  # keys are 32 bits, minutes less: their product fits
    found, number = unique_numbers(calls.times[chosen] // MINUTE_NS * width + keys)
    peaks = np.zeros(len(hours), dtype=np.int64)
    np.maximum.at(peaks, np.searchsorted(hours, found // width * MINUTE_NS // HOUR_NS), number)
    return peaks


def _day_peaks(calls: Calls, hours: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the most calls of one key from Pacific midnight to the end of each hour, shape (hours,)."""
    chosen = calls.is_timed & (calls.keys >= 0)
    keys = calls.keys[chosen]
    width = int(keys.max(initial=0)) + 1
    at = places_in(hours, calls.times[chosen] // HOUR_NS)
    pairs, number = unique_numbers(at * width + keys)
    hour, key = pairs // width, pairs % width
    _, day = _pacific_days(hours * HOUR_NS)
    order = np.lexsort((hour, key, day[hour]))
    hour, key, number = hour[order], key[order], number[order]
    so_far = np.cumsum(number)
    is_first = np.diff(key, prepend=-1).astype(bool) | np.diff(day[hour], prepend=-1).astype(bool)
    before = (so_far - number)[is_first][np.cumsum(is_first) - 1]
    peaks = np.zeros(len(hours), dtype=np.int64)
    np.maximum.at(peaks, hour, so_far - before)
    # The key that leads need not be called in every hour.
    for begin, end in itertools.pairwise([*np.flatnonzero(np.diff(day, prepend=-1)).tolist(), len(day)]):
        np.maximum.accumulate(peaks[begin:end], out=peaks[begin:end])
    return peaks


def _places_among(values: NDArray[np.int64], among: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of each value in a list that holds them all."""
    order = np.argsort(among)
    return np.asarray(order[places_in(among[order], values)], dtype=np.int64)


def _table(at: NDArray[np.int64], column: NDArray[np.int64], rows: int, columns: int) -> NDArray[np.int64]:
    """Count by row and column; what has no column, -1, is left out."""
    own = column >= 0
    counted = np.bincount(at[own] * columns + column[own], minlength=rows * columns)
    return counted.reshape(rows, columns).astype(np.int64)


def _pacific_days(times_ns: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the midnights before some times, and for each time the place of its own."""
    local = pd.DatetimeIndex(times_ns, tz="UTC").tz_convert(PACIFIC)
    midnights, day = np.unique(local.normalize().as_unit("ns").asi8, return_inverse=True)
    return midnights, day


def _days(hours: Periods) -> Periods:
    """Put hours together: Pacific days begin and end with one."""
    starts, day = _pacific_days(hours.starts_ns)

    def summed(counts: NDArray[np.int64]) -> NDArray[np.int64]:
        result = np.zeros((len(starts), *counts.shape[1:]), dtype=np.int64)
        np.add.at(result, day, counts)
        return result

    def largest(counts: NDArray[np.int64]) -> NDArray[np.int64]:
        result = np.zeros(len(starts), dtype=np.int64)
        np.maximum.at(result, day, counts)
        return result

    return Periods(
        starts, summed(hours.picks), hours.keys, summed(hours.picks_of_key), summed(hours.rejections),
        hours.causes, summed(hours.rejections_of_cause),
        largest(hours.peak_of_key), largest(hours.day_peak_of_key),
    )  # fmt: skip
