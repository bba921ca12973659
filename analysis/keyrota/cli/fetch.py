"""`keyrota fetch`: the logs of a project's functions, from the platform into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keyrota.cli.options import debug_option, quiet_option

if TYPE_CHECKING:
    from keyrota.cli.progress import Update
    from keyrota.fetch import Fetched

_KINDS = {"logs": ("logs",), "invocations": ("invocations",), "both": ("logs", "invocations")}


def _folder(_context: click.Context, _option: click.Parameter, value: str) -> Path:
    if value in ("", "-"):
        raise click.BadParameter("name a folder")
    return Path(value)


@click.command("fetch")
@click.option(
    "--project",
    metavar="REF",
    help="The project's reference. Default: the one whose logs the folder holds.",
)
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    callback=_folder,
    required=True,
    help="Where to; a folder that was fetched into before is gone on with.",
)
@click.option(
    "--since",
    metavar="TIME",
    help="From here on: 2025-11-10T08:00Z, or 24h before now. Default: where the last fetch ended; the first "
    "time 24h.",
)
@click.option("--until", metavar="TIME", help="Up to this time. Default: now.")
@click.option(
    "--kind",
    type=click.Choice(list(_KINDS)),
    default="both",
    show_default=True,
    help="The console's lines, the calls of functions, which give these their names, or both.",
)
@click.option("--url", metavar="URL", default=None, help="Where the Management API is. Default: Supabase's.")
@quiet_option
@debug_option
def command(
    project: str | None,
    output: Path,
    since: str | None,
    until: str | None,
    kind: str,
    url: str | None,
    quiet: bool,
) -> None:
    """Fetch the logs of a project's functions from Supabase's Management API into a folder.

    Pages around the API's limits of 1,000 rows and 24 hours, waits where it asks for fewer requests, and goes
    on where the last fetch stopped, was interrupted or killed; each row is there once. The access token comes
    from the environment, SUPABASE_ACCESS_TOKEN, and is shown nowhere.

    \b
    Examples:
      keyrota fetch --project abcdefghijklmnopqrst -o logs/
      keyrota fetch -o logs/
      keyrota report logs/
    """
    from functools import partial

    from keyrota.cli.progress import count_bar, patient_bar
    from keyrota.fetch import fetch_logs
    from keyrota.fetch.access import API

    with patient_bar(count_bar, "minutes of log", quiet=quiet) as update:
        show = None if update is None else partial(_show, update)
        fetched = fetch_logs(
            output,
            project,
            since=_time(since, "--since"),
            until=_time(until, "--until"),
            kinds=_KINDS[kind],
            url=url or API,
            on_progress=show,
        )
    if not quiet:
        _tell(fetched, output)


def _time(text: str | None, option: str) -> int | None:
    """Return a time in microseconds since 1970 UTC; a duration counts back from now."""
    if text is None:
        return None
    import pandas as pd

    from keyrota.cli.options import time_bound
    from keyrota.fetch.times import micros_of

    time = time_bound(text, option, pd.Timestamp.now("UTC"))
    return None if time is None else micros_of(time.to_pydatetime())


def _show(update: Update, done_s: float, total_s: float) -> None:
    update(done_s // 60, total_s // 60)


def _tell(fetched: Fetched, output: Path) -> None:
    from keyrota.display import count, listed, visible
    from keyrota.fetch.times import iso

    for note in fetched.notes:
        click.echo(f"keyrota: note: {visible(note)}", err=True)
    if fetched.repeats:
        reasons = [f"{reason} {count(times, 'time')}" for reason, times in sorted(fetched.repeats.items())]
        click.echo(f"keyrota: note: requests were sent again: {listed(reasons)}", err=True)
    words = {"logs": "console line", "invocations": "invocation"}
    rows = listed([count(number, f"new {words[kind]}") for kind, number in fetched.rows.items()])
    has_span = fetched.since < fetched.until
    span = f"{iso(fetched.since)} to {iso(fetched.until)}" if has_span else "that time is there already"
    click.echo(
        f"{rows} ({span}) in {count(len(fetched.files), 'new file')} of {visible(str(output))}", err=True
    )
