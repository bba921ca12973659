"""Which call a 429 answers: the last unanswered pick of the same isolate, or several with probabilities.

An error line names no key. In an isolate with one request in flight it answers the last pick; where several
are open, or the log does not tell isolates, each open pick is as probable as the time between its pick and
the error: exponential, with the mean seen where there was no choice. Rows of one millisecond are scrambled by
the platform: there each pick is as probable as the other, unless all were rejected, or the picks are a chain
of next keys, of which the first were.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise, zip_longest
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.quota.rejections import places_of, rejected
from keyrota.rotation.policies import following

CERTAIN: Final = 0.95
"""From this probability on a 429 is taken to answer a call."""

FIRST_LAG_S: Final = 1.0
LEAST_LAG_S: Final = 0.05
"""Mean time from a pick to its 429: until it is measured, and at least."""

LEAST_MEASURED: Final = 10

MOST_OPEN: Final = 32
LONGEST_NS: Final = 600_000_000_000
"""Picks that may still be unanswered: the latest, and none older than a request can be."""

SLACK_NS: Final = 20_000_000
"""Invocations are logged in whole milliseconds, a little after they end."""

MILLISECOND_NS: Final = 1_000_000

LEAST_PROBABILITY: Final = 0.001
"""What is less probable is left out."""

_PICK, _MARK, _DONE = range(3)


@dataclass(frozen=True)
class Attribution:
    """The 429s of one pool, and the picks that each may answer.

    Parameters
    ----------
    rows
        The 429s, as rows of `keyrota.quota.rejections.rejected`.
    rejection, pick, probability
        Shape (pairs,): place among `rows`, index of the pick in the event table, and the probability
        that it is the one. Those of one 429 sum to 1; a 429 without any open pick has none.
    lag_s
        Mean time from a pick to its 429 that the probabilities rest on.
    measured_lag_ns
        The same as measured where there was no choice; 0 if that was too seldom.
    """

    rows: pd.DataFrame
    rejection: NDArray[np.int64]
    pick: NDArray[np.int64]
    probability: NDArray[np.float64]
    lag_s: float
    measured_lag_ns: int = 0

    @property
    def certain_share(self) -> float | None:
        """Share of the 429s that one pick answers with a probability of at least `CERTAIN`."""
        if not len(self.rows):
            return None
        return len(np.unique(self.rejection[self.probability >= CERTAIN])) / len(self.rows)


def attribute(events: pd.DataFrame, picks: NDArray[np.int64]) -> Attribution:
    """Find the picks that the 429s of one pool answer.

    Parameters
    ----------
    events
        The events of one pool, in time order, with their index in the whole table.
    picks
        Index of the picks that made a call.
    """
    rows = rejected(events)
    places = _of_places(events, rows, picks)
    lag_s = FIRST_LAG_S
    found = _Found()
    for _ in range(2):  # with the lag that the first pass measured
        found = _Found()
        for place in places:
            _walk(place, lag_s, found)
        if len(found.lags) < LEAST_MEASURED:
            break
        lag_s = max(LEAST_LAG_S, float(np.mean(found.lags)) / 1e9)
    number = {int(row): place for place, row in enumerate(rows.index)}
    return Attribution(
        rows,
        np.array([number[row] for row in found.rejections], dtype=np.int64),
        np.array(found.picks, dtype=np.int64),
        np.array(found.probabilities, dtype=np.float64),
        lag_s,
        round(float(np.mean(found.lags))) if len(found.lags) >= LEAST_MEASURED else 0,
    )


class _Found:
    """What a pass has found: three parallel lists, and the lags where there was one open pick."""

    def __init__(self) -> None:
        self.rejections: list[int] = []
        self.picks: list[int] = []
        self.probabilities: list[float] = []
        self.lags: list[int] = []

    def add(self, rejection: int, pick: int, probability: float) -> None:
        self.rejections.append(rejection)
        self.picks.append(pick)
        self.probabilities.append(probability)


class _Happened(NamedTuple):
    """What happened at a place: `lasted` is of an invocation, `seat` the position and the size of a pick."""

    what: int
    row: int
    time: int | None
    lasted: int
    seat: tuple[int, int]


def _of_places(events: pd.DataFrame, rows: pd.DataFrame, picks: NDArray[np.int64]) -> list[list[_Happened]]:
    """Return what matters of each place that has a 429, in order."""
    place = places_of(events)
    index = events.index.to_numpy()
    what = np.full(len(events), -1)
    what[np.isin(index, picks)] = _PICK
    what[np.isin(index, rows.index.to_numpy())] = _MARK
    done = (events["kind"] == "invocation") & events["duration_ms"].notna() & events["isolate"].notna()
    # A request that ended in a 429 has had its error: it closes no other pick.
    done &= ~(events["status"] == 429).fillna(False).astype(bool)
    what[done.to_numpy()] = _DONE
    wanted = np.flatnonzero((what >= 0) & np.isin(place, place[what == _MARK]))
    wanted = wanted[np.argsort(place[wanted], kind="stable")]
    own = events.iloc[wanted]
    is_timed = own["time"].notna().tolist()
    times = own["time"].to_numpy(dtype="datetime64[ns]").view("int64").tolist()
    lasted = (own["duration_ms"].fillna(0).to_numpy() * 1e6).astype(np.int64).tolist()
    seats = own[["position", "size"]].fillna(-1).to_numpy(dtype=np.int64).tolist()
    told = [
        _Happened(kind, row, time if timed else None, ns, (seat[0], seat[1]))
        for kind, row, time, timed, ns, seat in zip(
            what[wanted].tolist(), index[wanted].tolist(), times, is_timed, lasted, seats, strict=True
        )
    ]
    cuts = [0, *(np.flatnonzero(np.diff(place[wanted])) + 1).tolist(), len(told)]
    return [_chained(told[first:last]) for first, last in pairwise(cuts) if last > first]


def _chained(place: list[_Happened]) -> list[_Happened]:
    """Put the rows of each scrambled millisecond in order: picks as a chain of next keys, each answered."""
    ordered: list[_Happened] = []
    for time, group in groupby(place, key=lambda row: row.time):
        rows = list(group)
        picks = [row for row in rows if row.what == _PICK]
        marks = [row for row in rows if row.what == _MARK]
        if time is None or time % MILLISECOND_NS or not picks or not marks:
            ordered += rows
            continue
        chain = _chain(picks)
        if chain is None and len(marks) < len(picks):
            ordered += [*picks, *marks, *(row for row in rows if row.what == _DONE)]
            continue
        turns = zip_longest(chain or picks, marks)
        ordered += [row for pair in turns for row in pair if row is not None]
        ordered += [row for row in rows if row.what == _DONE]
    return ordered


def _chain(picks: list[_Happened]) -> list[_Happened] | None:
    """Return picks as the one chain of next keys that they form; ``None`` if they form none, or several."""
    by_position = {pick.seat[0]: pick for pick in picks}
    size = picks[0].seat[1]
    if len(by_position) != len(picks) or len(picks) == size or min(by_position) < 1:
        return None
    first = [p for p in by_position if not any(following(q, size) == p for q in by_position)]
    if len(first) != 1:
        return None
    position, chain = first[0], []
    while position in by_position:
        chain.append(by_position[position])
        position = following(position, size)
    return chain


def _walk(place: list[_Happened], lag_s: float, found: _Found) -> None:
    """Go through one place: open picks are answered by 429s, and closed by the ends of requests."""
    unanswered: list[_Happened] = []
    left: dict[int, float] = {}  # probability that a pick is unanswered, by its row
    for row in place:
        if row.what == _PICK:
            unanswered.append(row)
            left[row.row] = 1.0
            del unanswered[:-MOST_OPEN]
        elif row.what == _DONE and row.time is not None:
            begin = row.time - row.lasted - SLACK_NS
            own = next((pick for pick in unanswered if pick.time is None or pick.time >= begin), None)
            if own is not None:
                unanswered.remove(own)
        elif row.what == _MARK and unanswered:
            _answer(row, unanswered, left, lag_s, found)
            unanswered = [pick for pick in unanswered if left[pick.row] >= LEAST_PROBABILITY]


def _answer(
    mark: _Happened, unanswered: list[_Happened], left: dict[int, float], lag_s: float, found: _Found
) -> None:
    recent = [
        pick
        for pick in unanswered
        if mark.time is None or pick.time is None or mark.time - pick.time <= LONGEST_NS
    ]
    if not recent:
        return
    weights = _weights(mark, recent, lag_s) * [left[pick.row] for pick in recent]
    weights /= weights.sum()
    if len(recent) == 1 and mark.time is not None and recent[0].time is not None:
        found.lags.append(mark.time - recent[0].time)
    for pick, weight in zip(recent, weights.tolist(), strict=True):
        if weight >= LEAST_PROBABILITY:
            found.add(mark.row, pick.row, weight)
        left[pick.row] = max(0.0, left[pick.row] - weight)


def _weights(mark: _Happened, recent: list[_Happened], lag_s: float) -> NDArray[np.float64]:
    """Return the probability that each of the open picks is the one that a 429 answers."""
    made = [pick.time for pick in recent]
    if mark.time is None or None in made:
        # Without times the order alone tells: each pick further back is half as probable.
        logs = np.arange(len(recent)) * np.log(2.0)
    else:
        lags = mark.time - np.array(made, dtype=np.float64)
        logs = -lags / (lag_s * 1e9)
        if mark.time % MILLISECOND_NS and not lags[-1]:
            logs[:-1] = -np.inf  # times so fine that they keep the order
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())
