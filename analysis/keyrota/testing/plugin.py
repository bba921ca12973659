"""The pytest plugin: fixtures for tests of a rotation. Every pytest loads it, so it imports little."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from keyrota.pools.declared import PoolConfig


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the setting that name the pools file."""
    told = "The pools file (TOML) that the fixtures key_pool and rotation_log use; default: the ten keys."
    parser.getgroup("keyrota").addoption("--keyrota-pools", metavar="FILE", help=told)
    parser.addini("keyrota_pools", told, default="")


@pytest.fixture(scope="session")
def key_pool(pytestconfig: pytest.Config) -> PoolConfig:
    """Return the declared pools: of --keyrota-pools, of the setting keyrota_pools, or the ten keys.

    ``key_pool["CHAT"]`` is one of them.
    """
    from keyrota.pools.load import load_pools

    given = pytestconfig.getoption("--keyrota-pools")
    setting = str(pytestconfig.getini("keyrota_pools"))
    if given is None and setting:
        given = str(pytestconfig.rootpath / setting)
    return load_pools(given)


@pytest.fixture
def rotation_log(tmp_path: Path, key_pool: PoolConfig) -> Callable[..., Path]:
    """Return what writes a log whose truth is known: ``rotation_log("CHAT", policy="random")`` is its path.

    Arguments: the pool's name; `picks`, about how many; `policy`, as of ``keyrota simulate --policy``;
    `rate_per_min`, and `shape`, as of ``keyrota simulate --shape``; further options are those of
    `keyrota.simple_scenario` (``window``, ``picks_per_request``, ``on_reject=Failover()``, ...); `seed`.
    """
    written: list[Path] = []

    def make(
        pool: str,
        *,
        picks: int = 500,
        policy: str = "random-start-round-robin",
        rate_per_min: float = 10.0,
        shape: str = "drain-ndjson",
        seed: int = 0,
        **options: Any,
    ) -> Path:
        from keyrota.report.atomic import write_bytes
        from keyrota.testing.simulated import simulated_log

        path = tmp_path / f"rotation-{len(written) + 1}.log"
        log = simulated_log(
            key_pool,
            pool,
            picks=picks,
            policy=policy,
            rate_per_min=rate_per_min,
            shape=shape,
            seed=seed,
            **options,
        )
        write_bytes(path, log)
        written.append(path)
        return path

    return make
