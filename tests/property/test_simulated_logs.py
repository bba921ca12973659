"""A simulated day, written as a log of any shape and read back, is the same day."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

import keyrota
from keyrota.events import COLUMNS
from keyrota.logs.read import Reading, read
from keyrota.logs.write import SHAPES, Shape, function_id, write_events_as_log
from keyrota.pools.declared import Pool, PoolConfig, Quota
from keyrota.quota.windows import WINDOWS
from keyrota.rotation.policies import POLICIES
from keyrota.simulation.model import Model
from keyrota.simulation.scenario import (
    Backoff,
    Fail,
    Failover,
    Function,
    Hosted,
    ScalePerRequest,
    Scenario,
    Service,
    Single,
    Trigger,
    Wait,
)
from keyrota.simulation.setting import setting_of
from keyrota.simulation.table import event_table
from keyrota.traffic.arrivals import Poisson, Regular

NAMES = [name for name in COLUMNS if name not in ("source", "line")]
LOSSLESS = [
    "drain-http", "drain-ndjson", "drain-datadog", "drain-axiom", "drain-syslog", "drain-syslog-lines",
]  # fmt: skip
"""Shapes that carry every row in its order and every column; times to the microsecond."""

REASONS = {*LOSSLESS, "drain-loki", "otel", "full-rows", "metadata-object", "event-worker"}
"""Shapes that say why an isolate ended: those with metadata."""

TIED = {"drain-loki", *(name for name, shape in SHAPES.items() if shape.newest_first)}
"""Shapes that keep no order within a tick. Loki keeps console lines and invocations apart."""

GUESSED = "guessed"
SEEDS = range(14)


def random_scenario(seed: int) -> Scenario:
    """Draw a scenario of about seventy requests with every kind of row."""
    rng = np.random.default_rng([20_251_112, seed])

    def either(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    pools, functions = [], []
    rate = float(rng.uniform(6, 30))
    for index in range(1 if seed % 4 == 0 else int(rng.integers(1, 4))):
        size = int(rng.integers(1, 6))
        slugs = tuple(f"fn_{index}-{n}" for n in range(1 if seed % 4 == 0 else int(rng.integers(1, 4))))
        pool = Pool(
            name=either(f"POOL{index}", f"eu-west.{index}", f"Pool no {index}"),
            keys=tuple(int(key) for key in rng.permutation(size) + 10 * index + 1),
            functions=slugs,
            model=either(None, "gemini-2.5-flash", f"models/gemini-{index}"),
            quota=Quota(per_minute=either(None, 1, 3), per_day=either(None, 2, 5, 9)),
        )
        pools.append(pool)
        functions += [random_function(rng, either, slug, pool.name, rate) for slug in slugs]
    if len(functions) > 1 and rng.random() < 0.4:
        trigger = Trigger(function=functions[-1].name, probability=0.4, replaces_call=either(False, True))
        functions[0] = msgspec.structs.replace(functions[0], triggers=(trigger,))
    tries = int(rng.integers(1, 5))
    span = 60 * 70 / (rate * len(functions))
    return Scenario(
        pools=tuple(pools), functions=tuple(functions), policy=either(*POLICIES), window=either(*WINDOWS),
        picks_per_request=either(1, 2), charge_rejected=either(False, True), duration_s=span,
        on_reject=either(
            Fail(), Failover(), Failover(tries=tries), Backoff(tries=tries), Wait(tries=tries),
        ),
        deployments_s=either((), (span / 2,)),
    )  # fmt: skip


def random_function(rng: np.random.Generator, either: Any, slug: str, pool: str, rate: float) -> Function:
    boot = either((0.0, 0.0), (0.03, 0.06), (1.0, 1.0))
    return Function(
        name=slug,
        pool=pool,
        arrivals=either(Poisson(rate_per_min=rate), Regular(rate_per_min=rate)),
        isolates=either(
            Hosted(
                slots=either(1, 3, 40), life_s=either(9.0, 75.0), boot_s=boot, preflight=either(False, True)
            ),
            Single(boot_s=boot),
            ScalePerRequest(idle_expiry_s=either(0.0, 5.0), max_instances=either(None, 1, 4), boot_s=boot),
        ),
        service=Service(warm_s=either(0.0, 0.5, 2.0), law=either("constant", "exponential")),
    )


@lru_cache
def simulated(seed: int) -> tuple[pd.DataFrame, PoolConfig]:
    scenario = random_scenario(seed)
    setting, root = setting_of(scenario), np.random.SeedSequence(seed)
    trace = Model(setting, root, keep_trace=True).run().trace
    assert trace is not None
    return event_table(setting, trace, root), PoolConfig(pools=scenario.pools)


def read_back(seed: int, shape: str, folder: Path) -> Reading:
    events, pools = simulated(seed)
    path = folder / f"day{SHAPES[shape].suffix}"
    path.write_bytes(write_events_as_log(events, shape, seed=seed))
    reading = read(path, pools=pools)
    assert (reading.input.total("malformed"), reading.input.total("duplicates")) == (0, 0)
    return reading


def plain(events: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that come from the log: objects, None where missing, integer times."""
    columns = {
        name: [None if missing else value for value, missing in zip(column, column.isna(), strict=True)]
        for name, column in events[NAMES].items()
    }
    return pd.DataFrame({**columns, "time": events["time"].astype("int64").tolist()}, dtype=object)


