"""Numbers with their intervals, as people read them."""

from __future__ import annotations

import math

from keyrota.report.console import UNBROKEN
from keyrota.simulation.estimates import Quantity


def share_in_words(quantity: Quantity) -> str:
    """Return a share in per cent with its 95 % interval.

    Examples
    --------
    >>> from keyrota.simulation.estimates import interval
    >>> share_in_words(interval(0.0101, 0.0002, 20))
    '1.01 % (0.97 to 1.05)'
    """
    if quantity.estimate is None:
        return "unknown"
    if quantity.ci_low is None or quantity.ci_high is None or quantity.ci_low == quantity.ci_high:
        return f"{100 * quantity.estimate:.3g} %"
    if quantity.estimate == 0:
        return f"none (at most {100 * quantity.ci_high:.2g} %)"
    digits = _digits(100 * (quantity.ci_high - quantity.ci_low) / 2)
    low, high = (f"{100 * bound:.{digits}f}" for bound in (quantity.ci_low, quantity.ci_high))
    return f"{100 * quantity.estimate:.{digits}f} % ({low} to {high})"


def number_in_words(quantity: Quantity, unit: str = "") -> str:
    """Return a number with its 95 % interval, to the digits that it deserves.

    Examples
    --------
    >>> from keyrota.simulation.estimates import interval
    >>> number_in_words(interval(0.5221, 0.0053, 12), "/min")
    '0.522/min (0.510 to 0.534)'
    """
    if quantity.estimate is None:
        return "unknown"
    if quantity.ci_low is None or quantity.ci_high is None:
        return f"{quantity.estimate:,.4g}{unit}"
    digits = _digits((quantity.ci_high - quantity.ci_low) / 2)
    low, high = (f"{bound:,.{digits}f}" for bound in (quantity.ci_low, quantity.ci_high))
    return f"{quantity.estimate:,.{digits}f}{unit} ({low} to {high})"


def plus_minus(quantity: Quantity) -> str:
    """Return a number and half the width of its 95 % interval, for a cell of a table.

    Examples
    --------
    >>> from keyrota.simulation.estimates import interval
    >>> plus_minus(interval(0.5221, 0.0053, 12)).replace(UNBROKEN, " ")
    '0.522 ±0.012'
    """
    if quantity.estimate is None:
        return "-"
    if quantity.ci_low is None or quantity.ci_high is None or quantity.ci_low == quantity.ci_high:
        return f"{quantity.estimate:,.4g}"
    half = (quantity.ci_high - quantity.ci_low) / 2
    digits = _digits(half)
    return f"{quantity.estimate:,.{digits}f}{UNBROKEN}±{half:.{digits}f}"


def share_plus_minus(quantity: Quantity) -> str:
    """Return a share in per cent and half the width of its 95 % interval, for a cell of a table.

    Examples
    --------
    >>> from keyrota.simulation.estimates import interval
    >>> share_plus_minus(interval(0.0101, 0.0002, 20)).replace(UNBROKEN, " ")
    '1.01 ±0.04 %'
    """
    if not quantity.estimate or quantity.ci_low is None or quantity.ci_high is None:
        return share_in_words(quantity)
    if quantity.ci_low <= 0 or quantity.ci_high >= 1:  # a share ends at 0 and at 1
        return share_in_words(quantity)
    half = 100 * (quantity.ci_high - quantity.ci_low) / 2
    digits = _digits(half)
    return f"{100 * quantity.estimate:.{digits}f}{UNBROKEN}±{half:.{digits}f}{UNBROKEN}%"


def two_digits(value: float) -> str:
    """Return a number to two digits that count, without an exponent.

    Examples
    --------
    >>> two_digits(0.5225), two_digits(523.0), two_digits(12_345.0)
    ('0.52', '520', '12,000')
    """
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 10 else f"{rounded:g}"


def duration_in_words(seconds: float) -> str:
    """Return a span of time in the two largest units that it takes.

    Examples
    --------
    >>> duration_in_words(4.25), duration_in_words(1500.0), duration_in_words(100_000.0)
    ('4.2 s', '25 min', '1 d 4 h')
    """
    if seconds < 59.5:
        return f"{seconds:.2g} s"
    sizes = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
    largest = next(place for place, (_, size) in enumerate(sizes) if seconds >= size)
    least = sizes[min(largest + 1, 3)][1]
    rest, parts = least * round(seconds / least), []
    for unit, size in sizes[: largest + 2]:
        number, rest = divmod(rest, size)
        parts += [f"{number:,} {unit}"] * (number > 0)
    return " ".join(parts)


def _digits(half_width: float) -> int:
    """Return the decimals that an uncertainty deserves: two of its digits up to 35, else one [1]_.

    References
    ----------
    .. [1] Particle Data Group, "Review of Particle Physics", introduction, section 5.3 (rounding).
    """
    if half_width <= 0:
        return 2
    place = math.floor(math.log10(half_width))
    return min(6, max(0, -place + int(half_width < 3.55 * 10.0**place)))
