"""D4xx: what the data cannot show is said, and why."""

import dataclasses

import pytest

from keyrota.findings.unread import UnreadLines
from keyrota.logs.read import LogInput, SourceInput
from keyrota.logs.unread import UnreadPick
from keyrota.pools.declared import PoolConfig


def only(found, code):
    (finding,) = found[code]
    return finding


def source(**fields):
    plain = SourceInput("a.json", "json", "utf-8", None, 9000, 120, 120, 0, 0, 0, truncated=False)
    return LogInput((dataclasses.replace(plain, **fields),), found=(("pick", 120),))


@pytest.fixture
def healthy(judge):
    return judge.picked(judge.uniform_runs(40, 3, 4))


def test_a_whole_log_with_ids_has_no_lost_or_malformed_lines(judge, healthy):
    """Nothing is said of a log that is whole."""
    found = judge.findings(healthy, log_input=source())
    assert {"D401", "D402", "D404", "D405"}.isdisjoint(found)


def test_a_log_that_was_cut(judge, healthy):
    """D401 says that a source ends early, and with what."""
    found = judge.findings(healthy, log_input=source(truncated=True, problems=("the JSON ends early",)))
    finding = only(found, "D401")
    assert finding.message == "a.json ends early: what came after is missing"
    assert finding.evidence["problems"] == ["the JSON ends early"]


@pytest.mark.parametrize(
    ("format_", "lines", "is_found"),
    [("json", 1000, True), ("csv", 100, True), ("json", 999, False), ("text", 1000, False)],
)
def test_an_export_of_as_many_rows_as_one_query_returns(judge, healthy, format_, lines, is_found):
    """D401: exactly 100 or 1,000 rows of a query are suspicious, lines of a text are not."""
    found = judge.findings(healthy, log_input=source(format=format_, lines=lines))
    assert ("D401" in found) is is_found
    if is_found:
        assert f"holds exactly {lines:,} rows" in only(found, "D401").message


def test_lines_that_could_not_be_read(judge, healthy):
    """D402 counts them and names reasons and the first places."""
    log_input = source(malformed=2, first_malformed=((7, "the JSON is broken"), (9, "a pool of 0 keys")))
    finding = only(judge.findings(healthy, log_input=log_input), "D402")
    assert finding.message == (
        "2 of 120 lines of a.json could not be read (a pool of 0 keys and the JSON is broken)"
    )
    assert finding.evidence == {"malformed": 2, "places": ["a.json:7", "a.json:9"]}
    assert finding.severity == "note"


def test_too_few_picks(judge):
    """D403 says how many picks a verdict takes at this length of runs; pools without a pick are named."""
    absent, artifact = judge.findings(judge.picked(judge.uniform_runs(40, 1, 4)))["D403"]
    assert artifact.message == (
        "40 picks of ARTIFACT are too few for a verdict: about 780 show, with probability 0.9, a share that "
        "is off by a third (false-alarm rate 0.001)"
    )
    assert artifact.evidence == {"picks": 40, "picks_needed": 780, "power": 0.9}
    assert absent.message == "no pick of CHAT is in the log"
    assert absent.remedy == "Export the logs of chat too, if they ran."
    assert absent.pool == "CHAT"


def test_one_pick_is_too_few(judge):
    """One pick is told in the singular."""
    assert "1 pick of ARTIFACT is too few" in judge.findings(judge.picked([[1]]))["D403"][1].message


def test_longer_runs_need_more_picks(judge):
    """Only starts are independent: runs of two picks need twice the picks."""
    found = judge.findings(judge.picked(judge.uniform_runs(40, 2, 4)))["D403"]
    assert found[1].evidence["picks_needed"] == 1676


def test_picks_without_a_place(judge):
    """Picks whose place in the pool nobody knows are no data for any test."""
    table = judge.picked([[1], [2]], pool="OTHER", position=[None] * 2) | {"size": [None] * 2}
    assert "2 picks of OTHER name no place in the pool" in judge.findings(table)["D403"][-1].message


def test_a_level_that_no_test_reaches(judge):
    """At a level below what draws and exact tests can tell no pool is called fair, and D403 says why."""
    table = judge.picked(judge.uniform_runs(3000, 1, 4))
    assert judge.facts(table).pools[1].verdict == "fair"
    assert judge.facts(table, alpha=1e-6).pools[1].verdict == "fair"
    facts = judge.facts(table, alpha=1e-14)
    assert facts.pools[1].verdict == "not enough data"
    message = judge.findings(table, alpha=1e-14)["D403"][1].message
    assert (
        message == "3,000 picks of ARTIFACT are enough, but the tests cannot tell a level as small as 1e-14"
    )


def mark(kind, time):
    return {"kind": [kind], "time": [time], "source": ["a.log"]}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("listening", "isolates are told by the `Listening on` lines"),
        ("boot", "the pick after a boot is taken for a start, and no steps are judged"),
        (None, "shares are tested against the least favourable run length, and no steps are judged"),
    ],
)
def test_picks_without_execution_ids(judge, kind, words):
    """D404 says by what the isolates are told, if by anything."""
    table = judge.picked([judge.run(1, 9, 4)], ids=False)
    if kind:
        table = judge.joined(mark(kind, table["time"][0] - 1), table)
    finding = only(judge.findings(table), "D404")
    assert finding.message == f"9 picks of ARTIFACT carry no execution id: {words}"
    assert sum(finding.evidence["picks"].values()) == 9


