"""Runs out of event tables: what bounds them on each basis, and what is known of them."""

import pytest

from keyrota.events import make_events
from keyrota.rotation.runs import BASES, find_runs

MS = 1_000_000


def table(rows, **columns):
    """Return events of (kind, position, isolate) in order, ten milliseconds apart."""
    kinds, positions, isolates = zip(*rows, strict=True)
    return make_events(
        {
            "kind": kinds,
            "position": positions,
            "size": [4 if p else None for p in positions],
            "isolate": isolates,
            "time": [1_000_000 * MS + 10 * MS * i for i in range(len(rows))],
            "source": ["a.log"] * len(rows),
        }
        | columns
    )


def picks(*positions, isolate=None):
    return [("pick", position, isolate) for position in positions]


BOOT, LISTENING = ("boot", None, None), ("listening", None, None)


def found(events):
    """Return the runs of the only size: (basis, positions, whether the start is certain)."""
    (runs,) = find_runs(events).values()
    return [
        (BASES[basis], runs.positions[runs.run == n].tolist(), bool(certain))
        for n, (basis, certain) in enumerate(zip(runs.basis, runs.is_start_certain, strict=True))
    ]


def test_known_isolates_are_told_by_their_id():
    """Picks of two isolates that take turns are two runs, each in order."""
    rows = [("pick", 1, "a"), ("pick", 3, "b"), ("pick", 2, "a"), ("pick", 4, "b"), ("pick", 3, "a")]
    assert found(table(rows)) == [("known", [1, 2, 3], True), ("known", [3, 4], True)]


def test_marks_do_not_divide_known_isolates():
    """A boot of another isolate between two picks of one changes nothing."""
    rows = [("pick", 1, "a"), ("boot", None, "b"), LISTENING, ("pick", 2, "a")]
    assert found(table(rows)) == [("known", [1, 2], True)]


def test_listening_lines_bound_the_runs_of_a_local_log():
    """Before the first line the isolate's birth is not in the log: no certain start."""
    rows = [*picks(2, 3), LISTENING, *picks(1, 2, 3), LISTENING, *picks(4)]
    assert found(table(rows)) == [
        ("listening", [2, 3], False),
        ("listening", [1, 2, 3], True),
        ("listening", [4], True),
    ]


def test_listening_lines_with_no_pick_between():
    """Two isolates that are new at once: the first pick is a start, the steps are not judged."""
    rows = [LISTENING, *picks(1, 2), LISTENING, LISTENING, *picks(4, 1, 2)]
    events = table(rows)
    assert found(events) == [("listening", [1, 2], True), ("boot", [4, 1, 2], True)]
    assert find_runs(events)[4].steps[0].tolist() == [1]


def test_boots_of_an_export_without_ids_give_neither_starts_nor_steps():
    """Older isolates may pick after a boot: picks between boots are no run, their first is told apart."""
    rows = [*picks(4), BOOT, LISTENING, *picks(1, 3), BOOT, LISTENING, *picks(2)]
    events = table(rows)
    assert found(events) == [("unknown", [4], False), ("boot", [1, 3], True), ("boot", [2], True)]
    runs = find_runs(events)[4]
    assert runs.starts.size == 0
    assert runs.boot_starts.tolist() == [1, 2]
    assert len(runs.steps[0]) == 0
    assert runs.has_runs.tolist() == [False] * 3


def test_without_marks_nothing_is_known_of_runs():
    """All picks of one source and function are one group, with neither starts nor steps."""
    runs = find_runs(table(picks(1, 1, 4)))[4]
    assert runs.basis.tolist() == [3]
    assert runs.starts.size == 0
    assert len(runs.steps[0]) == 0
    assert runs.counts.tolist() == [2, 0, 0, 1]


