"""The history holds each row of a log once, however the log was cut into exports."""

import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyrota.history import open_store
from keyrota.logs.write import LogRow, pick_message, write_log

BEGIN = 1_762_905_600_000_000_000
TICKS = 24
COLUMNS = ["time", "kind", "pool", "key", "position", "size", "isolate", "status"]


@st.composite
def logs(draw):
    """Rows at whole ticks, several at one and equal ones among them."""
    ticks = sorted(draw(st.lists(st.integers(0, TICKS - 1), min_size=1, max_size=40)))
    keys = draw(st.lists(st.integers(0, 2), min_size=len(ticks), max_size=len(ticks)))
    has_ids = draw(st.booleans())
    return [
        LogRow(
            BEGIN + tick * 10**9, pick_message(3 + key, 1 + key, 4), row_id=f"r{n}" if has_ids else None,
            execution_id=f"{key:08d}-1111-4222-8333-444455556666",
        )
        for n, (tick, key) in enumerate(zip(ticks, keys, strict=True))
    ]  # fmt: skip


@st.composite
def covers(draw):
    """Stretches of ticks, in any order, that together cover all."""
    cuts = sorted({0, TICKS, *draw(st.lists(st.integers(1, TICKS - 1), max_size=4))})
    parts = [
        (max(0, first - draw(st.integers(0, 6))), min(TICKS, last + draw(st.integers(0, 6))))
        for first, last in pairwise(cuts)
    ]
    more = draw(st.lists(st.tuples(st.integers(0, TICKS - 1), st.integers(1, TICKS)), max_size=2))
    parts += [(first, min(TICKS, first + length)) for first, length in more]
    return draw(st.permutations(parts))


def sorted_rows(events):
    rows = events[COLUMNS].astype({name: object for name in COLUMNS if events[name].dtype == "category"})
    return rows.sort_values(COLUMNS, kind="stable", ignore_index=True)


ANY_EXPORTS = given(rows=logs(), parts=covers(), together=st.booleans(), data=st.data())


@ANY_EXPORTS
@settings(max_examples=12, deadline=None)
def test_any_overlapping_exports_in_any_order_make_the_whole(rows, parts, together, data):
    """One add for each export, or one for all; nothing is new after that."""
    they_make_the_whole(rows, parts, together, data)


@pytest.mark.nightly
@ANY_EXPORTS
@settings(max_examples=100, deadline=None)
def test_many_overlapping_exports_make_the_whole(rows, parts, together, data):
    """Of more logs, cut in more ways."""
    they_make_the_whole(rows, parts, together, data)


def they_make_the_whole(rows, parts, together, data):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = folder / "whole.ndjson"
        whole.write_bytes(write_log(rows, "drain-ndjson"))
        paths = []
        for number, (first, last) in enumerate(parts):
            own = [row for row in rows if first <= (row.time_ns - BEGIN) // 10**9 < last]
            if own:
                paths.append(folder / f"{number}.ndjson")
                paths[-1].write_bytes(write_log(own, "drain-ndjson"))
        one, many = open_store(folder / "one.duckdb"), open_store(folder / "many.duckdb")
        one.add(whole)
        for adds in [paths] if together else [[path] for path in paths]:
            many.add(adds)
        pd.testing.assert_frame_equal(sorted_rows(many.read().events), sorted_rows(one.read().events))
        assert many.add(whole).rows == 0
        assert many.add(data.draw(st.sampled_from(paths))).rows == 0
        times = many.read().events["time"]
        assert times.is_monotonic_increasing
        first, last = times.iloc[0], times.iloc[-1] + pd.Timedelta(1)
        middle = first + (last - first) * data.draw(st.floats(0, 1))
        early = len(many.read(until=middle).events) if middle > first else 0
        late = len(many.read(since=middle).events) if (times >= middle).any() else 0
        assert early + late == len(rows)
        kept = many.prune(before=middle).kept
        assert kept == int(np.count_nonzero(times >= middle))
