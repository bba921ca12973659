"""R1xx: each fault of the rotation is found, with its numbers and places, and nothing else is."""

import numpy as np
import pytest

SECOND = 1_000_000_000


def only(found, code):
    (finding,) = found[code]
    return finding


@pytest.mark.parametrize("length", [1, 2, 3, 4, 9])
@pytest.mark.parametrize(("size", "pool"), [(2, "CHAT"), (4, "ARTIFACT"), (7, "OTHER")])
def test_a_rotation_as_declared_has_no_fault(judge, size, pool, length):
    """Random starts and steps of +1 are no finding at any run length."""
    assert judge.codes(judge.picked(judge.uniform_runs(84, length, size), size, pool=pool)) in ([], ["C202"])


def test_isolates_that_all_begin_at_one_key(judge):
    """R102 names the key; the uneven shares are said to follow from it."""
    found = judge.findings(judge.picked([judge.run(1, 2, 4)] * 30))
    finding = only(found, "R102")
    assert finding.message == "all 30 isolates begin at key 3; a random start would spread them over 4 keys"
    assert finding.keys == (3,)
    assert finding.evidence["starts"] == {"key 3": 30, "key 4": 0, "key 5": 0, "key 6": 0}
    assert finding.evidence["p_value"] == 4.0**-29
    assert finding.evidence["follows_from"] == []
    assert only(found, "R101").evidence["follows_from"] == ["R102"]
    assert only(found, "R101").remedy == "This follows from R102: correct that first."
    assert only(found, "R106").evidence["follows_from"] == ["R102"]
    assert only(found, "R106").message.startswith("key 5 and key 6 were never picked in 60 picks")


def test_starts_that_never_take_the_last_key(judge):
    """An off-by-one in the random start is told by the key at which nothing begins."""
    runs = [judge.run(1 + i % 3, 1, 4) for i in range(90)]
    finding = only(judge.findings(judge.picked(runs)), "R102")
    assert finding.message.endswith("; none begins at key 6")
    assert "30 of 90 isolates begin at key 3, where a random start would let 22 begin" in finding.message


