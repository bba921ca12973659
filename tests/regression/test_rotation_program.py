"""The rotation of the document, run for real: is it fair, and are its known faults found?

Each test runs the TypeScript program of sample_logs/rotation in Deno, workers as isolates, with
real randomness. A healthy run is judged at `ALPHA`: all tests of its pools are one family at that level,
so that it is the probability that this file fails although the rotation is fair.
`test_false_alarm_probability` shows it for the test of the starts, by adding up the probability of
every outcome that would be called unfair; the shares cannot be called uneven at this level, whose
p-values are no smaller than 1 in 200,000 draws.
"""

import importlib.util
import math
from itertools import combinations_with_replacement, pairwise
from pathlib import Path

import pytest

import keyrota
from keyrota.logs.read import read

ALPHA = 1e-6
ISOLATES = 60

_spec = importlib.util.spec_from_file_location(
    "rotation_program", Path(__file__).with_name("rotation_program.py")
)
rotation_program = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rotation_program)


@pytest.fixture
def judged(tmp_path):
    """Run the program and judge its output."""

    def run(*arguments):
        path = tmp_path / "run.json"
        path.write_bytes(rotation_program.run_rotation(*arguments))
        reading = read(path)
        return keyrota.judge(reading, alpha=ALPHA)

    return run


def errors(report):
    return {finding.code for finding in report.findings if finding.severity == "error"}


def test_rotation_is_fair(judged):
    """The program as written shows no error, every step goes to the next key, every isolate is seen."""
    report = judged("--pool", "all", "--isolates", str(ISOLATES), "--requests", "1-3")
    assert errors(report) == set()
    for pool in report.pools:
        assert pool.rotation.isolates == ISOLATES
        assert pool.rotation.broken_steps == 0
        assert pool.rotation.isolates_known
        assert pool.fairness.verdict != "unfair"


@pytest.mark.parametrize(
    ("arguments", "pool", "code"),
    [
        (("--start", "first"), "CHAT", "R102"),
        (("--start", "first"), "ARTIFACT", "R102"),
        (("--advance", "stuck"), "ARTIFACT", "R104"),
        (("--missing", "3"), "ARTIFACT", "C201"),
    ],
)
def test_faults_are_found(judged, arguments, pool, code):
    """Each fault that the program can make is found under the same level.

    Power: 60 isolates that begin at one key have p = 2^-59 or 4^-59; a stuck key and a missing secret
    need no p-value.
    """
    report = judged("--pool", pool, "--isolates", str(ISOLATES), "--requests", "2-3", *arguments)
    assert code in errors(report)


@pytest.mark.parametrize("keys", [2, 4])
def test_false_alarm_probability(keys):
    """Of all outcomes of 60 fair starts, those called unfair have at most the probability ALPHA together.

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
