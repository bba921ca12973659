"""The content of an onset: usable rates by pool size, as the JSON contract has them."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import msgspec

from keyrota.planning.onset import Onset, SizeOnset
from keyrota.report.simulation import scenario_as_data
from keyrota.simulation.estimates import Quantity

SCHEMA: Final = "keyrota.onset/1"


class SizeReport(msgspec.Struct, frozen=True):
    """One pool size; see `keyrota.planning.onset.SizeOnset`. `exceeded_at` is a time, ISO 8601 UTC."""

    keys: int
    nominal_per_min: float
    usable_per_min: Quantity
    theory_per_min: float | None
    minute_nominal_per_min: float | None
    minute_usable_per_min: Quantity | None
    minute_theory_per_min: float | None
    failover_theory_per_min: float | None
    theory_is_exact: bool | None
    exceeded_after_days: Quantity | None
    exceeded_at: str | None
    is_precise: bool


class PoolOnsetReport(msgspec.Struct, frozen=True):
    """One pool."""

    pool: str
    declared_keys: int
    engine: str
    scenario: dict[str, Any]
    sizes: list[SizeReport]


class OnsetReport(msgspec.Struct, frozen=True):
    """Usable rates: `scenario` and `sizes` are those of the first pool, `pools` has them all."""

    schema: str
    version: str
    target: float
    seed: int
    growth_per_day: float | None
    scenario: dict[str, Any]
    sizes: list[SizeReport]
    pools: list[PoolOnsetReport]


def describe(onsets: list[Onset]) -> OnsetReport:
    """Return the content of the onsets of one or more pools."""
    from keyrota import __version__

    pools = [
        PoolOnsetReport(
            pool=onset.pool,
            declared_keys=onset.scenario.pools[0].size,
            engine=onset.engine,
            scenario=scenario_as_data(onset.scenario),
            sizes=[_size(entry, onset.start) for entry in onset.sizes],
        )
        for onset in onsets
    ]
    return OnsetReport(
        schema=SCHEMA,
        version=__version__,
        target=onsets[0].target,
        seed=onsets[0].seed,
        growth_per_day=onsets[0].growth_per_day,
        scenario=pools[0].scenario,
        sizes=pools[0].sizes,
        pools=pools,
    )


def _size(entry: SizeOnset, start: dt.datetime) -> SizeReport:
    after = entry.exceeded_after_days
    return SizeReport(
        keys=entry.keys,
        nominal_per_min=entry.nominal_per_min,
        usable_per_min=entry.usable_per_min,
        theory_per_min=entry.theory_per_min,
        minute_nominal_per_min=entry.minute_nominal_per_min,
        minute_usable_per_min=entry.minute_usable_per_min,
        minute_theory_per_min=entry.minute_theory_per_min,
        failover_theory_per_min=entry.failover_theory_per_min,
        theory_is_exact=entry.theory.is_exact if entry.theory else None,
        exceeded_after_days=after,
        exceeded_at=None if after is None else moment_after(start, after.estimate),
        is_precise=entry.is_precise,
    )


def moment_after(start: dt.datetime, days: float | None) -> str | None:
    """Return the time so many days after another, ISO 8601 UTC; ``None`` beyond the calendar.

    Examples
    --------
    >>> moment_after(dt.datetime(2025, 11, 10, 8, tzinfo=dt.UTC), 1.5)
    '2025-11-11T20:00:00Z'
    """
    if days is None:
        return None
    try:
        moment = start.astimezone(dt.UTC) + dt.timedelta(days=days)
    except OverflowError:
        return None
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
