"""How time and memory of a report grow with picks and keys (part of `make bench-scale`).

Each size is measured in a process of its own, loading not counted: processor time of one `keyrota.judge`,
and the most memory that the process held meanwhile, of which the event table itself is a part. Then the
exponents a and b of time ~ picks^a and time ~ keys^b, by least squares over logarithms.

    python benchmarks/growth.py                  # 10^5 to 10^7 picks, 10 to 10,000 keys: some minutes
    python benchmarks/growth.py --most-picks 3e7 # as far as memory goes
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import keyrota
from keyrota.events import COLUMNS, KINDS
from keyrota.pools.declared import Pool, PoolConfig, Quota
from keyrota.quota.calls import find_calls
from keyrota.quota.counts import FIXED, counts_of
from keyrota.quota.evidence import outcomes_of
from keyrota.quota.shared import find_shared
from keyrota.quota.suspects import KnownLimits

SIZES = (10**5, 3 * 10**5, 10**6, 3 * 10**6, 10**7, 3 * 10**7, 10**8)
KEYS = (10, 100, 1_000, 10_000)
PICKS_OF_KEYS = 1_000_000
CALLS_OF_KEY = 100
ALPHA = 1e-3

MINUTE_MS = 60_000
BEGIN_MS = 1_756_710_000_000  # midnight Pacific on 2025-09-01
GAP_MS = 5_000
LAG_MS = 300
MEAN_RUN = 10


@dataclass(frozen=True)
class Log:
    """An event table, and the pools that it was made for."""

    events: pd.DataFrame
    config: PoolConfig


def make_log(
    picks: int,
    keys: int,
    *,
    pools: int = 1,
    load: float = 0.5,
    per_minute: int = 4,
    together: int = 0,
    seed: int = 1,
) -> Log:
    """Return a log of healthy pools: isolates that begin anywhere, pick on in order, and 429s by the minute.

    Parameters
    ----------
    picks
        In all pools together; the log lasts as long as they take.
    keys
        Of each pool.
    load
        Requests of a key in a minute, as a fraction of its limit.
    per_minute
        The limit, which the 429s state.
    together
        So many of the first keys of each pool share a project by twos, which is not declared.
    """
    rng = np.random.default_rng(seed)
    own = [_picks(picks // pools, keys, load * per_minute, rng) for _ in range(pools)]
    pool = np.repeat(np.arange(pools), [len(place) for _, place, _ in own])
    first_run = np.concatenate(([0], np.cumsum([run.max() + 1 for *_, run in own])[:-1]))
    time = np.concatenate([time for time, *_ in own])
    place = np.concatenate([place for _, place, _ in own])
    run = np.concatenate([run + first for (*_, run), first in zip(own, first_run, strict=True)])
    order = np.argsort(time, kind="stable")
    time, place, run, pool = time[order], place[order], run[order], pool[order]
    quota = pool * keys + np.where(place < together, place // 2 * 2, place)
    is_rejected = _beyond(quota, time // MINUTE_MS, per_minute)
    config = PoolConfig(
        pools=tuple(
            Pool(
                name=f"POOL{number}",
                keys=tuple(range(number * keys + 1, (number + 1) * keys + 1)),
                functions=(f"function-{number}",),
                model="model",
                quota=Quota(per_minute=per_minute),
            )
            for number in range(pools)
        ),
        source="benchmark",
    )
    return Log(_table(time, place, run, pool, is_rejected, keys, per_minute), config)


def _picks(
    picks: int, keys: int, rate: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return time, 0-based place and run of the picks of one pool."""
    lengths = rng.geometric(1 / MEAN_RUN, size=picks // MEAN_RUN + 1)
    run = np.repeat(np.arange(len(lengths)), lengths)[:picks]
    first = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    span = int(picks / (rate * keys) * MINUTE_MS)
    gaps = np.cumsum(rng.exponential(GAP_MS, size=len(run)).astype(np.int64) + 1)
    since = gaps - gaps[first[run]]
    time = BEGIN_MS + rng.integers(0, span, size=len(lengths))[run] + since
    place = (rng.integers(0, keys, size=len(lengths))[run] + np.arange(len(run)) - first[run]) % keys
    return time, place, run


def _beyond(quota: NDArray[np.int64], minute: NDArray[np.int64], limit: int) -> NDArray[np.bool_]:
    """Return which calls, in the order of time, come when their quota has let `limit` pass in the minute."""
    window = quota * (int(minute.max()) + 1 - int(minute.min())) + minute - int(minute.min())
    order = np.argsort(window, kind="stable")
    begins = np.flatnonzero(np.diff(window[order], prepend=-1))
    nth = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    beyond = np.zeros(len(order), dtype=bool)
    beyond[order[nth >= limit]] = True
    return beyond


def _table(
    time: NDArray[np.int64],
    place: NDArray[np.int64],
    run: NDArray[np.int64],
    pool: NDArray[np.int64],
    is_rejected: NDArray[np.bool_],
    keys: int,
    per_minute: int,
) -> pd.DataFrame:
    """Return the event table: a row for each pick, and one for each 429 soon after its pick."""
    rejected = np.flatnonzero(is_rejected)
    source = np.concatenate((np.arange(len(time)), rejected))
    at = np.concatenate((time, time[rejected] + LAG_MS))
    is_mark = np.arange(len(source)) >= len(time)
    order = np.argsort(at, kind="stable")
    source, at, is_mark = source[order], at[order], is_mark[order]
    rows = len(source)
    names = np.array([f"isolate-{number:09d}" for number in range(int(run.max()) + 1)], dtype=object)
    of_pool = pool[source].astype(np.int8)
    nothing = np.zeros(rows, dtype=bool)

    def masked(values: NDArray[np.int64], dtype: str, missing: NDArray[np.bool_]) -> pd.arrays.IntegerArray:
        kept = np.where(missing, 0, values).astype(dtype.lower())
        return pd.arrays.IntegerArray(kept, missing.copy())

    columns = {
        "time": pd.Series((at * 1_000_000).view("datetime64[ns]")).dt.tz_localize("UTC"),
        "kind": pd.Categorical.from_codes(np.where(is_mark, 2, 0).astype(np.int8), list(KINDS)),
        "pool": pd.Categorical.from_codes(of_pool, [f"POOL{n}" for n in range(int(pool.max()) + 1)]),
        "key": masked(pool[source] * keys + place[source] + 1, "Int32", is_mark),
        "position": masked(place[source] + 1, "Int32", is_mark),
        "size": masked(np.full(rows, keys), "Int32", is_mark),
        "function": pd.Categorical.from_codes(of_pool, [f"function-{n}" for n in range(int(pool.max()) + 1)]),
        "isolate": pd.Categorical.from_codes(run[source].astype(np.int32), names),
        "model": pd.Categorical.from_codes(np.full(rows, -1, dtype=np.int8), []),
        "status": masked(np.full(rows, 429), "Int16", ~is_mark),
        "cause": pd.Categorical.from_codes(np.where(is_mark, 0, -1).astype(np.int8), ["per-minute"]),
        "limit": masked(np.full(rows, per_minute), "Int64", ~is_mark),
        "retry_after_s": np.full(rows, np.nan),
        "duration_ms": np.full(rows, np.nan),
        "source": pd.Categorical.from_codes(np.zeros(rows, dtype=np.int8), ["drain.ndjson"]),
        "line": masked(np.arange(1, rows + 1), "Int64", nothing),
    }
    return pd.DataFrame({name: columns[name] for name in COLUMNS})


# Measuring ---------------------------------------------------------------------------------------


def judge_once(picks: int, keys: int, pools: int) -> dict[str, float]:
    """Judge one log in this process; return seconds of processor and of the clock, and MiB."""
    small = make_log(2_000, 4)
    keyrota.judge(small.events, pools=small.config)  # what is imported on first use is not counted
    log = make_log(picks, keys, pools=pools)
    rows = len(log.events)
    table = _memory("VmRSS")
    _forget_peak()
    began, used = time.perf_counter(), time.process_time()
    keyrota.judge(log.events, pools=log.config)
    return {
        "rows": rows,
        "processor_s": time.process_time() - used,
        "clock_s": time.perf_counter() - began,
        "before_mib": table,
        "peak_mib": _memory("VmHWM"),
    }


def search_once(keys: int, kind: str) -> dict[str, float]:
    """Look for keys that share a quota (Q305), in a pool of so many; return seconds of processor.

    In a log of `one pair`; of `all pairs`, each with one other key; and where a `wrong limit` leaves all 429s
    without an explanation. And how many groups are right, of how many that there are, and how many wrong.
    """
    together = {"one pair": 2, "all pairs": keys, "wrong limit": 0}[kind]
    limits = KnownLimits(6, None) if kind == "wrong limit" else KnownLimits(4, None, minute_is_stated=True)
    log = make_log(keys * CALLS_OF_KEY, keys, together=together)
    calls = find_calls(log.events)
    counts = counts_of([calls], None)
    outcomes = outcomes_of(calls.rejected, calls.causes, counts.is_whole_day())
    used = time.process_time()
    found = find_shared(
        counts, outcomes, dict.fromkeys(range(1, keys + 1), limits), window=FIXED, alpha=ALPHA
    )
    spent = time.process_time() - used
    there = {(key, key + 1) for key in range(1, together + 1, 2)}
    right = len(there.intersection(group.keys for group in found))
    return {"processor_s": spent, "right": right, "there": len(there), "wrong": len(found) - right}


def in_new_process(*arguments: object) -> dict[str, float]:
    """Return what this script measures in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--one", json.dumps(arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Return the exponent of time over size, by least squares over logarithms.

    >>> round(exponent([1, 10, 100], [2, 20, 200]), 6)
    1.0
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def _memory(name: str) -> float:
    """Return a number of /proc in MiB; where there is none, the most memory so far."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(lines[name].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _forget_peak() -> None:
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")


def _one(what: str, *arguments: object) -> dict[str, float]:
    if what == "judge":
        picks, keys, pools = (int(str(argument)) for argument in arguments)
        return judge_once(picks, keys, pools)
    keys, kind = arguments
    return search_once(int(str(keys)), str(kind))


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--most-picks", type=float, default=1e7, help="the largest log, in picks")
    parser.add_argument("--most-keys", type=float, default=1e4, help="the largest pool, in keys")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_one(*json.loads(options.one))))
        return
    sizes = [size for size in SIZES if size <= options.most_picks]
    keys = [number for number in KEYS if number <= options.most_keys]
    print("| picks | keys | rows | processor s | clock s | table MiB | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    seconds: list[float] = []
    logs = [(picks, 10, 3) for picks in sizes] + [(PICKS_OF_KEYS, number, 1) for number in keys]
    for picks, number, pools in logs:
        found = in_new_process("judge", picks, number, pools)
        seconds.append(found["processor_s"])
        print(
            f"| {picks:,} | {pools} x {number:,} | {found['rows']:,.0f} | {found['processor_s']:.2f} | "
            f"{found['clock_s']:.2f} | {found['before_mib']:,.0f} | {found['peak_mib']:,.0f} |",
            flush=True,
        )
    large = [(size, spent) for size, spent in zip(sizes, seconds, strict=False) if size >= 10**6]
    if len(large) > 1:
        print(f"\ntime ~ picks^{exponent(*zip(*large, strict=True)):.2f} from a million picks on")
    if len(keys) > 1:
        print(f"time ~ keys^{exponent(keys, seconds[len(sizes) :]):.2f}")
    print("\n| Q305 | keys | calls | processor s | groups found | wrong ones |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind in ("one pair", "all pairs", "wrong limit"):
        spent = []
        for number in keys:
            found = in_new_process("search", number, kind)
            spent.append(found["processor_s"])
            print(
                f"| {kind} | {number:,} | {number * CALLS_OF_KEY:,} | {spent[-1]:.2f} | "
                f"{found['right']:,.0f} of {found['there']:,.0f} | {found['wrong']:,.0f} |",
                flush=True,
            )
        if len(keys) > 2:
            print(f"\ntime ~ calls^{exponent(keys[-2:], spent[-2:]):.2f} over the last two\n")


if __name__ == "__main__":
    main()
