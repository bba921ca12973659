"""A watch as OpenMetrics, over HTTP; the only part of a watch that opens a socket.

Labels are names of declared pools, numbers of declared keys, codes of findings and causes of 429s: their
number is bounded, and no text of a log is among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from keyrota.display import reason_of
from keyrota.errors import ConfigurationError, OutputError
from keyrota.watch.day import Budget
from keyrota.watch.pool import OTHER
from keyrota.watch.snapshot import PoolNow, Snapshot
from keyrota.watch.wording import RULE_OF

if TYPE_CHECKING:
    from prometheus_client.registry import Collector
else:
    Collector = object

CAUSES: Final = ("per-minute", "per-day", "tokens-per-minute", "no-quota", "unknown")
_ADDRESS: Final = re.compile(r"(?:(\[[0-9a-fA-F:]{2,45}\]|[A-Za-z0-9.-]{1,253}):)?([0-9]{1,5})")


def address(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``; a port alone is one of this machine only.

    Raises
    ------
    ConfigurationError
        If it is none.

    Examples
    --------
    >>> address("9464"), address("[::1]:0")
    (('127.0.0.1', 9464), ('::1', 0))
    """
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or int(found[2]) > 65_535:
        raise ConfigurationError("--metrics: give HOST:PORT, such as 127.0.0.1:9464, with a port up to 65535")
    return (found[1] or "127.0.0.1").strip("[]"), int(found[2])


class Metrics:
    """Serves what a watch has counted.

    Parameters
    ----------
    place
        Host and port; 0 takes a free one.

    Raises
    ------
    ConfigurationError
        If prometheus-client is not installed.
    OutputError
        If the port cannot be had.
    """

    def __init__(self, place: tuple[str, int]) -> None:
        try:
            from prometheus_client import CollectorRegistry, start_http_server
        except ImportError:
            raise ConfigurationError(
                "--metrics needs prometheus-client: python -m pip install 'keyrota[watch]'"
            ) from None
        host, port = place
        self._lock = Lock()
        self._families: list[Any] = []
        self._highest: dict[tuple[str, str], int] = {}
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Told(self))
        try:
            self._server, self._thread = start_http_server(port, addr=host, registry=registry)
        except OSError as error:
            raise OutputError(
                f"--metrics {host}:{port}: cannot be served ({reason_of(error)}); "
                "name another port, or 0 for a free one"
            ) from error
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self._server.server_port}/metrics"

    def show(self, now: Snapshot, *, clock_ns: int) -> None:
        """Serve this from now on.

        Parameters
        ----------
        now
            The watch.
        clock_ns
            The time, to tell how far behind the log is.
        """
        for pool in now.pools:
            for cause, number in pool.rejections.items():
                # A counter never goes back, also where a 429 got another cause when its body came.
                self._highest[pool.name, cause] = max(number, self._highest.get((pool.name, cause), 0))
        families = list(_families(now, self._highest, clock_ns))
        with self._lock:
            self._families = families

    def told(self) -> list[Any]:
        """Return the families that are served now."""
        with self._lock:
            return self._families

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Told(Collector):
    """What prometheus-client asks at each scrape."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Any]:
        yield from self._metrics.told()


def _families(now: Snapshot, rejected: Mapping[tuple[str, str], int], clock_ns: int) -> Iterator[Any]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    def family(kind: Any, name: str, what: str, *labels: str) -> Any:
        return kind(f"keyrota_{name}", what, labels=labels)

    picks = family(CounterMetricFamily, "picks", "Picks since the watch began.", "pool", "key")
    rejections = family(CounterMetricFamily, "rejections", "429s since the watch began.", "pool", "cause")
    recent = family(GaugeMetricFamily, "rejections_recent", "429s in a window.", "pool", "cause", "window")
    share = family(GaugeMetricFamily, "key_share", "Share of the pool's picks.", "pool", "key")
    used = family(
        GaugeMetricFamily, "day_budget_used_ratio", "Used part of the Pacific day's budget.", "pool", "key"
    )
    ends = family(
        GaugeMetricFamily, "day_budget_ends_timestamp_seconds",
        "When the day's budget is used up at the rate of the last hour.", "pool",
    )  # fmt: skip
    evidence = family(GaugeMetricFamily, "evalue_log10", "Evidence against uniform starts.", "pool")
    level = family(GaugeMetricFamily, "alarm_level_log10", "Evidence at which the next alarm comes.", "pool")
    for pool in now.pools:
        _picks_of(pool, picks, share, used)
        for cause in CAUSES:
            rejections.add_metric([pool.name, cause], rejected.get((pool.name, cause), 0))
            windows = {
                "minute": pool.rejections_minute, "hour": pool.rejections_hour, "day": pool.rejections_day,
            }  # fmt: skip
            for window, counts in windows.items():
                recent.add_metric([pool.name, cause, window], counts.get(cause, 0))
        _used(used, [pool.name, "all"], pool.day)
        if pool.day.ends_ns is not None:
            ends.add_metric([pool.name], pool.day.ends_ns / 1e9)
        evidence.add_metric([pool.name], pool.evidence.log10_e)
        level.add_metric([pool.name], pool.evidence.log10_level)
    picks.add_metric([OTHER, OTHER], now.other_picks)
    rejections.add_metric([OTHER, "unknown"], now.other_rejections)
    yield from (picks, rejections, recent, share, used, ends, evidence, level)
    yield _findings_of(now, family(GaugeMetricFamily, "findings_open", "Open findings.", "code", "pool"))
    lines = family(CounterMetricFamily, "lines", "Lines read.")
    lines.add_metric([], now.lines)
    malformed = family(CounterMetricFamily, "malformed_lines", "Lines that could not be read.")
    malformed.add_metric([], now.malformed)
    lag = family(GaugeMetricFamily, "lag_seconds", "Age of the newest event.")
    if now.moment_ns is not None:
        lag.add_metric([], max(0.0, (clock_ns - now.moment_ns) / 1e9))
    yield from (lines, malformed, lag)


def _picks_of(pool: PoolNow, picks: Any, share: Any, used: Any) -> None:
    for key in pool.keys:
        labels = [pool.name, str(key.key)]
        picks.add_metric(labels, key.picks)
        share.add_metric(labels, key.share)
        _used(used, labels, key.day)
    picks.add_metric([pool.name, OTHER], pool.other_picks)


def _used(used: Any, labels: list[str], day: Budget) -> None:
    if day.used_ratio is not None:
        used.add_metric(labels, day.used_ratio)


def _findings_of(now: Snapshot, family: Any) -> Any:
    """Count the open findings of every code that a watch tells, zeros too: a graph needs its line."""
    pools = [*(pool.name for pool in now.pools), OTHER]
    opened = [(episode.code, episode.pool or OTHER) for episode in now.open]
    for code in sorted(RULE_OF):
        for pool in pools:
            family.add_metric([code, pool], opened.count((code, pool)))
    return family
