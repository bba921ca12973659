"""Who draws: matplotlib is known to the figures alone, and never through pyplot's global state."""

import ast
import subprocess
import sys
from pathlib import Path

import keyrota

PACKAGE = Path(keyrota.__file__).parent


def imported(path):
    """Names of all modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_only_the_figures_know_matplotlib():
    """Matplotlib is imported in `report/figures` and nowhere else, and pyplot not at all."""
    users = {path: names for path in PACKAGE.rglob("*.py") if (names := [
        name for name in imported(path) if name.split(".")[0] == "matplotlib"])}  # fmt: skip
    assert users
    assert {path.parent for path in users} == {PACKAGE / "report" / "figures"}
    assert not [name for names in users.values() for name in names if "pyplot" in name]


def test_figures_do_not_wake_the_engines():
    """To draw a report neither numba nor SimPy is imported: a plan's figure needs its content only."""
    code = "import sys, keyrota.report.figures\nprint([m for m in ('numba', 'simpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
