"""The facts about a log that rules judge and the report shows, gathered once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.events import check_events, is_of_kind
from keyrota.findings.key_places import Places, keys_by_place
from keyrota.findings.key_shares import KeyShare, shares_of
from keyrota.findings.unread import Unread, UnreadLines
from keyrota.logs.read import LogInput
from keyrota.pools.declared import Pool, PoolConfig
from keyrota.quota.account import Account, PoolEvents, make_accounts
from keyrota.quota.over_time import OverTime, over_time
from keyrota.rotation.fairness import RotationTests, TestName, run_tests
from keyrota.rotation.requests import PicksPerRequest, picks_per_request
from keyrota.rotation.runs import Runs, find_runs, with_marks
from keyrota.rotation.twice import keys_listed_twice, placed
from keyrota.rotation.verdict import Decision, Verdict, decide
from keyrota.streams import named_stream

DEFAULT_ALPHA = 1e-3
"""Level of the verdicts: of a thousand healthy logs one is called unfair, if no more than 1 % of their
lines are lost."""

DEFAULT_TARGET = 0.01
"""Share of requests that may end in a 429."""

OF_PICKS = ("time", "key", "position", "size", "function", "isolate", "source", "line")
"""The columns that picks fill; a copy of the others would be as large again."""

NAMELESS = "unnamed"
"""The pool of picks whose pool neither the log nor the declaration tells."""


@dataclass(frozen=True)
class PoolFacts:
    """Everything about one pool: what is declared, what was logged, what the tests say.

    `picks` are the rows of its picks, the columns of `OF_PICKS` alone.
    `sizes` counts the picks of every size that the log names. `runs`, `tests` and `requests` are those
    of the size with the most picks; `others` holds the same facts for each other size, which is tested
    on its own. `called` names the tests that speak against the rotation. `tests` is ``None`` if the
    pool has no pick with a position. `twice` are the keys that the mapping lists more than once, with their
    places: each has the picks of several, so that the pool is unfair however even the places are; `p_value`
    is ``None`` if that alone is seen. `account` is that of the quota, `over_time` how the pool was used; of
    `others` both are ``None``, and `over_time` is without picks. With `unread`, pick lines that may be of
    this pool and size could not be read, too many for a verdict: there is none, and no test is `called`.
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
    called: frozenset[TestName]
    requests: PicksPerRequest | None
    shares: tuple[KeyShare, ...]
    twice: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    others: tuple[PoolFacts, ...] = ()
    account: Account | None = None
    over_time: OverTime | None = None
    unread: Unread | None = None

    @property
    def size(self) -> int:
        """Number of keys: as logged, else as declared."""
        return self.runs.size if self.runs is not None else self.declared.size if self.declared else 0

    @cached_property
    def logged_keys(self) -> dict[int, int]:
        """The key that the log has most at each position of the main size, of equals the first."""
        key, position = placed(self.picks, self.size)
        own = (position >= 0) & (key >= 0)
        width = int(key.max(initial=0)) + 1  # positions and keys are 32 bits: their product fits
        pairs, first, number = np.unique(
            position[own] * width + key[own], return_index=True, return_counts=True
        )
        found: dict[int, int] = {}
        for pair in pairs[np.lexsort((first, -number))].tolist():
            found.setdefault(pair // width, pair % width)
        return found

    @cached_property
    def places(self) -> Places:
        """The key at each place of the main size, as far as it is known, and how a finding calls a place."""
        declared = self.declared.keys if self.declared and self.declared.size == self.size else ()
        return Places(keys_by_place(self.logged_keys, declared))

    @property
    def functions(self) -> tuple[str, ...]:
        """Functions, as declared; without a declaration those seen picking."""
        if self.declared is not None:
            return self.declared.functions
        return tuple(sorted(str(name) for name in self.picks["function"].dropna().unique()))


@dataclass(frozen=True)
class LogFacts:
    """The facts about a whole log.

    `alpha` is the level of the verdicts, `target` the share of requests that may end in a 429. With
    `max_rejected`, 429s up to that share of a pool's requests are tolerated. `unread` are pick lines that
    could not be read and may be of no pool that has picks, if they are many.
    """

    events: pd.DataFrame
    config: PoolConfig
    input: LogInput | None
    pools: tuple[PoolFacts, ...]
    alpha: float
    target: float = DEFAULT_TARGET
    max_rejected: float | None = None
    unread: Unread | None = None

    @cached_property
    def pick_count(self) -> int:
        """Number of picks."""
        return int((self.events["kind"] == "pick").sum())

    @cached_property
    def picking(self) -> dict[str, NDArray[np.bool_]]:
        """Whether each isolate, and each function, by its code, has a pick; of rows without one the last."""
        is_pick = is_of_kind(self.events, "pick")
        found = {}
        for name in ("isolate", "function"):
            column = self.events[name].cat
            found[name] = np.zeros(len(column.categories) + 1, dtype=bool)
            found[name][column.codes.to_numpy()[is_pick]] = True
        return found


def gather(
    events: pd.DataFrame,
    config: PoolConfig,
    *,
    log_input: LogInput | None = None,
    alpha: float = DEFAULT_ALPHA,
    seed: int = 0,
    target: float = DEFAULT_TARGET,
    max_rejected: float | None = None,
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
    target, max_rejected
        Tolerated shares of requests that end in a 429; see `LogFacts`.

    Raises
    ------
    ModelError
        If `alpha` is not inside (0, 1).
    """
    events = _all_in_pools(events, config)
    of_pool = {str(name): rows for name, rows in events.groupby("pool", observed=True, sort=False)}
    names = [pool.name for pool in config]
    names += sorted(
        name for name, rows in of_pool.items() if name not in names and (rows["kind"] == "pick").any()
    )
    runs = {name: find_runs(with_marks(of_pool[name], events)) if name in of_pool else {} for name in names}
    # Every size of every pool is tested, and all of them are one family.
    units = [(name, of_size) for name in names for of_size in runs[name].values()]
    tests = [
        run_tests(
            of_size,
            rng=named_stream(seed, "rotation", name, str(of_size.size)),
            alpha=alpha,
            pools=len(units),
        )
        for name, of_size in units
    ]
    judged: dict[str, list[_Judged]] = {name: [] for name in names}
    for (name, of_size), test, decision in zip(units, tests, decide(tests, alpha=alpha), strict=True):
        judged[name].append((of_size, test, decision))
    unread = UnreadLines.of(log_input, len(events))
    pools = tuple(
        _pool_facts(name, config, of_pool.get(name, events.iloc[:0]), events, judged[name], unread)
        for name in names
    )
    pools = _with_accounts(pools, events, alpha, seed)
    sizes = frozenset(of_size.size for _, of_size in units)
    of_none = unread.of_no_pool(sizes, sum(len(pool.picks) for pool in pools))
    return LogFacts(events, config, log_input, pools, alpha, target, max_rejected, of_none)


def _with_accounts(
    pools: tuple[PoolFacts, ...], events: pd.DataFrame, alpha: float, seed: int
) -> tuple[PoolFacts, ...]:
    accounts = make_accounts(
        {
            pool.name: PoolEvents(pool.events, pool.declared, (pool.requests and pool.requests.typical) or 1)
            for pool in pools
        },
        begin=events["time"].min(),
        alpha=alpha,
    )
    used = sum(not pool.picks.empty for pool in pools)
    return tuple(
        replace(
            pool,
            account=accounts[pool.name],
            over_time=None
            if pool.picks.empty
            else over_time(
                pool.events,
                accounts[pool.name].calls,
                alpha=alpha / used / 2,  # of each pool the shares and the 429s
                rng=named_stream(seed, "over time", pool.name),
                # Where ids tell the isolates, marks of other isolates have changed nothing.
                runs=pool.runs if pool.runs is not None and not pool.runs.basis.any() else None,
            ),
        )
        for pool in pools
    )


_Judged = tuple[Runs, RotationTests, Decision]


def _all_in_pools(events: pd.DataFrame, config: PoolConfig) -> pd.DataFrame:
    """Name the pool of every pick: events that no reader of logs made may lack it."""
    is_nameless = ((events["kind"] == "pick") & events["pool"].isna()).to_numpy()
    if not is_nameless.any():
        return events
    of_key = {key: pool.name for pool in config for key in pool.keys}
    of_function = {function: pool.name for pool in config for function in pool.functions}
    names = events["pool"].astype(object).to_numpy(copy=True)
    at = is_nameless.nonzero()[0]
    keys = events["key"].iloc[at].fillna(-1).astype(int).tolist()
    functions = events["function"].iloc[at].astype(object).tolist()
    for index, key, function in zip(at.tolist(), keys, functions, strict=True):
        names[index] = of_key.get(key) or of_function.get(function) or NAMELESS
    return check_events(events.assign(pool=names))


def _pool_facts(
    name: str,
    config: PoolConfig,
    own: pd.DataFrame,
    events: pd.DataFrame,
    judged: Sequence[_Judged],
    unread: UnreadLines,
) -> PoolFacts:
    declared = next((pool for pool in config if pool.name == name), None)
    picks = own.loc[is_of_kind(own, "pick"), list(OF_PICKS)]
    sizes = picks["size"].dropna().astype(int).value_counts()
    facts = PoolFacts(
        name=name,
        declared=declared,
        events=own,
        picks=picks,
        sizes={int(size): int(number) for size, number in sizes.items()},  # type: ignore[call-overload]
        runs=None,
        tests=None,
        verdict="not enough data",
        p_value=None,
        called=frozenset(),
        requests=None,
        shares=shares_of(picks, declared),
    )
    of_sizes = [
        replace(
            facts,
            runs=runs,
            tests=tests,
            verdict="unfair" if twice else decision.verdict,
            p_value=decision.p_value if decision.called or not twice else None,
            called=decision.called,
            requests=picks_per_request(events, runs),
            twice=twice,
        )
        for runs, tests, decision in judged
        for twice in [keys_listed_twice(*placed(picks, runs.size), runs.size)]
    ]
    of_sizes = [_without_verdict(of_size, unread) for of_size in of_sizes]
    if not of_sizes:
        return facts
    main, *others = of_sizes
    if all(other.verdict != "unfair" for other in others):
        return replace(main, others=tuple(others))
    spoken = [of_size.p_value for of_size in of_sizes if of_size.called and of_size.p_value is not None]
    return replace(main, others=tuple(others), verdict="unfair", p_value=min(spoken, default=None))


def _without_verdict(of_size: PoolFacts, unread: UnreadLines) -> PoolFacts:
    """Take back what the tests say where they lack picks that the log holds."""
    found = unread.of_pool(of_size.size, of_size.sizes.get(of_size.size, 0))
    if found is None:
        return of_size
    return replace(
        of_size, verdict="not enough data", p_value=None, called=frozenset(), requests=None, unread=found
    )
