"""`keyrota explain`: the page of a finding."""

from __future__ import annotations

import click

from keyrota.cli.options import debug_option


@click.command("explain")
@click.argument("code", required=False)
@debug_option
def command(code: str | None) -> None:
    """Print what a finding means, why it matters, an example and how to fix it; without a code, list all.

    \b
    Example:
      keyrota explain R102
    """
    from keyrota.findings.pages import page, titles

    if code is None:
        for known, title in titles():
            click.echo(f"{known}  {title}")
        return
    click.echo(page(code), nl=False)
