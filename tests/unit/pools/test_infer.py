"""Pools inferred from logs."""

import pytest

from keyrota.errors import InputError
from keyrota.events import make_events
from keyrota.pools import infer_pools
from keyrota.pools.linking import MAX_FILLED

UUID = "beca0000-2222-4333-8444-555566667777"


def _events(*picks):
    """Build a table of picks: (key, position, size) and, where told, pool and function."""
    rows = [(*pick, *[None] * (5 - len(pick))) for pick in picks]
    names = ("key", "position", "size", "pool", "function")
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    return make_events({"kind": ["pick"] * len(rows), **columns})


def _pools(*picks):
    return {pool.name: pool.keys for pool in infer_pools(_events(*picks))}


def _all(keys, *, pool=None, function=None, size=None):
    return [(key, at, size or len(keys), pool, function) for at, key in enumerate(keys, 1)]


CHAT, ARTIFACT, IMAGE = (1, 2), (3, 4, 5, 6), (7, 8, 9, 10)


def test_names_of_the_lines():
    """Where lines name their pool, that is the pool."""
    picks = _all(CHAT, pool="CHAT") + _all((9, 3, 7), pool="PRO") + _all((4, 8, 1000), pool="X")
    assert _pools(*picks) == {"CHAT": (1, 2), "PRO": (9, 3, 7), "X": (4, 8, 1000)}


def test_ten_keys_without_names():
    """The ten keys fall into their pools by size and by the offset of key and position."""
    picks = _all(IMAGE) + _all(ARTIFACT) + _all(CHAT)
    assert _pools(*picks) == {"POOL-A": CHAT, "POOL-B": ARTIFACT, "POOL-C": IMAGE}


def test_two_picks_are_enough_for_successive_keys():
    """Unseen keys are filled in where the numbering leaves no doubt."""
    assert _pools((4, 2, 4), (9, 3, 4)) == {"POOL-A": ARTIFACT, "POOL-B": IMAGE}


def test_functions_tell_pools_of_one_size_apart():
    """Keys out of succession are told apart by the functions that pick them."""
    picks = _all((9, 3, 7), function="draw") + _all((2, 8, 5), function="write")
    config = infer_pools(_events(*picks))
    assert [(p.name, p.keys, p.functions) for p in config] == [
        ("WRITE", (2, 8, 5), ("write",)),
        ("DRAW", (9, 3, 7), ("draw",)),
    ]


def test_function_ids_link_but_name_nothing():
    """An id tells pools apart like a slug, and is neither a function nor a name."""
    picks = _all((9, 3, 7), function=UUID) + _all((2, 8, 5), function=UUID.replace("b", "c"))
    config = infer_pools(_events(*picks))
    assert [(p.name, p.keys, p.functions) for p in config] == [
        ("POOL-A", (2, 8, 5), ()),
        ("POOL-B", (9, 3, 7), ()),
    ]


def test_function_of_two_pools():
    """A function that picks from two pools belongs to neither, and offsets tell the pools apart."""
    picks = _all(ARTIFACT, function="both") + _all(IMAGE, function="both") + _all(IMAGE, function="image")
    config = infer_pools(_events(*picks))
    assert [(p.name, p.keys, p.functions) for p in config] == [
        ("POOL-A", ARTIFACT, ()),
        ("IMAGE", IMAGE, ("image",)),
    ]


def test_key_without_function():
    """A key picked by no known function goes to the pool that has its offset."""
    picks = [*_all(ARTIFACT[:3], function="f", size=4), *_all(IMAGE, function="g"), (6, 4, 4)]
    assert _pools(*picks) == {"F": ARTIFACT, "G": IMAGE}


def test_one_key_for_each_position_is_one_pool():
    """A size of which every position has one key is one pool, in whatever order its keys stand."""
    assert _pools(*_all((3, 4, 5, 6, 11, 12))) == {"POOL-A": (3, 4, 5, 6, 11, 12)}


def test_pool_put_together_beside_a_whole_one():
    """Runs that only together claim each position once are one pool."""
    picks = _all((3, 4, 5, 6, 11, 12)) + _all((13, 14, 15, 16, 17, 18))
    assert _pools(*picks) == {"POOL-A": (3, 4, 5, 6, 11, 12), "POOL-B": (13, 14, 15, 16, 17, 18)}


def test_pool_that_grew():
    """Of several sizes the largest counts: a pool that grew is one pool."""
    assert _pools(*_all(ARTIFACT), *_all((3, 4, 5, 6, 11, 12))) == {"POOL-A": (3, 4, 5, 6, 11, 12)}


def test_named_pool_that_grew():
    """A named pool has the keys of its largest size."""
    picks = _all(ARTIFACT, pool="PRO") * 3 + _all((3, 4, 5, 6, 11, 12), pool="PRO")
    assert _pools(*picks) == {"PRO": (3, 4, 5, 6, 11, 12)}


def test_unseen_key_between_unlike_offsets():
    """Where the numbering leaves a doubt an unseen key is left out."""
    assert _pools(*_all((9, 4), pool="A", size=3), (2, 1, 2, "B"), (3, 2, 2, "B")) == {
        "B": (2, 3),
        "A": (9, 4),
    }


