"""Logs that count keys or positions from 0: what is left of them gets no verdict, and a rule reads them."""

import numpy as np
import pytest

import keyrota
from keyrota.logs.read import read

SHAPES = {"keys and positions": (0, 0), "keys": (0, 1), "positions": (1, 0)}
RULE = """
[[rule]]
name = "from zero"
pattern = 'Using {pattern} in pool\\)'
{more}
matches = ["Using GOOGLE_KEY_0 (position 0/4 in pool)"]
"""
READ_KEY, READ_PLACE = "(?P<key>[0-9]+)", r"\(position (?P<position>[0-9]+)/(?P<size>[0-9]+)"
RULES = {
    "keys and positions": RULE.format(pattern=f"GOOGLE_KEY_{READ_KEY} {READ_PLACE}", more="first = 0"),
    "keys": RULE.format(pattern=f"GOOGLE_KEY_[0-9]+ {READ_PLACE}", more="").replace(
        "position 0", "position 1"
    ),
    "positions": RULE.format(pattern=rf"GOOGLE_KEY_{READ_KEY} \(position [0-9]+/[0-9]+", more=""),
}


@pytest.fixture(params=SHAPES)
def log(request, tmp_path):
    """A fair choice at random among 4 keys, 900 times, each by a new isolate."""
    key, position = SHAPES[request.param]
    rng = np.random.default_rng(5)
    lines = []
    for number, n in enumerate(rng.integers(0, 4, size=900).tolist()):
        time = f"2025-11-10T{8 + number // 60:02d}:{number % 60:02d}:0"
        lines.append(f"{time}0Z [Info] Listening on http://localhost:9999/")
        lines.append(f"{time}1Z [Info] 🔑 Using GOOGLE_KEY_{n + key} (position {n + position}/4 in pool)")
    path = tmp_path / "zero.log"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return request.param, path


def test_no_fault_of_the_rotation_is_found(log):
    """A fair rotation is called neither fair nor unfair; the one error says what could not be read."""
    report = keyrota.judge(read(log[1], pools="infer"))
    assert [pool.fairness.verdict for pool in report.pools] == ["not enough data"]
    assert [(found.code, found.severity) for found in report.findings if found.severity != "note"] == [
        ("D406", "error")
    ]
    (pool,) = report.pools
    assert pool.fairness.unread_picks == report.input.malformed > 100


def test_a_rule_reads_it(log, tmp_path):
    """With the rule that the page of D406 describes, every pick is read and the verdict is fair."""
    shape, path = log
    pools = tmp_path / "zero.toml"
    pools.write_text(RULES[shape], encoding="utf-8")
    report = keyrota.judge(read(path, pools=pools))
    assert [(pool.picks, pool.fairness.verdict) for pool in report.pools] == [(900, "fair")]
    assert not [found.code for found in report.findings if found.severity == "error"]


def test_the_history_keeps_it(log, tmp_path):
    """What could not be read is known of a history too, and an export that was added twice counts once."""
    pytest.importorskip("duckdb")
    from keyrota.history import open_store

    store = open_store(tmp_path / "history.duckdb")
    once = []
    for _ in range(2):
        store.add(log[1], pools="infer")
        report = keyrota.judge(store.read(pools="infer"))
        once += [found.evidence["share"] for found in report.findings if found.code == "D406"]
    assert once[0] == pytest.approx(once[1])
