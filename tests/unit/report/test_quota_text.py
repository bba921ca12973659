"""What a report says about 429s, limits and use: no share without picks, each limit beside its use."""

import numpy as np
import pytest

import keyrota
from keyrota.events import make_events
from keyrota.pools.declared import Pool, PoolConfig, Quota
from keyrota.report.markdown import report_as_markdown
from keyrota.report.text import as_text

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
MIDNIGHT = 29_379_360 * MINUTE  # 2025-11-10 08:00 UTC


def report(calls, *, keys=(1, 2), quota=None, size=None, lost=()):
    """Judge calls of (key, seconds after midnight, cause of its 429 or None), each in its own isolate."""
    rows = []
    for number, (key, at, cause) in enumerate(calls):
        own = {"time": MIDNIGHT + round(at * SECOND), "isolate": f"i{number}", "pool": "CHAT"}
        place = {"key": key, "position": keys.index(key) + 1, "size": size or len(keys)}
        if number not in lost:
            rows.append({"kind": "pick"} | own | place)
        if cause is not None:
            rows.append({"kind": "rejection", "status": 429, "cause": cause} | own)
    names = dict.fromkeys(name for row in rows for name in row)
    events = make_events({name: [row.get(name) for row in rows] for name in names})
    pool = Pool(name="CHAT", keys=keys, functions=("chat",), quota=quota or Quota())
    return keyrota.judge(events, pools=PoolConfig(pools=(pool,)))


def words(found):
    return " ".join(as_text(found, width=100).split())


def test_causes_that_are_all_unknown_are_told_once():
    """How a cause is told is said where one is known."""
    calls = [(1 + n % 2, 600 * n, "unknown" if n < 4 else None) for n in range(20)]
    assert "429s: 4 (20.0 % of picks): 4 unknown; the first at" in words(report(calls))
    calls.append((1, 20_000, "per-minute"))
    found = words(report(calls))
    assert "1 per-minute, 4 unknown (1 stated by the error, 4 unknown); the first at" in found


@pytest.mark.parametrize("kept", [1, 2])
def test_more_429s_than_picks_have_no_share(kept):
    """Their picks are missing, wherever the share would stand."""
    calls = [(1, 600 * n, "per-minute") for n in range(5)]
    found = report(calls, lost=range(kept, 5), quota=Quota(per_minute=2))
    assert found.pools[0].rejections.share is None
    assert "429s: 5: 5 per-minute; the first" in words(found)
    row = next(line for line in report_as_markdown(found).splitlines() if line.startswith("| CHAT"))
    assert row.endswith("| 5 429s |")


def test_as_many_429s_as_picks_have_a_share():
    """All calls failed."""
    found = report([(1, 600 * n, "per-minute") for n in range(5)], quota=Quota(per_minute=2))
    assert found.pools[0].rejections.share == 1.0


@pytest.mark.parametrize(("keys", "is_said"), [((1,), False), ((1, 2), True)])
def test_one_key_is_no_choice(keys, is_said):
    """What cold starts do to the choice of a key is said of several keys alone."""
    rng = np.random.default_rng(1)
    calls = [(int(rng.choice(keys)), 60 * n, None) for n in range(30)]
    found = words(report(calls, keys=keys))
    assert "100 % of the picks are cold starts" in found
    assert ("is in effect a random choice" in found) is is_said


def test_the_day_of_one_key_beside_that_of_all():
    """60 calls of one key are within 100 of two keys, and beyond 50 of one: both are said."""
    calls = [(1, 600 * n, None) for n in range(60)]
    found = words(report(calls, size=1, quota=Quota(per_day=50)))
    assert (
        "busiest Pacific day: 60 picks, where 100 pass of all keys together; of one key 60, where 50" in found
    )
    assert "the limits would reject 10 calls" in found


@pytest.mark.parametrize("number", [40, 120])
def test_the_day_of_one_key_is_left_out_where_the_sum_tells_the_same(number):
    """Within the limit of each key, or beyond that of all."""
    calls = [(1 + n % 2, 300 * n, None) for n in range(number)]
    found = words(report(calls, quota=Quota(per_day=50)))
    assert f"busiest Pacific day: {number} picks, where 100 pass." in found