def test_one_key_that_starts_too_often(judge):
    """A start that is not uniform is found without being always the same."""
    runs = [judge.run(1 if i % 2 else 1 + i // 2 % 4, 3, 4) for i in range(120)]
    found = judge.findings(judge.picked(runs))
    assert only(found, "R102").message.startswith("75 of 120 isolates begin at key 3, where")
    assert only(found, "R102").evidence["isolates"] == 120


def test_a_stuck_isolate(judge):
    """R104 alone names the cause; the shares follow from it."""
    rng = np.random.default_rng(5)
    runs = [[int(start)] * 6 for start in rng.permutation(np.arange(40) % 4 + 1)]
    found = judge.findings(judge.picked(runs))
    finding = only(found, "R104")
    assert finding.message.startswith("200 of 200 steps inside isolates take the same key again")
    assert finding.evidence["steps"] == {"0": 200}
    assert finding.evidence["places"] == ["a.log:2", "a.log:3", "a.log:4"]
    assert finding.keys == (3, 4, 5, 6)
    assert "R103" not in found
    assert "R102" not in found


def test_stuck_isolates_with_a_few_other_steps(judge):
    """Steps that are neither +1 nor repeats are a fault of their own, counted without the repeats."""
    runs = [[1, 1, 1, 1, 3], [2, 2, 2, 2, 2], [4, 4, 4, 4, 2], [3, 3, 3, 3, 3]] * 5
    found = judge.findings(judge.picked(runs))
    assert only(found, "R104").message.startswith("70 of 80 steps")
    finding = only(found, "R103")
    assert finding.message == (
        "10 of 80 steps inside isolates do not go to the next key; the most frequent other step is +2 (10 "
        "times)"
    )
    assert finding.evidence["places"] == ["a.log:5", "a.log:15", "a.log:25"]


def test_a_choice_at_random_at_each_request(judge):
    """All steps about equally frequent: the remedy says what it looks like."""
    rng = np.random.default_rng(8)
    found = judge.findings(judge.picked([rng.integers(1, 5, size=12).tolist() for _ in range(20)]))
    finding = only(found, "R103")
    assert finding.message.endswith("do not go to the next key; every step is about equally frequent")
    assert "at random at each request" in finding.remedy
    assert sum(finding.evidence["steps"].values()) == 220
    assert "R104" not in found


def test_a_random_choice_between_two_keys_is_not_stuck(judge):
    """With two keys half of random steps repeat the key: that is R103, not R104; uneven shares follow."""
    rng = np.random.default_rng(9)
    runs = [rng.integers(1, 3, size=10).tolist() for _ in range(20)]
    found = judge.findings(judge.picked(runs, 2, pool="CHAT"))
    assert set(found) - {"D403"} == {"R101", "R103"}
    assert only(found, "R101").evidence["follows_from"] == ["R103"]


@pytest.mark.parametrize(
    ("step", "size", "words", "advice"),
    [
        (3, 4, "nearly all go one key back", "turn it round"),
        (2, 4, "nearly all go 2 keys ahead", "advances 2 times"),
        (3, 7, "nearly all go 3 keys ahead", "advances 3 times"),
    ],
)
def test_a_rotation_with_another_step(judge, step, size, words, advice):
    """A step that rules is named: backwards, or several for each logged pick."""
    runs = [[(start + step * i) % size + 1 for i in range(8)] for start in range(size)] * 4
    finding = only(judge.findings(judge.picked(runs, size, pool="OTHER")), "R103")
    assert finding.message.endswith(words)
    assert advice in finding.remedy


def test_one_broken_step_is_a_fault_or_a_lost_line(judge):
    """A single broken step among few is what a lost line leaves behind: D401 with its place, no R103."""
    found = judge.findings(judge.picked([[1, 2, 4], *judge.uniform_runs(8, 3, 4)]))
    assert "R103" not in found
    finding = only(found, "D401")
    assert finding.message.startswith("1 of 18 steps inside isolates skips keys")
    assert finding.evidence["places"] == ["a.log:3"]


def test_few_broken_steps_among_many_are_lost_lines(judge):
    """Below 1 % broken steps are D401, and the verdict stays."""
    runs = [[1, 3], *judge.uniform_runs(40, 6, 4)]
    found = judge.findings(judge.picked(runs))
    assert "R103" not in found
    assert only(found, "D401").message.startswith("1 of 201 steps inside isolates skips keys")
    assert judge.facts(judge.picked(runs)).pools[1].verdict != "unfair"


def test_a_rotation_that_passes_over_a_key(judge):
    """R106 is the cause of everything else: broken steps, starts and shares follow from it."""
    ring = [1, 2, 4]
    runs = [[ring[(start + i) % 3] for i in range(5)] for start in range(3)] * 20
    found = judge.findings(judge.picked(runs))
    assert only(found, "R106").evidence["follows_from"] == []
    assert only(found, "R106").message == (
        "key 5 was never picked in 300 picks; under the declared rotation that cannot be: an isolate went "
        "all the way round"
    )
    assert only(found, "R106").keys == (5,)
    assert "this key is in the mapping" in only(found, "R106").remedy
    assert only(found, "R103").message.endswith("they pass over key 5")
    for code in ("R101", "R102", "R103"):
        assert only(found, code).evidence["follows_from"] == ["R106"], code


def test_unused_keys_of_unknown_isolates(judge):
    """Without ids a key that is never picked shows all the same; uneven shares follow from it."""
    rng = np.random.default_rng(3)
    found = judge.findings(judge.picked([rng.integers(1, 3, size=200).tolist()], ids=False))
    finding = only(found, "R106")
    assert finding.message.startswith("key 5 and key 6 were never picked in 200 picks; under the declared")
    assert finding.evidence["probability"] == pytest.approx(0.75**200)
    assert "the numbers of these keys are in the mapping" in finding.remedy
    assert only(found, "R101").evidence["follows_from"] == ["R106"]


@pytest.mark.parametrize(("picks", "is_found"), [(25, False), (50, True)])
def test_a_key_that_chance_may_leave_out(judge, picks, is_found):
    """(3/4)^25 = 7.5e-4 is no finding for one of four keys; (3/4)^50 = 5.7e-7 is."""
    runs = [[1 + i % 3] for i in range(picks)]
    assert ("R106" in judge.findings(judge.picked(runs))) is is_found


def test_uneven_shares_of_unknown_isolates_have_no_named_cause(judge):
    """R101 names both ends and says that nothing else explains them."""
    rng = np.random.default_rng(4)
    positions = rng.choice([1, 2, 3, 4], p=[0.5, 0.2, 0.2, 0.1], size=600).tolist()
    found = judge.findings(judge.picked([positions], ids=False))
    finding = only(found, "R101")
    assert finding.message.startswith("key 3 has 45.7 %")
    assert "and key 6 " in finding.message
    assert "where each should have 25.0 %" in finding.message
    assert finding.keys == (3, 6)
    assert finding.evidence["follows_from"] == []
    assert sum(finding.evidence["shares"].values()) == pytest.approx(1)
    assert "does not tell its isolates" in finding.remedy


def test_positions_are_named_where_no_key_is_known(judge):
    """A log of positions alone, and no declaration: the finding speaks of positions."""
    columns = judge.picked([[1]] * 30, 4, pool="OTHER", keys=(None,) * 4)
    finding = only(judge.findings(columns), "R102")
    assert "begin at position 1" in finding.message
    assert finding.keys == ()


def test_places_of_keys_in_another_order_than_declared(judge):
    """Keys that are deployed as 4, 5, 6, 3: what is never picked are the keys that the log never shows."""
    found = judge.findings(judge.picked([[1], [2]] * 100, keys=(4, 5, 6, 3)))
    starts = only(found, "R102")
    assert starts.evidence["starts"] == {"key 4": 100, "key 5": 100, "key 3": 0, "key 6": 0}
    assert starts.message.endswith("none begins at key 3 and key 6")
    unused = only(found, "R106")
    assert unused.message.startswith("key 3 and key 6 were never picked in 200 picks")
    assert unused.keys == (3, 6)
    uneven = only(found, "R101")
    assert uneven.evidence["shares"] == {"key 4": 0.5, "key 5": 0.5, "key 3": 0, "key 6": 0}
    assert uneven.keys == (4, 3)
    first = judge.findings(judge.picked([[1]] * 100, keys=(4, 5, 6, 3)))
    assert only(first, "R106").message.startswith("key 3, key 5 and key 6 were never picked")


def test_places_of_keys_with_other_numbers_than_declared(judge):
    """Nothing is known of the keys at places that were never picked."""
    found = judge.findings(judge.picked([[1], [2]] * 100, keys=(13, 14, 15, 16)))
    unused = only(found, "R106")
    assert unused.message.startswith("position 3 and position 4 were never picked")
    assert unused.keys == ()


def test_places_of_a_key_that_is_listed_twice(judge):
    """Names stay unique in text and evidence; the key is named once."""
    found = judge.findings(judge.picked([[1]] * 90 + [[2], [1]] * 10, 2, pool="CHAT", keys=(1, 1)))
    uneven = only(found, "R101")
    assert uneven.evidence["shares"] == {"key 1 at position 1": 100 / 110, "key 1 at position 2": 10 / 110}
    assert uneven.keys == (1,)


def requests(judge, picks, *, size=2, apart_ns=1_000_000, **options):
    """Return 60 requests of one isolate, each with so many picks close together."""
    table = judge.picked([judge.run(1, 60 * picks, size)], size, **options)
    table["time"] = [
        1_762_000_000_123_000_000 + request * 30 * SECOND + pick * apart_ns
        for request in range(60)
        for pick in range(picks)
    ]
    return table


def test_two_picks_per_request_leave_a_key_idle(judge):
    """All steps are +1 and shares even: only R105 shows that one key of two does all the work."""
    columns = requests(judge, 2, pool="CHAT")
    found = judge.findings(columns)
    assert judge.codes(columns) == ["R105"]
    finding = only(found, "R105")
    assert finding.message == (
        "60 of 60 requests pick 2 keys at once; if the last one is used, an isolate works with 1 of its 2 "
        "keys, however even the picks look (key 2: last in 60 requests)"
    )
    assert finding.keys == (1,)
    assert finding.evidence["used"] == {"key 1": 0, "key 2": 60}
    assert finding.evidence["picks_per_request"] == 2
    assert finding.evidence["keys_reached"] == 1


@pytest.mark.parametrize(
    ("picks", "size", "is_found"), [(1, 4, False), (2, 4, True), (3, 4, False), (4, 4, True)]
)
def test_aliasing_needs_a_common_factor(judge, picks, size, is_found):
    """With d picks K / gcd(K, d) keys are used: 3 picks reach all of 4 keys."""
    assert ("R105" in judge.findings(requests(judge, picks, size=size))) is is_found


def test_two_picks_in_isolates_of_one_request_are_harmless(judge):
    """Where each request has an isolate of its own, the random start alone decides which key is used."""
    table = judge.picked(judge.uniform_runs(60, 2, 2), 2, pool="CHAT", spacing_ns=1_000_000)
    assert judge.codes(table) == []


def test_bursts_of_concurrent_requests_are_no_double_picks(judge):
    """Bursts of many sizes are no number of picks per request."""
    rng = np.random.default_rng(2)
    sizes = rng.geometric(0.3, size=60)
    table = judge.picked([judge.run(1, int(sizes.sum()), 2)], 2, pool="CHAT")
    table["time"] = [
        1_762_000_000_123_000_000 + burst * 60 * SECOND + pick * 3_000_000
        for burst, size in enumerate(sizes)
        for pick in range(size)
    ]
    assert judge.codes(table) == []


def test_pairs_of_requests_with_their_invocations_are_no_double_picks(judge):
    """As many invocations of the isolate as picks: each pick is a request of its own."""
    table = requests(judge, 2, pool="CHAT")
    invocations = {
        "kind": ["invocation"] * 120,
        "time": [time + 2 * SECOND for time in table["time"]],
        "isolate": table["isolate"],
        "status": [200] * 120,
        "source": table["source"],
        "pool": table["pool"],
    }
    assert judge.codes(judge.joined(table, invocations)) == []


def test_pools_of_one_key_have_no_rotation_to_judge(judge):
    """With one key every isolate begins at it and repeats it: no finding."""
    assert judge.codes(judge.picked([[1, 1, 1]] * 30, 1, pool="ONE")) == []


def test_a_pool_of_absurd_size_is_reported_in_no_time(judge):
    """A pool of 999,999 keys, as a hostile line may claim, is not tested, and says so."""
    facts = judge.facts(judge.picked([[7], [999_999], [1]], 999_999, pool="HUGE", keys=(None,) * 7))
    pool = facts.pools[-1]
    assert pool.verdict == "not enough data"
    assert pool.tests.null == "not tested: 999,999 keys are too many"
    assert [share.position for share in pool.shares] == [1, 7, 999_999]
