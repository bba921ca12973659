"""How the isolates of a log choose keys, and what their client does on a 429."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.quota.calls import Calls
from keyrota.rotation.alike import order_of
from keyrota.rotation.policies import declared_step
from keyrota.rotation.runs import Runs
from keyrota.simulation.scenario import Backoff, Fail, Failover, OnReject, PolicyName, Wait

LEAST_STEPS: Final = 20
"""Steps, or starts, from which they tell the policy."""

MOSTLY: Final = 0.9
SELDOM_BROKEN: Final = 0.2
"""Of steps: a log that lost lines has some that are out of order."""

PATIENT_S: Final = 10.0
"""A client whose first wait is longer waits for the delay that the 429 states."""


def observed_policy(runs: Runs | None, *, rejected_rows: NDArray[np.int64] | None = None) -> PolicyName:
    """Return how keys are chosen, as the starts and steps of the isolates show it.

    The declared rotation, random start and round robin, where they do not speak against it.

    Parameters
    ----------
    runs
        Of the pool.
    rejected_rows
        Rows of the picks that got a 429: where the isolate goes from there is its reaction.
    """
    if runs is None or runs.size < 2:
        return "random-start-round-robin"
    if _is_shared(runs):
        return "shared-round-robin"
    steps, second = runs.steps
    if rejected_rows is not None:
        steps = steps[~np.isin(runs.rows[second - 1], rejected_rows)]
    if len(steps) >= LEAST_STEPS:
        if np.mean(steps == 0) >= MOSTLY:
            return "sticky"
        if np.mean(steps != declared_step(runs.size)) > SELDOM_BROKEN:
            return "random"
    starts = runs.starts
    if len(starts) >= LEAST_STEPS and np.mean(starts == 1) >= MOSTLY:
        return "start-at-first"
    return "random-start-round-robin"


def _is_shared(runs: Runs) -> bool:
    """Whether the key of one isolate's pick follows on that of another's just before."""
    order = order_of(runs.rows)
    other = np.diff(runs.run[order]) != 0
    successive = np.diff(runs.positions[order])[other] % runs.size
    return len(successive) >= LEAST_STEPS and bool(np.mean(successive == declared_step(runs.size)) >= MOSTLY)


def observed_reaction(calls: Calls, size: int) -> OnReject:
    """Return what the client does on a 429, for a pool of `size` keys."""
    reaction = calls.reaction
    tries = reaction.gives_up_after
    if reaction.kind == "failover":
        return Failover(tries=None if tries is None or tries >= size else tries)
    if reaction.kind == "backoff":
        base_s = reaction.base_s or 1.0
        most = max(Backoff().tries, reaction.tries) if tries is None else tries
        if base_s > PATIENT_S:
            return Wait(tries=most)
        return Backoff(tries=most, base_s=base_s, jitter=0.0)
    return Fail()
