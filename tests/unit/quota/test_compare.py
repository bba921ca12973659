"""Two periods of one pool: each comparison with its null, and what it says where the data cannot tell."""

import numpy as np
import pytest
from scipy import stats

from keyrota.events import make_events
from keyrota.quota.calls import find_calls
from keyrota.quota.compare import Period, compare
from keyrota.quota.rates import Counted, rate_change, ratio_p_value

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
BEGIN = 1_762_000_000 * SECOND
HOUR_NS = 3600 * SECOND


def rng():
    return np.random.default_rng(20240801)


def period(starts, *, begin=0, size=4, length=1, ids=True, rejected=(), spacing=MINUTE, cause="per-minute"):
    """Isolates one after the other, from `begin` minutes on; every isolate in `rejected` gets a 429."""
    rows = []
    for n, start in enumerate(starts):
        born = BEGIN + begin * MINUTE + n * spacing
        isolate = f"i{begin}-{n}" if ids else None
        rows += [
            ("pick", born + k * SECOND, (start - 1 + k) % size + 1, isolate, None) for k in range(length)
        ]
        if n in rejected:
            rows.append(("rejection", born + length * SECOND, None, isolate, cause))
    events = make_events(
        {
            "kind": [row[0] for row in rows],
            "time": [row[1] for row in rows],
            "key": [row[2] for row in rows],
            "position": [row[2] for row in rows],
            "size": [size if row[2] else None for row in rows],
            "isolate": [row[3] for row in rows],
            "cause": [row[4] for row in rows],
        }
    )
    span = (int(events["time"].min().value), int(events["time"].max().value)) if rows else None
    return Period(events, find_calls(events), span)


def turns(number):
    return (np.arange(number) % 4 + 1).tolist()


def changes(earlier, later, draws=1_999):
    result = compare(earlier, later, rng=rng(), draws=draws)
    return result, {(change.what, change.cause): change for change in result.changes}


def test_nothing_has_changed():
    """No comparison is small where both periods are alike; 429s that are not there are not tested."""
    result, found = changes(period(turns(400)), period(turns(300), begin=1000))
    assert (result.picks_before, result.picks_after) == (400, 300)
    assert [(key.key, key.picks_before, key.picks_after) for key in result.keys] == [
        (k, 100, 75) for k in range(1, 5)
    ]
    assert result.sizes_before == result.sizes_after == (4,)
    assert found["shares", None].p_value > 0.5
    assert found["traffic", None].p_value > 0.5
    assert found["rejections", None].p_value is None
    assert (found["rejections", None].before, found["rejections", None].after) == (0.0, 0.0)
    assert found["cold starts", None].before == found["cold starts", None].after == 1.0


@pytest.mark.parametrize("ids", [True, False])
def test_shares_that_changed(ids):
    """All starts at key 1 are beyond chance, with isolates and without; the latter is noted."""
    _, found = changes(period(turns(200), ids=ids), period([1] * 200, begin=1000, ids=ids))
    shares = found["shares", None]
    assert shares.p_value <= 1 / 2000
    assert (shares.before, shares.after) == (0.25, 1.0)
    assert (shares.note is None) is ids


def test_without_isolates_it_is_the_g_test():
    """The fall-back is the likelihood-ratio test of homogeneity."""
    before, after = [1] * 30 + [2] * 20, [1] * 20 + [2] * 35
    _, found = changes(period(before, size=2, ids=False), period(after, size=2, ids=False, begin=1000))
    truth = stats.chi2_contingency([[30, 20], [20, 35]], correction=False, lambda_="log-likelihood")
    assert found["shares", None].p_value == pytest.approx(truth.pvalue)


def test_an_isolate_is_one_piece_of_evidence():
    """Two isolates with 200 picks of one key each prove less than 400 picks would."""
    stuck = [make_stuck(0, [1, 2]), make_stuck(2000, [3, 4])]
    _, found = changes(*stuck)
    assert found["shares", None].p_value > 0.05


def make_stuck(begin, positions):
    number = 200
    columns = {
        "kind": ["pick"] * number * len(positions),
        "position": [p for p in positions for _ in range(number)],
        "size": [4] * number * len(positions),
        "isolate": [f"{begin}-{p}" for p in positions for _ in range(number)],
        "time": [BEGIN + begin * MINUTE + n * SECOND for n in range(number * len(positions))],
    }
    events = make_events(columns)
    return Period(events, find_calls(events), None)


def test_a_pool_that_changed_its_size():
    """Sizes and lost keys are told; the shares are compared key by key, with a note."""
    later = period([(n % 3) + 1 for n in range(300)], size=3, begin=1000)
    result, found = changes(period(turns(300)), later)
    assert (result.sizes_before, result.sizes_after) == ((4,), (3,))
    assert [key.key for key in result.keys if not key.picks_after] == [4]
    assert found["shares", None].p_value < 1e-6
    assert "size differs" in found["shares", None].note


