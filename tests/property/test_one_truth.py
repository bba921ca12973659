"""One truth, written in every shape and damaged in every way, is read back as the same truth."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keyrota.logs.read import Reading, read
from keyrota.logs.write import (
    LISTENING,
    SHAPES,
    LogRow,
    boot_message,
    error_message,
    headers_message,
    invalid_format_message,
    invocation_message,
    overloaded_body,
    pick_message,
    pick_message_intermediate,
    pool_message,
    quota_error_body,
    retry_message,
    shutdown_message,
    write_log,
)
from keyrota.logs.write import damage as d

START_NS = 1_762_917_393_983_000_000
MS = 1_000_000
POOLS = {
    "chat": ("CHAT", [1, 2], "gemini-2.5-flash"),
    "generate-artifact": ("ARTIFACT", [3, 4, 5, 6], "gemini-2.5-pro"),
    "generate-image": ("IMAGE", [7, 8, 9, 10], "gemini-2.5-flash-image"),
}
FUNCTION_IDS = {name: str(uuid.UUID(int=0xBECA << 112 | n)) for n, name in enumerate(POOLS)}
CAUSES = [("per-minute", 2), ("per-day", 50), ("tokens-per-minute", 125_000), ("no-quota", 0)]


@dataclass(frozen=True)
class Pick:
    time_ns: int
    key: int
    position: int
    size: int
    pool: str
    function: str
    isolate: str


@dataclass(frozen=True)
class Rejection:
    time_ns: int
    cause: str
    limit: int | None
    model: str | None
    pool: str
    function: str
    isolate: str


@dataclass
class Truth:
    """What happened, and the rows that tell it."""

    rows: list[LogRow] = field(default_factory=list)
    picks: list[Pick] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)


def make_truth(seed: int, requests: int = 14) -> Truth:
    """Random isolates serve random requests, one after the other; events of one kind never tie."""
    rng = np.random.default_rng(seed)
    truth = Truth()
    now = START_NS + int(rng.integers(MS))
    isolates: dict[str, str] = {}

    def tick(low_ms: int = 1, high_ms: int = 400) -> int:
        nonlocal now
        now += int(rng.integers(low_ms, high_ms)) * MS + int(rng.integers(MS // 2))
        return now

    def row(message: str, function: str, kind: str | None = None, **fields: object) -> LogRow:
        made = LogRow(
            now,
            message,
            execution_id=isolates[function],
            function_id=FUNCTION_IDS[function],
            function=function,
            row_id=str(uuid.UUID(bytes=rng.bytes(16))),
            **fields,  # type: ignore[arg-type]
        )
        truth.rows.append(made)
        if kind:
            truth.kinds[kind] += 1
        return made

    for _ in range(requests):
        function = str(rng.choice(list(POOLS)))
        pool, keys, model = POOLS[function]
        if function in isolates and rng.random() < 0.3:
            tick(20_000, 60_000)
            row(
                shutdown_message(), function, "shutdown",
                event_type="Shutdown", reason="EarlyDrop", cpu_ms=62, memory_used=(1, 2, 3),
            )  # fmt: skip
            del isolates[function]
        if function not in isolates:
            isolates[function] = str(uuid.UUID(bytes=rng.bytes(16)))
            tick()
            row(boot_message(31), function, "boot", event_type="Boot", boot_ms=31)
            tick(1, 14)
            row(LISTENING, function, "listening")
        tick(1, 3000)
        is_rejected = rng.random() < 0.4
        status = 429 if is_rejected else 200
        row(
            invocation_message("POST", status, function), function, "invocation",
            kind_of_row="invocation", status=status, duration_ms=1056,
        )  # fmt: skip
        tick()
        position = int(rng.integers(len(keys))) + 1
        key = keys[position - 1]
        text = pick_message if rng.random() < 0.8 else pick_message_intermediate
        row(text(key, position, len(keys)), function, "pick")
        truth.picks.append(Pick(now, key, position, len(keys), pool, function, isolates[function]))
        if rng.random() < 0.2:
            row(invalid_format_message(pool), function, "warning", level="warning")
        row(pool_message(pool, len(keys)), function, "pool")
        tick()
        row("Checking for API key...\nwith a second line\n", function)
        tick()
        if is_rejected:
            cause, limit = CAUSES[rng.integers(len(CAUSES))]
            generation = "ABCD"[rng.integers(4)]
            also = [("per-minute", 2)] if cause == "per-day" and rng.random() < 0.5 else []
            body = quota_error_body(
                cause, limit, model, float(rng.uniform(0, 60)), generation, also=also,
                tier="paid" if rng.random() < 0.2 else "free",
            )  # fmt: skip
            is_bare = generation == "D" or (generation == "A" and limit == 0)
            row(error_message(429, body, emoji=function == "chat"), function, "rejection", level="error")
            truth.rejections.append(
                Rejection(
                    now,
                    cause if not is_bare else ("per-day" if generation == "A" else "unknown"),
                    None if is_bare else limit,
                    None if generation == "D" else model,
                    pool,
                    function,
                    isolates[function],
                )
            )
            tick()
            row(headers_message(now), function, level="error")
            tick()
            row(retry_message("a1b2", 1, 3, 1000), function, "retry")
        elif rng.random() < 0.2:
            row(error_message(503, overloaded_body(), "req-1"), function, "warning", level="error")
    return truth


def both(first: Callable[[bytes], bytes], second: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda data: second(first(data))


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "bom": d.as_utf8_bom,
    "utf-16-le": d.as_utf16,
    "utf-16-be": partial(d.as_utf16, byte_order="big"),
    "utf-16-le-no-bom": partial(d.as_utf16, bom=False),
    "crlf": d.with_crlf,
    "cp1252": d.mojibake,
    "latin-1": partial(d.mojibake, encoding="latin-1"),
    "mac-roman": partial(d.mojibake, encoding="mac-roman"),
    "cp437": partial(d.mojibake, encoding="cp437"),
    "cp850": partial(d.mojibake, encoding="cp850"),
    "twice": d.double_mojibake,
    "?": partial(d.emoji_replaced, by="?"),
    "??": partial(d.emoji_replaced, by="??"),
    "fffd": partial(d.emoji_replaced, by="\ufffd\ufffd\ufffd\ufffd"),
    "no-emoji": partial(d.emoji_replaced, by=""),
    "escaped": d.json_escaped,
    "gzip": d.gzipped,
    "gzip-3": partial(d.gzipped, members=3),
    "zstd": d.zstd_compressed,
    "powershell": both(partial(d.mojibake, encoding="cp437"), both(d.with_crlf, d.as_utf16)),
    "bom-mojibake-gzip": both(d.as_utf8_bom, both(d.mojibake, d.gzipped)),
}
LENGTH_KEEPING = {"none", "gzip", "gzip-3", "zstd", "bom"}


def applies(damage: str, shape: str) -> bool:
    if shape == "drain-syslog":  # counts bytes
        return damage in LENGTH_KEEPING
    if damage == "escaped":
        return SHAPES[shape].suffix in (".json", ".ndjson") or "syslog" in shape
    return True


def check(truth: Truth, shape_name: str, reading: Reading) -> None:
    shape = SHAPES[shape_name]
    events = reading.events
    (source,) = reading.input.sources
    assert source.lines == source.used + source.ignored + source.malformed
    assert (source.malformed, source.truncated, source.problems) == (0, False, ())
    if shape.rows == "invocation":
        assert set(events["kind"]) == {"invocation"}
        assert len(events) == truth.kinds["invocation"]
        assert events["function"].tolist() == [
            row.function for row in truth.rows if row.kind_of_row == "invocation"
        ]
        return
    picks, rejections = (events[events["kind"] == kind] for kind in ("pick", "rejection"))
    assert [*zip(picks["key"], picks["position"], picks["size"], picks["pool"], strict=True)] == [
        (p.key, p.position, p.size, p.pool) for p in truth.picks
    ]
    told = rejections[["cause", "limit", "model"]].astype(object)
    assert [*told.where(told.notna(), None).itertuples(index=False, name=None)] == [
        (r.cause, r.limit, r.model) for r in truth.rejections
    ]
    for pool, rejection in zip(rejections["pool"], truth.rejections, strict=True):
        # Without isolate and function, the picks before it tell the pool if they are of one.
        is_told = shape.carries_isolate or shape.carries_function
        assert pool == rejection.pool or (pd.isna(pool) and not is_told)
    assert set(rejections["status"]) <= {429}
    found = dict(reading.input.found)
    for kind in ("pool", "listening", "retry", "warning"):
        assert found.get(kind, 0) == truth.kinds[kind], kind
    assert found.get("boot", 0) == (truth.kinds["boot"] if shape.carries_boot else 0)
    for table, true in ((picks, truth.picks), (rejections, truth.rejections)):
        if shape.carries_time:
            got = table["time"].astype("int64").tolist()
            assert got == [t.time_ns // shape.resolution_ns * shape.resolution_ns for t in true]
        else:
            assert table["time"].isna().all()
        if shape.carries_isolate:
            assert table["isolate"].tolist() == [t.isolate for t in true]
        if shape.carries_function == "id" and shape.rows == "console":
            assert table["function"].tolist() == [FUNCTION_IDS[t.function] for t in true]
        elif shape.carries_function:
            assert table["function"].tolist() == [t.function for t in true]
    assert events["line"].min() >= 1


def written(truth: Truth, shape: str, damage: str, seed: int, folder: Path) -> Path:
    path = folder / f"log{SHAPES[shape].suffix}"
    path.write_bytes(DAMAGES[damage](write_log(truth.rows, shape, seed=seed)))
    return path


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_shape_with_this_damage_tells_the_same_truth(damage: str, tmp_path: Path) -> None:
    """Picks, rejections, times, isolates and functions survive what the shape carries of them."""
    truth = make_truth(20251110, requests=6)
    for shape in SHAPES:
        if applies(damage, shape):
            reading = read(written(truth, shape, damage, 3, tmp_path))
            try:
                check(truth, shape, reading)
            except AssertionError as error:
                raise AssertionError(f"{shape} with {damage}: {error}") from error


@pytest.mark.parametrize("seed", range(5))
def test_random_truths_in_every_shape(seed: int, tmp_path: Path) -> None:
    """What holds of one truth holds of any."""
    truth = make_truth(seed, requests=[1, 3, 10, 25, 50][seed])
    for shape in SHAPES:
        try:
            check(truth, shape, read(written(truth, shape, "none", seed, tmp_path)))
        except AssertionError as error:
            raise AssertionError(f"{shape}: {error}") from error


def test_isolates_are_those_of_the_truth(tmp_path: Path) -> None:
    """Boots, picks and ends of one isolate carry one id, and no isolate is made up."""
    truth = make_truth(7, requests=30)
    events = read(written(truth, "full-rows", "none", 1, tmp_path)).events
    true = {row.execution_id for row in truth.rows if row.kind_of_row == "console"}
    assert set(events["isolate"].dropna()) == true
    ends = events[events["kind"] == "shutdown"]
    assert set(ends["cause"]) == {"EarlyDrop"}
    assert set(events[events["kind"] == "boot"]["duration_ms"]) == {31.0}


def test_rows_without_ids_take_functions_from_the_invocation_export(tmp_path: Path) -> None:
    """An export of invocations beside one of console lines names its functions."""
    truth = make_truth(11, requests=20)
    for shape in ("dashboard-json", "edge-logs"):
        (tmp_path / f"{shape}.json").write_bytes(write_log(truth.rows, shape))
    picks = read(tmp_path).events.query("kind == 'pick'")
    assert picks["function"].tolist() == [pick.function for pick in truth.picks]


def test_two_shapes_of_one_truth_count_once(tmp_path: Path) -> None:
    """The same events exported twice, in two shapes of one resolution, are counted once."""
    truth = make_truth(13, requests=20)
    rows = [replace(row, time_ns=row.at() // MS * MS) for row in truth.rows]
    for shape in ("dashboard-json", "sql-subset-micros", "otel", "studio-csv", "drain-ndjson"):
        (tmp_path / f"{shape}{SHAPES[shape].suffix}").write_bytes(write_log(rows, shape))
    reading = read(tmp_path)
    assert dict(reading.input.found)["pick"] == 5 * len(truth.picks)
    for kind, true in (("pick", truth.picks), ("rejection", truth.rejections)):
        assert (reading.events["kind"] == kind).sum() == len(true)
