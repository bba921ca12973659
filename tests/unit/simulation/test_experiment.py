"""Replications: the same for any number of workers, stopped by a precision, refused in one line."""

import functools
import hashlib
import multiprocessing

import numpy as np
import pytest

from keyrota.errors import ConfigurationError
from keyrota.simulation.experiment import (
    child_of,
    run_once,
    run_replications,
    simulate,
    simulated_events,
)
from keyrota.simulation.setting import setting_of
from keyrota.simulation.simple import simple_scenario
from keyrota.simulation.tally import OfFunction

HOUR = simple_scenario(keys=2, per_minute=2, rate_per_min=4.0, duration_s=3600.0)


def bytes_of(experiment):
    return b"".join(table.tobytes() for table in experiment.tallies)


@pytest.mark.parametrize(
    ("engine", "numbers"),
    [
        ("compiled", (2, 4, 8)),
        ("simpy", (2, 4)),
        pytest.param("simpy", (8,), marks=pytest.mark.nightly),  # eight processes take a while to start
    ],
)
def test_any_number_of_workers_gives_the_same_bytes(engine, numbers):
    """Counts of all replications, in their order: 1, 2, 4 or 8 threads or processes."""
    one, *others = (
        bytes_of(simulate(HOUR, replications=9, engine=engine, jobs=jobs, seed=3)) for jobs in (1, *numbers)
    )
    assert all(other == one for other in others)


def test_workers_agree_under_a_stopping_rule():
    """How many replications there are does not depend on the workers."""
    one, two = (simulate(HOUR, precision=0.08, jobs=jobs) for jobs in (1, 2))
    assert bytes_of(one) == bytes_of(two)


def test_both_engines_count_the_same():
    """The engine changes nothing but the time it takes."""
    assert bytes_of(simulate(HOUR, engine="compiled")) == bytes_of(simulate(HOUR, engine="simpy"))


def test_replications_run_on_the_children_of_the_seed():
    """Replication i has the seed that `spawn` gives at place i, and is the same alone."""
    seed = np.random.SeedSequence(11)
    spawned = seed.spawn(3)
    assert [child_of(np.random.SeedSequence(11), i).generate_state(4).tolist() for i in range(3)] == [
        child.generate_state(4).tolist() for child in spawned
    ]
    experiment = simulate(HOUR, replications=3, seed=11)
    alone = run_once(setting_of(HOUR), spawned[2], engine="compiled")
    assert np.array_equal(experiment.tallies.functions[2], alone.tally.functions)


def test_precision_is_reached_and_more_replications_are_taken_for_it():
    """Half of the 95 % interval is at most 5 % of the share."""
    experiment = simulate(HOUR, replications=10, precision=0.05)
    assert experiment.replications > 10
    assert experiment.is_precise
    assert experiment.rejected_share().relative_half_width <= 0.05


def test_precision_of_nothing_is_given_up():
    """Where no 429 comes no relative precision can be reached, and the result says so."""
    idle = simple_scenario(keys=4, per_minute=60, rate_per_min=0.5, duration_s=3600.0)
    experiment = simulate(idle, precision=0.05)
    assert not experiment.is_precise
    assert experiment.rejected_share().estimate == 0.0


def test_progress_counts_replications():
    """Each replication is told, with how many there are."""
    told = []
    simulate(HOUR, replications=3, on_progress=lambda done, planned: told.append((done, planned)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_own_policy_runs_on_simpy():
    """A policy in Python is taken, and the engine that runs it is told."""
    experiment = simulate(HOUR, replications=1, own_policy=lambda rooms, picks, uniform: 2)
    assert experiment.engine == "simpy"
    assert "policy" in experiment.refusal
    assert experiment.tallies.keys[0, :, 0].tolist()[0] == 0
    with pytest.raises(ConfigurationError, match="simpy"):
        simulate(HOUR, engine="compiled", own_policy=lambda rooms, picks, uniform: 1)


@pytest.mark.parametrize("position", [0, 3, None, 1.0, "2"])
def test_a_policy_that_returns_no_position_is_told(position):
    """Positions are 1-based; anything else is one clear error."""
    with pytest.raises(ConfigurationError, match="it returns a 1-based position, 1 to 2"):
        simulate(HOUR, replications=1, own_policy=lambda rooms, picks, uniform: position)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"replications": 0}, "replications is 0; allowed are 1 to 10,000"),
        ({"replications": 2.5}, "replications is 2.5; allowed are 1 to 10,000"),
        ({"seed": -1}, "seed is -1; it is a whole number of 0 or more"),
        ({"precision": 1.5}, "precision is 1.5; it is a fraction"),
        ({"engine": "quick"}, 'engine "quick" is unknown; there are auto, compiled, simpy'),
        ({"jobs": 0}, "jobs is 0; allowed are 1 to 256"),
    ],
)
def test_what_is_not_allowed_is_told_in_one_line(options, told):
    """The value, and what is allowed."""
    with pytest.raises(ConfigurationError) as error:
        simulate(HOUR, **options)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_simulated_events_are_the_replication():
    """The event table of a replication tells the requests that the experiment counts."""
    experiment = simulate(HOUR, replications=2, seed=5)
    for replication in (0, 1):
        events = simulated_events(HOUR, seed=5, replication=replication)
        ends = events[events["kind"] == "invocation"]
        counts = experiment.tallies.functions[replication, 0]
        assert len(ends) == counts[OfFunction.REQUESTS]
        assert (ends["status"] == 429).sum() == counts[OfFunction.REJECTED]
        assert (events["kind"] == "boot").sum() == counts[OfFunction.COLD]


@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_processes_of_any_kind_in_any_order_give_the_same_digest(start):
    """Replications that end last to first, in forked or spawned processes: the SHA-256 of one worker."""
    setting, seed = setting_of(HOUR), np.random.SeedSequence(3)
    done = {}
    with multiprocessing.get_context(start).Pool(2) as pool:
        for number in reversed(range(4)):
            keep = functools.partial(done.__setitem__, number)
            pool.apply_async(run_replications, (setting, seed, [number]), {"engine": "simpy"}, keep)
        pool.close()
        pool.join()
    assert list(done) != sorted(done)  # two workers cannot end them first to last: they began at the last
    tables = zip(*(done[number][0] for number in range(4)), strict=True)
    found, expected = hashlib.sha256(), hashlib.sha256()
    found.update(b"".join(np.stack(table).tobytes() for table in tables))
    expected.update(bytes_of(simulate(HOUR, replications=4, seed=3)))
    assert found.hexdigest() == expected.hexdigest()


@pytest.mark.parametrize("engine", ["compiled", "simpy"])
def test_replications_by_their_numbers(engine):
    """Some of them, in any order, are those of the whole experiment."""
    whole = simulate(HOUR, replications=4, engine=engine, seed=3)
    some = run_replications(setting_of(HOUR), np.random.SeedSequence(3), (3, 1), engine=engine)
    for number, tally in zip((3, 1), some, strict=True):
        for mine, table in zip(tally, whole.tallies, strict=True):
            assert np.array_equal(mine, table[number])
