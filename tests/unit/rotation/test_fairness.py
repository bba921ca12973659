"""The tests of a pool and the verdicts over several."""

import numpy as np
import pytest

from keyrota.events import make_events
from keyrota.rotation.fairness import (
    DRAWS,
    MOST_DRAWS,
    MOST_KEYS,
    MOST_KEYS_UNKNOWN,
    draws_for,
    run_tests,
    verdicts,
)
from keyrota.rotation.policies import following
from keyrota.rotation.runs import find_runs


def judged(runs, size, *, ids=True, alpha=1e-3, draws=DRAWS):
    """Return the tests of runs of positions."""
    rows = [(n, p) for n, positions in enumerate(runs) for p in positions]
    events = make_events(
        {
            "kind": ["pick"] * len(rows),
            "position": [p for _, p in rows],
            "size": [size] * len(rows),
            "isolate": [str(n) if ids else None for n, _ in rows],
        }
    )
    return run_tests(find_runs(events)[size], rng=np.random.default_rng(1), alpha=alpha, draws=draws)


def turns(starts, length, size):
    """Return runs in correct succession."""
    runs = []
    for start in starts:
        positions = [int(start)]
        while len(positions) < length:
            positions.append(following(positions[-1], size))
        runs.append(positions)
    return runs


def even(runs, length, size):
    return turns(np.arange(runs) % size + 1, length, size)


def verdict(*tests, alpha=1e-3):
    return [name for name, _ in verdicts(list(tests), alpha=alpha)]


def test_cold_starts_are_tested_once():
    """Where every run is one pick, the shares are the starts: one test, no correction."""
    tests = judged(even(40, 1, 4), 4)
    assert tests.shares is None
    assert tests.starts is not None
    assert tests.null == "isolates start at a uniformly random key (exact)"
    assert tests.p_value == tests.starts.p_value


def test_longer_runs_are_tested_for_starts_and_shares():
    """Two tests: the smaller p-value doubled."""
    tests = judged(turns([1] * 30, 3, 4), 4)
    assert tests.starts.p_value == 4.0**-29
    assert tests.shares.p_value == 1 / (DRAWS + 1)
    assert tests.p_value == 2 * 4.0**-29
    assert tests.steps == {1: 60}
    assert "at the run lengths seen (19,999 draws)" in tests.null


def test_unknown_isolates_are_tested_for_shares_alone():
    """Without ids and marks: no starts, no steps, the least favourable run length."""
    tests = judged([[1, 2, 3, 4] * 20], 4, ids=False)
    assert tests.starts is None
    assert tests.shares is None
    assert tests.shares_unknown.p_value == 1
    assert tests.step_count == 0
    assert tests.independent_picks == 80


@pytest.mark.parametrize(
    ("runs", "broken", "repeated", "is_broken"),
    [
        ([[1, 2, 3, 4, 1]], 0, 0, False),
        ([[1, 2, 2, 3]], 1, 1, True),
        ([[1, 3, 4]], 1, 0, True),
        ([*even(1, 100, 4), [1, 3]], 1, 0, True),  # 1 of 100 steps
        ([*even(1, 101, 4), [1, 3]], 1, 0, False),  # 1 of 101
        ([[1], [2], [3]], 0, 0, False),
    ],
)
def test_one_step_in_a_hundred_is_lost_lines(runs, broken, repeated, is_broken):
    """From 1 % of broken steps on the rotation itself is at fault."""
    tests = judged(runs, 4)
    assert (tests.broken_steps, tests.repeated_steps, tests.is_succession_broken) == (
        broken,
        repeated,
        is_broken,
    )


def test_a_pool_of_one_key_is_fair():
    """One key repeats itself: no step is broken, nothing is tested."""
    tests = judged([[1, 1, 1], [1]], 1)
    assert (tests.broken_steps, tests.repeated_steps, tests.p_value) == (0, 0, 1.0)
    assert tests.null == "one key: nothing to rotate"
    assert tests.picks_needed == 1
    assert verdict(tests) == ["fair"]


@pytest.mark.parametrize(("runs", "name"), [(700, "not enough data"), (701, "fair")])
def test_fair_takes_enough_data(runs, name):
    """The power table asks for 701 starts of four keys at level 1e-3: one less is never "fair"."""
    assert verdict(judged(even(runs, 1, 4), 4)) == [name]


