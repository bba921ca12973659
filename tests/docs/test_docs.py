"""The documentation is true: what it shows is what the software prints, and what it says to type runs."""

import ast
import doctest
import importlib
import importlib.util
import io
import json
import re
import shlex
import shutil
import sys
import tomllib
from functools import cache
from pathlib import Path

import click
import pytest
import yaml

import keyrota
from keyrota.cli.boundary import group, run
from keyrota.fetch.answers import Answer
from keyrota.history import open_store
from scripts import script

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_logs"
PACKAGE = Path(keyrota.__file__).parent
EXPLAINED = sorted((PACKAGE / "findings" / "explained").glob("*.md"))
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", SAMPLES / "README.md", *DOCS, *EXPLAINED]

ELSEWHERE = {
    "python -m pip": "asks a package registry; .ci/run installs the package so",
    "python -m pytest": "runs the reader's own tests; test_testing_page.py runs those of the page",
    "curl": "asks the Management API of an account's project",
    "docker": "takes a running stack; what it is piped into is run",
    "supabase": "takes an account or a running stack; what it is piped into is run",
}
"""Commands of the documentation that no test runs, and why. A test finds the entries that nothing needs."""

refresh = script("docs/refresh.py")


def name_of(page):
    return str(page.relative_to(ROOT)) if page.is_relative_to(ROOT) else page.name


@cache
def text_of(page):
    return page.read_text(encoding="utf-8")


def blocks(page, *languages):
    return re.findall(rf"```(?:{'|'.join(languages)})\n(.*?)```", text_of(page), re.DOTALL)


def test_readme_shows_a_real_report():
    """The report in the README is what `keyrota report sample_logs/` prints now (else: make docs)."""
    assert refresh.readme() == text_of(ROOT / "README.md")


def test_commands_page_is_the_help():
    """docs/commands.md is the help of every command (else: make docs)."""
    assert refresh.commands() == text_of(ROOT / "docs" / "commands.md")


@pytest.mark.parametrize("page", refresh.pages(), ids=name_of)
def test_pages_show_what_is_printed(page):
    """What stands below a command, and every table of fields, is made anew the same (else: make docs)."""
    assert refresh.page(page) == text_of(page)


WRITES = r"(?:--write-log|-o|--figures) (\S+)"


def lines_to_type(page):
    """Yield the commands of a page, block by block, without remarks."""
    shell = blocks(page, "bash", "sh")
    for workflow in blocks(page, "yaml"):
        jobs = (yaml.safe_load(workflow) or {}).get("jobs", {})
        shell += [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    if page in EXPLAINED:  # shown on a terminal, where an indented line is a command
        shell += re.findall(r"^    ((?:keyrota|supabase) .*)$", text_of(page), re.MULTILINE)
    for block in shell:
        block = re.sub(r"\bLOG\b", "export.json", block.replace("\\\n", " "))
        lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in block.splitlines())
        yield [line for line in lines if line]


def at_night(text):
    """Return the mark of what starts a cluster: half a minute, and tests/cluster starts one by day."""
    return [pytest.mark.nightly] if re.search(r"\blocal:[0-9]", text) else []


def chains():
    """Return what is run: each distinct command once, after those of its block that write what it reads."""
    found = {}
    for page in PAGES:
        for lines in lines_to_type(page):
            commands = [line for line in lines if line.startswith("keyrota ") or "| keyrota " in line]
            for place, command in enumerate(commands):
                written = set(re.findall(WRITES, command))
                needed = tuple(
                    earlier
                    for earlier in commands[:place]
                    if any(name in command for name in set(re.findall(WRITES, earlier)) - written)
                )
                found.setdefault((*needed, command), f"{name_of(page)}: {command}")
    shown = {
        re.sub(r"-q | \| head.*", "", command)
        for page in DOCS
        for command in re.findall(r"```console\n\$ (.*)", text_of(page))
    } | {"keyrota report sample_logs/"}  # run by the tests above
    longer = {chain[:length] for chain in found for length in range(1, len(chain))}
    return [
        pytest.param(chain, id=name, marks=at_night(" ".join(chain)))
        for chain, name in found.items()
        if chain not in longer and not (len(chain) == 1 and chain[0] in shown)
    ]


