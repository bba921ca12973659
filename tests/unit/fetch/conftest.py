"""A local Management API for the tests of fetching."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

# Tests are no package: what several of them share is loaded by its place.
_NAME = "management_api"
if _NAME not in sys.modules:
    _spec = importlib.util.spec_from_file_location(_NAME, Path(__file__).with_name("management_api.py"))
    sys.modules[_NAME] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules[_NAME])


@pytest.fixture
def clock():
    return sys.modules[_NAME].FakeClock()


@pytest.fixture
def api(clock, monkeypatch):
    module = sys.modules[_NAME]
    server = module.ManagementApi(clock)
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", module.TOKEN)
    yield server
    server.close()
