"""The page of every rule: complete, named like the rule, with an example that the code confirms."""

import re
import textwrap

import pytest

from keyrota.errors import ConfigurationError
from keyrota.findings.facts import gather
from keyrota.findings.pages import codes, page, titles
from keyrota.findings.registry import RULES, find_all
from keyrota.logs.read import read

SECTIONS = [
    "What it finds",
    "Why it matters",
    "Evidence",
    "Example",
    "How to fix it",
    "When it is wrong",
    "See also",
]
BLOCK = re.compile(r"(?:^    .*\n|^\n(?=    ))+", re.MULTILINE)


def blocks(code):
    """Return the indented blocks of the example: the log, and the finding."""
    example = page(code).split("\n## Example\n")[1].split("\n## ")[0]
    log, finding = BLOCK.findall(example)
    return textwrap.dedent(log).strip("\n") + "\n", " ".join(finding.split())


def allowed(code):
    """Return the share of 429s that the example's command allows; ``None`` for a plain report."""
    option = re.search(r"`keyrota check --max-rejected ([0-9]+)%` prints:", page(code))
    return int(option[1]) / 100 if option else None


def test_every_rule_has_a_page_and_every_page_a_rule():
    """Pages and rules are the same set."""
    assert codes() == sorted(rule.code for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_title_and_sections(rule):
    """The first line is code, name and severity; the sections are the same everywhere, none of them empty."""
    text = page(rule.code)
    assert text.split("\n", 1)[0] == f"# {rule.code} {rule.name} ({rule.severity})"
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert all(len(part.split()) > 3 for part in re.split(r"^## .*$", text, flags=re.MULTILINE)[1:-1])
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_example_is_what_the_code_finds(rule, tmp_path, monkeypatch):
    """The example's lines, read as a log, give the finding that the page prints."""
    log, shown = blocks(rule.code)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.log").write_text(log, encoding="utf-8")
    reading = read("app.log")
    facts = gather(reading.events, reading.pools, log_input=reading.input, max_rejected=allowed(rule.code))
    found = [finding for finding in find_all(facts) if finding.code == rule.code]
    printed = [
        f"{f.severity} {f.code} {f.name} {f.pool or ''} {f.message}. {f.remedy}".replace("  ", " ")
        for f in found
    ]
    checked = [f"{f.pool}: {f.code} {f.name} ({f.severity}): {f.message}" for f in found]
    assert shown in (printed if allowed(rule.code) is None else checked)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_no_line_of_a_page_is_a_log_line(rule):
    """A folder that holds the pages may be read as logs: no example stands at the start of a line."""
    for line in page(rule.code).split("\n"):
        assert not re.match(r"(?:\[Info|🔑|⚠️|Listening|POST|serving|\d{4}-)", line), line


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_pages_name_rules_that_exist(rule):
    """Every code that a page names is a rule; every file that it names exists."""
    known = {rule.code for rule in RULES}
    assert set(re.findall(r"\b[RCDQ][0-9]{3}\b", page(rule.code))) <= known


def test_an_unknown_code_is_told_the_nearest():
    """A typing error gets a suggestion; case and blanks do not matter."""
    assert page(" r102 ") == page("R102")
    with pytest.raises(ConfigurationError, match="did you mean R10"):
        page("R110")
    with pytest.raises(ConfigurationError, match="codes are C201"):
        page("../secret")


def test_titles_are_those_of_the_pages():
    """The list of `keyrota explain` gives name and severity."""
    assert ("R102", "start-not-random (error)") in titles()
    assert len(titles()) == len(RULES)
