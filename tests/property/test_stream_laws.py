"""Laws of the running e-value: calls may be cut anywhere, the state may be kept, keys have no names."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyrota.rotation.stream import StartStream

laws = settings(derandomize=True, deadline=None, max_examples=40)
SIZES = st.integers(2, 12)


def drawn(seed, size, count):
    """Starts that are fair, then stuck for a while, then fair again."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(size, size=count)
    first = int(rng.integers(count + 1))
    starts[first : first + 50] = int(rng.integers(size))
    return starts


@laws
@given(
    seed=st.integers(0, 2**32),
    size=SIZES,
    count=st.sampled_from([0, 1, 7, 8, 9, 64, 100, 700, 4_097, 9_000]),
    data=st.data(),
)
def test_cuts_change_nothing(seed, size, count, data):
    """One call, or many with a restart between them: the same ln E to 1e-9, the same answers."""
    starts = drawn(seed, size, count)
    cuts = sorted(data.draw(st.lists(st.integers(0, count), max_size=6)))
    whole, parts = StartStream(size), StartStream(size)
    expected = whole.add(starts)
    found = []
    for part in np.split(starts, cuts):
        found.append(parts.add(part))
        parts = StartStream.from_dict(json.loads(json.dumps(parts.to_dict(), allow_nan=False)))
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-9, atol=1e-9)
    assert parts.seen == whole.seen == count
    assert parts.highest == pytest.approx(whole.highest, rel=1e-9, abs=1e-9)
    assert (parts.suspected_since(), parts.favoured()) == (whole.suspected_since(), whole.favoured())


@laws
@given(seed=st.integers(0, 2**32), size=SIZES, count=st.integers(1, 130))
def test_one_by_one_is_all_at_once(seed, size, count):
    """Starts that come alone, as from a quiet log."""
    starts = drawn(seed, size, count)
    alone = StartStream(size)
    found = np.concatenate([alone.add(starts[i : i + 1]) for i in range(count)])
    np.testing.assert_allclose(found, StartStream(size).add(starts), rtol=1e-9, atol=1e-9)


@laws
@given(seed=st.integers(0, 2**32), size=SIZES, count=st.integers(0, 5_000))
def test_the_state_is_exact(seed, size, count):
    """What is kept as JSON and read again goes on to the last bit."""
    stream = StartStream(size)
    stream.add(drawn(seed, size, count))
    again = StartStream.from_dict(json.loads(json.dumps(stream.to_dict(), allow_nan=False)))
    assert again.to_dict() == stream.to_dict()
    more = drawn(seed + 1, size, 100)
    assert np.array_equal(again.add(more), stream.add(more))


@laws
@given(seed=st.integers(0, 2**32), size=SIZES, count=st.integers(1, 3_000))
def test_relabelled_keys_give_the_same_evidence(seed, size, count):
    """E does not know the names of the positions."""
    starts = drawn(seed, size, count)
    names = np.random.default_rng(seed).permutation(size)
    plain, renamed = StartStream(size), StartStream(size)
    np.testing.assert_allclose(renamed.add(names[starts]), plain.add(starts), rtol=1e-9, atol=1e-9)
    assert renamed.suspected_since() == plain.suspected_since()
