"""Keys that behave as one quota."""

from math import log

import numpy as np
import pytest

from keyrota.events import CAUSES
from keyrota.quota import windows
from keyrota.quota.counts import FIXED, Counts, reached
from keyrota.quota.evidence import Outcomes, log_likelihood, outcomes_of
from keyrota.quota.shared import _joined, find_shared
from keyrota.quota.suspects import Comparison, KnownLimits, Suspects

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
MIDNIGHT = 29_379_360 * MINUTE  # 2025-11-10 08:00 UTC
STATED = KnownLimits(2, None, minute_is_stated=True)


def traffic(projects, *, calls=600, per_minute=2, per_day=windows.UNLIMITED, gap=15, seed=1, charge=False):
    """Random picks of keys 1, 2, ... in these projects, decided by the windows that simulate."""
    rng = np.random.default_rng(seed)
    times = MIDNIGHT + np.cumsum(rng.exponential(gap * SECOND, calls)).astype(np.int64)
    keys = rng.integers(1, len(projects) + 1, calls)
    states = {
        name: (windows.window_state(windows.FIXED, per_minute), windows.day_state()) for name in projects
    }
    answers = np.array(
        [
            windows.call(windows.FIXED, per_minute, states[p][0], per_day, states[p][1], 0, time, charge)
            for time, p in zip(times.tolist(), (projects[key - 1] for key in keys), strict=True)
        ]
    )
    rejected = (answers != windows.ADMITTED).astype(float)
    causes = np.array([-1, CAUSES.index("per-minute"), CAUSES.index("per-day")])[answers]
    return counted(times, keys, rejected, causes)


def counted(times, keys, rejected, causes):
    counts = Counts(times, keys, 1 - rejected, np.ones(len(times), dtype=bool), MIDNIGHT)
    return counts, outcomes_of(rejected, causes, counts.is_whole_day())


def found(log_of_calls, limits=STATED, *, alpha=1e-3, known=(), keys=None):
    counts, outcomes = log_of_calls
    limits = limits if isinstance(limits, dict) else dict.fromkeys(np.unique(counts.keys).tolist(), limits)
    return find_shared(counts, outcomes, limits, window=FIXED, alpha=alpha, known=known)


@pytest.mark.parametrize(
    ("projects", "groups"),
    [
        ("abcd", []),
        ("aabc", [(1, 2)]),
        ("abca", [(1, 4)]),
        ("aabb", [(1, 2), (3, 4)]),
        ("aaab", [(1, 2, 3)]),
        ("aaaa", [(1, 2, 3, 4)]),
        ("aa", [(1, 2)]),
    ],
)
def test_the_groups_are_those_of_the_projects(projects, groups):
    """Pairs, two pairs, three and four keys; all of their 429s are then explained."""
    shared = found(traffic(projects))
    assert [group.keys for group in shared] == groups
    assert [group.unexplained for group in shared] == [0] * len(groups)
    assert all(group.explained > 10 for group in shared)


def test_the_ratio_is_that_of_one_window_to_two():
    """The better of two windows apart, rejected calls charged or not; the bar is 2 pairs over alpha."""
    counts, outcomes = traffic("aa", calls=60)
    every = np.arange(60)
    nothing = np.zeros(60, dtype=bool)
    charged = Counts(counts.times, counts.keys, np.ones(60), counts.is_counted, MIDNIGHT)
    apart, apart_charged = (
        np.where(counts.keys == 1, c.before(1, every, FIXED), c.before(2, every, FIXED))
        for c in (counts, charged)
    )
    together = log_likelihood(outcomes, reached(counts.together((1, 2), every, FIXED), 2), nothing)
    best_apart = max(log_likelihood(outcomes, reached(own, 2), nothing) for own in (apart, apart_charged))
    (group,) = found((counts, outcomes))
    assert group.log_ratio == pytest.approx(together - best_apart)
    assert found((counts, outcomes), alpha=2 * float(np.exp(-group.log_ratio)) * 0.99) == []
    assert len(found((counts, outcomes), alpha=2 * float(np.exp(-group.log_ratio)) * 1.01)) == 1
    assert group.log_ratio > log(1 / 1e-3)


