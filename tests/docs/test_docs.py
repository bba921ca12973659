"""The documentation is true: what it shows is what the software prints, and what it says to type runs."""

import doctest
import importlib
import importlib.util
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

import keyrota
from keyrota.cli.boundary import run

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_logs"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md"), SAMPLES / "README.md"])

_spec = importlib.util.spec_from_file_location("refresh", ROOT / "docs" / "refresh.py")
refresh = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(refresh)


def test_readme_shows_a_real_report():
    """The report in the README is what `keyrota report sample_logs/` prints now (else: make docs)."""
    assert refresh.readme() == (ROOT / "README.md").read_text(encoding="utf-8")


def test_commands_page_is_the_help():
    """docs/commands.md is the help of every command (else: make docs)."""
    assert refresh.commands() == (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


WRITES = r"(?:--write-log|-o) (\S+)"


def documented_commands():
    for page in PAGES:
        for block in re.findall(r"```(?:bash|sh)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            lines = [line.split("#")[0].strip() for line in block.splitlines()]
            commands = [line for line in lines if line.startswith("keyrota ") or "| keyrota " in line]
            for place, command in enumerate(commands):
                # What a command of the same block has written may be read by a later one.
                makers = [earlier for earlier in commands[:place] if re.search(WRITES, earlier)]
                yield pytest.param(makers, command, id=f"{page.name}: {command}")


@pytest.mark.parametrize(("makers", "command"), list(documented_commands()))
def test_documented_commands_run(makers, command, tmp_path, monkeypatch):
    """Every keyrota command of the documentation runs, on sample logs in place of the reader's own."""
    shutil.copytree(SAMPLES, tmp_path / "sample_logs", ignore=shutil.ignore_patterns("rotation", "*.py"))
    (tmp_path / "logs").symlink_to(tmp_path / "sample_logs")
    shutil.copy(SAMPLES / "start_at_first.csv", tmp_path / "export.json")
    monkeypatch.chdir(tmp_path)
    before, _, after = command.rpartition("| ")
    if before:  # what the reader pipes in
        import io
        import sys

        data = (SAMPLES / "two_picks.log").read_bytes()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    for maker in makers:
        names = set(re.findall(WRITES, maker)) - set(re.findall(WRITES, command))
        if any(name in command and not Path(name).exists() for name in names):
            assert run(shlex.split(maker)[1:]) == 0
    if "--pools pools.toml" in command and not Path("pools.toml").exists():
        shutil.copy(Path(keyrota.__file__).parent / "pools" / "default_pools.toml", tmp_path / "pools.toml")
    arguments = shlex.split(after)[1:]
    assert run([*arguments]) == (1 if arguments[0] == "check" and "healthy" not in command else 0)


def test_python_of_the_readme_runs(monkeypatch, capsys):
    """The README's Python example runs and prints a line for each pool."""
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["CHAT", "ARTIFACT", "IMAGE"]


def test_links_lead_somewhere():
    """Every relative link of the documentation names a file that exists."""
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_readme_lists_every_finding():
    """The README's table of findings is the registry's."""
    from keyrota.findings.registry import RULES

    rows = re.findall(
        r"^\| ([RCDQ][0-9]{3}) \| ([a-z-]+)[^|]*\| (\w+) \|", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert sorted(rows) == sorted((rule.code, rule.name, rule.severity) for rule in RULES)


def test_columns_are_documented():
    """docs/logs.md names every column, kind and cause of the event table."""
    from keyrota.events import CAUSES, COLUMNS, KINDS

    text = (ROOT / "docs" / "logs.md").read_text(encoding="utf-8")
    for name in (*COLUMNS, *KINDS, *(cause for cause in CAUSES if cause.islower())):
        assert f"`{name}`" in text, name


def test_numbers_of_the_readme():
    """The sample sizes that the README states are those of the package."""
    from keyrota.rotation.power import picks_needed_to_judge

    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    needed = [picks_needed_to_judge(keys, alpha=1e-3) for keys in (2, 4, 10)]
    assert f"{needed[0]} independent picks on two keys, {needed[1]} on four, {needed[2]:,} on ten" in text


def test_usable_rates_of_the_documentation():
    """What README and docs/simulation.md say of two keys and of 4 a minute is what theory says."""
    from keyrota.theory import keys_needed, usable_rate

    pool = {"per_minute": 2, "target": 0.01}
    rates = [usable_rate(keys=2, choice=choice, **pool) for choice in ("random", "fail-over")]
    keys = [keys_needed(4.0, choice=choice, **pool) for choice in ("random", "fail-over")]
    assert [f"{rate:.2f}" for rate in rates] == ["0.52", "1.29"]
    for page in (ROOT / "README.md", ROOT / "docs" / "simulation.md"):
        text = " ".join(page.read_text(encoding="utf-8").split())
        assert "0.52" in text
        assert "1.29 if a rejected call goes on to the other key" in text
        assert f"{keys[0]} keys against {keys[1]}" in text


def modules():
    root = Path(keyrota.__file__).parent
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[-1] != "__main__":
            yield ".".join(("keyrota", *(parts[:-1] if parts[-1] == "__init__" else parts)))


@pytest.mark.parametrize("name", list(modules()))
def test_doctests(name):
    """The examples of the docstrings run and print what they say."""
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_run(path, monkeypatch):
    """Every cell of a notebook runs, and none is committed with output."""
    monkeypatch.chdir(path.parent)
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    namespace = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec(compile("".join(cell["source"]), path.name, "exec"), namespace)
    assert namespace["report"].pools
