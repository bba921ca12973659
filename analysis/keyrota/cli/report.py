"""`keyrota report`: everything about the logs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keyrota.cli.options import log_options, output_options, target_option, test_options
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    from keyrota.cli.reading import LogArguments
    from keyrota.logs.read import Reading
    from keyrota.report.page import Page
    from keyrota.report.schema import Report


def _folder(_context: click.Context, _option: click.Parameter, value: str | None) -> Path | None:
    if value == "":
        raise click.BadParameter("it is empty; name a folder")
    return None if value is None else Path(value)


@click.command("report")
@log_options
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "html", "markdown"]),
    help="Default: as the name of --output ends (.html, .md, .json), else text.",
)
@click.option(
    "--against",
    multiple=True,
    metavar="EARLIER-LOG",
    help="Compare with an earlier log, or with the part of the same one before --since; repeatable.",
)
@click.option(
    "--figures",
    metavar="FOLDER",
    callback=_folder,
    help="Write each figure of the page there too, as SVG and PNG.",
)
@click.option("--no-plan", is_flag=True, help="Leave the plan out of the page: it takes seconds a pool.")
@target_option
@test_options
@output_options
def command(
    arguments: LogArguments,
    output_format: str | None,
    against: tuple[str, ...],
    figures: Path | None,
    no_plan: bool,
    target: float,
    alpha: float,
    seed: int,
    output: Path | None,
    force: bool,
) -> None:
    """Report whether the keys of each pool are used as declared, and if not, which fault it is.

    LOG is a file, a folder, a glob, or - for standard input: exports of the dashboard, log drains,
    console output; plain or compressed. Rows that several exports share are counted once.

    --format html is one page for people: verdicts, findings, figures, the plan; it needs no network and
    holds no script.

    \b
    Examples:
      keyrota report logs/
      keyrota report logs/ -o report.html
      keyrota report --pools infer --since 24h export.json
      keyrota report --since 24h export.json --against export.json
      keyrota report --store --since 7d
      docker logs supabase_edge_runtime_app 2>&1 | keyrota report -
    """
    from keyrota.cli.output import check_outputs, emit
    from keyrota.cli.reading import read_arguments
    from keyrota.report.content import judge

    chosen = output_format or _format_of(output)
    has_page = chosen == "html" or figures is not None
    if no_plan and not has_page:
        raise ConfigurationError("--no-plan has no effect here; it goes with --format html or --figures")
    check_outputs([output], [*arguments.inputs, *against], force=force)
    reading = read_arguments(arguments)
    content = judge(reading, alpha=alpha, seed=seed, target=target)
    if against:
        from msgspec.structs import replace as replaced

        from keyrota.report.comparison import compare_readings

        earlier = _read_earlier(against, arguments, reading)
        content = replaced(content, comparison=compare_readings(earlier, reading, alpha=alpha, seed=seed))
    page = None
    if has_page:
        page = _page(content, reading, arguments, target=target, seed=seed, with_plan=not no_plan)
    if figures is not None and page is not None:
        from keyrota.report.figures import write_figures
        from keyrota.report.html import figures_of

        write_figures(figures_of(page), figures, overwrite=force)
    emit(_written(chosen, content, page, output), output, force)


_SUFFIXES: Final = {".html": "html", ".htm": "html", ".md": "markdown", ".json": "json"}


def _format_of(output: Path | None) -> str:
    return "text" if output is None else _SUFFIXES.get(output.suffix.lower(), "text")


def _written(chosen: str, content: Report, page: Page | None, output: Path | None) -> str:
    if chosen == "json":
        from keyrota.report.as_json import as_json

        return as_json(content)
    if chosen == "markdown":
        from keyrota.report.markdown import report_as_markdown

        return report_as_markdown(content)
    if chosen == "html" and page is not None:
        from keyrota.report.html import as_html

        return as_html(page)
    from keyrota.cli.output import text_style
    from keyrota.report.text import as_text

    style = text_style(output)
    text = as_text(content, color=style.color, width=style.width, unicode=style.unicode)
    if content.comparison is not None:
        from keyrota.report.comparison_text import comparison_as_text

        text += "\n" + comparison_as_text(
            content.comparison, color=style.color, width=style.width, unicode=style.unicode
        )
    return text


def _page(
    content: Report, reading: Reading, arguments: LogArguments, *, target: float, seed: int, with_plan: bool
) -> Page:
    from keyrota.cli.progress import ENGINE_STARTS, count_bar, patient_bar
    from keyrota.report.page import page_of

    with patient_bar(count_bar, "searches", quiet=arguments.quiet, waiting=ENGINE_STARTS) as update:
        return page_of(
            content, reading, target=target, seed=seed, jobs=arguments.workers or -1, with_plan=with_plan,
            on_progress=update,
        )  # fmt: skip


def _read_earlier(against: tuple[str, ...], arguments: LogArguments, reading: Reading) -> Reading:
    """Read the earlier log with the pools of the later one, whole."""
    from keyrota.cli.reading import read_arguments

    # Pools that were inferred from each log might differ in their names.
    pools: Any = reading.pools if arguments.pools == "infer" else arguments.pools
    quiet = arguments.quiet or set(against) <= set(arguments.logs)
    earlier = replace(arguments, logs=against, pools=pools, since=None, until=None, quiet=quiet, store=None)
    return read_arguments(earlier)
