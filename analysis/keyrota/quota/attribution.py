"""Which call a 429 answers: the last unanswered pick of the same isolate, or several with probabilities.

An error line names no key. In an isolate with one request in flight it answers the last pick; where several
are open, or the log does not tell isolates, each open pick is as probable as the time between its pick and
the error: exponential, with the mean seen where there was no choice. Rows of one millisecond are scrambled by
the platform: there each pick is as probable as the other, unless all were rejected, or the picks are a chain
of next keys, of which the first were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.quota.happened import DONE, MARK, MILLISECOND_NS, MOST_OPEN, PICK, Happened, Told, told_of
from keyrota.quota.rejections import rejected

CERTAIN: Final = 0.95
"""From this probability on a 429 is taken to answer a call."""

FIRST_LAG_S: Final = 1.0
LEAST_LAG_S: Final = 0.05
"""Mean time from a pick to its 429: until it is measured, and at least."""

LEAST_MEASURED: Final = 10

LONGEST_NS: Final = 600_000_000_000
"""No pick is still unanswered that is older than a request can be."""

SLACK_NS: Final = 20_000_000
"""Invocations are logged in whole milliseconds, a little after they end."""

LEAST_PROBABILITY: Final = 0.001
"""What is less probable is left out."""


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
    told = told_of(events, rows, picks)
    is_plain = told.is_plain()
    places = {place: told.happened(place) for place in np.flatnonzero(~is_plain).tolist()}
    lag_s = FIRST_LAG_S
    found = _Found()
    for _ in range(2):  # with the lag that the first pass measured
        found = _all_at_once(told, is_plain, lag_s)
        for number, place in places.items():
            found.place = number
            _walk(place, lag_s, found)
        if len(found.lags) < LEAST_MEASURED:
            break
        lag_s = max(LEAST_LAG_S, float(np.mean(found.in_order(found.lags, found.of_lag))) / 1e9)
    lags = found.in_order(found.lags, found.of_lag)
    marks = found.in_order(found.rejections, found.of_pair)
    return Attribution(
        rows,
        np.searchsorted(rows.index.to_numpy(), marks).astype(np.int64),
        found.in_order(found.picks, found.of_pair).astype(np.int64),
        found.in_order(found.probabilities, found.of_pair).astype(np.float64),
        lag_s,
        round(float(np.mean(lags))) if len(lags) >= LEAST_MEASURED else 0,
    )


class _Found:
    """What a pass has found: parallel lists, the lags where one pick was open, and the place of each."""

    def __init__(self) -> None:
        self.rejections: list[int] = []
        self.picks: list[int] = []
        self.probabilities: list[float] = []
        self.of_pair: list[int] = []
        self.lags: list[int] = []
        self.of_lag: list[int] = []
        self.place = 0

    def add(self, rejection: int, pick: int, probability: float) -> None:
        self.rejections.append(rejection)
        self.picks.append(pick)
        self.probabilities.append(probability)
        self.of_pair.append(self.place)

    def add_lag(self, lag: int) -> None:
        self.lags.append(lag)
        self.of_lag.append(self.place)

    @staticmethod
    def in_order(values: Sequence[float], of: Sequence[int]) -> NDArray[Any]:
        """Return what was found in the order of the places, and within each as it was found."""
        return np.array(values)[np.argsort(np.array(of, dtype=np.int64), kind="stable")]


def _all_at_once(told: Told, chosen: NDArray[np.bool_], lag_s: float) -> _Found:
    """Do what `_walk` does at plain places: the first 429 of each at once, then the second of each."""
    found = _Found()
    place_of = np.repeat(np.arange(len(chosen)), np.diff(told.cuts))
    is_mark = told.what == MARK
    so_far = np.cumsum(is_mark)
    nth = so_far - 1 - np.append(0, so_far)[told.cuts[:-1]][place_of]
    marks = np.flatnonzero(is_mark & chosen[place_of])
    marks = marks[np.argsort(nth[marks], kind="stable")]
    left = np.ones(len(told.what))  # probability that a pick is unanswered
    left[is_mark] = 0.0
    for turn in np.split(marks, np.flatnonzero(np.diff(nth[marks])) + 1):
        _answer_at_once(told, turn, place_of[turn], left, lag_s, found)
    return found


def _answer_at_once(
    told: Told,
    mark: NDArray[np.int64],
    place: NDArray[np.int64],
    left: NDArray[np.float64],
    lag_s: float,
    found: _Found,
) -> None:
    """Answer one 429 of each of some places, as `_answer` does."""
    begin = told.cuts[place]
    # A place with more picks has one 429, after them all.
    first = np.where(told.pick_counts[place] > MOST_OPEN, np.maximum(begin, mark - MOST_OPEN), begin)
    number = mark - first
    of = np.repeat(np.arange(len(mark)), number)
    pick = np.arange(int(number.sum())) - np.repeat(np.cumsum(number) - number, number) + first[of]
    lags = told.times[mark][of] - told.times[pick]
    is_open = (left[pick] >= LEAST_PROBABILITY) & (lags <= LONGEST_NS)
    of, pick, lags = of[is_open], pick[is_open], lags[is_open]
    if not len(of):
        return
    begins = np.flatnonzero(np.diff(of, prepend=-1))
    number = np.diff(np.append(begins, len(of)))
    # As `_weights` has them: of floats, which hold times to a quarter of a microsecond.
    logs = -(told.times[mark][of] - told.times[pick].astype(np.float64)) / (lag_s * 1e9)
    weights = np.exp(logs - np.repeat(np.maximum.reduceat(logs, begins), number))
    weights /= np.repeat(np.add.reduceat(weights, begins), number)
    weights *= left[pick]
    weights /= np.repeat(np.add.reduceat(weights, begins), number)
    left[pick] = np.maximum(0.0, left[pick] - weights)
    is_lag = np.repeat(number == 1, number)
    found.lags += lags[is_lag].tolist()
    found.of_lag += place[of[is_lag]].tolist()
    kept = weights >= LEAST_PROBABILITY
    found.rejections += told.row[mark[of[kept]]].tolist()
    found.picks += told.row[pick[kept]].tolist()
    found.probabilities += weights[kept].tolist()
    found.of_pair += place[of[kept]].tolist()


def _walk(place: list[Happened], lag_s: float, found: _Found) -> None:
    """Go through one place: open picks are answered by 429s, and closed by the ends of requests."""
    unanswered: list[Happened] = []
    left: dict[int, float] = {}  # probability that a pick is unanswered, by its row
    for row in place:
        if row.what == PICK:
            unanswered.append(row)
            left[row.row] = 1.0
            del unanswered[:-MOST_OPEN]
        elif row.what == DONE and row.time is not None:
            begin = row.time - row.lasted - SLACK_NS
            own = next((pick for pick in unanswered if pick.time is None or pick.time >= begin), None)
            if own is not None:
                unanswered.remove(own)
        elif row.what == MARK and unanswered:
            _answer(row, unanswered, left, lag_s, found)
            unanswered = [pick for pick in unanswered if left[pick.row] >= LEAST_PROBABILITY]


def _answer(
    mark: Happened, unanswered: list[Happened], left: dict[int, float], lag_s: float, found: _Found
) -> None:
    recent = [
        pick
        for pick in unanswered
        if mark.time is None or pick.time is None or mark.time - pick.time <= LONGEST_NS
    ]
    if not recent:
        return
    if len(recent) == 1:
        (only,) = recent
        if mark.time is not None and only.time is not None:
            found.add_lag(mark.time - only.time)
        found.add(mark.row, only.row, 1.0)
        left[only.row] = max(0.0, left[only.row] - 1.0)
        return
    weights = _weights(mark, recent, lag_s) * [left[pick.row] for pick in recent]
    weights /= weights.sum()
    for pick, weight in zip(recent, weights.tolist(), strict=True):
        if weight >= LEAST_PROBABILITY:
            found.add(mark.row, pick.row, weight)
        left[pick.row] = max(0.0, left[pick.row] - weight)


def _weights(mark: Happened, recent: list[Happened], lag_s: float) -> NDArray[np.float64]:
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