def test_429s_that_changed():
    """Their share, and that of each cause where there are several."""
    before = period(turns(400), rejected=range(0, 400, 40))
    _, found = changes(before, period(turns(400), begin=1000, rejected=range(0, 400, 4)))
    rejections = found["rejections", None]
    assert (rejections.before, rejections.after) == pytest.approx((0.025, 0.25))
    assert rejections.p_value < 1e-3
    assert not [cause for what, cause in found if what == "rejections by cause"]
    other = period(turns(400), begin=1000, rejected=range(0, 400, 4), cause="per-day")
    _, found = changes(before, other)
    assert found["rejections by cause", "per-minute"].after == 0.0
    assert found["rejections by cause", "per-day"].p_value < 1e-3


def test_longer_runs_are_fewer_cold_starts():
    """The share of picks that are an isolate's first."""
    later = period(turns(400), begin=1000, length=3)
    _, found = changes(period(turns(400)), later)
    cold = found["cold starts", None]
    assert (cold.before, cold.after) == pytest.approx((1.0, 1 / 3))
    assert cold.p_value < 1e-6
    assert ("cold starts", None) not in changes(period(turns(40), ids=False), later)[1]


def test_traffic_that_doubled():
    """The interval holds the truth."""
    _, found = changes(period(turns(600)), period(turns(2000), begin=2000, spacing=MINUTE // 2))
    traffic = found["traffic", None]
    assert traffic.ratio_low < 2.0 < traffic.ratio_high
    assert traffic.p_value < 1e-6
    assert "shorter than a day" in traffic.note


def test_a_pool_without_a_pick_in_one_period():
    """It is told by its numbers, and not compared: the export may be another function's."""
    result, found = changes(period(turns(40)), period([]))
    assert (result.picks_before, result.picks_after) == (40, 0)
    assert found == {}


def test_periods_without_times():
    """Shares can be compared, rates cannot."""
    events = [
        make_events({"kind": ["pick"] * 40, "position": [1 + n % k for n in range(40)], "size": [4] * 40})
        for k in (4, 2)
    ]
    _, found = changes(*(Period(one, find_calls(one), None) for one in events))
    assert found["shares", None].p_value < 1e-3
    assert ("traffic", None) not in found


def clustered(generator, hours, share, begin=0):
    """Calls of which those of some hours are rejected, together."""
    times = np.sort(generator.integers(0, hours * HOUR_NS, size=hours * 20)) + begin
    bad = generator.random(hours) < share
    return Counted(times, bad[(times - begin) // HOUR_NS].astype(np.float64))


def test_429s_that_cluster_for_hours_are_not_taken_one_by_one():
    """200 pairs of alike periods: below 0.05 not more often than that, with five standard errors."""
    generator = rng()
    p_values = [
        ratio_p_value(clustered(generator, 72, 0.15), clustered(generator, 72, 0.15, begin=10**15))
        for _ in range(200)
    ]
    assert np.mean(np.array(p_values) < 0.05) <= 0.05 + 5 * np.sqrt(0.05 * 0.95 / 200)
    assert np.mean(p_values) > 0.35


def test_zeros_and_few_minutes():
    """No 429 in one period is uncertain too; too few minutes are no test; all alike is no change."""
    times = np.arange(200) * MINUTE
    none, some = np.zeros(200), (np.arange(200) % 10 == 0).astype(np.float64)
    assert ratio_p_value(Counted(times, none), Counted(times, some)) < 1e-3
    few = ratio_p_value(Counted(times[:20], none[:20]), Counted(times, some))
    assert 0.05 < few < 0.5
    assert ratio_p_value(Counted(times[:2], none[:2]), Counted(times, some)) is None
    assert ratio_p_value(Counted(times, none), Counted(times, none)) == 1.0
    assert ratio_p_value(Counted(times, none, is_timed=False), Counted(times, some)) is None
    assert Counted(times[:0], none[:0]).share is None


def test_rates_of_waves_and_of_nothing():
    """Waves widen the interval; an empty period has no ratio; an empty span is none."""
    steady = np.arange(0, 48 * HOUR_NS, 2 * MINUTE)
    waves = np.concatenate([h * HOUR_NS + np.arange(0, HOUR_NS, MINUTE // 2) for h in range(0, 48, 4)])
    whole = (0, 48 * HOUR_NS)
    plain, wavy = rate_change((steady, whole), (steady, whole)), rate_change((steady, whole), (waves, whole))
    assert plain.p_value == 1.0
    assert wavy.before == wavy.after == 0.5
    assert np.log(wavy.ratio_high / wavy.ratio_low) > 3 * np.log(plain.ratio_high / plain.ratio_low)
    nothing = rate_change((steady, whole), (steady[:0], whole))
    assert (nothing.after, nothing.ratio_low, nothing.p_value < 1e-6) == (0.0, None, True)
    assert rate_change((steady, whole), (steady, (0, 0))) is None
    assert rate_change((steady, whole), (steady[:1], (0, MINUTE))).p_value is None


def test_rates_of_alike_periods_differ_as_seldom_as_the_level_says():
    """500 pairs of Poisson periods: below 0.05 in no more, with five standard errors."""
    generator = rng()
    p_values = []
    for _ in range(500):
        parts = [
            (np.sort(generator.integers(0, 30 * HOUR_NS, generator.poisson(300))), (0, 30 * HOUR_NS))
            for _ in range(2)
        ]
        p_values.append(rate_change(*parts).p_value)
    assert np.mean(np.array(p_values) < 0.05) <= 0.05 + 5 * np.sqrt(0.05 * 0.95 / 500)
