"""`keyrota simulate` and `keyrota onset`: what they print, write and refuse."""

import json
import re
from pathlib import Path

import pytest

import keyrota
from keyrota.cli import scenario_options
from keyrota.cli.boundary import run
from keyrota.cli.scenario import scenario_of_arguments
from keyrota.cli.scenario_options import ScenarioArguments

POOL = ["--keys", "2", "--per-minute", "2"]
QUICK = [*POOL, "--rate", "4/min", "--duration", "1h", "--replications", "3"]


def printed(capsys, *arguments):
    code = run([*arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_text_says_what_is_simulated_and_what_came_out(capsys):
    """Limits, traffic, rotation, isolates; 429s with interval beside theory; the share of each key."""
    code, out, err = printed(capsys, "simulate", *QUICK)
    assert (code, err) == (0, "")
    words = " ".join(out.split())
    for expected in (
        "3 replications of 1 h", "engine compiled, seed 0", "random-start-round-robin",
        "hosted (300 slots, 75 s from boot)", "2 keys of 2 requests a minute (calendar minutes, UTC)",
        "4 requests/min (poisson)", "theory, every pick at random: 27.1 %", "First 429",
        "share of picks", "cold starts", "95 % intervals",
    ):  # fmt: skip
        assert expected in words, expected


def test_json_is_the_contract(capsys):
    """Every field of keyrota.simulation/1, each quantity with its error and interval."""
    code, out, _ = printed(capsys, "simulate", *QUICK, "--format", "json")
    data = json.loads(out)
    assert code == 0
    assert data["schema"] == "keyrota.simulation/1"
    assert (data["engine"], data["seed"], data["replications"]) == ("compiled", 0, 3)
    for name in ("requests", "rejected_share", "cold_start_share", "first_rejection_s", "exhausted_at_s"):
        assert {"estimate", "standard_error", "ci_low", "ci_high"} <= set(data[name])
    assert set(data["instances"]) == {"alive", "busy", "idle", "lifespan_s"}
    assert [entry["key"] for entry in data["key_shares"]] == [1, 2]
    assert data["exhausted_at_s"]["estimate"] is None
    assert 0.2 < data["rejected_share"]["estimate"] < 0.35


def test_same_seed_same_bytes_on_any_workers(capsys):
    """Text and JSON are reproducible."""
    for form in ("text", "json"):
        first = printed(capsys, "simulate", *QUICK, "--format", form, "--jobs", "1")[1]
        assert printed(capsys, "simulate", *QUICK, "--format", form, "--jobs", "2")[1] == first
        assert printed(capsys, "simulate", *QUICK, "--format", form, "--seed", "1")[1] != first


def test_a_scenario_comes_back_from_its_json(capsys, tmp_path):
    """The JSON of a simulation is a scenario file: run again, it gives the same result."""
    options = [
        "--rate", "CHAT=3/min", "--rate", "IMAGE=9/min", "--policy", "sticky", "--window", "sliding",
        "--on-reject", "backoff", "--tries", "3", "--isolates", "scale-per-request", "--deploy-at", "20min",
        "--pool", "CHAT", "--pool", "IMAGE", "--duration", "1h", "--warm-up", "10min",
    ]  # fmt: skip
    _, out, _ = printed(capsys, "simulate", *options, "--format", "json")
    (tmp_path / "scenario.json").write_text(out)
    arguments = ["simulate", "--scenario", str(tmp_path / "scenario.json"), "--format", "json"]
    assert printed(capsys, *arguments)[1] == out


def test_a_scenario_in_toml(capsys, tmp_path):
    """What the options cannot say stands in a file: calls that trigger calls, on SimPy, with a note."""
    path = tmp_path / "scenario.toml"
    path.write_text(
        'duration_s = 3600.0\n[[pools]]\nname = "CHAT"\nkeys = [1, 2]\nquota = { per_minute = 2 }\n'
        '[[pools]]\nname = "IMAGE"\nkeys = [3]\n'
        '[[functions]]\nname = "chat"\npool = "CHAT"\n'
        'arrivals = { process = "poisson", rate_per_min = 3.0 }\n'
        'triggers = [{ function = "image", probability = 0.5, replaces_call = true }]\n'
        '[[functions]]\nname = "image"\npool = "IMAGE"\n'
    )
    code, out, err = printed(capsys, "simulate", "--scenario", str(path), "--replications", "3")
    assert code == 0
    assert "engine simpy" in out
    assert "only triggered" in out
    assert err.startswith(
        "keyrota: note: the compiled engine cannot simulate calls that function chat triggers"
    )
    code, _, err = printed(capsys, "simulate", "--scenario", str(path), "--engine", "compiled")
    assert code == 2
    assert "take the engine simpy, or auto" in err


def test_precision_and_growth(capsys):
    """Replications until the interval is narrow; traffic that grows."""
    code, out, _ = printed(
        capsys, "simulate", *POOL, "--rate", "4/min", "--duration", "1h", "--precision", "10%",
        "--growth", "10%/day", "--format", "json",
    )  # fmt: skip
    data = json.loads(out)
    assert code == 0
    assert data["is_precise"]
    share = data["rejected_share"]
    assert (share["ci_high"] - share["ci_low"]) / 2 <= 0.1 * share["estimate"]
    assert data["scenario"]["functions"][0]["arrivals"]["growth_per_day"] == pytest.approx(0.1)


def test_a_simulated_log_is_judged_like_a_real_one(capsys, tmp_path):
    """--write-log writes the first replication; report reads it, and sees a fair rotation."""
    log = tmp_path / "day.log"
    arguments = ["--pool", "CHAT", "--rate", "30/min", "--duration", "1h", "--replications", "1"]
    assert printed(capsys, "simulate", *arguments, "--write-log", str(log))[0] == 0
    report = keyrota.judge(keyrota.read(log))
    pool = next(pool for pool in report.pools if pool.name == "CHAT")
    assert pool.picks > 1500
    assert pool.fairness.verdict == "fair"
    assert pool.rejections.count > 100


def test_a_log_may_go_to_standard_output(tmp_path, capfdbinary):
    """--write-log - prints the log; the result then needs a file of its own."""
    out = tmp_path / "result.txt"
    assert run(["simulate", *QUICK, "--write-log", "-", "--shape", "console", "-o", str(out)]) == 0
    assert "🔑 Using GOOGLE_KEY_".encode() in capfdbinary.readouterr().out
    assert "429s:" in out.read_text()
    assert run(["simulate", *QUICK, "--write-log", "-"]) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--keys", "2", "--per-minute", "2", "--rate", "-4/min"], "a rate of 0 or more with its unit"),
        (["--keys", "2", "--per-minute", "2", "--rate", "4"], "a rate of 0 or more with its unit"),
        (["--keys", "0", "--per-minute", "2", "--rate", "4/min"], "a pool of 0 keys cannot be simulated"),
        ([*POOL, "--rate", "4/min", "--policy", "fair"], "'fair' is not one of"),
        ([*POOL, "--rate", "4/min", "--duration", "24"], "a duration with its unit"),
        ([*POOL, "--rate", "4/min", "--service-s", "100"], "longer than an isolate lives (75 s)"),
        (["--keys", "2", "--per-minute", "0", "--rate", "4/min"], "quota.per_minute is 0; write a whole"),
        ([*POOL], "there is no traffic: give --rate 4/min"),
        (["--rate", "4/min"], "does not say which of the pools CHAT, ARTIFACT and IMAGE"),
        (["--rate", "VIDEO=4/min"], 'no pool "VIDEO"; there are CHAT, ARTIFACT and IMAGE'),
        (["--rate", "CHAT=4/min", "--rate", "CHAT=5/min"], "two rates"),
        (["--keys", "2", "--rate", "4/min"], "--keys needs a limit"),
        (["--per-minute", "2", "--rate", "4/min"], "describe a pool of --keys K"),
        ([*POOL, "--pool", "CHAT", "--rate", "4/min"], "leave out --pools and --pool"),
        (["--pool", "VIDEO", "--rate", "4/min"], 'no pool "VIDEO"; declared are CHAT'),
        ([*POOL, "--rate", "4/min", "--tries", "3"], "--tries has no effect here"),
        ([*POOL, "--rate", "4/min", "--slots", "3", "--isolates", "single"], "--slots has no effect here"),
        ([*POOL, "--rate", "4/min", "--idle-expiry-s", "3"], "--idle-expiry-s has no effect here"),
        ([*POOL, "--rate", "4/min", "--arrivals", "profile"], "needs --profile"),
        ([*POOL, "--rate", "4/min", "--profile", "1,2,x"], "24 or 168 numbers"),
        ([*POOL, "--rate", "4/min", "--start", "soon"], '"soon" is no time'),
        ([*POOL, "--rate", "4/min", "--warm-up", "2d"], "the warm-up"),
        ([*POOL, "--rate", "4/min", "--replications", "0"], "replications is 0"),
        ([*POOL, "--rate", "4/min", "--jobs", "0"], "jobs is 0"),
        ([*POOL, "--rate", "4/min", "--shape", "yaml", "--write-log", "x.log"], 'no "yaml"'),
        (["--scenario", "missing.toml"], "cannot be read (no such file or directory)"),
        (["--scenario", "missing.toml", "--keys", "2"], "leave out --keys"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_nothing_is_written(arguments, told, capsys, tmp_path, monkeypatch):
    """Exit code 2; what was wrong and what is allowed; no file."""
    monkeypatch.chdir(tmp_path)
    code, out, err = printed(capsys, "simulate", *arguments, "-o", "result.txt")
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_told_before_the_work(capsys, tmp_path):
    """A result that could not be written is not computed: exit code 4 at once."""
    path = tmp_path / "result.txt"
    path.write_text("kept")
    slow = ["--duration", "3000d", "--engine", "simpy", "--replications", "10000"]
    code, _, err = printed(capsys, "simulate", *POOL, "--rate", "4/min", *slow, "-o", str(path))
    assert code == 4
    assert "give --force" in err
    assert path.read_text() == "kept"


def test_broken_scenario_files_are_told(capsys, tmp_path):
    """What is no TOML, or holds an unknown field, is told with the file's name."""
    path = tmp_path / "s.toml"
    for text, told in (("[[", "neither TOML nor JSON"), ("speed = 3", "unknown field"), ("{}", "missing")):
        path.write_text(text)
        code, _, err = printed(capsys, "simulate", "--scenario", str(path))
        assert code == 2
        assert told in err
        assert "s.toml" in err


def test_the_written_vocabularies_are_the_package_s():
    """Names that the help lists without an import are those of the modules that own them."""
    from typing import get_args

    from keyrota.quota.windows import WINDOWS
    from keyrota.rotation.policies import POLICIES
    from keyrota.simulation import experiment
    from keyrota.simulation.reactions import REACTIONS
    from keyrota.simulation.scenario import PolicyName, WindowName

    assert scenario_options.POLICIES == POLICIES == get_args(PolicyName)
    assert scenario_options.WINDOWS == WINDOWS == get_args(WindowName)
    assert scenario_options.REACTIONS == REACTIONS
    assert scenario_options.ENGINES == experiment.ENGINES


def test_every_kind_of_isolates_and_reaction_can_be_said():
    """The options reach the whole scenario."""

    def scenario(**values):
        values = {"keys": 2, "per_minute": 2, "rate": ((None, 4.0),), **values}
        return scenario_of_arguments(ScenarioArguments(**values, given=frozenset(values)))

    assert scenario(isolates="supabase-paid").functions[0].isolates.life_s == 200.0
    hosted = scenario(slots=100, lifetime_s=60.0, preflight=True, boot_ms=20.0).functions[0].isolates
    assert (hosted.slots, hosted.life_s, hosted.preflight, hosted.boot_s) == (100, 60.0, True, (0.02, 0.02))
    scaled = scenario(isolates="scale-per-request", idle_expiry_s=30.0, max_instances=5)
    assert scaled.functions[0].isolates.max_instances == 5
    assert scenario(on_reject="wait", tries=2, budget=60.0).on_reject.budget_s == 60.0
    backoff = scenario(on_reject="backoff", tries=6, backoff_s=2.0, jitter=0.0).on_reject
    assert (backoff.tries, backoff.base_s, backoff.jitter) == (6, 2.0, 0.0)
    assert scenario(on_reject="failover", tries=2).on_reject.tries == 2
    assert scenario(picks_per_request=2, charge_rejected=True).picks_per_request == 2
    bursts = scenario(arrivals="bursts", calm_ratio=0.2, burst_s=30.0, calm_s=300.0).functions[0].arrivals
    assert (bursts.rate_per_min, bursts.burst_s, bursts.calm_s) == (4.0, 30.0, 300.0)
    sessions = scenario(arrivals="sessions", messages=4.0, think_s=20.0).functions[0].arrivals
    assert (sessions.messages, sessions.think_s) == (4.0, 20.0)
    assert len(scenario(profile=",".join(["1"] * 168)).functions[0].arrivals.weights) == 168


def test_a_log_can_be_replayed(capsys, tmp_path):
    """--replay takes the arrival times of a log: as many requests as it has."""
    log = tmp_path / "day.log"
    first = ["--pool", "CHAT", "--rate", "5/min", "--duration", "2h", "--replications", "1"]
    _, out, _ = printed(capsys, "simulate", *first, "--write-log", str(log), "--format", "json")
    requests = json.loads(out)["requests"]["estimate"]
    again = ["--pool", "CHAT", "--replay", str(log), "--duration", "3h", "--replications", "1"]
    code, out, _ = printed(capsys, "simulate", *again, "--format", "json")
    assert code == 0
    assert json.loads(out)["requests"]["estimate"] == requests


def test_a_replayed_log_brings_its_own_span(capsys):
    """Without --start and --duration the span is that of the log: its requests all arrive."""
    log = "sample_logs/day_with_429s.log.zst"
    root = Path(__file__).resolve().parents[3]
    reading = keyrota.read(root / log)
    picks = (reading.events["function"] == "chat") & (reading.events["kind"] == "invocation")
    code, out, _ = printed(
        capsys,
        "simulate",
        "--pool",
        "CHAT",
        "--replay",
        str(root / log),
        "--replications",
        "1",
        "--format",
        "json",
    )
    assert code == 0
    assert json.loads(out)["requests"]["estimate"] == picks.sum() > 0


def test_what_a_scenario_or_a_replay_holds_is_not_overridden_silently(capsys, tmp_path):
    """--growth with --scenario, --rate with --replay, one file for log and result: refused."""
    path = tmp_path / "s.json"
    printed(capsys, "simulate", *QUICK, "--format", "json", "-o", str(path))
    for arguments, told in (
        (["--scenario", str(path), "--growth", "10%/day"], "not --growth"),
        (["--pool", "CHAT", "--replay", str(path), "--rate", "4/min"], "leave out --rate"),
        ([*QUICK, "--write-log", "x.log", "-o", "./x.log"], "name one file"),
        ([*POOL, "--rate", "99/s", "--duration", "30d", "--write-log", "x.log"], "Shorten --duration"),
    ):
        code, _, err = printed(capsys, "simulate", *arguments)
        assert code == 2
        assert told in err


def test_a_replay_keeps_to_the_pool_of_the_picks(capsys):
    """A log that names no functions: the requests of the pool's own keys are replayed, not all."""
    root = Path(__file__).resolve().parents[3]
    log = str(root / "sample_logs" / "healthy.json.gz")
    events = keyrota.read_logs(log)
    own = ((events["kind"] == "pick") & (events["pool"] == "CHAT")).sum()
    options = ["--pool", "CHAT", "--replay", log, "--replications", "1", "--format", "json"]
    code, out, _ = printed(capsys, "simulate", *options)
    assert code == 0
    assert json.loads(out)["requests"]["estimate"] == own < (events["kind"] == "pick").sum()


def test_a_written_log_says_how_to_read_it(capsys, tmp_path):
    """Keys that no pools file declares are read with --pools infer, and then the rotation is fair."""
    log = tmp_path / "day.log"
    options = [
        "--keys",
        "4",
        "--per-minute",
        "20",
        "--rate",
        "40/min",
        "--duration",
        "2h",
        "--replications",
        "1",
    ]
    code, _, err = printed(capsys, "simulate", *options, "--write-log", str(log))
    assert code == 0
    assert f"keyrota report --pools infer {log}" in err
    report = keyrota.judge(keyrota.read(log, pools="infer"))
    assert [(pool.name, pool.fairness.verdict) for pool in report.pools] == [("POOL", "fair")]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["simulate", *QUICK, "--shape", "serve"], "--shape has no effect here; it goes with --write-log"),
        (["simulate", *QUICK, "--jobs", "100000"], "allowed are 1 to 256"),
        (["simulate", *QUICK, "--profile", ""], "24 or 168 numbers"),
        (["simulate", *QUICK, "-o", ""], "it is empty"),
        (["simulate", *QUICK, "--write-log", ""], "--write-log is empty"),
        (["simulate", *POOL, "--rate", "4/min", "--duration", "0.0000001s"], "0.001 s at least must be left"),
        (["onset", "--per-minute", "2", "--target", "99.9%"], "up to 0.99"),
        (["onset", "--per-minute", "1000000000", "--keys", "2"], "at most 1e+07 are simulated"),
        (["onset", "--rate", "CHAT=1/min", "--ramp", "10%/day"], "give --rate ARTIFACT=..."),
    ],
)
def test_more_that_is_refused(arguments, told, capsys):
    """Exit code 2, one line."""
    code, out, err = printed(capsys, *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_a_scenario_file_s_vocabulary_is_told(capsys, tmp_path):
    """An unknown policy: the file, the field, and what is allowed."""
    path = tmp_path / "s.toml"
    path.write_text('policy = "fair"\npools = []\nfunctions = []\n')
    code, _, err = printed(capsys, "simulate", "--scenario", str(path))
    assert code == 2
    assert "s.toml" in err
    assert "allowed are random-start-round-robin, start-at-first" in err


def test_output_fits_what_can_show_it():
    """Without Unicode there is no sign outside ASCII; a narrow width cuts no number."""
    from keyrota.planning.onset import find_onset
    from keyrota.report.onset_text import as_text
    from keyrota.simulation.simple import POOL_NAME, simple_scenario

    scenario = simple_scenario(keys=2, per_minute=2, per_day=50, rate_per_min=0.02)
    found = find_onset(scenario, pool=POOL_NAME, sizes=(2,), growth_per_day=0.1)
    plain = as_text([found], width=60, unicode=False)
    assert plain.isascii()
    assert re.search(r" 0\.5[0-9]* \+-0\.0[0-9]+ ", plain)
    assert re.search(r" [0-9.]+ \+-[0-9.]+  [#.]+$", plain, re.MULTILINE)


def test_no_request_is_told(capsys):
    """A rate of 0 is simulated, and a note says that nothing arrived."""
    code, out, err = printed(capsys, "simulate", *POOL, "--rate", "0/min", "--duration", "1h")
    assert code == 0
    assert "No request arrived" in out
    assert "no request arrived in the span" in err


# onset ------------------------------------------------------------------------------------------


def test_onset_takes_the_rate_of_one_pool_as_its_shape(capsys):
    """Pools without a --rate are searched as well: the rate only matters with --ramp."""
    code, out, _ = printed(capsys, "onset", "--keys", "2", "--rate", "CHAT=1/min")
    assert code == 0
    assert "IMAGE" in out


def test_onset_shows_nominal_usable_and_theory(capsys):
    """A row for each size, and what the nominal figure hides."""
    code, out, err = printed(capsys, "onset", "--per-minute", "2", "--keys", "1,2", "--target", "1%")
    words = " ".join(out.split())
    assert (code, err) == (0, "")
    assert "usable rate at 1 % 429s" in words
    assert "0.5225" in words or "0.523" in words
    assert "2 keys: the nominal 4 a minute carry 0.5" in words


def test_onset_json_is_the_contract(capsys):
    """keyrota.onset/1: sizes with nominal, usable and theory."""
    _, out, _ = printed(capsys, "onset", "--per-minute", "2", "--keys", "1-2", "--format", "json")
    data = json.loads(out)
    assert data["schema"] == "keyrota.onset/1"
    assert data["target"] == 0.01
    assert data["scenario"]["policy"] == "random-start-round-robin"
    assert [size["keys"] for size in data["sizes"]] == [1, 2]
    for size in data["sizes"]:
        assert {"keys", "nominal_per_min", "usable_per_min", "theory_per_min"} <= set(size)
        assert size["usable_per_min"]["ci_low"] < size["usable_per_min"]["estimate"]


def test_onset_of_the_documents_pools(capsys):
    """Chat's 4 a minute carry about 0.5 a minute at 1 %; the day carries less; growth reaches it."""
    code, out, _ = printed(
        capsys, "onset", "--pool", "CHAT", "--keys", "2", "--rate", "0.02/min", "--ramp", "10%/day"
    )
    words = " ".join(out.split())
    assert code == 0
    assert "the nominal 4 a minute carry 0.5" in words
    assert "of the day's 100 requests" in words
    assert "growing 10 % a day, exceeds it after" in words


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--per-minute", "2", "--keys", "0-3"], "sizes of 1 key or more"),
        (["--per-minute", "2", "--target", "0"], "a share between 0 and 1"),
        (["--per-minute", "2", "--ramp", "10%"], "a growth above 0 with its unit"),
        (["--per-minute", "2", "--ramp", "10%/day"], "there is no traffic"),
        (["--per-minute", "2", "--duration", "1h"], "No such option"),
        (["--per-minute", "-2"], "per_minute"),
    ],
)
def test_onset_refuses_in_one_line(arguments, told, capsys):
    """Exit code 2 and what is allowed."""
    code, out, err = printed(capsys, "onset", *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1
