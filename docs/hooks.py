"""What the site adds to docs/: pages that live elsewhere in the repository, and links between them.

The page of a finding is `analysis/keyrota/findings/explained/CODE.md`, which `keyrota explain CODE` prints;
the site shows that very file. A link out of docs/ to such a file becomes one to its page on the site, and a
finding's code or the name of a page becomes a link wherever prose names it. In the repository all links name
files, so that they work there too.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
EXPLAINED = "analysis/keyrota/findings/explained"
OUTSIDE = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "sample_logs/README.md": "sample-logs.md",
}
"""Pages of the site that stand elsewhere in the repository."""

TABLES = ("validation.md", "testing_validation.md", "benchmarks.md", "changelog.md")
"""Pages of figures, which hold every word many times."""

KINDS = {
    "R": "The rotation",
    "C": "Against the declaration",
    "Q": "Quotas and 429s",
    "D": "The data",
}
"""Kinds of findings by the first letter of their codes, in the order of the site."""

_CODE = re.compile(r"\b[RCQD][1-4]0[1-9]\b")
_PAGE = re.compile(r"\bdocs/[\w/-]+\.md\b")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s#:]+)(#[^)\s]*)?\)")
_NO_PROSE = re.compile(r"(`+.+?`+|!?\[[^\]]*\]\([^)]*\)|<[^>]*>)")
_FENCE = re.compile(r"\s*(```|~~~)")


def on_config(config: Any) -> Any:
    """Put the page of every finding into the navigation, below their index."""
    for section in config["nav"]:
        pages = section.get("Findings")
        if pages is not None:
            pages[1:] = [f"findings/{code}.md" for code in sorted(_codes(), key=_order)]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that stand elsewhere."""
    for source, page in _outside().items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    files.append(File.generated(config, "findings/index.md", content=_index()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links between files of the repository into links between pages."""
    here = page.file.src_uri
    if here in TABLES:  # a search is to find what explains a word before where it is counted
        page.meta.setdefault("search", {"boost": 0.1})
    source = next((s for s, target in _outside().items() if target == here), f"docs/{here}")
    return "\n".join(_linked(line, here, source) for line in _prose(markdown.split("\n")))


def _outside() -> dict[str, str]:
    return OUTSIDE | {f"{EXPLAINED}/{code}.md": f"findings/{code}.md" for code in _codes()}


def _codes() -> list[str]:
    from keyrota.findings.pages import codes

    return codes()


def _order(code: str) -> tuple[int, str]:
    return list(KINDS).index(code[0]), code


def _index() -> str:
    """Return the list of all findings: code, name, severity, and the first sentence of their pages."""
    from keyrota.findings.pages import page
    from keyrota.findings.registry import RULES

    parts = [
        "# Findings\n",
        "What `keyrota report` and `keyrota check` can find. Each page says what it is and why it matters, "
        "shows a log that has it, and how to fix it; `keyrota explain CODE` prints the same page. An error "
        "fails `keyrota check`, a warning or a note does not.\n",
    ]
    for letter, title in KINDS.items():
        parts.append(f"## {title}\n\n| code | finding | severity | |\n| --- | --- | --- | --- |")
        for rule in sorted(
            (rule for rule in RULES if rule.code.startswith(letter)), key=lambda rule: rule.code
        ):
            about = page(rule.code).split("## What it finds\n\n")[1].split("\n\n")[0].replace("\n", " ")
            first = re.split(r"(?<=[.:;])\s", about)[0].rstrip(".:;")
            parts.append(f"| {rule.code} | {rule.name} | {rule.severity} | {first} |")
        parts.append("")
    return "\n".join(parts)


def _prose(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Yield each line with whether it is prose: no code, no heading."""
    in_fence = False
    for line in lines:
        is_fence = _FENCE.match(line) is not None
        in_fence ^= is_fence
        yield line, not (in_fence or is_fence or line.startswith(("    ", "#")))


def _linked(line_and_kind: tuple[str, bool], here: str, source: str) -> str:
    line, is_prose = line_and_kind
    if not is_prose:
        return line
    line = _LINK.sub(_between_pages(here, source), line)
    parts = _NO_PROSE.split(line)
    parts[::2] = [_named(text, here) for text in parts[::2]]
    return "".join(parts)


def _between_pages(here: str, source: str) -> Callable[[re.Match[str]], str]:
    """Return what a link to a file of the repository becomes: one to its page, or its text alone."""

    def replaced(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        pages = _outside() | {"README.md": "index.md"}
        if path.startswith("docs/") and not path.endswith(".py"):
            page = path.removeprefix("docs/")
        elif path in pages:
            page = pages[path]
        else:
            return text  # a file that is no page: sources, notebooks, the licence
        return f"[{text}]({_relative(page, here)}{anchor})"

    return replaced


def _named(text: str, here: str) -> str:
    """Link the codes and the pages that prose names."""

    def of_code(match: re.Match[str]) -> str:
        page = f"findings/{match[0]}.md"
        return (
            match[0] if page == here or match[0] not in _codes() else f"[{match[0]}]({_relative(page, here)})"
        )

    def of_page(match: re.Match[str]) -> str:
        is_there = (ROOT / match[0]).exists()  # the changelog names pages that are gone
        return f"[{match[0]}]({_relative(match[0].removeprefix('docs/'), here)})" if is_there else match[0]

    return _PAGE.sub(of_page, _CODE.sub(of_code, text))


def _relative(page: str, here: str) -> str:
    return posixpath.relpath(page, posixpath.dirname(here) or ".")
