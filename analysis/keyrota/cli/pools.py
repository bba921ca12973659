"""`keyrota pools`: the declared pools, for people, for the code that uses them, and for programs."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Final

import click

from keyrota.cli.options import debug_option, output_options, pools_file
from keyrota.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from keyrota.pools import PoolConfig

NOTE: Final = (
    "nominal = keys x limit; what the pool carries at few 429s is less: with 2 keys of 2 requests a minute "
    "each, nominal 4/min, 1 % of 429s is reached at 0.5225 requests a minute if every pick is random and at "
    "1.2886 if a rejected call goes on to the other key (Poisson arrivals counted in fixed minutes: share of "
    "429s = E[max(N - limit, 0)] / E[N], N of one key, or of the whole pool with fail-over)."
)

PIPE_COLUMNS: Final = 200
"""Width of the table when no terminal says one: rows stay whole for grep and for a reader's editor."""


@click.command("pools")
@click.argument("logs", metavar="[LOG...]", nargs=-1)
@click.option(
    "--pools",
    "path",
    metavar="FILE",
    callback=pools_file,
    help="The pools file (TOML), or example:NAME. Default: the ten keys that come with keyrota.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "toml", "typescript", "secrets", "json"]),
    default="text",
    show_default=True,
    help="toml: a pools file to start from; typescript: the keyMapping constant; secrets: the commands that "
    "set the keys, without any value.",
)
@output_options
@debug_option
def command(
    logs: tuple[str, ...], path: str | None, output_format: str, output: Path | None, force: bool
) -> None:
    """Show the declared pools, or write them for the code that uses them.

    With LOG..., the pools are inferred from the log: keys that share size and positions.

    \b
    Examples:
      keyrota pools
      keyrota pools logs/ --format toml -o pools.toml
      keyrota pools --format toml > pools.toml
      keyrota pools --pools pools.toml --format typescript
    """
    from keyrota.cli.output import check_outputs, emit
    from keyrota.pools import load_pools, render

    writers: dict[str, Callable[[PoolConfig], str]] = {
        "text": _table,
        "toml": render.as_toml,
        "typescript": render.as_typescript,
        "secrets": render.as_secrets,
        "json": render.as_json,
    }
    if logs and path is not None:
        raise ConfigurationError(
            "give LOG... or --pools FILE, not both: pools are inferred from a log or declared"
        )
    check_outputs([output], [*logs, path], force=force)
    config = _inferred(logs, output) if logs else load_pools(path)
    emit(writers[output_format](config), output, force)


def _inferred(logs: tuple[str, ...], output: Path | None) -> PoolConfig:
    from keyrota.cli.output import refuse_logs
    from keyrota.logs.read import read

    reading = read(logs, pools="infer")
    refuse_logs([output], reading)
    if not reading.pools.pools:
        raise InputError("no pick is in the log, so that no pool can be inferred from it")
    return reading.pools


def _table(config: PoolConfig) -> str:
    import io

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from keyrota.display import count, visible
    from keyrota.pools.nominal import table_rows

    if not config.pools:
        return f"{visible(config.source)}: {count(len(config.rules), 'rule')} and no pool\n"
    # Drawn in ASCII: the same on every terminal, in a pipe, and in a Markdown page.
    table = Table(box=box.MARKDOWN, header_style="")
    rows = table_rows(config)
    for heading in ("pool", "functions", "model", "keys"):
        table.add_column(Text(heading))
    tokens = any(row.tokens_per_minute is not None for row in rows)
    for heading in ("each/min", "each/day", *["tokens/min"] * tokens, "nominal/min", "nominal/day"):
        table.add_column(Text(heading), justify="right")
    table.add_column(Text("projects"))
    for row in rows:
        limits = [row.per_minute, row.per_day, *[row.tokens_per_minute] * tokens]
        numbers = [*limits, row.nominal_per_min, row.nominal_per_day]
        cells = (
            row.pool,
            ", ".join(row.functions) or "-",
            row.model or "-",
            row.keys,
            *("-" if number is None else f"{number:,}" for number in numbers),
            row.projects,
        )
        # Text, not markup: a name with brackets is a name.
        table.add_row(*(Text(visible(cell)) for cell in cells))
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_COLUMNS
    console = Console(file=io.StringIO(), width=columns, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().split("\n") if line.strip()]
    head = [f"{visible(config.source)}:", ""]
    note = textwrap.fill(NOTE, width=min(columns, 100), break_on_hyphens=False)
    return "\n".join([*head, *lines, "", note, ""])
