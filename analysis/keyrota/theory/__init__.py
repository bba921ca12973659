"""Closed forms: what the numbers must be where the model can be solved.

A planner of its own, and the known answers that every simulation is held against. Arrivals are
Poisson; rates are requests a minute, shares fractions, limits whole calls per key. What has no closed
form raises `keyrota.errors.ModelError` and says so; only simulation gives it.
"""

from __future__ import annotations

from keyrota.theory.day import day_rate_per_min, day_rejected_share, day_usable_rate, minutes_to_exhaustion
from keyrota.theory.isolates import busy_instances, cold_share, used_keys
from keyrota.theory.loss import erlang_b, poisson_overflow
from keyrota.theory.minute import keys_needed, rejected_share, usable_rate

__all__ = [
    "busy_instances",
    "cold_share",
    "day_rate_per_min",
    "day_rejected_share",
    "day_usable_rate",
    "erlang_b",
    "keys_needed",
    "minutes_to_exhaustion",
    "poisson_overflow",
    "rejected_share",
    "usable_rate",
    "used_keys",
]
