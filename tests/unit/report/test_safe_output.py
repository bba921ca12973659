"""Names that strangers chose reach no terminal, workflow command or XML as anything but text."""

import re
from xml.etree import ElementTree

import msgspec
import pytest

from keyrota.display import count, listed, redact, shown, visible
from keyrota.events import make_events
from keyrota.report.content import judge
from keyrota.report.gate import as_github, as_junit, as_lines
from keyrota.report.schema import FindingReport
from keyrota.report.text import as_text

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "line\n::error::forged",
    "[/bold][link=http://x]y[/]",
    "<script>alert(1)</script>&amp;]]>",
    "%0A::set-output name=x::y",
    "\u202eevil\u2028",
    "a\x00b\x9b",
    "\ud83d",
    "AIzaSyA123456789012345678901234567890123",
]
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]")


def finding(text):
    return FindingReport(
        "R102", "start-not-random", "error", text, [1], text, {"places": [f"{text}:3"], "source": text}, text
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_text_report(text):
    """A hostile pool, function, file and finding leave no control character and no key in the text."""
    report = judge(
        make_events({"kind": ["pick"], "key": [1], "position": [1], "size": [2], "pool": ["CHAT"]})
    )
    pool = msgspec.structs.replace(report.pools[0], name=text, functions=[text], model=text)
    source = {"name": text, "reason": text}
    hostile = msgspec.structs.replace(
        report,
        pools=[pool],
        findings=[finding(text)],
        input=msgspec.structs.replace(report.input, skipped=[source], key_labels={"1": text}),
    )
    for printed in (as_text(hostile), as_lines([finding(text)])):
        assert not CONTROL.search(printed)
        assert "AIza" not in printed


@pytest.mark.parametrize("text", HOSTILE)
def test_colour_is_only_our_own(text):
    """With colours on, the only escapes are those of our own styles."""
    report = judge(
        make_events({"kind": ["pick"], "key": [1], "position": [1], "size": [2], "pool": ["CHAT"]})
    )
    printed = as_text(msgspec.structs.replace(report, findings=[finding(text)]), color=True)
    assert not CONTROL.search(re.sub(r"\x1b\[[0-9;]*m", "", printed))
    assert "\x1b[1;31m" in printed


@pytest.mark.parametrize("text", HOSTILE)
def test_github(text):
    """One finding is one line and one command, whatever its text holds."""
    printed = as_github([finding(text)])
    assert printed.count("\n") == 1
    assert printed.startswith("::error ")
    assert not CONTROL.search(printed)
    properties = printed.split("::", 2)[1]
    assert properties.count(",") <= 2
    assert "AIza" not in printed


@pytest.mark.parametrize("text", HOSTILE)
def test_junit(text):
    """JUnit stays well-formed, with the same elements, whatever the text holds."""
    root = ElementTree.fromstring(as_junit([finding(text)], [("R102", "start-not-random")]))
    assert [element.tag for element in root.iter()] == ["testsuites", "testsuite", "testcase", "failure"]


def test_redaction():
    """Keys are masked in every form, whole or cut, in text and in addresses, and once is enough."""
    for secret in (
        "AIzaSyA123456789012345678901234567890123",
        "AIzaSyA12345",
        "AQ.Ab8RN6IabcdefghijkL",
        "sk-proj-abcdefghijkl",
    ):
        for text in (secret, f"key {secret}, more", f"https://x/v1?key={secret}&alt=sse"):
            masked = redact(text)
            assert secret not in masked
            assert secret[5:] not in masked
            assert redact(masked) == masked
    assert redact("https://x/v1?key=opaque-token-1") == "https://x/v1?key=[key]"
    assert redact("expected format: AIzaSy... (39 characters)").endswith("(39 characters)")


def test_shown_and_listed():
    """Values in messages are quoted, safe and short; lists read as sentences."""
    assert shown("x" * 100) == '"' + "x" * 60 + '..."'
    assert shown(True) == "true"
    assert shown("AIzaSyA123456789012345678901234567890123") == '"[key]"'
    assert visible("tab\there") == "tab\\x09here"
    assert listed([]) == ""
    assert listed(["a", "b"]) == "a and b"
    assert count(1, "entry", "entries") == "1 entry"
    assert count(2, "entry", "entries") == "2 entries"
