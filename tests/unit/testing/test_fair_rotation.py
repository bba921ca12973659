"""`assert_fair_rotation`: every form of picks, every fault by name, and no verdict on too little."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import keyrota
from keyrota import ConfigurationError, InputError, ModelError, Pool, PoolConfig
from keyrota.testing import assert_fair_rotation

SAMPLES = Path(__file__).resolve().parents[3] / "sample_logs"
CHAT = Pool(name="CHAT", keys=(1, 2))
FOUR = Pool(name="FOUR", keys=(3, 5, 6, 9))


def rotated(pool: Pool, *, isolates: int = 300, picks: int = 3, seed: int = 1) -> list[list[int]]:
    """Runs as the declared rotation makes them."""
    rng = random.Random(seed)
    starts = [rng.randrange(pool.size) for _ in range(isolates)]
    return [[pool.keys[(start + step) % pool.size] for step in range(picks)] for start in starts]


FORMS: dict[str, Callable[[list[list[int]]], object]] = {
    "runs": lambda runs: runs,
    "tuples": lambda runs: tuple(tuple(run) for run in runs),
    "rows of an array": lambda runs: np.array(runs),
    "arrays": lambda runs: [np.array(run) for run in runs],
    "flat": lambda runs: [key for run in runs for key in run],
    "array": lambda runs: np.array([key for run in runs for key in run]),
    "series": lambda runs: pd.Series([key for run in runs for key in run]),
    "generator": lambda runs: (key for run in runs for key in run),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_fair_rotation_passes_in_every_form(form: str) -> None:
    """Lists for each isolate, or one list of any kind."""
    assert_fair_rotation(FORMS[form](rotated(FOUR)), FOUR)


@pytest.mark.parametrize(
    ("picks", "code", "words"),
    [
        ([FOUR.keys[:3]] * 40, "R102 start-not-random", "begin at key 3"),
        ([[key] * 4 for key in FOUR.keys * 20], "R104 stuck-key", "same key again"),
        ([[3, 6], [5, 9], [6, 3], [9, 5]] * 25, "R103 broken-succession", "step"),
        (rotated(Pool(name="FOUR", keys=(3, 5, 6)), picks=1), "R106 unused-key", "key 9 was never picked"),
        ([[3]] * 300 + [[key] for key in FOUR.keys] * 30, "R101 uneven-shares", "key 3 has"),
        ([3] * 300 + list(FOUR.keys) * 30, "R101 uneven-shares", "key 3 has"),
    ],
)
def test_a_fault_is_named(picks: object, code: str, words: str) -> None:
    """The message has the finding, its remedy, the numbers of each key and the false-alarm probability."""
    with pytest.raises(AssertionError) as failed:
        assert_fair_rotation(picks, FOUR)
    message = str(failed.value)
    assert message.startswith("FOUR: the rotation is not fair (")
    assert " with probability 1e-06 at most." in message.splitlines()[-1]
    assert code in message
    assert words in message
    assert all(f"key {key}: " in message for key in FOUR.keys)


@pytest.mark.parametrize(("size", "needed"), [(2, 26), (4, 64), (10, 182)])
def test_too_few_picks_are_no_verdict(size: int, needed: int) -> None:
    """The least n with K (1 - 1/K)**n below a twentieth of 1e-6: one isolate fewer is too few."""
    pool = Pool(name="P", keys=tuple(range(1, size + 1)))
    runs = rotated(pool, isolates=needed, picks=1)
    with pytest.raises(AssertionError, match=rf"too few picks .* it takes {needed} single picks before"):
        assert_fair_rotation(runs[1:], size)
    assert_fair_rotation(runs[1:], size, allow_few=True)
    assert_fair_rotation(runs, size)


@pytest.mark.parametrize("size", [2, 4, 10])
def test_so_many_picks_notice_a_key_that_is_never_picked(size: int) -> None:
    """From the number in the message on, a pool without its last key fails."""
    from keyrota.rotation.fairness import CERTAIN_PART
    from keyrota.rotation.power import picks_to_miss_none

    needed = picks_to_miss_none(size, alpha=1e-6, part=CERTAIN_PART)
    runs = [[1 + number % (size - 1)] for number in range(needed)]
    with pytest.raises(AssertionError, match="R106 unused-key"):
        assert_fair_rotation(runs, size)


def test_one_isolate_alone_tells_nothing_of_starts() -> None:
    """However long it is: its one start may be fixed."""
    with pytest.raises(AssertionError, match="1 independent pick of 2 keys"):
        assert_fair_rotation([[1, 2] * 500], 2)


def test_a_log_an_event_table_and_a_reading() -> None:
    """A path, what it was read into, and its events are judged alike."""
    path = SAMPLES / "start_at_first.csv"
    reading = keyrota.read(path)
    for own in (path, str(path), reading, reading.events):
        with pytest.raises(AssertionError, match="CHAT: the rotation is not fair"):
            assert_fair_rotation(own, "CHAT")
    assert_fair_rotation(SAMPLES / "healthy.json.gz")


def test_a_missing_secret_is_named() -> None:
    """Fewer keys than declared: the labels are shifted."""
    with pytest.raises(AssertionError, match=r"C201 pool-size-mismatch") as failed:
        assert_fair_rotation(SAMPLES / "missing_secret.json.gz", "ARTIFACT")
    assert "the rotation is not as declared" in str(failed.value)
    assert "probability" not in str(failed.value)


@pytest.mark.parametrize(
    ("picks", "size"), [([[1]] * 6_000, 2_000), ([1, 2] * 500, 60)], ids=["too many keys", "a flat list"]
)
def test_what_no_test_was_made_of_fails(picks: list[object], size: int) -> None:
    """Pools too large for the tests do not pass in silence."""
    with pytest.raises(AssertionError, match=r"P?OOL: (nothing was tested at|the rotation is not fair)"):
        assert_fair_rotation(picks, size, allow_few=True)


@pytest.mark.parametrize("alpha", [0, 1, -1, float("nan"), "1"])
def test_what_is_no_level_is_refused(alpha: float) -> None:
    """A probability lies between 0 and 1."""
    with pytest.raises(ModelError, match=r"alpha is .*; it is a probability between 0 and 1"):
        assert_fair_rotation([[1], [2]] * 50, 2, alpha=alpha)


def test_pools_of_a_file_and_of_the_log(tmp_path: Path) -> None:
    """The pool may be one of a file, or be told from the log."""
    file = tmp_path / "pools.toml"
    file.write_text('[[pool]]\nname = "FOUR"\nkeys = [3, 5, 6, 9]\n', encoding="utf-8")
    assert_fair_rotation(rotated(FOUR), "FOUR", pools=file)
    assert_fair_rotation(rotated(FOUR), 4, pools=PoolConfig(pools=(FOUR,)))
    assert_fair_rotation(SAMPLES / "healthy.json.gz", pools="infer")


@pytest.mark.parametrize(
    ("picks", "pool", "message"),
    [
        ([1, 2], None, "names no pool; give the pool, or its number of keys"),
        ([1, 2], "NONE", 'pool "NONE" is not declared; declared are CHAT, ARTIFACT and IMAGE'),
        ([1, 2], 0, "a pool has at least one"),
        (["a"], 2, 'a pick is "a"; it is the number of a key'),
        ([True], 2, "a pick is true; it is the number of a key"),
        ([1.5], 2, "a pick is 1.5; it is the number of a key"),
        (3, 2, "picks are"),
        ({"a": 1}, 2, "picks are"),
        (b"12", 2, "picks are"),
    ],
)
def test_what_is_no_pick_or_no_pool_is_refused(picks: object, pool: object, message: str) -> None:
    """A mistake of the test is no failure of the rotation."""
    with pytest.raises(ConfigurationError, match=message):
        assert_fair_rotation(picks, pool)  # type: ignore[arg-type]


def test_a_key_of_another_pool_fails() -> None:
    """It was picked, and it should not be."""
    with pytest.raises(AssertionError, match="CHAT: 7 was picked, but its keys are 1 and 2"):
        assert_fair_rotation([[1, 7]] * 50, CHAT)


def test_no_pick_fails() -> None:
    """Neither does a rotation that picks nothing pass, nor a log without one."""
    with pytest.raises(AssertionError, match="CHAT: not one pick"):
        assert_fair_rotation([], CHAT)
    with pytest.raises(InputError, match="no such file"):
        assert_fair_rotation("nothing.json", CHAT)


def test_a_larger_alpha_sees_more() -> None:
    """A share that is off by a third passes at one in a million and fails at one in ten."""
    picks = [[1]] * 130 + [[2]] * 90
    assert_fair_rotation(picks, 2)
    with pytest.raises(AssertionError, match=r"with probability 0\.1 at most"):
        assert_fair_rotation(picks, 2, alpha=0.1)
