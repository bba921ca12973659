"""`keyrota report LOG --against EARLIER-LOG`."""

import json

import pytest

from keyrota.cli.boundary import run


def lines(keys, *, day, errors=()):
    """Picks of CHAT once a minute, each in an isolate of its own, as a drain sends them."""
    rows = []
    for n, key in enumerate(keys):
        stamp = f"{day}T{n // 60:02d}:{n % 60:02d}"
        isolate = f"{n:08d}-2222-4333-8444-5555{day.replace('-', '')}"
        row = {
            "event_type": "Log",
            "execution_id": isolate,
            "function_id": "0d67aaaa-1111-4222-8333-444455556666",
        }
        message = f"🔑 Using GOOGLE_KEY_{key} (position {key}/2 in pool)"
        rows.append(row | {"event_message": message, "timestamp": f"{stamp}:01.000Z"})
        if n in errors:
            error = "🔴 Google AI Studio error: 429 {}"
            rows.append(row | {"event_message": error, "timestamp": f"{stamp}:02.000Z"})
    return [json.dumps(row) for row in rows]


EARLIER = lines([1 + n % 2 for n in range(300)], day="2025-11-10", errors=range(0, 300, 50))
LATER = lines([1] * 300, day="2025-11-11", errors=range(0, 300, 5))


@pytest.fixture
def logs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, rows in (("early.ndjson", EARLIER), ("late.ndjson", LATER), ("both.ndjson", EARLIER + LATER)):
        (tmp_path / name).write_text("\n".join(rows) + "\n")


def text_of(capsys, *arguments):
    assert run(["report", *arguments]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_against_an_earlier_log(logs, capsys):
    """The report is followed by what changed, in words."""
    text = text_of(capsys, "late.ndjson", "--against", "early.ndjson")
    assert text.startswith("keyrota ")
    section = text[text.index("Against early.ndjson") :]
    assert "(2025-11-10 00:00 to 2025-11-10 04:59 UTC) CHAT (300 picks -> 300)" in section
    assert "50.0 % -> 100.0 %, beyond chance" in section
    assert "429s: 2.0 % -> 20.0 %, beyond chance" in section


def test_the_same_log_and_since(logs, capsys):
    """What lies before --since is the earlier period: the section is that of two files, but for the name."""
    two = text_of(capsys, "late.ndjson", "--against", "early.ndjson")
    one = text_of(capsys, "both.ndjson", "--since", "2025-11-11", "--against", "both.ndjson")
    assert one[one.index("Against") :] == two[two.index("Against") :].replace("early.ndjson", "both.ndjson")


def test_several_earlier_logs_and_json(logs, capsys):
    """--against is repeatable; rows that two logs share count once; JSON has one more field."""
    arguments = ["late.ndjson", "--against", "early.ndjson", "--against", "both.ndjson", "--format", "json"]
    content = json.loads(text_of(capsys, *arguments))
    assert content["comparison"]["earlier"]["sources"] == ["early.ndjson", "both.ndjson"]
    (chat,) = content["comparison"]["pools"]
    assert (chat["picks_before"], chat["picks_after"]) == (300, 300)
    assert {change["what"] for change in chat["changes"]} >= {"shares", "rejections", "traffic"}


def test_inferred_pools_have_one_name(logs, capsys):
    """The earlier log is read with the pools that the later one shows."""
    text = text_of(capsys, "late.ndjson", "--pools", "infer", "--against", "early.ndjson")
    assert "(300 picks -> 300)" in text[text.index("Against") :]


def test_without_against_nothing_is_compared(logs, capsys):
    """The report alone."""
    assert "Against" not in text_of(capsys, "late.ndjson")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["late.ndjson", "--against", "late.ndjson"], 3, "give the earlier log to --against"),
        (["early.ndjson", "--against", "late.ndjson"], 3, 'no event of "late.ndjson" lies before'),
        (["late.ndjson", "--against", "none.ndjson"], 3, "none.ndjson"),
        (["late.ndjson", "--against", "early.ndjson", "-o", "early.ndjson", "--force"], 2, "of the inputs"),
    ],
)
def test_what_cannot_be_compared(logs, capsys, arguments, code, words):
    """A log with itself, a later one, one that is not there; and no log is written over."""
    assert run(["report", *arguments]) == code
    assert words in capsys.readouterr().err
