"""Overlapping exports are counted once, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence

from keyrota.logs.duplicates import Duplicates, Marks
from keyrota.logs.rows import EventRow, Rows

NS = 1_762_917_393_000_000_000
SECOND = 1_000_000_000


def row(time: int | None, key: int = 1, row_id: str | None = None, kind: str = "pick") -> EventRow:
    return EventRow(kind, 1, time_ns=time, key=key, position=1, size=2, row_id=row_id)


def kept(*sources: Sequence[EventRow]) -> list[int]:
    duplicates = Duplicates()
    return [int((~duplicates.repeats_in(Marks.of(Rows.of(list(source))))).sum()) for source in sources]


def test_rows_with_ids() -> None:
    """A row is known by its id, in one file and in several; equal rows of two ids are two."""
    assert kept([row(NS, row_id="a"), row(NS, row_id="b")], [row(NS, row_id="a"), row(NS, row_id="c")]) == [
        2,
        1,
    ]
    assert kept([row(NS, row_id="a"), row(NS, row_id="a")]) == [1]


def test_an_id_that_comes_again_with_other_content_is_no_repeat() -> None:
    """Ids of some shapes are numbers of rows."""
    assert kept([row(NS, 1, "1")], [row(NS + 5, 2, "1")]) == [1, 1]


def test_rows_without_ids_are_known_by_content_and_time() -> None:
    """An export over an hour and one over its second half."""
    export = [row(NS + n * SECOND, n % 2 + 1) for n in range(100)]
    assert kept(export, export[50:]) == [100, 0]
    later = [row(NS + n * SECOND, n % 2 + 1) for n in range(50, 150)]
    assert kept(export, later) == [100, 50]


def test_two_equal_rows_of_one_file_are_two() -> None:
    """A further file adds only as many as it holds more of."""
    one, two, three = ([row(NS)] * n for n in (1, 2, 3))
    assert kept(two) == [2]
    assert kept(two, two) == [2, 0]
    assert kept(one, three) == [1, 2]
    assert kept(three, one, two) == [3, 0, 0]


def test_ids_and_no_ids_meet() -> None:
    """One export has the column, the other has not."""
    with_ids = [row(NS + n * SECOND, row_id=f"r{n}") for n in range(10)]
    without = [row(NS + n * SECOND) for n in range(10)]
    assert kept(with_ids, without) == [10, 0]
    assert kept(without, with_ids) == [10, 0]
    assert kept(without, with_ids, without, with_ids) == [10, 0, 0, 0]


def test_other_times_keys_and_kinds_are_other_rows() -> None:
    """Content is time, kind, key, place and status."""
    assert kept([row(NS)], [row(NS + 1)], [row(NS, 2)], [row(NS, kind="retry")]) == [1, 1, 1, 1]


def test_rows_without_times_are_all_kept() -> None:
    """Nothing tells them apart, and nothing tells that they are the same."""
    assert kept([row(None)] * 3, [row(None)] * 3) == [3, 3]


def test_two_servers_that_meet_by_chance_are_two() -> None:
    """Equal rows among many others are no overlap."""
    first = [row(NS + n * 10, n % 2 + 1) for n in range(1000)]
    second = [row(NS + n * 14, n % 2 + 1) for n in range(1000)]
    assert kept(first, second) == [1000, 1000]


def test_an_export_of_other_kinds_still_overlaps() -> None:
    """Each kind counts for itself: a search for picks and a whole export share the picks."""
    picks = [row(NS + n * SECOND) for n in range(20)]
    whole = [*picks, *(row(NS + n * SECOND + 7, kind="retry") for n in range(200))]
    assert kept(picks, whole) == [20, 200]
