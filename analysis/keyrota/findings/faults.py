"""Which fault of the rotation a pool shows, and which of its other findings follow from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from keyrota.display import listed
from keyrota.findings.facts import LogFacts, PoolFacts
from keyrota.findings.wording import keys_at, places
from keyrota.rotation.alike import places_in
from keyrota.rotation.fairness import LOST_SHARE, RotationTests
from keyrota.rotation.policies import declared_step
from keyrota.rotation.runs import Runs

STUCK_SHARE: Final = 0.75
"""Share of steps that repeat a key from which runs are stuck rather than out of order."""


def tested(facts: LogFacts) -> Iterator[tuple[PoolFacts, Runs, RotationTests]]:
    """Yield every size of every pool that has runs and tests, with more than one key."""
    for pool in facts.pools:
        for of_size in (pool, *pool.others):
            if of_size.runs is not None and of_size.tests is not None and of_size.size > 1:
                yield of_size, of_size.runs, of_size.tests


def has_uneven_starts(pool: PoolFacts, tests: RotationTests, alpha: float) -> bool:
    """Say whether the starts are not uniform (R102).

    Starts that only a boot tells can name a fault of the shares, but not show one.
    """
    by_boot = tests.starts_by_boot
    return "starts" in pool.called or (
        "shares_unknown" in pool.called and by_boot is not None and by_boot.p_value < alpha
    )


def is_stuck(pool: PoolFacts, runs: Runs, tests: RotationTests) -> bool:
    """Say whether runs repeat one key (R104).

    Nearly all steps repeat, or nearly all broken steps lie in runs of three picks and more that do
    nothing else: a log may hold the days before the fault too, and a choice at random between two
    keys repeats every second time, but not run after run.
    """
    if "succession" not in pool.called:
        return False
    if tests.repeated_steps >= STUCK_SHARE * tests.step_count:
        return True
    lengths = runs.lengths[runs.stuck]
    return int((lengths[lengths >= 3] - 1).sum()) >= STUCK_SHARE * tests.broken_steps


def disordered_steps(pool: PoolFacts, runs: Runs, tests: RotationTests) -> int:
    """Return how many steps are out of order (R103); 0 if lost lines or stuck runs explain them."""
    number = tests.broken_steps - (tests.repeated_steps if is_stuck(pool, runs, tests) else 0)
    return number if "succession" in pool.called and number > LOST_SHARE * tests.step_count else 0


def unused_positions(pool: PoolFacts, runs: Runs) -> list[int]:
    """Return the positions that are never picked, if chance does not explain it (R106)."""
    return (np.flatnonzero(runs.counts == 0) + 1).tolist() if "unused" in pool.called else []


def keys_without_place(pool: PoolFacts, idle: Sequence[int]) -> list[int]:
    """Return the declared keys for which a key that is listed twice leaves no place.

    Only where every other place is known, or known to be idle: such a key could stand there.
    """
    if not pool.twice or pool.declared is None or pool.declared.size != pool.size:
        return []
    if any(place not in pool.logged_keys and place not in idle for place in range(1, pool.size + 1)):
        return []
    picked = set(pool.picks["key"].dropna().astype(int).tolist())
    return [key for key in pool.declared.keys if key not in picked.union(keys_at(pool, idle))]


def is_passed_over(runs: Runs, idle: Sequence[int]) -> bool:
    """Say whether the broken steps are those that pass over the idle positions, all and only."""
    _, second = runs.steps
    before, after = runs.positions[second - 1], runs.positions[second]
    used = np.setdiff1d(np.arange(1, runs.size + 1), idle)
    if not idle or len(used) < 2 or not np.isin(before % runs.size + 1, idle).any():
        return False
    # The next used position after each: the first one ahead, else the first of all.
    following = used[np.searchsorted(used, before, side="right") % len(used)]
    return bool((after == following).all())


def causes(code: str, pool: PoolFacts, runs: Runs, tests: RotationTests, facts: LogFacts) -> list[str]:
    """Return the codes of the findings on this pool that explain the finding with this code.

    A rotation that passes over a key is the cause of all else. Otherwise, with the succession intact,
    the starts and the lengths of the runs settle the shares.
    """
    idle = unused_positions(pool, runs)
    if is_passed_over(runs, idle):
        is_explained = code == "R102" and not np.isin(runs.starts, idle).any()
        return ["R106"] if is_explained or code in ("R101", "R103") else []
    if code not in ("R101", "R106"):
        return []
    found = {
        "R102": has_uneven_starts(pool, tests, facts.alpha),
        "R103": disordered_steps(pool, runs, tests) > 0,
        "R104": is_stuck(pool, runs, tests),
    }
    return [cause for cause, is_found in found.items() if is_found] or (
        ["R106"] if idle and code == "R101" else []
    )


def cause_first(because: Sequence[str]) -> str:
    """Return the remedy of a consequence, empty if it is none."""
    return f"This follows from {listed(list(because))}: correct that first." if because else ""


def step_table(tests: RotationTests) -> dict[str, int]:
    """Return how often each step occurred, as evidence."""
    return {f"+{s}" if s else "0": n for s, n in sorted(tests.steps.items())}


def broken_places(pool: PoolFacts, runs: Runs, *, without_repeats: bool = False) -> list[str]:
    """Return the first places of picks that the declared rotation does not make."""
    steps, second = runs.steps
    is_broken = steps != declared_step(runs.size)
    if without_repeats:
        is_broken &= steps != 0
    rows = np.sort(runs.rows[second[is_broken]])
    told = pool.picks[["source", "line"]]
    return places(told.iloc[places_in(told.index.to_numpy(), rows)])
