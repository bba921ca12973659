"""Pearson's chi-square beside the rotation's own tests, on logs whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from keyrota.errors import ModelError
from keyrota.rotation.shares import rotation_null, share_test
from keyrota.rotation.textbook import logs_under_test, p_values_against, pearson_p_values


def test_pearson_is_scipys():
    """The textbook's p-value is that of scipy.stats.chisquare."""
    counts = np.random.default_rng(1).multinomial(90, [0.3, 0.3, 0.4], size=5)
    expected = [stats.chisquare(row).pvalue for row in counts]
    assert pearson_p_values(counts) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("size", "run_length"), [(2, 3), (4, 2), (10, 3), (10, 1)])
def test_own_tests_are_sound(size, run_length):
    """Of 4,000 fair logs 5 % are called unfair, within 4 standard errors (.0138) and a tie's worth below."""
    found = logs_under_test(size=size, run_length=run_length, runs=100, seed=3).called_unfair(0.05)
    for name in ("shares", "starts"):
        assert 0.02 < found[name] < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 4_000)


def test_chi_square_sleeps_for_few_keys():
    """With two keys and runs of three it calls no fair log unfair, and misses faults that the starts show."""
    assert logs_under_test(size=2, run_length=3, runs=300).called_unfair(0.05)["chi-square"] < 0.01
    faulty = logs_under_test(size=2, run_length=3, runs=300, first_share=0.6).called_unfair(0.01)
    assert faulty["chi-square"] < 0.3
    assert faulty["starts"] > 0.75


def test_chi_square_cries_wolf_for_many_keys():
    """With ten keys and runs of three its false alarms at .001 are over twice what it admits to.

    docs/validation.md has .0041 over 100,000 logs; of 20,000 so few as 40 would be seen with 1e-7.
    """
    fair = logs_under_test(size=10, run_length=3, runs=333, logs=20_000, seed=1)
    assert fair.called_unfair(0.001)["chi-square"] > 0.002
    assert fair.called_unfair(0.001)["shares"] < 0.002


def test_p_values_are_those_of_the_share_test():
    """Held against one sample of the null, a log has the judgement's p-value: within 5 Monte-Carlo errors."""
    rng = np.random.default_rng(2)
    lengths, draws = np.full(40, 3), 20_000
    counts = rotation_null(lengths, 10, rng=rng, draws=10)
    found = p_values_against(counts, rotation_null(lengths, 10, rng=rng, draws=draws))
    own = np.array([share_test(row, lengths, 10, rng=rng, draws=draws).p_value for row in counts])
    assert (np.abs(own - found) < 5 * np.sqrt(2 * own * (1 - own) / draws) + 1e-3).all()
    assert own.min() < 0.3 < 0.7 < own.max()


def test_starts_and_fairness_are_told():
    """1 / K is fair, another share is not; the tests have their names."""
    found = logs_under_test(size=4, run_length=2, runs=10, logs=5, draws=100)
    assert found.is_fair
    assert not logs_under_test(size=4, run_length=2, runs=10, first_share=0.3, logs=5, draws=100).is_fair
    assert list(found.called_unfair(1.0)) == ["chi-square", "shares", "starts"]
    assert set(found.called_unfair(1.0).values()) == {1.0}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 1}, "size is 1; it is a whole number of 2 or more"),
        ({"run_length": 0}, "run_length is 0"),
        ({"runs": 0}, "runs is 0"),
        ({"first_share": 1.5}, "first_share is 1.5; it is a probability"),
    ],
)
def test_what_is_not_allowed(wrong, message):
    """An impossible case is refused with what is allowed."""
    with pytest.raises(ModelError, match=message):
        logs_under_test(**{"size": 2, "run_length": 1, "runs": 5, **wrong})
