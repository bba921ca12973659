"""`keyrota parse`: logs to the event table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keyrota.cli.options import log_options, output_options
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

    from keyrota.cli.reading import LogArguments

FORMATS = ("csv", "ndjson", "parquet")


@click.command("parse")
@log_options
@click.option(
    "--format", "output_format", type=click.Choice(FORMATS), help="Default: the ending of --output, else csv."
)
@output_options
def command(
    arguments: LogArguments,
    output_format: str | None,
    output: Path | None,
    force: bool,
) -> None:
    """Turn logs into the event table: a row for each pick, 429, retry, boot, shutdown and request.

    No raw text is kept, so that no secret and no prompt leaves the log.

    \b
    Examples:
      keyrota parse logs/ -o events.parquet
      keyrota parse export.json | head
    """
    from keyrota.cli.output import check_outputs
    from keyrota.cli.reading import read_arguments

    chosen = _format(output_format, output)
    check_outputs([output], arguments.inputs, force=force)
    reading = read_arguments(arguments)
    if output is None:
        _print(reading.events, chosen)
        return
    from keyrota.events import write_events
    from keyrota.report.atomic import written_whole

    with written_whole(output, overwrite=force) as temporary:
        write_events(reading.events, temporary, chosen)
    if not arguments.quiet:
        from keyrota.display import count, visible

        click.echo(f"{count(len(reading.events), 'event')} written to {visible(str(output))}", err=True)


def _format(given: str | None, output: Path | None) -> str:
    ending = output.suffix.lstrip(".").lower() if output is not None else ""
    if given is None and output is not None and ending not in FORMATS:
        raise ConfigurationError(
            f"{output}: the ending is no format; end the name in .parquet, .csv or .ndjson, or use --format"
        )
    chosen = given or ending or "csv"
    if chosen == "parquet" and output is None:
        raise ConfigurationError("a Parquet file is not printed; name one with --output events.parquet")
    return chosen


def _print(events: pd.DataFrame, chosen: str) -> None:
    import sys

    from keyrota.events import write_events

    stream: Any = sys.stdout
    write_events(events, stream, chosen)
