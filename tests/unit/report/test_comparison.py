"""The comparison in the report: contract, correction for many comparisons, and the words."""

import dataclasses
import json

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from keyrota.errors import InputError
from keyrota.events import make_events
from keyrota.logs.read import LogInput, Reading, SourceInput
from keyrota.pools.load import load_pools
from keyrota.report.as_json import as_json
from keyrota.report.comparison import ComparisonReport, compare_readings
from keyrota.report.comparison_text import MOST_KEYS, comparison_as_text
from keyrota.report.content import judge
from keyrota.rotation.multiple import holm

SECOND = 1_000_000_000
BEGIN = 1_762_000_000 * SECOND


def reading(positions, *, begin=0, name="a.json", pool="CHAT", size=2, rejected=(), timed=True, first_key=1):
    """Cold starts once a minute."""
    rows = []
    for n, position in enumerate(positions):
        time = BEGIN + (begin + n) * 60 * SECOND if timed else None
        rows.append(("pick", time, position, f"{name}{begin}-{n}"))
        if n in rejected:
            rows.append(("rejection", time and time + SECOND, None, f"{name}{begin}-{n}"))
    events = make_events(
        {
            "kind": [row[0] for row in rows],
            "time": [row[1] for row in rows],
            "key": [row[2] and row[2] + first_key - 1 for row in rows],
            "position": [row[2] for row in rows],
            "size": [row[2] and size for row in rows],
            "pool": [pool] * len(rows),
            "isolate": [row[3] for row in rows],
            "source": [name] * len(rows),
        }
    )
    source = SourceInput(name, "json", "utf-8", None, 9000, len(rows), len(rows), 0, 0, 0, truncated=False)
    return Reading(events, LogInput((source,)), load_pools())


def turns(number, size=2):
    return (np.arange(number) % size + 1).tolist()


@pytest.fixture(scope="module")
def changed():
    """All starts at key 1, and four times the 429s."""
    earlier = reading(turns(600), rejected=range(0, 600, 40))
    later = reading([1] * 600, begin=1000, name="b.json", rejected=range(0, 600, 10))
    return compare_readings(earlier, later)


def words(comparison, **options):
    return " ".join(comparison_as_text(comparison, **options).split())


def test_what_changed_in_words(changed):
    """Each comparison is a sentence; what is beyond chance has its numbers, shares a table."""
    text = words(changed)
    assert text.startswith(
        "Against a.json (2025-11-01 12:26 to 2025-11-01 22:25 UTC) CHAT (600 picks -> 600)"
    )
    assert "Key 2: no longer picked." in text
    assert "Shares of the keys: the largest change is 50.0 % -> 100.0 %, beyond chance (p = " in text
    assert "key picks -> share -> 1 300 600 50.0 % 100.0 % 2 300 0 50.0 % 0.0 %" in text
    assert "429s: 2.5 % -> 10.0 %, beyond chance (p = " in text
    assert "Cold starts: all picks in both periods." in text
    assert "Traffic: 1 -> 1 picks a minute (1 times, " in text
    assert text.endswith("Beyond chance: p below 0.001, corrected for the number of comparisons.")


def test_nothing_changed_in_words():
    """No table, no numbers of shares, and no alarm."""
    text = words(compare_readings(reading(turns(200)), reading(turns(300), begin=1000)))
    assert "Shares of the keys: no change beyond chance (p = " in text
    assert "429s: none in both periods." in text
    assert " beyond chance (p" not in text.replace("no change beyond chance (p", "")


def test_contract_and_json(changed):
    """The JSON of a report has one more field; it reads back to the same structure."""
    content = judge(reading(turns(40)))
    plain = json.loads(as_json(replace(content, comparison=changed)))
    assert msgspec.convert(plain["comparison"], ComparisonReport) == changed
    assert plain["schema"] == "keyrota.report/1"
    assert set(plain["comparison"]) == {"earlier", "later", "alpha", "pools"}
    assert set(plain["comparison"]["pools"][0]) == {
        "name", "picks_before", "picks_after", "sizes_before", "sizes_after", "keys", "changes",
    }  # fmt: skip
    assert json.loads(as_json(content))["comparison"] is None