def test_some_picks_without_execution_ids(judge, healthy):
    """In merged logs only the picks without an id are counted."""
    table = judge.joined(healthy, judge.picked([[2]], ids=False, source=["b.log"]))
    assert only(judge.findings(table), "D404").message.startswith(
        "1 pick of ARTIFACT carries no execution id"
    )


@pytest.mark.parametrize(
    ("kinds", "words", "advice"),
    [
        (["invocation", "invocation"], "2 invocations", "function_edge_logs"),
        (["pool", "boot"], "1 boot and 1 pool line", "correct the name"),
        (["boot", "listening"], "1 boot and 1 Listening line", "Export the console lines"),
    ],
)
def test_a_log_without_picks(judge, kinds, words, advice):
    """D405 says what was found in place of picks; nothing else is said of data."""
    found = judge.findings({"kind": kinds})
    finding = only(found, "D405")
    assert finding.message == f"no line in the input says which key was used; found in 2 lines: {words}"
    assert advice in finding.remedy
    assert list(found) == ["D405"]


def test_an_empty_table(judge):
    """An empty table has no picks and no other finding."""
    found = judge.findings({"kind": []}, pools=PoolConfig())
    assert only(found, "D405").message.endswith("found in 0 lines: none of a known kind")


def unread(*counts, found=(("pick", 120),)):
    """Return an account of 120 picks and of pick lines that could not be read."""
    lines = source(unread_picks=tuple((UnreadPick(*kind), number) for kind, number in counts))
    return dataclasses.replace(lines, found=found)


def test_picks_that_name_key_0_leave_no_verdict(judge):
    """D406 takes the place of the faults that a log shows which counts from 0."""
    runs = [[position] for position in (2, 3, 4)] * 200
    assert {"R101", "R102", "R106"} <= set(judge.findings(judge.picked(runs)))
    log_input = unread((("key 0", 4), 172))
    found = judge.findings(judge.picked(runs), log_input=log_input)
    assert not [code for code in found if code[0] == "R" or (code == "D403" and len(found[code]) > 1)]
    finding = only(found, "D406")
    assert (finding.severity, finding.pool) == ("error", "ARTIFACT")
    assert finding.message == (
        "172 pick lines that may be of ARTIFACT name key 0 and could not be read: 22.3 % of the pick lines; "
        "no verdict rests on the others"
    )
    assert "a [[rule]] with first = 0" in finding.remedy
    assert finding.evidence["what"] == {"key 0": 172}
    pool = judge.facts(judge.picked(runs), log_input=log_input).pools[1]
    assert (pool.verdict, pool.p_value, pool.called) == ("not enough data", None, frozenset())


@pytest.mark.parametrize(
    ("kind", "lines", "is_found"),
    [
        (("a position beyond the pool", 4), 1, False),
        (("a position beyond the pool", 4), 2, False),
        (("a position beyond the pool", 4), 3, True),
        (("a pool of 0 keys", None), 3, True),
        (("key 0", 4), 1, False),
        (("key 0", 3), 1, False),
    ],
)
def test_few_picks_that_could_not_be_read_are_noise(judge, healthy, kind, lines, is_found):
    """D406 begins at three lines and 1 % of the picks of the size; 120 picks of 4 keys are given."""
    found = judge.findings(healthy, log_input=unread((kind, lines)))
    assert ("D406" in found) is is_found


def test_a_tenth_of_the_picks_is_no_noise(judge):
    """Two lines of ten are, however few: the log is small, and not judged either."""
    two = unread((("key 0", 4), 2), found=(("pick", 8),))
    assert "D406" in judge.findings(judge.picked([[1], [2], [3], [4]] * 2), log_input=two)


def test_in_a_large_pool_half_of_one_key_is_enough():
    """Key 0 of 200 is half a per cent of the picks, and all there are of one key."""
    lines = UnreadLines({UnreadPick("position 0", 200): 5})
    assert lines.of_pool(200, 995) is not None
    assert lines.of_pool(200, 9995) is None
    assert UnreadLines({UnreadPick("a position beyond the pool", 200): 5}).of_pool(200, 995) is None


def test_lines_of_a_size_that_no_pick_has(judge, healthy):
    """Without a pool that they may be of, D406 is of the whole log; so it is without any pick."""
    finding = only(judge.findings(healthy, log_input=unread((("position 0", 1), 80))), "D406")
    assert finding.pool is None
    assert finding.message == (
        "80 pick lines name position 0 and could not be read: 40.0 % of the pick lines; no verdict rests on "
        "the others"
    )
    nothing = judge.findings({"kind": ["boot"]}, log_input=unread((("key 0", 4), 3), found=(("boot", 1),)))
    assert only(nothing, "D406").message.endswith("could not be read: 100.0 % of the pick lines")
    assert "D405" in nothing


def test_lines_count_as_the_events_that_are_judged(judge, healthy):
    """Of a log of which one event in ten is left, one in ten of the lines that were not read is, too."""
    assert "D406" in judge.findings(healthy, log_input=unread((("key 0", 4), 12)))
    cut = unread((("key 0", 4), 12), found=(("pick", 1200),))
    assert "D406" not in judge.findings(healthy, log_input=cut)


def test_several_reasons_are_told_apart(judge, healthy):
    """What the lines name is told with its number."""
    log_input = unread((("key 0", 4), 1), (("a position beyond the pool", 4), 9))
    assert "cannot be true (9 with a position beyond the pool and 1 with key 0)" in (
        only(judge.findings(healthy, log_input=log_input), "D406").message
    )
