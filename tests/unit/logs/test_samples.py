"""Sample logs and other files of the source tree, found from anywhere."""

from pathlib import Path

import pytest

from keyrota.errors import InputError
from keyrota.logs import samples
from keyrota.logs.samples import sample_log, source_file
from scripts import needs_sources

ROOT = Path(__file__).resolve().parents[3]


@needs_sources
def test_a_sample_log_is_found_from_anywhere(tmp_path, monkeypatch):
    """The path does not depend on the working directory."""
    monkeypatch.chdir(tmp_path)
    assert Path(sample_log("healthy.json.gz")) == ROOT / "sample_logs" / "healthy.json.gz"


def test_a_missing_sample_is_named():
    """The message says what was asked for, and what to do."""
    with pytest.raises(InputError, match=r'the sample log "none.log" is not here: .* name a log of your own'):
        sample_log("none.log")


@pytest.mark.parametrize(("folder", "has_project"), [("site", True), ("analysis", False), ("site", False)])
def test_an_installed_package_has_no_source_tree(folder, has_project, tmp_path, monkeypatch):
    """Only a package in the folder analysis/ of a project is in its tree, whatever lies above another."""
    home = tmp_path / folder / "keyrota" / "logs"
    home.mkdir(parents=True)
    (tmp_path / "sample_logs").mkdir()
    if has_project:
        (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(samples, "__file__", str(home / "samples.py"))
    assert source_file("sample_logs") is None
