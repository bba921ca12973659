"""Where calls run: in this process, in threads or processes of this machine, or on a Dask cluster.

The one mechanism of reading and of sweeps. Results come in the order of the calls, whoever made them: one
worker or a hundred give the same bytes.
"""

from __future__ import annotations

import itertools
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar

from keyrota.cluster import WORKERS_S, check_cluster, connected
from keyrota.display import shown
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_JOBS: Final = 256

IN_FLIGHT: Final = 1_000
"""So many results may wait for their turn: what is slow to use up must not fill the memory."""

DEATHS: Final = 3
"""So often work is done again because its worker died; a Dask scheduler allows as many."""


class Workers:
    """Workers that several sweeps and readings share, opened when first needed and closed with the block.

    Parameters
    ----------
    jobs
        Threads or processes of this machine; -1 for one on each core.
    cluster
        In their place ``"local:4"``, four processes that Dask looks after, or the address of a Dask
        scheduler, ``"tcp://HOST:8786"``.

    Raises
    ------
    ConfigurationError
        If an argument is not allowed.

    Examples
    --------
    >>> with Workers(2) as workers:
    ...     list(workers.map(abs, [-3, 1, -2]))
    [3, 1, 2]
    """

    def __init__(self, jobs: int = 1, cluster: str | None = None) -> None:
        check_jobs(jobs)
        self.jobs = jobs
        self.cluster = None if cluster is None else check_cluster(cluster)
        self._open = ExitStack()
        self._client: Client | None = None

    def __enter__(self) -> Self:
        """Return the workers; nothing is started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection, and end what was started."""
        self.close()

    def close(self) -> None:
        """Close the connection, and end what was started; what is needed again is opened again."""
        self._client = None
        self._open.close()

    @property
    def is_elsewhere(self) -> bool:
        """Whether the workers may be on other machines."""
        return self.cluster is not None and not self.cluster.startswith("local:")

    @property
    def number(self) -> int:
        """How many calls run at a time; connects to the cluster, if there is one."""
        if self.cluster is not None:
            return max(1, int(sum(self._connection().ncores().values())))
        if self.jobs > 0:
            return self.jobs
        from joblib import cpu_count

        return int(cpu_count())

    def map(
        self,
        function: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        prefer: Literal["threads", "processes"] = "threads",
        is_first_here: bool = False,
    ) -> Iterator[Result]:
        """Yield ``function(item)`` for each item, in order.

        A call whose worker dies is made again, up to `DEATHS` times: it must have no effect but its result.

        Parameters
        ----------
        function
            Defined in a module, or a `functools.partial` of such a one, that every worker can import.
        items
            Arguments; taken as they are needed, `IN_FLIGHT` ahead at most.
        prefer
            On this machine: ``"threads"`` for what lets go of the interpreter's lock, else ``"processes"``.
            On a cluster its owner has chosen.
        is_first_here
            Make the first call alone and in this process: what is compiled then is compiled once. Not for a
            cluster of other machines, which do not see what is compiled here.

        Raises
        ------
        ConfigurationError
            If the cluster cannot be used, is lost, or loses worker after worker at one call.
        """
        pending = iter(items)
        if self.cluster is None and self.jobs == 1:
            yield from map(function, pending)
            return
        if is_first_here and not self.is_elsewhere:
            yield from map(function, itertools.islice(pending, 1))
        while calls := list(itertools.islice(pending, IN_FLIGHT)):
            if self.cluster is not None:
                yield from self._on_cluster(function, calls)
            elif prefer == "threads":
                yield from _in_threads(function, calls, self.number)
            else:
                yield from _in_processes(function, calls, self.jobs)

    def _connection(self) -> Client:
        assert self.cluster is not None
        if self._client is None:
            self._client = self._open.enter_context(connected(self.cluster))
        return self._client

    def _on_cluster(self, function: Callable[[Item], Result], calls: list[Item]) -> Iterator[Result]:
        client = self._connection()
        from distributed.scheduler import KilledWorker
        from joblib import Parallel

        backend = _dask_backend(client)
        workers = Parallel(n_jobs=-1, backend=backend, return_as="generator")
        try:
            with _watched(client, backend):
                yield from _in_order(workers, function, calls)
        except KilledWorker:
            raise ConfigurationError(
                f"--cluster {self.cluster}: {DEATHS + 1} workers died at the same work; they may lack "
                "memory: give each more of it, or start fewer on a machine"
            ) from None
        except CancelledError:
            raise ConfigurationError(
                f"--cluster {self.cluster}: the connection to the scheduler is lost; run it again"
            ) from None
        except _NoWorkerError:
            raise ConfigurationError(
                f"--cluster {self.cluster}: no worker is left, and none came back in {WORKERS_S:g} s"
            ) from None


Jobs = int | Workers
"""What `jobs=` takes: a number, or workers that several calls share."""


