"""`keyrota pools`."""

import json
import math

import pytest
from click.testing import CliRunner

from keyrota.cli.pools import NOTE, command
from keyrota.errors import ConfigurationError
from keyrota.pools import load_pools
from keyrota.pools.load import parse_pools

HOSTILE = """
[[pool]]
name = "A"
keys = [1, 2]
functions = ["[bold red]chat[/]", "[link=http://x]"]
quota = { per_minute = 15, tokens_per_minute = 250000 }
projects = ["p", "p"]
"""


def _run(*arguments):
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_table():
    """Piped, the table is plain ASCII, one line for each pool, with the nominal rates."""
    output = _run().stdout
    assert output.isascii()
    assert "\x1b" not in output
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in output.splitlines() if "|" in line]
    assert " ".join(rows[0]) == (
        "pool functions model keys each/min each/day nominal/min nominal/day projects"
    )
    assert [" ".join(row) for row in rows[2:]] == [
        "CHAT chat gemini-2.5-flash 1-2 2 50 4 100 not declared",
        "ARTIFACT generate-artifact, generate-artifact-fix gemini-2.5-pro 3-6 2 50 8 200 not declared",
        "IMAGE generate-image gemini-2.5-flash-image 7-10 15 1,500 60 6,000 not declared",
    ]


def test_table_says_what_the_nominal_rate_hides():
    """The sentence below the table stands in it whole."""
    assert NOTE in " ".join(_run().stdout.split())


@pytest.mark.parametrize(("limit", "keys", "rate"), [(2, 2, 0.5225), (4, 1, 1.2886)])
def test_numbers_of_the_note(limit, keys, rate):
    """The two rates of the note are the roots of its formula at 1 %, to four decimals."""
    assert f"{rate}" in NOTE

    def share(total):
        mean = total / keys
        terms = ((n - limit) * math.exp(-mean) * mean**n / math.factorial(n) for n in range(limit + 1, 60))
        return sum(terms) / mean

    assert share(rate - 5e-5) < 0.01 < share(rate + 5e-5)


def test_names_are_no_markup(tmp_path):
    """Brackets in a name are shown, not acted on; limits on tokens get a column."""
    path = tmp_path / "pools.toml"
    path.write_text(HOSTILE)
    output = _run("--pools", str(path)).stdout
    assert "[bold red]chat[/], [link=http://x]" in output
    assert "| 250,000 |" in " ".join(output.split())
    assert "1 project for 2 keys; p counted as one quota each" in output


def test_rules_only(tmp_path):
    """A file without pools says so instead of drawing an empty table."""
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\nname = "r"\npattern = "x"\n')
    assert _run("--pools", str(path)).stdout == f"{path}: 1 rule and no pool\n"


def test_toml_is_a_pools_file():
    """What --format toml prints is read as the same pools."""
    assert parse_pools(_run("--format", "toml").stdout).pools == load_pools().pools


def test_json():
    """--format json prints one document of the schema."""
    assert json.loads(_run("--format", "json").stdout)["schema"] == "keyrota.pools/1"


@pytest.mark.parametrize(
    ("output_format", "first"),
    [("typescript", "const keyMapping: Record<string, number[]> = {"), ("secrets", "# For sh, bash or zsh.")],
)
def test_code(output_format, first):
    """The formats for code print nothing but code."""
    assert _run("--format", output_format).stdout.startswith(first)


def test_missing_file():
    """An error is left to the command line's boundary, which knows its exit code."""
    with pytest.raises(ConfigurationError, match=r"none\.toml: no such file"):
        _run("--pools", "none.toml")


def test_help_has_an_example():
    """The help shows how to start a pools file."""
    assert "keyrota pools --format toml > pools.toml" in _run("--help").stdout
