"""C2xx: a log that differs from its declaration is told so, with keys, numbers and places."""

import json

import pytest

import keyrota
from keyrota.pools.declared import Pool, PoolConfig

SECOND = 1_000_000_000


def only(found, code):
    (finding,) = found[code]
    return finding


def missing(judge, runs=90):
    """Return a log of ARTIFACT with one secret missing: three keys, labels shifted."""
    return judge.picked(judge.uniform_runs(runs, 1, 3), 3)


def whole(judge, runs=88):
    """Return a log of ARTIFACT as declared."""
    return judge.picked(judge.uniform_runs(runs, 1, 4), 4)


def later(table, days):
    """Return a table moved in time, with isolates of its own."""
    return table | {
        "time": [time + days * 86_400 * SECOND for time in table["time"]],
        "isolate": [f"{isolate}+{days}" for isolate in table["isolate"]],
    }


def test_a_log_as_declared_has_no_fault(judge):
    """A log whose keys, places, sizes and functions are the declared ones gives no C finding."""
    assert judge.codes(whole(judge) | {"function": ["make", "fix"] * 44}) == []


def test_a_missing_secret(judge):
    """C201: fewer keys than declared, and what that does to the labels."""
    found = judge.findings(missing(judge))
    finding = only(found, "C201")
    assert finding.message == (
        "90 picks name a pool of 3 keys where 4 are declared: a secret is missing, so that the keys after "
        "it carry the labels of the keys before them"
    )
    assert "GOOGLE_KEY_3, GOOGLE_KEY_4, GOOGLE_KEY_5 and GOOGLE_KEY_6 are all set" in finding.remedy
    assert finding.evidence == {
        "declared_size": 4,
        "logged_sizes": {"3": 90},
        "places": ["a.log:1", "a.log:2", "a.log:3"],
    }
    assert "R106" not in found
    assert "C203" not in found


@pytest.mark.parametrize(
    ("days", "words"),
    [(-2, "a secret is missing until 2025-10-30 12:31 UTC"), (2, "missing since 2025-11-03 12:26 UTC")],
)
def test_a_missing_secret_with_its_time(judge, days, words):
    """Where the log also has the whole pool, C201 says until or since when the secret is missing."""
    finding = only(judge.findings(judge.joined(whole(judge), later(missing(judge, 30), days))), "C201")
    assert words in finding.message
    assert finding.evidence["logged_sizes"] == {"4": 88, "3": 30}


def test_a_single_pick_of_another_size(judge):
    """One pick is told in the singular."""
    assert only(judge.findings(missing(judge, 1)), "C201").message.startswith("1 pick names a pool of 3 keys")


def test_more_keys_than_declared(judge):
    """C201 the other way: the declaration is behind; a pool that shrank and grew gives two findings."""
    larger = judge.picked(judge.uniform_runs(30, 1, 5), 5, keys=(3, 4, 5, 6, 6))
    found = judge.findings(larger)
    assert only(found, "C201").message == (
        "30 picks name a pool of 5 keys where 4 are declared: the deployed mapping has more keys than the "
        "declaration"
    )
    assert only(found, "C201").remedy.startswith("Add the new keys")
    both = judge.findings(judge.joined(later(larger, 1), missing(judge), whole(judge)))["C201"]
    assert [f.message.split(":")[0] for f in both] == [
        "90 picks name a pool of 3 keys where 4 are declared",
        "30 picks name a pool of 5 keys where 4 are declared",
    ]


def test_undeclared_keys(judge):
    """C202 lists them for each pool that the log names."""
    table = judge.joined(
        whole(judge),
        judge.picked([[1], [2], [2]], 2, pool="NEW", keys=(11, 12)),
        judge.picked([[1]], 1, pool="SOLO", keys=(21,)),
    )
    new, solo = judge.findings(table)["C202"]
    assert new.message == "GOOGLE_KEY_11 and GOOGLE_KEY_12 are picked (3 times) but no pool declares them"
    assert (new.pool, new.keys) == ("NEW", (11, 12))
    assert new.evidence["picks"] == 3
    assert solo.message == "GOOGLE_KEY_21 is picked (1 time) but no pool declares it"
    assert "--pools infer" in solo.remedy


def test_without_any_declaration_no_key_is_undeclared(judge):
    """Where nothing is declared, nothing can differ from it."""
    assert judge.codes(whole(judge), pools=PoolConfig()) == []


