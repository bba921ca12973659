"""Picks per request: told by time, by retries and by invocations, or not at all."""

import numpy as np
import pytest

from keyrota.events import make_events
from keyrota.rotation.requests import TOGETHER_NS, PicksPerRequest, picks_per_request
from keyrota.rotation.runs import find_runs

MS, SECOND = 1_000_000, 1_000_000_000
NOTHING = PicksPerRequest()


def table(rows, **columns):
    """Return events of (kind, time, position, isolate) in order of time."""
    rows = sorted(rows, key=lambda row: row[1])
    kinds, times, positions, isolates = zip(*rows, strict=True)
    fixed = {
        "kind": kinds,
        "time": times,
        "position": positions,
        "size": [4 if p else None for p in positions],
        "isolate": isolates,
        "source": ["a.log"] * len(rows),
    }
    return make_events(fixed | {name: [value] * len(rows) for name, value in columns.items()})


def requests(sizes, *, apart=MS, isolate="a", every=30 * SECOND, start=123 * MS):
    """Return pick rows of requests with these numbers of picks, one isolate, in succession."""
    rows, position = [], 0
    for number, size in enumerate(sizes):
        for pick in range(size):
            rows.append(("pick", start + number * every + pick * apart, position % 4 + 1, isolate))
            position += 1
    return rows


def judged(events):
    (runs,) = find_runs(events).values()
    return picks_per_request(events, runs)


@pytest.mark.parametrize("picks", [1, 2, 3])
def test_picks_close_in_time_are_one_request(picks):
    """Requests half a minute apart with so many picks each are told exactly."""
    found = judged(table(requests([picks] * 20)))
    assert (found.mean, found.typical, found.requests) == (picks, picks, 20)
    assert found.typical_requests == 20
    assert found.later_requests == 19
    assert found.used_counts.sum() == 20


def test_the_last_pick_of_a_request_is_the_one_used():
    """With two picks of four keys every used position is even."""
    assert judged(table(requests([2] * 20))).used_counts.tolist() == [0, 10, 0, 10]


@pytest.mark.parametrize(("apart", "typical"), [(TOGETHER_NS, 2), (TOGETHER_NS + MS, 1)])
def test_how_close_is_close(apart, typical):
    """50 ms are one request, more are two."""
    assert judged(table(requests([2] * 20, apart=apart))).typical == typical


def test_four_fifths_make_a_number_typical():
    """80 % of the requests must agree; below, requests are not told apart and nothing is said."""
    assert judged(table(requests([2] * 16 + [1] * 4))).typical == 2
    assert judged(table(requests([2] * 15 + [1] * 5))) == NOTHING


def test_a_retry_begins_another_pick_of_the_same_request():
    """The pick after a retry replaces the one before: it is no second pick."""
    rows = requests([2] * 20)
    between = [("retry", time + MS // 2, None, "a") for _, time, _, _ in rows[::2]]
    assert judged(table(rows + between)).typical == 1
    others = [("retry", time + MS // 2, None, "b") for _, time, _, _ in rows[::2]]
    assert judged(table(rows + others)).typical == 2


def test_hosted_invocations_show_concurrent_requests():
    """As many invocations of the isolate as picks: one pick each, however close they are."""
    rows = requests([2] * 20)
    ends = [("invocation", time + 2 * SECOND, None, "a") for _, time, _, _ in rows]
    assert judged(table(rows + ends, status=200)).typical == 1
    assert judged(table(rows + ends[::2], status=200)).typical == 2


def local(rows, invocations):
    listening = [("listening", 0, None, None)]
    return table(
        listening + rows + [("invocation", time, None, None) for time in invocations], function="chat"
    )


def test_local_logs_say_where_a_request_begins():
    """`serving the request` lines: one before two picks is a double pick, two are two requests."""
    rows = requests([2] * 20, isolate=None)
    begins = [time - 3 * MS for _, time, _, _ in rows[::2]]
    assert judged(local(rows, begins)).typical == 2
    assert judged(local(rows, [*begins, *(time + MS for time in begins)])).typical == 1


def test_local_isolates_of_one_request():
    """Each request in an isolate of its own: its line counts for it alone."""
    rows = requests([2] * 20, isolate=None)
    times = [time for _, time, _, _ in rows[::2]]
    marks = [("listening", time - 2 * MS, None, None) for time in times[1:]]
    events = local(rows + marks, [time - 3 * MS for time in times])
    assert judged(events).typical == 2
    assert judged(events).later_requests == 0


def test_local_lines_of_another_function_do_not_count():
    """Requests to another function are no requests of this one."""
    rows = requests([2] * 20, isolate=None)
    events = local(rows, [time - 3 * MS for _, time, _, _ in rows for _ in range(2)])
    function = ["chat" if kind != "invocation" else "title" for kind in events["kind"]]
    events = make_events({name: events[name] for name in events.columns} | {"function": function})
    assert judged(events).typical == 2


def test_nothing_is_said_without_fine_times():
    """Whole seconds, or no time at all, do not tell requests apart."""
    assert judged(table(requests([2] * 20, apart=0, start=0))) == NOTHING
    untimed = table(requests([2] * 20)).assign(time=None)
    assert judged(make_events({name: untimed[name] for name in untimed.columns})) == NOTHING


def test_nothing_is_said_of_few_requests_or_unknown_isolates():
    """Ten requests are the least; without isolates there are none."""
    assert judged(table(requests([1] * 10))).typical == 1
    assert judged(table(requests([2] * 9))) == NOTHING
    assert judged(table(requests([2] * 20, isolate=None))) == NOTHING


def test_isolates_are_told_apart():
    """Picks of two isolates in one millisecond are two requests."""
    events = table(requests([1] * 20, isolate="a") + requests([1] * 20, isolate="b"))
    found = judged(events)
    assert (found.typical, found.requests, found.later_requests) == (1, 40, 38)


def test_many_isolates_with_retries_take_little_time():
    """20,000 isolates with a retry each: no loop over pairs."""
    n = 20_000
    rows = [("pick", 123 * MS + i * SECOND, i % 4 + 1, f"i{i}") for i in range(n)]
    rows += [("retry", 124 * MS + i * SECOND, None, f"i{i}") for i in range(n)]
    rows += [("pick", 125 * MS + i * SECOND, (i + 1) % 4 + 1, f"i{i}") for i in range(n)]
    found = judged(table(rows))
    assert found.typical == 1
    assert np.array_equal(found.used_counts, [n // 2] * 4)


@pytest.mark.parametrize("first", [0, 700])
def test_a_part_of_a_table_keeps_its_labels(first):
    """What stands behind other rows, or without those between, is grouped like a table of its own."""
    events = table(requests([2, 2, 1] * 20, isolate="a") + requests([2] * 20, isolate="b"))
    part = events.set_axis(np.arange(len(events)) * 3 + first)
    assert judged(part).typical == judged(events).typical == 2
    assert judged(part).requests == judged(events).requests
