"""A user's real rotation program, run as isolates run it, and what it logs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keyrota.display import count, shown, visible
from keyrota.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    import pandas as pd

    from keyrota.logs.read import Reading
    from keyrota.testing.picks import PoolsLike

ISOLATES: Final = "{isolates}"
PICKS: Final = "{picks}"
MOST_ISOLATES: Final = 100_000
_TOLD: Final = 400
"""Characters of a program's error that are told."""


@dataclass(frozen=True)
class RotationRun:
    """What a rotation program logged.

    Parameters
    ----------
    reading
        Its events, and the pools.
    isolates
        How often it ran, or how many isolates it was asked for.
    """

    reading: Reading
    isolates: int

    @property
    def events(self) -> pd.DataFrame:
        """The event table."""
        return self.reading.events


def run_rotation(
    command: str | Sequence[str],
    *,
    isolates: int = 500,
    picks: int | tuple[int, int] = 1,
    pools: PoolsLike = None,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    timeout_s: float = 60.0,
) -> RotationRun:
    """Run a rotation program and collect the picks that it logs.

    The program is started once for each isolate, as a platform starts a new process or worker: it picks so
    many keys and logs each pick as it does in production (``Using GOOGLE_KEY_n (position x/y in pool)``,
    or a line of which the pools file has a rule). If an argument holds ``{isolates}`` it is started once
    and makes that many isolates itself; its lines then name theirs (``execution_id``).

    Parameters
    ----------
    command
        The program and its arguments; no shell reads them. ``{picks}`` in one is replaced by the number of
        picks; the environment variable ``KEYROTA_PICKS`` holds it too.
    isolates
        How many, from 1 on.
    picks
        Picks of each isolate, or the fewest and the most: the isolates take these in turn.
    pools
        The declared pools, or a pools file; the packaged ten-key configuration if not given.
    env
        Variables besides those of this process. ``GOOGLE_KEY_n`` holds a dummy for every declared key, and no
        other one of this process is passed on: a real one reaches the program only if it is given here.
    cwd
        The folder it runs in.
    jobs
        How many run at a time; as many as there are processors if not given.
    timeout_s
        Seconds that one start may take.

    Returns
    -------
    RotationRun
        To be handed to `assert_fair_rotation`.

    Raises
    ------
    ConfigurationError
        If the command is empty or not found, or a number is outside its range.
    InputError
        If the program fails, takes too long, or logs no pick.

    Examples
    --------
    >>> import sys
    >>> source = "import random; k = random.randint(1, 2)"
    >>> source += "; print(f'Using GOOGLE_KEY_{k} (position {k}/2 in pool)')"
    >>> run_rotation([sys.executable, "-c", source], isolates=3).events["size"].tolist()
    [2, 2, 2]
    """
    from keyrota.logs.outputs import read_outputs
    from keyrota.pools.load import configured

    words = _command(command, cwd)
    least, most = _checked(isolates, picks, timeout_s)
    config = configured(pools)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GOOGLE_KEY_")}
    variables |= {f"GOOGLE_KEY_{key}": _dummy(key) for own in config for key in own.keys}
    variables |= {"PYTHONUNBUFFERED": "1", **(env or {})}  # its two outputs in the order of its lines
    is_once = any(ISOLATES in word for word in words)

    def output(number: int) -> bytes:
        many = f"{least}-{most}" if is_once and least != most else str(least + number % (most - least + 1))
        own = [word.replace(ISOLATES, str(isolates)).replace(PICKS, many) for word in words]
        return _output(own, {**variables, "KEYROTA_PICKS": many}, cwd, timeout_s)

    if is_once:
        outputs = [output(0)]
    else:
        outputs = []
        with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
            try:
                outputs.extend(pool.map(output, range(isolates)))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    try:
        reading = read_outputs(outputs, config, names_isolates=is_once)
    except InputError as error:
        first = visible(outputs[0].decode("utf-8", "replace").strip()[:_TOLD]) or "nothing"
        raise InputError(f"{shown(words[0])}: {error}; it printed: {first}") from None
    found = reading.events.loc[reading.events["kind"] == "pick", "isolate"].nunique()
    if found < isolates:
        raise InputError(
            f"{shown(words[0])}: {count(found, 'isolate')} of {isolates:,} logged a pick"
            + (
                "; each line must name its isolate (execution_id)"
                if is_once
                else "; each start has to log one"
            )
        )
    return RotationRun(reading, isolates)


def _command(command: str | Sequence[str], cwd: str | os.PathLike[str] | None) -> list[str]:
    if cwd is not None and not os.path.isdir(cwd):
        raise ConfigurationError(f"cwd is {shown(os.fspath(cwd))}, which is no folder; name the program's")
    words = [command] if isinstance(command, str) else [os.fspath(word) for word in command]
    if not words or not words[0]:
        raise ConfigurationError(
            'the command is empty; give the program and its arguments: ["node", "pick.js"]'
        )
    where = None if cwd is None or os.sep not in words[0] else os.path.join(cwd, words[0])
    if shutil.which(where or words[0]) is None:
        is_line = " " in words[0]
        hint = (
            'give the arguments one by one: ["node", "pick.js"]'
            if is_line
            else "install it, or give its path"
        )
        raise ConfigurationError(f"{shown(words[0])}: no such program; {hint}")
    return words


def _checked(isolates: int, picks: int | tuple[int, int], timeout_s: float) -> tuple[int, int]:
    if not isinstance(isolates, int) or not 1 <= isolates <= MOST_ISOLATES:
        raise ConfigurationError(f"isolates is {shown(isolates)}; it is a number from 1 to {MOST_ISOLATES:,}")
    both = picks if isinstance(picks, tuple) else (picks, picks)
    least, most = both if len(both) == 2 else (0, 0)
    if not (isinstance(least, int) and isinstance(most, int) and 1 <= least <= most):
        raise ConfigurationError(
            f"picks is {shown(picks)}; it is a number from 1 on, or the fewest and the most"
        )
    if not timeout_s > 0:
        raise ConfigurationError(f"timeout_s is {shown(timeout_s)}; it is a number of seconds above 0")
    return least, most


def _dummy(key: int) -> str:
    """Return what looks like a key and is none: AIzaSy and 33 more characters."""
    return f"AIzaSy{f'-keyrota-dummy-{key}-':-<33}"


def _output(
    words: list[str], env: Mapping[str, str], cwd: str | os.PathLike[str] | None, timeout_s: float
) -> bytes:
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=dict(env), cwd=cwd, timeout=timeout_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{shown(words[0])} took more than {timeout_s:g} s; give a larger timeout_s, or let it end itself"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{shown(words[0])} cannot be run: {error.strerror or error}") from None
    if done.returncode != 0:
        said = visible(done.stdout.decode("utf-8", "replace").strip()[-_TOLD:]) or "nothing"
        raise InputError(
            f"{shown(words[0])} ended with {done.returncode} after {count(len(done.stdout), 'byte')}; it "
            f"printed: {said}"
        )
    return done.stdout
