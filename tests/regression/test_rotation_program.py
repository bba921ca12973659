"""The rotation of the document, run for real: is it fair, and are its known faults found?

Each test runs the TypeScript program of sample_logs/rotation in Deno, workers as isolates, with
real randomness, by `keyrota.testing`. A healthy run is asserted at `ALPHA`: all tests of its pools are one
family at that level, so that it is the probability that this file fails although the rotation is fair.
`test_false_alarm_probability` shows it for the test of the starts, by adding up the probability of
every outcome that would be called unfair; known_answer/test_key_tails.py for the shares.
"""

import math
from itertools import combinations_with_replacement, pairwise

import pytest

import keyrota
import rotation_program
from keyrota.testing import assert_fair_rotation

ALPHA = 1e-6
ISOLATES = 80
"""Three pools of up to four keys need 68 each at this level, or the assertion refuses them as too few."""


def run_program(*arguments):
    return rotation_program.run_program(*arguments, isolates=ISOLATES)


def test_rotation_is_fair():
    """The program as written is fair, every step goes to the next key, every isolate is seen."""
    run = run_program("--pool", "all", "--requests", "1-3")
    assert_fair_rotation(run, alpha=ALPHA)
    pools = keyrota.judge(run.reading, alpha=ALPHA).pools
    assert [pool.rotation.isolates for pool in pools] == [ISOLATES] * 3
    for pool in pools:
        assert pool.rotation.broken_steps == 0
        assert pool.rotation.isolates_known


@pytest.mark.parametrize(
    ("arguments", "pool", "code"),
    [
        (("--start", "first"), "CHAT", "R102"),
        (("--start", "first"), "ARTIFACT", "R102"),
        (("--advance", "stuck"), "ARTIFACT", "R104"),
        (("--missing", "3"), "ARTIFACT", "C201"),
    ],
)
def test_faults_are_found(arguments, pool, code):
    """Each fault that the program can make fails the assertion under the same level, by its name.

    Power: 80 isolates that begin at one key have p = 2^-79 or 4^-79; a stuck key and a missing secret
    need no p-value.
    """
    run = run_program("--pool", pool, "--requests", "2-3", *arguments)
    with pytest.raises(
        AssertionError, match=rf"^{pool}: the rotation is not (fair|as declared)(?s:.*)\b{code} "
    ):
        assert_fair_rotation(run, pool, alpha=ALPHA)


@pytest.mark.parametrize("keys", [2, 4])
def test_false_alarm_probability(keys):
    """Of all outcomes of 80 fair starts, those called unfair have at most the probability ALPHA together.

    The oracle is a plain sum over all outcomes, in whole numbers.
    """
    from keyrota.rotation.exact import uniform_test

    outcomes = {}
    for cuts in combinations_with_replacement(range(ISOLATES + 1), keys - 1):
        edges = (0, *cuts, ISOLATES)
        counts = tuple(sorted(b - a for a, b in pairwise(edges)))
        if counts not in outcomes:
            ways = math.factorial(ISOLATES)
            for n in counts:
                ways //= math.factorial(n)
            outcomes[counts] = [ways, 0]
        outcomes[counts][1] += 1  # this outcome in another order of the keys
    total = keys**ISOLATES
    assert sum(ways * orders for ways, orders in outcomes.values()) == total
    by_statistic = {}
    for counts, (ways, orders) in outcomes.items():
        squares = sum(n * n for n in counts)
        number, _ = by_statistic.get(squares, (0, counts))
        by_statistic[squares] = (number + ways * orders, counts)
    called_unfair, tail = 0, 0
    for squares in sorted(by_statistic, reverse=True):
        number, counts = by_statistic[squares]
        tail += number
        if tail / total > 100 * ALPHA:
            break
        if uniform_test(counts, rng=None).p_value < ALPHA:
            called_unfair += number
    assert 0 < called_unfair / total <= ALPHA
