"""The place in the rotation of picks whose line names the key alone: it depends on all keys of the pool.

A reading fills it in from the keys that it has seen. A store cannot keep that: an export of a quiet hour has
seen fewer. So the store leaves it open, and it is filled in from all that is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keyrota.logs.duplicates import Marks
from keyrota.logs.enrich import places_of
from keyrota.logs.rows import KIND_CODES, MISSING

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def numbers(column: pd.Series[Any]) -> NDArray[np.int64]:
    """Return a column of whole numbers, `MISSING` where there is none."""
    return column.to_numpy(dtype=np.int64, na_value=MISSING)


def is_filled_in(events: pd.DataFrame, marks: Marks) -> NDArray[np.bool_]:
    """Return which events are picks whose place is not what their line says.

    The hash of what the line says tells it.
    """
    position = numbers(events["position"])
    result: NDArray[np.bool_] = (marks.kind == KIND_CODES["pick"]) & (position != MISSING)
    places = np.flatnonzero(result)
    some = marks.take(places)
    none = np.full(len(places), MISSING)
    said = Marks.made(
        some.time, some.kind, some.row_id, numbers(events["key"])[places], none, none,
        numbers(events["status"])[places],
    )  # fmt: skip
    result[places] = said.content == some.content
    return result


def with_places(
    events: pd.DataFrame, pools: NDArray[np.integer[Any]], orders: Mapping[int, Sequence[int]]
) -> pd.DataFrame:
    """Fill in the place of picks that have none but name a key.

    The order that a pool has counts, if it holds the keys that were seen; else these, in order of their
    numbers.

    Parameters
    ----------
    events
        Event table.
    pools
        A number for the pool of each event.
    orders
        The keys of a pool in order, by its number.
    """
    is_open = (events["kind"] == "pick").to_numpy() & events["position"].isna().to_numpy()
    is_open &= events["key"].notna().to_numpy()
    if not is_open.any():
        return events
    key, position, size = (numbers(events[name]) for name in ("key", "position", "size"))
    for pool in np.unique(pools[is_open]).tolist():
        own = is_open & (pools == pool)
        position[own], size[own] = places_of(key[own], orders.get(pool, ()))
    return events.assign(position=_filled(events["position"], position), size=_filled(events["size"], size))


def _filled(column: pd.Series[Any], values: NDArray[np.int64]) -> pd.Series[Any]:
    import pandas as pd

    array = pd.arrays.IntegerArray(values.astype(np.int32), values == MISSING)
    return pd.Series(array, index=column.index)
