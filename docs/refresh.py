"""Write the parts of the documentation that the software itself prints (`make docs`).

README.md: the report of sample_logs/. docs/commands.md: the help of every command. A test holds both
against a fresh run.
"""

from __future__ import annotations

import os
import re
from contextlib import chdir, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
COMMANDS = ROOT / "docs" / "commands.md"


def printed(*arguments: str) -> str:
    """Return what a command prints, run in the repository's folder."""
    from keyrota.cli.boundary import run

    output = TextIOWrapper(BytesIO(), encoding="utf-8")
    os.environ["COLUMNS"] = "100"
    with chdir(ROOT), redirect_stdout(output):
        code = run([*arguments])
    if code != 0:
        raise SystemExit(f"keyrota {' '.join(arguments)} exited with {code}")
    output.flush()
    return output.buffer.getvalue().decode("utf-8")  # type: ignore[attr-defined]


def readme() -> str:
    """Return README.md with a fresh report of sample_logs/."""
    report = printed("report", "-q", "sample_logs/")
    block = (
        f"<!-- report: begin -->\n```text\n$ keyrota report sample_logs/\n{report}```\n<!-- report: end -->"
    )
    # A function as the replacement: a report may hold a backslash.
    return re.sub(
        r"<!-- report: begin -->.*<!-- report: end -->",
        lambda _: block,
        README.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )


def commands() -> str:
    """Return docs/commands.md: the help of every command."""
    from keyrota.cli.boundary import COMMANDS as NAMES

    parts = ["# Commands\n\nWritten by `make docs` from the commands' own help.\n"]
    for name in ("", *sorted(NAMES)):
        arguments = [name, "--help"] if name else ["--help"]
        title = f"keyrota {name}".strip()
        parts.append(f"## {title}\n\n```text\n{printed(*arguments).strip()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    README.write_text(readme(), encoding="utf-8")
    COMMANDS.write_text(commands(), encoding="utf-8")