def test_swapped_positions(judge):
    """C203 names the first pick whose key stands elsewhere than declared."""
    found = judge.findings(judge.picked(judge.uniform_runs(40, 2, 4), keys=(4, 3, 5, 6)))
    finding = only(found, "C203")
    assert finding.message.startswith("40 picks name a key at another place than declared: GOOGLE_KEY_")
    assert finding.keys == (3, 4)
    assert finding.evidence["picks"] == 40
    assert "R101" not in found


def test_a_key_that_is_listed_twice(judge):
    """C203 says so, R106 names the key that has no place, and no order is blamed."""
    found = judge.findings(judge.picked(judge.uniform_runs(80, 1, 2), 2, pool="CHAT", keys=(1, 1)))
    finding = only(found, "C203")
    assert finding.message == (
        "the mapping lists key 1 twice (positions 1 and 2): 80 picks, and one secret does the work of two"
    )
    assert finding.remedy == "List each key once: put key 2 in, and check that its secret is set."
    assert (finding.severity, finding.pool, finding.keys) == ("error", "CHAT", (1,))
    assert finding.evidence == {
        "picks": 80, "positions": {"key 1": [1, 2]}, "places": ["a.log:1", "a.log:2", "a.log:3"],
    }  # fmt: skip
    unused = only(found, "R106")
    assert unused.message.startswith(
        "key 2 was never picked in 80 picks; under the declared rotation that has"
    )
    assert (unused.keys, unused.evidence["follows_from"]) == ((2,), ["C203"])
    assert "R101" not in found


def test_keys_that_are_listed_twice_beside_others(judge):
    """Several keys, a key out of order, and a pool that nobody declared."""
    pairs = judge.findings(judge.picked(judge.uniform_runs(80, 1, 4), keys=(3, 3, 6, 6)))
    assert only(pairs, "C203").message == (
        "the mapping lists key 3 twice (positions 1 and 2) and key 6 twice (positions 3 and 4): 80 picks, "
        "and one secret does the work of several"
    )
    assert only(pairs, "R106").keys == (4, 5)
    twice, moved = judge.findings(judge.picked(judge.uniform_runs(80, 1, 4), keys=(4, 3, 6, 6)))["C203"]
    assert (twice.keys, moved.keys, moved.evidence["picks"]) == ((6,), (3, 4), 40)
    assert "put key 5 in" in twice.remedy
    thrice = judge.picked(judge.uniform_runs(90, 1, 3), 3, pool="NEW", keys=(11, 11, 11))
    finding = only(judge.findings(thrice, pools=PoolConfig()), "C203")
    assert (
        "key 11 3 times (positions 1, 2 and 3): 90 picks, and one secret does the work of three"
        in finding.message
    )
    assert "put another key in" in finding.remedy


def test_a_key_listed_twice_since_some_day(judge):
    """The key that it displaced was picked before: it is not unused, but it is the one to put in."""
    table = judge.joined(whole(judge), judge.picked(judge.uniform_runs(80, 1, 4), keys=(3, 4, 4, 6)))
    table["isolate"] = [f"isolate-{n}" for n in range(168)]
    table["time"] = [1_762_000_000_000_000_000 + n * SECOND for n in range(168)]
    found = judge.findings(table)
    assert "put key 5 in" in only(found, "C203").remedy
    assert "R106" not in found


def test_a_place_that_may_still_come_leaves_no_key_out(judge):
    """With a place that was not picked yet, the key without a place is not known."""
    table = judge.picked([[1], [2]] * 10, 3, pool="CHAT", keys=(1, 1, 2))
    pools = PoolConfig(pools=(Pool(name="CHAT", keys=(1, 2, 3)),))
    assert "R106" not in judge.findings(table | {"isolate": [None] * 20}, pools=pools)


def test_a_single_swapped_pick(judge):
    """One pick is told in the singular."""
    table = whole(judge)
    at = table["position"].index(1)
    table["key"][at] = 6
    finding = only(judge.findings(table), "C203")
    assert finding.message == (
        "1 pick names a key at another place than declared: GOOGLE_KEY_6 at position 1, declared at 4"
    )
    assert finding.evidence["places"] == [f"a.log:{at + 1}"]


def test_a_function_that_picks_from_another_pool(judge):
    """C204 says whose pool the function has; an id is no name and tells nothing."""
    functions = ["make"] * 85 + ["chat", "title", "0d67aaaa-1111-4222-8333-444455556666"]
    chat, title = judge.findings(whole(judge) | {"function": functions})["C204"]
    assert chat.message == "chat picks from ARTIFACT (1 time); its own pool is CHAT"
    assert chat.evidence["places"] == ["a.log:86"]
    assert title.message == "title picks from ARTIFACT (1 time); no pool declares it"
    assert title.severity == "warning"


