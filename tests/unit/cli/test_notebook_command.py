"""`keyrota notebook`: the capacity notebook filled in; file names are data."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import keyrota
from keyrota.cli import notebook as module
from keyrota.cli.boundary import run
from keyrota.errors import ConfigurationError
from keyrota.logs.sources import find_sources
from keyrota.report.filled_notebook import NAME, capacity_notebook, with_values

ROOT = Path(__file__).resolve().parents[3]
LOG = ROOT / "sample_logs" / "healthy.json.gz"


def parameters(path):
    """The values that the first code cell of a notebook assigns."""
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    first = next(cell for cell in cells if cell["cell_type"] == "code")
    assert first["metadata"]["tags"] == ["parameters"]
    values = {}
    exec("".join(first["source"]), {"__builtins__": {}}, values)
    return values


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_is_the_repositorys_notebook_but_for_the_parameters(folder):
    """Every other cell is as in notebooks/, and no cell has an output."""
    assert run(["notebook", str(LOG)]) == 0
    ours, theirs = (
        json.loads(path.read_text(encoding="utf-8"))
        for path in (folder / "plan.ipynb", ROOT / "notebooks" / NAME)
    )
    different = [a["metadata"] for a, b in zip(ours["cells"], theirs["cells"], strict=True) if a != b]
    assert different == [{"tags": ["parameters"]}]
    assert {**ours, "cells": []} == {**theirs, "cells": []}
    assert not any(cell.get("outputs") for cell in ours["cells"])


def test_options_become_parameters(folder):
    """Logs, pools, target and growth stand in the cell as values; without --growth nothing grows."""
    shutil.copy(Path(keyrota.__file__).parent / "pools" / "default_pools.toml", "own.toml")
    assert run(["notebook", str(LOG), "--pools", "own.toml", "--target", "2%", "--growth", "10%/day"]) == 0
    values = parameters("plan.ipynb")
    assert values["LOGS"] == [str(LOG)]
    assert values["POOLS"] == str(folder / "own.toml")
    assert (values["TARGET"], values["GROWTH"]) == (0.02, pytest.approx(0.1))
    assert run(["notebook", str(LOG), "--pools", "infer", "-o", "other.ipynb"]) == 0
    values = parameters("other.ipynb")
    assert (values["POOLS"], values["TARGET"], values["GROWTH"]) == ("infer", 0.01, None)


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such names")
def test_hostile_names_are_data(folder, monkeypatch):
    """Quotes, line breaks, braces, escapes, bytes that are no text: the cell holds the name and no more."""
    names = [
        "'; __import__('os').abort() #.log", '"""\n]; raise SystemExit #.log', "a\\\n.log", "[x]{y}.log",
        "\u202egol.\u2028log", os.fsdecode(b"\xff\xfe.log"), "-dash.log",
    ]  # fmt: skip
    for name in names:
        Path(name).write_bytes(b"")
    assert run(["notebook", "-q", "--", *names]) == 0
    values = parameters("plan.ipynb")
    assert values["LOGS"] == [os.path.join(folder, name) for name in names]
    monkeypatch.chdir("/")
    assert [source.name for source in find_sources(values["LOGS"])] == values["LOGS"]


def test_a_pattern_means_the_same_elsewhere(folder, monkeypatch):
    """A glob is read from where it was given, also in a folder whose own name looks like one."""
    own = folder / "a[b]*"
    own.mkdir()
    shutil.copy(LOG, own / "one.json.gz")
    monkeypatch.chdir(own)
    assert run(["notebook", "*.gz", "-o", "../plan.ipynb"]) == 0
    monkeypatch.chdir("/")
    (found,) = find_sources(parameters(folder / "plan.ipynb")["LOGS"])
    assert found.name == str(own / "one.json.gz")


def test_a_notebook_is_not_replaced_by_chance(folder, capsys):
    """What is there stays, unless --force is given."""
    Path("plan.ipynb").write_text("mine")
    assert run(["notebook", str(LOG)]) == 4
    assert Path("plan.ipynb").read_text() == "mine"
    assert "exists; give --force" in capsys.readouterr().err
    assert run(["notebook", str(LOG), "--force"]) == 0
    assert parameters("plan.ipynb")["LOGS"] == [str(LOG)]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-"], 2, "standard input can be read once"),
        (["missing.log"], 3, "no such file or folder"),
        (["ftp://example.org/log"], 3, "addresses of this kind are not read"),
        ([str(LOG), "--pools", "missing.toml"], 2, "missing.toml"),
        ([str(LOG), "-o", "plan.txt"], 2, "ends in .ipynb"),
        ([str(LOG), "-o", "missing/plan.ipynb"], 4, "there is no folder"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_written(folder, capsys, arguments, code, message):
    """One line says what is wrong, and no notebook is left behind."""
    assert run(["notebook", *arguments]) == code
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_open_without_jupyterlab_says_what_to_install(folder, capsys, monkeypatch):
    """--open names the extra, and nothing is written."""
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert run(["notebook", str(LOG), "--open"]) == 2
    assert "pip install 'keyrota[notebooks]'" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_open_starts_jupyterlab_on_the_notebook(folder, monkeypatch):
    """--open runs JupyterLab of this very Python on the notebook that is there by then."""
    started = []

    def start(command, **_):
        assert Path(command[-1]).is_file()
        started.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(module, "find_spec", lambda name: object())
    monkeypatch.setattr(module.subprocess, "run", start)
    assert run(["notebook", str(LOG), "--open"]) == 0
    assert started == [[module.sys.executable, "-m", "jupyterlab", str(folder / "plan.ipynb")]]


def test_an_unknown_parameter_is_refused():
    """A name that the notebook does not assign is an error, not silently left out."""
    with pytest.raises(ConfigurationError, match='no parameter "NOPE"; there are LOGS'):
        capacity_notebook({"NOPE": 1})


def test_values_replace_values_and_nothing_else():
    """Comments, other names and values over several lines are treated right, umlauts included."""
    source = 'Ü = "ä"; A = [\n    1,\n]  # ü\nB = 2\n'
    assert with_values(source, {"A": None, "B": ["x" * 60, "y" * 60]}) == (
        'Ü = "ä"; A = None  # ü\nB = [\n'
        f"    '{'x' * 60}',\n    '{'y' * 60}',\n]\n"
    )  # fmt: skip
