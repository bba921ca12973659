"""The rows of a log, before they take one of the shapes in which logs reach a user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from keyrota.errors import ConfigurationError

PROJECT_REF: Final = "abcdefghijklmnopqrst"
"""The project of every written row: the placeholder of the provider's own documentation."""

REGION: Final = "eu-west-3"
RUNTIME: Final = "supabase-edge-runtime-1.69.4 (compatible with Deno v2.1.4)"
MILLISECOND_NS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class LogRow:
    r"""One event of a function's log: a console line, a life-cycle event, or an invocation.

    Parameters
    ----------
    time_ns
        Nanoseconds since 1970 UTC; ``None`` only for shapes that carry no time.
    message
        The text as the log holds it. Console messages end in ``"\n"``, life-cycle messages do not.
    event_type
        ``Log``, ``Boot``, ``BootFailure``, ``UncaughtException`` or ``Shutdown``.
    level
        ``log``, ``info``, ``warning``, ``error`` or ``debug``, in lower case.
    execution_id
        The isolate, not the request: one id from boot to shutdown.
    function_id, function
        The function's UUID and its slug; few shapes carry the slug.
    row_id
        The id of this row.
    status, duration_ms, method
        Of an invocation: HTTP status, execution time in milliseconds, HTTP method.
    boot_ms
        Of a ``Boot`` row: milliseconds.
    reason, cpu_ms, memory_used
        Of a ``Shutdown`` row: the runtime's reason, milliseconds of CPU time, and bytes as
        (external, heap, total).
    version
        The number of the deployment.
    kind_of_row
        ``console`` rows are in ``function_logs``, ``invocation`` rows in ``function_edge_logs``.

    Examples
    --------
    >>> row = LogRow(1_762_917_393_993_000_000, "booted (time: 31ms)", event_type="Boot", boot_ms=31)
    >>> row.logged_level
    'log'
    """

    time_ns: int | None
    message: str
    event_type: str = "Log"
    level: str = "info"
    execution_id: str | None = None
    function_id: str | None = None
    function: str | None = None
    row_id: str = ""
    status: int | None = None
    duration_ms: float | None = None
    method: str = "POST"
    boot_ms: float | None = None
    reason: str | None = None
    cpu_ms: float | None = None
    memory_used: tuple[int, int, int] | None = None
    version: int = 1
    kind_of_row: Literal["console", "invocation"] = "console"

    @property
    def logged_level(self) -> str:
        """The level that the platform stores: always ``log`` for ``Boot`` and ``Shutdown``."""
        return "log" if self.event_type in {"Boot", "Shutdown"} else self.level

    @property
    def deployment_id(self) -> str | None:
        """Project, function and version in one, as the platform writes them."""
        return None if self.function_id is None else f"{PROJECT_REF}_{self.function_id}_{self.version}"

    @property
    def url(self) -> str:
        """The address at which the function of an invocation is called."""
        return f"https://{PROJECT_REF}.supabase.co/functions/v1/{self.function or ''}"

    def at(self) -> int:
        """Return the time in nanoseconds.

        Raises
        ------
        ConfigurationError
            If the row has none.
        """
        if self.time_ns is None:
            raise ConfigurationError(
                "log row without a time: this shape carries times; write such rows as console or docker-logs"
            )
        return self.time_ns


def scrambled_ties(
    rows: Sequence[LogRow], seed: int | np.random.Generator, *, tick_ns: int = MILLISECOND_NS
) -> list[LogRow]:
    """Put the rows of each tick into random order; the order of the ticks stays.

    This is what the platform's store does: its times have millisecond resolution, and rows of equal
    time come back in no particular order.

    Parameters
    ----------
    rows
        Rows in which those of one tick are neighbours.
    seed
        A seed or a generator.
    tick_ns
        The resolution of time in nanoseconds.

    Examples
    --------
    >>> rows = [LogRow(time, str(time)) for time in (1_000_000, 1_000_001, 1_000_002, 2_000_000)]
    >>> [row.message for row in scrambled_ties(rows, 7)][-1]
    '2000000'
    """
    rng = np.random.default_rng(seed)
    result: list[LogRow] = []
    start = 0
    for end in range(1, len(rows) + 1):
        if end < len(rows) and rows[end].at() // tick_ns == rows[start].at() // tick_ns:
            continue
        result.extend(rows[start + i] for i in rng.permutation(end - start))
        start = end
    return result


def newest_first(rows: Sequence[LogRow], seed: int | np.random.Generator = 0) -> list[LogRow]:
    """Return rows as a query of the platform returns them: newest first, ties scrambled.

    Examples
    --------
    >>> rows = [LogRow(1_000_000, "old"), LogRow(2_000_000, "new")]
    >>> [row.message for row in newest_first(rows)]
    ['new', 'old']
    """
    # By the tick, not the nanosecond: what is equal in the store must not arrive in order.
    descending = sorted(rows, key=lambda row: -(row.at() // MILLISECOND_NS))
    return scrambled_ties(descending, seed)
