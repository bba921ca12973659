"""`keyrota notebook`: the capacity notebook, filled in for some logs."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

from keyrota.cli.options import debug_option, pools_file, quiet_option, target_option
from keyrota.cli.values import Growth
from keyrota.errors import ConfigurationError

SUFFIX: Final = ".ipynb"


@click.command("notebook")
@click.argument("logs", metavar="LOG...", nargs=-1, required=True)
@click.option(
    "--pools",
    metavar="FILE|infer",
    callback=pools_file,
    help="The pools file (TOML); infer: tell them from the log; example:gpt-load: rules of another project. "
    "Default: the ten keys.",
)
@target_option
@click.option("--growth", type=Growth(), metavar="G", help="Growth of the traffic, 10%/day or 20%/month.")
@click.option("--open", "opens", is_flag=True, help="Start JupyterLab on it (the extra notebooks).")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default="plan.ipynb",
    show_default=True,
    help="Where the notebook goes.",
)
@click.option("--force", is_flag=True, help="Replace the notebook if it exists.")
@quiet_option
@debug_option
def command(
    logs: tuple[str, ...],
    pools: str | None,
    target: float,
    growth: float | None,
    opens: bool,
    output: Path,
    force: bool,
    quiet: bool,
) -> None:
    """Write a notebook that plans for your logs: usable rates, keys needed, growth, the limit of the day.

    The notebook reads the logs when it is run, from where they are now. It opens in JupyterLab, VS Code and
    everything else that runs notebooks.

    \b
    Examples:
      keyrota notebook logs/
      keyrota notebook logs/ --pools pools.toml --target 2% -o march.ipynb
      keyrota notebook logs/ --growth 20%/month --force --open
    """
    from keyrota.cli.output import check_outputs
    from keyrota.logs.sources import find_sources
    from keyrota.pools import load_pools
    from keyrota.report.atomic import write_text
    from keyrota.report.filled_notebook import capacity_notebook

    _check(logs, output)
    if opens and find_spec("jupyterlab") is None:
        raise ConfigurationError(
            "--open needs JupyterLab, which is not installed: pip install 'keyrota[notebooks]'. Without "
            "--open the notebook is written, and opens in whatever runs notebooks"
        )
    check_outputs([output], [*logs, pools], force=force)
    find_sources(logs)
    if pools not in (None, "infer"):
        load_pools(pools)
        pools = os.path.abspath(str(pools))
    parameters = {
        "LOGS": [_from_anywhere(log) for log in logs],
        "POOLS": pools,
        "TARGET": target,
        "GROWTH": None if growth is None else float(f"{growth:.4g}"),
    }
    write_text(output, capacity_notebook(parameters), overwrite=force)
    if not quiet:
        from keyrota.display import visible

        click.echo(f"keyrota: note: the notebook is {visible(str(output))}; run all of its cells", err=True)
    if opens:
        subprocess.run([sys.executable, "-m", "jupyterlab", os.path.abspath(output)], check=False)


def _check(logs: tuple[str, ...], output: Path) -> None:
    from keyrota.display import shown

    if "-" in logs:
        raise ConfigurationError(
            "a notebook reads its logs each time it is run, and standard input can be read once; write it to "
            "a file, and name that"
        )
    if output.suffix != SUFFIX:
        raise ConfigurationError(f"--output {shown(str(output))}: the name of a notebook ends in {SUFFIX}")


def _from_anywhere(log: str) -> str:
    """Return a path or a pattern that means the same in any folder."""
    import glob

    from keyrota.logs.remote import is_address, masked

    if is_address(log):
        if masked(log) != log:
            raise ConfigurationError(
                f"{masked(log)}: what is secret in an address would stand in the notebook; fetch the log, "
                "and name the file"
            )
        return log
    if os.path.isabs(log) or os.path.lexists(log):
        return os.path.abspath(log)
    return os.path.join(glob.escape(os.getcwd()), log)
