"""Where the history is kept if nobody says where."""

import sys
from pathlib import Path

import pytest

from keyrota.errors import ConfigurationError
from keyrota.history import default_store, place


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
