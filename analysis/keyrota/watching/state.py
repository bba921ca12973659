"""What a watch knows, in a file: written whole or not at all, read at the next start.

How far the logs were read and what was counted of them are one document, so that no line is counted twice
and none is lost, whenever the watch is killed.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec

from keyrota.display import reason_of
from keyrota.errors import ConfigurationError, InputError
from keyrota.logs.follow import Places
from keyrota.logs.live import LiveState
from keyrota.opening import opened_to_read
from keyrota.pools.declared import PoolConfig
from keyrota.report.as_json import as_json_line
from keyrota.report.atomic import write_bytes
from keyrota.watch.core import WatchState
from keyrota.watch.wording import as_finding

SCHEMA: Final = "keyrota.watch-state/1"

MAX_BYTES: Final = 1 << 28
"""A state file is smaller; what is larger is none."""


class SavedWatch(msgspec.Struct):
    """A state file.

    Parameters
    ----------
    schema
        What it is.
    pools
        A hash of the pools and of alpha, for which the counts hold.
    places
        How far the logs were read.
    rows
        By log, named as in `places`: what its rows said so far.
    key_labels
        Numbers of keys that logs tell by a masked id.
    watch
        The counts, the evidence, the findings.
    source
        The last source of a history that was read.
    """

    schema: str
    pools: str
    places: Places
    rows: dict[str, LiveState]
    key_labels: dict[str, int]
    watch: WatchState
    source: int = 0


def fingerprint(config: PoolConfig, alpha: float) -> str:
    """Return a hash of what the counts of a watch depend on."""
    declared: Any = msgspec.to_builtins((config.pools, config.rules))
    return blake2b(msgspec.json.encode([declared, alpha], order="sorted"), digest_size=16).hexdigest()


def load(path: Path, expected: str) -> SavedWatch | None:
    """Return the state that a file holds, ``None`` if there is no file.

    Raises
    ------
    ConfigurationError
        If it is no state file, damaged, of another version, or of other pools.
    """
    remedy = "remove it to begin anew, or name another file with --state"
    try:
        with opened_to_read(path) as stream:
            data = stream.read(MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({reason_of(error)})") from error
    try:
        told = msgspec.json.decode(data)
        schema = told.get("schema") if isinstance(told, dict) else None
        if schema != SCHEMA and isinstance(schema, str) and schema.startswith("keyrota.watch-state/"):
            raise ConfigurationError(
                f"{path}: is the state of another version of keyrota ({schema[:40]}, not {SCHEMA}); {remedy}"
            )
        if schema != SCHEMA:
            raise ConfigurationError(f"{path}: is no state of a watch; {remedy}")
        saved = msgspec.convert(told, SavedWatch, strict=False, str_keys=True)
        for episode in (*saved.watch.episodes.opened.values(), *saved.watch.episodes.over):
            as_finding(episode)
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError, RecursionError):
        raise ConfigurationError(f"{path}: is a damaged state of a watch; {remedy}") from None
    if saved.pools != expected:
        raise ConfigurationError(
            f"{path}: is the state of a watch of other pools or another --alpha; {remedy}"
        )  # fmt: skip
    return saved


def save(path: Path, saved: SavedWatch) -> None:
    """Write the state, in place of the one before.

    Raises
    ------
    OutputError
        If it cannot be written; the one before is still there.
    """
    # Not sorted: of isolates and functions those heard of last stand last.
    write_bytes(path, as_json_line(saved, is_sorted=False).encode(), overwrite=True)


def refuse_damage(path: Path, error: InputError) -> ConfigurationError:
    """Return what to tell of a part of the state that its reader refused."""
    return ConfigurationError(f"{path}: {error}; remove the file, or name another one with --state")
