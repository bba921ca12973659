"""Arguments that several functions take, checked in one way: what is given, and what is allowed."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Final, TypeGuard

from keyrota.display import shown
from keyrota.errors import ConfigurationError

MOST_TARGET: Final = 0.99
"""The largest share of 429s that is searched for."""

MOST_GROWTH: Final = 10.0
"""Of traffic a day: eleven times as much the next day."""


def is_number(value: object) -> TypeGuard[float]:
    """Say whether a value is a finite number."""
    if isinstance(value, bool):
        return False
    return isinstance(value, Real) and math.isfinite(value)


def is_whole(value: object) -> TypeGuard[int]:
    """Say whether a value is a whole number, of Python or of NumPy."""
    if isinstance(value, bool):
        return False
    return isinstance(value, Integral)


def check_seed(seed: object) -> None:
    """Check that a seed is one.

    Raises
    ------
    ConfigurationError
        If it is not a whole number of 0 or more.
    """
    if not is_whole(seed) or seed < 0:
        raise ConfigurationError(f"seed is {shown(seed)}; it is a whole number of 0 or more")


def check_target(target: object) -> None:
    """Check a tolerated share of 429s, a fraction above 0.

    Raises
    ------
    ConfigurationError
        If it is none, or larger than what is searched for.
    """
    if not (is_number(target) and 0 < target <= MOST_TARGET):
        raise ConfigurationError(
            f"target is {shown(target)}; it is a fraction above 0 and up to {MOST_TARGET:g}, such as 0.01"
        )


def check_precision(precision: object) -> None:
    """Check a precision: half of a 95 % interval as a fraction of the estimate.

    Raises
    ------
    ConfigurationError
        If it is not between 0 and 1.
    """
    if not (is_number(precision) and 0 < precision < 1):
        raise ConfigurationError(f"precision is {shown(precision)}; it is a fraction, such as 0.05 for 5 %")


def check_growth(growth_per_day: object) -> None:
    """Check a growth of traffic, a fraction a day above 0.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    if not (is_number(growth_per_day) and 0 < growth_per_day <= MOST_GROWTH):
        raise ConfigurationError(
            f"growth_per_day is {shown(growth_per_day)}; it is a fraction above 0, such as 0.1 for 10 % a day"
        )


def check_fraction(name: str, value: object) -> None:
    """Check a share, from 0 to 1.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    if not (is_number(value) and 0 <= value <= 1):
        raise ConfigurationError(f"{name} is {shown(value)}; it is a fraction from 0 to 1, such as 0.01")
