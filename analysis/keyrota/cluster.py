"""A Dask cluster: an address checked, a connection opened, what is wrong with it told in one line."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    from distributed import Client

MOST_LOCAL: Final = 256
CONNECT_S: Final = 10.0
"""How long a scheduler may take to answer."""

WORKERS_S: Final = 60.0
"""How long a cluster may stand without any worker before it is given up."""

_LOCAL = re.compile(r"local:([0-9]{1,6})", re.ASCII)
_ADDRESS = re.compile(r"(tcp|tls)://([^\s/?#@:\[\]]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})", re.ASCII)
_SAME: Final = ("keyrota", "python", "distributed", "numpy", "numba")
"""What has to agree between the machines: results are the same bytes, and are sent as pickles."""

_LOGGERS: Final = ("distributed", "distributed.client", "distributed.worker", "distributed.nanny")


def check_cluster(text: str) -> str:
    """Return what names a cluster if it is well written.

    Raises
    ------
    ConfigurationError
        If it is neither ``local:N`` nor the address of a scheduler.

    Examples
    --------
    >>> check_cluster("local:4"), check_cluster("tcp://10.0.0.5:8786")
    ('local:4', 'tcp://10.0.0.5:8786')
    """
    local = _LOCAL.fullmatch(text)
    if local is not None:
        if not 1 <= int(local[1]) <= MOST_LOCAL:
            raise ConfigurationError(f"--cluster {shown(text)}: allowed are local:1 to local:{MOST_LOCAL}")
        return text
    address = _ADDRESS.fullmatch(text)
    if address is None or not 1 <= int(address[3]) <= 65_535:
        raise ConfigurationError(
            f"--cluster {shown(text)} is no cluster; give local:4 for four processes on this machine, or the "
            "address of a Dask scheduler: tcp://HOST:8786, tls://HOST:8786"
        )
    return text


@contextmanager
def connected(name: str) -> Iterator[Client]:
    """Connect to a cluster, or start one of processes on this machine, and end it with the block.

    Raises
    ------
    ConfigurationError
        If Dask is missing, nothing answers, no worker is there, or versions differ.
    """
    check_cluster(name)
    try:
        import distributed
    except ImportError:
        raise ConfigurationError(
            f"--cluster {shown(name)} needs Dask, which is not installed: pip install 'keyrota[cluster]'"
        ) from None
    with _quiet():
        if local := _LOCAL.fullmatch(name):
            with (
                _local(int(local[1])) as cluster,
                distributed.Client(cluster, set_as_default=False) as client,
            ):
                yield client
            return
        _ask(name)
        with distributed.Client(name, timeout=CONNECT_S, set_as_default=False) as client:
            _check_workers(client, name)
            yield client


@contextmanager
def _local(workers: int) -> Iterator[Any]:
    """Start workers with a thread each, which nobody else on the machine can give work to."""
    from tempfile import TemporaryDirectory

    import dask
    from distributed import LocalCluster

    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise ConfigurationError(
            "a local cluster is closed to other users by TLS, which needs the package cryptography: "
            "pip install 'keyrota[cluster]'"
        ) from None
    with (
        TemporaryDirectory(prefix="keyrota-") as folder,
        dask.config.set({"temporary-directory": folder}),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1", security=True,
            silence_logs=logging.CRITICAL, preload=[__name__],
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        ) as cluster,
    ):  # fmt: skip
        yield cluster


def dask_setup(_worker: object) -> None:
    """Leave Ctrl-C to the process that ends the cluster: called by Dask in each worker of a local one."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _ask(address: str) -> None:
    """Ask what listens at an address for its name: a `Client` waits for ever where no Dask does."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    # In a thread of its own: a notebook's thread has a loop that runs.
    with ThreadPoolExecutor(1) as thread:
        try:
            kind = thread.submit(asyncio.run, _identity(address)).result()
        except TypeError:
            raise ConfigurationError(
                f"--cluster {address}: TLS needs certificates; name them in Dask's configuration "
                "(distributed.comm.tls) or in DASK_DISTRIBUTED__COMM__TLS__CA_FILE and its like"
            ) from None
        except (OSError, TimeoutError, asyncio.CancelledError):
            raise ConfigurationError(
                f"--cluster {address}: no Dask scheduler answers within {CONNECT_S:.0f} s; start one with "
                "`dask scheduler`, and look at the address, the port and the firewall"
            ) from None
    if kind != "Scheduler":
        raise ConfigurationError(
            f"--cluster {address}: a Dask {shown(kind.lower())} answers there; give the scheduler's address"
        )


async def _identity(address: str) -> str:
    import asyncio

    from distributed.core import rpc
    from distributed.security import Security

    async def asked() -> str:
        async with rpc(address, connection_args=Security().get_connection_args("client")) as there:
            return str((await there.identity())["type"])

    return await asyncio.wait_for(asked(), CONNECT_S)


def _check_workers(client: Client, name: str) -> None:
    """Check that there are workers, and that they run what runs here."""
    try:
        client.wait_for_workers(1, timeout=WORKERS_S)
    except TimeoutError:
        raise ConfigurationError(
            f"--cluster {name}: the scheduler has had no worker for {WORKERS_S:.0f} s; start some with "
            f"`dask worker {name}`"
        ) from None
    told: Any = client.get_versions(check=False, packages=["keyrota", "numba"])
    places = {"the scheduler": told["scheduler"], **told["workers"]}
    here = told["client"]["packages"]
    differences = [
        f"{place} has {'no ' + package if version is None else f'{package} {version}'}, not {wanted}"
        for place, there in places.items()
        for package in _SAME
        for version, wanted in [(_version(there["packages"], package), _version(here, package))]
        if version != wanted
    ]
    if differences:
        raise ConfigurationError(
            f"--cluster {name}: {listed(differences, limit=2)}; install the same versions on all machines"
        )


def _version(packages: dict[str, Any], package: str) -> str | None:
    version = packages.get(package)
    if package == "python" and version is not None:
        return ".".join(str(version).split(".")[:2])  # pickles go between patch releases
    return None if version is None else str(version)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask from telling what is told, or mended, here: a worker that dies has its work done again."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
