"""Hold what is said about quotas against simulated logs: shared projects, limits, windows.

Writes its own part of docs/validation.md. Run by ``make validation``; ``--quick`` takes a tenth of the logs
and prints to stdout.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from msgspec.structs import replace
from scipy.special import betaincinv

import keyrota
from keyrota.logs.write import SHAPES, write_events_as_log
from keyrota.pools.declared import Pool, PoolConfig, Quota
from keyrota.quota.account import Account, PoolEvents, make_accounts
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.scenario import DEFAULT_START, Backoff, Fail, Failover, Hosted, Scenario, Single
from keyrota.simulation.simple import simple_scenario
from keyrota.theory.minute import usable_rate
from keyrota.traffic.arrivals import Arrivals, Bursts, Poisson

SEED = 20_251_124
ALPHA = 1e-3
PAGE = Path(__file__).with_name("validation.md")
MARK = "<!-- quota: written by docs/validate_quota.py -->\n"
HOUR_S, DAY_S = 3_600.0, 86_400.0
TOLD = ("stated", "cause only", "nothing")
"""What the errors tell: cause, limit and delay; the cause alone; nothing."""


@dataclass(frozen=True)
class Case:
    """A log: what is simulated, what its errors tell, what is declared, and the shape it goes through."""

    scenario: Scenario
    told: str = "stated"
    declared: Quota | None = None
    shape: str | None = None
    lost: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Found:
    """What the account of a log says, and what is true of the log."""

    keys: int
    calls: int
    rejected: int
    by_minute: int
    pairs: frozenset[tuple[int, int]]
    window: str
    day_refuted: bool
    day_estimated: int | None
    day_in_force: int | None


def stream(*name: object) -> np.random.Generator:
    """Return the stream of a name: a new table moves no other table's numbers."""
    return np.random.default_rng([SEED, zlib.crc32(repr(name).encode())])


# Logs --------------------------------------------------------------------------------------------


def untold(events: pd.DataFrame, told: str) -> pd.DataFrame:
    """Return the log with errors that tell less."""
    if told == "stated":
        return events
    is_rejection = (events["kind"] == "rejection").to_numpy()
    changed = events.copy()
    changed.loc[is_rejection, "limit"] = pd.NA
    changed.loc[is_rejection, "retry_after_s"] = np.nan
    if told == "nothing":
        causes = changed["cause"].astype(object)
        causes[is_rejection] = "unknown"
        changed["cause"] = causes.astype("category")
    return changed


def events_of(case: Case, pools: PoolConfig) -> pd.DataFrame:
    """Return the log of a case, as it is read."""
    events = untold(simulated_events(case.scenario, seed=case.seed), case.told)
    if case.lost:
        keep = stream("lost", case.seed).random(len(events)) >= case.lost
        events = events[keep].reset_index(drop=True)
    if case.shape is None:
        return events
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"log{SHAPES[case.shape].suffix}"
        path.write_bytes(write_events_as_log(events, case.shape, seed=case.seed))
        return keyrota.read(path, pools=pools).events


def account_of(case: Case) -> Found:
    """Make the account of a case's log: a user's declaration, without any shared project."""
    true = case.scenario.pools[0]
    pool = replace(true, projects=(), quota=case.declared or true.quota)
    pools = PoolConfig(pools=(pool,))
    events = events_of(case, pools)
    events = events[events["pool"] == pool.name]
    account = make_accounts({pool.name: PoolEvents(events, pool)}, begin=events["time"].min(), alpha=ALPHA)[
        pool.name
    ]
    return found_of(account, pool, events)


def found_of(account: Account, pool: Pool, events: pd.DataFrame) -> Found:
    """Return what counts of an account."""
    return Found(
        keys=pool.size,
        calls=len(account.calls),
        rejected=account.rejection_count,
        by_minute=account.explained.by_minute,
        pairs=frozenset(pair for group in account.shared for pair in combinations(group.keys, 2)),
        window=account.window.kind,
        day_refuted=account.day.is_refuted,
        day_estimated=account.day.estimated,
        day_in_force=account.day.in_force,
    )


