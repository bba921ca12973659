"""p-values against complete enumeration."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import factorial, prod

import numpy as np
import pytest

from keyrota.rotation.exact import uniform_test
from keyrota.rotation.shares import share_test_unknown_runs


def outcomes(total: int, size: int) -> Iterator[tuple[int, ...]]:
    """All counts over `size` positions that add up to `total`."""
    if size == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in outcomes(total - first, size - 1):
            yield (first, *rest)


def partitions(total: int, largest: int) -> Iterator[tuple[int, ...]]:
    """All multisets of run lengths that add up to `total`."""
    if total == 0:
        yield ()
    for first in range(min(total, largest), 0, -1):
        for rest in partitions(total - first, first):
            yield (first, *rest)


def squares(counts: tuple[int, ...]) -> int:
    return sum(count * count for count in counts)


def tails(law: dict[int, Fraction]) -> dict[int, Fraction]:
    """P(statistic >= s) for each s of a law."""
    return {s: sum((p for t, p in law.items() if t >= s), Fraction(0)) for s in law}


def rotation_law(lengths: tuple[int, ...], size: int) -> dict[int, Fraction]:
    """Exact law of the sum of squares under the declared rotation, run by run."""
    counts = {(0,) * size: Fraction(1)}
    for length in lengths:
        after: Counter[tuple[int, ...]] = Counter()
        for row, probability in counts.items():
            for start in range(size):
                picked = list(row)
                for pick in range(length):
                    picked[(start + pick) % size] += 1
                # One representative for each circle: shifting all positions changes no statistic.
                turned = min(tuple(picked[shift:] + picked[:shift]) for shift in range(size))
                after[turned] += probability / size
        counts = dict(after)
    law: Counter[int] = Counter()
    for row, probability in counts.items():
        law[squares(row)] += probability
    return dict(law)


def unknown_runs_p_values(total: int, size: int) -> dict[int, Fraction]:
    """Exact p-value of every statistic: the largest over homogeneous lengths, the last run cut short."""
    cut = [(n,) * (total // n) + (total % n,) * (total % n > 0) for n in range(1, max(2, size))]
    laws = [rotation_law(lengths, size) for lengths in cut]
    seen = {s for law in laws for s in law}
    return {s: max(sum((p for t, p in law.items() if t >= s), Fraction(0)) for law in laws) for s in seen}


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_every_outcome_up_to_twelve_picks(size):
    """For each n <= 12 and each outcome the p-value is that of the enumeration, to 1e-12."""
    rng = np.random.default_rng(0)
    for total in range(13):
        law: Counter[int] = Counter()
        for counts in outcomes(total, size):
            law[squares(counts)] += Fraction(
                factorial(total), prod(factorial(count) for count in counts) * size**total
            )
        expected = tails(law)
        assert sum(law.values()) == 1
        for counts in outcomes(total, size):
            result = uniform_test(counts, rng=rng)
            assert result.method == "exact"
            assert result.p_value == pytest.approx(float(expected[squares(counts)]), rel=1e-12, abs=0)


@pytest.mark.parametrize(("size", "total"), [(2, 12), (3, 9), (4, 7)])
def test_every_sequence_of_picks(size, total):
    """The law of the enumeration above is that of all K**n sequences."""
    rng = np.random.default_rng(0)
    sequences = Counter(
        squares(tuple(sequence.count(position) for position in range(size)))
        for sequence in product(range(size), repeat=total)
    )
    for counts in outcomes(total, size):
        at_least = sum(times for s, times in sequences.items() if s >= squares(counts))
        assert uniform_test(counts, rng=rng).p_value == pytest.approx(at_least / size**total, rel=1e-12)


@pytest.mark.parametrize(
    "size", [2, 3, 4, 5, 6, *(pytest.param(size, marks=pytest.mark.nightly) for size in (7, 8, 9))]
)
def test_unknown_runs_hold_for_every_multiset_of_lengths(size):
    """For K <= 4, n <= 12 and K <= 9, n <= 10 no run lengths make the p-value of unknown runs too small."""
    for total in range(1, 13 if size <= 4 else 11):
        p_values = unknown_runs_p_values(total, size)
        for lengths in partitions(total, total):
            for s, tail in tails(rotation_law(lengths, size)).items():
                assert tail <= p_values[s], (lengths, s)


def test_unknown_runs_fall_short_in_tiny_samples_of_large_pools():
    """The known exception: 6 picks on 12 keys in runs of 2, 2, 1, 1 (docstring of the test)."""
    p_values = unknown_runs_p_values(6, 12)
    tail = tails(rotation_law((2, 2, 1, 1), 12))[20]
    assert (round(float(tail), 4), round(float(p_values[20]), 4)) == (0.0012, 0.0009)
    counts = [4, 2] + [0] * 10
    found = share_test_unknown_runs(counts, 12, rng=np.random.default_rng(20240303), draws=99_999)
    assert found.statistic == 20
    # The largest of eleven estimates: one standard error up, five around (false failure below 1e-5).
    error = (float(p_values[20]) / 99_999) ** 0.5
    assert abs(found.p_value - float(p_values[20])) < 6 * error
