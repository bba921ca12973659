"""`run_rotation`: a real program, an isolate a start, its picks collected, its failures told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from keyrota import ConfigurationError, InputError
from keyrota.testing import assert_fair_rotation, run_rotation

PROGRAM = """
import os, random, sys
first = random.randrange(2) if "--fixed" not in sys.argv else 0
for step in range(int(os.environ["KEYROTA_PICKS"])):
    key = (first + step) % 2 + 1
    assert os.environ[f"GOOGLE_KEY_{key}"].startswith("AIza")
    print(f"Using GOOGLE_KEY_{key} (position {key}/2 in pool)", file=sys.stderr if step % 2 else sys.stdout)
"""


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    path = tmp_path / "pick.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return [sys.executable, "-S", str(path)]


def test_each_start_is_an_isolate(program: list[str]) -> None:
    """Picks of both outputs, in order, an isolate for each start, and as many as were asked for."""
    run = run_rotation(program, isolates=30, picks=(1, 3))
    picks = run.events[run.events["kind"] == "pick"]
    assert sorted(picks.groupby("isolate", observed=True).size()) == [1] * 10 + [2] * 10 + [3] * 10
    for _, own in picks.groupby("isolate", observed=True):
        assert set(own["position"].diff().dropna().abs()) <= {1}
    assert_fair_rotation(run, "CHAT")


def test_a_fault_of_a_program_is_named(program: list[str]) -> None:
    """A program that always begins at the first key fails."""
    with pytest.raises(AssertionError, match="R102 start-not-random: all 40 isolates begin at key 1"):
        assert_fair_rotation(run_rotation([*program, "--fixed"], isolates=40), "CHAT")


def test_a_program_that_makes_its_isolates_itself(tmp_path: Path) -> None:
    """It is started once, and its lines name their isolates."""
    path = tmp_path / "many.py"
    path.write_text(
        "import json, sys\n"
        "for n in range(int(sys.argv[1])):\n"
        "    print(json.dumps({'execution_id': f'isolate-{n}', 'timestamp': '2025-11-10T08:00:00Z',\n"
        "        'event_message': f'Using GOOGLE_KEY_{n % 2 + 1} (position {n % 2 + 1}/2 in pool)'}))\n"
        "assert sys.argv[2] == '1-3'\n",
        encoding="utf-8",
    )
    run = run_rotation([sys.executable, str(path), "{isolates}", "{picks}"], isolates=12, picks=(1, 3))
    assert run.events["isolate"].nunique() == 12
    nameless = "for _ in range(9): print('Using GOOGLE_KEY_1 (position 1/2 in pool)')"
    with pytest.raises(InputError, match=r"of 12 logged a pick; each line must name its isolate"):
        run_rotation([sys.executable, "-c", nameless, "{isolates}"], isolates=12)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise SystemExit(3)", "ended with 3 .* printed: nothing"),
        (
            "import sys; print('no secret AIzaSyA1234567890abcdef'); sys.exit(1)",
            r"printed: no secret \[key\]",
        ),
        ("print('hello')", "no line about a pick.*it printed: hello"),
        ("", "no line about a pick.*it printed: nothing"),
        ("import time; time.sleep(30)", "took more than 0.5 s; give a larger timeout_s"),
    ],
)
def test_a_program_that_fails_is_told(source: str, message: str) -> None:
    """What it printed and what is wrong, without a secret in it."""
    with pytest.raises(InputError, match=message):
        run_rotation(
            [sys.executable, "-S", "-c", source], isolates=2, timeout_s=0.5 if "sleep" in source else 60
        )


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ([], {}, "the command is empty"),
        ("", {}, "the command is empty"),
        ("no-such-program-at-all", {}, "no such program"),
        ("python pick.py", {}, "give the arguments one by one"),
        (sys.executable, {"isolates": 0}, "isolates is 0; it is a number from 1 to 100,000"),
        (sys.executable, {"picks": 0}, "picks is 0"),
        (sys.executable, {"picks": (3, 1)}, "the fewest and the most"),
        (sys.executable, {"timeout_s": 0}, "timeout_s is 0"),
    ],
)
def test_what_cannot_be_run_is_refused(command: object, options: dict[str, object], message: str) -> None:
    """A mistake of the test is told before anything runs."""
    with pytest.raises(ConfigurationError, match=message):
        run_rotation(command, **options)  # type: ignore[arg-type]


def test_secrets_of_the_machine_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real secret does not reach the program, one that is given does."""
    monkeypatch.setenv("GOOGLE_KEY_1", "real")
    monkeypatch.setenv("GOOGLE_KEY_99", "real")
    source = (
        "import os; print('Using GOOGLE_KEY_1 (position 1/2 in pool)');"
        "os.environ['GOOGLE_KEY_1'] == 'given' and print('Using GOOGLE_KEY_2 (position 2/2 in pool)');"
        "assert 'real' not in (os.environ['GOOGLE_KEY_1'], os.environ.get('GOOGLE_KEY_99'))"
    )
    for env, picks in (({}, 1), ({"GOOGLE_KEY_1": "given"}, 2)):
        run = run_rotation([sys.executable, "-S", "-c", source], isolates=1, env=env)
        assert int((run.events["kind"] == "pick").sum()) == picks
