"""Which limit asks for the keys: the minute's or the day's."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from keyrota.planning.resize import without_day_limit
from keyrota.planning.smallest import SizeSearch, keys_by_theory
from keyrota.simulation.scenario import Scenario
from keyrota.theory.day import MINUTES_PER_DAY


@dataclass(frozen=True)
class Binding:
    """Which limit binds.

    Parameters
    ----------
    limit
        ``"per-minute"``, ``"per-day"``, or what the caller knows to bind.
    keys_by_minute, keys_by_day
        Keys that each limit alone would take with the rotation that is recommended; ``None`` where it is
        not declared, or alone to be kept, or more than 1,000 would be.
    is_theory
        Whether a closed form gave these numbers.
    """

    limit: str
    keys_by_minute: int | None
    keys_by_day: int | None
    is_theory: bool


def what_binds(scenario: Scenario, *, target: float, seed: int, engine: str, hint: str | None) -> Binding:
    """Return which limit of the only pool binds: the one that takes more keys alone.

    Theory tells where it speaks, else each limit is simulated without the other.
    """
    quota = scenario.pools[0].quota
    if quota.per_minute is None or quota.per_day is None:
        only = "per-minute" if quota.per_day is None else "per-day"
        return Binding(hint or only, None, None, is_theory=False)
    by_minute, by_day = keys_by_theory(scenario, target)
    is_theory = by_minute is not None
    if not is_theory:
        without_minute = tuple(
            replace(pool, quota=replace(pool.quota, per_minute=None)) for pool in scenario.pools
        )
        minute, day = (
            SizeSearch(alone, target, seed, engine).smallest()
            for alone in (without_day_limit(scenario), replace(scenario, pools=without_minute))
        )
        by_minute, by_day = minute.keys, day.keys
    # More than can be planned for is more than any number; nothing in doubt is left to the day.
    most = float("inf")
    needs_day = (by_day or most) > (by_minute or most)
    if by_day == by_minute:
        needs_day = MINUTES_PER_DAY * quota.per_minute > quota.per_day
    return Binding(hint or ("per-day" if needs_day else "per-minute"), by_minute, by_day, is_theory)
