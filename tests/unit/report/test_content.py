"""The content of the report: the contract of `keyrota.report/1`, and its quantities."""

import json
import math
import re

import pandas as pd
import pytest

import keyrota
from keyrota.errors import ConfigurationError, ModelError
from keyrota.events import make_events
from keyrota.report.as_json import as_json
from keyrota.report.content import judge
from keyrota.report.text import as_text

# The design's contract: a field may be added, none is renamed or removed.
CONTRACT = {
    "": {"schema", "version", "input", "span", "pools", "findings"},
    "input": {"sources", "lines", "events", "ignored", "malformed", "duplicates"},
    "input.sources[]": {"name", "format", "encoding", "compression", "bytes", "lines", "truncated"},
    "span": {"first", "last"},
    "pools[]": {"name", "model", "functions", "picks", "keys", "fairness", "rotation", "rejections", "usage"},
    "pools[].keys[]": {"key", "position", "picks", "share", "expected_share", "share_low", "share_high"},
    "pools[].fairness": {"verdict", "p_value", "null", "picks_needed"},
    "pools[].rotation": {
        "isolates", "isolates_known", "cold_start_share", "mean_run_length", "broken_steps", "start_p_value",
        "picks_per_request",
    },
    "pools[].rejections": {"count", "share", "by_cause", "first", "attributed_share"},
    "pools[].usage": {"peak_per_minute", "peak_key_per_minute", "days"},
    "pools[].usage.days[]": {"date", "picks", "limit", "exhausted_at"},
    "findings[]": {"code", "name", "severity", "pool", "keys", "message", "evidence", "remedy"},
}  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report on picks, retries and 429s of CHAT over two Pacific days, as decoded JSON."""
    path = tmp_path_factory.mktemp("logs") / "a.log"
    body = '{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "50"}'
    lines = [
        f"2025-11-10T07:59:{i:02d}.25Z Using GOOGLE_KEY_{1 + i % 2} (position {1 + i % 2}/2 in pool)"
        for i in range(12)
    ]
    lines += [
        "2025-11-10T08:00:01Z Using GOOGLE_KEY_1 (position 1/2 in pool)",
        "2025-11-10T08:00:02Z Rate limited (429). Retry 1/3 after 1000ms",
        "2025-11-10T08:00:03Z Max retries exceeded (status: 429)",
        f"2025-11-10T08:00:03Z Google AI Studio error: 429 {body}",
    ]
    path.write_text("\n".join(lines) + "\n")
    reading = keyrota.logs.read.read(path)
    return json.loads(as_json(judge(reading)))


def objects_at(value, path):
    """Every object that a path of the contract names."""
    found = [value]
    for part in filter(None, path.split(".")):
        found = [item[part.removesuffix("[]")] for item in found]
        if part.endswith("[]"):
            found = [inner for item in found for inner in item]
    return found


@pytest.mark.parametrize("path", CONTRACT)
def test_contract(report, path):
    """Every object of the contract is there with all its fields."""
    objects = objects_at(report, path)
    assert objects
    for item in objects:
        assert CONTRACT[path] <= set(item)


def test_keys_are_sorted_and_numbers_finite(report):
    """JSON keys are sorted at every level, and no number is NaN or infinite."""

    def check(value):
        if isinstance(value, dict):
            assert list(value) == sorted(value)
            for item in value.values():
                check(item)
        elif isinstance(value, list):
            for item in value:
                check(item)
        elif isinstance(value, float):
            assert math.isfinite(value)

    check(report)


def test_quantities(report):
    """Picks, shares, 429s by cause, the peak minute and the Pacific days are those of the log."""
    chat = report["pools"][0]
    assert [key["picks"] for key in chat["keys"]] == [7, 6]
    assert sum(key["share"] for key in chat["keys"]) == pytest.approx(1)
    assert sum(key["expected_share"] for key in chat["keys"]) == pytest.approx(1)
    # The retry line is one rejected attempt; the line that gives up and the error are the other.
    assert chat["rejections"]["count"] == 2
    assert chat["rejections"]["by_cause"] == {"per-day": 1, "unknown": 1}
    assert chat["usage"]["peak_per_minute"] == 12
    assert chat["usage"]["peak_key_per_minute"] == 6
    # Midnight Pacific is 08:00 UTC in winter.
    days = [(day["date"], day["exhausted_at"], day["limit"], day["picks"]) for day in chat["usage"]["days"]]
    assert days == [
        ("2025-11-09", None, 100, 12),
        ("2025-11-10", "2025-11-10T08:00:03.000000000Z", 100, 1),
    ]


def test_times_are_iso_utc(report):
    """Every time is ISO 8601 in UTC."""
    for time in (report["span"]["first"], report["span"]["last"], report["pools"][0]["rejections"]["first"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", time)


def test_lines_are_conserved(report):
    """lines = used + ignored + malformed."""
    account = report["input"]
    assert account["lines"] == account["used"] + account["ignored"] + account["malformed"] == 16


def test_empty_table():
    """An event table without a row is judged: no pick, said so, and no exception."""
    report = judge(make_events({}))
    assert [finding.code for finding in report.findings] == ["D405"]
    assert report.span.first is None
    assert all(pool.fairness.verdict == "not enough data" for pool in report.pools)


def test_arguments_are_checked():
    """Something else than an event table, and a level outside (0, 1), are refused."""
    with pytest.raises(ConfigurationError, match="event table: no column time"):
        judge(pd.DataFrame({"a": [1]}))
    events = make_events({"kind": ["pick"], "key": [1], "position": [1], "size": [2], "pool": ["CHAT"]})
    with pytest.raises(ModelError, match="alpha"):
        judge(events, alpha=1.5)


def test_seed_moves_one_pool_only():
    """Each pool has a stream of its own: a pool more leaves the others' p-values alone but for Holm."""
    one = {"kind": "pick", "pool": "A", "size": 3}
    rows = [{**one, "position": 1 + i % 2, "isolate": f"a{i // 2}"} for i in range(60)]
    more = [{**one, "pool": "B", "position": 1 + i % 3, "isolate": f"b{i // 3}"} for i in range(60)]

    def starts(rows):
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        found = judge(make_events(columns), pools=keyrota.PoolConfig())
        return {pool.name: pool.rotation.start_p_value for pool in found.pools}

    assert starts(rows)["A"] == starts(rows + more)["A"]


def test_a_key_that_is_listed_twice_is_not_read_as_fair():
    """Its places are as even as can be; verdict and sentence say what is seen, with no p-value."""
    positions = [1 + n % 2 for n in range(600)]
    found = judge(
        make_events(
            {
                "kind": ["pick"] * 600,
                "pool": ["CHAT"] * 600,
                "key": [1] * 600,
                "position": positions,
                "size": [2] * 600,
                "isolate": [str(n) for n in range(600)],
            }
        )
    )
    chat = found.pools[0]
    assert (chat.fairness.verdict, chat.fairness.p_value) == ("unfair", None)
    assert [(key.key, key.picks, key.expected_share) for key in chat.keys] == [(1, 600, 0.5), (2, 0, 0.5)]
    assert {"C203", "R106"} <= {finding.code for finding in found.findings}
    assert "Unfair: a key that the mapping lists more than once has the picks of several places." in as_text(
        found
    )
