"""A copy of the capacity notebook whose parameters are filled in."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from keyrota.display import listed, shown
from keyrota.errors import ConfigurationError
from keyrota.logs.samples import source_file

NAME: Final = "02_capacity_planning.ipynb"
WIDEST: Final = 100
"""Columns up to which a list stands on one line."""


def capacity_notebook(parameters: Mapping[str, object]) -> str:
    """Return the capacity notebook with some of its parameters set, as the text of its file.

    Parameters
    ----------
    parameters
        New values by name: text, numbers, ``None``, lists of them.

    Raises
    ------
    ConfigurationError
        If the notebook is not there, or has no such parameter.
    """
    notebook = json.loads(_template())
    (cell,) = [cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", [])]
    lines = with_values("".join(cell["source"]), parameters).split("\n")
    cell["source"] = [*(f"{line}\n" for line in lines[:-1]), lines[-1]]
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def with_values(source: str, values: Mapping[str, object]) -> str:
    r"""Return Python source whose assignments have other values; comments and all else stay.

    A value is written as a literal: whatever a text holds is data and never runs.

    Parameters
    ----------
    source
        Assignments to names.
    values
        New values by name.

    Raises
    ------
    ConfigurationError
        If nothing is assigned to one of the names.

    Examples
    --------
    >>> print(with_values("# Logs.\nLOGS = None\nTARGET = 0.01  # a share", {"LOGS": ["a'; b() #"]}))
    # Logs.
    LOGS = ["a'; b() #"]
    TARGET = 0.01  # a share
    """
    places = {
        statement.targets[0].id: statement.value
        for statement in ast.parse(source).body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }
    for name in values:
        if name not in places:
            raise ConfigurationError(
                f"the notebook has no parameter {shown(name)}; there are {listed(list(places), limit=20)}"
            )
    lines = [line.encode("utf-8") for line in source.split("\n")]  # ast counts bytes
    for name in sorted(values, key=lambda name: -places[name].lineno):
        old = places[name]
        assert old.end_lineno is not None
        head, tail = lines[old.lineno - 1][: old.col_offset], lines[old.end_lineno - 1][old.end_col_offset :]
        new = _literal(values[name], len(name)).encode("utf-8")
        lines[old.lineno - 1 : old.end_lineno] = [head + new + tail]
    return b"\n".join(lines).decode("utf-8")


def _literal(value: object, indent: int) -> str:
    """Return a value as Python writes it; a long list with an item a line."""
    text = ascii(value)
    if not isinstance(value, list) or len(text) + indent <= WIDEST:
        return text
    return "\n".join(["[", *(f"    {item!a}," for item in value), "]"])


def _template() -> str:
    packaged = files("keyrota").joinpath("notebooks", NAME)
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    path = source_file("notebooks", NAME)
    if path is None:
        raise ConfigurationError(
            f"the notebook {NAME} did not come with this installation; install keyrota anew"
        )
    return path.read_text(encoding="utf-8")
