"""What a store says of itself."""

from pathlib import Path

import pytest

from keyrota.history.text import as_text
from keyrota.history.times import DAY_NS, day_name, day_sql, iso

ROOT = Path(__file__).resolve().parents[3]


def test_adds_and_days_are_told(store, log):
    """Each add with its sources, rows and repeats; each day and pool with its events."""
    store.add([log(0, 60), log(1430, 1450)])
    store.add(log(50, 70))
    listing = store.list()
    assert [(add.number, add.rows, add.duplicates, len(add.sources)) for add in listing.adds] == [
        (1, 80, 0, 2),
        (2, 10, 10, 1),
    ]
    first = listing.adds[0].sources[0]
    assert (first.first, first.last, first.lines) == ("2025-11-12T00:00:00Z", "2025-11-12T00:59:00Z", 60)
    assert [(day.day, day.pool, day.events, day.picks, day.rejections) for day in listing.days] == [
        ("2025-11-12", "ARTIFACT", 80, 80, 0),
        ("2025-11-13", "ARTIFACT", 10, 10, 0),
    ]
    assert (listing.rows, listing.first, listing.last) == (90, "2025-11-12T00:00:00Z", "2025-11-13T00:09:00Z")
    assert listing.bytes == store.path.stat().st_size


def test_totals_are_those_of_the_events(store):
    """Also of rows without a pool or a time."""
    store.add(ROOT / "sample_logs" / "day_with_429s.log.zst")
    store.add(ROOT / "sample_logs" / "mojibake.txt")
    events, days = store.read().events, store.list().days
    assert sum(day.events for day in days) == len(events)
    assert sum(day.rejections for day in days) == (events["kind"] == "rejection").sum()
    assert sum(day.events for day in days if day.day is None) == events["time"].isna().sum()
    assert sum(day.events for day in days if day.pool is None) == events["pool"].isna().sum()


def test_text_shows_the_last_and_says_what_it_leaves_out(store, log):
    """A store of years is no wall of text."""
    assert "nothing was added yet" not in as_text(_listing(store, log, 1), color=False, width=100)
    text = as_text(_listing(store, log, 25), color=False, width=100)
    assert "6 adds before these: --format json shows all" in text
    assert "2025-11-12  ARTIFACT" in text
    assert "0-10.log" not in text
    assert all(line == line.rstrip() for line in text.split("\n"))


def _listing(store, log, adds):
    for number in range(adds):
        store.add(log(10 * number, 10 * number + 10))
    return store.list()


@pytest.mark.parametrize(
    ("time", "text"), [(-1, "1969-12-31"), (0, "1970-01-01"), (DAY_NS - 1, "1970-01-01")]
)
def test_days_begin_at_midnight_utc(time, text):
    """Before 1970 too, in Python and in SQL."""
    import duckdb

    assert day_name(time) == text
    rows = duckdb.execute(f"SELECT {day_sql('time')} FROM (SELECT {time}::BIGINT AS time)").fetchall()
    assert [day_name(day * DAY_NS) for (day,) in rows] == [text]


def test_times_are_iso():
    """To the nanosecond, where there is one."""
    assert iso(1_762_917_393_993_000_000) == "2025-11-12T03:16:33.993Z"
    assert iso(None) is None
