"""What is measured: the tasks of one shape."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from approaches import APPROACHES, DECOMPRESSORS, Approach
from generate import compressed, log_file, truth_of
from measure import Task

SLOW_BYTES: Final = 200_000_000
"""Size of the file on which slow approaches are measured."""

WARM_BYTES: Final = 400_000
OURS: Final = ("scan", "ours")
_MARKS_OF_PLAIN: Final = ("read", "wc", "count")


def plain_tasks(folder: Path, shape: str, density: str, size: int, chosen: set[str]) -> Iterator[Task]:
    """Yield the tasks on plain files: everything on one core, what has threads on two."""
    large = log_file(folder, shape, density, size)
    small = log_file(folder, shape, density, min(size, SLOW_BYTES))
    warm = log_file(folder, shape, density, WARM_BYTES)
    for approach in APPROACHES.values():
        is_plain = not approach.is_mark or (approach.engine in _MARKS_OF_PLAIN and density == "sparse")
        is_chosen = approach.engine in chosen and approach.is_possible
        if is_plain and is_chosen and shape in approach.shapes:
            file = small if approach.is_slow else large
            for threads in _threads(approach):
                is_compiled = approach.engine in OURS and threads == 1
                size_of = truth_of(file).bytes
                yield Task(approach.name, shape, density, (file,), warm, size_of, threads, is_compiled)


def compressed_tasks(folder: Path, shape: str, size: int, chosen: set[str]) -> Iterator[Task]:
    """Yield the tasks on compressed sparse files: decompression alone, ours on one core or two, two files."""
    files = [log_file(folder, shape, "sparse", size, seed=seed) for seed in (6, 7)]
    warm = log_file(folder, shape, "sparse", WARM_BYTES)
    sizes = [truth_of(file).bytes for file in files]
    for kind, engines in DECOMPRESSORS.items():
        packed = [compressed(file, kind) for file in files]
        warm_packed = compressed(warm, kind)
        for approach in APPROACHES.values():
            if approach.engine in engines:
                yield Task(approach.name, shape, kind, (packed[0],), warm_packed, sizes[0])
            elif approach.engine in OURS and approach.engine in chosen:
                yield Task(approach.name, shape, kind, (packed[0],), warm_packed, sizes[0])
                if 2 in _threads(approach):
                    yield Task(approach.name, shape, kind, (packed[0],), warm_packed, sizes[0], 2)
                    label = f"two {kind}"
                    yield Task(approach.name, shape, label, tuple(packed), warm_packed, sum(sizes), 2)


def _threads(approach: Approach) -> tuple[int, ...]:
    if approach.engine not in OURS:
        return approach.threads
    import ours

    return ours.THREADS
