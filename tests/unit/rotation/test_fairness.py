"""The tests of a pool and the verdicts over several."""

import math

import numpy as np
import pytest

from keyrota.events import make_events
from keyrota.rotation.fairness import (
    DRAWS,
    MOST_DRAWN_KEYS,
    MOST_DRAWS,
    MOST_KEYS,
    MOST_KEYS_UNKNOWN,
    draws_for,
    run_tests,
)
from keyrota.rotation.policies import following
from keyrota.rotation.power import dispersion, picks_needed_by_key, picks_needed_to_judge
from keyrota.rotation.runs import Runs, find_runs
from keyrota.rotation.verdict import decide


def _events(runs, size, ids=True):
    rows = [(n, p) for n, positions in enumerate(runs) for p in positions]
    return make_events(
        {
            "kind": ["pick"] * len(rows),
            "position": [p for _, p in rows],
            "size": [size] * len(rows),
            "isolate": [str(n) if ids else None for n, _ in rows],
        }
    )


def judged(runs, size, *, ids=True, alpha=1e-3, draws=DRAWS):
    """Return the tests of runs of positions."""
    found = find_runs(_events(runs, size, ids))[size]
    return run_tests(found, rng=np.random.default_rng(1), alpha=alpha, draws=draws)


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
    return [decision.verdict for decision in decide(list(tests), alpha=alpha)]


def test_cold_starts_are_tested_once():
    """Where every run is one pick, the shares are the starts: one test takes nine tenths of the level."""
    tests = judged(even(40, 1, 4), 4)
    assert tests.shares is None
    assert tests.starts is not None
    assert tests.null == "isolates start at a uniformly random key (exact)"
    assert tests.p_values["starts"] == pytest.approx(tests.starts.p_value / 0.9)
    assert tests.p_value == 1


def test_longer_runs_are_tested_for_starts_and_shares():
    """Two tests share nine tenths of the level."""
    tests = judged(turns([1] * 30, 3, 4), 4)
    assert tests.starts.p_value == 4.0**-29
    assert tests.shares.p_value == 1 / (DRAWS + 1)
    assert tests.p_value == pytest.approx(2 / 0.9 * 4.0**-29)
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
        ([[1, 2, 2, 3]], 1, 1, False),
        ([[1, 3, 4]], 1, 0, False),
        ([[1, 1, 1, 1]], 3, 3, True),  # 1e-6
        ([[1, 3, 1], *even(1, 5, 4)], 2, 0, False),  # of 6 steps: .0015
        ([[1, 3, 1, 3], *even(1, 5, 4)], 3, 0, True),  # of 7 steps: 3.4e-5
        ([[1, 3, 1, 3], *even(1, 50, 4)], 3, 0, False),  # of 52 steps: .015
        ([[1], [2], [3]], 0, 0, False),
    ],
)
def test_steps_that_lost_lines_explain_are_no_fault(runs, broken, repeated, is_broken):
    """The broken steps are held against a log that lost 1 % of its lines, at a twentieth of the level."""
    tests = judged(runs, 4)
    assert (tests.broken_steps, tests.repeated_steps) == (broken, repeated)
    assert ("succession" in decide([tests])[0].called) is is_broken


@pytest.mark.parametrize(("broken", "steps"), [(1, 1), (2, 7), (3, 52), (5, 400)])
def test_succession_p_value_is_the_binomial_tail(broken, steps):
    """The p-value is the probability of so many broken steps or more, by a sum over the counts."""
    runs = [[1, 3]] * broken + [[1, 2]] * (steps - broken)
    tail = 1 - sum(math.comb(steps, n) * 0.01**n * 0.99 ** (steps - n) for n in range(broken))
    assert judged(runs, 4).p_values["succession"] == pytest.approx(tail / 0.05)


def test_a_pool_of_one_key_is_fair():
    """One key repeats itself: no step is broken, nothing is tested."""
    tests = judged([[1, 1, 1], [1]], 1)
    assert (tests.broken_steps, tests.repeated_steps, tests.p_value) == (0, 0, 1.0)
    assert tests.null == "one key: nothing to rotate"
    assert tests.picks_needed == 1
    assert verdict(tests) == ["fair"]


def test_fair_takes_enough_data():
    """The power formula at nine tenths of the level, and a tenth more: one start less is never "fair"."""
    needed = math.ceil(1.1 * picks_needed_to_judge(4, alpha=0.9e-3))
    assert needed == 780
    assert verdict(judged(even(needed - 1, 1, 4), 4)) == ["not enough data"]
    assert verdict(judged(even(needed, 1, 4), 4)) == ["fair"]


