"""No cell of a table that a spreadsheet opens is calculated, and nothing is lost by that."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from keyrota.cli.boundary import run
from keyrota.events import COLUMNS, make_events, read_events, write_events

STARTS = [
    "=",
    "+",
    "-",
    "@",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
    "'",
    "'=",
    "''",
    "\t=",
    "a",
    "",
    "=",
]
NAMES = [f"{start}cmd|' /C calc'!A{n}" for n, start in enumerate(STARTS)]
TEXTS = [name for name, dtype in COLUMNS.items() if dtype == "category" and name not in ("kind", "cause")]
CALCULATED = tuple("=+-@\t\r\x00\uff1d\uff0b\uff0d\uff20")


@pytest.mark.parametrize("column", TEXTS)
def test_no_cell_is_calculated_and_none_is_lost(column: str, tmp_path: Path) -> None:
    """Whatever a name begins with, the table that is read again is the table that was written."""
    events = make_events({"kind": ["pick"] * len(NAMES), "key": [1] * len(NAMES), column: NAMES})
    path = tmp_path / "events.csv"
    write_events(events, path, "csv")
    with path.open(encoding="utf-8", newline="") as file:
        cells = [row[column] for row in csv.DictReader(file)]
    assert not [cell for cell in cells if cell.startswith(CALCULATED)]
    assert read_events(path)[column].tolist() == NAMES
    write_events(make_events({"kind": ["pick"], "key": [1], column: ["-"]}), path, "csv")
    assert read_events(path)[column].tolist() == ["-"]  # standard input


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+x", "-x"])
def test_a_file_of_that_name_is_text(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The source's name is the one text that a stranger may choose freely."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("Using GOOGLE_KEY_1 (position 1/2 in pool)\n")
    assert run(["parse", "--", name]) == 0
    out = capsys.readouterr().out
    assert f",'{name}," in f"{out.splitlines()[1]},"
