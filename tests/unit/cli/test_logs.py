"""`keyrota report`, `check`, `parse` and `explain` on logs."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

import keyrota
from keyrota.cli.boundary import run

FIRST = "".join(
    f"2025-11-10T12:{i // 60:02d}:{i % 60:02d}Z [Info] Listening on http://localhost:9999/\n"
    f"2025-11-10T12:{i // 60:02d}:{i % 60:02d}.5Z [Info] Using GOOGLE_KEY_1 (position 1/2 in pool)\n"
    for i in range(60)
)
HEALTHY = "".join(f"Using GOOGLE_KEY_{1 + i % 2} (position {1 + i % 2}/2 in pool)\n" for i in range(400))


@pytest.fixture
def first(tmp_path):
    path = tmp_path / "first.log"
    path.write_text(FIRST)
    return str(path)


@pytest.fixture
def healthy(tmp_path):
    path = tmp_path / "healthy.log"
    path.write_text(HEALTHY)
    return str(path)


def test_report_is_zero_even_with_findings(first, capsys):
    """`report` tells of faults and exits with 0; the gate is `check`."""
    assert run(["report", first]) == 0
    out = capsys.readouterr().out
    assert "CHAT  unfair" in out
    assert "R102 start-not-random" in out
    assert "all 60 isolates begin at key 1" in out


def test_check_fails_on_errors_only(first, healthy, capsys):
    """`check` exits with 1 if an error is left, and with 0 on warnings and notes."""
    assert run(["check", first]) == 1
    assert run(["check", healthy]) == 0
    assert "D404 isolates-unknown (note)" in capsys.readouterr().out


def test_check_select_and_ignore(first, capsys):
    """--select and --ignore take codes and kinds, commas and repetition, in any case."""
    assert run(["check", first, "--ignore", "R102,r101", "--ignore", "R106"]) == 0
    assert run(["check", first, "--select", "C,D"]) == 0
    assert run(["check", first, "--select", "r1"]) == 1
    assert run(["check", first, "--select", "R7"]) == 2
    assert "no finding has a code that begins with R7" in capsys.readouterr().err


def test_select_keeps_a_log_without_picks(tmp_path, capsys):
    """A gate that selects a kind fails on a log without picks that can be judged, unless it ignores that."""
    empty = tmp_path / "empty.log"
    empty.write_text("[Info] Listening on http://localhost:9999/\n", encoding="utf-8")
    assert run(["check", str(empty), "--select", "R,C"]) == 1
    assert "D405 no-picks (error)" in capsys.readouterr().out
    assert run(["check", str(empty), "--select", "R,C", "--ignore", "D405"]) == 0
    assert run(["check", str(empty), "--select", "R", "--ignore", "D"]) == 0
    zero = tmp_path / "zero.log"
    zero.write_text(
        "".join(f"Using GOOGLE_KEY_{n} (position 1/2 in pool)\n" for n in (0, 1)), encoding="utf-8"
    )
    assert run(["check", str(zero), "--select", "R102"]) == 1
    assert "D406 unread-picks (error)" in capsys.readouterr().out


def test_check_json(first, capsys):
    """JSON holds the findings and whether the gate failed."""
    assert run(["check", first, "--format", "json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert content["schema"] == "keyrota.check/1"
    assert content["failed"] is True
    assert "R102" in {finding["code"] for finding in content["findings"]}


def test_check_github(first, capsys):
    """Each finding is one workflow command, errors as errors."""
    assert run(["check", first, "--format", "github"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines)
    assert any(
        line.startswith("::error ") and "title=R102 start-not-random::CHAT: " in line for line in lines
    )


def test_check_junit(first, capsys):
    """JUnit counts a test case for each rule and a failure for each rule that found an error."""
    assert run(["check", first, "--format", "junit"]) == 1
    suite = ElementTree.fromstring(capsys.readouterr().out).find("testsuite")
    cases = suite.findall("testcase")
    failed = {case.get("name") for case in cases if case.find("failure") is not None}
    assert int(suite.get("tests")) == len(cases)
    assert int(suite.get("failures")) == len(failed)
    assert "R102 start-not-random" in failed


def test_same_input_and_seed_same_bytes(first, capsys):
    """Two runs print the same JSON."""
    outputs = []
    for _ in range(2):
        assert run(["report", first, "--format", "json", "--seed", "7"]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]


def test_output_is_not_overwritten(first, tmp_path, capsys):
    """--output refuses a file that exists, and --force replaces it."""
    target = tmp_path / "report.json"
    target.write_text("precious")
    assert run(["report", first, "--format", "json", "-o", str(target)]) == 4
    assert target.read_text() == "precious"
    assert "exists; give --force to replace it" in capsys.readouterr().err
    assert run(["report", first, "--format", "json", "-o", str(target), "--force"]) == 0
    assert json.loads(target.read_text())["schema"] == "keyrota.report/1"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["events.parquet", "events.csv", "events.ndjson"])
def test_parse_round_trip(first, tmp_path, name):
    """The event table that `parse` wrote is read back the same."""
    target = tmp_path / name
    assert run(["parse", first, "-o", str(target), "-q"]) == 0
    pd.testing.assert_frame_equal(
        keyrota.read_events(target), keyrota.read_logs(first), check_categorical=False
    )


def test_parse_prints_csv(first, capsys):
    """Without --output the table is printed as CSV."""
    assert run(["parse", first]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("time,kind,pool,key,position,size")
    assert len(lines) == 121


def test_span(first, capsys):
    """--since and --until cut the events; a duration counts back from the last event."""
    assert run(["report", first, "--since", "2025-11-10T12:00:30Z", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["pools"][0]["picks"] == 30
    assert run(["report", first, "--since", "9.5s", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["pools"][0]["picks"] == 10
    assert run(["report", first, "--until", "2025-11-10T14:00:10+02:00", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["pools"][0]["picks"] == 10
    assert run(["report", first, "--since", "2030-01-01"]) == 3
    assert "the log has events from 2025-11-10" in capsys.readouterr().err


def test_spans_that_are_no_times(healthy, capsys):
    """A time that is none, and a duration without any time in the log, are refused."""
    assert run(["report", healthy, "--since", "yesterday"]) == 2
    assert run(["report", healthy, "--since", "1h"]) == 2
    assert "no event of the log has a time to count back from" in capsys.readouterr().err


def test_no_log_is_exit_3(tmp_path, capsys):
    """A file that holds no log exits with 3 and says what was found instead."""
    path = tmp_path / "poem.txt"
    path.write_text("Shall I compare thee to a summer's day?\n")
    assert run(["report", str(path)]) == 3
    err = capsys.readouterr().err
    assert "no log found" in err
    assert "poem.txt" in err


def test_quiet_says_nothing(tmp_path, capsys):
    """Notes go to standard error, and --quiet silences them."""
    (tmp_path / "a.log").write_text(HEALTHY)
    (tmp_path / "poem.txt").write_text("Shall I compare thee to a summer's day?\n")
    assert run(["report", str(tmp_path)]) == 0
    assert "poem.txt" in capsys.readouterr().err
    assert run(["report", "-q", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""


def test_infer(tmp_path, capsys):
    """--pools infer judges keys that no file declares, and does not call them undeclared."""
    path = tmp_path / "other.log"
    path.write_text(
        "".join(f"Using GOOGLE_KEY_{21 + i % 3} (position {1 + i % 3}/3 in pool)\n" for i in range(900))
    )
    assert run(["check", str(path)]) == 1
    assert "C202" in capsys.readouterr().out
    assert run(["report", "--pools", "infer", "--format", "json", str(path)]) == 0
    (pool,) = json.loads(capsys.readouterr().out)["pools"]
    assert [key["key"] for key in pool["keys"]] == [21, 22, 23]
    assert [key["picks"] for key in pool["keys"]] == [300, 300, 300]


def test_pools_of_a_log(tmp_path, capsys):
    """`keyrota pools LOG --format toml` writes a file that --pools reads."""
    log, target = tmp_path / "a.log", tmp_path / "pools.toml"
    log.write_text(
        "".join(f"Using GOOGLE_KEY_{21 + i % 3} (position {1 + i % 3}/3 in pool)\n" for i in range(9))
    )
    assert run(["pools", str(log), "--format", "toml", "-o", str(target)]) == 0
    assert [pool.keys for pool in keyrota.load_pools(target)] == [(21, 22, 23)]
    assert run(["pools", str(log), "--pools", str(target)]) == 2
    assert "not both" in capsys.readouterr().err


def test_explain_lists_and_prints(capsys):
    """`explain` lists every rule, and prints a page for a code in any case."""
    from keyrota.findings.registry import RULES

    assert run(["explain"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(RULES)
    assert run(["explain", "r102"]) == 0
    assert capsys.readouterr().out.startswith("# R102 start-not-random")


def test_stdin(capsys, monkeypatch):
    """`-` reads standard input."""
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(HEALTHY.encode())))
    assert run(["report", "-"]) == 0
    assert "400 picks in 400 lines of 1 log, without times" in capsys.readouterr().out


def test_readme_samples_exist():
    """The sample logs that the README names are there."""
    samples = Path(__file__).parents[3] / "sample_logs"
    assert (samples / "healthy.json.gz").exists()


def test_shipped_rules(tmp_path, capsys):
    """--pools example:NAME reads another project's lines with a rule set that comes with keyrota."""
    path = tmp_path / "other.log"
    path.write_text("".join(f"Using API key #{1 + i % 3} of 3\n" for i in range(90)))
    assert run(["report", "--pools", "example:key-of-m", "--format", "json", str(path)]) == 0
    (pool,) = json.loads(capsys.readouterr().out)["pools"]
    assert [key["picks"] for key in pool["keys"]] == [30, 30, 30]
    assert run(["pools", "--pools", "example:gemini-balance", "--format", "toml"]) == 0
    assert "[[rule]]" in capsys.readouterr().out
    assert run(["report", "--pools", "example:nothing", str(path)]) == 2
    assert (
        "there are example:gemini-balance, example:gpt-load and example:key-of-m" in capsys.readouterr().err
    )
