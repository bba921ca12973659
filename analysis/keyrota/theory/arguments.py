"""What the closed forms accept; everything else is a ModelError of one line."""

from __future__ import annotations

import math
from difflib import get_close_matches
from operator import index
from typing import Any, Final

from keyrota.display import listed, shown
from keyrota.errors import ModelError
from keyrota.quota.windows import WINDOWS

MOST: Final = 10**9
"""The largest limit of a key and the largest pool: beyond it a number is a slip."""

MOST_RATE: Final = 10**12
"""The largest rate, span, or number of requests."""

CHOICES: Final = ("random", "fail-over", "shared-round-robin")

_HINTS: Final = {
    "random-start-round-robin": (
        'take "random" where nearly every request starts an isolate, "shared-round-robin" for a single '
        "isolate; in between only simulation gives it"
    ),
    "least-used": 'it leaves no permit unused while a call fails, so take "fail-over"',
}
"""Other rotations, which the nearest spelling would lead astray."""


def whole(value: Any, name: str, *, least: int = 1, most: int = MOST) -> int:
    """Return `value` as a whole number within bounds.

    Raises
    ------
    ModelError
        When it is none, or outside them.

    Examples
    --------
    >>> whole(4, "keys")
    4
    """
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if not least <= number <= most:
        raise ModelError(f"{name} must be a whole number from {least} to {most:,}, not {shown(value)}")
    return number


def limit(value: Any, name: str) -> int:
    """Return a limit of calls per key and window, at least 1.

    Raises
    ------
    ModelError
        When it is not a whole number from 1 to `MOST`; a limit of 0 has a message of its own.
    """
    if isinstance(value, int | float) and value == 0:
        raise ModelError(
            f"{name} is 0: no rate meets a limit of 0, and more keys will not help; give 1 or more"
        )
    return whole(value, name)


def amount(value: Any, name: str, *, most: float = MOST_RATE) -> float:
    """Return a rate, a span or a mean: a number from 0 to `most`.

    Raises
    ------
    ModelError
        When it is not a number, or outside these bounds.
    """
    number = _number(value)
    if not 0 <= number <= most:  # NaN fails as well
        raise ModelError(f"{name} must be a number from 0 to {most:.2g}, not {shown(value)}")
    return number


def target_share(value: Any) -> float:
    """Return the share of rejected requests that is tolerated.

    Raises
    ------
    ModelError
        When it is not a fraction between 0 and 1, both excluded.
    """
    number = _number(value)
    if not 0 < number < 1:
        raise ModelError(
            f"target must be a fraction between 0 and 1, both excluded (1 % is 0.01), not {shown(value)}"
        )
    return number


def check_case(window: str, choice: str) -> None:
    """Check that a minute window and a key choice have a closed form together.

    Raises
    ------
    ModelError
        When one is unknown, or only simulation gives the combination.
    """
    _check_known(window, WINDOWS, "window")
    check_choice(choice)
    if window == "token-bucket":
        raise ModelError(
            'window "token-bucket" has no closed form here: only simulation gives it; '
            'take "fixed" or "sliding" for a formula'
        )
    if window == "sliding" and choice == "shared-round-robin":
        raise ModelError(
            'window "sliding" with choice "shared-round-robin" has no closed form: it lies between "random" '
            'and "fail-over", and only simulation gives it'
        )


def check_choice(choice: str) -> None:
    """Check that a key choice is one of `CHOICES`.

    Raises
    ------
    ModelError
        When it is not.
    """
    if choice in _HINTS:
        raise ModelError(f"choice {shown(choice)} has no formula of its own: {_HINTS[choice]}")
    _check_known(choice, CHOICES, "choice")


def _number(value: Any) -> float:
    """Return `value` as a float, NaN if it is no number; text is none."""
    if isinstance(value, str | bytes):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _check_known(value: str, known: tuple[str, ...], name: str) -> None:
    if value in known:
        return
    close = get_close_matches(str(value).lower(), known, n=1)
    hint = f"did you mean {shown(close[0])}? Allowed" if close else "allowed"
    raise ModelError(f"unknown {name} {shown(value)}; {hint} are {listed([shown(item) for item in known])}")
