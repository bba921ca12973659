"""Instances that scale per request, held against SimFaaS 0.2.2: independent code, and its printed figures.

First the same world: SimFaaS is fed with the arrivals and the work of a run of ours, and every request
and every instance must fare alike. Then independent worlds: several runs of each, whose means must agree
within the run-to-run spread, and with the figures in SimFaaS' README and example notebooks.

A mean is off if its |z| exceeds 4 (Welch's t as a normal deviate). With fresh seeds one comparison of a
right model fails with probability 6.3e-5, one of the 42 that run in every build with less than .003, one
of the 108 nightly ones with less than .007; the seeds are fixed. What SimFaaS counts, and how, is said in
simfaas_runs.py.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from scripts import script

ROOT = Path(__file__).resolve().parents[2]


sim = script("tests/oracles/simfaas_runs.py")
world = script("tests/oracles/same_world.py")
page = script("docs/against_simfaas.py")

ENGINES = pytest.mark.parametrize("engine", ["compiled", "simpy"])
WITHOUT_LIFESPAN = [name for name in sim.QUANTITIES if name != "lifespan, s"]

SMALL_OVERLOAD = sim.Case("overload of 100", 100, 2.016, 2.163, 600, 60, cap=100)


@cache
def simfaas(case_name, runs):
    return sim.simfaas_runs(CASES[case_name], runs)


@cache
def keyrota(case_name, runs, engine="compiled"):
    return sim.keyrota_runs(CASES[case_name], runs, engine)


CASES = {
    "reference": sim.REFERENCE.for_span(2e4),
    "empty start": sim.EMPTY_START,
    "small overload": SMALL_OVERLOAD,
    "printed reference": sim.REFERENCE,
    "printed overload": sim.OVERLOAD,
    "long reference": sim.REFERENCE.for_span(2e5),
    "overload": sim.OVERLOAD.for_span(60),
    **{case.name: case.for_span(2e4) for case in sim.SWEEP},
}


def assert_agree(name, theirs, ours, told):
    found = sim.compare(CASES[name], theirs, ours)
    assert [comparison.quantity for comparison in found] == told
    for comparison in found:
        assert abs(comparison.z) <= sim.MOST_Z, comparison


# The same world -------------------------------------------------------------

SAME_WORLDS = {
    "reference": (CASES["reference"], {"cold", "warm"}),
    "empty start": (sim.EMPTY_START, {"cold", "warm"}),
    "cap": (sim.Case("cap", 20, 2.016, 2.163, 600, 300, cap=30), {"cold", "warm", "rejected"}),
    "cap and expiry": (sim.Case("", 2, 2.016, 2.163, 1, 1500, cap=5), {"cold", "warm", "rejected"}),
    "expiry 10 s": (sim.SWEEP[0].for_span(600), {"cold", "warm"}),
    "expiry 60 s": (sim.SWEEP[1].for_span(1200), {"cold", "warm"}),
    "empty in between": (sim.Case("", 0.05, 2, 3, 15, 1e5), {"cold", "warm"}),
}


@ENGINES
@pytest.mark.parametrize("name", SAME_WORLDS)
def test_simfaas_lets_every_request_and_instance_fare_as_we_do(name, engine):
    """With our arrivals and work: each request cold, warm or turned away alike, each instance's life too."""
    case, kinds = SAME_WORLDS[name]
    setting = case.setting()
    run = sim.engine_of(engine)(setting, np.random.SeedSequence(sim.SEED), keep_trace=True)
    ours, arrivals, services = world.our_course(setting, run)
    theirs = world.simfaas_course(setting, arrivals, services)
    assert set(ours.outcomes) == kinds
    assert theirs.outcomes == ours.outcomes
    assert theirs.lives.shape == ours.lives.shape
    assert np.abs(theirs.lives - ours.lives).max(initial=0) < 1e-6
    # Our tally drops what is below 1 us of each request's work and of each instance's life.
    dropped = 1e-6 * len(arrivals) / case.span_s + 1e-9
    assert -1e-9 <= theirs.running - ours.running <= dropped
    assert -1e-9 <= theirs.instances - ours.instances <= dropped