def test_functions_and_sources_have_isolates_of_their_own():
    """Picks of two functions in one local log, and of one function in two logs, are not one run."""
    rows = [LISTENING, *picks(1), LISTENING, *picks(3, 2, 4)]
    events = table(rows, function=["make", "make", "fix", "fix", "make", "fix"])
    assert found(events) == [("listening", [1, 2], True), ("listening", [3, 4], True)]
    events = table([LISTENING, *picks(1), LISTENING, *picks(3)], source=["a.log", "a.log", "b.log", "b.log"])
    assert found(events) == [("listening", [1], True), ("listening", [3], True)]


def test_a_mark_that_names_no_function_may_be_of_any():
    """It bounds the runs of every function of its source, but no start is certain."""
    rows = [LISTENING, *picks(1, 3), LISTENING, *picks(2, 4)]
    events = table(rows, function=[None, "make", "fix", None, "make", "fix"])
    assert found(events) == [("listening", [p], False) for p in (1, 2, 3, 4)]


def test_merged_logs_keep_known_isolates_apart_from_nameless_picks():
    """Some picks with ids, some without: each has its own basis."""
    rows = [*picks(1, 2, isolate="a"), LISTENING, *picks(4, 1), *picks(3, isolate="a")]
    events = table(rows, source=["a.json", "a.json", "b.log", "b.log", "b.log", "a.json"])
    assert found(events) == [("known", [1, 2, 3], True), ("listening", [4, 1], True)]


def test_sizes_are_told_apart():
    """A pool that grew has runs of each size, the size with the most picks first."""
    events = table(picks(1, 2, 1, 2, 3, isolate="a"), size=[2, 2, 3, 3, 3])
    runs = find_runs(events)
    assert list(runs) == [3, 2]
    assert runs[3].positions.tolist() == [1, 2, 3]
    assert runs[2].rows.tolist() == [0, 1]


@pytest.mark.parametrize("position", [0, 5, -1, None])
def test_a_position_outside_the_pool_is_in_no_run(position):
    """An event table from elsewhere may hold anything: what is no place is left out."""
    events = table([*picks(1, isolate="a"), ("pick", position, "a"), *picks(2, isolate="a")], size=[4] * 3)
    assert found(events) == [("known", [1, 2], True)]


def test_no_picks_no_runs():
    """A table without picks has no runs."""
    assert find_runs(table([BOOT, LISTENING])) == {}
    assert find_runs(make_events({"kind": []})) == {}


def test_rows_point_into_the_event_table():
    """Each pick keeps its row, also where rows of one moment are put in order."""
    events = table(picks(2, 1, 3, isolate="a"), time=[0, 0, 5 * MS])
    runs = find_runs(events)[4]
    assert runs.positions.tolist() == [1, 2, 3]
    assert runs.rows.tolist() == [1, 0, 2]
    assert events.loc[runs.rows, "position"].tolist() == [1, 2, 3]


def test_missing_times_are_no_tie():
    """Rows without a time stand where the file has them: their order is known."""
    events = table(picks(2, 1, 4, 3, isolate="a"), time=[None] * 4)
    assert find_runs(events)[4].positions.tolist() == [2, 1, 4, 3]
    events = table(picks(2, 1, 4, 3, 2, isolate="a"), time=[5 * MS, None, None, 6 * MS, 6 * MS])
    assert find_runs(events)[4].positions.tolist() == [2, 1, 4, 2, 3]


def test_lengths_first_picks_and_counts():
    """The arrays of a `Runs` belong together."""
    rows = [*picks(1, 2, 3, isolate="a"), *picks(4, isolate="b"), *picks(3, 4, isolate="c")]
    runs = find_runs(table(rows))[4]
    assert runs.lengths.tolist() == [3, 1, 2]
    assert runs.first.tolist() == [0, 3, 4]
    assert runs.starts.tolist() == [1, 4, 3]
    assert runs.counts.tolist() == [1, 1, 2, 2]
    assert runs.counts_where(runs.lengths > 1).tolist() == [1, 1, 2, 1]
    steps, second = runs.steps
    assert steps.tolist() == [1, 1, 1]
    assert second.tolist() == [1, 2, 5]
