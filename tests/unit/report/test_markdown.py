"""The report as Markdown: for a comment, true to the report, and safe whatever a log holds."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

import keyrota
from keyrota.report.markdown import report_as_markdown
from keyrota.report.markdown_text import escaped, table

SAMPLES = Path(__file__).resolve().parents[3] / "sample_logs"


@pytest.fixture(scope="module")
def report() -> keyrota.Report:
    return keyrota.judge(keyrota.read(SAMPLES / "missing_secret.json.gz"))


def test_every_finding_and_pool_is_told(report: keyrota.Report) -> None:
    """Code, message and remedy of each finding; a table of each pool's keys."""
    text = report_as_markdown(report)
    for finding in report.findings:
        assert f"**{finding.code} {finding.name}" in text
    for pool in report.pools:
        assert f"\n| {pool.name} | " in text
        assert (f"\n## {pool.name}: " in text) is bool(pool.picks)
        for key in pool.keys:
            assert not pool.picks or f"| {key.key} | {key.picks:,} |" in text


def test_text_of_a_log_is_text(report: keyrota.Report) -> None:
    """A name cannot make a link, a mention, an element or a row of a table."""
    name = "a|b <img src=x> [x](http://evil) @team `c`\n# d"
    pools = [msgspec.structs.replace(pool, name=name) for pool in report.pools]
    findings = [msgspec.structs.replace(finding, pool=name) for finding in report.findings]
    text = report_as_markdown(msgspec.structs.replace(report, pools=pools, findings=findings))
    assert "<img" not in text.replace("\\<img", "")
    assert not re.search(r"(?<!\\)[\[@]", text)
    assert "\n# d" not in text
    rows = [line for line in text.splitlines() if line.startswith("| a")]
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {7}


def test_a_report_without_findings_says_so() -> None:
    """Nothing found is a sentence too."""
    report = keyrota.judge(keyrota.read(SAMPLES / "healthy.json.gz"))
    text = report_as_markdown(msgspec.structs.replace(report, findings=[]))
    assert "\n\nNo findings.\n\n" in text


def test_commands_stay_code_and_other_text_does_not() -> None:
    """Our own commands between backquotes are code; any other backquote is a character."""
    assert escaped("try `keyrota plan LOG` now") == "try `keyrota plan LOG` now"
    assert escaped("`rm -rf`") == "\\`rm -rf\\`"


def test_columns_of_words_stand_left() -> None:
    """Numbers stand to the right."""
    assert table(["a", "b", "n"], [["x", "y", "1"]], words=2).splitlines()[1] == "| :-- | :-- | --: |"