def test_pools_and_tests_share_the_level():
    """Each further test and pool asks for more data: the level is shared among them."""
    rng = np.random.default_rng(1)
    runs = find_runs(_events(even(40, 1, 4), 4))[4]
    alone = run_tests(runs, rng=rng).independent_needed
    assert run_tests(runs, rng=rng, pools=3).independent_needed == math.ceil(
        1.1 * picks_needed_to_judge(4, alpha=0.9e-3 / 3)
    )
    assert judged(even(40, 3, 4), 4).independent_needed > alone


def test_dispersion_is_the_largest_eigenvalue():
    """What the least favourable run length costs: the largest eigenvalue of the counts' covariance."""
    for size in (3, 4, 7, 10):
        largest = 0.0
        for length in range(1, size):
            counts = np.array(
                [[(p - s) % size < length for p in range(size)] for s in range(size)], dtype=float
            )
            covariance = np.cov(counts.T, bias=True) / length * size
            largest = max(largest, float(np.linalg.eigvalsh(covariance)[-1]))
        assert dispersion(size) == pytest.approx(max(1.0, largest))


def test_unknown_isolates_need_more_picks():
    """Ten keys without ids: the least favourable run length makes 2.4 picks worth one."""
    tests = judged([[1 + n % 10] for n in range(1_000)], 10, ids=False)
    assert tests.independent_picks == int(1_000 / dispersion(10))


@pytest.mark.parametrize("picks", [1, 2, 10, 60])
@pytest.mark.parametrize("size", [2, 4, 10])
def test_little_data_is_never_fair(picks, size):
    """However even the picks look, few of them are no evidence."""
    assert verdict(judged(even(picks, 1, size), size)) == ["not enough data"]


def test_picks_needed_grow_with_the_length_of_the_runs():
    """Only starts are independent: five picks a run take five times the picks."""
    tests = judged(even(40, 5, 4), 4)
    assert tests.independent_picks == 40
    assert tests.picks_needed == 5 * tests.independent_needed


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
    """Even shares do not excuse repeated keys."""
    tests = judged([[1, 1], [2, 2], [3, 3], [4, 4]], 4)
    assert tests.starts.p_value == 1
    assert verdict(tests) == ["unfair"]


def test_holm_over_the_pools():
    """A p-value of 8.5e-6 stands among 100 pools, 5.4e-4 only alone; what Holm does to one it does to all."""
    strong, weak = judged(turns([1] * 18, 1, 2), 2), judged(turns([1] * 12, 1, 2), 2)
    quiet = judged(even(40, 1, 2), 2)
    assert verdict(weak) == ["unfair"]
    assert verdict(weak, quiet, quiet) == ["not enough data"] * 3
    found = decide([quiet] * 98 + [weak, strong], alpha=1e-3)
    assert [decision.verdict for decision in found] == ["not enough data"] * 99 + ["unfair"]
    assert found[-1].p_value == pytest.approx(100 * 2 / 0.9 * 0.5**18)
    assert found[-2].p_value == pytest.approx(99 * 2 / 0.9 * 0.5**12)
    assert found[-1].called == {"starts"}
    assert found[-2].called == frozenset()


def test_no_pools_no_verdicts():
    """Nothing to judge is no error."""
    assert decide([]) == []


def test_draws_follow_the_level_and_the_pools():
    """The smallest p-value of the draws, times three tests and the pools, is half the level."""
    for alpha, pools in [(1e-3, 3), (1e-3, 20), (1e-4, 2)]:
        draws = draws_for(alpha, pools)
        assert 3 / 0.9 * pools / (draws + 1) <= alpha / 2 + 1e-12
        assert DRAWS <= draws <= MOST_DRAWS
    assert draws_for(1e-3, 1) == DRAWS
    assert draws_for(1e-12, 1) == MOST_DRAWS


def test_too_few_draws_for_the_level_are_no_verdict_of_fair():
    """A test that could not have rejected has shown nothing."""
    picks = even(2_000, 1, 4)
    assert verdict(judged(picks, 4)) == ["fair"]
    assert verdict(judged(picks, 4, draws=500)) == ["not enough data"]
    # The starts of a small sample are tested exactly: no draws limit them.
    assert judged(even(300, 1, 2), 2, draws=500).least_p_value == 0
    assert verdict(judged(even(300, 1, 2), 2, draws=500)) == ["fair"]


