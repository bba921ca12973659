"""Event tables in place of logs: what `keyrota parse` wrote is read again in a fraction of the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keyrota.errors import InputError
from keyrota.logs.sources import STDIN, Source

if TYPE_CHECKING:
    import pandas as pd

MAGIC: Final = b"PAR1"
FORMAT: Final = "event table"


def is_event_table(source: Source) -> bool:
    """Say whether a source is a Parquet file; what cannot be looked at twice is none."""
    if source.name == STDIN or source.size is None:
        return False
    try:
        with Path(source.name).open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read_event_tables(
    sources: Sequence[Source], on_read: Callable[[int], None] | None
) -> tuple[pd.DataFrame, list[tuple[Source, int, int]]]:
    """Read event tables as one, rows that several of them hold counted once.

    Returns
    -------
    events : pandas.DataFrame
        The table in time order.
    accounts : list
        For each source its rows, and how many of them an earlier one had too.

    Raises
    ------
    InputError
        If a file is no event table.
    """
    import pandas as pd

    from keyrota.events import check_events, read_events

    frames = []
    for source in sources:
        try:
            frames.append(read_events(source.name))
        except InputError as error:
            raise InputError(
                f"{error}; of Parquet files only event tables are read: keyrota parse LOG -o events.parquet"
            ) from None
        if on_read is not None:
            on_read(source.size or 0)
    if len(frames) == 1:
        return frames[0], [(sources[0], len(frames[0]), 0)]
    # Rows of one table are kept as they are: two events may agree in all that is known of them.
    order = pd.concat([frame.groupby(list(frame.columns), observed=True, dropna=False, sort=False).cumcount()
                       for frame in frames], ignore_index=True)  # fmt: skip
    whole = pd.concat(
        [frame.astype({name: object for name in frame.columns if frame[name].dtype == "category"})
         for frame in frames], ignore_index=True,
    )  # fmt: skip
    repeated = whole.assign(order=order).duplicated()
    ends = pd.Series([len(frame) for frame in frames]).cumsum().tolist()
    accounts = [
        (source, len(frame), int(repeated.iloc[end - len(frame) : end].sum()))
        for source, frame, end in zip(sources, frames, ends, strict=True)
    ]
    return check_events(whole[~repeated]), accounts
