"""A declaration written out: TOML, the TypeScript mapping, the secret commands, JSON.

Pure functions. All output is ASCII, so that it survives any terminal, pipe and code page, and no
name from a declaration can leave the string or comment it stands in. No key is ever written: a
declaration holds key numbers only.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Final

import msgspec

from keyrota.display import visible
from keyrota.pools.declared import Pool, PoolConfig, Quota
from keyrota.pools.nominal import PoolRow, table_rows

__all__ = ["PoolRow", "as_json", "as_secrets", "as_toml", "as_typescript", "table_rows"]

ENV_PREFIX: Final = "GOOGLE_AI_STUDIO_KEY_"
"""What stands before a pool's name in the mapping of the key pool architecture."""

SCHEMA: Final = "keyrota.pools/1"

_NOT_PLAIN = re.compile(r"[^ !#-\[\]-~]")  # all but printable ASCII without quote and backslash


def as_toml(config: PoolConfig) -> str:
    r"""Write a pools file; `load_pools` reads the same pools and rules from it.

    Fields that hold their default are left out.

    Examples
    --------
    >>> print(as_toml(PoolConfig(pools=(Pool(name="CHAT", keys=(1, 2), quota=Quota(per_minute=2)),))))
    [[pool]]
    name = "CHAT"
    keys = [1, 2]
    quota = { per_minute = 2 }
    <BLANKLINE>
    """
    sections = [("pool", pool) for pool in config.pools] + [("rule", rule) for rule in config.rules]
    return "\n".join(f"[[{name}]]\n{_fields(section)}" for name, section in sections)


def as_typescript(config: PoolConfig) -> str:
    """Write the `keyMapping` constant that the edge functions read.

    The entries are the pools' names as environment names; two names that become the same one
    (``chat`` and ``CHAT``) are told apart by a number.

    Examples
    --------
    >>> print(as_typescript(PoolConfig(pools=(Pool(name="CHAT", keys=(1, 2), functions=("chat",)),))))
    const keyMapping: Record<string, number[]> = {
      "GOOGLE_AI_STUDIO_KEY_CHAT": [1, 2],   // CHAT: chat
    };
    <BLANKLINE>
    """
    lines = ["const keyMapping: Record<string, number[]> = {"]
    for name, pool in zip(_env_names(config), config.pools, strict=True):
        lines.append(f"  {json.dumps(name)}: {list(pool.keys)},   // {_ascii(_described(pool))}")
    return "\n".join([*lines, "};", ""])


def as_secrets(config: PoolConfig) -> str:
    """Write one `supabase secrets set` command for each key, without any value.

    Each value comes from the shell variable of the same name. Where that is unset or empty the shell
    refuses the line before `supabase` runs, so that no stored secret is overwritten by a
    placeholder; a plain ``"$GOOGLE_KEY_1"`` would store an empty one.

    Examples
    --------
    >>> print(as_secrets(PoolConfig(pools=(Pool(name="CHAT", keys=(1,)),))))  # doctest: +ELLIPSIS
    # For sh, bash or zsh...
    # CHAT
    supabase secrets set GOOGLE_KEY_1="${GOOGLE_KEY_1:?has no value}"
    <BLANKLINE>
    """
    # Comments stand on lines of their own, in plain words: an interactive zsh takes a pasted
    # comment for a command, and a quote or a bracket in it for syntax.
    lines = [
        "# For sh, bash or zsh. Put each key into a shell variable of the same name first.",
        "# A line whose variable is empty stops with an error and leaves the stored secret as it is.",
        "# Each key from a Google Cloud project of its own: keys of one project share one quota.",
    ]
    for pool in config.pools:
        lines.append(f"# {pool.name}")
        lines += [
            f'supabase secrets set GOOGLE_KEY_{key}="${{GOOGLE_KEY_{key}:?has no value}}"'
            for key in pool.keys
        ]
    return "\n".join([*lines, ""])


def as_json(config: PoolConfig) -> str:
    """Write the declaration with its nominal rates as JSON, schema ``keyrota.pools/1``, keys sorted."""
    pools = [
        {
            **msgspec.to_builtins(pool),
            "nominal_per_day": row.nominal_per_day,
            "nominal_per_min": row.nominal_per_min,
        }
        for pool, row in zip(config.pools, table_rows(config), strict=True)
    ]
    rules = [msgspec.to_builtins(rule) for rule in config.rules]
    document = {"schema": SCHEMA, "source": visible(config.source), "pools": pools, "rules": rules}
    return json.dumps(document, sort_keys=True, indent=2, allow_nan=False) + "\n"


def _fields(section: msgspec.Struct) -> str:
    lines = []
    for field in msgspec.structs.fields(section):
        value = getattr(section, field.name)
        if field.required or value != field.default:
            lines.append(f"{field.name} = {_toml(value)}\n")
    return "".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, Quota):
        limits = {name: limit for name, limit in msgspec.structs.asdict(value).items() if limit is not None}
        return f"{{ {', '.join(f'{name} = {limit}' for name, limit in limits.items())} }}"
    if isinstance(value, str):
        return f'"{_NOT_PLAIN.sub(_toml_escape, value)}"'
    return str(value)


def _toml_escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def _env_names(config: PoolConfig) -> list[str]:
    names: dict[str, None] = {}
    for pool in config.pools:
        stem = re.sub(r"[^A-Z0-9]+", "_", pool.name.upper()).strip("_") or "POOL"
        name, number = stem, 1
        while ENV_PREFIX + name in names:
            number += 1
            name = f"{stem}_{number}"
        names[ENV_PREFIX + name] = None
    return list(names)


def _described(pool: Pool) -> str:
    functions = f": {', '.join(pool.functions)}" if pool.functions else ""
    return f"{pool.name}{functions}" + (f" ({pool.model})" if pool.model else "")


def _ascii(text: str) -> str:
    return visible(text).encode("ascii", "backslashreplace").decode("ascii")
