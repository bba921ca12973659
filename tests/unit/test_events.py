"""The event table from typed arrays is the one from plain values, and its order is the documented one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rows_one_by_one as plain
from keyrota.events import (
    CAUSES,
    COLUMNS,
    KINDS,
    NO_TIME,
    check_events,
    make_events,
    time_order,
    typed_events,
)
from keyrota.name_columns import name_column

NS = 1_762_917_393_000_000_001
NAMES = ["b", "a", None, "a", "never"]


def maybe(values):
    return st.one_of(st.none(), values)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "time": maybe(st.integers(NS, NS + 3)),
            "kind": st.sampled_from(KINDS),
            "pool": maybe(st.sampled_from([0, 1, 2, 3])),
            "key": maybe(st.integers(0, 2**31 - 1)),
            "status": maybe(st.integers(100, 599)),
            "cause": maybe(st.sampled_from(CAUSES)),
            "limit": maybe(st.integers(0, 10**15)),
            "retry_after_s": maybe(st.floats(0, 1e9)),
            "source": st.sampled_from(["x", "y"]),
            "line": maybe(st.integers(1, 10**12)),
        }
    ),
    max_size=12,
)


def typed(rows, order=None):
    """The rows in typed arrays, in the order that `time_order` gives."""

    def column(name, missing, dtype, code=lambda value: value):
        values = [missing if row[name] is None else code(row[name]) for row in rows]
        return np.array(values, dtype=dtype)

    columns = {
        "time": column("time", NO_TIME, "int64"),
        "kind": column("kind", -1, "int8", KINDS.index),
        "pool": column("pool", -1, "int32"),
        "key": column("key", -1, "int32"),
        "status": column("status", -1, "int16"),
        "cause": column("cause", -1, "int8", CAUSES.index),
        "limit": column("limit", -1, "int64"),
        "retry_after_s": column("retry_after_s", np.nan, "float64"),
        "source": column("source", -1, "int64", ["y", "x"].index),
        "line": column("line", -1, "int64"),
    }
    order = time_order(columns["time"], columns["source"])
    if order is not None:
        columns = {name: values[order] for name, values in columns.items()}
    return typed_events(columns, {"kind": KINDS, "pool": NAMES, "cause": CAUSES, "source": ["y", "x"]})


@settings(deadline=None)
@given(ROWS)
def test_typed_arrays_make_the_same_table(rows):
    """Every cell, type and category; codes of one name, and of no name, are that."""
    expected = {name: [row[name] for row in rows] for name in (rows or [dict.fromkeys(COLUMNS)])[0]}
    expected["pool"] = [None if code is None else NAMES[code] for code in expected["pool"] if rows]
    if not rows:
        expected = {name: [] for name in COLUMNS}
    found = typed(rows)
    assert plain.same_tables(found, make_events(expected))
    assert plain.same_tables(check_events(found), check_events(make_events(expected)))


@pytest.mark.parametrize("is_all", [True, False])
def test_the_order_of_a_table(is_all):
    """By time; a row without one stands behind the row before it in its source, or at its first time."""
    events = {
        "kind": ["pick"] * 6,
        "line": [1, 2, 3, 4, 5, 6],
        "source": ["a", "b", "a", "c", "b", "a"],
        "time": [None, NS + 5, NS + 9, None, NS + 1 if is_all else None, NS + 2],
    }
    assert make_events(events)["line"].tolist() == ([5, 6, 2, 1, 3, 4] if is_all else [6, 2, 5, 1, 3, 4])


@pytest.mark.parametrize("times", [[], [NO_TIME, NO_TIME], [1, 1, 2], [3]])
def test_a_table_in_order_is_not_sorted(times):
    """Nothing is to be done where nothing is out of place."""
    assert time_order(np.array(times, dtype=np.int64), np.zeros(len(times), dtype=np.int8)) is None


@pytest.mark.parametrize("codes", [[], [-1], [0, 2, -1, 2], [2, 1, 0]])
def test_names_in_order_are_taken_as_they_are(codes):
    """An index of names makes the column that a list of them makes, also where some do not occur."""
    names, codes = ["a", "b", "c"], np.array(codes, dtype=np.int64)
    found, expected = name_column(codes, pd.Index(names)), name_column(codes, names)
    assert found.tolist() == expected.tolist()
    assert found.categories.tolist() == expected.categories.tolist()
    assert found.codes.dtype == expected.codes.dtype
