"""The running e-value is a martingale: over all continuations its mean is what it was."""

from itertools import product

import numpy as np
import pytest

from keyrota.rotation.stream import StartStream


@pytest.mark.parametrize(("size", "steps"), [(2, 8), (3, 8), (4, 6), (10, 3)])
def test_mean_over_all_sequences_is_one(size, steps):
    """All K**n sequences from the first start: at every n the mean of E is 1."""
    every = np.array([StartStream(size).add(np.array(way)) for way in product(range(size), repeat=steps)])
    assert np.exp(every).mean(axis=0) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("seen", [5, 60, 508, 4_093, 32_765])
def test_mean_over_all_continuations_is_what_it_was(size, seen):
    """All next 6 starts after a history, some of it stuck: blocks begin and end between them."""
    history = np.random.default_rng([seen, size]).integers(size, size=seen)
    history[-4:] = 1
    stream = StartStream(size)
    stream.add(history)
    before, state = stream.log_e, stream.to_dict()
    every = np.array(
        [StartStream.from_dict(state).add(np.array(way)) for way in product(range(size), repeat=6)]
    )
    assert np.exp(every - before).mean(axis=0) == pytest.approx(1, abs=1e-10)
