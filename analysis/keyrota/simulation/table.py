"""A trace as the event table: what the logs of the simulated application would tell.

No more than a log tells: a rejection does not name its key, and whole milliseconds stand for boots and
requests. So every analysis of logs runs on a simulated day unchanged.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from keyrota.quota.windows import PER_DAY
from keyrota.simulation import trace as t
from keyrota.simulation.setting import Setting

if TYPE_CHECKING:
    import pandas as pd

SOURCE: Final = "simulation"
"""What stands in the column `source`; `line` counts the rows."""

_KINDS: Final = np.array(["boot", "pick", "rejection", "invocation", "shutdown"], dtype=object)
_REASONS: Final = np.array(["EarlyDrop", "TerminationRequested"], dtype=object)


def event_table(setting: Setting, trace: NDArray[np.int64], seed: np.random.SeedSequence) -> pd.DataFrame:
    """Return the event table of one run.

    Beside what the trace holds there are the lines that an application prints with it: the pool's name
    after a pick, and an isolate's server that listens when its boot is done.

    Parameters
    ----------
    setting
        The scenario in integers.
    trace
        Of `keyrota.simulation.trace`.
    seed
        The run's seed: names of isolates follow from it, and differ between runs.

    Returns
    -------
    pandas.DataFrame
        A checked event table (`keyrota.events`) in time order.
    """
    from keyrota.events import make_events

    rows = _with_companions(trace)
    kind, key = rows[:, t.KIND], rows[:, t.KEY]
    is_pick, is_rejection = kind == t.PICK, kind == t.REJECTION
    is_companion = rows[:, t.STATUS] == _COMPANION
    names = _KINDS[kind]
    names[is_pick & is_companion] = "pool"
    names[(kind == t.BOOT) & is_companion] = "listening"
    is_told_pick = is_pick & ~is_companion
    keys = setting.keys
    pools = np.array([pool.name for pool in setting.scenario.pools], dtype=object)
    of_function = np.array([function.pool for function in setting.functions])
    columns: dict[str, Any] = {
        "time": rows[:, t.TIME].tolist(),
        "kind": names,
        "pool": pools[of_function[rows[:, t.FUNCTION]]],
        "key": _where(is_told_pick, [row.key for row in keys], key),
        "position": _where(is_told_pick, [row.position for row in keys], key),
        "size": _where(is_pick, [row.size for row in keys], key),
        "function": np.array([f.name for f in setting.functions], dtype=object)[rows[:, t.FUNCTION]],
        "isolate": _isolates(setting, rows, seed),
        "model": _where(is_rejection, [row.model for row in keys], key),
        "status": _or_none((kind == t.INVOCATION) | is_rejection, rows[:, t.STATUS]),
        "cause": _causes(rows),
        "limit": _where(
            is_rejection,
            [row.per_minute for row in keys] + [row.per_day for row in keys],
            key + len(keys) * (rows[:, t.CAUSE] == PER_DAY),
        ),
        "retry_after_s": _or_none(is_rejection, rows[:, t.VALUE] / 1e9),
        "duration_ms": _or_none(
            ((kind == t.BOOT) & ~is_companion) | (kind == t.INVOCATION), np.round(rows[:, t.VALUE] / 1e6)
        ),
        "source": [SOURCE] * len(rows),
        "line": np.arange(1, len(rows) + 1),
    }
    return make_events(columns, rows=len(rows))


_COMPANION: Final = -1
"""Stands in the status of a line that goes with another."""


def _with_companions(trace: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows in the order of their lines.

    A boot is logged when it is done, an isolate's end when its last request is: what is ended takes no
    more requests, but finishes those that it has.
    """
    rows = trace.copy()
    is_boot, is_end = rows[:, t.KIND] == t.BOOT, rows[:, t.KIND] == t.SHUTDOWN
    rows[is_boot, t.TIME] += rows[is_boot, t.VALUE]
    _, isolate = np.unique(rows[:, [t.FUNCTION, t.ISOLATE]], axis=0, return_inverse=True)
    last = np.full(len(rows), np.iinfo(np.int64).min)
    np.maximum.at(last, isolate.reshape(-1), rows[:, t.TIME])
    rows[is_end, t.TIME] = last[isolate.reshape(-1)[is_end]]
    has_companion = is_boot | (rows[:, t.KIND] == t.PICK)
    rows = np.repeat(rows, 1 + has_companion, axis=0)
    second = np.cumsum(1 + has_companion)[has_companion] - 1
    rows[second, t.STATUS] = _COMPANION
    rank = np.select([rows[:, t.KIND] == t.BOOT, rows[:, t.KIND] == t.SHUTDOWN], [0, 2], 1)
    return rows[np.lexsort((rank, rows[:, t.TIME]))]


def _where(wanted: NDArray[np.bool_], values: list[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    chosen: NDArray[Any] = np.array([*values, None], dtype=object)[np.where(wanted, places, -1)]
    return chosen


def _or_none(wanted: NDArray[np.bool_], values: NDArray[Any]) -> NDArray[Any]:
    told: NDArray[Any] = values.astype(object)
    told[~wanted] = None
    return told


def _causes(rows: NDArray[np.int64]) -> NDArray[Any]:
    causes = np.full(len(rows), None, dtype=object)
    is_rejection, is_end = rows[:, t.KIND] == t.REJECTION, rows[:, t.KIND] == t.SHUTDOWN
    causes[is_rejection] = np.where(rows[is_rejection, t.CAUSE] == PER_DAY, "per-day", "per-minute")
    causes[is_end] = _REASONS[rows[is_end, t.VALUE]]
    return causes


def _isolates(setting: Setting, rows: NDArray[np.int64], seed: np.random.SeedSequence) -> NDArray[Any]:
    pairs, inverse = np.unique(rows[:, [t.FUNCTION, t.ISOLATE]], axis=0, return_inverse=True)
    root = hashlib.sha256(f"{seed.entropy}/{seed.spawn_key}".encode()).digest()
    names = [
        None if number < 0 else _isolate_id(root, setting.functions[function].name, int(number))
        for function, number in pairs
    ]
    return np.array([*names, None], dtype=object)[inverse.reshape(-1)]


def _isolate_id(root: bytes, function: str, number: int) -> str:
    digest = hashlib.sha256(root + f"{function}/{number}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))
