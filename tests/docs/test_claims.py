"""Every number that the README states is held by a test, which claims.toml names."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from scipy import stats

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CLAIMS = tomllib.loads(Path(__file__).with_name("claims.toml").read_text(encoding="utf-8"))["claim"]

NO_PROSE = re.compile(r"<!-- (\w+): begin -->.*?<!-- \1: end -->|```.*?```|`[^`\n]*`|\]\([^)]*\)", re.DOTALL)
"""Blocks that `make docs` writes, code, and what links lead to."""

NAMES = re.compile(r"\b(?:429s?|[RCQD][0-9]{3})\b")
"""Digits that are no number: the status, codes of findings."""


def sentences():
    """Return the README's sentences; a table's row and an item of a list begin new ones."""
    prose = NO_PROSE.sub("", README)
    parts = re.split(r"\n\s*\n|\n(?=- |\||#)", prose)
    return [
        sentence
        for part in parts
        if not part.startswith("|")
        for sentence in re.split(r"(?<=[.;:])\s+", " ".join(part.split()))
    ]


def numbered():
    return [text for text in sentences() if re.search("[0-9]", NAMES.sub("", text))]


def flat():
    return " ".join(NO_PROSE.sub("", README).split())


@pytest.mark.parametrize("sentence", numbered())
def test_a_sentence_with_a_number_is_claimed(sentence):
    """claims.toml has an entry for it, or for a part of it."""
    assert any(claim["says"] in sentence for claim in CLAIMS), f"add to tests/docs/claims.toml: {sentence}"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim["says"])
def test_a_claim_is_in_the_readme(claim):
    """What the README no longer says needs no entry."""
    assert claim["says"] in flat()


@pytest.mark.parametrize("name", sorted({name for claim in CLAIMS for name in claim["tests"]}))
def test_a_named_test_exists(name):
    """The file is there, and the function in it."""
    place, _, function = name.partition("::")
    defined = {
        node.name
        for node in ast.parse((ROOT / place).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    assert function in defined if function else defined


def stated(pattern):
    """Return the numbers of the README's sentence."""
    found = re.search(pattern, flat())
    assert found is not None, pattern
    return found.groups()


def test_python_is_the_oldest_that_the_package_admits():
    """As pyproject.toml has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={stated(r'Python ([0-9.]+) or newer')[0]}"


def chi_square_rates():
    """Return the false alarms of chi-square by keys, run length and level, as docs/validation.md has them."""
    page = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    table = page.split("\n| keys, picks | run length")[1].split("\n\n")[0].splitlines()[2:]
    for row in table:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        for level, rate in zip((0.05, 0.01, 0.001), cells[-1].split(" / "), strict=True):
            yield int(cells[0].split(",")[0]), cells[1], level, float(rate)


def test_chi_square_is_that_of_the_validation():
    """The rate on two keys with three picks per isolate, and the most that ten keys are over the level."""
    rate = float(
        stated(r"two keys with three picks per isolate, plain chi-square at level \.05 raises (\S+)")[0]
    )
    most = int(stated(r"with ten keys it raises up to ([0-9]+) times too many")[0])
    rates = list(chi_square_rates())
    assert {found for keys, run, level, found in rates if (keys, run, level) == (2, "3", 0.05)} == {rate}
    assert round(max(found / level for keys, _, level, found in rates if keys == 10)) == most


def test_limits_of_the_management_api():
    """The client asks for no more rows and no longer spans than the README says."""
    from keyrota.fetch.pages import PAGE_ROWS, WIDEST
    from keyrota.fetch.times import HOUR

    rows, hours = stated(r"its limits of ([0-9,]+) rows and ([0-9]+) hours")
    assert int(rows.replace(",", "")) == PAGE_ROWS
    assert int(hours) * HOUR >= WIDEST


def test_size_from_which_logs_are_scanned():
    """The smallest log that is read by compiled code."""
    from keyrota.logs.gathering import SCAN_BYTES

    assert int(stated(r"text of ([0-9]+) MB and more")[0]) * 1_000_000 == SCAN_BYTES


def test_exit_codes_are_those_of_the_package():
    """Each error's code is named with its meaning."""
    from keyrota import errors

    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.KeyrotaError) and hasattr(kind, "exit_code")
    }
    sentence = next(text for text in sentences() if text.startswith("0 done"))
    assert codes <= {int(code) for code in re.findall(r"\b[0-9]+\b", sentence)}


def test_share_of_lines_that_may_be_lost():
    """Up to this share a wrong step may be a lost line."""
    from keyrota.rotation.fairness import LOST_SHARE

    assert int(stated(r"Up to ([0-9]+) % of the lines may be lost")[0]) == 100 * LOST_SHARE


def test_picks_of_a_fair_key_of_two():
    """With the ends it is a little more, without them a little less."""
    picks, low, high, part = (
        int(number)
        for number in stated(
            r"([0-9]+) picks of a fair key of two lie between ([0-9]+) and ([0-9]+) % only ([0-9]+) %"
        )
    )
    count = stats.binom(picks, 0.5)
    assert round(100 * (count.cdf(high) - count.cdf(low - 1))) in (part, part + 1)
    assert round(100 * (count.cdf(high - 1) - count.cdf(low))) in (part, part - 1)


NAMED = re.compile(r"`(tests/[a-z0-9_/]+(?:\.py)?)`")


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/reliability.md"])
def test_a_page_of_promises_names_tests_that_exist(page):
    """Files and folders, and there are some."""
    named = set(NAMED.findall((ROOT / page).read_text(encoding="utf-8")))
    assert len(named) > 5
    assert [place for place in sorted(named) if not (ROOT / place).exists()] == []


def test_every_goal_of_reliability_has_a_row():
    """42 of them, each once."""
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    goals = {"I": 12, "O": 10, "S": 7, "F": 7, "P": 6}
    expected = [f"{kind}{number}" for kind, most in goals.items() for number in range(1, most + 1)]
    assert re.findall(r"^\| ([IOSFP][0-9]{1,2}) \|", page, re.MULTILINE) == expected