def test_nothing_is_shared_by_one_key_or_none():
    """There is no pair; keys without a call make none either."""
    assert found(traffic("a")) == []
    assert found(traffic("a"), {1: STATED, 2: STATED}) == []
    assert found(traffic("a"), {}) == []


def test_keys_without_429s_are_not_compared():
    """Nothing was rejected: nothing is to be explained."""
    assert found(traffic("aabc", gap=600)) == []


def test_a_declared_group_is_not_found_again():
    """But a third key that joins it is, as one group with it."""
    assert found(traffic("aabc"), known=[(1, 2)]) == []
    assert [group.keys for group in found(traffic("aaab"), known=[(1, 2)])] == [(1, 2, 3)]


def test_keys_of_unequal_limits_are_not_compared():
    """They cannot be of one project and model."""
    limits = {1: STATED, 2: KnownLimits(5, None, minute_is_stated=True), 3: STATED, 4: STATED}
    assert found(traffic("aabc"), limits) == []


def test_a_wrong_limit_is_not_a_shared_quota():
    """One call a minute passes where two are declared: apart with a limit of 1 says as much."""
    assert found(traffic("abcd", per_minute=1), KnownLimits(2, None)) == []


def test_a_shared_day_is_found():
    """20 a day together; each key alone is below it when the rejections begin."""
    calls = traffic("aabc", per_minute=15, per_day=20, calls=120, gap=300)
    (group,) = found(calls, KnownLimits(15, 20, True, True))
    assert (group.keys, group.unexplained, group.pairs) == ((1, 2), 0, 6)


def test_a_few_lost_lines_of_an_exhausted_day_are_not_a_shared_quota():
    """One call of each of two keys is missing: all their 429s of that day come at a count of one less."""
    counts, outcomes = traffic("ab", per_minute=15, per_day=30, calls=600, gap=60)
    keep = np.ones(600, dtype=bool)
    for key in (1, 2):
        keep[counts.of(key)[3]] = False
    lossy = counted(
        counts.times[keep], counts.keys[keep], 1 - counts.passed[keep],
        np.where(outcomes.by_day, CAUSES.index("per-day"), -1)[keep],
    )  # fmt: skip
    assert lossy[1].by_day.sum() > 400
    assert found(lossy, KnownLimits(15, 30, True, True)) == []


def test_rejected_calls_that_are_charged_are_not_a_shared_quota():
    """A provider that counts them too: its minutes are full before the passes alone fill them."""
    assert found(traffic("ab", per_day=40, charge=True, gap=5), KnownLimits(2, 40, True, True)) == []


def test_429s_that_nothing_explains_are_not_a_shared_quota():
    """A tenth of the calls is rejected at random."""
    counts, _ = traffic("abcd", gap=120)
    rejected = (np.random.default_rng(5).random(600) < 0.1).astype(float)
    causes = np.where(rejected > 0, CAUSES.index("per-minute"), -1)
    assert found(counted(counts.times, counts.keys, rejected, causes)) == []


def test_429s_that_tell_nothing_are_no_evidence():
    """Of uncertain keys: no outcome is certain."""
    counts, outcomes = traffic("aabc")
    nothing = np.zeros(600, dtype=bool)
    assert outcomes.by_minute.any()
    assert found((counts, Outcomes(outcomes.passed, nothing, nothing))) == []


def test_of_pairs_that_gain_the_same_the_surest_is_joined(monkeypatch):
    """Keys 1 and 3 would explain as much as 2 and 3, but windows apart explain them nearly as well."""
    ratios = {(1, 3): 30.0, (2, 3): 60.0}

    class Possible:
        def all(self):
            return iter([(0, 2), (1, 2)])

        def join(self, *_):
            return np.zeros(0, dtype=np.int64)

    suspects = Suspects(*traffic("aaa"), dict.fromkeys((1, 2, 3), STATED), FIXED)
    monkeypatch.setattr(Suspects, "possible_pairs", lambda *_: Possible())
    monkeypatch.setattr(
        Suspects, "compare", lambda _, pair, at_least: Comparison(70.0, ratios[pair[0] + pair[1]])
    )
    assert _joined(suspects, [(1,), (2,), (3,)], 20.0) == {(2, 3): 60.0}
