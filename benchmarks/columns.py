"""How long rows take from a scan to the event table, and how much memory: made-up rows of columns.

Three pools, picks of 2,000 isolates with times, or with other rows among them; in files of one source or of
several, apart or overlapping. Prints the processor time of each step in microseconds a row (it all runs in
one thread, and other work on the machine does not count), and the peak memory of the process, at the end
and when the rows were made up. Run ``python benchmarks/columns.py 10000000``.
"""

import argparse
import resource
import time

import numpy as np
import pandas as pd  # noqa: F401  # loaded before anything is timed

from keyrota.logs.assemble import assembled
from keyrota.logs.collect import finished
from keyrota.logs.duplicates import Duplicates, Marks
from keyrota.logs.gathered import Gathered
from keyrota.logs.rows import KIND_CODES, Rows, constant
from keyrota.pools.declared import UNDECLARED, Pool, PoolConfig

ISOLATES = 2_000
POOLS = PoolConfig(
    pools=(
        Pool(name="CHAT", keys=(1, 2), functions=("chat",)),
        Pool(name="ARTIFACT", keys=(3, 4, 5, 6), functions=("generate-artifact",)),
        Pool(name="IMAGE", keys=(7, 8, 9, 10), functions=("generate-image",)),
    )
)


def gathered(count, form, rng):
    """Rows of one source: picks alone, or as the platform writes them; by key, or by place in an old pool."""
    names = [
        "chat",
        "generate-artifact",
        "generate-image",
        *(f"0d67{n:04d}-1111-4222" for n in range(ISOLATES)),
    ]
    isolate = rng.integers(ISOLATES, size=count).astype(np.int32)
    function = isolate % 3
    first, size = np.array([1, 3, 7])[function], np.array([2, 4, 4])[function]
    position = (rng.integers(1 << 30, size=count) % size + 1).astype(np.int32)
    columns = {
        "kind": np.zeros(count, dtype=np.int8),
        "time": 1_762_000_000_000_000_000 + np.cumsum(rng.integers(1, 50, size=count)) * 1_000_000,
        "line": np.arange(1, count + 1),
        "key": (first + position - 1).astype(np.int32),
        "position": position,
        "size": size.astype(np.int32),
        "isolate": (isolate + 3).astype(np.int32),
    }
    if form != "text":
        columns["function"] = function.astype(np.int32)
        columns["row_id"] = rng.integers(1, 1 << 63, size=count, dtype=np.uint64)
    if form == "mixed":
        kinds = [KIND_CODES[kind] for kind in ("pick", "pool", "boot", "shutdown", "rejection")]
        columns["kind"] = rng.choice(
            np.array(kinds, dtype=np.int8), p=[0.4, 0.4, 0.09, 0.09, 0.02], size=count
        )
        for name in ("key", "position", "size"):
            columns[name][columns["kind"] != 0] = -1
        columns["time"] = columns["time"][::-1].copy()
    if form == "text":
        del columns["isolate"]
        columns["kind"][rng.random(count) < 0.1] = KIND_CODES["rejection"]
        for name in ("key", "position", "size"):
            columns[name][columns["kind"] != 0] = -1
    return Gathered(Rows.made(count, names, columns), count, 0, [], [], constant("key", count))


def run(count, form, config, sources, *, overlap):
    """Take the steps of `keyrota.read` and print what they cost."""
    rng = np.random.default_rng(1)
    parts = []
    if overlap:
        # Each source holds the second half of the one before.
        step = count // (sources + 1)
        whole = finished(gathered(count, form, rng), config, {}).rows
        for n in range(sources):
            rows = whole.take(np.arange(n * step, (n + 2) * step))
            parts.append(Gathered(rows, len(rows), 0, [], [], constant("key", len(rows))))
    else:
        for n in range(sources):
            part = gathered(count // sources, form, rng)
            part.rows.time = part.rows.time + n * (count // sources) * 50_000_000
            parts.append(part)
    total = sum(part.used for part in parts)
    made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent = {"finished": 0.0, "marks": 0.0, "duplicates": 0.0}
    duplicates = Duplicates()
    rows, marks = [], []
    while parts:
        begin = time.process_time()
        own = finished(parts.pop(0), config, {}).rows
        spent["finished"] += time.process_time() - begin
        begin = time.process_time()
        mark = Marks.of(own)
        spent["marks"] += time.process_time() - begin
        begin = time.process_time()
        is_repeat = duplicates.repeats_in(mark, is_last=not parts)
        if is_repeat.any():
            own, mark = own.take(~is_repeat), mark.take(~is_repeat)
        spent["duplicates"] += time.process_time() - begin
        rows.append((f"source {len(rows)}", own))
        marks.append(mark)
    begin = time.process_time()
    whole = assembled(rows, config)
    whole.marks_in_order(Marks.joined(marks))
    spent["assembled"] = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    parts = ", ".join(f"{name} {1e6 * s / total:.3f}" for name, s in spent.items())
    print(
        f"{form:6} {'declared' if config.pools else 'inferred'} {sources} sources: {total:,} rows, "
        f"{1e6 * sum(spent.values()) / total:.3f} us a row ({parts}), "
        f"peak {peak:,.0f} MiB ({made:,.0f} before), {len(whole.events):,} events"
    )


def main():
    """Run one benchmark as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--form", choices=["picks", "mixed", "text"], default="picks")
    parser.add_argument("--infer", action="store_true", help="declare no pools")
    parser.add_argument("--sources", type=int, default=1)
    parser.add_argument("--overlap", action="store_true", help="sources hold each other's rows")
    given = parser.parse_args()
    run(given.rows, given.form, UNDECLARED if given.infer else POOLS, given.sources, overlap=given.overlap)


if __name__ == "__main__":
    main()