@pytest.fixture(scope="module")
def readers_folder(tmp_path_factory):
    """A folder with what a reader has: an export, a folder of logs, a pools file, a scenario.

    The logs stand in for the reader's own. They are few, since each command that reads them takes its time.
    """
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(SAMPLES, folder / "sample_logs", ignore=shutil.ignore_patterns("rotation", "*.py"))
    shutil.copy(SAMPLES / "day_with_429s.log.zst", folder / "export.json")
    for name in ("logs", "drain"):
        (folder / name).mkdir()
        shutil.copy(SAMPLES / "start_at_first.csv", folder / name)
        shutil.copy(SAMPLES / "old_export.csv", folder / name)
    shutil.copy(PACKAGE / "pools" / "default_pools.toml", folder / "pools.toml")
    scenario = next(block for page in DOCS for block in blocks(page, "toml") if "[[functions]]" in block)
    (folder / "scenario.toml").write_text(scenario, encoding="utf-8")
    (folder / "data" / "keyrota").mkdir(parents=True)
    open_store(folder / "data" / "keyrota" / "history.duckdb").add(SAMPLES / "day_with_429s.log.zst")
    return folder


@pytest.mark.parametrize("chain", chains())
def test_documented_commands_run(chain, readers_folder, tmp_path, monkeypatch, capsys):
    """Every keyrota command of the documentation runs, on sample logs in place of the reader's own."""
    shutil.copytree(readers_folder / "data", tmp_path / "data")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for item in readers_folder.iterdir():
        if item.name != "data" and not any(item.name in re.findall(WRITES, command) for command in chain):
            (tmp_path / item.name).symlink_to(item)
    monkeypatch.chdir(tmp_path)
    for command in chain:
        before, _, after = command.rpartition("| ")
        if before:  # what the reader pipes in
            data = (SAMPLES / "two_picks.log").read_bytes()
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        arguments = shlex.split(after)[1:]
        # `keyrota fetch` asks an account's project: here one without rows.
        monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", "a-token-of-the-reader")
        monkeypatch.setattr("keyrota.fetch.client.Api.query", lambda *_: Answer([]))
        assert run(arguments) == (1 if arguments[0] == "check" and "healthy" not in command else 0)


def test_every_command_is_run_or_named():
    """What no test runs is a target of the Makefile, or in the list above with its reason."""
    targets = set(re.findall(r"^([\w-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    needed = set()
    for page in PAGES:
        for line in (line for lines in lines_to_type(page) for line in lines):
            reason = next((name for name in ELSEWHERE if line.startswith(name + " ")), None)
            needed |= {reason} - {None}
            made = re.match(r"make ([\w-]+)", line)
            assert line.startswith("keyrota ") or reason or (made and made[1] in targets), line
    assert needed == set(ELSEWHERE)


@cache
def options_of(name):
    command = group.get_command(click.Context(group), name)
    return {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)} | {
        "--help", "-h",
    }  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_sentences_exist(page):
    """A command that a sentence names exists, with the options that it names."""
    for command, rest in re.findall(r"`keyrota ([a-z]+)([^`|]*)`", text_of(page)):
        assert group.get_command(click.Context(group), command) is not None, command
        flags = set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest))
        assert flags <= options_of(command), f"keyrota {command}{rest}"


def python_blocks():
    return [
        pytest.param(block, id=f"{name_of(page)} {number}", marks=at_night(block))
        for page in PAGES
        if page != ROOT / "README.md"  # below
        for number, block in enumerate(blocks(page, "python"), 1)
    ]


@pytest.mark.parametrize("code", python_blocks())
def test_python_of_the_documentation_runs(code, readers_folder, monkeypatch, capsys):
    """Every Python example runs."""
    monkeypatch.chdir(readers_folder)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    exec(compile(code, "example", "exec"), {"__name__": "example"})


