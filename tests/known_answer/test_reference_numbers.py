"""The package's numbers against 50 digits of mpmath: twelve in the body, seven in the tails to 1e-300.

tests/oracles/reference_numbers.py makes the references and shares no code with the package;
reference_numbers.R, beside it, asks R the same.
"""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import scipy

from keyrota.rotation.exact import uniform_test
from keyrota.rotation.fairness import _succession_p_value
from keyrota.rotation.power import power
from keyrota.rotation.shares import share_intervals, unused_probability
from keyrota.rotation.stream import StartStream
from keyrota.simulation.estimates import interval
from keyrota.theory import erlang_b, poisson_overflow

HERE = Path(__file__).parent
REFERENCES = json.loads((HERE / "reference_numbers.json").read_text(encoding="utf-8"))
FROM_R = json.loads((HERE / "reference_numbers_r.json").read_text(encoding="utf-8"))
BODY = 1e-12
"""From here on a number is known to twelve digits."""

STUDENT = 1e-12 if tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 17) else 1e-10
"""Before scipy 1.17 its quantiles of Student's t are known to ten."""


def cases(name):
    return pytest.mark.parametrize("row", REFERENCES[name], ids=lambda row: str(row[:-1]))


def close(told):
    """Twelve digits of the number that the text tells, or seven if it is a tail."""
    expected = float(told)
    return pytest.approx(expected, rel=1e-12 if expected >= BODY else 1e-7, abs=0)


@cases("uniform")
def test_starts(row):
    """The exact p-value of the starts, also of tails that no draw reaches."""
    counts, told = row
    found = uniform_test(counts, rng=np.random.default_rng(0), exact_limit=1_000_000)
    assert found.method == "exact"
    assert found.p_value == close(told)


@cases("succession")
def test_succession(row):
    """The probability of so many broken steps in a log that lost 1 % of its lines."""
    broken, total, told = row
    assert _succession_p_value({1: total - broken, 2: broken}, 4) == close(told)


@cases("unused")
def test_unused(row):
    """The probability that a key is idle."""
    lengths, times, size, told = row
    assert unused_probability(lengths * times, size) == close(told)


@cases("power")
def test_power(row):
    """The noncentral chi-square approximation."""
    picks, shares, alpha, told = row
    assert power(picks, [float(share) for share in shares], alpha=float(alpha)) == close(told)


@cases("interval")
def test_intervals(row):
    """Clopper and Pearson's bounds, at the level shared by the keys."""
    count, total, size, confidence, low, high = row
    counts = [count, total - count, *[0] * (size - 2)]
    assert share_intervals(counts, confidence=float(confidence))[0].tolist() == [close(low), close(high)]


@cases("student")
def test_student(row):
    """Half of a 95 % interval is the .975 quantile times the standard error."""
    freedom, told = row
    assert interval(0.0, 1.0, freedom + 1).ci_high == pytest.approx(float(told), rel=STUDENT, abs=0)


@cases("erlang")
def test_erlang(row):
    """Erlang's loss formula."""
    servers, load, told = row
    assert erlang_b(servers, float(load)) == close(told)


@cases("overflow")
def test_overflow(row):
    """The share of a Poisson number beyond a limit."""
    mean, limit, told = row
    assert poisson_overflow(float(mean), limit) == close(told)


@cases("stream")
def test_stream(row):
    """Ln E of starts that are all equal, over all blocks that began."""
    size, starts, told = row
    assert StartStream(size).add(np.zeros(starts, dtype=np.int64))[-1] == close(told)


@pytest.mark.parametrize("name", sorted(FROM_R.keys() - {"version"}))
def test_two_programs_give_the_references(name):
    """R's own tests and distribution functions say what mpmath says, to twelve digits, tails included."""
    pairs = [
        (told, theirs)
        for row, answer in zip(REFERENCES[name], FROM_R[name], strict=True)
        for told, theirs in zip(row[-len(answer) :], answer, strict=True)
        if theirs != "NaN"  # more outcomes than R was asked to count
    ]
    assert len(pairs) >= len(REFERENCES[name]) - 2
    for told, theirs in pairs:
        assert float(theirs) == pytest.approx(float(told), rel=1e-12, abs=0)


def test_the_file_is_what_the_script_makes():
    """The provenance of the references: made again, they are the same to 25 digits."""
    spec = importlib.util.spec_from_file_location(
        "reference_numbers", HERE.parent / "oracles" / "reference_numbers.py"
    )
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    made = json.loads(json.dumps(script.references()))
    assert made.keys() == REFERENCES.keys()
    for name, rows in made.items():
        for mine, theirs in zip(rows, REFERENCES[name], strict=True):
            for found, told in zip(mine, theirs, strict=True):
                same = found == told or script.mp.almosteq(found, told, rel_eps=script.mp.mpf("1e-25"))
                assert same, (name, mine)
