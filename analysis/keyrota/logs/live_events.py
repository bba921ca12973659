"""What a watch is told of a log: picks, and 429s each once."""

from __future__ import annotations

from typing import NamedTuple


class Pick(NamedTuple):
    """A key was chosen. `isolate` is ``None`` where the log names none; positions are 1-based."""

    time: int
    pool: str | None
    key: int | None
    position: int | None
    size: int | None
    function: str | None
    isolate: str | None


class Rejected(NamedTuple):
    """A 429; the key is that of the pick before it in the same isolate."""

    time: int
    pool: str | None
    cause: str
    limit: int | None
    key: int | None


class Corrected(NamedTuple):
    """What a 429 that was told already is, now that its body has come; `was` is the cause that was told."""

    time: int
    pool: str | None
    cause: str
    limit: int | None
    key: int | None
    was: str


Event = Pick | Rejected | Corrected
