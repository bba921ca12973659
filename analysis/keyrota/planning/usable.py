"""One usable rate: which replications tell it, and the search over them."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec.structs import replace

from keyrota.planning.resize import at_total_rate
from keyrota.planning.search import UsableRateSearch, trial_of
from keyrota.planning.spans import MOST_SPAN_S, span_of, wanted_s
from keyrota.simulation.estimates import Quantity
from keyrota.simulation.experiment import run_replications
from keyrota.simulation.scenario import Scenario
from keyrota.simulation.setting import setting_of
from keyrota.simulation.tally import Tally


def usable_rate(scenario: Scenario, *, nominal: float, guess: float, **options: Any) -> Quantity:
    """Search one usable rate, in replications that are longer where the rate turns out to be lower.

    Parameters
    ----------
    scenario
        With one pool of the size in question.
    nominal
        Requests a minute that no admission exceeds.
    guess
        Where the search begins, requests a minute.
    **options
        target, precision, seed and engine, as for `keyrota.planning.onset.find_onset`.
    """
    while True:
        try:
            return _search(scenario, nominal=nominal, guess=guess, **options).run(guess)
        except _TooThinError as error:
            guess = error.rate


class _TooThinError(Exception):
    """At this rate too few requests arrive in a replication."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self.rate = rate


def _search(
    scenario: Scenario,
    *,
    nominal: float,
    guess: float,
    target: float,
    precision: float,
    seed: int,
    engine: str,
) -> UsableRateSearch:
    wanted = wanted_s(scenario, guess)
    span = span_of(scenario, wanted)
    seeds = np.random.SeedSequence(seed)

    def tallies(rate: float, first: int, until: int) -> list[Tally]:
        if rate < guess / 4 and wanted < MOST_SPAN_S:
            raise _TooThinError(rate)
        timed = replace(at_total_rate(scenario, rate), **span)
        return run_replications(setting_of(timed), seeds, range(first, until), engine=engine)

    return UsableRateSearch(trial_of(tallies), target, nominal, precision)
