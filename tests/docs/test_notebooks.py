"""The notebooks: they run, they show figures, they are thin, and nothing of a run is committed."""

import ast
import json
import re
import resource
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from keyrota.theory import usable_rate
from scripts import needs_sources

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = [
    "01_rotation_check.ipynb",
    "02_capacity_planning.ipynb",
    "03_cold_starts.ipynb",
    "04_model_validation.ipynb",
]
FEWEST = {
    NOTEBOOKS[0]: (5, ""),
    NOTEBOOKS[1]: (9, "SIZES = [2]"),
    NOTEBOOKS[2]: (2, "SLOTS, LIVES_S = [1, 300], [20, 200]"),
    NOTEBOOKS[3]: (2, "REQUESTS, SIMPY_REQUESTS = 20_000, 500"),
}
"""Figures that each shows at least, and parameters with which it takes few seconds."""

ON_SAMPLES = [pytest.param(name, marks=needs_sources) for name in NOTEBOOKS[:2]]
"""Those that find the sample logs by themselves."""

MOST_CPU_S = 60.0
"""Of one notebook, on one core."""

LOGIC = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.If, ast.Try)


def read(name):
    return nbformat.read(FOLDER / name, as_version=nbformat.NO_CONVERT)


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def execute(notebook, folder):
    """Run a notebook in a folder; the CPU seconds that its kernel took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def pictures(notebook):
    """Number of figures that the cells show, and the text alternatives of those that have one."""
    found, told = 0, []
    for cell in code_of(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            found += "image/png" in data
            images = re.findall(
                r'<img src="data:image/svg\+xml;base64,[^"]+" alt="([^"]*)"', data.get("text/html", "")
            )
            found += len(images)
            told += images
    return found, told


def test_the_notebooks_are_these():
    """No notebook is left out of these tests: the app's has its own, in a browser."""
    assert sorted(path.name for path in FOLDER.glob("*.ipynb")) == sorted([*NOTEBOOKS, "app.ipynb"])


@pytest.mark.parametrize("is_whole", [False, pytest.param(True, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("name", [*ON_SAMPLES, *NOTEBOOKS[2:]])
def test_it_runs_anywhere_and_shows_figures(name, is_whole, tmp_path):
    """Every cell runs within a minute of one core, from a foreign folder, and figures with text are shown.

    By day with fewer values of its parameters, at night as it stands.
    """
    notebook = read(name)
    least, fewer = FEWEST[name]
    code_of(notebook)[0].source += "" if is_whole else f"\n{fewer}\n"
    assert execute(notebook, tmp_path) < MOST_CPU_S
    found, told = pictures(notebook)
    assert found >= least
    assert all(len(alt) > 40 for alt in told)
    assert list(tmp_path.iterdir()) == []
    errors = [out for cell in code_of(notebook) for out in cell.outputs if out.output_type == "stream"]
    assert errors == []


@needs_sources
def test_it_runs_in_its_own_folder():
    """The first notebook gives the same verdict where Jupyter would run it."""
    notebook = read(NOTEBOOKS[0])
    execute(notebook, FOLDER)
    assert "unfair" in json.dumps(code_of(notebook)[2].outputs)


@pytest.mark.nightly
@pytest.mark.parametrize("logs", [["healthy.json.gz", "healthy_invocations.json"], ["start_at_first.csv"]])
def test_the_plan_takes_other_logs(logs, tmp_path):
    """The second notebook runs on a list of healthy logs without growth, and on the log of one pool."""
    notebook = read(NOTEBOOKS[1])
    names = [str(ROOT / "sample_logs" / log) for log in logs]
    code_of(notebook)[0].source += f"\nLOGS = {names!r}\nGROWTH = None\nSIZES = [2]\n"
    execute(notebook, tmp_path)
    assert pictures(notebook)[0] >= 4
    assert "No growth was asked for" in json.dumps([cell.outputs for cell in code_of(notebook)])


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_nothing_of_a_run_is_committed(name):
    """A valid notebook of version 4.5 with an id for each cell, and without outputs and counts."""
    notebook = read(name)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    for cell in code_of(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_parameters_come_first(name):
    """The first cell with code is tagged for papermill; it holds nothing but literals, with a remark each."""
    first, *others = code_of(read(name))
    assert first.metadata.tags == ["parameters"]
    assert not [cell for cell in others if cell.metadata.get("tags")]
    names = []
    for statement in ast.parse(first.source).body:
        assert isinstance(statement, ast.Assign)
        ast.literal_eval(statement.value)
        names += [target.id for target in statement.targets]
    assert all(re.fullmatch("[A-Z_]+", own) for own in names)
    assert len(re.findall(r"^# ", first.source, re.MULTILINE)) == len(names)


def test_the_plan_has_the_parameters_that_the_command_fills():
    """`keyrota notebook` sets these by their names."""
    source = code_of(read(NOTEBOOKS[1]))[0].source
    assert {"LOGS", "POOLS", "TARGET", "GROWTH"} <= set(re.findall(r"^([A-Z_]+) = ", source, re.MULTILINE))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_thin(name):
    """Cells call the package: they define nothing, decide nothing, and are short."""
    for cell in code_of(read(name)):
        tree = ast.parse(cell.source)
        found = [node for node in ast.walk(tree) if isinstance(node, LOGIC)]
        assert len(found) <= ("max(" in cell.source)  # the key of a `max`
        assert len(cell.source.splitlines()) <= 22


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_a_text_to_read(name):
    """It begins with a heading, has sections, and words before each code of a section and at the end."""
    cells = read(name).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert len(re.findall(r"^## ", text, re.MULTILINE)) >= 3
    assert len(text.split()) >= 250
    in_a_row = 0
    for cell in cells:
        in_a_row = 0 if cell.cell_type == "markdown" else in_a_row + 1
        assert in_a_row <= 3


def test_the_plan_begins_with_a_true_number():
    """Two keys of 2 a minute have 429s from about half a request a minute on."""
    text = " ".join(read(NOTEBOOKS[1]).cells[0].source.split())
    assert "429s begin at about half a request a minute" in text
    assert usable_rate(keys=2, per_minute=2, target=0.01) == pytest.approx(0.5, abs=0.03)
