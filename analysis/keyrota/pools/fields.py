"""The fields of a pools file: which there are, what each may hold, and how a wrong one is named.

`load_pools` reads tables from a file through here, and `validate` checks with the same words what was
built in code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError
from keyrota.pools.declared import Pool, Quota, RuleSpec

Table = TypeVar("Table", Pool, Quota, RuleSpec)

MAX_KEY: Final = 999_999
"""The largest n of a ``GOOGLE_KEY_n``."""

MAX_LIMIT: Final = 10**9
"""The largest limit: beyond it a number is a slip."""

_LIMIT = f"a whole number from 1 to {MAX_LIMIT}, or leave the field out if there is no such limit"
_SAMPLES = "a list of sample lines in quotes"

ALLOWED: Final[Mapping[str, str]] = {
    "name": 'a name in quotes, for example name = "CHAT"',
    "keys": (
        "the number n of each GOOGLE_KEY_n, without quotes and never the key itself, "
        "for example keys = [1, 2]"
    ),
    "functions": 'a list of names in quotes, for example functions = ["chat"]',
    "model": 'a name in quotes, for example model = "gemini-2.5-flash"',
    "quota": "a table of limits, for example quota = { per_minute = 2, per_day = 50 }",
    "quota.per_minute": _LIMIT,
    "quota.per_day": _LIMIT,
    "quota.tokens_per_minute": _LIMIT,
    "projects": "a list of names in quotes, one for each key and in the order of keys",
    "since": "a date without a time and without quotes, for example since = 2025-11-10",
    "pattern": "a regular expression in single quotes, for example pattern = 'using key (?P<key>[0-9]+)'",
    "kind": '"pick", "rejection", "retry" or "warning"',
    "first": "0 or 1, the number of the first key and position",
    "pool": "the name of a pool in quotes",
    "ignore_case": "true or false, without quotes",
    "matches": _SAMPLES,
    "rejects": _SAMPLES,
}
"""What a person may write, by field path."""

_AT = re.compile(r" - at `\$\.?([^`]*)`$")
_STEP = re.compile(r"([A-Za-z_]+)|\[([0-9]+)\]")


def place_of(section: str, number: int, name: object) -> str:
    """Name a section as a person finds it: 1-based, and by its name if it has one.

    Examples
    --------
    >>> place_of("pool", 1, "CHAT"), place_of("pool", 2, None)
    ('pool[1] "CHAT"', 'pool[2]')
    """
    return f"{section}[{number}] {shown(name)}" if isinstance(name, str) and name else f"{section}[{number}]"


def checked(kind: type[Table], table: Mapping[str, Any], place: str, *, prefix: str = "") -> Table:
    """Return a table as its struct, every field of the right type.

    Parameters
    ----------
    kind
        The struct.
    table
        Field name to value, as TOML or `msgspec.structs.asdict` gives it.
    place
        Source and section, for messages: ``pools.toml: pool[1] "CHAT"``.
    prefix
        What stands before a field's name in `ALLOWED`: ``quota.`` for the limits.

    Raises
    ------
    ConfigurationError
        If a field is unknown, missing, or of another type.
    """
    known = [field.name for field in _fields(kind)]
    for name in table:
        if name not in known:
            raise ConfigurationError(f"{place}: unknown field {_unknown(name, known, prefix)}")
    for field in _fields(kind):
        if field.required and field.name not in table:
            raise ConfigurationError(f"{place}: {field.name} is missing; write {ALLOWED[field.name]}")
    try:
        return msgspec.convert(table, kind, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{place}: {_wrong(str(error), table, prefix)}") from None


def closest(name: str, known: list[str]) -> str | None:
    """Return the known name that is most like `name`, if one is."""
    import difflib

    return next(iter(difflib.get_close_matches(name.lower(), known, n=1)), None)


@lru_cache
def _fields(kind: type[Table]) -> tuple[msgspec.structs.FieldInfo, ...]:
    # Cached: msgspec evaluates the annotations anew at every call.
    return msgspec.structs.fields(kind)


def _unknown(name: str, known: list[str], prefix: str) -> str:
    limits = [field.name for field in _fields(Quota)]
    suggestion = closest(name, known)
    if suggestion is None and "quota" in known and (limit := closest(name, limits)):
        # Limits written one level too high are the likeliest slip of a first file.
        suggestion = f"quota.{limit}"
    hint = f"did you mean {prefix}{suggestion}? The" if suggestion else "the"
    return f"{shown(prefix + name)}; {hint} fields are {listed([prefix + n for n in known], limit=99)}"


def _wrong(message: str, table: Mapping[str, Any], prefix: str) -> str:
    at = _AT.search(message)
    if at is None:
        return message
    value: Any = table
    path, names = prefix, prefix
    for name, index in _STEP.findall(at[1]):
        value = value[name] if name else value[int(index)]
        dot = "." if name and path and not path.endswith(".") else ""
        path += f"{dot}{name}" if name else f"[{int(index) + 1}]"
        names += f"{dot}{name}"
    return f"{path} is {shown(value)}; write {ALLOWED[names]}"