def told(events: pd.DataFrame, shape: Shape) -> pd.DataFrame:
    """Return what a shape can tell of a table: every loss is a line here."""
    rows = plain(events)
    kind = rows["kind"]
    keep = kind.notna()
    if shape.rows != "all":
        keep &= (kind == "invocation") == (shape.rows == "invocation")
    if not shape.carries_boot:
        keep &= kind != "boot"
    if shape.rows == "console" and not shape.carries_time:
        keep &= kind != "shutdown"  # what the application prints, without the runtime
    if shape.is_local:
        # The supervisor has a line for this end only.
        keep &= (kind != "shutdown") | (rows["cause"] == "EarlyDrop")
    rows = rows[keep].copy()
    if shape.is_local:
        rows = told_locally(rows)
    is_end = rows["kind"] == "shutdown"
    if shape.name not in REASONS:
        rows.loc[is_end, "cause"] = None
    if not shape.carries_isolate:
        # The supervisor names the isolate that it ends; nothing else does.
        rows.loc[~is_end if shape.is_local else slice(None), "isolate"] = None
    if not shape.carries_function:
        rows["function"] = None
    elif shape.carries_function == "id" and shape.rows == "console":
        rows["function"] = [function_id(name) for name in rows["function"]]
    if not shape.carries_function and not shape.carries_isolate:
        # Nothing joins a start or an end to a pool.
        rows.loc[rows["kind"].isin(["boot", "listening", "shutdown"]), "pool"] = None
    rows["time"] = rows["time"] // shape.resolution_ns * shape.resolution_ns if shape.carries_time else None
    return rows.reset_index(drop=True)


