"""Healthy logs of many kinds give as few findings about rotation and declaration as the level allows.

A log is simulated pick by pick, without the package: each isolate starts at a uniform position and takes
the next one in turn. All tests of a log's pools are one family at level alpha: a healthy log, also one that
lost 1 % of its lines, has any finding with probability alpha at most. How many logs may, is the bound of
the binomial law at which this test would fail falsely with probability below 1e-6, seeds being fresh;
they are fixed.
"""

import numpy as np
import pytest
from scipy import stats

from keyrota.events import make_events
from keyrota.findings.facts import gather
from keyrota.findings.registry import find_all
from keyrota.logs.read import read
from keyrota.logs.write import LISTENING, LogRow, boot_message, pick_message, pool_message, write_log
from keyrota.pools.load import load_pools

ALPHA, FALSE_FAILURE = 1e-3, 1e-6
MS, SECOND = 1_000_000, 1_000_000_000
POOLS = {
    "CHAT": ((1, 2), "chat"),
    "ARTIFACT": ((3, 4, 5, 6), "generate-artifact"),
    "IMAGE": ((7, 8, 9, 10), "generate-image"),
}
LOGS, FEW_LOGS = 40, 5
"""Of each kind."""
KINDS = ("hosted", "long runs", "ties", "no ids", "local", "lossy")


def bound(logs, probability):
    """Return the most logs that may be found faulty."""
    return int(stats.binom.isf(FALSE_FAILURE, logs, probability))


def test_bounds_are_what_they_say():
    """240 logs at 1e-3: up to 5; the next number has probability below 1e-6."""
    assert bound(240, ALPHA) == 5
    assert stats.binom.sf(bound(240, ALPHA), 240, ALPHA) < FALSE_FAILURE
    assert stats.binom.sf(bound(200, 0.05), 200, 0.05) < FALSE_FAILURE
    assert bound(FEW_LOGS * len(KINDS), ALPHA) == 3


def isolates(rng, kind, pool):
    """Yield the picks of each isolate of a pool as (times, positions); isolates overlap but for `local`."""
    size = len(POOLS[pool][0])
    mean = {"hosted": 1.05, "long runs": 8, "ties": 4, "no ids": 1.5, "local": 5, "lossy": 4}[kind]
    clock = 1_762_000_000 * SECOND
    for _ in range(int(rng.integers(20, 250))):
        clock += int(rng.exponential(20) * SECOND) // MS * MS
        length = int(rng.geometric(1 / mean))
        position, times, positions, at = int(rng.integers(size)), [], [], clock + 40 * MS
        for _ in range(length):
            times.append(at)
            positions.append(position + 1)
            position = (position + 1) % size
            # Ties: half of the next requests come within the same millisecond.
            at += 0 if kind == "ties" and rng.random() < 0.5 else int(rng.integers(1, 20_000)) * MS
        yield clock, times, positions
        if kind == "local":
            clock = at


def events_of(rng, kind, pools):
    """Return the event table of one healthy log, rows of one millisecond in random order."""
    rows = []
    for pool in pools:
        keys, function = POOLS[pool]
        for number, (born, times, positions) in enumerate(isolates(rng, kind, pool)):
            isolate = f"{pool}-{number}" if kind in ("hosted", "long runs", "ties", "lossy") else None
            mark = "listening" if kind == "local" else "boot"
            if isolate is None:
                rows.append((born, mark, pool, None, None, None, function, None))
            for time, position in zip(times, positions, strict=True):
                if kind == "lossy" and rng.random() < 0.01:
                    continue
                rows.append((time, "pick", pool, keys[position - 1], position, len(keys), function, isolate))
    order = np.lexsort((rng.random(len(rows)), [row[0] for row in rows]))
    names = ("time", "kind", "pool", "key", "position", "size", "function", "isolate")
    columns = zip(*(rows[i] for i in order), strict=True)
    return make_events(dict(zip(names, columns, strict=True)) | {"source": ["a.log"] * len(rows)})


def judged(rng, kind):
    """Return whether a healthy log has a finding it should not have, and its smallest p-value."""
    pools = list(POOLS)[: int(rng.integers(1, 4))]
    facts = gather(events_of(rng, kind, pools), load_pools(), alpha=ALPHA, seed=int(rng.integers(2**31)))
    p_values = [pool.p_value for pool in facts.pools if pool.p_value is not None]
    steps = [pool.tests.broken_steps for pool in facts.pools if pool.tests is not None]
    assert kind == "lossy" or not any(steps), "no log that is whole has a broken step, ties or not"
    found = {finding.code for finding in find_all(facts) if finding.code[0] in "RC"}
    return found, min(p_values)


@pytest.mark.parametrize("logs", [FEW_LOGS, pytest.param(LOGS, marks=pytest.mark.nightly)])
def test_healthy_logs_have_hardly_any_findings(logs):
    """30 logs, 240 at night: cold starts, long runs, ties, no ids, local, lossy; one to three pools."""
    streams = np.random.SeedSequence(20240501).spawn(logs * len(KINDS))
    results = [judged(np.random.default_rng(s), KINDS[i % len(KINDS)]) for i, s in enumerate(streams)]
    assert sum(bool(found) for found, _ in results) <= bound(len(results), ALPHA)
    # The same p-values at another level, where false alarms are not that rare.
    assert sum(p < 0.05 for _, p in results) <= bound(len(results), 0.05)


@pytest.mark.parametrize(
    "shape",
    ["dashboard-json", "dashboard-json-no-ids", "serve", "drain-ndjson", "studio-csv", "otel", "console"],
)
def test_healthy_logs_that_were_written_and_read(shape, tmp_path):
    """Two logs of every kind of shape: a finding in any is a false alarm of probability 1e-3.

    Of the 14 logs none has one; with fresh seeds that would fail falsely with probability 14 * 1e-3 at
    most. The seeds are fixed.
    """
    for seed in range(2):
        rng = np.random.default_rng([seed, len(shape)])
        kind = "local" if shape in ("serve", "console") else "long runs"
        pools = ["ARTIFACT"] if shape == "console" else list(POOLS)
        rows = []
        for pool in pools:
            keys, function = POOLS[pool]
            for born, times, positions in isolates(rng, kind, pool):
                own = {
                    "function": function,
                    "function_id": f"0d67{len(pool):04d}-1111-4222-8333-444455556666",
                    "execution_id": f"{rng.integers(10**8):08d}-2222-4333-8444-555566667777",
                }
                rows.append(LogRow(born, boot_message(30), "Boot", boot_ms=30, **own))
                rows.append(LogRow(born + 2 * MS, LISTENING, **own))
                for time, position in zip(times, positions, strict=True):
                    rows.append(LogRow(time, pick_message(keys[position - 1], position, len(keys)), **own))
                    rows.append(LogRow(time + 2000, pool_message(pool, len(keys)), **own))
        path = tmp_path / f"{seed}.log"
        path.write_bytes(write_log(sorted(rows, key=lambda row: row.time_ns), shape, seed=seed))
        reading = read(path)
        facts = gather(reading.events, reading.pools, log_input=reading.input)
        assert {finding.code for finding in find_all(facts) if finding.code[0] in "RC"} == set()
        assert facts.pick_count == sum(row.message.startswith("🔑 Using GOOGLE") for row in rows)
