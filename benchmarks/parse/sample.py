"""One measurement in a process of its own: `sample.py APPROACH SHAPE THREADS CORES WARM FILE...`.

Prints JSON: seconds of the call, of the processor, peak memory, and what is not as the truth says.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from pathlib import Path

from approaches import APPROACHES


def main() -> None:
    """Measure and print."""
    name, shape, threads, cores, warm, *files = sys.argv[1:]
    if hasattr(os, "sched_setaffinity") and cores:
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    approach = APPROACHES[name]
    read = approach.load(shape)
    paths = [Path(file) for file in files]
    # A small file of the same kind first: imports, compiled code from the cache, the pool of threads.
    read([Path(warm)], int(threads))
    processor_s, began = _processor_s(), time.perf_counter()
    table = read(paths, int(threads))
    seconds, processor_s = time.perf_counter() - began, _processor_s() - processor_s
    peak_mib = _peak_mib()
    wrong = [] if approach.is_mark else _wrong(table, paths)
    measured = {
        "seconds": seconds,
        "processor_s": processor_s,
        "peak_mib": peak_mib,
        "wrong": wrong,
    }
    sys.stdout.write(json.dumps(measured))


def _processor_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _peak_mib() -> float:
    # Linux lets a new process inherit the peak of the one that started it in ru_maxrss, not in VmHWM.
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    found = re.search(r"VmHWM:\s+([0-9]+) kB", status)
    assert found is not None, "/proc/self/status without VmHWM"
    return int(found[1]) / 1024


def _wrong(table: object, paths: list[Path]) -> list[str]:
    from checks import differences, found_in, together
    from generate import truth_of

    return differences(found_in(table), together([truth_of(path) for path in paths]))


if __name__ == "__main__":
    main()
