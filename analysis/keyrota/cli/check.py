"""`keyrota check`: the findings as a gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keyrota.cli.options import log_options, output_options, target_option, test_options
from keyrota.cli.values import Share

if TYPE_CHECKING:
    from keyrota.cli.reading import LogArguments


@click.command("check")
@log_options
@click.option(
    "--select",
    multiple=True,
    metavar="CODES",
    help="Only these findings: R102, or R for all of a kind; commas allowed. A log without picks that can "
    "be judged fails all the same (D405, D406).",
)
@click.option(
    "--ignore", multiple=True, metavar="CODES", help="Not these findings; D405 and D406 only if named here."
)
@click.option(
    "--max-rejected",
    type=Share(allows_zero=True),
    metavar="P",
    help="Tolerate 429s up to this share of a pool's requests (Q301-Q303, Q309 are notes then); more fail.",
)
@target_option
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "github", "junit"]),
    default="text",
    show_default=True,
)
@test_options
@output_options
def command(
    arguments: LogArguments,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    max_rejected: float | None,
    target: float,
    output_format: str,
    alpha: float,
    seed: int,
    output: Path | None,
    force: bool,
) -> int:
    """Check logs in a test or a pipeline: print the findings, exit 1 if an error is left.

    Warnings and notes do not fail the check. At --alpha 1e-3 one healthy log in a thousand fails it.
    429s that the client makes good, so that no more than --target of its requests end in one, are notes.

    \b
    Examples:
      keyrota check logs/
      keyrota check --select R,C --format github logs/
      keyrota check --max-rejected 1% logs/
      keyrota check --store --since 24h
    """
    from keyrota.cli.output import check_outputs, emit
    from keyrota.cli.reading import read_arguments
    from keyrota.findings.registry import RULES, selected
    from keyrota.report.content import judge
    from keyrota.report.gate import as_check_json, as_github, as_junit, as_lines

    chosen, left_out = _codes(select), _codes(ignore)
    selected([], select=chosen, ignore=left_out)  # refuse a wrong code before the work
    check_outputs([output], arguments.inputs, force=force)
    reading = read_arguments(arguments)
    content = judge(reading, alpha=alpha, seed=seed, target=target, max_rejected=max_rejected)
    findings = selected(content.findings, select=chosen, ignore=left_out)
    failed = any(finding.severity == "error" for finding in findings)
    codes = [(rule.code, rule.name) for rule in RULES]
    text = {
        "text": lambda: as_lines(findings),
        "json": lambda: as_check_json(findings, failed=failed),
        "github": lambda: as_github(findings),
        "junit": lambda: as_junit(findings, codes),
    }[output_format]()
    emit(text, output, force)
    return int(failed)


def _codes(values: tuple[str, ...]) -> list[str]:
    return [code.strip() for value in values for code in value.split(",") if code.strip()]
