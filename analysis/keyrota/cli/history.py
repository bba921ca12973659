"""`keyrota history`: events of many days in one file, each row once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keyrota.cli.options import (
    cluster_option,
    debug_option,
    max_inflated_option,
    pools_file,
    quiet_option,
    strict_option,
    workers_of_options,
)
from keyrota.cli.values import Duration
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    from keyrota.history import History


def _named(_context: click.Context, _option: click.Parameter, value: str | None) -> Path | None:
    if value == "":
        raise click.BadParameter("it is empty; say where")
    return None if value is None else Path(value)


_store_option = click.option(
    "--store", metavar="FILE", callback=_named, help="Default: the history in the user's data folder."
)
_wait_option = click.option(
    "--wait",
    "wait_s",
    type=Duration(),
    default="10s",
    show_default=True,
    metavar="TIME",
    help="How long to wait while another process has the history.",
)


@click.group("history")
def command() -> None:
    """Keep events of many days in one file, each row once, although the platform keeps a day.

    report, check, plan, parse, simulate and watch read it with --store. Needs the extra: pip install
    'keyrota[history]'.

    \b
    Examples:
      keyrota history add exports/
      keyrota report --store --since 30d
      keyrota history prune --keep 90d
    """


@command.command("add")
@click.argument("logs", metavar="LOG...", nargs=-1, required=True)
@click.option(
    "--pools",
    metavar="FILE|infer",
    callback=pools_file,
    help="The pools file (TOML); infer: tell them from the log; example:gpt-load: rules of another project. "
    "Default: the ten keys.",
)
@_store_option
@_wait_option
@max_inflated_option
@strict_option
@cluster_option
@quiet_option
@debug_option
def add(
    logs: tuple[str, ...],
    pools: str | None,
    store: Path | None,
    wait_s: float,
    max_inflated: int | None,
    strict: bool,
    cluster: str | None,
    quiet: bool,
) -> None:
    """Add logs or event tables, each row once.

    All of them are added, or none: an add that is interrupted or killed leaves the history as it was.
    Adding the same export again adds nothing.

    \b
    Examples:
      keyrota history add export.json
      keyrota history add 'drain/*.ndjson.gz' --store pool.duckdb
    """
    from keyrota.cli.reading import reading_progress
    from keyrota.display import count, visible

    history, workers = _opened(store, wait_s), workers_of_options(-1, cluster)
    with reading_progress(logs, quiet=quiet) as on_read:
        added = history.add(
            logs, pools=pools, on_read=on_read, workers=workers, max_inflated=max_inflated, strict=strict
        )
    if quiet:
        return
    for note in added.notes:
        click.echo(f"keyrota: note: {visible(note)}", err=True)
    repeats = f", {count(added.duplicates, 'row')} were there already" if added.duplicates else ""
    click.echo(
        f"{count(added.rows, 'row')} of {count(len(added.sources), 'source')} added to "
        f"{visible(str(history.path))}{repeats}",
        err=True,
    )


@command.command("list")
@_store_option
@click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@_wait_option
@debug_option
def list_(store: Path | None, output_format: str, wait_s: float) -> None:
    """Show what was added when, and the totals of each day and pool.

    \b
    Examples:
      keyrota history list
      keyrota history list --format json | jq .days
    """
    from keyrota.cli.output import emit, text_style
    from keyrota.report.as_json import as_json

    listing = _opened(store, wait_s).list()
    if output_format == "json":
        emit(as_json(listing), None, force=False)
        return
    from keyrota.history.text import as_text

    style = text_style(None)
    emit(as_text(listing, color=style.color, width=style.width), None, force=False)


@command.command("export")
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    callback=_named,
    required=True,
    help="Where to: one folder for each UTC day, day=2025-11-10/events.parquet.",
)
@click.option(
    "--since", metavar="TIME", help="Only events from here on: 2025-11-10, or 7d before the last event."
)
@click.option("--until", metavar="TIME", help="Only events before this time.")
@click.option(
    "--force",
    is_flag=True,
    help="Replace the folder if it exists; one that holds anything but an export never is.",
)
@_store_option
@_wait_option
@quiet_option
@debug_option
def export(
    output: Path,
    since: str | None,
    until: str | None,
    force: bool,
    store: Path | None,
    wait_s: float,
    quiet: bool,
) -> None:
    """Write a Parquet dataset by day.

    It is there as a whole or not at all, and keyrota, pandas, DuckDB, Polars and Spark read it.

    \b
    Examples:
      keyrota history export -o events/
      keyrota report 'events/*/*.parquet'
    """
    from keyrota.cli.options import time_bound
    from keyrota.cli.progress import count_bar, patient_bar
    from keyrota.display import count, visible

    history = _opened(store, wait_s)
    last = history.last()
    bounds = (time_bound(since, "--since", last), time_bound(until, "--until", last))
    with patient_bar(count_bar, "days", quiet=quiet) as on_progress:
        written = history.export(
            output, since=bounds[0], until=bounds[1], overwrite=force, on_progress=on_progress
        )
    if not quiet:
        click.echo(
            f"{count(written.rows, 'row')} of {count(written.files, 'day')} written to "
            f"{visible(str(output))} ({_megabytes(written.bytes)})",
            err=True,
        )


@command.command("prune")
@click.option("--before", metavar="TIME", help="Remove events before this time: 2025-11-10.")
@click.option(
    "--keep", "keep_s", type=Duration(), metavar="TIME", help="Keep this much before the last event: 90d."
)
@click.option("--dry-run", is_flag=True, help="Only say how many rows it would be.")
@_store_option
@_wait_option
@quiet_option
@debug_option
def prune(
    before: str | None, keep_s: float | None, dry_run: bool, store: Path | None, wait_s: float, quiet: bool
) -> None:
    """Remove old events, without asking, and give their room back.

    \b
    Examples:
      keyrota history prune --keep 90d --dry-run
      keyrota history prune --before 2025-09-01
    """
    from keyrota.cli.options import time_bound
    from keyrota.display import count

    if (before is None) == (keep_s is None):
        raise ConfigurationError("give --before TIME or --keep TIME: what is older is removed")
    history = _opened(store, wait_s)
    bound = time_bound(before, "--before", history.last() if before is not None else None)
    done = history.prune(before=bound, keep_s=keep_s, dry_run=dry_run)
    if quiet:
        return
    verb, room = "would be removed", ""
    if not dry_run:
        verb = "removed"
        room = f"; the file had {_megabytes(done.bytes_before)}, now {_megabytes(done.bytes_after)}"
    click.echo(f"{count(done.rows, 'row')} before {done.before} {verb}, {done.kept:,} kept{room}", err=True)


def _opened(store: Path | None, wait_s: float) -> History:
    from keyrota.history import open_store

    return open_store(store, wait_s=wait_s)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