def test_python_of_the_readme_tells_every_pool(monkeypatch, capsys):
    """The README's Python example prints a line for each pool."""
    monkeypatch.chdir(ROOT)
    exec(compile(blocks(ROOT / "README.md", "python")[0], "README.md", "exec"), {})
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["CHAT", "ARTIFACT", "IMAGE"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_toml_of_the_documentation_is_taken(page):
    """Every pools file and every scenario that is shown is one; a part of a pool is one within it."""
    from keyrota.logs.own_rules import rule_table
    from keyrota.pools.load import parse_pools
    from keyrota.simulation.scenario import scenario_of

    for block in blocks(page, "toml"):
        if "[[functions]]" in block:
            assert scenario_of(tomllib.loads(block), page.name).functions
            continue
        whole = block if block.startswith("[[") else f'[[pool]]\nname = "P"\n{block}'
        keys = "" if "keys" in whole or "[[rule]]" in whole else "keys = [1, 2]\n"
        rule_table(parse_pools(whole + keys))


def targets(page):
    """Return the files that a page links to, and those that it names as docs/..."""
    linked = re.findall(
        r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    )
    named = re.findall(r"(?<!tests/)\bdocs/[\w/-]+\.(?:md|py)\b", text_of(page))
    return [page.parent / target for target in linked] + [ROOT / target for target in named]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    """Every relative link, and every page that is named, is a file that exists."""
    for target in targets(page):
        assert target.exists(), f"{name_of(page)} names {target}"


def test_readme_lists_every_finding():
    """The README's table of findings is the registry's."""
    from keyrota.findings.registry import RULES

    rows = re.findall(
        r"^\| ([RCDQ][0-9]{3}) \| ([a-z0-9-]+)[^|]*\| (\w+) \|", text_of(ROOT / "README.md"), re.MULTILINE
    )
    assert sorted(rows) == sorted((rule.code, rule.name, rule.severity) for rule in RULES)


def test_columns_are_documented():
    """The page of the event table names every column, kind and cause."""
    from keyrota.events import CAUSES, COLUMNS, KINDS

    text = text_of(ROOT / "docs" / "reference" / "event-table.md")
    for name in (*COLUMNS, *KINDS, *CAUSES):
        assert f"`{name}`" in text, name


@pytest.mark.parametrize(("page", "command"), [("check", "check"), ("pools", "pools")])
def test_json_without_a_structure_is_documented(page, command, readers_folder, monkeypatch, capsys):
    """The two contracts that no structure holds have just the fields that their pages name."""
    monkeypatch.chdir(readers_folder)
    run([command, "--format", "json", *(["-q", "sample_logs/healthy.json.gz"] if command == "check" else [])])
    document = json.loads(capsys.readouterr().out)
    text = text_of(ROOT / "docs" / "reference" / "json" / f"{page}.md")
    first, *others = re.split(r"\n\| field", text)[1:]
    assert set(re.findall(r"^\| `(\w+)` \|", first, re.MULTILINE)) == set(document)
    assert document["schema"] == f"keyrota.{page}/1"
    if others:
        from keyrota.pools.declared import Pool

        own = set(re.findall(r"^\| `(\w+)` \|", others[0], re.MULTILINE))
        assert own | set(Pool.__struct_fields__) == set(document["pools"][0])


def flat(name):
    return " ".join(text_of(ROOT / name).split())


def rows(name, heading):
    """Return the cells of the table below a row of headings that begins so."""
    table = text_of(ROOT / name).split(f"\n| {heading}")[1].split("\n\n")[0].split("\n")[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


def test_numbers_of_picks():
    """The sample sizes that README and docs state are those of the package."""
    from keyrota.rotation.power import picks_needed_to_judge

    needed = [picks_needed_to_judge(keys, alpha=1e-3) for keys in (2, 4, 10)]
    for name, kind in (("README.md", "independent picks"), ("docs/howto/get-logs.md", "picks")):
        stated = re.search(rf"(\S+) {kind} on two keys, (\S+) on four,? (?:and )?(\S+) on ten", flat(name))
        assert [int(number.replace(",", "")) for number in stated.groups()] == needed


def test_usable_rates_of_the_documentation():
    """What README and docs say of two keys and of 4 a minute, and the table of usable rates, is theory."""
    from keyrota.theory import keys_needed, usable_rate

    pool = {"per_minute": 2, "target": 0.01}
    rates = [usable_rate(keys=2, choice=choice, **pool) for choice in ("random", "fail-over")]
    keys = [keys_needed(4.0, choice=choice, **pool) for choice in ("random", "fail-over")]
    assert [f"{rate:.2f}" for rate in rates] == ["0.52", "1.29"]
    for name in ("README.md", "docs/index.md"):
        assert "0.52" in flat(name)
        assert "1.29 if a rejected call goes on to the other key" in flat(name)
        assert f"{keys[0]} keys against {keys[1]}" in flat(name)
    for size, limit, nominal, *usable in rows("docs/index.md", "keys | limit"):
        case = {"keys": int(size), "per_minute": int(limit), "target": 0.01}
        assert nominal == f"{int(size) * int(limit)} a minute"
        for stated, choice in zip(usable, ("random", "fail-over"), strict=True):
            assert float(stated) == pytest.approx(usable_rate(choice=choice, **case), rel=0.005)


def test_cold_starts_of_the_documentation():
    """The table of cold starts is theory's."""
    from keyrota.theory import cold_share

    for rate, *shares in rows("docs/explanation/model.md", "requests a minute"):
        for stated, (slots, life_s) in zip(
            shares, [(300, 75), (300, 200), (100, 75), (100, 200)], strict=True
        ):
            assert float(stated) == pytest.approx(
                cold_share(float(rate), slots=slots, life_s=life_s), abs=6e-4
            )


def test_day_limits_of_the_documentation():
    """What the model's page says of the daily limit is theory."""
    from keyrota.theory import day_rate_per_min, minutes_to_exhaustion

    text = flat("docs/explanation/model.md")
    rates = [day_rate_per_min(keys=k, per_day=d) for k, d in ((2, 50), (4, 50), (4, 1500))]
    assert "two keys of 50 a day {:.3f}, four {:.3f}, four of 1,500 a day {:.2f}".format(*rates) in text
    minutes = minutes_to_exhaustion(4.0, keys=2, per_day=50)
    assert f"empty {minutes:.0f} minutes after the reset" in text


def test_chi_square_of_the_documentation():
    """The table of chi-square's false alarms is that of docs/validation.md."""
    measured = {
        (row[0], row[1]): row[5].split(" / ") for row in rows("docs/validation.md", "keys, picks | run")
    }
    for picks, length, *shares in rows("docs/explanation/rotation.md", "keys, picks"):
        for stated, value in zip(shares, measured[picks, length], strict=True):
            assert float(stated) == float(value)


def test_bounds_of_the_security_page():
    """The bounds that the security page states are those of the code."""
    from keyrota.cli.scenario import MAX_BYTES as SCENARIO
    from keyrota.fetch.client import ANSWER_BYTES
    from keyrota.logs.compression import BOMB_RATIO, INFLATED_LIMIT
    from keyrota.logs.encoding import LINE_LIMIT
    from keyrota.logs.json_stream import VALUE_LIMIT
    from keyrota.pools.load import MAX_BYTES as POOLS

    text = flat("docs/security.md")
    assert f"{LINE_LIMIT:,} characters" in text
    for name, bound in (
        ("a JSON value", VALUE_LIMIT),
        ("a pools file", POOLS),
        ("a scenario file", SCENARIO),
        ("an answer of the Management API", ANSWER_BYTES),
    ):
        assert f"| {name} | {bound >> 20} MiB |" in text
    assert f"| {INFLATED_LIMIT >> 30} GiB, or {BOMB_RATIO} times the compressed bytes" in text


def test_the_house_names_its_rooms():
    """Every room and module at the top of the package stands in CONTRIBUTING."""
    house = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    house = house[house.index("## The house") : house.index("A module imports from its own room")]
    for place in sorted(PACKAGE.iterdir()):
        if place.name.startswith("_") or place.suffix not in ("", ".py"):
            continue
        name = f"{place.name}/" if place.is_dir() else place.name
        assert re.search(rf"(^|[\s]){re.escape(name)}", house), f"{name} is not in CONTRIBUTING.md"


NETWORK = {
    "socket", "ssl", "http", "urllib", "ftplib", "smtplib", "requests", "aiohttp", "httpx", "asyncio",
    "fsspec", "dask", "distributed", "prometheus_client",
}  # fmt: skip
OWNERS = {
    "fetch/access.py", "fetch/client.py", "logs/remote.py", "logs/unreachable.py", "cluster.py", "workers.py",
    "watching/metrics.py",
}  # fmt: skip
"""Modules that open connections, each for a command or an option that asks for it."""


def test_the_network_has_owners():
    """No other module imports what could open a connection: the security page says so."""
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).as_posix() in OWNERS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not {name.split(".")[0] for name in names} & NETWORK, path


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[-1] != "__main__":
            yield ".".join(("keyrota", *(parts[:-1] if parts[-1] == "__init__" else parts)))


@pytest.mark.parametrize("name", list(modules()))
def test_doctests(name):
    """The examples of the docstrings run and print what they say."""
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0
