"""D401: bursts at the platform's cap, calls of 24 hours, 429s without a pick, and what they do to shares."""

import numpy as np
import pytest

from keyrota.findings.facts import gather
from keyrota.findings.registry import find_all
from keyrota.logs.read import LogInput, SourceInput, read
from keyrota.quota.gaps import capped_windows

SECOND = 1_000_000_000
BEGIN = 1_762_000_000 * SECOND  # twelve and a half minutes to the full hour
DAY = 86_400 * SECOND


def source(events, *, lines=None, **fields):
    known = {
        "format": "json",
        "lines": lines or events,
        "used": events,
        "ignored": (lines or events) - events,
    }
    plain = {"encoding": "utf-8", "compression": None, "bytes": 9000, "malformed": 0, "duplicates": 0}
    one = SourceInput(name="a.log", truncated=False, **plain, **(known | fields))
    return LogInput((one,), found=(("pick", events),))


def lost(judge, table, **options):
    return judge.findings(table, **options).get("D401", [])


def cold(judge, times, **columns):
    """Cold starts of ARTIFACT at these times, positions in turn."""
    runs = [[1 + n % 4] for n in range(len(times))]
    table = judge.picked(runs, time=[BEGIN + int(time * SECOND) for time in times], **columns)
    return table | {"function": ["make"] * len(times)}


def burst(judge, number=100):
    """Picks every minute, then a burst within 4 s and a silence, then picks every minute again."""
    calm = 60.0 * np.arange(50)
    return cold(judge, [*calm, *(3000 + 4 * np.arange(number) / number), *(3060 + calm)])


def test_a_burst_at_the_cap(judge):
    """The window, the picks that the silence after it may hide, and what that does to the shares."""
    (finding,) = lost(judge, burst(judge), log_input=source(200))
    assert finding.message == (
        "the lines of make reach 100 in 1 window of 10 s, the most that the platform keeps (the first at "
        "2025-11-01 13:16:40 UTC): up to about 253 picks may be missing, and shares may be off by up to 55.8 "
        "points"
    )
    assert finding.pool == "ARTIFACT"
    assert finding.evidence["windows"] == 1
    assert finding.evidence["lost_picks"] == 253  # 10 s of silence after 3.96 s with 100 picks
    assert finding.evidence["share_off_by_up_to"] == pytest.approx(253 / 453)
    assert finding.evidence["places"] == ["a.log:51"]


@pytest.mark.parametrize(
    ("number", "lines", "format_", "is_found"),
    [
        (99, 199, "json", False),  # below the cap
        (60, 160, "json", False),
        (60, 320, "json", True),  # two lines for each event: 120
        (60, 1600, "json", True),  # ten lines, of which no more than three are the function's
        (60, 320, "text", False),  # a local runtime has no cap
        (100, 200, "syslog", True),  # a drain has it too
        (201, 301, "json", False),  # more than the platform ever keeps: another platform
        (150, 1250, "json", True),  # ten lines for each event would be too many: events alone are taken
    ],
)
def test_what_is_a_burst(judge, number, lines, format_, is_found):
    """Lines are counted by the source's average, where a cap can have been in force."""
    log_input = source(number + 100, lines=lines, format=format_)
    assert bool(lost(judge, burst(judge, number), log_input=log_input)) is is_found


def test_bursts_without_an_account_or_a_function(judge):
    """A simulated day has no cap, and rows without a function are perhaps of several."""
    assert not lost(judge, burst(judge))
    table = burst(judge) | {"function": [None] * 200}
    assert not lost(judge, table, log_input=source(200))


