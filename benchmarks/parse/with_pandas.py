"""Plain pandas: read the file, take every message apart, keep what matched; and with a filter before."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd
from patterns import KIND_OF_GROUP, event_pattern, literal_pattern

_MESSAGE: Final = event_pattern(before="^")


def text(path: Path, *, is_filtered: bool = False) -> pd.DataFrame:
    """Lines as a column of one-column CSV."""
    lines = pd.read_csv(path, sep="\x01", header=None, names=["line"], quoting=3, dtype="str")["line"]
    if is_filtered:
        lines = lines[lines.str.contains(literal_pattern())]
    said = lines.str[31:].str.extract(_MESSAGE)
    said = said[said[list(KIND_OF_GROUP)].notna().any(axis=1)]
    times = pd.to_datetime(lines[said.index].str[:29], format="ISO8601").astype("datetime64[ns]")
    return _table(said, times, said["ended"])


def ndjson(path: Path, *, is_filtered: bool = False) -> pd.DataFrame:
    """`read_json` line by line."""
    rows = pd.read_json(path, lines=True, date_unit="us")
    if is_filtered:
        rows = rows[rows["event_message"].str.contains(literal_pattern())]
    said = rows["event_message"].str.extract(_MESSAGE)
    said = said[said[list(KIND_OF_GROUP)].notna().any(axis=1)]
    rows = rows.loc[said.index]
    isolates = rows["metadata"].map(lambda metadata: metadata["execution_id"])
    return _table(said, pd.to_datetime(rows["timestamp"], unit="us"), isolates)


def csv(path: Path, *, is_filtered: bool = False) -> pd.DataFrame:
    """`read_csv` of the columns that are needed."""
    rows = pd.read_csv(path, usecols=["event_message", "execution_id", "timestamp"])
    if is_filtered:
        rows = rows[rows["event_message"].str.contains(literal_pattern())]
    said = rows["event_message"].str.extract(_MESSAGE)
    said = said[said[list(KIND_OF_GROUP)].notna().any(axis=1)]
    rows = rows.loc[said.index]
    return _table(said, pd.to_datetime(rows["timestamp"], unit="us"), rows["execution_id"])


def _table(said: pd.DataFrame, times: pd.Series, isolates: pd.Series) -> pd.DataFrame:
    kind = pd.Series(pd.NA, index=said.index, dtype="str")
    for group, name in KIND_OF_GROUP.items():
        kind = kind.mask(said[group].notna(), name)
    numbers = {
        "key": said["key"],
        "position": said["position"],
        "size": said["size"].fillna(said["keys"]),
        "status": said["refused"].fillna(said["retried"]).fillna(said["answered"]),
        "duration_ms": said["duration_ms"],
    }
    whole = {name: pd.to_numeric(column).astype("Int32") for name, column in numbers.items()}
    return pd.DataFrame({"time": times, "kind": kind, **whole, "isolate": isolates})