def test_cold_and_warm_requests_work_for_their_own_means():
    """Mean work within 4 standard errors of 3 s cold and 2 s warm; each fails falsely with 6.3e-5."""
    setting = SAME_WORLDS["empty in between"][0].setting()
    run = sim.engine_of("compiled")(setting, np.random.SeedSequence(sim.SEED), keep_trace=True)
    course, _, services = world.our_course(setting, run)
    for kind, mean in (("cold", 3), ("warm", 2)):
        work = services[np.array(course.outcomes) == kind]
        assert work.size > 1000
        assert abs(work.mean() - mean) <= 4 * mean / np.sqrt(work.size)  # the exponential's sd is its mean


def test_the_counts_of_a_run_are_those_of_its_course():
    """P(cold), the rejected share and the lifespan of the tally follow from the same trace."""
    setting = SAME_WORLDS["cap and expiry"][0].setting()
    run = sim.engine_of("compiled")(setting, np.random.SeedSequence(sim.SEED), keep_trace=True)
    course, _, _ = world.our_course(setting, run)
    p_cold, rejected, lifespan, *_ = sim.quantities_of(run, setting)
    assert p_cold == course.outcomes.count("cold") / len(course.outcomes)
    assert rejected == course.outcomes.count("rejected") / len(course.outcomes)
    assert lifespan == pytest.approx(np.diff(course.lives).mean(), abs=1e-6)


# Independent worlds -------------------------------------------------------------


def test_reference_case_agrees():
    """All six quantities, over 20,000 s from an empty start: 15 runs of SimFaaS, 200 of ours."""
    assert_agree("reference", simfaas("reference", 15), keyrota("reference", 200), list(sim.QUANTITIES))


@ENGINES
def test_empty_start_agrees(engine):
    """The first 300 s, where no instance expires: 1,000 runs of SimFaaS, 500 of each engine."""
    ours = keyrota("empty start", 500, engine)
    assert_agree("empty start", simfaas("empty start", 1000), ours, WITHOUT_LIFESPAN)


@ENGINES
@pytest.mark.parametrize("quantity", ["P(cold)", "instances", "running", "idle"])
def test_runs_of_an_empty_start_have_one_law(quantity, engine):
    """Not the means alone: Kolmogorov-Smirnov over the runs; one of these fails falsely with 1e-4 at most."""
    column = sim.QUANTITIES.index(quantity)
    ours = keyrota("empty start", 500, engine)[:, column]
    assert stats.ks_2samp(simfaas("empty start", 1000)[:, column], ours).pvalue > 1e-4


def test_overload_of_a_small_cap_agrees():
    """Twice what 100 instances can serve, over 60 s: 10 runs of SimFaaS, 200 of ours."""
    theirs, ours = simfaas("small overload", 10), keyrota("small overload", 200)
    assert ours[:, sim.QUANTITIES.index("rejected share")].min() > 0.4
    assert_agree("small overload", theirs, ours, WITHOUT_LIFESPAN)


@pytest.mark.nightly
def test_reference_case_agrees_over_ten_times_the_span():
    """All six quantities over 200,000 s, where the start hardly counts: 10 runs of SimFaaS, 100 of ours."""
    theirs, ours = simfaas("long reference", 10), keyrota("long reference", 100)
    assert_agree("long reference", theirs, ours, list(sim.QUANTITIES))


@pytest.mark.nightly
def test_overload_agrees():
    """1,000 requests a second at a cap of 1,000 instances, over 60 s: 8 runs of SimFaaS, 100 of ours."""
    assert_agree("overload", simfaas("overload", 8), keyrota("overload", 100), WITHOUT_LIFESPAN)