@pytest.mark.parametrize(
    ("size", "ids"),
    [(MOST_KEYS + 1, True), (MOST_KEYS + 1, False), (999_999, True), (999_999, False)],
)
def test_pools_of_too_many_keys_are_not_tested(size, ids):
    """The tests' time grows with the keys: such a pool has steps, and no p-value."""
    tests = judged([[1, 2], [size]], size, ids=ids)
    assert tests.null == f"not tested: {size:,} keys are too many"
    assert (tests.p_value, tests.least_p_value) == (1.0, 1.0)
    assert verdict(tests) == ["not enough data"]


@pytest.mark.parametrize(("first", "second", "name"), [(300, 300, "fair"), (131, 89, "not enough data")])
def test_unknown_isolates_are_fair_only_if_the_shares_are(first, second, name):
    """Without ids the test is blind to much: "fair" takes shares that exclude one off by a third.

    131 of 220 does not: the interval of the first key reaches beyond two thirds.
    """
    tests = judged([[1]] * first + [[2]] * second, 2, ids=False)
    assert tests.independent_picks >= tests.independent_needed
    assert verdict(tests) == [name]


def many(starts, lengths, size, *, known=True):
    """Return runs in correct succession, without the event table that would take most of the time."""
    run = np.repeat(np.arange(len(starts)), lengths)
    within = np.arange(len(run)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    positions = (np.repeat(starts, lengths) + within) % size + 1
    basis = np.full(len(starts), 0 if known else 3)
    return Runs(size, positions, np.arange(len(run)), run, basis, np.full(len(starts), known))


def of_many(runs):
    return run_tests(runs, rng=np.random.default_rng(1))


def test_ten_thousand_keys_are_tested_key_by_key():
    """Enough picks of a healthy pool are fair; the tests are exact for starts, and bounded for shares."""
    rng = np.random.default_rng(11)
    needed = of_many(many(rng.integers(0, 10_000, 10), np.ones(10, dtype=int), 10_000)).independent_needed
    assert needed == math.ceil(1.1 * picks_needed_by_key(10_000, alpha=0.9 * 1e-3))
    number = 1_000_000
    tests = of_many(many(rng.integers(0, 10_000, number), rng.integers(1, 9, number), 10_000))
    assert (tests.starts.method, tests.starts.draws, tests.shares.draws) == ("by key", None, None)
    assert "(exact, key by key)" in tests.null
    assert "(a bound, key by key)" in tests.null
    assert tests.p_value > 0.001
    assert verdict(tests) == ["not enough data"]
    enough = 1.1 * needed
    assert verdict(
        of_many(many(rng.integers(0, 10_000, int(enough)), np.ones(int(enough), dtype=int), 10_000))
    ) == ["fair"]


@pytest.mark.parametrize("known", [True, False])
def test_one_key_of_many_that_is_off_by_a_third_is_found(known):
    """At 1.2 times the picks that give power 0.9, of 2,000 keys; so without isolates."""
    size = MOST_DRAWN_KEYS * 2
    number = int(1.2 * picks_needed_by_key(size, alpha=0.45 * 1e-3))
    rng = np.random.default_rng(13)
    shares = np.full(size, (1 - 4 / (3 * size)) / (size - 1))
    shares[77] = 4 / (3 * size)
    starts = rng.choice(size, size=number, p=shares)
    tests = of_many(many(starts, np.ones(number, dtype=int), size, known=known))
    assert verdict(tests) == ["unfair"]
    healthy = of_many(many(rng.integers(0, size, number), np.ones(number, dtype=int), size, known=known))
    assert healthy.p_value > 0.001


def test_long_runs_in_a_large_pool_are_not_drawn():
    """Hundreds of lengths times hundreds of keys would take minutes: the keys are tested one by one."""
    rng = np.random.default_rng(17)
    lengths = rng.integers(1, 100, 3_000)
    tests = of_many(many(rng.integers(0, 100, 3_000), lengths, 100))
    assert tests.starts.draws == DRAWS
    assert tests.shares.draws is None
    assert tests.p_value > 0.001
    few = of_many(many(rng.integers(0, 20, 3_000), rng.integers(1, 20, 3_000), 20))
    assert few.shares.draws == DRAWS


def test_unknown_isolates_of_more_keys_are_tested_key_by_key():
    """Beyond fifty keys the run lengths are not tried one by one."""
    rng = np.random.default_rng(19)
    size = MOST_KEYS_UNKNOWN + 1
    tests = of_many(many(rng.integers(0, size, 9_000), np.ones(9_000, dtype=int), size, known=False))
    assert tests.shares_unknown.draws is None
    assert tests.p_value > 0.001
    stuck = of_many(many(np.repeat(3, 300), np.ones(300, dtype=int), size, known=False))
    assert verdict(stuck) == ["unfair"]
