"""Laws of inferred pools."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyrota.errors import InputError
from keyrota.events import make_events
from keyrota.pools import infer_pools

# A first table takes pandas longer than the usual deadline of one example.
unhurried = settings(deadline=None)

COLUMNS = ("key", "position", "size", "pool", "function")


def _events(picks):
    columns = {name: [pick[index] for pick in picks] for index, name in enumerate(COLUMNS)}
    return make_events({"kind": ["pick"] * len(picks), **columns})


def _full_log(draw, pools, *, named, functions):
    """Every key of every pool once, by one function of its pool, in any order."""
    picks = [
        (key, position, len(keys), f"P{n}" if named else None, f"f{n}" if functions else None)
        for n, keys in enumerate(pools)
        for position, key in enumerate(keys, 1)
    ]
    return _events(draw(st.permutations(picks)))


@st.composite
def pools_of_any_keys(draw):
    """Pools of distinct keys in any order."""
    keys = draw(st.lists(st.integers(1, 60), min_size=1, max_size=24, unique=True))
    pools = []
    while keys:
        size = draw(st.integers(1, 6))
        pools.append(tuple(keys[:size]))
        keys = keys[size:]
    return pools


@st.composite
def pools_of_successive_keys(draw):
    """Pools each numbered in succession, with or without gaps between them."""
    pools, start = [], 1
    for size, gap in draw(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), min_size=1, max_size=6)):
        pools.append(tuple(range(start + gap, start + gap + size)))
        start += gap + size
    return pools


@pytest.mark.parametrize("functions", [True, False], ids=["functions", "no functions"])
@unhurried
@given(pools=pools_of_any_keys(), data=st.data())
def test_named_lines(pools, data, functions):
    """A full log whose lines name their pool gives the declared pools."""
    config = infer_pools(_full_log(data.draw, pools, named=True, functions=functions))
    assert {pool.name: pool.keys for pool in config} == {f"P{n}": keys for n, keys in enumerate(pools)}
    assert all(pool.functions == ((f"f{pool.name[1:]}",) if functions else ()) for pool in config)


@unhurried
@given(pools=pools_of_any_keys(), data=st.data())
def test_lines_with_functions(pools, data):
    """A full log with functions gives the declared keys, whatever their numbers."""
    config = infer_pools(_full_log(data.draw, pools, named=False, functions=True))
    assert [pool.keys for pool in config] == sorted(pools, key=min)
    assert {pool.functions for pool in config} == {(f"f{n}",) for n in range(len(pools))}


@unhurried
@given(pools=pools_of_successive_keys(), data=st.data())
def test_bare_lines(pools, data):
    """A full log without names and functions gives the declared keys, if they stand in succession."""
    config = infer_pools(_full_log(data.draw, pools, named=False, functions=False))
    assert [pool.keys for pool in config] == pools


small = st.none() | st.integers(-1, 8)
any_pick = st.tuples(
    small,
    small,
    small,
    st.sampled_from([None, "A", "B", "[c]"]),
    st.sampled_from([None, "f", "g", "h", "\x1b", "POOL-A"]),
)


@unhurried
@given(st.lists(any_pick, min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_any_log(picks, random):
    """Any log gives valid pools or an input error, and its order does not matter."""
    try:
        config = infer_pools(_events(picks))
    except InputError:
        usable = [key for key, position, size, _, _ in picks if (key or 0) >= 1]
        assert not usable
        return
    seen = {key for pool in config for key in pool.keys}
    assert seen
    random.shuffle(picks)
    assert infer_pools(_events(picks)) == config


@unhurried
@given(st.lists(any_pick, min_size=1, max_size=25))
def test_nameless_keys_are_kept(picks):
    """Without pool names every seen key is in a pool."""
    picks = [(key, position, size, None, function) for key, position, size, _, function in picks]
    seen = {pick[0] for pick in picks if (pick[0] or 0) >= 1}
    if seen:
        assert seen <= {key for pool in infer_pools(_events(picks)) for key in pool.keys}
