"""Levels, families and power with 100,000 logs a cell, by the simulations of docs/validation.py.

What that page measures is asserted here on streams of its own. A cell is a pool, a law of run lengths and a
test; a band is 4.2 standard errors of 100,000 logs. A p-value is made continuous by a uniform number of its
own that decides ties: it must then be uniform, and be at or below a level neither too often nor too seldom.
As it is reported it may be below a level more seldom, as outcomes are discrete or runs unknown, never more
often. With fresh seeds one of the 264 comparisons of rates would fail falsely with probability below .008;
the seeds are fixed.
"""

import importlib.util
import re
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from keyrota.rotation.exact import uniform_null
from keyrota.rotation.multiple import holm

DOCS = Path(__file__).parents[2] / "docs"
SIZES = (2, 4, 10)
LAWS = ("1", "2", "3", "5", "1 or 3", "2 or 3", "geometric, mean 3", "geometric, mean 10")
BANDS = {0.05: 0.0029, 0.01: 0.0013, 0.001: 0.00042}

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def validation():
    """docs/validation.py with another seed: the page's numbers are not looked at twice."""
    spec = importlib.util.spec_from_file_location("validation", DOCS / "validation.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["validation"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    module.SEED = 20_261_128
    return module


@pytest.fixture(scope="module")
def unknown_nulls(validation):
    """The nulls of unknown runs, which depend on the pool and the picks only: drawn once."""

    @cache
    def drawn(size):
        rng = validation.stream("closely", "unknown", size)
        return validation.unknown_nulls(validation.PICKS[size], size, validation.Effort().null_draws, rng)

    return drawn


def continuous(statistic, null, rng):
    """(b + 1) / (m + 1) with ties decided at random: uniform if the statistic is drawn from the null."""
    above = null.size - np.searchsorted(null, statistic, side="right")
    ties = null.size - above - np.searchsorted(null, statistic)
    return (above + rng.random(statistic.size) * (ties + 1)) / (null.size + 1)


def fair_p_values(validation, size, law, unknown=None):
    """P-values of 100,000 fair logs as reported, and continuous ones of the tests whose null is exact."""
    effort, rng = validation.Effort(), validation.stream("closely", size, law)
    picks, is_fixed = validation.PICKS[size], law.isdigit()
    vectors, draws = (1, effort.null_draws) if is_fixed else (effort.vectors, effort.vector_draws)
    parts = []
    for _ in range(vectors):
        lengths = validation.LAWS[law](picks, rng)
        starts = rng.integers(size, size=(effort.logs // vectors, lengths.size))
        counts, begun = validation.simulate(starts, lengths, size), validation.tally(starts, size)
        shares = validation.squares(counts)
        known = validation.share_null(lengths, size, draws, rng)
        uniform = np.sort(uniform_null(lengths.size, size, rng=rng, draws=draws))
        part = {
            "starts": validation.start_p_values(begun, draws, rng),
            "shares, runs known": validation.looked_up(shares, known),
            "starts, continuous": continuous(validation.squares(begun), uniform, rng),
            "shares, continuous": continuous(shares, known, rng),
        }
        if unknown is not None:
            part["shares, runs unknown"] = validation.unknown_p_values(counts, unknown)
        parts.append(part)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def is_uniform(p_values):
    """Kolmogorov-Smirnov at 1e-4; the nulls are ten times as many draws as logs, hence 1.1."""
    distance = stats.kstest(p_values, "uniform").statistic
    return stats.kstwobign.sf(distance * np.sqrt(p_values.size / 1.1)) > 1e-4


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("size", SIZES)
def test_each_cell_keeps_its_levels(validation, unknown_nulls, size, law):
    """24 pools and laws of run lengths, three tests each."""
    found = fair_p_values(validation, size, law, unknown_nulls(size))
    for name, p_values in found.items():
        assert p_values.size == 100_000
        for alpha, band in BANDS.items():
            rate = np.mean(p_values <= alpha)
            assert rate <= alpha + band, (name, alpha, rate)
            assert rate >= alpha - band or "continuous" not in name, (name, alpha, rate)
        assert is_uniform(p_values) or "continuous" not in name, name


@pytest.mark.parametrize("law", ["1", "3", "geometric, mean 3"])
def test_three_pools_are_one_family(validation, law):
    """Any false rejection among three fair pools is no more frequent than the level, with Holm."""
    pools = [fair_p_values(validation, size, law) for size in SIZES]
    for name in ("starts", "shares, runs known", "starts, continuous", "shares, continuous"):
        rows = np.column_stack([pool[name] for pool in pools])
        near = rows[rows.min(axis=1) <= max(BANDS)]  # Holm makes no p-value smaller
        smallest = np.array([holm(row).min() for row in near])
        for alpha, band in BANDS.items():
            rate = np.count_nonzero(smallest <= alpha) / len(rows)
            assert rate <= alpha + band, (name, alpha, rate)


def table_of(lines, columns):
    """The last `columns` numbers of each row of a table, by its other cells."""
    found = {}
    for line in lines:
        cells = [cell.strip() for cell in line.strip("| \n").split(" | ")]
        if line.startswith("| ") and re.match(r"\d", cells[-1]):
            numbers = [float(cell.split(" ")[0].replace(",", "")) for cell in cells[-columns:]]
            found[tuple(cells[:-columns])] = numbers
    return found


def power_tables_of_the_page():
    """The lines of its section 2."""
    page = (DOCS / "validation.md").read_text(encoding="utf-8")
    return page.partition("## 2. Power")[2].partition("\n## ")[0].split("\n")


def test_power_is_that_of_the_page(validation, unknown_nulls):
    """Stuck key, skipped key, always first, 30 % for 25 %: within .02 of the table, test by test."""
    effort = validation.Effort(power_logs=40_000)
    found = table_of(validation.fault_rows({4: unknown_nulls(4)}, effort), 4)
    page = table_of(power_tables_of_the_page(), 4)
    assert len(found) == 12
    for fault, powers in found.items():
        assert powers == pytest.approx(page[fault], abs=0.02), fault


def test_power_at_the_picks_needed_is_that_of_the_page(validation):
    """18 laws and levels: the simulated power is within .02 of the table, the promised one within .035."""
    found = table_of(validation.power_rows(validation.Effort(power_logs=40_000)), 1)
    page = table_of(power_tables_of_the_page(), 1)
    assert len(found) == 18
    for case, (simulated,) in found.items():
        assert simulated == pytest.approx(page[case][0], abs=0.02), case
        assert float(case[-1]) - simulated <= 0.035, case
