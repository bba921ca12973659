"""What is declared: pools, their keys, quotas and functions.

A limit is input with a date, never a constant of this software: providers change them, and the
application of the same name may run on another tier.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError


def _as_tuples(struct: msgspec.Struct, *names: str) -> None:
    for name in names:
        value = getattr(struct, name)
        if isinstance(value, list):
            msgspec.structs.force_setattr(struct, name, tuple(value))


UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
"""The pattern of the platform's ids, of functions and of isolates."""


def is_function_id(name: str) -> bool:
    """Return whether a function is named by the platform's id, its slug being unknown.

    Examples
    --------
    >>> is_function_id("beca0000-2222-4333-8444-555566667777"), is_function_id("chat")
    (True, False)
    """
    return re.fullmatch(UUID, name) is not None


class Quota(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of one key: requests a minute, requests a Pacific day, input tokens a minute.

    ``None`` means that no such limit is declared. Limits count per Google Cloud project and model.
    """

    per_minute: int | None = None
    per_day: int | None = None
    tokens_per_minute: int | None = None


class Pool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pool: the functions that draw from it, and its keys in the order of the rotation.

    Parameters
    ----------
    name
        As the log prints it: ``CHAT``.
    keys
        The n of each ``GOOGLE_KEY_n``, in the order of the rotation: position x is ``keys[x - 1]``.
    functions
        Slugs of the functions that pick from this pool.
    model
        The model that its calls name; quotas count per project and model.
    quota
        The limits of one key.
    projects
        The Google Cloud project of each key, in the order of `keys`; empty if not declared. Keys of
        one project share one quota.
    since
        The day from which this declaration holds.
    """

    name: str
    keys: tuple[int, ...]
    functions: tuple[str, ...] = ()
    model: str | None = None
    quota: Quota = Quota()
    projects: tuple[str, ...] = ()
    since: dt.date | None = None

    def __post_init__(self) -> None:
        """Keep sequences as tuples: a list would make a frozen pool mutable and unequal to its copy."""
        _as_tuples(self, "keys", "functions", "projects")

    @property
    def size(self) -> int:
        """Number of keys."""
        return len(self.keys)

    def key_at(self, position: int) -> int | None:
        """Return the key declared at a 1-based position, ``None`` outside the pool."""
        return self.keys[position - 1] if 1 <= position <= self.size else None


class RuleSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user's own pattern for the lines of another project's log (a ``[[rule]]`` section).

    Parameters
    ----------
    name
        For messages.
    pattern
        A regular expression that matches at the start of a message after decoration (emoji, colour,
        level), with named groups among ``key``, ``position``, ``size``, ``pool``, ``model``, ``time``,
        ``function``, ``status``.
    kind
        What the line says.
    first
        The number of the first key and position: 1, or 0 for a log that counts from zero.
    pool
        The pool of every line of this rule, where the line does not name it.
    matches, rejects
        Sample lines that the pattern must and must not match; checked when the rule is loaded.
    """

    name: str
    pattern: str
    kind: Literal["pick", "rejection", "retry", "warning"] = "pick"
    first: Literal[0, 1] = 1
    pool: str | None = None
    ignore_case: bool = False
    matches: tuple[str, ...] = ()
    rejects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Keep sequences as tuples."""
        _as_tuples(self, "matches", "rejects")


class PoolConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A validated set of pools, and the rules for lines in other shapes.

    Build it with `keyrota.load_pools`, or directly: the constructor validates too.
    """

    pools: tuple[Pool, ...] = ()
    rules: tuple[RuleSpec, ...] = ()
    source: str = "pools given in code"

    def __post_init__(self) -> None:
        """Keep sequences as tuples, and validate."""
        from keyrota.pools.validate import validate

        _as_tuples(self, "pools", "rules")
        validate(self)

    def __iter__(self) -> Iterator[Pool]:
        """Iterate over the pools."""
        return iter(self.pools)

    def __getitem__(self, name: str) -> Pool:
        """Return the pool of this name."""
        for pool in self.pools:
            if pool.name == name:
                return pool
        raise ConfigurationError(
            f"{self.source}: no pool {shown(name)}; declared are "
            f"{listed([pool.name for pool in self.pools], limit=20) or 'none'}"
        )

    def of_key(self, key: int) -> Pool | None:
        """Return the pool that declares this key."""
        return next((pool for pool in self.pools if key in pool.keys), None)

    def of_function(self, function: str) -> Pool | None:
        """Return the pool that this function is declared to pick from."""
        return next((pool for pool in self.pools if function in pool.functions), None)


UNDECLARED: Final = PoolConfig(source="no declaration")
"""The configuration of a log whose pools nobody has declared."""