def test_many_functions_in_the_wrong_pool_do_not_drown_the_reader(judge):
    """Ten are told one by one, the busiest first; the others are counted."""
    functions = ["busy"] * 20 + [f"f{n}" for n in range(68)]
    found = judge.findings(whole(judge) | {"function": functions})["C204"]
    assert len(found) == 11
    assert found[0].message.startswith("busy picks from ARTIFACT (20 times)")
    assert found[-1].message == "59 more functions pick from ARTIFACT (59 times)"


def warning(time, isolate, **columns):
    return {
        "kind": ["warning"],
        "cause": ["invalid-key-format"],
        "time": [time],
        "isolate": [isolate],
        "pool": ["ARTIFACT"],
        "source": ["a.log"],
        "line": [999],
    } | columns


def test_a_key_that_is_no_key(judge):
    """C205 names the key that was picked in the same millisecond."""
    table = whole(judge)
    found = judge.findings(judge.joined(table, warning(table["time"][7], "isolate-7")))
    finding = only(found, "C205")
    key = table["key"][7]
    assert finding.message == (
        f"the application warned 1 time that a key (GOOGLE_KEY_{key}) does not look like an API key"
    )
    assert finding.keys == (key,)
    assert finding.evidence == {"warnings": 1, "places": ["a.log:999"]}


def test_a_warning_beside_two_picks_names_no_key(judge):
    """Rows of one millisecond are scrambled: with two picks in it the key is not known."""
    table = judge.joined(whole(judge), judge.picked([[1, 2]], spacing_ns=0))
    table["isolate"][-2:] = ["both", "both"]
    table["time"][-2:] = [table["time"][0] + 5] * 2
    finding = only(judge.findings(judge.joined(table, warning(table["time"][-1], "both"))), "C205")
    assert finding.message == "the application warned 1 time that a key does not look like an API key"
    assert finding.keys == ()


def test_a_warning_without_a_pool_or_a_time(judge):
    """Of a log without times and pools the warnings are counted all the same."""
    rows = [warning(None, None, pool=[None], line=[line]) for line in (4, 9)]
    finding = only(judge.findings(judge.joined(whole(judge), *rows)), "C205")
    assert finding.pool is None
    assert finding.evidence["places"] == ["a.log:4", "a.log:9"]


def _rows(messages):
    """Return NDJSON rows of (isolate, second, message)."""
    return "\n".join(
        json.dumps(
            {"event_message": message, "execution_id": isolate, "timestamp": (1_762_917_393 + second) * 10**6}
        )
        for isolate, second, message in messages
    )


def _errors(path):
    report = keyrota.judge(keyrota.read(path))
    return report, [finding for finding in report.findings if finding.severity == "error"]


def test_keys_of_another_pool(tmp_path):
    """C203 tells a mapping that gives a pool the keys of another, by the pool line beside the pick."""
    messages = []
    for n in range(6):
        pick = f"Using GOOGLE_KEY_{7 + n % 4} (position {1 + n % 4}/4 in pool)"
        both = [pick, "Using key pool: ARTIFACT (4 keys available)"]
        # Rows of one millisecond are scrambled.
        messages += [(f"e{n}", n, message) for message in (both if n % 2 else both[::-1])]
    path = tmp_path / "swapped.ndjson"
    path.write_text(_rows(messages))
    _, (finding,) = _errors(path)
    assert finding.code == "C203"
    assert finding.message == (
        "6 picks for pool ARTIFACT take GOOGLE_KEY_7, GOOGLE_KEY_8, GOOGLE_KEY_9 and GOOGLE_KEY_10, "
        "declared in IMAGE"
    )
    assert finding.pool == "ARTIFACT"


def test_added_keys_stay_in_their_pool(tmp_path):
    """Keys that the declaration lacks belong to the pool that their isolates pick from: C201, C202 alone."""
    order = [3, 4, 5, 6, 11, 12]
    places = [(run, step, (run + step) % 6) for run in range(40) for step in range(6)]
    path = tmp_path / "grown.ndjson"
    path.write_text(
        _rows(
            (f"e{run}", run * 10 + step, f"Using GOOGLE_KEY_{order[at]} (position {at + 1}/6 in pool)")
            for run, step, at in places
        )
    )
    report, errors = _errors(path)
    assert {finding.code for finding in errors} == {"C201", "C202"}
    artifact = next(pool for pool in report.pools if pool.name == "ARTIFACT")
    assert artifact.rotation.broken_steps == 0
    assert artifact.picks == 240
