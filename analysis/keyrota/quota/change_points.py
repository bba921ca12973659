"""When the shares of the keys, or the share of 429s, changed, and whether a restart was the cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.quota.calls import Calls
from keyrota.quota.days import PACIFIC
from keyrota.quota.restarts import NO_TIME, restart_signs
from keyrota.quota.scan import Scan, draws_for, is_drawn, likelihood_ratio, scan_runs, scan_units
from keyrota.rotation.alike import order_of, places_in, unique_numbers, unique_rows
from keyrota.rotation.runs import Runs, find_runs

LEAST_RUNS: Final = 10
"""Isolates on either side of a change of the shares."""

LEAST_PICKS_OF_KEY: Final = 5
"""Picks on either side of it, for each key of the pool."""

MOST_KEYS: Final = 100
"""Larger pools are not scanned."""

MOST_SPLITS: Final = 500
"""Moments at which a change is looked for, before the best is refined."""

MOST_DRAWN_SPLITS: Final = 100
"""The same where sums are drawn: half are evenly spread, half grow denser towards both ends."""

LEAST_DAYS: Final = 8
"""Pacific days with calls from which a change of the 429s gets a p-value; fewer are only described."""

LEAST_SIDE_DAYS: Final = 2
LEAST_SIDE_CALLS: Final = 30
"""On either side of a change of the 429s."""

_HOUR_NS: Final = 3_600_000_000_000
_MOST_CELLS: Final = 20_000_000
"""Runs x keys; of more runs every second, third, ... is taken."""


@dataclass(frozen=True)
class ChangePoint:
    """The largest change over time of the shares of the keys or of the share of 429s.

    Parameters
    ----------
    time_ns
        When: the first pick of the first isolate, or the first hour, of the new regime.
    what
        ``"shares"`` or ``"rejections"``.
    keys
        What the shares are of: key numbers, or positions where no key is known; empty for 429s.
    before, after
        Shares before and after it, one for each key; of the 429s one.
    p_value
        Probability of so large a change anywhere by chance, (b + 1) / (m + 1); ``None`` where no valid test
        exists and the change is only described.
    is_restart
        Whether it falls together with a restart of the isolates, as a deployment makes one.
    signs
        By what that was seen, in words.
    """

    time_ns: int
    what: Literal["shares", "rejections"]
    keys: tuple[int, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    p_value: float | None
    is_restart: bool
    signs: tuple[str, ...]

    def is_beyond_chance(self, alpha: float) -> bool:
        """Say whether chance makes so large a change with a probability below `alpha`."""
        return self.p_value is not None and self.p_value < alpha


def shares_change(
    events: pd.DataFrame, *, alpha: float, rng: np.random.Generator, runs: Runs | None = None
) -> ChangePoint | None:
    """Find the largest change of the shares of the keys.

    The units are isolates in the order of their first pick. That their starts have one law all the time is
    tested by permuting the starts among them (`keyrota.quota.scan.scan_runs`): it holds under the declared
    rotation and under any constant fault. A change of the run lengths alone is none. Isolates are known by
    id, or in a local log by their ``Listening on`` line; where the log does not tell them no unit is valid
    and there is no answer. Of a pool whose size changed only the picks of its main size are compared.

    Parameters
    ----------
    events
        Event table of one pool.
    alpha, rng
        Of the permutations.
    runs
        Its runs at its main size, if they have been found.

    Returns
    -------
    ChangePoint or None
        ``None`` if isolates or times are not known, on one key, on more than `MOST_KEYS`, or with too little
        on either side of every split.
    """
    runs = runs or next(iter(find_runs(events).values()), None)
    if runs is None or not 1 < runs.size <= MOST_KEYS:
        return None
    first, last = runs.first, runs.first + runs.lengths - 1
    row_times = events["time"].to_numpy(dtype="datetime64[ns]").view("int64")
    at = places_in(events.index.to_numpy(), runs.rows)
    times = row_times[at]
    kept = np.flatnonzero(runs.has_runs & (times[first] != NO_TIME) & (times[last] != NO_TIME))
    kept = kept[order_of(at[first[kept]])]
    kept = kept[:: 1 + len(kept) * runs.size // _MOST_CELLS]
    if not len(kept):
        return None
    starts, shapes = starts_and_shapes(runs, kept)
    made = np.cumsum(shapes.sum(axis=1))
    least = LEAST_PICKS_OF_KEY * runs.size
    possible = np.arange(LEAST_RUNS, len(kept) - LEAST_RUNS + 1)
    possible = possible[(made[possible - 1] >= least) & (made[-1] - made[possible - 1] >= least)]
    if not len(possible):
        return None
    draws = draws_for(alpha)
    splits = _splits(possible, len(kept), runs.size, is_drawn=is_drawn(shapes, draws))
    scan = scan_runs(starts, shapes, splits, rng=rng, draws=draws)
    counts = np.cumsum(_turned(starts, shapes), axis=0).astype(np.float64)
    split = _refined(counts, splits, scan, possible)
    before, after = counts[split - 1], counts[-1] - counts[split - 1]
    time = int(times[first[kept[split]]])
    near = times[first[kept[[max(0, split - LEAST_RUNS), min(len(kept) - 1, split + LEAST_RUNS)]]]]
    signs = restart_signs(events, times[first[kept]], times[last[kept]], split, time, near)
    keys = _keys_at(runs.positions, events["key"].to_numpy(dtype=np.int64, na_value=-1)[at], runs.size)
    return ChangePoint(
        time, "shares", keys, _shares(before), _shares(after), scan.p_value,
        bool(signs), signs,
    )  # fmt: skip


def rejections_change(
    events: pd.DataFrame, calls: Calls, *, alpha: float, rng: np.random.Generator
) -> ChangePoint | None:
    """Find the largest change of the share of 429s.

    429s cluster, and both traffic and limits follow the clock: neither picks, nor minutes, nor hours are
    exchangeable. Pacific days are the least units that may be, as daily limits begin anew with each, and are
    permuted from `LEAST_DAYS` of them on. Not quite so are the days at both ends, which may be cut, and
    weekdays: a rhythm of weeks makes the test careful rather than false. A slow trend is found as well and is
    no sudden change. With fewer days the largest change between hours is described, without a p-value.

    Returns
    -------
    ChangePoint or None
        ``None`` without 429s, or with too few calls on either side of every split.
    """
    times, rejected = calls.times[calls.is_timed], calls.rejected[calls.is_timed]
    if not rejected.sum():
        return None
    hours, _ = unique_numbers(times // _HOUR_NS)
    at = places_in(hours, times // _HOUR_NS)
    counts = np.stack((np.bincount(at, rejected), np.bincount(at, 1 - rejected)), axis=1)
    local = pd.DatetimeIndex(hours * _HOUR_NS, tz="UTC").tz_convert(PACIFIC).normalize().as_unit("ns").asi8
    day_begins = np.flatnonzero(np.diff(local, prepend=-1))  # among the hours
    every = _enough(np.cumsum(counts.sum(axis=1)), 1)
    of_days = np.add.reduceat(counts, day_begins, axis=0)
    by_day = _enough(np.cumsum(of_days.sum(axis=1)), LEAST_SIDE_DAYS)
    running: NDArray[np.float64] = np.cumsum(counts, axis=0, dtype=np.float64)
    p_value = None
    if len(day_begins) >= LEAST_DAYS and len(by_day):
        scan = scan_units(of_days, by_day, rng=rng, draws=draws_for(alpha))
        p_value = scan.p_value
        # The hour is looked for in the two days around the midnight that was found.
        day = int(by_day[scan.split])
        begin, end = day_begins[day - 1], [*day_begins, len(hours)][day + 1]
        every = every[(every > begin) & (every <= end)]
        every = every if len(every) else day_begins[[day]]
    if not len(every):
        return None
    ratios = likelihood_ratio(running[every - 1], running[-1] - running[every - 1])
    split = int(every[ratios.argmax()])
    before, after = running[split - 1], running[-1] - running[split - 1]
    time = int(hours[split]) * _HOUR_NS
    near = np.array([time - _HOUR_NS, time + _HOUR_NS])
    signs = restart_signs(events, np.array([], np.int64), np.array([], np.int64), 0, time, near)
    return ChangePoint(
        time, "rejections", (), _shares(before)[:1], _shares(after)[:1], p_value, bool(signs), signs
    )


def starts_and_shapes(runs: Runs, chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the 0-based starts of some runs, and their picks by distance from the start.

    Examples
    --------
    >>> from keyrota.events import make_events
    >>> columns = {"kind": ["pick"] * 3, "isolate": list("aab"), "position": [2, 1, 1], "size": [2] * 3}
    >>> starts_and_shapes(find_runs(make_events(columns))[2], np.array([0, 1]))
    (array([1, 0]), array([[1, 1],
           [1, 0]]))
    """
    place = np.full(len(runs.basis), -1)
    place[chosen] = np.arange(len(chosen))
    own = place[runs.run] >= 0
    starts = runs.positions[runs.first] - 1
    distance = (runs.positions - 1 - starts[runs.run]) % runs.size
    cells = place[runs.run[own]] * runs.size + distance[own]
    shapes = np.bincount(cells, minlength=len(chosen) * runs.size).reshape(-1, runs.size)
    return starts[chosen], shapes.astype(np.int64)


