"""Shares that do not change have a change point as seldom as the level says; a change is found, in time.

Logs are simulated isolate by isolate, without the package. The p-value is that of a permutation, at most its
level with probability that level. How many logs may lie below is the bound of the binomial law at
which a check would fail falsely with probability below 1e-6, seeds being fresh; they are fixed.
"""

import numpy as np
import pytest
from scipy import stats

from keyrota.events import make_events
from keyrota.quota.calls import find_calls
from keyrota.quota.change_points import rejections_change, shares_change
from keyrota.quota.scan import EXACT_CELLS, scan_runs

ALPHA, FALSE_FAILURE = 0.05, 1e-6
SECOND = 1_000_000_000
BEGIN = 1_762_000_000 * SECOND


def bound(logs, probability):
    """Return the most logs that may be called."""
    return int(stats.binom.isf(FALSE_FAILURE, logs, probability))


def table(rng, lengths, starts, size):
    """Isolates that begin at these positions (0-based), one every 30 s on average, a pick every 5 s."""
    born = np.cumsum(rng.exponential(30, len(lengths)) * SECOND).astype(np.int64) + BEGIN
    run = np.repeat(np.arange(len(lengths)), lengths)
    number = np.arange(len(run)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    times = born[run] + number * 5 * SECOND + rng.integers(0, SECOND, len(run))
    order = np.argsort(times, kind="stable")
    position = ((starts[run] + number) % size + 1)[order].tolist()
    return make_events(
        {
            "kind": ["pick"] * len(run),
            "time": times[order].tolist(),
            "key": position,
            "position": position,
            "size": [size] * len(run),
            "isolate": [f"i{number}" for number in run[order].tolist()],
        }
    )


def lengths_of(rng, kind, isolates):
    """Cold starts; long runs; or a night of single picks after a day of longer runs."""
    mean = {"cold": 1.05, "long": 4.0, "day and night": 2.5}[kind]
    lengths = np.minimum(rng.geometric(1 / mean, isolates), 30)
    if kind == "day and night":
        lengths[isolates // 2 :] = 1
    return lengths


@pytest.mark.parametrize("law", ["uniform", "always two keys"])
@pytest.mark.parametrize("kind", ["cold", "long", "day and night"])
def test_constant_shares_change_as_seldom_as_the_level_says(kind, law):
    """100 logs of each kind, healthy or with a constant fault, also where run lengths change."""
    rng = np.random.default_rng([20240601, len(kind), len(law)])
    p_values = []
    for _ in range(100):
        size = int(rng.choice([2, 4, 10]))
        lengths = lengths_of(rng, kind, int(rng.integers(120, 300)))
        starts = rng.integers(size if law == "uniform" else 2, size=len(lengths))
        found = shares_change(table(rng, lengths, starts, size), alpha=ALPHA, rng=rng)
        if found is not None:
            p_values.append(found.p_value)
    assert len(p_values) > 80
    assert np.mean(p_values) > 0.35  # 0.5 in all, with a standard error of 0.03
    assert sum(p <= ALPHA for p in p_values) <= bound(len(p_values), ALPHA)


def test_many_isolates_whose_sums_are_drawn_as_normal():
    """100 scans at one split and at many, above the number of runs that are permuted one by one."""
    rng = np.random.default_rng(20240602)
    size, isolates, draws = 4, 12_000, 999
    assert isolates * size * draws > EXACT_CELLS
    law = [0.4, 0.3, 0.2, 0.1]
    called = {1: 0, 19: 0}
    for _ in range(100):
        lengths = lengths_of(rng, "day and night", isolates)
        starts = rng.choice(size, size=isolates, p=law)
        shapes = np.zeros((isolates, size), dtype=np.int64)
        for number in range(int(lengths.max())):
            shapes[lengths > number, number % size] += 1
        for splits in called:
            at = np.linspace(150, isolates - 150, splits).astype(np.int64)
            called[splits] += scan_runs(starts, shapes, at, rng=rng, draws=draws).p_value <= ALPHA
    assert all(number <= bound(100, ALPHA) for number in called.values()), called


@pytest.mark.parametrize("kind", ["cold", "long"])
def test_a_second_half_that_starts_at_key_1_is_found_in_time(kind):
    """In all of 25 logs of 200 isolates the change is called at 1e-3, and within a tenth of the log."""
    rng = np.random.default_rng([20240603, len(kind)])
    called, off = [], []
    for _ in range(25):
        lengths = lengths_of(rng, kind, 200)
        starts = rng.integers(4, size=200)
        starts[100:] = 0
        events = table(rng, lengths, starts, 4)
        found = shares_change(events, alpha=1e-3, rng=rng)
        called.append(found.is_beyond_chance(1e-3))
        truth = events["time"][events["isolate"] == "i100"].iloc[0].value
        off.append((found.time_ns - truth) / (events["time"].iloc[-1].value - events["time"].iloc[0].value))
    assert all(called)
    assert np.median(np.abs(off)) < 0.03
    assert np.quantile(np.abs(off), 0.9) < 0.1


def days_of_calls(rng, days, shares):
    """Calls with bursts of 429s, more of them at noon, each day with its own share."""
    rows = []
    for day in range(days):
        for hour in range(24):
            busy = 1 + 3 * (hour in range(10, 16))
            share = min(0.9, shares[day] * busy * rng.gamma(0.5, 2.0))
            for minute in rng.integers(60, size=int(rng.poisson(3 * busy))).tolist():
                time = BEGIN + ((day * 24 + hour) * 60 + minute) * 60 * SECOND + int(rng.integers(SECOND))
                rows.append((time, "pick", f"i{len(rows)}", 1))
                if rng.random() < share:
                    rows.append((time + SECOND, "rejection", rows[-1][2], None))
    rows.sort()
    names = ("time", "kind", "isolate", "key")
    return make_events(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def test_429s_that_follow_the_clock_and_cluster_are_no_change():
    """100 logs of 14 days with a rhythm and bursts, the same every day but for chance."""
    rng = np.random.default_rng(20240604)
    p_values = []
    for _ in range(100):
        events = days_of_calls(rng, 14, np.full(14, 0.05))
        p_values.append(rejections_change(events, find_calls(events), alpha=ALPHA, rng=rng).p_value)
    assert sum(p <= ALPHA for p in p_values) <= bound(100, ALPHA)


def test_429s_that_become_more_are_found():
    """14 days, five times the share of 429s after the ninth: called in most of 20 logs, within a day."""
    rng = np.random.default_rng(20240605)
    off = []
    for _ in range(20):
        events = days_of_calls(rng, 14, np.repeat([0.03, 0.15], [9, 5]))
        found = rejections_change(events, find_calls(events), alpha=ALPHA, rng=rng)
        if found.is_beyond_chance(ALPHA):
            assert found.after[0] > 2 * found.before[0]
            off.append(abs(found.time_ns - BEGIN - 9 * 86_400 * SECOND) / (86_400 * SECOND))
    assert np.median(off) < 1
    assert len(off) >= 15  # of 40 other logs 95 % were: fewer than 15 of 20 would be below 1e-3
