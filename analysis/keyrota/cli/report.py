"""`keyrota report`: everything about the logs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keyrota.cli.options import log_options, output_options, target_option, test_options

if TYPE_CHECKING:
    from keyrota.cli.reading import LogArguments
    from keyrota.logs.read import Reading


@click.command("report")
@log_options
@click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option(
    "--against",
    multiple=True,
    metavar="EARLIER-LOG",
    help="Compare with an earlier log, or with the part of the same one before --since; repeatable.",
)
@target_option
@test_options
@output_options
def command(
    arguments: LogArguments,
    output_format: str,
    against: tuple[str, ...],
    target: float,
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
      keyrota report --since 24h export.json --against export.json
      docker logs supabase_edge_runtime_app 2>&1 | keyrota report -
    """
    from keyrota.cli.output import emit, refuse_input, refuse_to_overwrite, text_style
    from keyrota.cli.reading import read_arguments
    from keyrota.report.as_json import as_json
    from keyrota.report.content import judge
    from keyrota.report.text import as_text

    refuse_to_overwrite([output], [*arguments.logs, arguments.pools])
    reading = read_arguments(arguments)
    comparison = None
    if against:
        from keyrota.report.comparison import compare_readings

        earlier = _read_earlier(against, arguments, reading)
        refuse_input(output, earlier)
        comparison = compare_readings(earlier, reading, alpha=alpha, seed=seed)
    content = judge(reading, alpha=alpha, seed=seed, target=target)
    if output_format == "json":
        if comparison is not None:
            from msgspec.structs import replace as replaced

            content = replaced(content, comparison=comparison)
        emit(as_json(content), output, force, reading)
        return
    style = text_style(output)
    text = as_text(content, color=style.color, width=style.width, unicode=style.unicode)
    if comparison is not None:
        from keyrota.report.comparison_text import comparison_as_text

        text += "\n" + comparison_as_text(
            comparison, color=style.color, width=style.width, unicode=style.unicode
        )
    emit(text, output, force, reading)


def _read_earlier(against: tuple[str, ...], arguments: LogArguments, reading: Reading) -> Reading:
    """Read the earlier log with the pools of the later one, whole."""
    from keyrota.cli.reading import read_arguments

    # Pools that were inferred from each log might differ in their names.
    pools: Any = reading.pools if arguments.pools == "infer" else arguments.pools
    quiet = arguments.quiet or set(against) <= set(arguments.logs)
    return read_arguments(replace(arguments, logs=against, pools=pools, since=None, until=None, quiet=quiet))
