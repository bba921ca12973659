"""The report page: safe whatever a log holds, the same bytes for the same input, and true to the report."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

import keyrota
from keyrota.report.html import as_html
from keyrota.report.page import Page, page_of, spark_of
from keyrota.report.schema import UseReport

SAMPLES = Path(__file__).resolve().parents[3] / "sample_logs"
LOG = SAMPLES / "day_with_429s.log.zst"


class Parsed(HTMLParser):
    """The elements of a page with the names of their attributes, its texts, and what it refers to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: Counter[tuple[str, ...]] = Counter()
        self.references: list[str] = []
        self.policy = ""
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[(tag, *sorted(name for name, _ in attrs))] += 1
        own = dict(attrs)
        self.references += [str(own[name]) for name in ("src", "href", "action", "data") if name in own]
        if own.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(own["content"])

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def page() -> Page:
    reading = keyrota.read(LOG)
    return page_of(keyrota.judge(reading), reading, target=0.01, seed=0)


@pytest.fixture(scope="module")
def written(page: Page) -> str:
    return as_html(page)


def test_page_runs_nothing_and_loads_nothing(written: str) -> None:
    """No script, no handler, no inline style, no address: pictures are inside, links stay on the page."""
    parsed = Parsed(written)
    names = {name for element in parsed.elements for name in element[1:]}
    assert not [
        element for element in parsed.elements if element[0] in ("script", "iframe", "object", "form")
    ]
    assert not [name for name in names if name.startswith("on") or name == "style"]
    assert [target for target in parsed.references if not target.startswith(("data:", "#"))] == []


def test_policy_lets_the_one_style_sheet_through(written: str) -> None:
    """The hash in the policy is that of the style element, and everything else is forbidden."""
    style = re.search(r"<style>(.*?)</style>", written, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert Parsed(written).policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def test_every_figure_has_words_and_numbers(written: str) -> None:
    """Each picture has a text alternative and a table beside it."""
    images = re.findall(r'<img src="data:image/svg\+xml;base64,[^"]+" alt="([^"]+)"', written)
    assert len(images) >= 10
    assert all(len(words) > 20 for words in images)
    assert written.count("<summary>The numbers</summary>") == len(images)


def test_page_says_what_the_report_says(page: Page, written: str) -> None:
    """Verdicts, findings with remedies, counts of the input, the plan and what is to be pasted."""
    text = " ".join(" ".join(Parsed(written).texts).split())
    for finding in page.report.findings:
        assert f"{finding.code} {finding.name}" in text
        assert finding.remedy.split("`")[0].strip() in text
    for plan in page.plans:
        assert plan.pool in text
    assert f"{page.report.input.lines:,}" in text
    assert "supabase secrets set GOOGLE_KEY_11=" in text
    order = [
        text.index(title) for title in ("Verdicts", "Findings", "How many keys", "How this was computed")
    ]
    assert order == sorted(order)


def test_spans_of_a_sparkline_are_whole_hours() -> None:
    """Picks of hours are summed in equal spans, and hours without picks count."""
    hours = [UseReport(f"2025-11-10T{hour:02}:00:00Z", hour, {}, 0, None) for hour in (1, 2, 5, 6)]
    assert spark_of(hours, bins=60) == [1, 2, 0, 0, 5, 6]
    assert spark_of(hours, bins=3) == [3, 0, 11]
    assert spark_of([], bins=3) == []


def test_page_is_the_same_bytes_everywhere(tmp_path: Path) -> None:
    """Hash seed, time zone and locale change nothing."""
    target = tmp_path / "page.html"
    surroundings = {"PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    command = [sys.executable, "-m", "keyrota", "report", "-q", str(LOG), "-o", str(target)]
    subprocess.run(command, check=True, env={**os.environ, **surroundings})
    expected = tmp_path / "again.html"
    reading = keyrota.read(str(LOG))
    expected.write_text(as_html(page_of(keyrota.judge(reading), reading, target=0.01)), encoding="utf-8")
    assert target.read_bytes() == expected.read_bytes()
