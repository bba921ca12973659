"""What keyrota does with the same files: the one place that knows how it is called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from keyrota.logs import gathering

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

THREADS: Final = (1, 2)
"""The numbers of threads that are measured."""

# The small file that warms a process up is to be scanned as the large one is.
gathering.SCAN_BYTES = 1  # type: ignore[misc]

NUMBERS: Final = ("key", "position", "size", "status")


def read(paths: list[Path], threads: int) -> pd.DataFrame:
    """Return the event table of some logs, end to end: told apart, read, put in order, pools named."""
    from keyrota.logs.read import read as read_logs
    from keyrota.workers import Workers

    with Workers(threads) as workers:
        return read_logs(paths, workers=workers).events


def scan(paths: list[Path], threads: int) -> pa.Table:
    """Return the events as they stand in the logs: file to table and nothing more, as the others do."""
    import pyarrow as pa

    from keyrota.logs.grammar import DEFAULT_RULES
    from keyrota.logs.sources import find_sources
    from keyrota.workers import Workers

    tables = []
    with Workers(threads) as workers:
        for _, outcome in gathering.gathered_from(find_sources(paths), DEFAULT_RULES, workers):
            if isinstance(outcome, Exception):
                raise outcome
            tables.append(_table(outcome[1].rows))
    return pa.concat_tables(tables).unify_dictionaries() if len(tables) > 1 else tables[0]


def _table(rows: object) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    from keyrota.logs.rows import MISSING, NO_TIME, ROW_KINDS, Rows

    assert isinstance(rows, Rows)
    # Lines of an error's body are joined to it later.
    events = np.flatnonzero(rows.kind != ROW_KINDS.index("fragment"))

    def column(name: str) -> Any:
        values = np.asarray(getattr(rows, name))
        return values if len(events) == len(values) else values.take(events)

    numbers = {name: column(name) for name in NUMBERS}
    columns = {name: pa.array(values, mask=values == MISSING) for name, values in numbers.items()}
    isolates, times, durations = column("isolate"), column("time"), column("duration_ms")
    codes = pa.array(isolates, mask=isolates == MISSING)
    return pa.table({
        "time": pa.array(times, mask=times == NO_TIME).view(pa.timestamp("ns")),
        "kind": pa.DictionaryArray.from_arrays(pa.array(column("kind")), pa.array(ROW_KINDS)),
        "isolate": pa.DictionaryArray.from_arrays(codes, pa.array(rows.names, pa.string())),
        "duration_ms": pa.array(durations, mask=np.isnan(durations)),
        **columns,
    })  # fmt: skip
