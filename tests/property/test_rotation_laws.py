"""Laws that the rotation statistics keep for every input."""

from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from keyrota.rotation.exact import uniform_null, uniform_test
from keyrota.rotation.multiple import holm
from keyrota.rotation.policies import following
from keyrota.rotation.shares import (
    largest_possible_deviation,
    position_counts,
    rotation_null,
    share_intervals,
    share_test,
    share_test_unknown_runs,
)

laws = settings(derandomize=True, deadline=None, max_examples=150)

some_counts = st.lists(st.integers(0, 60), min_size=1, max_size=8)
small_counts = st.lists(st.integers(0, 6), min_size=1, max_size=6)
pools = st.integers(1, 12)
probabilities = st.floats(0, 1, allow_subnormal=False)


@st.composite
def logs(draw):
    """A pool size with the starts and lengths of some runs."""
    size = draw(pools)
    runs = draw(st.lists(st.tuples(st.integers(1, size), st.integers(1, 40)), max_size=20))
    return size, [start for start, _ in runs], [length for _, length in runs]


def stream():
    return np.random.default_rng(20240304)


@laws
@given(small_counts, st.randoms(use_true_random=False))
def test_exact_p_value_does_not_depend_on_the_order_of_keys(counts, random):
    """Relabelling the keys changes no exact p-value."""
    shuffled = random.sample(counts, len(counts))
    assert uniform_test(shuffled, rng=stream()) == uniform_test(counts, rng=stream())


@laws
@given(some_counts, st.integers(0, 7))
def test_turning_the_pool_changes_no_p_value(counts, shift):
    """Where the circle of positions begins is a convention: with one stream every result is the same."""
    turned, size = np.roll(counts, shift), len(counts)
    assert uniform_test(turned, rng=stream(), draws=99) == uniform_test(counts, rng=stream(), draws=99)
    assert share_test_unknown_runs(turned, size, rng=stream(), draws=99) == share_test_unknown_runs(
        counts, size, rng=stream(), draws=99
    )


@laws
@given(some_counts)
def test_p_values_are_positive_probabilities(counts):
    """No test gives 0, none more than 1."""
    lengths = [1] * sum(counts)
    for result in (
        uniform_test(counts, rng=stream(), draws=99),
        share_test(counts, lengths, len(counts), rng=stream(), draws=99),
        share_test_unknown_runs(counts, len(counts), rng=stream(), draws=99),
    ):
        assert 0 < result.p_value <= 1


@laws
@given(some_counts, st.integers(1, 300))
def test_drawn_p_values_count_the_data_as_one_draw(counts, draws):
    """(b + 1) / (m + 1) with b of m draws as uneven, never 0; m and the standard error are told."""
    total, size = sum(counts), len(counts)
    squares, null = np.square(counts).sum(), rotation_null([1] * total, size, rng=stream(), draws=draws)
    drawn = uniform_null(total, size, rng=stream(), draws=draws)
    for result, sample in (
        (uniform_test(counts, rng=stream(), draws=draws, exact_limit=0), drawn),
        (share_test(counts, [1] * total, size, rng=stream(), draws=draws), np.square(null).sum(axis=1)),
    ):
        p_value = (np.count_nonzero(sample >= squares) + 1) / (draws + 1)
        assert (result.p_value, result.draws) == (p_value, draws)
        assert result.standard_error == np.sqrt(p_value * (1 - p_value) / draws)


@laws
@given(small_counts, st.integers(0, 5), st.integers(0, 5))
def test_moving_a_pick_to_a_fuller_key_is_no_less_extreme(counts, first, second):
    """The exact p-value falls, or stays, as the counts grow more uneven."""
    low, high = sorted((first % len(counts), second % len(counts)), key=lambda index: counts[index])
    if counts[low] == 0 or low == high:
        return
    moved = list(counts)
    moved[low] -= 1
    moved[high] += 1
    assert uniform_test(moved, rng=stream()).p_value <= uniform_test(counts, rng=stream()).p_value


@laws
@given(st.lists(probabilities, max_size=12))
def test_holm_is_that_of_statsmodels(p_values):
    """The adjusted values agree with statsmodels."""
    if p_values:
        with mock.patch("gc.collect"):  # statsmodels calls it each time: a quarter of a second
            oracle = multipletests(p_values, method="holm")[1]
        np.testing.assert_allclose(holm(p_values), oracle, rtol=1e-12, atol=0)


@laws
@given(st.lists(probabilities, min_size=1, max_size=12))
def test_holm_is_monotone(p_values):
    """Adjusted values keep the order of the p-values, are no smaller, and at most 1."""
    adjusted = holm(p_values)
    assert (adjusted >= np.array(p_values)).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= 0).all()


@laws
@given(logs())
def test_counts_of_runs_are_those_of_walking_them(log):
    """Counting by arcs equals taking every pick in turn."""
    size, starts, lengths = log
    walked = [0] * size
    for start, length in zip(starts, lengths, strict=True):
        position = start
        for _ in range(length):
            walked[position - 1] += 1
            position = following(position, size)
    assert position_counts(starts, lengths, size).tolist() == walked


@laws
@given(logs())
def test_null_keeps_what_the_lengths_fix(log):
    """Every draw has all picks, no negative count, and no share further from even than is possible."""
    size, _, lengths = log
    null = rotation_null(lengths, size, rng=stream(), draws=50)
    assert null.shape == (50, size)
    assert (null.sum(axis=1) == sum(lengths)).all()
    assert (null >= sum(length // size for length in lengths)).all()
    deviation = np.abs(null / max(1, sum(lengths)) - (1 / size if lengths else 0)).max()
    assert deviation <= largest_possible_deviation(lengths, size) + 1e-12


@laws
@given(some_counts, st.floats(0.01, 0.999))
def test_intervals_hold_the_observed_share(counts, confidence):
    """Each interval lies within 0..1 and holds the share that was seen."""
    low, high = share_intervals(counts, confidence=confidence).T
    assert (low >= 0).all()
    assert (high <= 1).all()
    if sum(counts):
        shares = np.array(counts) / sum(counts)
        assert ((low <= shares + 1e-12) & (shares <= high + 1e-12)).all()
