"""`keyrota plan`: what it answers, writes and refuses."""

import json

import pytest

from keyrota.cli.boundary import run
from keyrota.events import write_events
from uneven_rotation import uneven_events

FOUR = ["plan", "--rate", "4/min", "--per-minute", "2"]
QUICK = ["plan", "--rate", "1/min", "--per-minute", "2", "--window", "fixed"]


def printed(capsys, *arguments):
    code = run([*arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def sizes(data):
    return {
        (entry["policy"], entry["on_reject"], entry["window"]): entry["keys"] for entry in data["options"]
    }


def test_sixteen_keys_as_it_rotates_and_four_with_fail_over(capsys):
    """The answer that the theory page ends with, for both windows."""
    code, out, err = printed(capsys, *FOUR, "--format", "json")
    assert (code, err) == (0, "")
    found = sizes(json.loads(out))
    today = "random-start-round-robin"
    assert found[today, "fail", "fixed"] in (15, 16)
    assert found[today, "fail", "sliding"] in (26, 27)
    assert (found[today, "failover", "fixed"], found[today, "failover", "sliding"]) == (4, 5)
    assert json.loads(out)["recommendation"]["keys"] == 4


def test_a_window_that_is_known_is_the_only_one(capsys):
    """One column of keys, and the recommendation is for it."""
    _, out, _ = printed(capsys, *FOUR, "--window", "sliding", "--format", "json")
    data = json.loads(out)
    assert {entry["window"] for entry in data["options"]} == {"sliding"}
    assert data["recommendation"]["keys"] == 5


def test_same_seed_same_bytes_on_any_workers(capsys):
    """In each format; by default on all cores."""
    for form in ("text", "json", "markdown"):
        first = printed(capsys, *QUICK, "--format", form, "--jobs", "1")[1]
        assert printed(capsys, *QUICK, "--format", form, "--jobs", "2")[1] == first
        assert printed(capsys, *QUICK, "--format", form)[1] == first
        assert printed(capsys, *QUICK, "--format", form, "--seed", "1")[1] != first


def test_declared_pools_without_a_rate_are_left_alone(capsys):
    """Their keys keep their numbers, in the mapping too; a note says that they are not planned for."""
    code, out, err = printed(
        capsys, "plan", "--rate", "IMAGE=40/min", "--window", "fixed", "--format", "json"
    )
    assert code == 0
    assert "no --rate for CHAT and ARTIFACT" in err
    data = json.loads(out)
    assert [pool["pool"] for pool in data["pools"]] == ["IMAGE"]
    assert "[7, 8, 9, 10, 11, 12," in data["recommendation"]["key_mapping"]
    assert '"GOOGLE_AI_STUDIO_KEY_CHAT": [1, 2]' in data["recommendation"]["key_mapping"]


def test_one_pool_of_the_declared_ones(capsys):
    """New keys take numbers that no other pool has, though the others were not chosen."""
    _, out, _ = printed(
        capsys, "plan", "--pool", "CHAT", "--rate", "0.1/min", "--window", "fixed", "--format", "json"
    )
    assert "GOOGLE_KEY_11=" in "".join(json.loads(out)["recommendation"]["secrets"])


def test_it_writes_a_file_once(capsys, tmp_path):
    """Whole, and never over another without --force."""
    path = tmp_path / "plan.md"
    assert printed(capsys, *QUICK, "--format", "markdown", "-o", str(path))[0] == 0
    assert path.read_text(encoding="utf-8").startswith("# Keys for at most 1 % 429s")
    code, _, err = printed(capsys, *QUICK, "-o", str(path))
    assert (code, err.count("\n")) == (4, 1)


def test_a_scenario_file_says_how_it_counts(capsys, tmp_path):
    """Its window is the one that is planned for."""
    path = tmp_path / "scenario.toml"
    path.write_text(
        'window = "sliding"\n[[pools]]\nname = "A"\nkeys = [1]\nquota = { per_minute = 2 }\n'
        '[[functions]]\nname = "f"\npool = "A"\narrivals = { process = "poisson", rate_per_min = 1.0 }\n'
    )
    code, out, err = printed(capsys, "plan", "--scenario", str(path), "--format", "json")
    assert (code, err) == (0, "")
    assert {entry["window"] for entry in json.loads(out)["options"]} == {"sliding"}
    assert json.loads(out)["demand"]["source"] == "the scenario"


def test_growth_is_looked_ahead(capsys):
    """To the horizon that is given."""
    _, out, _ = printed(capsys, *QUICK, "--growth", "10%/month", "--horizon", "30d", "--format", "json")
    growth = json.loads(out)["pools"][0]["growth"]
    assert growth["horizon_days"] == 30.0
    assert growth["per_min_at_horizon"] == pytest.approx(1.1 ** (30 * 12 / 365.25))


def test_a_rate_beyond_a_thousand_keys_is_answered_in_words(capsys):
    """One clear sentence, no number of keys."""
    code, out, _ = printed(capsys, "plan", "--rate", "5000/min", "--per-minute", "2")
    assert code == 0
    assert "the limits alone take 2,475 keys or more; at most 1,000 are planned for" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--per-minute", "2"], "there is no traffic: give --rate 4/min"),
        (["--rate", "0/min", "--per-minute", "2"], "its rate is 0"),
        (["--rate", "4/min", "--keys", "2"], "--keys needs a limit"),
        (["--rate", "4/min", "--per-minute", "2", "--target", "0"], "share between 0 and 1"),
        (["--rate", "4/min", "--per-minute", "2", "--target", "2"], "share between 0 and 1"),
        (["--rate", "4/min", "--per-minute", "2", "--growth", "0%/day"], "growth above 0"),
        (["--rate", "4/min", "--per-minute", "2", "--horizon", "30d"], "--horizon has no effect here"),
        (["--rate", "4/min", "--per-minute", "2", "--strict"], "they go with LOG... or --store"),
        (["--rate", "4/min", "--per-minute", "2", "--since", "24h"], "they go with LOG"),
        (
            ["--rate", "4/min", "--per-minute", "2", "--growth", "1%/day", "--horizon", "0d"],
            "horizon_days is 0",
        ),
        (["--rate", "4/min"], "does not say which of the pools"),
        (["--rate", "4/min", "--per-minute", "2", "--jobs", "0"], "jobs is 0"),
        (["day.log", "--rate", "4/min"], "the traffic is that of the logs"),
        (["--rate", "1e7/min", "--per-minute", "1000000"], "too many to simulate"),
    ],
)
def test_bad_input_is_one_clear_line(capsys, arguments, message):
    """Exit code 2, nothing on standard output."""
    code, out, err = printed(capsys, "plan", *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err


def test_a_log_that_the_model_does_not_explain_is_said(capsys, tmp_path):
    """In text, Markdown and JSON, unless options change what is planned for."""
    log, pools = tmp_path / "uneven.parquet", tmp_path / "pools.toml"
    write_events(uneven_events(rate_per_min=2.0, requests=800, shares=(0.85, 0.15)), log, "parquet")
    pools.write_text(
        '[[pool]]\nname = "CHAT"\nkeys = [1, 2]\nfunctions = ["chat"]\nquota = { per_minute = 2 }\n'
    )
    asked = ["plan", "-q", "--pools", str(pools), "--window", "fixed", str(log)]
    for form in ("text", "markdown"):
        code, out, err = printed(capsys, *asked, "--format", form)
        assert (code, err) == (0, "")
        words = " ".join(out.replace("\\", "").split())
        assert "The model does not explain the log: " in words
        assert "the uneven rotation (R101: key 1 has " in words
        assert "In the model, which does not explain the log, " in words
    pool = json.loads(printed(capsys, *asked, "--format", "json")[1])["pools"][0]
    assert pool["against_log"]["explains"] is False
    assert pool["recommendation"]["reason"].startswith("In the model, which does not explain the log, ")
    changed = json.loads(printed(capsys, *asked, "--policy", "least-used", "--format", "json")[1])["pools"][0]
    assert changed["against_log"] is None
