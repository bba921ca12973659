"""Many rows of CSV cut by one look, against a writer that is known and against the cut of each row alone."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keyrota.logs.scan import csv_cut, csv_look
from keyrota.logs.scan.csv_columns import HEAD, MESSAGE_COLUMN, WIDTH, columns_of
from keyrota.logs.scan.csv_look import MOST_CELLS
from keyrota.logs.scan.machine import machine_code
from keyrota.logs.scan.wide import LEAST_REACH, MOST_REACH
from keyrota.logs.scan.words import SLACK

IN_PYTHON = [False, True]
_PIECES = ["a", "b c", '"', '""', ",", "\n", "\r\n", "\r", "é", "🔑", "x" * 62]


def look(data: bytes, at: int, width: int, *, in_python: bool, reach: int = MOST_REACH) -> list[list[bytes]]:
    """Return the cells of the rows that one look sees from a place on, the last ones with their CRs."""
    function = csv_look.look_at_rows if in_python else machine_code("look_at_rows")
    ends = np.zeros(MOST_CELLS, dtype=np.int64)
    # What stands behind is a quote: it is not to be taken for one of the rows'.
    buffer = np.frombuffer(data + b'"' * SLACK, dtype=np.uint8)
    rows = function(buffer, at, len(data), reach, width, ends)
    assert ends[0] == at - 1
    places = ends[: rows * width + 1].tolist()
    return [
        [data[places[cell] + 1 : places[cell + 1]] for cell in range(row * width, (row + 1) * width)]
        for row in range(rows)
    ]


def written(rows: list[list[str]], line_end: str) -> bytes:
    """Return rows as a correct writer writes them, who quotes what is to be quoted."""

    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if set(text) & set('",\r\n') else text

    return "".join(",".join(map(cell, row)) + line_end for row in rows).encode()


@pytest.mark.parametrize("in_python", IN_PYTHON)
@settings(deadline=None)  # the first call compiles
@given(
    rows=st.integers(2, 5).flatmap(
        lambda width: st.lists(
            st.lists(
                st.lists(st.sampled_from(_PIECES), max_size=4).map("".join), min_size=width, max_size=width
            ),
            min_size=1,
            max_size=12,
        )
    ),
    line_end=st.sampled_from(["\n", "\r\n"]),
    before=st.integers(0, 70),
)
def test_all_rows_of_a_correct_writer(
    in_python: bool, rows: list[list[str]], line_end: str, before: int
) -> None:
    """Whatever their cells hold, and wherever they begin."""
    data = b"x" * before + written(rows, line_end)
    seen = look(data, before, len(rows[0]), in_python=in_python)
    cells = [[*row[:-1], row[-1].rstrip(b"\r")] for row in seen]
    read = [next(csv.reader(io.StringIO(b",".join(row).decode(), newline=""))) for row in cells]
    assert read == rows


@pytest.mark.parametrize("in_python", IN_PYTHON)
@settings(deadline=None, max_examples=500)
@given(
    data=st.lists(st.sampled_from([*_PIECES, "a,b\n", '"c",d\r\n']), max_size=80).map("".join),
    width=st.integers(2, 4),
)
@example(data="a\nb\na,b,c,d\n", width=2)  # as many line ends as rows, and the first ones at wrong places
@example(data='a,"b"c,d\n', width=2)
@example(data='a,"b"\r,c\n', width=2)
@example(data="\r\na,b\n", width=2)
def test_what_is_seen_is_what_cutting_finds(in_python: bool, data: str, width: int) -> None:
    """Of anything: a row that a look sees ends, and has its cells, where the cut of one row finds them."""
    text = data.encode()
    columns = np.zeros(HEAD + 3 * width, dtype=np.int64)
    columns[WIDTH] = width
    buffer = np.frombuffer(text + b"\n" * SLACK, dtype=np.uint8)
    at = 0
    for cells in look(text, 0, width, in_python=in_python):
        stop = csv_cut.cut_row(buffer, at, len(text), False, columns)
        assert stop == at + len(b",".join(cells))
        starts, ends = columns[HEAD + width :][:width], columns[HEAD + 2 * width :]
        found = [text[start:end] for start, end in zip(starts, ends, strict=True)]
        assert found == [*cells[:-1], cells[-1].rstrip(b"\r")]
        at = stop + 1


@pytest.mark.parametrize("in_python", IN_PYTHON)
def test_no_more_than_there_is_room_for(in_python: bool) -> None:
    """Of the shortest rows, in the longest reach; and no row that is longer than the reach."""
    data = b",\n" * MOST_REACH
    assert len(look(data, 0, 2, in_python=in_python)) >= MOST_REACH // 2
    long = b'"' + b"x" * 2 * LEAST_REACH + b'",b\n'
    assert look(long, 0, 2, in_python=in_python, reach=LEAST_REACH) == []
    assert len(look(long, 0, 2, in_python=in_python)) == 1


def test_rows_that_are_refused_are_no_events() -> None:
    """All but those with an event's words, a rounded time, or more lines than a row may have."""
    header = "id,event_message,timestamp"
    columns = columns_of(header)
    assert columns is not None
    assert columns[MESSAGE_COLUMN] == 1
    time = "1762917393993000"
    rows = [
        ["1", "nothing to see here", time],
        ["2", "Using GOOGLE_KEY_1 (position 1/2 in pool)", time],
        ["3", "nothing to see here", "1.76292E+15"],
        ["4", "the rest, quoted", time],
        ["5", "many lines follow" + "\n" * 3_000, time],
        ["6", "nothing to see here", '"' + time],
        ["7", "nothing to see here", time],
    ]
    data = written(rows, "\r\n")
    buffer = np.frombuffer(data + b"\n" * SLACK, dtype=np.uint8)
    ends, doubtful = (np.zeros(MOST_CELLS, dtype=np.int64) for _ in range(2))
    number = csv_look.look_at_rows(buffer, 0, len(data), MOST_REACH, 3, ends)
    assert number == len(rows)
    left = csv_look.doubtful_rows(buffer, ends, number, columns, doubtful)
    assert doubtful[:left].tolist() == [1, 2, 4, 5]


def test_a_row_with_a_status_is_never_refused() -> None:
    """It may be an invocation whatever its message says."""
    data = b"1,nothing to see here,200,1762917393993000\n" * 5
    buffer = np.frombuffer(data + b"\n" * SLACK, dtype=np.uint8)
    ends, doubtful = (np.zeros(MOST_CELLS, dtype=np.int64) for _ in range(2))
    number = csv_look.look_at_rows(buffer, 0, len(data), MOST_REACH, 4, ends)
    assert (
        csv_look.doubtful_rows(
            buffer, ends, number, columns_of("id,event_message,status_code,timestamp"), doubtful
        )
        == number
        == 5
    )
