"""docs/testing.md is true: its files are written down as a reader would write them, and run."""

import os
import re
import shutil
import subprocess
import sys
import types
from functools import cache
from pathlib import Path

import pytest

import keyrota
from rotation_program import find_deno

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "testing.md"
VALIDATION = ROOT / "docs" / "testing_validation.md"
SAMPLES = ROOT / "sample_logs"

KEY_POOL_MJS = """
import { randomInt } from "node:crypto";
const size = 2;
let place = randomInt(size);
export function nextKey() {
  const position = place + 1;
  place = position % size;
  return { number: position, position, size };
}
"""
"""Stands for the reader's own pool in Node."""


@cache
def shown():
    """The named blocks of the page: file name to text."""
    found = re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len({name for name, _ in found}) == len(found)
    return dict(found)


TESTS = [name for name in shown() if name.startswith("test_")]
OWN_POOL = "test_own_pool.py"

FEWEST = {2: 26, 4: 64}
"""Isolates of two and of four keys from which the assertion gives a verdict at its default level."""

NEEDS = {"test_node.py": "node"}
"""A program that may be missing: everything else comes with the development environment."""


@pytest.fixture
def readers_folder(tmp_path):
    """The files of the page, and the reader's own ones that they stand beside."""
    for name, text in shown().items():
        if name not in ("pyproject.toml", "message"):
            (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "key_pool.mjs").write_text(KEY_POOL_MJS, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    shutil.copy(SAMPLES / "rotation" / "key_pool.ts", tmp_path)
    shutil.copytree(SAMPLES / "rotation", tmp_path / "sample_logs" / "rotation")
    shutil.copy(SAMPLES / "day_with_429s.log.zst", tmp_path / "export.json")
    return tmp_path


def run_pytest(folder, *arguments):
    """Run pytest in a process of its own, as the reader does; deno is on the PATH."""
    path = os.pathsep.join([str(Path(find_deno()).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "DENO_DIR": str(folder / "deno"), "DENO_NO_UPDATE_CHECK": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def run_tests_of_the_page(folder):
    missing = [name for name, program in NEEDS.items() if shutil.which(program) is None]
    done = run_pytest(folder, *(name for name in TESTS if name not in (OWN_POOL, *missing)))
    assert done.returncode == 0, done.stdout
    assert len(TESTS) == 8


def test_tests_of_the_page_pass(readers_folder):
    """Every test that the page shows passes; programs are started as few times as give a verdict."""
    for name, text in shown().items():
        if "run_rotation(" in text:
            fewest = FEWEST[4 if "ARTIFACT" in text else 2]
            few, number = re.subn(r"isolates=\d+", f"isolates={fewest}", text)
            assert number == 1
            (readers_folder / name).write_text(few, encoding="utf-8")
    run_tests_of_the_page(readers_folder)


@pytest.mark.nightly
def test_tests_of_the_page_pass_as_they_stand(readers_folder):
    """Every test that the page shows passes, to the letter."""
    run_tests_of_the_page(readers_folder)
    done = run_pytest(readers_folder, "--keyrota-pools", "pools.toml", OWN_POOL)
    assert done.returncode == 0, done.stdout


def test_pools_file_named_in_the_settings(readers_folder):
    """The test of an own pool passes with the setting of the page's pyproject.toml."""
    (readers_folder / "pytest.ini").unlink()
    (readers_folder / "pyproject.toml").write_text(shown()["pyproject.toml"], encoding="utf-8")
    done = run_pytest(readers_folder, OWN_POOL)
    assert done.returncode == 0, done.stdout


def test_message_is_the_real_one(monkeypatch):
    """The message of the page is what the first test prints once the counter begins at 0."""
    fair = shown()["rotation.py"]
    faulty = fair.replace("self.place = secrets.randbelow(len(keys))", "self.place = 0")
    assert faulty != fair
    rotation = types.ModuleType("rotation")
    exec(compile(faulty, "rotation.py", "exec"), rotation.__dict__)
    monkeypatch.setitem(sys.modules, "rotation", rotation)
    test = {}
    exec(compile(shown()["test_picks.py"], "test_picks.py", "exec"), test)
    with pytest.raises(AssertionError) as failed:
        test["test_rotation_is_fair"](keyrota.load_pools())
    assert f"{failed.value}\n" == shown()["message"]


def table(path, heading):
    """Return the cells of the table whose first heading is this: a row of headings, then the others."""
    text = path.read_text(encoding="utf-8")
    lines = text[text.index(f"| {heading} |") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in (lines[0], *lines[2:])]


def test_power_is_that_of_the_validation():
    """Every cell of the page's power table is a cell of docs/testing_validation.md."""
    head, *rows = table(PAGE, "fault")
    measured_head, *measured = table(VALIDATION, "fault")
    known = 3  # columns that name the case
    assert head[:known] == measured_head[:known]
    places = [measured_head.index(name) for name in head[known:]]
    by_case = {tuple(row[:known]): [row[place] for place in places] for row in measured}
    assert len(rows) >= 6
    for row in rows:
        assert by_case[tuple(row[:known])] == row[known:]


def test_picks_needed_of_the_page():
    """The fewest isolates that the page names are those from which the assertion gives a verdict."""
    from keyrota.rotation.fairness import CERTAIN_PART
    from keyrota.rotation.power import picks_to_miss_none

    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    stated = re.search(r"below (\d+) isolates on two keys, (\d+) on four and (\d+) on ten", text)
    needed = [picks_to_miss_none(size, alpha=1e-6, part=CERTAIN_PART) for size in (2, 4, 10)]
    assert [int(number) for number in stated.groups()] == needed
    assert list(FEWEST.values()) == needed[:2]


def test_false_alarms_in_years():
    """A hundred runs a day at one in a million fail once in 27 years; ten times as many, once in three."""
    years = 1e6 / (100 * 365.25)
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert f"fails falsely once in {years:.0f} years; with ten of them, once in three" in text
    assert round(years / 10) == 3
