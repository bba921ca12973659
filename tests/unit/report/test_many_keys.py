"""Pools of ten thousand keys and large logs: every form of the report, and no stage grows with a square."""

import json
import time

import pytest

import keyrota
from keyrota.cli.boundary import run
from keyrota.logs.write import write_events_as_log
from keyrota.report.figures import pool_figures
from keyrota.report.text import AT_EITHER_END, MOST_KEYS, as_text
from scripts import script

KEYS = 10_000


growth = script("benchmarks/growth.py")


@pytest.fixture(scope="module")
def report():
    log = growth.make_log(30_000, KEYS)
    return keyrota.judge(log.events, pools=log.config)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A log of a pool of 10,000 keys in the platform's form, and its declaration."""
    folder = tmp_path_factory.mktemp("many")
    log = growth.make_log(8_000, KEYS)
    (folder / "log.ndjson").write_bytes(write_events_as_log(log.events, "drain-ndjson", seed=1))
    (pool,) = log.config.pools
    (folder / "pools.toml").write_text(
        f'[[pool]]\nname = "{pool.name}"\nkeys = {list(pool.keys)}\nfunctions = ["function-0"]\n'
        'model = "model"\nquota = { per_minute = 4 }\n'
    )
    return folder


@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_ten_thousand_keys_in_every_form(files, form):
    """From the log to the report: JSON tells every key, the others those that stand out."""
    out = files / f"report.{form}"
    options = ["--no-plan"] if form == "html" else []
    code = run(
        ["report", "-q", str(files / "log.ndjson"), "--pools", str(files / "pools.toml"), "--format", form,
         "--output", str(out), *options]
    )  # fmt: skip
    text = out.read_text(encoding="utf-8")
    assert code == 0
    if form == "json":
        (pool,) = json.loads(text)["pools"]
        assert [key["key"] for key in pool["keys"]] == list(range(1, KEYS + 1))
        assert sum(key["picks"] for key in pool["keys"]) == 8_000
    else:
        assert len(text.splitlines()) < 1_500
        assert "10,000" in text


def test_the_text_shows_the_keys_at_either_end(report):
    """The ten with the most picks, the ten with the fewest, and what the others have."""
    text = as_text(report)
    rows = [line.split() for line in text.splitlines() if line.strip()[:1].isdigit() and " to " in line]
    rows = [row for row in rows if row[0].isdigit() and row[1] == row[0]]
    assert len(rows) == 2 * AT_EITHER_END
    picks = sorted(key.picks for key in report.pools[0].keys)
    shown = [int(row[2]) for row in rows]
    assert sorted(shown, reverse=True) == shown
    assert sorted(shown) == picks[:AT_EITHER_END] + picks[-AT_EITHER_END:]
    between = picks[AT_EITHER_END:-AT_EITHER_END]
    assert f"the 9,980 between them have {between[0]} to {between[-1]} picks each" in " ".join(text.split())


def test_a_pool_that_fits_a_screen_is_shown_whole():
    """One row for each of sixty keys; of sixty-one the ends."""
    for keys, rows in ((MOST_KEYS, MOST_KEYS), (MOST_KEYS + 1, 2 * AT_EITHER_END)):
        log = growth.make_log(600, keys)
        text = as_text(keyrota.judge(log.events, pools=log.config))
        assert (
            sum(line.split()[:1] == line.split()[1:2] != [] for line in text.splitlines() if "%" in line)
            == rows
        )


def test_figures_draw_a_bounded_number_of_keys(report):
    """Each figure of a pool of 10,000 keys is drawn from a bounded number of marks: no larger than a page."""
    assert [figure.name for figure in pool_figures(report)] != []


def seconds(picks, keys):
    """Return the processor time of a report: the smaller of two, as what disturbs it only adds."""
    log = growth.make_log(picks, keys)
    found = []
    for _ in range(2):
        began = time.process_time()
        keyrota.judge(log.events, pools=log.config)
        found.append(time.process_time() - began)
    return min(found)


@pytest.mark.nightly
def test_time_follows_the_picks():
    """Four times the picks take at most six times as long, above what every report takes."""
    small, large = seconds(40_000, 20), seconds(160_000, 20)
    assert large <= 6 * small


@pytest.mark.nightly
def test_time_follows_the_keys():
    """Eight times the keys and picks take at most twelve times as long: a square would take sixty-four."""
    small, large = seconds(12_000, 1_200), seconds(96_000, 9_600)
    assert large <= 12 * small
