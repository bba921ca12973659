"""What figures are drawn from: hours by cause, busy minutes, runs; and what their texts and tables tell."""

import pytest

from keyrota.events import make_events
from keyrota.report import figures
from keyrota.report.content import MOST_POSITIONS, MOST_RUNS, judge

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
BEGIN = 1_762_761_600 * SECOND  # 2025-11-10 08:00 UTC, midnight in Los Angeles


def table(rows):
    """Rows of (kind, isolate, ns after BEGIN, key, cause, limit) of a pool of four keys."""
    rows = sorted(rows, key=lambda row: row[2])
    columns = [list(column) for column in zip(*rows, strict=True)]
    kinds, isolates, times, keys, causes, limits = columns
    return make_events(
        {
            "kind": kinds, "isolate": isolates, "time": [BEGIN + time for time in times], "key": keys,
            "position": keys, "size": [4 if key else None for key in keys], "cause": causes, "limit": limits,
            "pool": ["CHAT"] * len(rows),
        }
    )  # fmt: skip


def pick(isolate, time, key):
    return ("pick", isolate, time, key, None, None)


def rejection(isolate, time, cause, limit=None):
    return ("rejection", isolate, time, None, cause, limit)


@pytest.fixture(scope="module")
def report():
    """Ten isolates of four picks in two hours; key 1 is called four times in one minute, and rejected."""
    rows = [
        pick(f"i{n}", n * 600 * SECOND + k * 5 * SECOND, (n + k) % 4 + 1) for n in range(10) for k in range(4)
    ]
    rows += [pick(f"j{n}", 3 * HOUR + n * SECOND, 1) for n in range(4)]
    rows += [
        rejection(f"j{n}", 3 * HOUR + n * SECOND + 9, cause, 2) for n, cause in ((2, "per-minute"), (3, None))
    ]
    return judge(table(rows))


@pytest.fixture(scope="module")
def chat(report):
    return report.pools[0]


def of(name, report):
    return next(figure for figure in figures.pool_figures(report) if figure.name == name)


def test_429s_of_an_hour_by_cause(chat):
    """The cause is what the error states, else what the replay tells; the hours add up to the whole."""
    assert [hour.by_cause for hour in chat.over_time.hours] == [{}, {}, {"per-minute": 2}]
    assert [day.by_cause for day in chat.over_time.days] == [{"per-minute": 2}]
    assert chat.rejections.by_cause == {"per-minute": 2}
    assert chat.rejections.cause_told_by == {"stated": 1, "replay": 1}


def test_busiest_minute_of_a_key_in_each_hour(chat):
    """Calls of one key in a calendar minute; the largest of all hours is that of the pool."""
    assert [hour.peak_key_per_minute for hour in chat.over_time.hours] == [1, 1, 4]
    assert [day.peak_key_per_minute for day in chat.over_time.days] == [4]
    assert max(key.peak_per_minute for key in chat.keys) == 4


def test_runs_are_the_longest_and_earliest(chat):
    """A few isolates with the most picks, the earlier first, with their positions in order."""
    assert len(chat.runs) == MOST_RUNS
    assert [run.first for run in chat.runs[:2]] == [
        "2025-11-10T08:00:00.000000000Z", "2025-11-10T08:10:00.000000000Z"
    ]  # fmt: skip
    assert [run.positions for run in chat.runs] == [[(n + k) % 4 + 1 for k in range(4)] for n in range(6)]
    assert {(run.size, run.picks) for run in chat.runs} == {(4, 4)}


def test_a_long_run_is_cut_and_an_unknown_one_left_out():
    """The first positions of a long run are kept, with the number of all; without isolates there is none."""
    rows = [pick("long", n * SECOND, n % 4 + 1) for n in range(100)]
    (run,) = judge(table(rows)).pools[0].runs
    assert run.picks == 100
    assert run.positions == [n % 4 + 1 for n in range(MOST_POSITIONS)]
    assert judge(table([pick(None, n, 1) for n in range(9)])).pools[0].runs == []


def test_shares_tell_every_key(report, chat):
    """The table has the picks and shares of the report; the text says the same."""
    figure = of("shares", report)
    assert figure.columns[:5] == ("key", "place", "picks", "share", "expected")
    assert [row[2] for row in figure.rows] == [f"{key.picks:,}" for key in chat.keys]
    assert [row[3] for row in figure.rows] == [f"{100 * key.share:.1f} %" for key in chat.keys]
    assert figure.alt.startswith(
        "Shares of 44 picks of pool CHAT over 4 keys, each expected 25.0 %: key 1 31.8 %, key 2 22.7 %"
    )
    assert figure.alt.endswith("Every 95 % interval holds the expected share.")


def test_heat_map_tells_every_hour(report, chat):
    """Hours without a pick are in the table too; rows add up to the picks of each hour and key."""
    figure = of("use", report)
    assert [row[0] for row in figure.rows] == [f"2025-11-10 {hour:02d}:00" for hour in (8, 9, 10, 11)]
    assert [int(row[1]) for row in figure.rows] == [24, 16, 0, 4]
    assert [sum(int(row[place]) for row in figure.rows) for place in range(2, 6)] == [
        key.picks for key in chat.keys
    ]
    assert "4 keys of pool CHAT in 4 hours" in figure.alt


def test_429s_over_time_tell_causes_and_limits(report):
    """One row for each hour: 429s, their causes, the busiest minute and the busiest key of the day so far."""
    figure = of("rejections", report)
    assert figure.columns == (
        "hour (UTC)", "picks", "429s", "per-minute", "busiest minute of a key", "busiest key of the day"
    )  # fmt: skip
    assert figure.rows[-1] == ("2025-11-10 11:00", "4", "2", "2", "4", "14")
    assert "2 per-minute; the most, 2, in the hour from 2025-11-10 11:00 UTC" in figure.alt
    assert "busiest minute of one key has 4; the limit is 2" in figure.alt


def test_days_and_positions_tell_the_report(report):
    """Calls of each Pacific day; positions of each isolate."""
    assert of("days", report).rows[0][:2] == ("2025-11-10", "44")
    assert of("positions", report).rows[1] == ("2", "2025-11-10 08:10:00", "4", "2 3 4 1")
    assert "0 of 18 steps shown go elsewhere" in of("positions", report).alt


def test_a_broken_step_is_told():
    """A step that does not go to the next position is counted in the text."""
    rows = [pick("i", n * SECOND, key) for n, key in enumerate([1, 2, 4, 1, 1])]
    assert "2 of 4 steps shown go elsewhere" in of("positions", judge(table(rows))).alt


def test_figures_without_data_are_left_out():
    """No pick, no figure; no time, no figure over time; no 429s, none of them."""
    assert figures.pool_figures(judge(make_events({"kind": []}))) == []
    rows = {"kind": ["pick"] * 6, "key": [1] * 6, "position": [1] * 6, "size": [2] * 6, "pool": ["CHAT"] * 6}
    timeless = judge(make_events({**rows, "isolate": ["a"] * 6}))
    assert [figure.name for figure in figures.pool_figures(timeless)] == ["shares", "positions"]
    timed = judge(make_events({**rows, "time": [BEGIN + n for n in range(6)]}))
    assert [figure.name for figure in figures.pool_figures(timed)] == ["shares", "use", "days"]
