"""The benchmark of reading: keyrota, and every other way of reading, finds what is in its logs."""

from __future__ import annotations

import gzip
import importlib
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import zstandard

from keyrota.logs.read import read

ROOT = Path(__file__).resolve().parents[2]
PARSE = ROOT / "benchmarks" / "parse"
SIZE = 2_000_000
SHAPES = ("text", "ndjson", "csv")
DENSITIES = ("sparse", "dense")


@pytest.fixture(scope="module")
def bench() -> Iterator[SimpleNamespace]:
    """Give the modules of the benchmark, which are scripts and no package."""
    before = set(sys.modules)
    sys.path.insert(0, str(PARSE))
    names = ("approaches", "blocks", "checks", "generate", "measure", "results")
    try:
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(str(PARSE))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(PARSE)):
                del sys.modules[name]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_keyrota_finds_the_truth(bench: SimpleNamespace, folder: Path, shape: str, density: str) -> None:
    """The generator knows what is in a log without reading it; keyrota finds the same."""
    path = bench.generate.log_file(folder, shape, density, SIZE)
    truth = bench.generate.truth_of(path)
    reading = read(path)
    assert bench.checks.differences(bench.checks.found_in(reading.events), truth) == []
    source = reading.input.sources[0]
    assert (source.malformed, source.duplicates, source.problems) == (0, 0, ())
    assert source.bytes == truth.bytes == path.stat().st_size
    assert truth.events / truth.records == pytest.approx({"sparse": 0.05, "dense": 1}[density], rel=0.15)


@pytest.mark.parametrize("engine", ["polars", "rg", "duckdb", "lines", "pandas", "pandas-filtered"])
def test_rivals_find_the_truth(bench: SimpleNamespace, folder: Path, engine: str) -> None:
    """Only what returns the right table is timed."""
    if engine == "rg" and shutil.which("rg") is None:
        pytest.skip("ripgrep is not installed")
    if engine == "polars":
        if not hasattr(pytest.importorskip("polars"), "scan_lines"):
            pytest.skip("this Polars has no scan_lines")
    elif engine == "duckdb":
        pytest.importorskip("duckdb", minversion="1.2")
    checked = 0
    for approach in bench.approaches.APPROACHES.values():
        for shape in approach.shapes if approach.engine == engine else ():
            for density in DENSITIES:
                path = bench.generate.log_file(folder, shape, density, SIZE)
                table = approach.load(shape)([path], 1)
                wrong = bench.checks.differences(bench.checks.found_in(table), bench.generate.truth_of(path))
                assert wrong == [], f"{approach.name}, {shape}, {density}"
                checked += 1
    assert checked >= 2 * len(SHAPES)


def test_a_row_that_is_lost_or_out_of_step_is_told(bench: SimpleNamespace, folder: Path) -> None:
    """Counts and sums tell a table without its last row, and one whose keys are those of other rows."""
    path = bench.generate.log_file(folder, "ndjson", "dense", SIZE)
    truth = bench.generate.truth_of(path)
    events = read(path).events
    told = bench.checks.differences(bench.checks.found_in(events[:-1]), truth)
    assert [text.split(":")[0] for text in told][:1] == ["kinds"]
    picks = events["kind"] == "pick"
    events.loc[picks, "key"] = events.loc[picks, "key"].to_numpy()[::-1]
    told = bench.checks.differences(bench.checks.found_in(events), truth)
    assert [text.split(":")[0] for text in told] == ["aligned"]


def test_one_seed_makes_one_log(bench: SimpleNamespace, tmp_path: Path) -> None:
    """The same seed gives the same bytes, another one others of another time."""
    made = []
    for place, seed in (("a", 6), ("b", 6), ("c", 7)):
        (tmp_path / place).mkdir()
        path = bench.generate.log_file(tmp_path / place, "csv", "sparse", 100_000, seed=seed)
        made.append(path.read_bytes())
    assert made[0] == made[1] != made[2]
    truth = bench.generate.truth_of(path)
    both = bench.checks.together([truth, replace(truth, times=2**64 - 1)])
    assert both.kinds == {kind: 2 * count for kind, count in truth.kinds.items()}
    assert both.times == truth.times - 1
    assert both.isolates == 2 * truth.isolates


def test_compressed_copies_hold_the_same(bench: SimpleNamespace, folder: Path) -> None:
    """A copy decompresses to its log, and has its truth."""
    path = bench.generate.log_file(folder, "text", "sparse", SIZE)
    packed = {kind: bench.generate.compressed(path, kind) for kind in ("gz", "zst")}
    assert gzip.decompress(packed["gz"].read_bytes()) == path.read_bytes()
    with packed["zst"].open("rb") as raw:
        assert zstandard.ZstdDecompressor().stream_reader(raw).read() == path.read_bytes()
    assert bench.generate.truth_of(packed["zst"]) == bench.generate.truth_of(path)


def test_a_sample_is_a_process_of_its_own(bench: SimpleNamespace, folder: Path) -> None:
    """The runner measures time and memory there, and ends at a wrong table."""
    path = bench.generate.log_file(folder, "csv", "sparse", 100_000)
    task = bench.measure.Task("keyrota", "csv", "sparse", (path,), path, path.stat().st_size)
    found = bench.measure.measured([task], 1)
    assert found[task].rate > 0
    assert 20 < found[task].peak < 1000
    lying = bench.generate.log_file(folder, "csv", "dense", 100_000)
    lying.write_bytes(lying.read_bytes().replace(b"(position 1/", b"(position 2/"))
    with pytest.raises(SystemExit, match=r"keyrota on csv-dense-100000-6\.csv: sums: "):
        bench.measure.measured([replace(task, files=(lying,))], 1)


def test_goals_say_what_became_of_them(bench: SimpleNamespace) -> None:
    """A ratio is held against its goal within one run; what was not measured is said."""
    of = bench.measure.Measured
    names = {approach.engine: name for name, approach in reversed(bench.approaches.APPROACHES.items())}
    sparse = {
        (names["scan"], "text", 1): of(10**9, [0.3, 0.25, 9.0], [0.3], [310.0]),
        (names["polars"], "text", 1): of(10**9, [1.0], [1.0], [500.0]),
        (names["rg"], "text", 1): of(10**9, [0.8], [0.8], [500.0]),
    }
    goals = {goal.what: goal for goal in bench.results.goals({"sparse": sparse}, ["text"])}
    assert goals["over Polars, sparse"].value == pytest.approx(1 / 0.3)
    assert goals["over Polars, sparse"].verdict == "met"
    assert goals["over ripgrep and `re`, sparse"].verdict == "NOT MET"
    assert goals["peak memory, sparse"].verdict == "NOT MET"
    assert goals["two threads over one, sparse"].verdict == "not measured"
    lines = list(bench.results.tables({"sparse": sparse}, ["text"], "Files of 1 GB"))
    assert "| keyrota | 3.33 (310) |" in lines
    assert "| over ripgrep and `re`, sparse | text | 2.67x | 3x | NOT MET |" in lines


def test_the_page_has_a_place_for_the_tables() -> None:
    """`make bench-parse` writes between two marks; the rest of the page is written by hand."""
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert page.count("<!-- begin: written by `make bench-parse` -->") == 1
    assert page.index("<!-- begin: written by") < page.index("<!-- end -->")