def told_locally(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what a local runtime tells: requests when they arrive, and functions of them alone."""
    is_request = rows["kind"] == "invocation"
    rows["time"] -= [
        round((ms + 0.5) * 1e6) if is_one else 0
        for ms, is_one in zip(rows["duration_ms"], is_request, strict=True)
    ]
    rows.loc[is_request, ["status", "duration_ms"]] = None
    rows = rows.assign(last=~is_request).sort_values(["time", "last"], kind="stable").drop(columns="last")
    if len(set(rows["function"])) > 1:
        # A line names no function: it is taken to be the last request's.
        rows.loc[rows["kind"] != "invocation", "function"] = GUESSED
        rows.loc[~rows["kind"].isin(["pick", "pool", "invocation"]), "pool"] = GUESSED
    else:
        # A preflight starts an isolate before the first request.
        before = ~(rows["kind"] == "invocation").cummax()
        rows.loc[before, ["function", "pool"]] = None
    return rows


def check(events: pd.DataFrame, shape: Shape, reading: Reading) -> None:
    expected, found = told(events, shape), plain(reading.events)
    if not shape.carries_time:
        found["time"] = None
    for column in ("function", "pool"):
        if shape.is_local and len(expected) == len(found):
            found.loc[expected[column] == GUESSED, column] = GUESSED
    if shape.name == "vector-rows":
        # The store keeps one line a microsecond: lines of one moment come later and later.
        assert (found["time"] >= expected["time"]).all()
        found["time"] = expected["time"]
    elif shape.is_local and shape.carries_time:
        # An early drop is the second of two lines, 10 ns after the first.
        ends = found["kind"] == "shutdown"
        assert (found["time"] - expected["time"])[ends].between(0, max(10, shape.resolution_ns)).all()
        found.loc[ends, "time"] = expected["time"]
    if not shape.carries_function and not shape.carries_isolate:
        check_pools_of_rejections(expected, found)
    tuples = [[*table.itertuples(index=False, name=None)] for table in (expected, found)]
    if shape.name in TIED:
        assert found["time"].is_monotonic_increasing
        assert Counter(tuples[0]) == Counter(tuples[1])
    else:
        assert tuples[0] == tuples[1]


def check_pools_of_rejections(expected: pd.DataFrame, found: pd.DataFrame) -> None:
    """Without function and isolate the model or the picks before tell a 429's pool, or nothing does."""
    names = ["time", "model", "cause", "limit", "retry_after_s"]
    pools = defaultdict(set)
    for table in (expected, found):
        is_rejection = table["kind"] == "rejection"
        rejections = table[is_rejection]
        for pool, *rest in rejections[["pool", *names]].itertuples(index=False, name=None):
            if table is expected:
                pools[tuple(rest)].add(pool)
            else:
                assert pool is None or pool in pools[tuple(rest)]
        table.loc[is_rejection, "pool"] = GUESSED


@pytest.mark.parametrize("shape", LOSSLESS)
def test_a_drain_tells_the_whole_table(shape: str, tmp_path: Path) -> None:
    """Every column of every row in its order, times cut to microseconds."""
    for seed in SEEDS:
        events, _ = simulated(seed)
        expected = plain(events)
        expected["time"] = expected["time"] // 1000 * 1000
        pd.testing.assert_frame_equal(plain(read_back(seed, shape, tmp_path).events), expected)


@pytest.mark.parametrize("shape", [name for name in SHAPES if name not in LOSSLESS])
def test_every_shape_tells_what_it_carries(shape: str, tmp_path: Path) -> None:
    """What a shape loses is lost, and nothing else."""
    for seed in SEEDS[:8]:
        events, _ = simulated(seed)
        try:
            check(events, SHAPES[shape], read_back(seed, shape, tmp_path))
        except AssertionError as error:
            raise AssertionError(f"{shape}, seed {seed}: {error}") from error


@pytest.mark.parametrize("seed", SEEDS[:6])
def test_judgement_of_the_log_is_that_of_the_table(seed: int, tmp_path: Path) -> None:
    """Verdicts, p-values, shares, rotation and rejections do not notice the way through a log."""
    events, pools = simulated(seed)
    simulation = keyrota.judge(events, pools=pools)
    log = keyrota.judge(read_back(seed, "drain-ndjson", tmp_path))
    assert [f.code for f in log.findings] == [f.code for f in simulation.findings]
    for mine, theirs in zip(log.pools, simulation.pools, strict=True):
        assert (mine.name, mine.picks, mine.keys) == (theirs.name, theirs.picks, theirs.keys)
        assert (mine.fairness, mine.rotation) == (theirs.fairness, theirs.rotation)
        assert mine.rejections.by_cause == theirs.rejections.by_cause
        assert mine.rejections.share == theirs.rejections.share


def test_no_line_of_an_isolate_stands_outside_its_life() -> None:
    """Its boot is its first line and its end the last: requests that it has at its end are finished."""
    for seed in SEEDS:
        events, _ = simulated(seed)
        for _, lines in events.groupby("isolate", observed=True):
            kinds = lines["kind"].tolist()
            assert kinds[:2] == ["boot", "listening"]
            assert kinds.count("boot") == kinds.count("listening") == 1
            assert "shutdown" not in kinds[:-1]


def test_the_scenarios_meet_what_they_shall() -> None:
    """All kinds of rows, causes and ends occur, pools with and without a model, and ties."""
    events = pd.concat([simulated(seed)[0].astype(object) for seed in SEEDS])
    assert set(events["kind"]) == {
        "pick", "pool", "rejection", "boot", "listening", "shutdown", "invocation",
    }  # fmt: skip
    assert set(events["cause"].dropna()) == {"per-minute", "per-day", "EarlyDrop", "TerminationRequested"}
    assert set(events["status"].dropna()) == {200, 429, 503}
    rejections = events[events["kind"] == "rejection"]
    assert rejections["model"].isna().any()
    assert rejections["model"].notna().any()
    assert rejections["time"].duplicated().any()
