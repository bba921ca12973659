"""The arrivals of a log: when its requests reached a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyrota.display import shown
from keyrota.errors import InputError
from keyrota.traffic.arrivals import Replay

if TYPE_CHECKING:
    import pandas as pd


def replay_of(events: pd.DataFrame, function: str | None = None) -> Replay:
    """Return the arrival times of a log.

    Invocation rows tell when a request was answered and how long it took. Where there is none with a
    duration, the picks stand for the requests: later by a boot, and several where a request picks more
    than once.

    Parameters
    ----------
    events
        An event table (`keyrota.events`).
    function
        Only the requests of this function; ``None`` for all.

    Raises
    ------
    InputError
        If there is neither, or their rows have no time.

    Examples
    --------
    >>> from keyrota.events import make_events
    >>> columns = {"kind": ["invocation"], "time": [2_000_000_000], "duration_ms": [500.0]}
    >>> replay_of(make_events(columns)).times_ns
    (1500000000,)
    """
    own = events if function is None else events[events["function"] == function]
    own = own[own["time"].notna()]
    answered = own[(own["kind"] == "invocation") & own["duration_ms"].notna()]
    rows = answered if len(answered) else own[own["kind"] == "pick"]
    if not len(rows):
        of = "" if function is None else f" of function {shown(function)}"
        raise InputError(f"the log has no request{of} with a time: no invocation and no pick to replay")
    times = rows["time"].to_numpy(dtype="datetime64[ns]").view("int64")
    if len(answered):
        times = times - (rows["duration_ms"].to_numpy() * 1e6).round().astype("int64")
    times.sort()
    return Replay(times_ns=tuple(times.tolist()))
