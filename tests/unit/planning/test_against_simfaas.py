"""The comparison with SimFaaS that the notebook shows: it agrees, and says so where it cannot be made."""

import importlib.util
import sys

import pytest

from keyrota.planning import against_simfaas
from keyrota.planning.against_simfaas import beside_simfaas
from scripts import needs_sources


@needs_sources
def test_both_agree():
    """No quantity of a short reference case is beyond 4 standard errors: 3e-4 falsely, over six."""
    found = beside_simfaas(span_s=3_000.0, their_runs=4, our_runs=20)
    assert found.missing is None
    assert "4 runs of SimFaaS and 20 of keyrota" in found.case
    assert {"P(cold)", "instances", "running", "idle"} <= {row[0] for row in found.rows}
    assert all(abs(z) <= 4 for _, _, _, z in found.rows)
    running = next(row for row in found.rows if row[0] == "running")
    assert running[1] == pytest.approx(0.9 * 1.991, rel=0.1)  # Little's law


def test_without_simfaas_it_says_so(monkeypatch):
    """Where SimFaaS is not installed there is a reason instead of an error."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = beside_simfaas()
    assert found.rows == ()
    assert "SimFaaS is not installed" in found.missing


def test_without_the_source_tree_it_says_so(monkeypatch):
    """An installed package has not the tests that the comparison is a part of."""
    monkeypatch.setattr(against_simfaas, "source_file", lambda *parts: None)
    assert "tests/oracles/simfaas_runs.py is a part of the repository" in beside_simfaas().missing


def test_nothing_is_imported_before():
    """The module itself does not wake SimFaaS."""
    assert "simfaas" not in vars(sys.modules["keyrota.planning.against_simfaas"])
