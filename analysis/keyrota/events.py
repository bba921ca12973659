"""The event table: the only thing that passes between reading, simulating and judging.

A pandas DataFrame in time order (stable; file order where times are missing or equal). A parsed
log and a simulated day have the same columns, so that every analysis runs on both. No raw text is
kept: what a column holds is a number, a time, or a name from a bounded pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError, InputError
from keyrota.name_columns import name_column

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd
    from numpy.typing import NDArray

    from keyrota.name_columns import Names

COLUMNS: Final[Mapping[str, str]] = {
    "time": "datetime64[ns, UTC]",
    "kind": "category",
    "pool": "category",
    "key": "Int32",
    "position": "Int32",
    "size": "Int32",
    "function": "category",
    "isolate": "category",
    "model": "category",
    "status": "Int16",
    "cause": "category",
    "limit": "Int64",
    "retry_after_s": "float64",
    "duration_ms": "float64",
    "source": "category",
    "line": "Int64",
}
"""Name and dtype of every column, in order."""

KINDS: Final = (
    "pick",  # a key was chosen
    "pool",  # the line that names the pool of the pick before it
    "rejection",  # a 429 of the provider
    "retry",  # a call is tried again; the attempt before it failed with `status`
    "boot",  # an isolate was created
    "listening",  # an isolate's server is up: the only mark of a new isolate in local logs
    "shutdown",  # an isolate ended; `cause` is the runtime's reason
    "invocation",  # a request to a function
    "warning",  # an invalid key format, an overloaded model, another failed call
)

CAUSES: Final = (
    # of a rejection
    "per-minute", "per-day", "tokens-per-minute", "no-quota", "unknown",
    # of a warning
    "invalid-key-format", "overloaded", "failed-call",
    # of a shutdown
    "EventLoopCompleted", "EarlyDrop", "WallClockTime", "CPUTime", "Memory", "TerminationRequested",
)  # fmt: skip

_CALCULATED: Final = frozenset("=+-@\t\r\x00\uff1d\uff0b\uff0d\uff20'")
"""First characters of a cell that a spreadsheet may calculate, and the apostrophe that guards them."""

_GUARD: Final = re.compile(f"^'(?=[{re.escape(''.join(sorted(_CALCULATED)))}])")

NO_TIME: Final = int(np.iinfo("int64").min)
"""What stands for a missing time among nanoseconds."""


def make_events(columns: Mapping[str, Iterable[Any]], *, rows: int | None = None) -> pd.DataFrame:
    """Build an event table from plain sequences; missing columns are filled with missing values.

    Parameters
    ----------
    columns
        Column name to values, all of one length, ``None`` where missing. ``time`` may hold
        integers (nanoseconds since 1970 UTC) or anything that pandas reads as a time.
    rows
        Number of rows, needed only when `columns` is empty.

    Returns
    -------
    pandas.DataFrame
        The checked table in time order: stable, a row without a time stays behind the row before it
        in its source, and sources without any time come last.

    Raises
    ------
    ConfigurationError
        If a column is unknown or a kind or cause is not one of `KINDS` and `CAUSES`.

    Examples
    --------
    >>> events = make_events({"kind": ["pick"], "key": [3], "position": [1], "size": [4]})
    >>> events["key"].tolist()
    [3]
    """
    import pandas as pd

    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise ConfigurationError(
            f"event table: unknown column {listed([shown(n) for n in unknown])}; "
            f"the columns are {listed(list(COLUMNS), limit=99)}"
        )
    data = {name: list(values) for name, values in columns.items()}
    rows = len(next(iter(data.values()))) if data else rows or 0
    frame = pd.DataFrame(
        {name: _series(dtype, data.get(name, [None] * rows)) for name, dtype in COLUMNS.items()}
    )
    return check_events(frame)


def typed_events(columns: Mapping[str, NDArray[Any]], categories: Mapping[str, Names]) -> pd.DataFrame:
    """Build an event table from typed arrays in time order, without an object for a value.

    Parameters
    ----------
    columns
        Every column of `COLUMNS` but for those that hold nothing. Times are nanoseconds since 1970 UTC, or
        `NO_TIME`; a negative whole number is a missing one.
    categories
        For each column of names, what its codes stand for: see `keyrota.name_columns.name_column`.

    Returns
    -------
    pandas.DataFrame
        What `make_events` gives for the same values in this order, which is not changed: see
        `time_order`.
    """
    import pandas as pd

    rows = len(next(iter(columns.values())))
    frame: dict[str, Any] = {}
    for name, dtype in COLUMNS.items():
        values = columns.get(name)
        if dtype == "category":
            codes = _whole(values, -1, "int8", rows) if values is None else values
            frame[name] = name_column(codes, categories.get(name, ()))
        elif dtype.startswith("datetime"):
            times = _whole(values, NO_TIME, "int64", rows)
            frame[name] = pd.DatetimeIndex(times.view("datetime64[ns]"), tz="UTC")
        elif dtype == "float64":
            frame[name] = _whole(values, np.nan, dtype, rows)
        else:
            numbers = _whole(values, -1, dtype.lower(), rows)
            frame[name] = pd.arrays.IntegerArray(numbers, numbers < 0)
    return pd.DataFrame(frame, copy=False)


def time_order(times: NDArray[np.int64], sources: NDArray[Any]) -> NDArray[np.intp] | None:
    """Return the order of an event table's rows, ``None`` if they are in order.

    Stable; a row without a time stays behind the row before it in its source, and sources without any
    time come last.

    Parameters
    ----------
    times
        Nanoseconds since 1970 UTC, or `NO_TIME`.
    sources
        A number for the source of each row.
    """
    missing = times == NO_TIME
    if missing.all():
        return None
    if missing.any():
        import pandas as pd

        by_source = pd.Series(times.view("datetime64[ns]")).groupby(sources)
        filled = by_source.ffill()
        filled = filled.where(filled.notna(), by_source.bfill())
        times = filled.to_numpy(dtype="datetime64[ns]").view("int64")
        # A missing time is the smallest number of its type; a source without any goes to the end.
        times = np.where(times == NO_TIME, np.iinfo("int64").max, times)
    if (times[1:] >= times[:-1]).all():
        return None
    return np.argsort(times, kind="stable")


def check_events(events: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the exact columns and dtypes in time order, or say what is wrong with it.

    Raises
    ------
    ConfigurationError
        If a column is missing, cannot be converted, or holds a kind or cause that is not known.
    """
    missing = [name for name in COLUMNS if name not in events.columns]
    if missing:
        raise ConfigurationError(
            f"event table: no column {listed(missing)}; make one with keyrota.read_logs or "
            "keyrota.events.make_events"
        )
    frame = events[list(COLUMNS)].reset_index(drop=True)
    for name, dtype in COLUMNS.items():
        if str(frame[name].dtype) != dtype:
            try:
                frame[name] = _series(dtype, frame[name])
            except (TypeError, ValueError) as error:
                raise ConfigurationError(
                    f"event table: column {name} cannot be read as {dtype}: {error}"
                ) from error
    for name, allowed in (("kind", KINDS), ("cause", CAUSES)):
        odd = [str(v) for v in frame[name].cat.categories if v not in allowed]
        if odd:
            raise ConfigurationError(
                f"event table: unknown {name} {listed([shown(v) for v in odd])}; "
                f"allowed are {listed(list(allowed), limit=99)}"
            )
    return _in_time_order(frame)