@pytest.mark.nightly
@pytest.mark.parametrize("name", [case.name for case in sim.SWEEP])
def test_expiry_sweep_agrees(name):
    """Idle expiry from 10 s to 30 minutes, over 20,000 s: 8 runs of SimFaaS, 100 of ours."""
    assert_agree(name, simfaas(name, 8), keyrota(name, 100), list(sim.QUANTITIES))


# Printed figures -------------------------------------------------------------


def assert_near_printed(case, ours):
    for quantity, printed in case.printed.items():
        column = ours[:, sim.QUANTITIES.index(quantity)]
        z = sim.from_printed(printed, case.printed_runs, column)
        assert abs(z) <= sim.MOST_Z, (quantity, printed, column.mean(), z)


@pytest.mark.parametrize(
    ("case", "name", "figures"),
    [
        pytest.param(sim.REFERENCE, "printed reference", 6, id="README"),
        pytest.param(sim.REFERENCE_AGAIN, "printed reference", 6, id="examples/02"),
        pytest.param(sim.OVERLOAD, "printed overload", 5, id="examples/03"),
    ],
)
def test_printed_runs_lie_within_our_spread(case, name, figures):
    """Each figure of the printed run is one that a run of ours over the same span could give; 20 of ours."""
    assert len(case.printed) == figures
    assert_near_printed(case, keyrota(name, 20))


def test_printed_means_of_an_empty_start_are_ours():
    """The printed means of 10,000 runs of 300 s (examples/07), against 500 of ours."""
    assert len(sim.EMPTY_START.printed) == 4
    assert_near_printed(sim.EMPTY_START, keyrota("empty start", 500))


@pytest.mark.nightly
@pytest.mark.parametrize("case", sim.SWEEP, ids=[case.name for case in sim.SWEEP])
def test_printed_sweep_lies_within_our_spread(case):
    """Each figure of the printed run of 100,000 s is one that a run of ours could give; 20 of ours."""
    assert len(case.printed) == 6
    assert_near_printed(case, sim.keyrota_runs(case, 20))


# The page -------------------------------------------------------------


def test_the_page_has_a_printed_figure_for_every_case():
    """In full, each case runs over the span for which SimFaaS prints figures."""
    assert all(case.printed for case, _, _ in page.plan("full"))


@pytest.mark.nightly
def test_the_section_of_the_page_is_made():
    """A heading, a table whose every row agrees, and how fast both are: ours faster."""
    lines = page.simfaas_section("quick")
    assert lines[0] == "## Against SimFaaS"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    assert rows[0][:3] == ["case", "quantity", "SimFaaS, mean"]
    assert {row[0].split(",")[0] for row in rows[1:]} == {case.name for case, _, _ in page.plan("full")}
    assert all(abs(float(row[8])) <= sim.MOST_Z for row in rows[1:])
    assert page.speed_ratio() > 1


# The yardstick -------------------------------------------------------------


def test_a_shifted_mean_is_found():
    """With the work 5 % longer on our side, `running` of the reference case is off by more than 4."""
    longer = sim.Case("longer", 0.9, 1.05 * 1.991, 1.05 * 2.244, 600, 2e4)
    found = sim.compare(longer, simfaas("reference", 15), sim.keyrota_runs(longer, 200))
    assert next(c.z for c in found if c.quantity == "running") > sim.MOST_Z


def test_welch_is_the_textbooks():
    """The deviate has the p-value of SciPy's Welch test, also with few runs."""
    rng = np.random.default_rng(sim.SEED)
    theirs, ours = rng.normal(0, 1, 5), rng.normal(1, 3, 40)
    expected = stats.ttest_ind(ours, theirs, equal_var=False).pvalue
    assert 2 * stats.norm.sf(abs(sim.welch(theirs, ours))) == pytest.approx(expected)
    assert sim.welch(np.zeros(3), np.zeros(4)) == 0
    assert sim.welch(np.zeros(3), np.ones(4)) == np.inf
