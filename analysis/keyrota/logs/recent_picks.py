"""The pool of what happened to a call, in a text that names neither isolate nor function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from keyrota.logs.rows import MISSING, NO_TIME, Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

RECENT_NS: Final = 60_000_000_000
RECENT_LINES: Final = 50
"""How far before a row the picks lie that tell its pool, if nothing else does: in time, else in lines."""


def pools_of_recent_picks(
    rows: Rows, picks: NDArray[np.intp], pool: NDArray[np.int32], calls: NDArray[np.intp]
) -> NDArray[np.int32]:
    """Return for each call the one pool of the picks just before it, `MISSING` if there are several or none.

    Parameters
    ----------
    rows
        Of one source.
    picks, calls
        Their indices, in order.
    pool
        Of each pick.
    """
    before = np.searchsorted(picks, calls)
    first = _first_recent(rows, picks, calls, before)
    # Where the run of equal pools begins that the pick just before a call belongs to.
    starts = np.flatnonzero(np.diff(pool, prepend=-2))
    told = np.flatnonzero(first < before)
    newest = before[told] - 1
    run = starts[np.searchsorted(starts, newest, side="right") - 1]
    result = np.full(len(calls), MISSING, dtype=np.int32)
    result[told] = np.where(run <= first[told], pool[newest], MISSING)
    return result


def _first_recent(
    rows: Rows, picks: NDArray[np.intp], calls: NDArray[np.intp], before: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return how many of the picks before each call are no longer recent: a pick that was passed stays so."""
    times = rows.time[picks], rows.time[calls]
    lines = rows.line[picks], rows.line[calls]
    has_times = [(column != NO_TIME).all() for column in times]
    has_no_time = any((column == NO_TIME).all() for column in times)
    if all(has_times) and _are_in_order(*times):
        return np.minimum(np.searchsorted(times[0], times[1] - RECENT_NS), before)
    if has_no_time and _are_in_order(*lines) and (np.append(0, lines[0])[before] <= lines[1]).all():
        return np.minimum(np.searchsorted(lines[0], lines[1] - RECENT_LINES), before)
    return _first_recent_one_by_one(rows, picks, calls, before)


def _are_in_order(*columns: NDArray[np.int64]) -> bool:
    return all(bool((column[1:] >= column[:-1]).all()) for column in columns)


def _first_recent_one_by_one(
    rows: Rows, picks: NDArray[np.intp], calls: NDArray[np.intp], before: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Do the same where some rows have a time and others have none, or lines are in no order."""
    pick_times, pick_lines = rows.time[picks].tolist(), rows.line[picks].tolist()
    first = 0
    result = []
    for time, line, end in zip(
        rows.time[calls].tolist(), rows.line[calls].tolist(), before.tolist(), strict=True
    ):
        while first < end:
            pick_time = pick_times[first]
            if NO_TIME not in (pick_time, time):
                is_recent = time - pick_time <= RECENT_NS
            else:
                is_recent = abs(line - pick_lines[first]) <= RECENT_LINES
            if is_recent:
                break
            first += 1
        result.append(first)
    return np.array(result, dtype=np.intp)
