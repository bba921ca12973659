"""The pages of the findings: what each is, why it matters, an example, how to fix it."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.resources import files

from keyrota.display import shown
from keyrota.errors import ConfigurationError

_FOLDER = "explained"


def codes() -> list[str]:
    """Return the code of every finding that has a page."""
    names = (entry.name for entry in files("keyrota.findings").joinpath(_FOLDER).iterdir())
    return sorted(name.removesuffix(".md") for name in names if name.endswith(".md"))


def page(code: str) -> str:
    """Return the page of a finding, as Markdown.

    Raises
    ------
    ConfigurationError
        If no finding has this code.
    """
    known = codes()
    wanted = code.strip().upper()
    if wanted not in known:
        close = get_close_matches(wanted, known, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ConfigurationError(f"no finding has the code {shown(code)}; {hint}codes are {', '.join(known)}")
    return files("keyrota.findings").joinpath(_FOLDER, f"{wanted}.md").read_text(encoding="utf-8")


def titles() -> list[tuple[str, str]]:
    """Return code and title of every page."""
    return [
        (code, page(code).split("\n", 1)[0].removeprefix("# ").removeprefix(f"{code} ")) for code in codes()
    ]