def test_windows_do_not_overlap_and_hold_their_burst():
    """Two bursts, each in its own window; steady traffic at the cap loses next to nothing."""
    times = np.concatenate([np.arange(100) * SECOND // 50, (20 * SECOND) + np.arange(120) * SECOND // 50])
    found = capped_windows(times, np.ones(220))
    assert [(burst.first, burst.last) for burst in found] == [(0, 100), (100, 220)]
    steady = capped_windows(np.arange(1000) * SECOND // 10, np.ones(1000))
    assert len(steady) == 10
    assert max(burst.lost_time for burst in steady[:-1]) < 0.011
    assert capped_windows(np.array([], dtype=np.int64), np.ones(0)) == []


@pytest.mark.parametrize(("events", "lines"), [(100, 1.0), (40, 2.5), (34, 3.0)])
def test_the_fewest_events_that_reach_the_cap(events, lines):
    """So many within 10 s are a burst, one fewer is none; nor are they if the last comes with the 11th."""
    times = np.arange(events) * (10 * SECOND - 1) // (events - 1)
    assert len(capped_windows(times, np.full(events, lines))) == 1
    assert capped_windows(times[1:], np.full(events - 1, lines)) == []
    times[-1] = 10 * SECOND
    assert capped_windows(times, np.full(events, lines)) == []


def lone(judge, number, *, begin=600, **columns):
    """429s of isolates that have no pick, one a second."""
    return {
        "kind": ["rejection"] * number,
        "time": [BEGIN + (begin + n) * SECOND for n in range(number)],
        "isolate": [f"lone-{n}" for n in range(number)],
        "function": ["make"] * number,
        "pool": ["ARTIFACT"] * number,
        "status": [429] * number,
        "source": ["a.log"] * number,
        "line": list(range(900, 900 + number)),
    } | columns


def answered(judge):
    """400 cold starts, every tenth with its 429."""
    picks = cold(judge, 10.0 * np.arange(400))
    chosen = range(0, 400, 10)
    return judge.joined(
        picks,
        {
            "kind": ["rejection"] * 40,
            "time": [picks["time"][n] + SECOND for n in chosen],
            "isolate": [picks["isolate"][n] for n in chosen],
            "function": ["make"] * 40,
            "pool": ["ARTIFACT"] * 40,
            "status": [429] * 40,
        },
    )


def test_429s_of_isolates_without_a_pick(judge):
    """They are counted, and picks that passed are taken to be lost as often."""
    (finding,) = lost(judge, judge.joined(answered(judge), lone(judge, 4)))
    assert finding.message == (
        "4 of 44 429s come from isolates without a pick: the lines of the picks were lost; shares may be off "
        "by up to 9.1 points"
    )
    assert finding.evidence["without_pick"] == 4
    assert finding.evidence["share_off_by_up_to"] == pytest.approx(40 / 440)
    assert finding.evidence["places"] == ["a.log:900", "a.log:901", "a.log:902"]


@pytest.mark.parametrize(
    "columns",
    [
        {"isolate": [None] * 4},
        {"isolate": ["isolate-7"] * 4},  # it has a pick: the client may have called again with its key
        {"function": ["silent"] * 4},  # a function that never logs its picks
        {"time": [BEGIN + n * SECOND for n in range(4)]},  # the pick may stand before the log
    ],
)
def test_429s_that_prove_no_loss(judge, columns):
    """Without an isolate, with a pick, of a function that logs none, or at the very beginning."""
    assert not lost(judge, judge.joined(answered(judge), lone(judge, 4, **columns)))


def test_skipped_keys_say_what_they_do_to_the_shares(judge):
    """A step of 2 hides a pick at least."""
    (finding,) = lost(judge, judge.picked([[1, 3], *judge.uniform_runs(40, 6, 4)]))
    assert finding.message.endswith("lines were lost; shares may be off by up to 0.4 points")
    assert finding.evidence["lost_picks"] == 1
    assert finding.evidence["share_off_by_up_to"] == pytest.approx(1 / 243)


def a_day(judge, span=DAY - 60 * SECOND, begin=BEGIN, number=100):
    table = cold(judge, np.zeros(number))
    return table | {"time": [begin + int(span * n / (number - 1)) for n in range(number)]}


def test_what_one_call_covers(judge):
    """24 hours to within minutes are as suspicious as 1,000 rows."""
    (finding,) = lost(judge, a_day(judge), log_input=source(100, lines=105))
    assert finding.message == (
        "a.log spans 24 hours to within minutes, the most that one API call covers: older rows may be missing"
    )


@pytest.mark.parametrize(
    ("day", "log"),
    [
        ({"span": DAY - 600 * SECOND}, {}),
        ({"span": DAY + SECOND}, {}),
        ({"span": 5 * DAY}, {}),
        ({"begin": BEGIN - BEGIN % (3600 * SECOND) + SECOND}, {}),  # a drain's file of a day
        ({"number": 15}, {}),
        ({}, {"format": "text"}),
        ({}, {"format": "syslog"}),
        ({}, {"used": 300, "lines": 300}),  # the table was cut by --since
    ],
)
def test_days_that_are_no_call(judge, day, log):
    """Other spans, full hours, few events, drains by syslog, and spans that the user chose are not."""
    number = day.get("number", 100)
    log_input = source(
        log.get("used", number), lines=log.get("lines", number + 5), format=log.get("format", "json")
    )
    assert not lost(judge, a_day(judge, **day), log_input=log_input)


def test_older_rows_of_another_source(judge):
    """Where the day before is there as well, nothing is missing."""
    older = a_day(judge, begin=BEGIN - DAY, span=DAY // 2) | {"source": ["b.log"] * 100}
    log_input = source(100, lines=105)
    log_input = LogInput(log_input.sources, found=(("pick", 200),))
    assert not lost(judge, judge.joined(older, a_day(judge)), log_input=log_input)


@pytest.mark.parametrize(
    "name", ["healthy.json.gz", "day_with_429s.log.zst", "deno_isolates.json", "two_picks.log"]
)
def test_whole_samples_have_lost_nothing(name, request):
    """Drains, exports of several days and bursts of another platform are clean."""
    reading = read(request.config.rootpath / "sample_logs" / name)
    facts = gather(reading.events, reading.pools, log_input=reading.input)
    assert not [finding for finding in find_all(facts) if finding.code == "D401"]
