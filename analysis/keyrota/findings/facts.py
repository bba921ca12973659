"""The facts about a log that rules judge and the report shows, gathered once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from keyrota.events import of_kind
from keyrota.logs.read import LogInput
from keyrota.pools.declared import Pool, PoolConfig
from keyrota.rotation.fairness import RotationTests, Verdict, run_tests, verdicts
from keyrota.rotation.requests import PicksPerRequest, picks_per_request
from keyrota.rotation.runs import Runs, find_runs
from keyrota.rotation.shares import share_intervals
from keyrota.streams import named_stream

DEFAULT_ALPHA = 1e-3
"""Level of the verdicts: of a thousand healthy logs one is called unfair."""


@dataclass(frozen=True)
class KeyShare:
    """How often one key of a pool was picked.

    `key` is ``None`` where the log tells positions alone; `position` is the 1-based place in the
    rotation, ``None`` for a key that the pool does not declare. Shares are fractions of the pool's
    picks; the interval is simultaneous over the keys, at 95 %.
    """

    key: int | None
    position: int | None
    picks: int
    share: float
    expected_share: float
    share_low: float
    share_high: float


@dataclass(frozen=True)
class PoolFacts:
    """Everything about one pool: what is declared, what was logged, what the tests say.

    `runs` and `tests` are those of the size with the most picks; `sizes` counts the picks of every
    size that the log names. `tests` is ``None`` if the pool has no pick with a position.
    """

    name: str
    declared: Pool | None
    events: pd.DataFrame
    picks: pd.DataFrame
    sizes: Mapping[int, int]
    runs: Runs | None
    tests: RotationTests | None
    verdict: Verdict
    p_value: float | None
    requests: PicksPerRequest | None
    shares: tuple[KeyShare, ...]

    @property
    def size(self) -> int:
        """Number of keys: as logged, else as declared."""
        return self.runs.size if self.runs is not None else self.declared.size if self.declared else 0

    @property
    def functions(self) -> tuple[str, ...]:
        """Functions, as declared; without a declaration those seen picking."""
        if self.declared is not None:
            return self.declared.functions
        return tuple(sorted(str(name) for name in self.picks["function"].dropna().unique()))

    def places(self, rows: pd.DataFrame, limit: int = 3) -> list[str]:
        """Return ``file:line`` of the first rows, as evidence."""
        return [f"{row.source}:{row.line}" for row in rows.head(limit).itertuples()]


@dataclass(frozen=True)
class LogFacts:
    """The facts about a whole log. `alpha` is the level of the verdicts."""

    events: pd.DataFrame
    config: PoolConfig
    input: LogInput | None
    pools: tuple[PoolFacts, ...]
    alpha: float

    @cached_property
    def pick_count(self) -> int:
        """Number of picks."""
        return len(of_kind(self.events, "pick"))


def gather(
    events: pd.DataFrame,
    config: PoolConfig,
    *,
    log_input: LogInput | None = None,
    alpha: float = DEFAULT_ALPHA,
    seed: int = 0,
) -> LogFacts:
    """Gather the facts about an event table.

    Parameters
    ----------
    events
        Event table, of a log or of a simulation.
    config
        The declared pools.
    log_input
        The account of the lines, if the events were read from logs.
    alpha
        Level of the verdicts over all pools together, in (0, 1).
    seed
        Of the Monte-Carlo tests; each pool has a stream of its own.

    Raises
    ------
    ModelError
        If `alpha` is not inside (0, 1).
    """
    of_pool = {str(name): rows for name, rows in events.groupby("pool", observed=True, sort=False)}
    names = [pool.name for pool in config]
    names += sorted(
        name for name, rows in of_pool.items() if name not in names and (rows["kind"] == "pick").any()
    )
    runs = {name: find_runs(_with_marks(of_pool[name], events)) if name in of_pool else {} for name in names}
    tests = {
        name: run_tests(next(iter(found.values())), rng=named_stream(seed, "rotation", name), alpha=alpha)
        for name, found in runs.items()
        if found
    }
    decided = dict(zip(tests, verdicts(list(tests.values()), alpha=alpha), strict=True))
    pools = tuple(
        _pool_facts(
            name,
            config,
            of_pool.get(name, events.iloc[:0]),
            events,
            runs[name],
            tests.get(name),
            decided.get(name),
        )
        for name in names
    )
    return LogFacts(events, config, log_input, pools, alpha)


def _with_marks(own: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Add the marks of new isolates that could not be given a pool: they bound runs all the same."""
    marks = events[
        events["pool"].isna() & events["isolate"].isna() & events["kind"].isin(["boot", "listening"])
    ]
    return pd.concat([own, marks]).sort_index() if len(marks) else own