def _splits(possible: NDArray[np.int64], units: int, size: int, *, is_drawn: bool) -> NDArray[np.int64]:
    """Return the moments that are tried first.

    The moment nearest to a change has nearly all of its statistic: even steps, and where sums are drawn,
    which costs more, fewer of them, and steps that shrink with the shorter side towards both ends.
    """
    most = min(MOST_SPLITS, max(20, 50_000 // size**2))
    if not is_drawn or most <= MOST_DRAWN_SPLITS:
        even = np.linspace(0, len(possible) - 1, most)
        return np.asarray(possible[np.unique(even.astype(int))], dtype=np.int64)
    half = MOST_DRAWN_SPLITS // 2
    even = np.linspace(0, len(possible) - 1, half)
    first, last = possible[[0, -1]]
    odds = np.geomspace(first / (units - first), last / (units - last), half)
    edges = np.clip(np.rint(units * odds / (1 + odds)) - first, 0, len(possible) - 1)
    places = np.concatenate((even, edges))
    return np.asarray(possible[np.unique(places.astype(int))], dtype=np.int64)


def _turned(starts: NDArray[np.int64], shapes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the picks of each run by position."""
    at = (np.arange(shapes.shape[1]) - starts[:, None]) % shapes.shape[1]
    return np.asarray(np.take_along_axis(shapes, at, axis=1), dtype=np.int64)


def _refined(
    counts: NDArray[np.float64], splits: NDArray[np.int64], scan: Scan, possible: NDArray[np.int64]
) -> int:
    """Return the split with the largest change between the neighbours of the one that was found."""
    low, high = splits[max(0, scan.split - 1)], splits[min(len(splits) - 1, scan.split + 1)]
    near = possible[(possible >= low) & (possible <= high)]
    return int(near[likelihood_ratio(counts[near - 1], counts[-1] - counts[near - 1]).argmax()])


def _enough(running: NDArray[np.float64], units: int) -> NDArray[np.int64]:
    """Return the splits with enough calls and units on either side."""
    splits = np.arange(units, len(running) - units + 1, dtype=np.int64)
    enough = running[splits - 1] >= LEAST_SIDE_CALLS
    enough &= running[-1] - running[splits - 1] >= LEAST_SIDE_CALLS
    return np.asarray(splits[enough], dtype=np.int64)


def _keys_at(positions: NDArray[np.int64], keys: NDArray[np.int64], size: int) -> tuple[int, ...]:
    """Return the key that is named most at each position; where none is, the position."""
    pairs, number = unique_rows(np.stack((positions, np.where(keys < 0, positions, keys))).T)
    order = np.argsort(number, kind="stable")  # the most frequent key of a position is set last
    most = dict(pairs[order].tolist())
    return tuple(most.get(place, place) for place in range(1, size + 1))


def _shares(counts: NDArray[np.float64]) -> tuple[float, ...]:
    total = counts.sum()
    return tuple((counts / total if total else counts).tolist())
