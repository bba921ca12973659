"""`keyrota report`: everything about the logs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keyrota.cli.options import log_options, output_options, test_options

if TYPE_CHECKING:
    from keyrota.cli.reading import LogArguments


@click.command("report")
@log_options
@click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@test_options
@output_options
def command(
    arguments: LogArguments,
    output_format: str,
    alpha: float,
    seed: int,
    output: Path | None,
    force: bool,
) -> None:
    """Report whether the keys of each pool are used as declared, and if not, which fault it is.

    LOG is a file, a folder, a glob, or - for standard input: exports of the dashboard, log drains,
    console output; plain or compressed. Rows that several exports share are counted once.

    \b
    Examples:
      keyrota report logs/
      keyrota report --pools infer --since 24h export.json
      docker logs supabase_edge_runtime_app 2>&1 | keyrota report -
    """
    from keyrota.cli.output import emit, text_style
    from keyrota.cli.reading import read_arguments
    from keyrota.report.as_json import as_json
    from keyrota.report.content import judge
    from keyrota.report.text import as_text

    reading = read_arguments(arguments)
    content = judge(reading, alpha=alpha, seed=seed)
    if output_format == "json":
        emit(as_json(content), output, force, reading)
        return
    style = text_style(output)
    text = as_text(content, color=style.color, width=style.width, unicode=style.unicode)
    emit(text, output, force, reading)
