"""How much data a verdict needs."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import GofChisquarePower

from keyrota.errors import ModelError
from keyrota.rotation.power import picks_needed, picks_needed_to_judge, power, smallest_imbalance


@pytest.mark.parametrize("shares", [[0.6, 0.4], [0.4, 0.2, 0.2, 0.2], [0.11] * 5 + [0.09] * 5])
@pytest.mark.parametrize("alpha", [0.05, 0.001, 1e-6])
def test_power_agrees_with_scipy_and_statsmodels(shares, alpha):
    """The approximation is SciPy's noncentral chi-square, and statsmodels' goodness-of-fit power."""
    size = len(shares)
    effect = float(np.sqrt(np.sum((np.array(shares) - 1 / size) ** 2) * size))
    for picks in (1, 50, 400, 5000):
        ours = power(picks, shares, alpha=alpha)
        scipy = stats.ncx2.sf(stats.chi2.isf(alpha, size - 1), size - 1, picks * effect**2)
        assert ours == pytest.approx(scipy, rel=1e-9, abs=1e-13)
        other = GofChisquarePower().power(effect, picks, alpha, n_bins=size)
        assert ours == pytest.approx(other, rel=1e-8, abs=1e-12)


def test_equal_shares_are_rejected_at_the_level():
    """Without an effect, or without picks, the power is the level."""
    assert power(1000, [0.25] * 4, alpha=0.01) == pytest.approx(0.01, rel=1e-9)
    assert power(0, [0.9, 0.1], alpha=0.05) == pytest.approx(0.05, rel=1e-9)


@pytest.mark.parametrize("shares", [[0.6, 0.4], [1.0, 0.0], [0.3, 0.3, 0.4], [0.5001, 0.4999]])
@pytest.mark.parametrize("wanted", [0.5, 0.9, 0.999])
def test_picks_needed_is_the_least_that_suffices(shares, wanted):
    """At the number given the power is reached, one pick earlier it is not."""
    picks = picks_needed(shares, alpha=0.01, power=wanted)
    assert power(picks, shares, alpha=0.01) >= wanted
    assert picks == 1 or power(picks - 1, shares, alpha=0.01) < wanted


def test_smallest_imbalance_is_a_third_too_much_for_one_key():
    """One key has 4/3 of its share, the others share the loss equally."""
    assert smallest_imbalance(2) == pytest.approx([2 / 3, 1 / 3])
    for size in (3, 4, 10, 100):
        shares = smallest_imbalance(size)
        assert shares.sum() == pytest.approx(1.0)
        assert shares[0] == pytest.approx(4 / (3 * size))
        assert np.ptp(shares[1:]) == 0


def test_larger_pools_need_more_picks():
    """Judging a pool takes more picks for more keys and for smaller levels."""
    needed = [picks_needed_to_judge(size, alpha=0.01) for size in range(2, 13)]
    assert needed == sorted(needed)
    assert picks_needed_to_judge(4, alpha=1e-6) > picks_needed_to_judge(4, alpha=0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: power(10, [0.5, 0.5], alpha=0.0), "alpha must lie between 0 and 1"),
        (lambda: power(10, [0.5, 0.5], alpha=float("nan")), "alpha must lie between 0 and 1"),
        (lambda: power(-1, [0.5, 0.5], alpha=0.05), "picks must lie between"),
        (lambda: power(10, [0.5, 0.6], alpha=0.05), "must sum to 1"),
        (lambda: power(10, [1.5, -0.5], alpha=0.05), "fractions between 0 and 1"),
        (lambda: power(10, [float("nan"), 1], alpha=0.05), "fractions between 0 and 1"),
        (lambda: power(10, [1.0], alpha=0.05), "at least two fractions"),
        (lambda: picks_needed([0.25] * 4, alpha=0.05), "too nearly so"),
        (lambda: picks_needed([1 / 3, 1 / 3, 1 / 3], alpha=0.05), "too nearly so"),
        (lambda: picks_needed([0.6, 0.4], alpha=1.0), "alpha must lie between"),
        (lambda: picks_needed([0.6, 0.4], alpha=0.05, power=1.0), "power must lie between"),
        (lambda: picks_needed([0.6, 0.4], alpha=0.05, power=0.05), "power must be above alpha"),
        (lambda: smallest_imbalance(1), "at least 2 keys"),
        (lambda: picks_needed_to_judge(1, alpha=0.05), "at least 2 keys"),
    ],
)
def test_questions_without_an_answer_are_refused(call, message):
    """The message says what does not fit."""
    with pytest.raises(ModelError, match=message):
        call()
