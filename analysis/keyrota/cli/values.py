"""What an option's text means: shares, durations, rates, growth, bytes, sizes.

Units are never guessed: a duration or a rate without one is refused.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from typing import Any, Final

import click

DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|min|m|h|d|w)")
SECONDS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
DAYS: Final = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}

_NUMBER: Final = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e-?[0-9]{1,3})?"
_RATE: Final = re.compile(rf"(-?{_NUMBER})\s*/\s*(s|sec|second|min|m|minute|h|hour|d|day)")
_PER_MINUTE: Final = {"s": 60.0, "m": 1.0, "h": 1 / 60, "d": 1 / 1440}
_GROWTH: Final = re.compile(rf"(-?{_NUMBER})\s*%\s*/\s*(day|week|month|year)")
_BYTES: Final = re.compile(r"([0-9]{1,18})\s*(|B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)")
_MULTIPLES: Final = {"": 1, "B": 1} | {
    f"{prefix}{unit}": base**power
    for unit, base in (("B", 1000), ("iB", 1024))
    for power, prefix in enumerate("kMGT" if base == 1000 else "KMGT", start=1)
}
_SIZES: Final = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?")


def number(text: str) -> float | None:
    """Return a number of 0 or more in ASCII digits, ``None`` if it is none.

    Examples
    --------
    >>> number("1e-3"), number("-1"), number("1_000")
    (0.001, None, None)
    """
    value = float(text) if re.fullmatch(_NUMBER, text) else math.inf
    return value if math.isfinite(value) else None


class _Value(click.ParamType, ABC):  # type: ignore[type-arg]  # generic from click 8.2 on
    """A value told by a pattern; what it allows stands in the message."""

    allowed = ""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value, or fail with what is allowed."""
        if not isinstance(value, str):
            return value
        found = self.read(value.strip())
        if found is None:
            from keyrota.display import shown

            self.fail(f"{shown(value)} is not {self.allowed}", param, ctx)
        return found

    @abstractmethod
    def read(self, text: str) -> Any:
        """Return the value of a text, ``None`` if it is not allowed."""


class Share(_Value):
    """A fraction inside (0, 1), written ``0.01``, ``1e-3`` or ``1%``."""

    name = "share"
    allowed = "a share between 0 and 1, such as 1e-3 or 0.1%"

    def __init__(self, *, allows_zero: bool = False) -> None:
        self.allows_zero = allows_zero
        if allows_zero:
            self.allowed = "a share from 0 to below 1, such as 0, 0.01 or 1%"

    def read(self, text: str) -> float | None:
        """Return the fraction."""
        share = number(text.removesuffix("%").rstrip())
        if share is None:
            return None
        share /= 100 if text.endswith("%") else 1
        return share if 0 < share < 1 or (self.allows_zero and share == 0) else None


class Duration(_Value):
    """A span of time in seconds, written ``24h``, ``7d``, ``90s``, ``10min``."""

    name = "duration"
    allowed = "a duration with its unit, such as 24h, 7d, 10min or 90s"

    def read(self, text: str) -> float | None:
        """Return seconds."""
        found = DURATION.fullmatch(text)
        seconds = float(found[1]) * SECONDS[found[2]] if found else math.inf
        return seconds if math.isfinite(seconds) else None


class Rate(_Value):
    """A rate in requests a minute, written ``4/min``, ``0.5/s``, ``100/day``; of a pool: ``CHAT=4/min``.

    The value is a pair: the pool or ``None``, and the rate.
    """

    name = "rate"
    allowed = "a rate of 0 or more with its unit, such as 4/min, 0.5/s, 100/day or CHAT=4/min"

    def read(self, text: str) -> tuple[str | None, float] | None:
        """Return pool and rate."""
        pool, equals, rate = text.rpartition("=")
        found = _RATE.fullmatch(rate.strip())
        if found is None or (equals and not pool.strip()) or float(found[1]) < 0:
            return None
        per_minute = float(found[1]) * _PER_MINUTE[found[2][0]]
        return (pool.strip() or None, per_minute) if math.isfinite(per_minute) else None


class Growth(_Value):
    """Growth as a fraction a day, written ``10%/day``, ``20%/month``."""

    name = "growth"
    allowed = "a growth above 0 with its unit, such as 10%/day, 20%/month or 50%/year"

    def read(self, text: str) -> float | None:
        """Return the fraction a day."""
        found = _GROWTH.fullmatch(text)
        if found is None or not 0 < float(found[1]) <= 1000:
            return None
        return float((1 + float(found[1]) / 100) ** (1 / DAYS[found[2]]) - 1)


class Bytes(_Value):
    """A number of bytes, written ``500MB``, ``4GiB`` or ``1000000``."""

    name = "bytes"
    allowed = "a number of bytes above 0, such as 500MB, 4GiB or 1000000"

    def read(self, text: str) -> int | None:
        """Return bytes."""
        found = _BYTES.fullmatch(text)
        return int(found[1]) * _MULTIPLES[found[2]] or None if found else None


class Sizes(_Value):
    """Pool sizes, written ``1-12``, ``2`` or ``1,2,4-6``."""

    name = "sizes"
    allowed = "ascending sizes of 1 key or more, at most 1,000 of them, such as 1-12, 4 or 1,2,4-6"

    def read(self, text: str) -> tuple[int, ...] | None:
        """Return the sizes, ascending and each once."""
        sizes: set[int] = set()
        for part in text.split(","):
            found = _SIZES.fullmatch(part.strip())
            if found is None:
                return None
            first = int(found[1])
            last = int(found[2]) if found[2] else first
            if not 1 <= first <= last or last - first > MOST_SIZES:
                return None
            sizes.update(range(first, last + 1))
        return tuple(sorted(sizes)) if len(sizes) <= MOST_SIZES else None


MOST_SIZES: Final = 1_000