def shared_pairs(scenario: Scenario) -> set[tuple[int, int]]:
    """Return the pairs of keys that truly share a project."""
    pool = scenario.pools[0]
    projects = dict(zip(pool.keys, pool.projects, strict=True)) if pool.projects else {}
    return {(a, b) for a, b in combinations(pool.keys, 2) if projects and projects[a] == projects[b]}


def with_projects(scenario: Scenario, projects: Sequence[str]) -> Scenario:
    """Return a scenario whose keys are in these projects."""
    return replace(scenario, pools=(replace(scenario.pools[0], projects=tuple(projects)),))


# False alarms ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """A kind of healthy log."""

    name: str
    logs: int
    told: tuple[str, ...] = ("stated",)
    bursty: bool = False
    shapes: tuple[str | None, ...] = (None,)
    declares: str = "true"
    lost: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)


HEALTHY = (
    Kind("causes stated", 250),
    Kind("causes not stated", 250, ("cause only", "nothing")),
    Kind("wrong limits declared", 150, ("cause only", "nothing"), declares="wrong"),
    Kind("no limits declared", 50, TOLD, declares="none"),
    Kind("bursts", 150, TOLD, bursty=True),
    Kind("milliseconds scrambled", 75, TOLD, shapes=("dashboard-json", "studio-csv", "otel")),
    Kind("milliseconds scrambled, no ids", 75, TOLD, shapes=("dashboard-json-no-ids", "sql-subset-iso")),
)
BEYOND = (
    Kind("1 % of the lines lost", 100, TOLD, lost=0.01),
    Kind("token bucket", 100, TOLD, options={"window": "token-bucket"}),
    Kind("rejected calls charged", 100, TOLD, options={"charge_rejected": True}),
)
"""Provider or log are not what the likelihoods take for granted."""


