"""`keyrota simulate --like LOG`: what was fitted, whether it explains the log, and what is refused."""

import json

import pytest

from keyrota import theory
from keyrota.cli.boundary import run

POOLS = """
[[pool]]
name = "CHAT"
keys = [1, 2]
functions = ["chat"]
quota = { per_minute = 2 }
[[pool]]
name = "ARTIFACT"
keys = [3, 4, 5, 6]
functions = ["make"]
quota = { per_minute = 2 }
"""
RATES = {"CHAT": 1.0, "ARTIFACT": 3.0}


def printed(capsys, *arguments):
    code = run([*arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pools file, and the log of six hours of both pools."""
    place = tmp_path_factory.mktemp("like")
    (place / "pools.toml").write_text(POOLS, encoding="ascii")
    rates = [option for pool, rate in RATES.items() for option in ("--rate", f"{pool}={rate}/min")]
    arguments = ["simulate", "--pools", str(place / "pools.toml"), *rates, "--duration", "6h", "-q"]
    assert run([*arguments, "--replications", "1", "--write-log", str(place / "a.log"),
                "-o", str(place / "out.txt")]) == 0  # fmt: skip
    return place


@pytest.fixture
def like(folder, capsys):
    """Simulate like that log."""

    def simulate(*options, log="a.log", quiet=True):
        arguments = ["simulate", "--like", str(folder / log), "--pools", str(folder / "pools.toml")]
        return printed(capsys, *arguments, "--replications", "3", *["-q"] * quiet, *options)

    return simulate


def test_text_says_what_was_fitted_and_whether_it_explains_the_log(like):
    """Each pool with its rate and the reason of its traffic, and the verdict."""
    code, out, err = like(quiet=False)
    assert (code, err) == (0, "")
    words = " ".join(out.split())
    assert "3 replications of 5 h 59 min" in words or "3 replications of 6 h" in words
    fitted = words.split("Fitted to the log")[1]
    for pool, function in (("CHAT", "chat"), ("ARTIFACT", "make")):
        assert f"{pool}, {function}: " in fitted
    assert fitted.count("counts vary as those of a constant rate do") == 2
    assert fitted.count("The model explains the log: ") == 2
    assert "The model does not explain" not in fitted


def test_json_has_the_fits(like):
    """Rates whose intervals hold the truth, the observed share beside the predicted one."""
    code, out, _ = like("--format", "json")
    data = json.loads(out)
    assert code == 0
    assert [model["pool"] for model in data["fitted"]] == ["CHAT", "ARTIFACT"]
    for model, keys in zip(data["fitted"], (2, 4), strict=True):
        (function,) = model["functions"]
        rate = RATES[model["pool"]]
        assert function["per_min"]["ci_low"] <= rate <= function["per_min"]["ci_high"]
        assert (model["policy"], model["on_reject"]) == ("random-start-round-robin", "fail")
        assert (model["window"], model["picks_per_request"]) == ("fixed", 1)
        assert model["explains"] is True
        assert model["predicted_low"] <= model["observed_share"] <= model["predicted_high"]
        # Of 350 or more requests, over the interval of the rate: within 4 standard errors.
        share = theory.rejected_share(rate, keys=keys, per_minute=2)
        assert model["observed_share"] == pytest.approx(share, abs=0.05)
        assert model["requests"] == function["requests"]


def test_the_json_is_a_scenario(like, capsys, tmp_path):
    """Run again, the result is the same but for the fits."""
    path = tmp_path / "like.json"
    path.write_text(like("--format", "json")[1], encoding="utf-8")
    code, again, _ = printed(
        capsys, "simulate", "--scenario", str(path), "--replications", "3", "--format", "json"
    )  # fmt: skip
    assert code == 0
    first, second = json.loads(path.read_text(encoding="utf-8")), json.loads(again)
    assert first.pop("fitted") is not None
    assert second.pop("fitted") is None
    assert first == second


def test_pool_chooses_one(like):
    """The other is neither simulated nor fitted; a name twice is one pool."""
    code, out, _ = like("--pool", "CHAT", "--pool", "CHAT", "--format", "json")
    data = json.loads(out)
    assert code == 0
    assert [pool["name"] for pool in data["pools"]] == ["CHAT"]
    assert [model["pool"] for model in data["fitted"]] == ["CHAT"]


@pytest.mark.parametrize(
    "change",
    [
        ["--on-reject", "failover"],
        ["--policy", "random"],
        ["--window", "sliding"],
        ["--duration", "2h"],
        ["--growth", "10%/day"],
    ],
    ids=["reaction", "policy", "window", "duration", "growth"],
)
def test_a_changed_scenario_is_not_checked(like, change):
    """The log is no check of what it does not hold, and the text says so."""
    code, out, _ = like(*change)
    words = " ".join(out.split())
    assert code == 0
    assert words.count("end in a 429; the options have changed what is simulated.") == 2
    assert "The model explains" not in words
    fitted = json.loads(like(*change, "--format", "json")[1])["fitted"]
    for model in fitted:
        changed = [model[name] for name in ("predicted_share", "predicted_low", "predicted_high", "explains")]
        assert changed == [None] * 4
        assert model["observed_share"] > 0


def test_fail_over_is_simulated_at_the_traffic_of_the_log(like):
    """Four keys at 3 a minute: 6.5 % of 429s by theory, 0.2 % with fail-over."""
    before, after = (
        json.loads(like("--pool", "ARTIFACT", "--format", "json", *options)[1])
        for options in ([], ["--on-reject", "failover"])
    )
    assert after["scenario"]["on_reject"] == {"kind": "failover", "tries": None}
    assert after["scenario"]["functions"] == before["scenario"]["functions"]
    assert after["rejected_share"]["estimate"] < before["rejected_share"]["estimate"] / 5


def test_growth_is_put_on_the_fitted_traffic(like):
    """Of each function; its rate at the start is that of the log."""
    plain, grown = (
        json.loads(like("--format", "json", *options)[1])["scenario"]["functions"]
        for options in ([], ["--growth", "10%/day"])
    )
    for before, after in zip(plain, grown, strict=True):
        assert after["arrivals"] == before["arrivals"] | {"growth_per_day": pytest.approx(0.1)}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--rate", "3/min"], "--rate"),
        (["--keys", "3", "--per-minute", "2"], "--keys and --per-minute"),
        (["--scenario", "x.json"], "--scenario"),
        (["--arrivals", "bursts", "--slots", "3"], "--arrivals and --slots"),
        (["--isolates", "single"], "--isolates"),
        (["--replay", "a.log"], "--replay"),
    ],
)
def test_what_the_log_tells_is_no_option(like, options, named):
    """One line, exit code 2."""
    assert like(*options) == (
        2, "", f"keyrota: error: --like takes pools, traffic and isolates from the log; leave out {named}\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file or folder"),
        ("hello\n", "no log found"),
        ("🔑 Using GOOGLE_KEY_1 (position 1/2 in pool)\n" * 40, "has no times, so that it tells no rate"),
    ],
    ids=["no file", "no log", "no times"],
)
def test_bad_input_is_one_line(folder, like, text, message):
    """Exit code 3, nothing on standard output, no traceback."""
    if text is not None:
        (folder / "bad.log").write_text(text, encoding="utf-8")
    code, out, err = like(log="bad.log" if text is not None else "none.log")
    assert (code, out) == (3, "")
    assert err.startswith("keyrota: error: ")
    assert message in err
    assert err.count("\n") == 1


def test_a_pool_that_is_not_in_the_log(like):
    """With those that are."""
    message = 'the log has no pick of pool "NONE"; it has picks of CHAT and ARTIFACT'
    assert like("--pool", "NONE") == (3, "", f"keyrota: error: {message}\n")


def first_lines(folder, number):
    lines = (folder / "a.log").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "short.log").write_text("".join(lines[:number]), encoding="utf-8")


def test_a_log_that_is_too_short(folder, like):
    """How long is enough is said, exit code 3."""
    first_lines(folder, 60)
    code, out, err = like("--pool", "ARTIFACT", log="short.log")
    assert (code, out) == (3, "")
    assert err.startswith('keyrota: error: pool "ARTIFACT": ')
    assert "are too few for a rate; about 30 are enough, at this rate a log of " in err
    assert err.count("\n") == 1


def test_a_pool_that_tells_no_rate_is_left_out(folder, like):
    """With a note; the other is simulated. Named, it is an error."""
    first_lines(folder, 260)
    code, out, err = like(log="short.log", quiet=False)
    assert code == 0
    assert "ARTIFACT, make: " in out
    assert "CHAT, chat: " not in out
    assert err.startswith('keyrota: note: pool "CHAT": ')
    assert "are too few for a rate" in err
    assert like("--pool", "CHAT", log="short.log")[0] == 3
