"""Write docs/mutation.md from the results of mutation.py and the hand-kept explanations of survivors.toml."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "mutation.md"
EXPLAINED = Path(__file__).with_name("survivors.toml")
LEAST = 90.0
"""Per cent of a module's mutants that its tests shall notice."""

HEAD = """# Mutation testing

Written by `make mutation`: the modules of the pure core are changed on purpose, one place at a time, by the
operators of [cosmic-ray](https://cosmic-ray.readthedocs.io), and each changed module meets the tests of that
module alone. A mutant that the tests do not notice is listed below with the reason, which is kept by hand in
`tests/measure/survivors.toml`. Annotations, overloads and operators whose mutants always fail at once (shifts
and bit operations in place of arithmetic) are left out. Where fewer mutants ran than there are, they were
drawn with a fixed seed.

| module | mutants | run | noticed | minutes |
|---|--:|--:|--:|--:|
"""


def noticed(result: dict[str, Any]) -> float:
    """Return the per cent of the mutants that ran which the tests noticed; a hang is noticed."""
    return 100 * (result["killed"] + result["timeout"]) / result["run"] if result["run"] else 0.0


def page_of(results: dict[str, Any], explained: dict[str, dict[str, str]], order: list[str]) -> str:
    """Return the page."""
    known = [name for name in order if name in results]
    text = HEAD
    for name in known:
        own = results[name]
        share = f"{noticed(own):.1f} %"
        text += f"| `{name}` | {own['mutants']} | {own['run']} | {share} | {own['minutes']:g} |\n"
    for name in known:
        survivors = results[name]["survivors"]
        if not survivors:
            continue
        text += f"\n## {name}\n\n"
        for survivor in survivors:
            reason = explained.get(name, {}).get(survivor["name"], "not explained yet")
            text += f"- line {survivor['line']}, `{shortened(survivor['name'])}`: {reason}\n"
    return text


def shortened(name: str) -> str:
    """Return a change as one line of code for Markdown: the place that differs, with some words around it."""
    before, after = name.split(" -> ", 1) if " -> " in name else (name, "")
    start = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    start = max(0, start - 24)
    return f"{before[start : start + 60]} -> {after[start : start + 60]}".replace("`", "'")


def write_page(results: dict[str, Any], order: list[str]) -> int:
    """Write the page; 1 if a module is below the least, or a survivor has no explanation."""
    explained = tomllib.loads(EXPLAINED.read_text(encoding="utf-8")) if EXPLAINED.exists() else {}
    PAGE.write_text(page_of(results, explained, order), encoding="utf-8")
    low = [name for name in order if name in results and noticed(results[name]) < LEAST]
    open_ = [
        f"{name}:{survivor['line']} {survivor['name']}"
        for name in order
        if name in results
        for survivor in results[name]["survivors"]
        if survivor["name"] not in explained.get(name, {})
    ]
    for line in (*(f"{name}: fewer than {LEAST:g} % are noticed" for name in low), *open_):
        sys.stdout.write(line + "\n")
    return 1 if low or open_ else 0