@contextmanager
def workers_of(jobs: Jobs, cluster: str | None = None) -> Iterator[Workers]:
    """Give workers for a block: those that are there, or new ones that end with it.

    Raises
    ------
    ConfigurationError
        If an argument is not allowed.
    """
    if isinstance(jobs, Workers):
        if cluster is not None:
            raise ConfigurationError("give workers or a cluster: workers have their cluster already")
        yield jobs
        return
    with Workers(jobs, cluster) as workers:
        yield workers


def check_jobs(jobs: object) -> None:
    """Check a number of workers.

    Raises
    ------
    ConfigurationError
        If it is not allowed.
    """
    if isinstance(jobs, Workers):
        return
    if not isinstance(jobs, int) or (jobs != -1 and not 1 <= jobs <= MOST_JOBS):
        raise ConfigurationError(
            f"jobs is {shown(jobs)}; allowed are 1 to {MOST_JOBS}, or -1 for one on each core"
        )


class _NoWorkerError(Exception):
    """A cluster that had workers has none any more."""


@contextmanager
def _watched(client: Client, backend: Any) -> Iterator[None]:
    """Give up what a cluster was asked for when it stays without a worker, for which Dask waits for ever."""
    ended, lost = threading.Event(), False

    def watch() -> None:
        nonlocal lost
        last_seen = time.monotonic()
        while not ended.wait(WORKERS_S / 12):
            try:
                is_seen = client.status != "running" or bool(client.ncores())
            except OSError:  # the scheduler is lost, which is told elsewhere
                is_seen = True
            if is_seen:
                last_seen = time.monotonic()
            elif time.monotonic() > last_seen + WORKERS_S:
                lost = True
                backend.give_up()
                return

    thread = threading.Thread(target=watch, name="keyrota-watch", daemon=True)
    thread.start()
    try:
        yield
    except CancelledError:
        raise _NoWorkerError if lost else CancelledError from None
    finally:
        ended.set()
        thread.join()


def _in_threads(function: Callable[[Item], Result], calls: list[Item], jobs: int) -> Iterator[Result]:
    from multiprocessing.pool import ThreadPool

    # As joblib has them, but for a result that is taken when it is there: joblib looks every 10 ms.
    with ThreadPool(min(jobs, len(calls))) as pool:
        yield from pool.imap(function, calls)


def _in_processes(function: Callable[[Item], Result], calls: list[Item], jobs: int) -> Iterator[Result]:
    from concurrent.futures.process import BrokenProcessPool

    from joblib import Parallel

    done, deaths = 0, 0
    while done < len(calls):
        before = done
        workers = Parallel(n_jobs=min(jobs, len(calls) - done), backend="loky", return_as="generator")
        try:
            for result in _in_order(workers, function, calls[done:]):
                done += 1
                yield result
        except BrokenProcessPool:
            deaths = deaths + 1 if done == before else 1
            if deaths > DEATHS:
                raise ConfigurationError(
                    f"{deaths} worker processes died one after the other at the same work; they may lack "
                    "memory: give fewer jobs"
                ) from None


def _in_order(workers: Any, function: Callable[[Item], Result], calls: list[Item]) -> Iterator[Result]:
    from joblib import delayed

    # In a tuple, which joblib sends with the call: an array by itself would be put into the memory of one
    # worker, and be lost with it.
    results: Generator[Result] = workers(delayed(_call)((function, item)) for item in calls)
    try:
        for result in results:  # noqa: UP028 -- `yield from` would close them itself, with a warning
            yield result
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of work that nobody wants any more
            results.close()


def _call(work: tuple[Callable[[Item], Result], Item]) -> Result:
    function, item = work
    return function(item)


def _dask_backend(client: Client) -> Any:
    """Return joblib's Dask backend, in which a call that is lost for good is told as an error."""
    from joblib._dask import DaskDistributedBackend

    class Backend(DaskDistributedBackend):  # type: ignore[misc]
        def effective_n_jobs(self, n_jobs: int) -> int:
            try:
                # Of one worker joblib would make the calls itself, in this process.
                return max(2, int(super().effective_n_jobs(n_jobs)))
            except TimeoutError:
                raise _NoWorkerError from None

        def submit(self, func: Any, callback: Any = None) -> Any:
            # Before joblib 1.6 its Dask backend has the older name alone.
            send = super().submit if "submit" in vars(DaskDistributedBackend) else super().apply_async
            future = send(func, callback)

            # Joblib's own calls back after results alone, and waits for ever for what Dask gives up.
            def failed(done: Any) -> None:
                error = done.exception()
                if error is not None:
                    callback(error)

            future.add_done_callback(failed)
            return future

        def give_up(self) -> None:
            for future in list(self._results):
                future.cancel()

    return Backend(client=client, wait_for_workers_timeout=WORKERS_S)
