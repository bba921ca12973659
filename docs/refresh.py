"""Write the parts of the documentation that the software itself prints (`make docs`).

- README.md: the report of a sample log, the table of usable rates.
- docs/commands.md: the help of every command.
- Everywhere in docs/: what stands below a `$ keyrota ...` in a console block, and the tables between
  `<!-- fields: ... -->` or `<!-- contract: ... -->` and their end.

A test holds all of them against a fresh run.
"""

from __future__ import annotations

import importlib
import os
import re
import shlex
import sys
from collections.abc import Callable
from contextlib import chdir, redirect_stdout
from functools import cache
from io import BytesIO, TextIOWrapper
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
COMMANDS = ROOT / "docs" / "commands.md"

_CONSOLE = re.compile(r"(```console\n\$ (keyrota [^\n]+)\n).*?(```)", re.DOTALL)
_MADE = re.compile(
    r"(<!-- (fields|contract): ([\w.]+) -->\n).*?(<!-- (?:fields|contract): end -->)", re.DOTALL
)


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


REPORT = ("report", "-q", "sample_logs/day_with_429s.log.zst")


def readme() -> str:
    """Return README.md with a fresh report of a sample log, and the table of usable rates."""
    shown = f"```text\n$ keyrota report sample_logs/day_with_429s.log.zst\n{printed(*REPORT)}```\n"
    text = README.read_text(encoding="utf-8")
    for name, block in (("report", shown), ("usable", usable_rates())):
        # A function as the replacement: a report may hold a backslash.
        marks = rf"(<!-- {name}: begin -->\n).*(<!-- {name}: end -->)"
        text = re.sub(marks, lambda found: found[1] + block + found[2], text, flags=re.DOTALL)  # noqa: B023
    return text


def usable_rates() -> str:
    """Return the table of what pools of keys of 2 requests a minute carry, from the closed forms."""
    from keyrota.theory import usable_rate

    lines = [
        "| keys | nominal | usable: every cold start picks at random | usable: the next key on a 429 |",
        "| --: | --: | --: | --: |",
    ]
    for keys in (1, 2, 4, 8, 16):
        case = {"keys": keys, "per_minute": 2, "target": 0.01}
        usable = [usable_rate(choice=choice, **case) for choice in ("random", "fail-over")]
        cells = [f"{rate:.2f} ({50 * rate / keys:.0f} %)" for rate in usable]
        lines.append(f"| {keys} | {2 * keys} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def commands() -> str:
    """Return docs/commands.md: the help of every command."""
    from keyrota.cli.boundary import COMMANDS as NAMES

    parts = ["# Commands\n\nWritten by `make docs` from the commands' own help.\n"]
    for name in ("", *sorted(NAMES)):
        arguments = [name, "--help"] if name else ["--help"]
        title = f"keyrota {name}".strip()
        parts.append(f"## {title}\n\n```text\n{printed(*arguments).strip()}\n```\n")
    return "\n".join(parts)


def pages() -> list[Path]:
    """Return every page of docs/ that shows what is made here."""
    every = sorted((ROOT / "docs").rglob("*.md"))
    return [
        page
        for page in every
        if _CONSOLE.search(text := page.read_text(encoding="utf-8")) or _MADE.search(text)
    ]


def page(path: Path) -> str:
    """Return a page with fresh console blocks and tables of fields."""
    text = _CONSOLE.sub(_console, path.read_text(encoding="utf-8"))
    return _MADE.sub(_made, text)


def _console(block: re.Match[str]) -> str:
    command, _, head = block[2].partition(" | head -")
    output = _output(command)
    if head:
        output = "".join(output.splitlines(keepends=True)[: int(head)])
    return f"{block[1]}{output}{block[3]}"


@cache
def _output(command: str) -> str:
    return printed(*shlex.split(command)[1:])


def _made(block: re.Match[str]) -> str:
    module, _, name = block[3].rpartition(".")
    struct = getattr(importlib.import_module(module), name)
    return f"{block[1]}\n{_writer(block[2])(struct)}\n{block[4]}"


def _writer(kind: str) -> Callable[[type], str]:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        fields = importlib.import_module("fields")
    finally:
        sys.path.remove(str(ROOT / "docs"))
    writer: Callable[[type], str] = fields.table if kind == "fields" else fields.contract
    return writer


if __name__ == "__main__":
    README.write_text(readme(), encoding="utf-8")
    COMMANDS.write_text(commands(), encoding="utf-8")
    for changed in pages():
        changed.write_text(page(changed), encoding="utf-8")