def test_unseen_key_that_another_pool_has():
    """A key seen elsewhere is no unseen key of this pool."""
    assert _pools((3, 1, 3, "A"), (4, 1, 1, "B")) == {"A": (3, 5), "B": (4,)}


def test_lines_that_lost_their_name():
    """A key without a name that continues a named pool's numbering belongs to it."""
    picks = [(3, 1, 4, "PRO"), (4, 2, 4, "PRO"), (5, 3, 4), (6, 4, 4)]
    assert _pools(*picks) == {"PRO": ARTIFACT}


def test_key_with_two_names():
    """A key belongs to the pool that most of its lines name."""
    assert _pools(*_all(CHAT, pool="CHAT") * 3, (2, 2, 4, "PRO"), *_all(ARTIFACT, pool="PRO")) == {
        "CHAT": CHAT,
        "PRO": ARTIFACT,
    }


def test_two_keys_at_one_position_of_a_named_pool():
    """Of two keys at one position of a pool the one picked less is left out."""
    assert _pools(*_all(CHAT, pool="CHAT") * 2, (9, 1, 2, "CHAT")) == {"CHAT": CHAT}


def test_name_that_no_pool_may_have():
    """An odd name is as good as none."""
    assert _pools(*_all(CHAT, pool="[chat]")) == {"POOL-A": CHAT}


def test_function_that_names_a_pool_of_another():
    """A pool is not named after its function where another pool has that name."""
    assert _pools(*_all(CHAT, pool="DRAW"), *_all(ARTIFACT, function="draw")) == {
        "DRAW": CHAT,
        "POOL-A": ARTIFACT,
    }


def test_lines_without_key_number():
    """Lines that count positions only make a pool whose keys are its positions."""
    assert _pools((None, 2, 3, None, "sync")) == {"SYNC": (1, 2, 3)}


def test_two_pools_without_key_numbers():
    """Only the first such pool has its positions as keys; the next takes the next free block."""
    picks = [(None, 1, 3, "A"), (None, 1, 2, "B"), (6, 1, 1, "C")]
    assert _pools(*picks) == {"A": (1, 2, 3), "B": (4, 5), "C": (6,)}


def test_positions_whose_numbers_are_taken():
    """A pool of positions gives way to keys that lines name."""
    assert _pools(*_all(CHAT, pool="CHAT"), (None, 1, 2, None, "sync")) == {"CHAT": CHAT, "SYNC": (3, 4)}


def test_named_lines_with_and_without_key_number():
    """Lines of one pool make one pool, whether they number the key or not."""
    config = infer_pools(_events(*_all(CHAT, pool="CHAT"), (None, 1, 2, "CHAT", "chat")))
    assert [(p.name, p.keys, p.functions) for p in config] == [("CHAT", CHAT, ("chat",))]


def test_keys_without_positions():
    """Keys of which no position is known stand in numeric order, one pool for each function."""
    picks = [(5, None, None, None, "a"), (2, None, None, None, "a"), (3, None, None, None, "b")]
    assert _pools(*picks) == {"A": (2, 5), "B": (3,)}


@pytest.mark.parametrize("key", [None, 5])
def test_absurd_size(key):
    """A line that claims an absurd size makes no absurd pool."""
    keys = _pools((key, 1, 2**31 - 1))["POOL-A"]
    assert len(keys) <= MAX_FILLED


def test_impossible_numbers():
    """Key numbers and positions that nothing can have count as not seen."""
    assert _pools((0, 1, 2), (-3, 1, 2), (10**6, 1, 2), (7, 9, 2), (8, 1, 2)) == {
        "POOL-A": (7,),
        "POOL-B": (8, 9),
    }


def test_model():
    """A pool has the model that its pick lines name, if it is one."""
    events = make_events(
        {"kind": ["pick"], "key": [1], "position": [1], "size": [1], "model": ["gemini-2.5-pro"]}
    )
    pool = infer_pools(events).pools[0]
    assert (pool.model, pool.quota.per_minute, pool.projects) == ("gemini-2.5-pro", None, ())


@pytest.mark.parametrize(
    "events",
    [
        make_events({}),
        make_events({"kind": ["boot"]}),
        make_events({"kind": ["rejection"], "key": [3]}),
        make_events({"kind": ["pick"], "pool": ["CHAT"]}),
    ],
    ids=["empty", "boot", "rejection", "pick of nothing"],
)
def test_no_picks(events):
    """A log without picks is unusable input."""
    with pytest.raises(InputError) as caught:
        infer_pools(events)
    assert str(caught.value) == (
        "no pick in this log names a key or a position: no pools can be inferred from it"
    )


def test_many_pools_get_letters():
    """After POOL-Z comes POOL-AA."""
    names = list(_pools(*[(3 * n, n % 2 + 1, n + 2) for n in range(1, 29)]))
    assert names[24:] == ["POOL-Y", "POOL-Z", "POOL-AA", "POOL-AB"]
