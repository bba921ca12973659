"""The floors of `make coverage`: what is below one is found, and named."""

from pathlib import Path

import pytest

import keyrota
from scripts import script

floors = script("tests/measure/coverage_floors.py")


def report_of(missing_lines, missing_branches):
    """Return a report of one file of 9 lines and 2 branches."""
    missed = len(missing_lines) + len(missing_branches)
    summary = {
        "covered_lines": 9 - len(missing_lines), "num_statements": 9, "num_branches": 2,
        "covered_branches": 2 - len(missing_branches), "percent_covered": 100 * (11 - missed) / 11,
    }  # fmt: skip
    file = {"summary": summary, "missing_lines": missing_lines, "missing_branches": missing_branches}
    return {"files": {"analysis/keyrota/rotation/exact.py": file}}


ROTATION = tuple(floor for floor in floors.CORE if floor.name == "rotation")


def test_all_run():
    """Nothing is missing: one line, and the floor is reached."""
    lines, is_reached = floors.told(report_of([], []), ROTATION)
    assert lines == ["rotation: 11 of 11 lines and branches, 100.00 %; at least 100 %"]
    assert is_reached


@pytest.mark.parametrize(
    ("lines", "branches", "named"), [([4, 7], [[4, 5]], "4, 7"), ([], [[3, -1], [8, 9]], "3->-1, 8->9")]
)
def test_what_no_test_runs_is_named(lines, branches, named):
    """A line, or a branch out of a line that runs."""
    told, is_reached = floors.told(report_of(lines, branches), ROTATION)
    assert told[1:] == [f"  rotation/exact.py: {named}"]
    assert not is_reached


def test_a_group_without_files_is_below_its_floor():
    """A report of something else does not pass."""
    assert not floors.told({"files": {}}, ROTATION)[1]


@pytest.mark.parametrize("pattern", [pattern for floor in floors.CORE for pattern in floor.files])
def test_each_pattern_names_files_of_the_package(pattern):
    """A module that was renamed does not leave the core unseen."""
    assert list(Path(keyrota.__file__).parent.glob(pattern))
