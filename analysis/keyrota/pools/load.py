"""Pools files: TOML in, a validated `PoolConfig` out, or one line that says what to change."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError
from keyrota.opening import opened_to_read
from keyrota.pools.declared import Pool, PoolConfig, Quota, RuleSpec
from keyrota.pools.fields import ALLOWED, checked, closest, place_of

DEFAULT_SOURCE: Final = "default_pools.toml"
"""The packaged declaration: the ten keys of the key pool architecture."""

MAX_BYTES: Final = 1 << 20
"""No pools file is larger; a log passed by mistake is refused before it is read."""

_SECTIONS = ("pool", "rule")


def load_pools(path: str | Path | None = None) -> PoolConfig:
    """Read declared pools from a TOML file.

    Parameters
    ----------
    path
        A file with ``[[pool]]`` and ``[[rule]]`` tables, their fields those of `Pool` and
        `RuleSpec`; ``None`` for the packaged ten-key configuration.

    Returns
    -------
    PoolConfig
        The declaration, with `path` as its source.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, is not TOML in UTF-8, holds a field that is unknown, missing or
        of another type, or does not pass `keyrota.pools.validate.validate`.

    Examples
    --------
    >>> [(pool.name, pool.keys) for pool in load_pools()]
    [('CHAT', (1, 2)), ('ARTIFACT', (3, 4, 5, 6)), ('IMAGE', (7, 8, 9, 10))]
    """
    if path is None:
        from importlib.resources import files

        data = files("keyrota.pools").joinpath(DEFAULT_SOURCE).read_bytes()
        return parse_pools(_decoded(data, DEFAULT_SOURCE), source=DEFAULT_SOURCE)
    source = str(path)
    return parse_pools(_decoded(_bytes_of(Path(path), source), source), source=source)


def configured(pools: PoolConfig | str | os.PathLike[str] | None) -> PoolConfig:
    """Return a configuration as it is, or load the pools file that a path names; ``None`` for the default.

    Raises
    ------
    ConfigurationError
        As `load_pools`, and if `pools` is something else.
    """
    if isinstance(pools, PoolConfig):
        return pools
    if pools is None or isinstance(pools, str | os.PathLike):
        return load_pools(Path(pools) if pools is not None else None)
    raise ConfigurationError(
        f"pools is {shown(type(pools).__name__)}; give a PoolConfig, the path of a pools file, or infer"
    )


def parse_pools(text: str, *, source: str = "pools given as text") -> PoolConfig:
    r"""Read declared pools from the text of a pools file.

    Raises
    ------
    ConfigurationError
        As `load_pools`.

    Examples
    --------
    >>> parse_pools('[[pool]]\nname = "CHAT"\nkeys = [1, 2]')["CHAT"].size
    2
    """
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise ConfigurationError(f"{source}: not valid TOML: nested too deep") from None
    except ValueError as error:
        # tomllib's own error names line and column; int() refuses endless digits with a bare one.
        raise ConfigurationError(f"{source}: not valid TOML: {error}") from None
    for name, value in document.items():
        _check_section(source, name, value)
    pools = tuple(_pool(table, source, n) for n, table in enumerate(document.get("pool", []), 1))
    rules = tuple(
        checked(RuleSpec, table, f"{source}: {place_of('rule', n, table.get('name'))}")
        for n, table in enumerate(document.get("rule", []), 1)
    )
    if not pools and not rules:
        raise ConfigurationError(
            f"{source}: there is no [[pool]] and no [[rule]]; write a line [[pool]] and below it "
            'name and keys, for example name = "CHAT" and keys = [1, 2]'
        )
    return PoolConfig(pools=pools, rules=rules, source=source)


def _pool(table: dict[str, Any], source: str, number: int) -> Pool:
    place = f"{source}: {place_of('pool', number, table.get('name'))}"
    quota = table.get("quota", {})
    if not isinstance(quota, dict):
        raise ConfigurationError(f"{place}: quota is {shown(quota)}; write {ALLOWED['quota']}")
    pool = checked(Pool, {name: value for name, value in table.items() if name != "quota"}, place)
    return msgspec.structs.replace(pool, quota=checked(Quota, quota, place, prefix="quota."))


def _check_section(source: str, name: str, value: object) -> None:
    if name not in _SECTIONS:
        fields = [field.name for kind in (Pool, Quota) for field in msgspec.structs.fields(kind)]
        if name in fields:
            hint = "it belongs below a line [[pool]]"
        elif suggestion := closest(name, [*_SECTIONS, "pools", "rules"]):
            hint = f"did you mean [[{suggestion.removesuffix('s')}]]?"
        else:
            hint = f"the tables are {listed([f'[[{section}]]' for section in _SECTIONS])}"
        raise ConfigurationError(f"{source}: unknown entry {shown(name)}; {hint}")
    tables = value if isinstance(value, list) else [value]
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigurationError(
            f"{source}: {name} is not a list of tables; write each as a line [[{name}]], in double brackets, "
            "and its fields below"
        )


def _bytes_of(path: Path, source: str) -> bytes:
    try:
        with opened_to_read(path) as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{source}: no such file; keyrota pools --format toml prints one to start from"
        ) from None
    except IsADirectoryError:
        raise ConfigurationError(f"{source}: is a folder; name the pools file in it") from None
    except (OSError, ValueError) as error:
        # ValueError: a path with a NUL byte.
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"{source}: cannot be read: {reason}") from None
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{source}: larger than 1 MiB; this is no pools file (is it a log?)")
    return data


def _decoded(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        line = data.count(b"\n", 0, error.start) + 1
        what = "it is UTF-16" if utf16 else f"byte 0x{data[error.start]:02x} in line {line}"
        raise ConfigurationError(f"{source}: not UTF-8 text ({what}); save it as UTF-8") from None