def test_all_comparisons_are_one_family():
    """Adjusted p-values are Holm's over all pools."""
    pools = [("CHAT", 2, 1), ("ARTIFACT", 4, 3), ("IMAGE", 4, 7)]

    def joined(begin, starts):
        parts = [
            reading(starts(size), begin=begin, pool=pool, size=size, first_key=key, name=f"{pool}.json")
            for pool, size, key in pools
        ]
        rows = {
            name: [value for part in parts for value in part.events[name].astype(object).where(
                part.events[name].notna(), None).tolist()]
            for name in parts[0].events.columns if name != "time"
        }  # fmt: skip
        rows["time"] = [time.value for part in parts for time in part.events["time"]]
        return dataclasses.replace(parts[0], events=make_events(rows))

    generator = np.random.default_rng(1)
    report = compare_readings(
        joined(0, lambda size: turns(200, size)),
        joined(1000, lambda size: generator.integers(1, size + 1, size=200).tolist()),
    )
    changes = [change for pool in report.pools for change in pool.changes if change.p_value is not None]
    assert [pool.name for pool in report.pools] == ["CHAT", "ARTIFACT", "IMAGE"]
    assert len(changes) == 6
    assert [change.adjusted_p_value for change in changes] == holm([c.p_value for c in changes]).tolist()
    assert not any(change.is_beyond_chance for change in changes)


def test_shares_of_three_pools_can_be_beyond_chance_at_the_usual_level():
    """The permutations are so many that the correction does not hide what is certain."""
    report = compare_readings(reading(turns(100)), reading([1] * 100, begin=1000), alpha=1e-3)
    shares = report.pools[0].changes[0]
    assert shares.p_value * 18 < 1e-2
    assert shares.is_beyond_chance


def test_same_seed_same_report(changed):
    """The comparison is a function of its logs and its seed."""
    logs = reading(turns(100)), reading(turns(90), begin=1000)
    assert compare_readings(*logs, seed=3) == compare_readings(*logs, seed=3)


def test_only_what_lies_before_is_compared():
    """Of an earlier log that reaches into the later one, the rest is left out."""
    whole = reading(turns(300))
    later = dataclasses.replace(whole, events=whole.events.iloc[200:])
    report = compare_readings(whole, later)
    assert (report.pools[0].picks_before, report.pools[0].picks_after) == (200, 100)
    assert report.earlier.last < report.later.first
    with pytest.raises(InputError, match=r'no event of "a\.json" lies before'):
        compare_readings(later, whole)


def test_logs_without_times():
    """Two of them are compared as they are given; one with itself is refused."""
    earlier, later = (reading(turns(50), name=name, timed=False) for name in ("a.log", "b.log"))
    report = compare_readings(earlier, later)
    assert report.earlier.first is None
    assert "Against a.log (without times)" in words(report)
    assert "429s: none" in words(report)
    with pytest.raises(InputError, match="compared with itself"):
        compare_readings(earlier, earlier)


def test_pools_that_only_one_log_knows():
    """They are named, without a comparison."""
    report = compare_readings(reading(turns(50), pool="OLD", size=2), reading(turns(50), begin=1000))
    assert [pool.name for pool in report.pools] == ["CHAT", "OLD"]
    assert "No pick of OLD in the later log." in words(report)
    assert "No pick of CHAT in the earlier log." in words(report)


def test_many_keys_and_hostile_names():
    """The table holds the keys that changed most; no control character passes."""
    starts = turns(2000, 40)
    later = reading([1 + n % 8 for n in range(2000)], begin=4000, size=40)
    report = compare_readings(reading(starts, size=40, name="a\x1b[31m.json"), later)
    text = comparison_as_text(report, color=False)
    assert "\x1b" not in text
    assert (
        sum(line.split()[:1] != [] and line.split()[0].isdigit() for line in text.splitlines()) == MOST_KEYS
    )


def test_an_empty_comparison():
    """Without a pick there is nothing to compare."""
    none = reading([])
    report = compare_readings(none, dataclasses.replace(none, input=LogInput(())))
    assert report.pools == []
    assert "No pick in either log." in words(report)
