"""Scripts of the repository as modules: they stand in folders that are no packages."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]

needs_sources = pytest.mark.skipif(
    not (ROOT / "analysis").is_dir(), reason="the wheel is tested: an installed package has no source tree"
)
"""For what an installed package has not: sample logs found from anywhere, the site, SimFaaS's runs."""


def environment() -> dict[str, str]:
    """Return the environment of a process that runs a test module as a script: it imports from here too."""
    return os.environ | {"PYTHONPATH": str(Path(__file__).parent)}


def script(place: str) -> ModuleType:
    """Return the script at a place below the repository's root, such as ``docs/refresh.py``."""
    path = ROOT / place
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
