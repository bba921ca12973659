"""Findings as a gate prints them: lines for people, JSON, GitHub annotations, JUnit XML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from keyrota.display import count, visible
from keyrota.report.as_json import as_json
from keyrota.report.schema import FindingReport

SCHEMA = "keyrota.check/1"

_GITHUB_LEVEL = {"error": "error", "warning": "warning", "note": "notice"}
# Characters that XML 1.0 cannot hold, even escaped, are already spelled out by `visible`.


def as_lines(findings: Sequence[FindingReport]) -> str:
    """Return one line for each finding and one that sums up, as a linter does."""
    lines = [visible(f"{_where(f)}: {f.code} {f.name} ({f.severity}): {f.message}") for f in findings]
    errors = sum(f.severity == "error" for f in findings)
    if not findings:
        lines.append("no findings")
    else:
        lines.append(
            f"{count(len(findings), 'finding')}, {count(errors, 'error')}; `keyrota explain CODE` tells more"
        )
    return "\n".join(lines) + "\n"


def as_check_json(findings: Sequence[FindingReport], *, failed: bool) -> str:
    """Return the findings as JSON, with whether the gate failed."""
    return as_json({"schema": SCHEMA, "failed": failed, "findings": list(findings)})


def as_github(findings: Sequence[FindingReport]) -> str:
    """Return GitHub workflow commands, one a line, at the first place of each finding.

    Text of a log cannot add a command: percent signs, line breaks and separators are escaped as
    GitHub's toolkit does.
    """
    lines = []
    for f in findings:
        properties = [f"title={_property(f'{f.code} {f.name}')}"]
        place = _first_place(f)
        if place:
            properties = [f"file={_property(place[0])}", f"line={place[1]}", *properties]
        message = f"{f.pool + ': ' if f.pool else ''}{f.message}. {f.remedy}"
        lines.append(f"::{_GITHUB_LEVEL[f.severity]} {','.join(properties)}::{_data(message)}")
    return "\n".join(lines) + "\n" if lines else ""


def as_junit(findings: Sequence[FindingReport], codes: Sequence[tuple[str, str]]) -> str:
    """Return JUnit XML: a test case for each rule, failed where it found an error.

    Parameters
    ----------
    findings
        What is left after selection.
    codes
        Code and name of every rule that was run.
    """
    failing = {f.code for f in findings if f.severity == "error"}
    suite = ElementTree.Element(
        "testsuite",
        name="keyrota",
        tests=str(len(codes)),
        failures=str(len(failing)),
        errors="0",
        skipped="0",
    )
    for code, name in sorted(codes):
        case = ElementTree.SubElement(suite, "testcase", classname="keyrota", name=f"{code} {name}")
        own = [f for f in findings if f.code == code]
        text = "\n".join(visible(f"{_where(f)}: {f.message}. {f.remedy}") for f in own)
        if code in failing:
            failure = ElementTree.SubElement(case, "failure", message=visible(own[0].message), type=code)
            failure.text = text
        elif own:
            ElementTree.SubElement(case, "system-out").text = text
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _where(finding: FindingReport) -> str:
    return finding.pool or str(finding.evidence.get("source", "log"))


def _first_place(finding: FindingReport) -> tuple[str, str] | None:
    places = finding.evidence.get("places")
    match = re.fullmatch(r"(.+):([0-9]+)", places[0]) if places else None
    return (match[1], match[2]) if match else None


def _data(text: str) -> str:
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
