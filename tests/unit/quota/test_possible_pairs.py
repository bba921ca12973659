"""Pairs that are left out before any likelihood could not have passed the bar; those that share are kept."""

from itertools import combinations
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyrota.events import CAUSES
from keyrota.quota import blocks, possible_pairs, windows
from keyrota.quota.blocks import ROUNDING, Blocks, spread_out, summed
from keyrota.quota.counts import FIXED, NEARLY, SLIDING, Counts
from keyrota.quota.evidence import outcomes_of
from keyrota.quota.possible_pairs import EXPLAINS
from keyrota.quota.shared import find_shared
from keyrota.quota.suspects import KnownLimits, Suspects

SECOND = 1_000_000_000
MIDNIGHT = 29_379_360 * 60 * SECOND  # 2025-11-10 08:00 UTC, midnight Pacific
BAR = 4.0


def log_of_calls(rng, *, keys, calls, gap, limit, together=(), unsure=False, stated=True):
    """Calls of keys, of which some share their quota by twos; causes stated or not, some 429s uncertain."""
    times = MIDNIGHT + np.cumsum(rng.exponential(gap * SECOND, calls)).astype(np.int64)
    key = rng.integers(1, keys + 1, calls)
    quota = np.where(np.isin(key, together), (key + 1) // 2, keys + key)
    state = {name: windows.window_state(windows.FIXED, limit) for name in set(quota.tolist())}
    rejected = np.zeros(calls)
    for place, (name, time) in enumerate(zip(quota.tolist(), times.tolist(), strict=True)):
        answer = windows.call(
            windows.FIXED, limit, state[name], windows.UNLIMITED, windows.day_state(), 0, time, False
        )
        rejected[place] = answer != windows.ADMITTED
    rejected[rng.random(calls) < 0.05] = 1.0  # of another cause
    if unsure:
        some = rng.random(calls) < 0.1
        rejected[some] = rng.random(int(some.sum())).round(2)
    causes = np.where(rejected > 0, CAUSES.index("per-minute" if stated else "unknown"), -1)
    counts = Counts(times, key, 1 - rejected, np.ones(calls, dtype=bool), MIDNIGHT)
    return counts, outcomes_of(rejected, causes, counts.is_whole_day())


def suspects_of(counts, outcomes, limits, window=FIXED):
    keys = np.unique(counts.keys).tolist()
    return Suspects(counts, outcomes, dict.fromkeys(keys, limits), window), [(key,) for key in keys]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    keys=st.integers(2, 30),
    limit=st.integers(1, 5),
    per_day=st.sampled_from([None, 5, 20]),
    window=st.sampled_from([FIXED, SLIDING]),
    gap=st.sampled_from([0.5, 3.0, 20.0]),
    unsure=st.booleans(),
    stated=st.booleans(),
)
def test_a_pair_that_is_left_out_is_never_called(seed, keys, limit, per_day, window, gap, unsure, stated):
    """Every pair is compared by the likelihood: what passes the bar is among the possible ones."""
    rng = np.random.default_rng(seed)
    calls = log_of_calls(
        rng, keys=keys, calls=400, gap=gap, limit=limit, together=(1, 2, 3, 4), unsure=unsure, stated=stated
    )
    suspects, groups = suspects_of(*calls, KnownLimits(limit, per_day), window)
    possible = suspects.possible_pairs(groups, BAR)
    kept = set(possible.all()) if possible is not None else set()
    for one, other in combinations(range(len(groups)), 2):
        pair = groups[one], groups[other]
        # Without the short cut of `compare`: its own bound must hold as well.
        found = suspects.compare(pair, at_least=-np.inf)
        assert found.gain <= EXPLAINS * suspects.explains(pair) + 1e-6
        if found.gain > BAR and suspects.compare(pair, at_least=BAR).log_ratio > BAR:
            assert (one, other) in kept


def test_joined_keys_find_a_third():
    """After two keys have become one unit, what could go with it is found like before: three keys."""
    rng = np.random.default_rng(3)
    counts, outcomes = log_of_calls(rng, keys=12, calls=3_000, gap=4, limit=2, together=(1, 2))
    trio = np.isin(counts.keys, (5, 6, 7))
    state, rejected = windows.window_state(windows.FIXED, 2), 1 - counts.passed
    for place in np.flatnonzero(trio).tolist():
        answer = windows.call(
            windows.FIXED,
            2,
            state,
            windows.UNLIMITED,
            windows.day_state(),
            0,
            int(counts.times[place]),
            False,
        )
        rejected[place] = answer != windows.ADMITTED
    causes = np.where(rejected > 0, CAUSES.index("per-minute"), -1)
    counts = Counts(counts.times, counts.keys, 1 - rejected, counts.is_counted, MIDNIGHT)
    outcomes = outcomes_of(rejected, causes, counts.is_whole_day())
    limits = dict.fromkeys(range(1, 13), KnownLimits(2, None, minute_is_stated=True))
    found = find_shared(counts, outcomes, limits, window=FIXED, alpha=1e-3)
    assert [group.keys for group in found] == [(1, 2), (5, 6, 7)]