@pytest.mark.parametrize("picks", [1, 2, 10, 60])
@pytest.mark.parametrize("size", [2, 4, 10])
def test_little_data_is_never_fair(picks, size):
    """However even the picks look, few of them are no evidence."""
    assert verdict(judged(even(picks, 1, size), size)) == ["not enough data"]


def test_picks_needed_grow_with_the_length_of_the_runs():
    """Only starts are independent: five picks a run take five times the picks."""
    tests = judged(even(40, 5, 4), 4)
    assert tests.independent_picks == 40
    assert tests.picks_needed == 5 * 701


@pytest.mark.parametrize(
    ("runs", "size", "is_even"),
    [
        (even(1, 60, 2), 2, True),
        (even(10, 4, 4), 4, True),  # full cycles
        (even(10, 5, 4), 4, False),  # all the extra picks might be of one key
        (even(10, 13, 4), 4, True),  # 3/52 off at most, below 1/12
        (even(4, 1, 4), 4, False),
    ],
)
def test_long_runs_are_even_by_construction(runs, size, is_even):
    """With the succession intact, long runs keep the shares even whatever the starts."""
    tests = judged(runs, size)
    assert tests.is_even_by_construction is is_even
    assert verdict(tests) == ["fair" if is_even else "not enough data"]


def test_picks_of_unknown_isolates_are_not_even_by_construction():
    """The succession of unknown isolates is not seen, so that it keeps nothing even."""
    assert not judged([[1, 2] * 30], 2, ids=False).is_even_by_construction


def test_a_broken_succession_is_unfair_whatever_the_shares():
    """Even shares do not excuse repeated keys, and need no p-value."""
    tests = judged([[1, 1], [2, 2], [3, 3], [4, 4]], 4)
    assert tests.p_value > 0.1
    assert verdict(tests) == ["unfair"]


def test_holm_over_the_pools():
    """A p-value of 7.6e-6 stands among 100 pools, 4.9e-4 only alone."""
    strong, weak = judged(turns([1] * 18, 1, 2), 2), judged(turns([1] * 12, 1, 2), 2)
    quiet = judged(even(40, 1, 2), 2)
    assert verdict(weak) == ["unfair"]
    assert verdict(weak, quiet, quiet) == ["not enough data"] * 3
    found = verdicts([quiet] * 98 + [weak, strong], alpha=1e-3)
    assert [name for name, _ in found] == ["not enough data"] * 99 + ["unfair"]
    assert found[-1][1] == pytest.approx(100 * 2 * 0.5**18)
    assert found[-2][1] == pytest.approx(99 * 2 * 0.5**12)


def test_no_pools_no_verdicts():
    """Nothing to judge is no error."""
    assert verdicts([]) == []


def test_draws_follow_the_level_and_the_pools():
    """The smallest p-value of the draws, times three tests and the pools, is half the level."""
    for alpha, pools in [(1e-3, 3), (1e-3, 20), (1e-4, 3)]:
        draws = draws_for(alpha, pools)
        assert 3 * pools / (draws + 1) <= alpha / 2
        assert DRAWS <= draws <= MOST_DRAWS
    assert draws_for(1e-3, 1) == DRAWS
    assert draws_for(1e-12, 1) == MOST_DRAWS


def test_too_few_draws_for_the_level_are_no_verdict_of_fair():
    """A test that could not have rejected has shown nothing."""
    picks = even(2_000, 1, 4)
    assert verdict(judged(picks, 4)) == ["fair"]
    assert verdict(judged(picks, 4, draws=500)) == ["not enough data"]
    # The starts of a small sample are tested exactly: no draws limit them.
    assert judged(even(200, 1, 2), 2, draws=500).least_p_value == 0
    assert verdict(judged(even(200, 1, 2), 2, draws=500)) == ["fair"]


@pytest.mark.parametrize(
    ("size", "ids"),
    [(MOST_KEYS + 1, True), (MOST_KEYS_UNKNOWN + 1, False), (999_999, True), (999_999, False)],
)
def test_pools_of_too_many_keys_are_not_tested(size, ids):
    """The tests' time grows with the keys: such a pool has steps, and no p-value."""
    tests = judged([[1, 2], [size]], size, ids=ids)
    assert tests.null == f"not tested: {size:,} keys are too many"
    assert (tests.p_value, tests.least_p_value) == (1.0, 1.0)
    assert verdict(tests) == ["not enough data"]