def _pool_facts(
    name: str,
    config: PoolConfig,
    own: pd.DataFrame,
    events: pd.DataFrame,
    runs: Mapping[int, Runs],
    tests: RotationTests | None,
    decided: tuple[Verdict, float] | None,
) -> PoolFacts:
    declared = next((pool for pool in config if pool.name == name), None)
    picks = of_kind(own, "pick")
    main = next(iter(runs.values()), None)
    sizes = picks["size"].dropna().astype(int).value_counts()
    return PoolFacts(
        name=name,
        declared=declared,
        events=own,
        picks=picks,
        sizes={int(size): int(number) for size, number in sizes.items()},  # type: ignore[call-overload]
        runs=main,
        tests=tests,
        verdict=decided[0] if decided else "not enough data",
        p_value=decided[1] if decided else None,
        requests=picks_per_request(events, main) if main is not None else None,
        shares=_shares(picks, declared),
    )


def _shares(picks: pd.DataFrame, declared: Pool | None) -> tuple[KeyShare, ...]:
    """Count the picks of each key over all sizes; a key's expectation is one part of each size it is in."""
    rows: dict[tuple[int | None, int | None], int] = {}
    expected: dict[tuple[int | None, int | None], float] = {}
    for position, key in enumerate(declared.keys if declared else (), start=1):
        rows[key, position] = 0
        expected[key, position] = 0.0
    placed = picks[picks["position"].notna() & picks["size"].notna()]
    for size, group in placed.groupby("size", sort=True):
        seen = group.groupby("position")["key"].agg(_commonest)
        for position in range(1, int(size) + 1):  # type: ignore[call-overload]
            key = seen.get(position)
            if key is None and declared is not None and declared.size == size:
                key = declared.key_at(position)
            identity = _identity(key, position, rows)
            expected[identity] = expected.get(identity, 0.0) + len(group) / int(size)  # type: ignore[call-overload]
            rows.setdefault(identity, 0)
    for (key, position), number in picks.groupby(["key", "position"], dropna=False).size().items():  # type: ignore[misc]
        identity = _identity(
            None if pd.isna(key) else int(key), None if pd.isna(position) else int(position), rows
        )
        rows[identity] = rows.get(identity, 0) + int(number)
    total = max(1, len(picks))
    counts = list(rows.values())
    intervals = share_intervals(np.array(counts)) if sum(counts) else np.tile([0.0, 1.0], (len(counts), 1))
    return tuple(
        KeyShare(
            key,
            position,
            number,
            number / total,
            expected.get((key, position), 0.0) / total,
            float(low),
            float(high),
        )
        for ((key, position), number), (low, high) in zip(rows.items(), intervals, strict=True)
    )


def _identity(
    key: int | None, position: int | None, rows: Mapping[tuple[int | None, int | None], int]
) -> tuple[int | None, int | None]:
    """A key is itself wherever it stands; without a key its position names it."""
    if key is not None:
        return next((known for known in rows if known[0] == key), (key, position))
    return (None, position)


def _commonest(keys: pd.Series) -> int | None:  # type: ignore[type-arg]
    counts = keys.dropna().value_counts()
    return int(counts.index[0]) if len(counts) else None
