"""Where the history is kept if nobody says where."""

import re
import sys
from pathlib import Path

import pytest

from keyrota.cli.boundary import run
from keyrota.errors import ConfigurationError, OutputError
from keyrota.history import default_store, open_store, place, store


@pytest.mark.parametrize(
    ("system", "variables", "expected"),
    [
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/keyrota/history.duckdb"),
        ("linux", {"XDG_DATA_HOME": "relative"}, "/home/ann/.local/share/keyrota/history.duckdb"),
        ("linux", {}, "/home/ann/.local/share/keyrota/history.duckdb"),
        (
            "darwin",
            {"XDG_DATA_HOME": "/data"},
            "/home/ann/Library/Application Support/keyrota/history.duckdb",
        ),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/keyrota/history.duckdb"),
        ("win32", {}, "/home/ann/AppData/Local/keyrota/history.duckdb"),
    ],
)
def test_the_folder_of_each_system(monkeypatch, system, variables, expected):
    """XDG on Linux, a relative value ignored as it says; the systems' own elsewhere."""
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(place.Path, "home", lambda: Path("/home/ann"))
    assert default_store().as_posix() == expected


def test_no_home(monkeypatch):
    """A user without one is told what to do."""

    def none():
        raise RuntimeError

    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(place.Path, "home", none)
    with pytest.raises(ConfigurationError, match="say where: --store FILE"):
        default_store()


@pytest.fixture
def data(monkeypatch, tmp_path):
    """Return a data folder of the user's that is not there yet."""
    folder = tmp_path / "deep" / "data"
    monkeypatch.setattr(store, "default_store", lambda: folder / "keyrota" / "history.duckdb")
    return folder


def test_the_first_add_makes_the_folder(data, log):
    """With those above it."""
    assert open_store().add(log(0, 10)).rows == 10
    assert (data / "keyrota" / "history.duckdb").is_file()


def test_a_folder_that_cannot_be_made(data, log):
    """Where it cannot, the path and the reason are told in one line."""
    data.parent.mkdir()
    data.touch()
    with pytest.raises(OutputError, match=r"data/keyrota: the folder cannot be made \(not a directory\)"):
        open_store().add(log(0, 10))


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), FileNotFoundError(2, "No such file or directory")]
)
def test_a_folder_that_the_system_refuses(data, monkeypatch, log, error, capsys):
    """As in a home that is another's; the command line says the same, with exit code 4."""
    path = log(0, 10)

    def refuse(*_arguments, **_options):
        raise error

    monkeypatch.setattr(Path, "mkdir", refuse)
    told = f"{data}/keyrota: the folder cannot be made ({error.strerror.lower()}); name another place"
    with pytest.raises(OutputError, match=re.escape(told)):
        open_store().add(path)
    assert run(["history", "add", "-q", path]) == 4
    assert capsys.readouterr().err == f"keyrota: error: {told}\n"