def is_of_kind(events: pd.DataFrame, *kinds: str) -> NDArray[np.bool_]:
    """Return whether each row is of one of these kinds."""
    column = events["kind"].cat
    # A missing code finds the last place of a table.
    return np.array([*(name in kinds for name in column.categories), False])[column.codes.to_numpy()]


def of_kind(events: pd.DataFrame, *kinds: str) -> pd.DataFrame:
    """Return the rows of these kinds, index kept."""
    return events[is_of_kind(events, *kinds)]


def between(
    events: pd.DataFrame, since: pd.Timestamp | None = None, until: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Return the events with ``since <= time < until``; events without a time are left out.

    With neither bound, all events are kept.
    """
    keep = np.ones(len(events), dtype=bool)
    if since is not None:
        keep &= (events["time"] >= since).to_numpy()
    if until is not None:
        keep &= (events["time"] < until).to_numpy()
    return events[keep].reset_index(drop=True)


def write_events(events: pd.DataFrame, path: Path, file_format: str) -> None:
    """Write the table as ``parquet``, ``csv`` or ``ndjson`` (times as ISO 8601 UTC)."""
    if file_format == "parquet":
        events.to_parquet(path, index=False)
        return
    plain = events.assign(time=iso_times(events["time"]))
    if file_format == "csv":
        for name in plain.columns[plain.dtypes == "category"]:
            plain[name] = plain[name].cat.rename_categories(_guarded)
        plain.to_csv(path, index=False, lineterminator="\n")
    elif file_format == "ndjson":
        plain.to_json(path, orient="records", lines=True, force_ascii=False)
    else:
        raise ConfigurationError(f"event table: format {shown(file_format)} is not parquet, csv or ndjson")


def _guarded(name: str) -> str:
    """Return a name that a spreadsheet takes for text: with an apostrophe before what it would calculate."""
    is_stdin = name == "-"  # alone it is no formula
    return f"'{name}" if name[:1] in _CALCULATED and not is_stdin else name


def read_events(path: str | Path) -> pd.DataFrame:
    """Read a table that `write_events` wrote; the format is told by the file's first bytes.

    Raises
    ------
    InputError
        If the file is missing or is not an event table.
    """
    import pandas as pd

    path = Path(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(4)
        if head == b"PAR1":
            frame = pd.read_parquet(path)
        elif head[:1] == b"{":
            frame = pd.read_json(path, orient="records", lines=True, dtype=False, precise_float=True)
        else:
            # A name that looks like a number is a name; fractions are read to the last digit by Python.
            texts = {name: "str" for name, dtype in COLUMNS.items() if dtype in ("category", "float64")}
            frame = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""])
            for name, dtype in COLUMNS.items():
                if dtype == "category" and name in frame and not pd.api.types.is_numeric_dtype(frame[name]):
                    frame[name] = frame[name].str.replace(_GUARD, "", regex=True)
                elif dtype == "float64" and name in frame:
                    frame[name] = frame[name].map(float, na_action="ignore")
        return check_events(frame)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, OSError, ConfigurationError) as error:
        raise InputError(f"{path}: not an event table ({error})") from error


def iso_times(times: pd.Series[Any]) -> pd.Series[Any]:
    """Return times as ISO 8601 UTC text with nanoseconds, missing where there is none."""
    import pandas as pd

    result = pd.Series(None, index=times.index, dtype=object)
    known = times[times.notna()].dt.tz_convert("UTC")
    nanoseconds = known.dt.microsecond * 1000 + known.dt.nanosecond
    seconds = known.dt.strftime("%Y-%m-%dT%H:%M:%S.")
    result[known.index] = [f"{s}{n:09d}Z" for s, n in zip(seconds, nanoseconds, strict=True)]
    return result


def _series(dtype: str, values: Any) -> pd.Series[Any]:
    import pandas as pd

    if dtype.startswith("datetime"):
        series: Any = _times(values)
    elif dtype == "category":
        series = pd.Series(values, dtype=object)
    else:
        series = pd.Series(values, dtype=object).astype("Float64")
    return cast("pd.Series[Any]", series.astype(dtype))


def _times(values: Any) -> pd.Series[Any]:
    import pandas as pd

    if isinstance(values, list) and all(value is None or type(value) is int for value in values):
        # Nanoseconds, exactly: a missing one among them must not turn the others into floats.
        nanoseconds = np.array([NO_TIME if value is None else value for value in values], dtype="int64")
        return pd.Series(nanoseconds.view("datetime64[ns]")).dt.tz_localize("UTC")
    return pd.Series(pd.to_datetime(pd.Series(values, dtype=object), utc=True, format="ISO8601"))


def _whole(values: NDArray[Any] | None, missing: float, dtype: str, rows: int) -> NDArray[Any]:
    """Return a column as the table keeps it: in memory of its own type and without gaps."""
    return np.full(rows, missing, dtype) if values is None else np.ascontiguousarray(values, dtype)


def _in_time_order(frame: pd.DataFrame) -> pd.DataFrame:
    times = frame["time"].to_numpy(dtype="datetime64[ns]").view("int64")
    order = time_order(times, frame["source"].cat.codes.to_numpy())
    return frame if order is None else frame.iloc[order].reset_index(drop=True)
