"""The 429s of a log, each once: errors, and the attempts that a retry line says failed with one.

One failed attempt may leave several lines: the line that announces the retry, the line that gives up, the
error itself. The platform's own 429s and those of the application's limits are invocations, not
rejections, and are not counted here.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.events import is_of_kind

GIVES_UP_NS: Final = 5_000_000_000
"""The error of an attempt comes at most so long after the line that gives up."""

SAME_ATTEMPT_NS: Final = 50_000_000
"""An error and a retry line of one isolate this close tell of one attempt, if no pick lies between."""


def rejected(events: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each 429, index kept.

    A retry line with a delay is a 429 of its own, unless the error of the same attempt stands beside it. A
    line that gives up is one only where the error that should follow is missing.

    Parameters
    ----------
    events
        Event table, or some rows of one, in time order.

    Examples
    --------
    >>> from keyrota.events import make_events
    >>> kinds = ["pick", "retry", "pick", "retry", "rejection"]
    >>> columns = {"kind": kinds, "status": [None, 429, None, 429, 429], "isolate": ["i"] * 5}
    >>> columns |= {"retry_after_s": [None, 1.0, None, None, None], "time": [0, 1, 2, 3, 4]}
    >>> rejected(make_events(columns)).index.tolist()
    [1, 4]
    """
    is_rejection = is_of_kind(events, "rejection")
    is_retry = is_of_kind(events, "retry")
    if is_retry.any():
        is_retry &= (events["status"] == 429).fillna(False).to_numpy(dtype=bool)
    marks = np.flatnonzero(is_rejection | is_retry)
    if not is_retry.any():
        return events.iloc[marks]
    place = places_of(events)
    picks_before = _picks_before(place, is_of_kind(events, "pick"))
    announces = is_retry & events["retry_after_s"].notna().to_numpy()
    order = marks[np.argsort(place[marks], kind="stable")]
    times = _nanoseconds(events)
    is_extra = np.zeros(len(events), dtype=bool)
    before, after = order[:-1], order[1:]
    together = (place[before] == place[after]) & (picks_before[before] == picks_before[after])
    apart = times[after] - times[before]
    for one, other in ((before, after), (after, before)):
        is_error = is_rejection[other]
        close = np.where(announces[one], SAME_ATTEMPT_NS, GIVES_UP_NS)
        is_extra[one[together & is_retry[one] & is_error & (apart <= close)]] = True
    return events.iloc[marks[~is_extra[marks]]]


def not_the_providers(events: pd.DataFrame, rejections: pd.DataFrame) -> int:
    """Return how many invocations were answered with a 429 that no 429 of the provider stands behind.

    They are the platform's, or the application's own limits. Only invocations that name their isolate are
    judged.

    Parameters
    ----------
    events
        Event table.
    rejections
        What `rejected` returns of it.
    """
    answered = events[(events["kind"] == "invocation") & (events["status"] == 429).fillna(False)]
    answered = answered[answered["isolate"].notna()]
    if answered.empty:
        return 0
    answers = answered["isolate"].value_counts()
    behind = rejections["isolate"].value_counts().reindex(answers.index, fill_value=0)
    return int((answers - behind).clip(lower=0).sum())


def places_of(events: pd.DataFrame) -> NDArray[np.int64]:
    """Return a number for where each row happened: its isolate, else its source and function."""
    isolate = np.asarray(events["isolate"].cat.codes, dtype=np.int64)
    if (isolate >= 0).all():
        return isolate
    source = np.asarray(events["source"].cat.codes, dtype=np.int64) + 1
    function = np.asarray(events["function"].cat.codes, dtype=np.int64) + 1
    elsewhere = -1 - (source * (int(function.max(initial=0)) + 1) + function)
    return np.where(isolate >= 0, isolate, elsewhere)


def _picks_before(place: NDArray[np.int64], is_pick: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count for each row the picks before it at its place."""
    order = np.argsort(place, kind="stable")
    made = np.cumsum(is_pick[order])
    first = np.flatnonzero(np.diff(place[order], prepend=place[order[0]] - 1 if len(order) else 0))
    starts: NDArray[np.int64] = np.repeat(
        made[first] - is_pick[order][first], np.diff(np.append(first, len(order)))
    )
    result = np.empty(len(order), dtype=np.int64)
    result[order] = made - starts
    return result


def _nanoseconds(events: pd.DataFrame) -> NDArray[np.int64]:
    """Return the times; rows without one count as together with what is beside them."""
    times = events["time"]
    filled = times.ffill().bfill()
    return np.where(filled.notna(), filled.to_numpy(dtype="datetime64[ns]").view("int64"), 0)