@pytest.mark.parametrize("likely", [possible_pairs.LIKELY, 12])
@pytest.mark.parametrize("most_pairs", [possible_pairs.MOST_PAIRS, 50])
@pytest.mark.parametrize("most_meetings", [possible_pairs.MOST_MEETINGS, 20_000])
def test_all_pairs_are_found_also_where_few_are_compared(monkeypatch, most_meetings, most_pairs, likely):
    """Sixty keys by twos in a project, a quarter of the calls rejected: the true partner is among six."""
    monkeypatch.setattr(possible_pairs, "MOST_PAIRS", most_pairs)
    monkeypatch.setattr(possible_pairs, "MOST_MEETINGS", most_meetings)
    monkeypatch.setattr(possible_pairs, "LIKELY", likely)
    rng = np.random.default_rng(5)
    calls = log_of_calls(rng, keys=60, calls=12_000, gap=0.7, limit=2, together=range(1, 61))
    limits = dict.fromkeys(range(1, 61), KnownLimits(2, None, minute_is_stated=True))
    found = find_shared(*calls, limits, window=FIXED, alpha=1e-3)
    assert [group.keys for group in found] == [(key, key + 1) for key in range(1, 61, 2)]


def test_few_open_429s_leave_nothing_to_compare():
    """The bar of 10,000 keys is 25: it takes six 429s that one window explains."""
    assert log(2 * (10_000 * 9_999 // 2) / 1e-3) / EXPLAINS > 5
    rng = np.random.default_rng(7)
    suspects, groups = suspects_of(
        *log_of_calls(rng, keys=20, calls=40, gap=10, limit=3), KnownLimits(3, None)
    )
    assert suspects.possible_pairs(groups, 25.3) is None


def test_comparisons_grow_with_the_keys_and_not_with_their_square():
    """Healthy pools of 50 and 400 keys, one 429 in twenty unexplained: hardly a pair is compared."""
    numbers = []
    for keys in (50, 400):
        rng = np.random.default_rng(9)
        calls = log_of_calls(rng, keys=keys, calls=200 * keys, gap=30 / keys, limit=4)
        suspects, groups = suspects_of(*calls, KnownLimits(4, None, minute_is_stated=True))
        bar = log(keys * (keys - 1) / 1e-3)
        possible = suspects.possible_pairs(groups, bar)
        numbers.append(len(set(possible.all())) if possible is not None else 0)
    assert numbers[1] <= 8 * max(numbers[0], keys)


def test_a_block_names_its_busiest_units_first():
    """Three units in two minutes; a half call more or less is within the doubt of a count."""
    block, unit = np.array([7, 7, 7, 7, 9, 9]), np.array([0, 1, 1, 2, 2, -1])
    table = Blocks(block, unit, np.array([1.0, 1.0, 1.0, 0.4, 1.0, 1.0]), np.array([7, 9]))
    first, last = table.busy(np.array([7, 7, 7, 9]), np.array([2.0, 2.6, 1.0, 1.0]))
    assert [sorted(table.unit[a:b].tolist()) for a, b in zip(first, last, strict=True)] == [
        [1],
        [],
        [0, 1, 2],
        [2],
    ]
    sliding = Blocks(block, unit, np.ones(6), np.array([8, 9, 10]), is_sliding=True)
    assert sliding.unit[slice(*np.ravel(sliding.busy(np.array([8]), np.array([1.0]))))].tolist()[0] == 1


def test_ranges_are_spread_out_in_bounded_pieces(monkeypatch):
    """Each number once for each range that holds it, whatever the pieces; empty ranges have none."""
    monkeypatch.setattr(blocks, "AT_ONCE", 3)
    first, last = np.array([0, 5, 5, 2]), np.array([2, 5, 9, 3])
    pieces = [np.stack(piece) for piece in spread_out(first, last)]
    assert np.concatenate(pieces, axis=1).tolist() == [[0, 1, 5, 6, 7, 8, 2], [0, 0, 2, 2, 2, 2, 3]]


def supported(suspects, group, other):
    """The open 429s of a group in whose minute, or day, another let pass as many calls as these lack."""
    counts, found = suspects.counts, suspects.open_429s(group, 0)
    theirs = np.concatenate([counts.of(key) for key in other])
    number = 0
    for kind, block in (("minute", counts.times // (60 * SECOND)), ("day", counts.day_numbers())):
        since = block - block.min()
        made = np.bincount(since[theirs], counts.passed[theirs], minlength=int(since.max()) + 1)
        number += int(np.count_nonzero(made[since[found.at]] > found.needed(kind) - NEARLY - ROUNDING))
    return number


def possible_among_fourteen(seed, per_day):
    """Fourteen keys, of which eight share by twos; in half of the logs some 429s are uncertain."""
    rng = np.random.default_rng(seed)
    calls = log_of_calls(rng, keys=14, calls=1_500, gap=1.5, limit=2, together=range(1, 9), unsure=seed > 1)
    suspects, groups = suspects_of(*calls, KnownLimits(2, per_day))
    return suspects, groups, suspects.possible_pairs(groups, BAR)


@pytest.mark.parametrize("per_day", [None, 60])
@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_looked_at_closely_call_by_call(seed, per_day):
    """429s of both that one window could explain, calls that pass beyond it: counted one by one."""
    suspects, groups, possible = possible_among_fourteen(seed, per_day)
    minute = suspects.counts.times // (60 * SECOND)
    sure = minute[suspects._surely(groups)] - minute.min(), suspects.counts.keys[suspects._surely(groups)] - 1
    passed = np.zeros((int(sure[0].max()) + 1, len(groups)))
    np.add.at(passed, sure, 1)
    limit = possible._sure_limit
    beyond = (np.maximum(0, passed[:, :1] + passed - limit) * (passed[:, :1] * passed > 0)).sum(axis=0)
    others = np.arange(1, len(groups))
    its, theirs = possible._supports.of(0, others)
    assert its.tolist() == [supported(suspects, groups[0], groups[other]) for other in others]
    assert theirs.tolist() == [supported(suspects, groups[other], groups[0]) for other in others]
    assert its.any()
    assert theirs.any()
    assert possible._passes.with_all(0)[others].tolist() == beyond[others].tolist()
    assert possible._passes.with_some(0, others).tolist() == beyond[others].tolist()
    assert beyond[others].any()


@pytest.mark.parametrize("per_day", [None, 60])
@pytest.mark.parametrize("seed", range(4))
def test_joined_units_are_looked_at_like_others(seed, per_day):
    """Join after join, also of what is joined: every other unit with enough 429s that one could explain."""
    suspects, groups, possible = possible_among_fourteen(seed, per_day)
    possible.least = 25
    units, numbers = dict(enumerate(groups)), []
    for new, (one, other) in enumerate([(0, 1), (4, 5), (14, 2), (15, 16), (8, 3)], start=len(groups)):
        union = tuple(sorted(units.pop(one) + units.pop(other)))
        units[new] = union
        at = np.concatenate([suspects.counts.of(key) for key in union])
        found = possible.join(one, other, new, at, suspects.open_429s(union, new)).tolist()
        assert found == [
            unit
            for unit, group in units.items()
            if unit != new and supported(suspects, union, group) + supported(suspects, group, union) >= 25
        ]
        numbers.append(len(found))
    assert 0 < sum(numbers) < sum(range(9, 14))  # some, not all


def test_the_likeliest_partners_are_the_first_of_equals():
    """What a stable sort of all would give, however many share the last place."""
    rng = np.random.default_rng(11)
    for number in (0, 3, possible_pairs.PARTNERS, 200):
        others, score = np.arange(number) * 2, rng.integers(0, 4, number).astype(np.float64)
        order = np.argsort(-score, kind="stable")[: possible_pairs.PARTNERS]
        best, its_score = possible_pairs._best(others, score)
        assert (best.tolist(), its_score.tolist()) == (others[order].tolist(), score[order].tolist())


@pytest.mark.parametrize("most", [1, 50, 10**9])
def test_weights_are_summed_by_number(most):
    """By a table where the numbers are few, by sorting where they are many."""
    rng = np.random.default_rng(13)
    coded, weight = rng.integers(0, most, 300), rng.random(300)
    found, total = summed(coded, weight, most)
    assert found.tolist() == np.unique(coded).tolist()
    assert total == pytest.approx([weight[coded == one].sum() for one in found.tolist()])