def healthy_case(kind: Kind, number: int) -> Case:
    """Draw a healthy log: 1,200 to 4,000 requests, fewer where it is written and read back."""
    rng = stream("healthy", kind.name, number)

    def either(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    keys, per_minute, target = (
        either(2, 4, 10),
        either(2, 15),
        float(np.exp(rng.uniform(np.log(0.01), np.log(0.4)))),
    )
    window = kind.options.get("window", either("fixed", "sliding"))
    rate = usable_rate(
        keys=keys, per_minute=per_minute, target=target, window="sliding" if window == "sliding" else "fixed"
    )
    shape = either(*kind.shapes)
    requests = float(rng.uniform(*((1_200, 4_000) if shape is None else (400, 1_200))))
    span = requests / rate * 60
    arrivals: Arrivals = Poisson(rate_per_min=rate)
    if kind.bursty:
        arrivals = Bursts(rate_per_min=rate / 2, burst_s=either(30.0, 120.0, 600.0), calm_s=600.0)
    # Half of the logs run out of their day; some begin within one.
    per_day = either(None, max(3, ceil(0.7 * requests / keys / max(1.0, span / DAY_S))))
    options = {"window": window, **kind.options}
    scenario = simple_scenario(
        keys=keys, per_minute=per_minute, per_day=per_day, arrivals=arrivals, duration_s=span,
        isolates=either(Hosted(), Single()), on_reject=either(Fail(), Failover(), Backoff()),
        start=DEFAULT_START + dt.timedelta(hours=either(0, 0, 7.3)), **options,
    )  # fmt: skip
    declared = None
    if kind.declares == "none":
        declared = Quota()
    elif kind.declares == "wrong":
        factor = either(0.5, 2.0, 2.5)
        declared = Quota(
            per_minute=max(1, round(per_minute * factor)), per_day=per_day and max(1, round(per_day * factor))
        )
    return Case(scenario, either(*kind.told), declared, shape, kind.lost, int(rng.integers(2**31)))


def upper_bound(events: int, trials: int) -> float:
    """Return the exact 95 % upper bound of a probability (Clopper and Pearson)."""
    return float(betaincinv(events + 1, trials - events, 0.95))


def false_alarms(run: Runner, logs: Callable[[int], int]) -> list[str]:
    """Return the table of healthy logs."""
    lines = [
        "## False alarms: healthy logs",
        "",
        f"Every key has a project of its own; a pair that is called at level {ALPHA:g} (over all pairs of "
        "a log) is a false alarm. Each log draws 2, 4 or 10 keys, a limit of 2 or 15 a minute, fixed minutes "
        "or the last 60 s, no day limit or one that binds, hosted isolates or a single one, a client that "
        "fails, fails over or backs off, a begin at a Pacific midnight or within a day, and the rate at "
        "which theory says 1 % to 40 % 429s by the minute for a client that fails. Errors state cause, "
        "limit and delay, or the cause alone, or nothing; the first row states all. Bursts of 30 s "
        "to 10 min have ten times the rate of the calm between them. Wrong limits are half, twice "
        "or 2.5 times the true ones. Bounds are exact binomial upper bounds at 95 %. These streams were in "
        "use while the method was made, and four of their logs led to a better one; 264 further logs, drawn "
        "once afterwards, had no false alarm either.",
        "",
        "| logs | number | 429s, share of calls (5 % to 95 %) | innocent pairs | called | logs with one "
        "| bound, pairs | bound, logs |",
        "| --- | --: | --- | --: | --: | --: | --: | --: |",
    ]
    total: list[Found] = []
    for kind in HEALTHY:
        found = run(healthy_case(kind, number) for number in range(logs(kind.logs)))
        total += found
        lines.append(alarm_row(kind.name, found))
    lines.append(alarm_row("**all**", total))
    lines += [
        "",
        "Logs or providers that are not as the likelihoods take for granted:",
        "",
        *lines[4:6],
    ]
    for kind in BEYOND:
        lines.append(alarm_row(kind.name, run(healthy_case(kind, n) for n in range(logs(kind.logs)))))
    return lines


def alarm_row(name: str, found: Sequence[Found]) -> str:
    """Return a row of the table of false alarms."""
    pairs = sum(one.keys * (one.keys - 1) // 2 for one in found)
    called, with_one = sum(len(one.pairs) for one in found), sum(bool(one.pairs) for one in found)
    low, high = np.quantile([one.rejected / max(1, one.calls) for one in found], [0.05, 0.95])
    return (
        f"| {name} | {len(found):,} | {100 * low:.1f} % to {100 * high:.1f} % | {pairs:,} | {called} "
        f"| {with_one} | {upper_bound(called, pairs):.1e} | {upper_bound(with_one, len(found)):.1e} |"
    )


# Power -------------------------------------------------------------------------------------------

RATES, HOURS = (0.5, 1.0, 2.0, 4.0), (1, 4, 24)
TWO_OF_FOUR = ("a", "a", "b", "c")


def power(run: Runner, logs: Callable[[int], int]) -> list[str]:
    """Return the tables of logs in which keys share a project."""
    number = logs(100)
    lines = [
        "## Power: two of four keys in one project",
        "",
        "Limit 2 a minute for each project, Poisson traffic, a client that fails, hosted isolates; "
        f"{number} logs a cell. The share of the logs that name the two keys, at level {ALPHA:g}; in "
        "brackets the median number of 429s. Where there is hardly a 429 there is nothing to tell. A 429 "
        "that states no cause tells nothing on a day that began before the log: so it is with one log in "
        "twenty here, whose first request comes more than three mean gaps after midnight.",
        "",
        "| requests a minute | errors tell | " + " | ".join(f"{hours} h" for hours in HOURS) + " |",
        "| --- | --- |" + " --- |" * len(HOURS),
    ]
    wrong = total = 0
    for rate in RATES:
        for told in ("stated", "nothing"):
            cells = []
            for hours in HOURS:
                scenario = with_projects(
                    simple_scenario(keys=4, per_minute=2, rate_per_min=rate, duration_s=hours * HOUR_S),
                    TWO_OF_FOUR,
                )
                found = repeated(run, Case(scenario, told), number, "power", rate, told, hours)
                share, innocent = named(found, scenario)
                wrong, total = wrong + innocent, total + len(found)
                cells.append(f"{share} ({np.median([one.rejected for one in found]):.0f})")
            lines.append(f"| {rate:g} | {told} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Other logs of shared projects, 50 a cell (25 where a log is written and read back):",
        "",
        "| logs | errors tell cause, limit and delay | the cause alone | nothing |",
        "| --- | --- | --- | --- |",
    ]
    for name, scenario, shape, declared in others():
        cells = []
        for told in TOLD:
            found = repeated(
                run, Case(scenario, told, declared, shape), logs(25 if shape else 50), "others", name, told
            )
            share, innocent = named(found, scenario)
            wrong, total = wrong + innocent, total + len(found)
            cells.append(f"{share} ({np.median([one.rejected for one in found]):.0f})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return [
        *lines,
        "",
        f"Wrong keys are named in {wrong} of these {total:,} logs (bound {upper_bound(wrong, total):.1e}).",
    ]


def others() -> list[tuple[str, Scenario, str | None, Quota | None]]:
    """Return further logs of shared projects: name, scenario, shape, declaration."""

    def shared(projects: Sequence[str] = TWO_OF_FOUR, **options: Any) -> Scenario:
        options = {"keys": len(projects), "duration_s": 4 * HOUR_S, **options}
        return with_projects(simple_scenario(**options), projects)

    minute = {"per_minute": 2, "rate_per_min": 4.0}
    scrambled = "dashboard-json"

    def daily(requests: float, days: int) -> Scenario:
        return shared(per_minute=15, per_day=20, rate_per_min=requests / 1440, duration_s=days * DAY_S)

    return [
        ("fail over, 4 h, 4 a minute", shared(**minute, on_reject=Failover()), None, None),
        ("back off, 4 h, 4 a minute", shared(**minute, on_reject=Backoff()), None, None),
        ("last 60 s, 4 h, 4 a minute", shared(**minute, window="sliding"), None, None),
        ("single isolate, 4 h, 4 a minute", shared(**minute, isolates=Single()), None, None),
        ("4 h, 4 a minute, milliseconds scrambled", shared(**minute), scrambled, None),
        ("the same, fail over", shared(**minute, on_reject=Failover()), scrambled, None),
        ("4 h, 4 a minute, no ids", shared(**minute), "dashboard-json-no-ids", None),
        ("4 h, 4 a minute, 5 declared for 2", shared(**minute), None, Quota(per_minute=5)),
        ("all four, 4 h, 2 a minute", shared("aaaa", per_minute=2, rate_per_min=2.0), None, None),
        ("two of ten, 4 h, 10 a minute", shared("aabcdefghi", per_minute=2, rate_per_min=10.0), None, None),
        ("15 a minute, 4 h, 40 a minute", shared(per_minute=15, rate_per_min=40.0), None, None),
        ("day limit 20, 1 day, 60 a day", daily(60, 1), None, None),
        ("day limit 20, 3 days, 60 a day", daily(60, 3), None, None),
        ("day limit 20, 7 days, 60 a day", daily(60, 7), None, None),
        ("day limit 20, 3 days, 120 a day", daily(120, 3), None, None),
        ("the same, 50 declared", daily(120, 3), None, Quota(per_minute=15, per_day=50)),
    ]


def repeated(run: Runner, case: Case, number: int, *name: object) -> list[Found]:
    """Return the accounts of many logs of one case, each with a seed of its own."""
    seeds = stream(*name).integers(2**31, size=number).tolist()
    return run(Case(case.scenario, case.told, case.declared, case.shape, case.lost, seed) for seed in seeds)


def named(found: Sequence[Found], scenario: Scenario) -> tuple[str, int]:
    """Return the share of the logs that name all pairs that share, and how many name others."""
    truth = shared_pairs(scenario)
    hits = sum(truth <= one.pairs for one in found)
    return f"{100 * hits / len(found):.0f} %", sum(bool(one.pairs - truth) for one in found)


# Limits and windows ------------------------------------------------------------------------------


def limits(run: Runner, logs: Callable[[int], int]) -> list[str]:
    """Return the tables of limits and windows."""
    number = logs(100)
    lines = [
        "## Limits and windows",
        "",
        f"Four keys of 20 a day, 50 declared, 2 a minute; {number} logs a cell. The share of the logs that "
        "refute 50 and put 20 in force, and in brackets of those that put another number in force than 20 or "
        "50. At 60 requests a day the keys make 15 calls each and seldom reach 20.",
        "",
        "| requests a day | errors tell | 1 day | 3 days | 7 days |",
        "| --- | --- | --- | --- | --- |",
    ]
    for per_day in (60, 90, 160):
        for told in TOLD:
            cells = []
            for days in (1, 3, 7):
                scenario = simple_scenario(
                    keys=4, per_minute=2, per_day=20, rate_per_min=per_day / 1440, duration_s=days * DAY_S
                )
                case = Case(scenario, told, Quota(per_minute=2, per_day=50))
                found = repeated(run, case, number, "day limit", per_day, told, days)
                hits = sum(one.day_refuted and one.day_in_force == 20 for one in found)
                other = sum(one.day_in_force not in (20, 50) for one in found)
                cells.append(f"{100 * hits / len(found):.0f} % ({100 * other / len(found):.0f} %)")
            lines.append(f"| {per_day} | {told} | " + " | ".join(cells) + " |")
    return [*lines, "", *windows(run, logs)]


BINS = ((1, 2), (3, 5), (6, 10), (11, 20), (21, 50), (51, 10**9))


def windows(run: Runner, logs: Callable[[int], int]) -> list[str]:
    """Return the table of window kinds."""
    lines = [
        "How the minute counts, by the number of 429s in the log: share of the logs that find it, and in "
        f"brackets of those that find the other kind. Four keys of 2 a minute, 2 to 8 requests a minute, "
        f"{logs(600)} logs a row.",
        "",
        "| window | errors tell | "
        + " | ".join(f"{a}-{b}" if b < 10**9 else f"{a} or more" for a, b in BINS) + " |",
        "| --- | --- |" + " --- |" * len(BINS),
    ]  # fmt: skip
    for window in ("fixed", "sliding"):
        for told in TOLD:
            cases, rng = [], stream("windows", window, told)
            for _ in range(logs(600)):
                rate = float(rng.uniform(2, 8))
                scenario = simple_scenario(
                    keys=4, per_minute=2, rate_per_min=rate, window=window,
                    duration_s=float(np.exp(rng.uniform(np.log(5 * 60), np.log(3 * HOUR_S)))),
                )  # fmt: skip
                cases.append(Case(scenario, told, seed=int(rng.integers(2**31))))
            found, cells = run(cases), []
            for low, high in BINS:
                own = [one.window for one in found if low <= one.rejected <= high]
                wrong = sum(kind not in (window, "unknown") for kind in own)
                hits = own.count(window)
                cells.append(
                    f"{100 * hits / len(own):.0f} % ({100 * wrong / len(own):.0f} %)" if own else "-"
                )
            lines.append(f"| {window} | {told} | " + " | ".join(cells) + " |")
    return lines


# Running -----------------------------------------------------------------------------------------

Runner = Callable[[Iterable[Case]], list[Found]]


def in_processes(pool: ProcessPoolExecutor, cases: Iterable[Case]) -> list[Found]:
    """Make the accounts of cases, in their order."""
    found = list(pool.map(account_of, list(cases), chunksize=4))
    sys.stderr.write(".")
    sys.stderr.flush()
    return found


def sections(logs: Callable[[int], int]) -> str:
    """Return the part of the page."""
    begin = time.monotonic()
    with ProcessPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        run = partial(in_processes, pool)
        parts = [false_alarms(run, logs), power(run, logs), limits(run, logs)]
    head = [
        "# Quotas",
        "",
        f"Written by `make validation` with seed {SEED}, in streams by name. The logs are simulated, so that "
        "their truth is known, and go through the account that a report is made from "
        "(`keyrota.quota.account.make_accounts`), with the pool declared as a user would who does not know "
        "of a shared project. `tests/calibration/test_shared_projects.py` asserts it on fewer logs.",
    ]
    sys.stderr.write(f" {time.monotonic() - begin:.0f} s\n")
    return "\n\n".join("\n".join(part) for part in (head, *parts)) + "\n"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the logs, printed to stdout")
    if parser.parse_args().quick:
        sys.stdout.write(sections(lambda number: max(5, number // 10)))
        return
    text = sections(lambda number: number)
    page = PAGE.read_text(encoding="utf-8").split(MARK)[0].rstrip("\n")
    PAGE.write_text(f"{page}\n\n{MARK}\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
