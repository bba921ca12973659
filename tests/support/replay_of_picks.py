"""The picks of a log, or of a simulated day, called against declared limits: what should have been rejected.

The windows are those of the simulation, so that a prediction and a log are held to one meaning of a limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError
from keyrota.pools.declared import Pool
from keyrota.quota.days import pacific_midnights
from keyrota.quota.projects import quotas
from keyrota.quota.windows import (
    ADMITTED,
    PER_DAY,
    PER_MINUTE,
    WINDOWS,
    call,
    day_number,
    day_state,
    window_state,
)

if TYPE_CHECKING:
    import pandas as pd

ANSWERS: Final = {ADMITTED: None, PER_MINUTE: "per-minute", PER_DAY: "per-day"}


def replay(
    events: pd.DataFrame, pools: Iterable[Pool], *, window: str = "fixed", charge_rejected: bool = False
) -> pd.Series[str]:
    """Call every pick against the limits of its key, and return what each would have been answered.

    One call for each pick, at its time; a call that the application did not make (the first of two picks
    of a request) is counted all the same.

    Parameters
    ----------
    events
        An event table (`keyrota.events`).
    pools
        The declaration; keys of one project and model share a quota.
    window
        How a minute counts: see `keyrota.quota.windows.WINDOWS`.
    charge_rejected
        Whether rejected calls count.

    Returns
    -------
    pandas.Series
        ``"per-minute"`` or ``"per-day"`` where the call is rejected, missing where it passes; index that
        of the picks with a time whose key is declared.

    Raises
    ------
    ConfigurationError
        If the window is unknown.

    Examples
    --------
    >>> from keyrota.events import make_events
    >>> from keyrota.pools.declared import Quota
    >>> columns = {"kind": ["pick"] * 3, "key": [1, 1, 1], "time": [0, 1, 60_000_000_000]}
    >>> pool = Pool(name="CHAT", keys=(1,), quota=Quota(per_minute=1))
    >>> replay(make_events(columns), [pool]).tolist()
    [None, 'per-minute', None]
    """
    import pandas as pd

    if window not in WINDOWS:
        raise ConfigurationError(f"window {shown(window)} is unknown; there are {listed(list(WINDOWS))}")
    kind = WINDOWS.index(window)
    quota_of_key, limits = quotas(pools)
    minutes = [window_state(kind, minute) for minute, _ in limits]
    days = [day_state() for _ in limits]
    picks = events[(events["kind"] == "pick") & events["time"].notna() & events["key"].isin(quota_of_key)]
    times = picks["time"].to_numpy(dtype="datetime64[ns]").view("int64").tolist()
    midnights = pacific_midnights(times[0], times[-1]) if times else np.empty(0, dtype=np.int64)
    answers = []
    for time, key in zip(times, picks["key"].tolist(), strict=True):
        quota = quota_of_key[key]
        minute_limit, day_limit = limits[quota]
        answer = call(
            kind, minute_limit, minutes[quota], day_limit, days[quota], day_number(midnights, time), time,
            charge_rejected,
        )  # fmt: skip
        answers.append(ANSWERS[answer])
    return pd.Series(answers, index=picks.index, dtype=object)
