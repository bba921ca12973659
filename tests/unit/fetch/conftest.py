"""A local Management API for the tests of fetching."""

from __future__ import annotations

import pytest

import management_api


@pytest.fixture
def clock():
    return management_api.FakeClock()


@pytest.fixture
def api(clock, monkeypatch):
    server = management_api.ManagementApi(clock)
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", management_api.TOKEN)
    yield server
    server.close()
