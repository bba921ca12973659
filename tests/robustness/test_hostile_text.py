"""Hostile text in every field of everything that is printed: it is shown, and does nothing."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from selectolax.lexbor import LexborHTMLParser

import keyrota
from hostile import CONTROLS, SGR, replaced, texts
from keyrota.display import shown, visible
from keyrota.findings.registry import RULES
from keyrota.history.accounts import Add, AddedSource, DayTotal, Listing
from keyrota.history.text import as_text as history_text
from keyrota.report import html
from keyrota.report.as_json import as_json
from keyrota.report.comparison import compare_readings
from keyrota.report.comparison_text import comparison_as_text
from keyrota.report.figures import ReportFigure
from keyrota.report.gate import as_check_json, as_github, as_junit, as_lines
from keyrota.report.html import as_html
from keyrota.report.markdown import report_as_markdown
from keyrota.report.page import Page, page_of
from keyrota.report.text import as_text

SAMPLES = Path(__file__).resolve().parents[2] / "sample_logs"
SPELLED = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4}))")
"""How a character that is not shown is spelled."""


@lru_cache
def page() -> Page:
    """The page of a day with 429s, its fitted model, its plan, and a comparison."""
    reading = keyrota.read(SAMPLES / "day_with_429s.log.zst")
    report = keyrota.judge(reading)
    earlier = keyrota.read(SAMPLES / "start_at_first.csv")
    report = msgspec.structs.replace(report, comparison=compare_readings(earlier, reading))
    skipped = [{"name": "a.txt", "reason": "text"}]
    own = msgspec.structs.replace(report.input, skipped=skipped, key_labels={"1": "...abcd"})
    return page_of(msgspec.structs.replace(report, input=own), reading, target=0.01, jobs=1)


def listing() -> Listing:
    source = AddedSource(name="a", format="json", first=None, last=None, lines=1, rows=1, duplicates=0)
    add = Add(number=1, at="2025-11-10T08:00:00Z", pools="pools.toml", sources=(source,), notes=("cut",))
    day = DayTotal(day="2025-11-10", pool="CHAT", events=1, picks=1, rejections=0)
    return Listing(
        schema="keyrota.history/1",
        store="s",
        bytes=1,
        rows=1,
        first=None,
        last=None,
        adds=(add,),
        days=(day,),
    )


def printed(own: Page, store: Listing) -> dict[str, str]:
    """Every text for a terminal, a mail or a pipeline that this content gives."""
    report = own.report
    codes = [(rule.code, rule.name) for rule in RULES]
    assert report.comparison is not None
    return {
        "text": as_text(report),
        "colour": SGR.sub("", as_text(report, color=True)),
        "comparison": comparison_as_text(report.comparison),
        "history": history_text(store, color=False, width=100),
        "lines": as_lines(report.findings),
        "github": as_github(report.findings),
        "junit": as_junit(report.findings, codes),
        "markdown": report_as_markdown(report),
        "json": as_json(report),
        "check json": as_check_json(report.findings, failed=True),
    }


@pytest.mark.parametrize(
    "rounds",
    [range(5), *(pytest.param(range(at, at + 125), marks=pytest.mark.nightly) for at in range(0, 1000, 125))],
    ids=lambda rounds: f"{100 * len(rounds):,} texts from {100 * rounds.start:,}",
)
def test_no_output_holds_a_control(rounds: range) -> None:
    """In every field of a report, a comparison, findings and a listing: no control, no key, no command."""
    fields = Counter[str]()
    for n in rounds:
        supply = itertools.cycle([" ".join(texts(100, seed=1000 * n + part)) for part in range(3)])
        own = replaced(page().report, lambda: fields.update("f") or next(supply))  # noqa: B023
        whole = dataclasses.replace(page(), report=own)
        for name, text in printed(whole, replaced(listing(), lambda: next(supply))).items():  # noqa: B023
            found = CONTROLS.search(text)
            assert found is None, (n, name, text[max(0, found.start() - 60) : found.end() + 20])
            assert "canary" not in text, (n, name)
            assert "opaque-secret" not in text, (n, name)
    assert fields["f"] > 100 * len(rounds)


def test_one_door_for_a_hundred_thousand_texts() -> None:
    """What is made visible holds no control and no key, stays so, and loses nothing that can be shown."""
    for text in texts(100_000, seed=3):
        safe = visible(text)
        assert CONTROLS.search(safe) is None
        assert "\n" not in safe
        assert "\t" not in safe
        assert "canary" not in safe
        assert visible(safe) == safe
        if CONTROLS.search(text) is None and "AIza" not in text and "key=" not in text:
            # Nothing is dropped but by being spelled out.
            assert (
                SPELLED.sub(lambda found: chr(int(found[1] or found[2], 16)), safe) == text or "\\x1b" in text
            )
        assert CONTROLS.search(shown(text)) is None


def test_findings_give_their_own_commands_alone() -> None:
    """One annotation for each finding, whatever its text holds: its level, its place, its words."""
    findings = page().report.findings
    for n in range(300):
        supply = texts(10_000, seed=n)
        hostile = [replaced(finding, lambda: next(supply)) for finding in findings]  # noqa: B023
        text = as_github(hostile)
        assert text.count("\n") == len(hostile)
        for line in text.splitlines():
            _level, properties, message = re.fullmatch(r"::(error|warning|notice) (.*?)::(.*)", line).groups()  # type: ignore[union-attr]
            assert re.fullmatch(r"(file=[^,:]*,line=[0-9]+,)?title=[^,:]*", properties)
            assert not re.search(r"%(?!25|0A|0D|3A|2C)", properties + message)


def test_junit_holds_its_own_elements_alone() -> None:
    """The XML parses, with the elements and attributes that harmless text gives."""
    codes = [(rule.code, rule.name) for rule in RULES]
    findings = page().report.findings

    def shape(supply: Iterator[str]) -> list[tuple[str, list[str]]]:
        own = [
            msgspec.structs.replace(replaced(finding, lambda: next(supply)), code=finding.code)
            for finding in findings
        ]
        return [
            (element.tag, sorted(element.attrib))
            for element in ElementTree.fromstring(as_junit(own, codes)).iter()
        ]

    harmless = shape(itertools.repeat("plain"))
    assert len(harmless) > len(codes)
    for n in range(300):
        assert shape(texts(10_000, seed=n)) == harmless


PAYLOADS = [
    f"{before}{core}{after}"
    for core in (
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "{{ 7*7 }}",
        "{% raw %}", "javascript:alert(1)", "</style><script>1</script>", "<iframe src=//evil>", "&#60;b",
        "onmouseover=alert(1)", "<!--", "]]>", "<base href=//evil>", "<meta http-equiv=refresh>",
        "<a href=https://evil>", "\u202ecod\u2066", "\x1b]0;title\x07", "\x00\x08\x7f", "%3Cscript%3E",
        "<math><mtext></table><style>", "<noscript><p title='</noscript><img src=x onerror=1>'>",
        "<template><script>1</script></template>", "</textarea><object data=//evil>",
    )
    for before, after in (("", ""), ('"', '"'), ("'", "'"), ("</title>", ""), ('">', "<"), ("--></p>", "`"),
                          ("</details>", ""), ("\ud800", "\udfff"))
]  # fmt: skip


def parsed(text: str) -> tuple[Counter[tuple[str, ...]], list[str], str]:
    """The elements of a page with the names of their attributes, what it refers to, and its text."""
    elements: Counter[tuple[str, ...]] = Counter()
    references: list[str] = []
    root = LexborHTMLParser(text).root
    assert root is not None
    for node in root.traverse(include_text=False):
        elements[(node.tag or "", *sorted(node.attributes))] += 1
        references += [
            str(node.attributes[name])
            for name in ("src", "href", "action", "data")
            if name in node.attributes
        ]
    return elements, references, root.text()


plan_of_page = html._plan


@lru_cache
def plan() -> Any:
    """What the page shows of the plan; its figures are replaced by one that holds hostile words."""
    return plan_of_page(page(), ())


def hostile_page(payload: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page whose report, models, plan and figures hold the payload in every text."""
    figure = ReportFigure(
        "shares",
        payload,
        payload,
        payload,
        (payload, payload),
        ((payload, payload),),
        lambda ax: None,
        (4, 3),
    )
    monkeypatch.setattr(html, "figures_of", lambda page: [figure])
    monkeypatch.setattr(html, "as_svg", lambda figure: "<svg xmlns='http://www.w3.org/2000/svg'/>")
    monkeypatch.setattr(html, "_plan", lambda page, figures: replaced(plan(), lambda: payload))
    own = {name: replaced(getattr(page(), name), lambda: payload) for name in ("report", "models")}
    return as_html(dataclasses.replace(page(), **own, left_out=(payload,)))


def test_a_page_has_the_elements_of_harmless_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """At least 150 payloads in every text: an HTML5 parser finds the harmless page's elements, no script."""
    assert len(PAYLOADS) >= 150
    harmless, references, _ = parsed(hostile_page("plain", monkeypatch))
    assert sum(harmless.values()) > 300
    for payload in PAYLOADS:
        elements, others, text = parsed(hostile_page(payload, monkeypatch))
        # Text between backquotes is shown as code, which has no attribute and runs nothing.
        code = elements.pop(("code",), 0) - harmless.get(("code",), 0)
        assert elements == harmless - Counter({("code",): harmless[("code",)]}), payload
        assert code == 0 or "`" in payload
        assert others == references
        assert not CONTROLS.search(text)
        assert not any(name == "script" or "style" in own for name, *own in elements)
        assert not any(attribute.startswith("on") for _, *own in elements for attribute in own)
    assert all(target.startswith(("#", "data:image/svg+xml;base64,", "data:,")) for target in references)
