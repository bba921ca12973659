"""The isolates of the simulation beside SimFaaS, an independent simulator that only the tests know."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from keyrota.logs.samples import source_file

ORACLE: Final = ("tests", "oracles", "simfaas_runs.py")


@dataclass(frozen=True)
class Beside:
    """Quantities of one case on both sides.

    Parameters
    ----------
    missing
        Why there is no comparison, in a sentence; ``None`` if there is one.
    case
        What both simulated, in words.
    rows
        For each quantity: its name, the mean of SimFaaS, ours, and their difference in standard errors.
    """

    missing: str | None
    case: str = ""
    rows: tuple[tuple[str, float, float, float], ...] = ()


def beside_simfaas(*, span_s: float = 10_000.0, their_runs: int = 6, our_runs: int = 60) -> Beside:
    """Run the reference case of SimFaaS on both sides: instances that serve one request at a time.

    Parameters
    ----------
    span_s
        Simulated seconds of each run.
    their_runs, our_runs
        Independent runs of SimFaaS, which takes a second for some 10,000 requests, and of ours.

    Returns
    -------
    Beside
        Without SimFaaS, or without the source tree that the comparison is a part of, only the reason.
    """
    if importlib.util.find_spec("simfaas") is None:
        return Beside(
            "SimFaaS is not installed, and this comparison is left out: pip install simfaas brings it."
        )
    path = source_file(*ORACLE)
    if path is None:
        return Beside(
            f"This comparison is left out: {'/'.join(ORACLE)} is a part of the repository, not of the "
            "installed package."
        )
    oracle = _loaded(str(path))
    case = oracle.REFERENCE.for_span(span_s)
    found = oracle.compare(case, oracle.simfaas_runs(case, their_runs), oracle.keyrota_runs(case, our_runs))
    words = (
        f"{case.rate_per_s:g} requests a second, service {case.warm_s:g} s warm and {case.cold_s:g} s cold, "
        f"idle instances end after {case.expiry_s:g} s; {span_s:,.0f} s from an empty start, "
        f"{their_runs} runs of SimFaaS and {our_runs} of keyrota"
    )
    return Beside(None, words, tuple((row.quantity, row.theirs, row.ours, row.z) for row in found))


def _loaded(path: str) -> Any:
    """Load the tests' own comparison by its path: it is no part of a package."""
    name = "simfaas_runs"
    known: ModuleType | None = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == path:
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
