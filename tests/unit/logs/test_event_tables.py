"""Several event tables as one: what they share counts once, as pandas tells it row by row."""

import json

import pandas as pd
import pytest

import rows_one_by_one as plain
from keyrota.errors import InputError
from keyrota.events import COLUMNS, make_events, write_events
from keyrota.logs.event_tables import is_event_table, read_event_tables
from keyrota.logs.read import read
from keyrota.logs.sources import Source

NS = 1_762_917_393_000_000_000


def table(rng, rows):
    """A table of few values each, so that rows are equal within it and across tables."""
    values = {
        "time": [NS, NS + 1, None],
        "kind": ["pick", "retry"],
        "pool": ["A", None],
        "key": [1, None],
        "isolate": [f"i-{rng.integers(2)}", None],
        "limit": [0, None],
        "retry_after_s": [0.0, -0.0, None],
        "source": ["x", "y"],
    }
    columns = {name: [own[i] for i in rng.integers(len(own), size=rows)] for name, own in values.items()}
    return make_events(columns)


@pytest.mark.parametrize("seed", range(20))
def test_tables_are_put_together(seed, tmp_path):
    """Rows, order, types, categories and the account of repeats."""
    import numpy as np

    rng = np.random.default_rng(seed)
    frames = [table(rng, int(rng.integers(0, 60))) for _ in range(int(rng.integers(2, 5)))]
    sources = []
    for number, frame in enumerate(frames):
        path = tmp_path / f"{number}.parquet"
        write_events(frame, path, "parquet")
        sources.append(Source(str(path), path.stat().st_size, is_named=True))
    events, accounts = read_event_tables(sources, None)
    expected, repeated = plain.together(frames)
    assert plain.same_tables(events, expected)
    repeated = pd.Series(repeated, dtype=int)
    ends = np.cumsum([len(frame) for frame in frames])
    assert [(rows, again) for _, rows, again in accounts] == [
        (len(frame), repeated.iloc[end - len(frame) : end].sum())
        for frame, end in zip(frames, ends, strict=True)
    ]


ODD = {
    "time": [NS, NS + 1, None],
    "kind": ["pick", "rejection", "pick"],
    "pool": ["1", "NA", "=A"],
    "key": [1, 2, None],
    "function": ["2025-11-10", "null", "007"],
    "isolate": ["1e5", None, "nan"],
    "retry_after_s": [0.3, 12.3456789, None],
    "limit": [2**53 - 1, 0, None],
    "source": ["a,b.json", "-", 'say "x"'],
    "line": [1, 2, 3],
}
"""Names that look like numbers, times, nothing or a formula, and numbers with many digits."""


@pytest.mark.parametrize("file_format", ["parquet", "csv", "ndjson"])
def test_a_table_in_any_format_is_read_in_place_of_a_log(file_format, tmp_path):
    """What `keyrota parse` wrote gives the same events, told by content whatever the file's name."""
    events = make_events(ODD)
    path = tmp_path / "some file"
    write_events(events, path, file_format)
    reading = read(path)
    pd.testing.assert_frame_equal(reading.events, events, check_categorical=False)
    (source,) = reading.input.sources
    assert (source.format, source.lines, source.used) == ("event table", 3, 3)


def test_tables_of_all_formats_together(tmp_path):
    """One table three times: each event counts once."""
    events = make_events(ODD)
    for file_format in ("parquet", "csv", "ndjson"):
        write_events(events, tmp_path / f"events.{file_format}", file_format)
    reading = read([tmp_path / "events.parquet", tmp_path / "events.csv", tmp_path / "events.ndjson"])
    assert len(reading.events) == len(events)
    assert reading.input.total("duplicates") == 2 * len(events)


HEADER = ",".join(COLUMNS)
ROW = json.dumps(dict.fromkeys(COLUMNS))


@pytest.mark.parametrize(
    ("text", "is_table"),
    [
        (f"{HEADER}\n", True),
        (f"{HEADER}\r\n", True),
        (HEADER, True),
        (f"{HEADER},more\n", False),
        (f"{HEADER.removesuffix(',line')}\n", False),
        (f"id,{HEADER}\n", False),
        (f"{ROW}\n{ROW}\n", True),
        (ROW, True),
        (f"[{ROW}]", False),
        (f'{ROW.removesuffix("}")}, "more": 1}}\n', False),
        ('{"time": 1, "kind": "pick"}\n', False),
        (json.dumps(dict.fromkeys(reversed(COLUMNS))), False),
        ('{"time":' + "[" * 20_000, False),
        ('{"time":"' + "x" * 100_000, False),
        ("", False),
    ],
)
def test_a_table_is_told_exactly(text, is_table, tmp_path):
    """All columns, in order, and no other; other CSV and JSON with a time is a log as before."""
    path = tmp_path / "x"
    path.write_text(text, encoding="utf-8")
    assert is_event_table(Source(str(path), path.stat().st_size, is_named=True)) is is_table


def test_a_damaged_table_is_one_clear_line(tmp_path):
    """What has the header and other cells is refused, with the column."""
    path = tmp_path / "events.csv"
    path.write_text(f"{HEADER}\n{',' * (len(COLUMNS) - 1)}\nyesterday,pick{',' * (len(COLUMNS) - 2)}\n")
    with pytest.raises(InputError, match=r"not an event table .*time.*; give what keyrota parse"):
        read(path)
