"""`keyrota watch`: follow a log, and tell when it turns."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keyrota.cli.options import debug_option, missing_logs, pools_file, quiet_option, store_option
from keyrota.cli.values import Duration, Share
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    from keyrota.pools.declared import PoolConfig


@click.command("watch")
@click.argument("logs", metavar="LOG...", nargs=-1)
@store_option
@click.option(
    "--pools",
    metavar="FILE|infer",
    callback=pools_file,
    help="The pools file (TOML); infer: tell them from what the logs hold now. Default: the ten keys.",
)
@click.option("--from-now", is_flag=True, help="Leave out what the files hold already.")
@click.option(
    "--once", is_flag=True, help="Read what is there, print the summary, end; 1 if an error was found."
)
@click.option(
    "--interval",
    type=Duration(),
    default="0.5s",
    show_default=True,
    metavar="TIME",
    help="How long to wait when nothing has come.",
)
@click.option(
    "--alpha",
    type=Share(),
    default="0.001",
    show_default=True,
    metavar="P",
    help="False-alarm probability about the rotation, over the whole life of the watch and all pools.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep in this file what was counted and how far, and go on from there.",
)
@click.option(
    "--on-finding",
    metavar="CMD",
    help="Run a command when a finding begins and ends, with the finding as JSON on its standard input.",
)
@click.option("--metrics", metavar="HOST:PORT", help="Serve OpenMetrics there, as 127.0.0.1:9464.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: a line for each finding that begins or ends, and for the summary.",
)
@quiet_option
@debug_option
def command(
    logs: tuple[str, ...],
    store: Path | None,
    pools: str | None,
    from_now: bool,
    once: bool,
    interval: float,
    alpha: float,
    state: Path | None,
    on_finding: str | None,
    metrics: str | None,
    output_format: str,
    quiet: bool,
) -> int:
    """Follow logs as they grow: picks, 429s, the day's budget, and findings as they begin and end.

    LOG is a file, a folder or a glob, which may not exist yet, or - for standard input; lines of text and
    of JSON are followed, through rotation by rename and by truncation. On a terminal the counts stand in
    place; else a line tells of each finding. Ctrl-C ends the watch with the summary.

    \b
    Examples:
      keyrota watch --once logs/
      docker logs -f supabase_edge_runtime_app 2>&1 | keyrota watch -
      keyrota watch --state watch.json --metrics 127.0.0.1:9464 drain.ndjson
      keyrota watch --on-finding "notify-team --channel keys" drain.ndjson
    """  # fmt: skip
    from keyrota.cli.output import check_outputs
    from keyrota.watching.session import Session, Settings

    if store is not None and logs:
        raise ConfigurationError("--store watches the history, and LOG... follows logs: give one of them")
    if not logs and store is None:
        raise missing_logs()
    if interval <= 0:
        raise ConfigurationError("--interval 0s: give a time above 0, such as 0.5s")
    check_outputs([state], [*logs, pools, None if store is None else str(store)], force=True)
    with _Output(output_format, quiet=quiet) as output:
        output.serve(metrics)
        output.hook(on_finding)
        session = Session(
            Settings(
                logs=logs, config=_config(pools, logs, store), alpha=alpha, interval_s=interval, once=once,
                from_now=from_now, store=store, state=state,
            ),
            on_change=output.change,
            on_beat=lambda: output.beat(session),
            on_note=output.note,
        )  # fmt: skip
        output.beat(session)
        with _stopped_by_signals(session.stop):
            session.run()
        output.end(session)
    from keyrota.watch.wording import RULE_OF

    found = session.watch.state.episodes.total
    return int(once and any(RULE_OF[code].severity == "error" for code in found))


@contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C, and a polite request to end, end the watch as usual."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stop()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _config(pools: str | None, logs: tuple[str, ...], store: Path | None) -> PoolConfig:
    from keyrota.pools.load import configured

    if pools != "infer":
        return configured(pools)
    if "-" in logs:
        raise ConfigurationError(
            "--pools infer reads the log before it is followed, which standard input does not allow; give a "
            "pools file"
        )
    if store is not None:
        from keyrota.history import open_store

        return open_store(store).read(pools="infer").pools
    from keyrota.logs.read import read

    return read(logs, pools="infer").pools


class _Output:
    """Where a watch goes: the screen or lines, notes, the command, the metrics."""

    def __init__(self, output_format: str, *, quiet: bool) -> None:
        from keyrota.cli.output import text_style

        self._is_json, self._quiet = output_format == "json", quiet
        self._style = text_style(None)
        self._live: Any = None
        self._hook: Any = None
        self._metrics: Any = None
        self._drawn_at: float = -1.0

    def __enter__(self) -> _Output:
        if not self._is_json and sys.stdout.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(), auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        for part, name in ((self._live, "stop"), (self._hook, "close"), (self._metrics, "close")):
            if part is not None:
                getattr(part, name)()

    def serve(self, metrics: str | None) -> None:
        """Serve metrics, and say where."""
        if metrics is not None:
            from keyrota.watching.metrics import Metrics, address

            self._metrics = Metrics(address(metrics))
            click.echo(f"keyrota: metrics are at {self._metrics.url}", err=True)

    def hook(self, on_finding: str | None) -> None:
        """Have a command run for each finding."""
        if on_finding is not None:
            from keyrota.watching.hook import Hook

            self._hook = Hook(on_finding, on_note=self.note)

    def note(self, note: str) -> None:
        """Tell something on standard error."""
        from keyrota.display import visible

        if not self._quiet:
            click.echo(f"keyrota: note: {visible(note)}", err=True)

    def change(self, change: Any) -> None:
        """Tell of a finding that began or ended."""
        from keyrota.report.as_json import as_json_line
        from keyrota.report.watch import event_of

        line = as_json_line(event_of(change))
        if self._hook is not None:
            self._hook.run(line)
        if self._is_json:
            click.echo(line, nl=False)
        elif self._live is None:
            from keyrota.report.watch_text import as_event_line

            click.echo(as_event_line(change), nl=False)

    def beat(self, session: Any) -> None:
        """Draw the screen and renew the metrics, at most twice a second."""
        import time

        if (self._live is None and self._metrics is None) or time.monotonic() - self._drawn_at < 0.5:
            return
        from keyrota.watch.snapshot import snapshot

        self._drawn_at = time.monotonic()
        now = snapshot(session.watch)
        if self._metrics is not None:
            self._metrics.show(now, clock_ns=time.time_ns())
        if self._live is not None:
            from rich.text import Text

            from keyrota.report.watch_text import as_screen

            self._live.update(Text.from_ansi(as_screen(now, **self._drawing())), refresh=True)

    def end(self, session: Any) -> None:
        """Print the summary."""
        from keyrota.watch.snapshot import snapshot

        now = snapshot(session.watch)
        if self._metrics is not None:
            import time

            self._metrics.show(now, clock_ns=time.time_ns())
        if self._live is not None:
            self._live.stop()
        if self._is_json:
            from keyrota.report.as_json import as_json_line
            from keyrota.report.watch import summary_of

            click.echo(as_json_line(summary_of(now)), nl=False)
        else:
            from keyrota.report.watch_text import as_screen

            click.echo(as_screen(now, **self._drawing()), nl=False)

    def _drawing(self) -> dict[str, Any]:
        style = self._style
        return {"color": style.color, "width": style.width, "unicode": style.unicode}
