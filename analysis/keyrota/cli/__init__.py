"""The command line: one module for each command, imported when it is called."""

from __future__ import annotations

import sys

from keyrota.cli.boundary import run


def main() -> None:
    """Run the command line and exit with its code (the console script)."""
    sys.exit(run())
