"""Rows as columns: told, joined, taken, sent away, and the hash of an id."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from keyrota.logs.columns import is_constant
from keyrota.logs.hashing import id_hash
from keyrota.logs.joined_rows import joined
from keyrota.logs.rows import (
    DTYPES,
    MISSING,
    NAME_COLUMNS,
    NO_TIME,
    ROW_KINDS,
    EventRow,
    Rows,
    constant,
)

NS = 1_762_917_393_000_000_000
PICK = EventRow("pick", 7, NS, key=3, position=1, size=4, isolate="i-1", row_id="728c-1")
REJECTION = EventRow(
    "rejection", 9, function="chat", isolate="i-2", model="pro", status=429, cause="unknown", limit=10**15,
    retry_after_s=0.5, text="429 {",
)  # fmt: skip


def test_what_a_row_says_stands_in_the_columns() -> None:
    """And what it does not say is missing: -1, no time, not a number, no id."""
    rows = Rows.of([PICK, REJECTION])
    assert [ROW_KINDS[code] for code in rows.kind] == ["pick", "rejection"]
    assert rows.time.tolist() == [NS, NO_TIME]
    assert (rows.line.tolist(), rows.key.tolist(), rows.status.tolist()) == ([7, 9], [3, MISSING], [-1, 429])
    assert rows.limit.tolist() == [MISSING, 10**15]
    assert np.isnan(rows.retry_after_s[0])
    assert rows.row_id.tolist() == [id_hash("728c-1"), 0]
    assert [rows.names[code] for code in rows.isolate] == ["i-1", "i-2"]
    assert rows.model.tolist() == [MISSING, rows.names.index("pro")]
    assert rows.texts == {1: "429 {"}
    assert {name: getattr(rows, name).dtype.name for name in DTYPES} == dict(DTYPES)


def test_a_column_that_no_row_fills_takes_no_memory() -> None:
    """It is one number, however many rows there are, and stays so when rows are joined, taken and sent."""
    rows = Rows.of([PICK] * 1000)
    sent = pickle.loads(pickle.dumps(rows))
    for version in (rows, joined([rows, rows]), rows.take(np.arange(500)), sent):
        assert is_constant(version.limit)
        assert version.limit.tolist() == [MISSING] * len(version)
    assert not is_constant(joined([rows, Rows.of([REJECTION])]).limit)


def test_parts_are_joined_in_order() -> None:
    """Names are numbered anew, texts are found at their new places."""
    parts = [[PICK, REJECTION], [], [REJECTION._replace(isolate="i-1", function=None), PICK]]
    whole = joined([Rows.of(part) for part in parts])
    assert whole == Rows.of([row for part in parts for row in part])
    assert len(set(whole.names)) == len(whole.names)
    assert whole.texts == {1: "429 {", 2: "429 {"}
    assert len(joined([])) == 0


def test_parts_that_share_their_names_are_joined_alike() -> None:
    """Blocks of one source have one list of names, those of two sources two."""
    index: dict[str | None, int] = {None: MISSING}
    blocks = [Rows.of([row], index) for row in (PICK, REJECTION, PICK)]
    for block in blocks:
        block.names = list(index)[1:]
    names = blocks[-1].names
    for block in blocks:
        block.names = names
    assert joined(blocks) == Rows.of([PICK, REJECTION, PICK])


def test_rows_are_taken_by_place_and_by_mask() -> None:
    """In the order that is asked for, with their texts."""
    rows = Rows.of([PICK, REJECTION, PICK._replace(key=4)])
    assert rows.take(np.array([2, 1])) == Rows.of([PICK._replace(key=4), REJECTION])
    assert rows.take(np.array([False, True, False])) == Rows.of([REJECTION])
    assert len(rows.take(np.array([], dtype=np.intp))) == 0
    between = rows.between(1, 3)
    assert between.key.tolist() == [MISSING, 4]
    assert between.key.base is not None


@pytest.mark.parametrize("count", [0, 1, 2, 300])
def test_rows_travel_unchanged_and_small(count: int) -> None:
    """A pickle gives the same rows, in a fraction of the columns' size."""
    made = [PICK._replace(line=n, key=n % 4 + 1, time_ns=NS + n) for n in range(count)]
    rows = Rows.of([*made, REJECTION] if count else [])
    sent = pickle.dumps(rows)
    back = pickle.loads(sent)
    assert back == rows
    assert {name: getattr(back, name).dtype.name for name in DTYPES} == dict(DTYPES)
    if count == 300:
        wide = sum(np.dtype(dtype).itemsize for dtype in DTYPES.values())
        assert len(pickle.dumps(Rows.of(made))) < wide * count / 4


@pytest.mark.parametrize("name", DTYPES)
def test_rows_differ_by_any_cell(name: str) -> None:
    """Equal are rows of the same values and names, whatever the codes of the names."""
    rows = Rows.of([REJECTION, PICK])
    turned = Rows.of([PICK, REJECTION]).take(np.array([1, 0]))
    assert rows.names != turned.names
    assert rows == turned
    other = rows.take(np.array([0, 1]))
    values = np.array(getattr(other, name))
    values[1] = rows.names.index("i-2") if name in NAME_COLUMNS else 5
    setattr(other, name, values)
    assert rows != other
    assert rows != "rows"


def test_a_column_of_one_value() -> None:
    """Made of any length; the value is what is missing, if none is given."""
    assert constant("time", 2).tolist() == [NO_TIME] * 2
    assert constant("isolate", 3, 5).tolist() == [5] * 3
    assert constant("key", 0).tolist() == []
