"""How fast logs are read, against other ways of reading them (`make bench-parse`).

Makes seeded logs, reads each in every way, in turn and in a process of its own, holds what came out
against the truth, prints tables and writes them into docs/performance.md.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from approaches import APPROACHES
from blocks import DENSITIES, SHAPES
from measure import Measured, Task, by_label, measured
from pages import told as page_cost
from results import tables
from tasks import compressed_tasks, plain_tasks

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN: Final = "<!-- begin: written by `make bench-parse` -->"
END: Final = "<!-- end -->"
_UNITS: Final = {"GB": 10**9, "MB": 10**6, "KB": 10**3}


def main() -> None:
    """Measure, print and write."""
    options = _options()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="bench-parse-"))
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[Task, Measured] = {}
    memory = page_cost()
    try:
        for shape in options.shapes:
            for density in options.densities:
                tasks = plain_tasks(folder, shape, density, options.size, options.engines)
                found |= _run(list(tasks), options)
                if not options.keep and density != "sparse":
                    _remove(folder, f"{shape}-{density}-*")
            if "sparse" in options.densities and not options.plain:
                half = options.size // 2
                found |= _run(list(compressed_tasks(folder, shape, half, options.engines)), options)
            if not options.keep:
                _remove(folder, f"{shape}-*")
    finally:
        if not options.keep and options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    what = f"Files of {options.size / 1e9:g} GB, compressed ones of half of it, medians of {options.runs}"
    lines = list(tables(by_label(found), options.shapes, f"{what}; {memory}"))
    sys.stdout.write("\n".join(lines) + "\n")
    if options.write:
        _write(lines)


def _run(tasks: list[Task], options: argparse.Namespace) -> dict[Task, Measured]:
    found = measured(tasks, options.runs)
    for task, one in found.items():
        sys.stderr.write(
            f"{task.shape} {task.label}, {task.threads} thread(s): {task.approach}: {one.rate:.3g} GB/s "
            f"({one.processor_rate:.3g} a processor second), {one.peak:.0f} MiB\n"
        )
    sys.stderr.flush()
    return found


def _remove(folder: Path, pattern: str) -> None:
    for path in folder.glob(pattern):
        path.unlink()


def _write(lines: list[str]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    assert after, f"{PAGE}: the marks are gone"
    PAGE.write_text(f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{after}", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    engines = list(dict.fromkeys(approach.engine for approach in APPROACHES.values()))
    parser.add_argument("--size", type=_bytes, default="1GB", help="bytes of each log: 1GB, 50MB")
    parser.add_argument("--shapes", type=_some(list(SHAPES)), default=list(SHAPES))
    parser.add_argument("--densities", type=_some(list(DENSITIES)), default=list(DENSITIES))
    parser.add_argument("--engines", type=_some(engines), default=engines, help=f"of {', '.join(engines)}")
    parser.add_argument("--without-ours", action="store_true", help="the rivals alone")
    parser.add_argument("--plain", action="store_true", help="no compressed files")
    parser.add_argument("--runs", type=int, default=3, help="samples of each; their median counts")
    parser.add_argument("--folder", type=Path, help="where the logs are made (default: a temporary folder)")
    parser.add_argument("--keep", action="store_true", help="leave the logs there, and use those that are")
    parser.add_argument("--quick", action="store_true", help="50 MB, one sample, nothing written")
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave docs/performance.md")
    options = parser.parse_args()
    if options.quick:
        options.size, options.runs, options.write = 50_000_000, 1, False
    options.engines = set(options.engines) - ({"scan", "ours"} if options.without_ours else set())
    return options


def _bytes(text: str) -> int:
    unit = next((unit for unit in _UNITS if text.upper().endswith(unit)), "")
    try:
        return int(float(text[: len(text) - len(unit)]) * _UNITS.get(unit, 1))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write 1GB or 50MB") from None


def _some(allowed: list[str]) -> object:
    def chosen(text: str) -> list[str]:
        names = text.split(",")
        unknown = [name for name in names if name not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(f"no {unknown[0]!r}; allowed are {', '.join(allowed)}")
        return names

    return chosen


if __name__ == "__main__":
    main()
